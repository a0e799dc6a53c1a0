//! Keys of a running ledger: encrypted at rest, opened from a file that the environment names, never in a dump.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use zegel_tests::memory::process_holds;
use zegel_tests::{ORIGIN, command};

const PASSPHRASE: &str = "vier woorden en een komma, 7f3a";

struct Ledger {
    process: Child,
    address: String,
}

impl Drop for Ledger {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn passphrase_file(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("passphrase");
    zegel_keys::write_new(&path, format!("{PASSPHRASE}\n").as_bytes()).expect("written");
    path
}

fn start(keys: &Path, environment: &[(&str, &Path)]) -> Ledger {
    let ready = keys.join("address");
    let _ = fs::remove_file(&ready);
    let mut serve = command("zegel-ledger");
    serve.arg("serve").arg("--config").arg(keys.join("ledger.toml")).arg("--ready-file").arg(&ready);
    serve.envs(environment.iter().copied()).stderr(Stdio::null());
    let mut process = serve.spawn().expect("it runs");
    while !ready.exists() {
        assert_eq!(process.try_wait().expect("its state"), None, "the ledger ended");
        std::thread::yield_now();
    }
    let address = format!("https://{}", fs::read_to_string(&ready).expect("an address").trim());
    Ledger { process, address }
}

fn run(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().expect("it runs");
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

fn init(keys: &Path) -> Command {
    let mut init = command("zegel");
    init.args(["init", "--origin", ORIGIN, "--ministry", "Ministerie van Proef"]).arg(keys);
    init
}

#[test]
fn keys_are_encrypted_unless_asked_otherwise_and_the_ledger_opens_its_own_and_leaves_no_dump() {
    let folder = tempfile::tempdir().expect("a folder");
    let (keys, file) = (folder.path().join("ministry"), passphrase_file(folder.path()));
    let (code, said) = run(&mut init(&folder.path().join("open")));
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("root.key wants a passphrase") && said.contains("ZEGEL_PASSPHRASE_FILE"), "{said}");
    let (code, said) = run(init(&keys).env("ZEGEL_PASSPHRASE_FILE", &file));
    assert_eq!(code, Some(0), "{said}");
    // Without the passphrase the ledger does not begin, and says what it wants.
    let serve = |name| {
        let mut serve = command("zegel-ledger");
        serve.arg(name).arg("--config").arg(keys.join("ledger.toml"));
        serve
    };
    let (code, said) = run(&mut serve("serve"));
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("log.key wants a passphrase") || said.contains("tls-server.key wants a passphrase"),
        "{said}"
    );

    let mut ledger = start(&keys, &[("ZEGEL_PASSPHRASE_FILE", &file)]);
    let mut bootstrap = command("zegel");
    bootstrap.args(["bootstrap", "--ledger", &ledger.address, "--keys"]).arg(&keys);
    let (code, said) = run(bootstrap.env("ZEGEL_PASSPHRASE_FILE", &file));
    assert_eq!(code, Some(0), "{said}");
    let limits = fs::read_to_string(format!("/proc/{}/limits", ledger.process.id())).expect("limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a line");
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
    if fs::File::open(format!("/proc/{}/mem", ledger.process.id())).is_ok() {
        // Only root gets here. The search finds what is there, and not the passphrase, which was wiped.
        assert!(process_holds(ledger.process.id(), &[ORIGIN.as_bytes().to_vec()]));
        let passphrase = [PASSPHRASE.as_bytes().to_vec()];
        assert!(!process_holds(ledger.process.id(), &passphrase), "the passphrase was not wiped");
    }
    let aborted = Command::new("kill").args(["-ABRT", &ledger.process.id().to_string()]).status().expect("kill runs");
    assert!(aborted.success());
    let ended = ledger.process.wait().expect("it ended");
    assert_eq!((ended.signal(), ended.core_dumped()), (Some(6), false));
}

/// Soft and hard limit of a process for core dumps.
fn core_limits(pid: u32) -> Option<Vec<String>> {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let line = limits.lines().find(|line| line.starts_with("Max core file size"))?;
    Some(line.split_whitespace().skip(4).take(2).map(str::to_owned).collect())
}

fn locked_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
}

#[test]
fn sidecar_and_tools_leave_no_dump_either_and_a_key_that_they_hold_is_locked() {
    let stage = zegel_tests::Stage::new();
    stage.keep_port();
    let mut sidecar = zegel_tests::gateway::Sidecar::new(&stage);
    sidecar.start();
    let mut desk = command("zegel");
    desk.args(["desk", "--ledger", &stage.url(), "--person", "Officier"]).arg("--keys").arg(stage.keys());
    let mut desk = desk.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs");
    // A page for each key: the desk holds those of the archive beside its own.
    for (name, pid, kib) in
        [("zegel-source", sidecar.pid(), 4), ("zegel desk", desk.id(), 12), ("zegel-ledger", stage.ledger_pid(), 4)]
    {
        zegel_tests::witness::eventually(&format!("{name} forbids dumps"), || {
            core_limits(pid).filter(|limits| *limits == ["0", "0"]).map(|_| ())
        });
        let status = Command::new("sh").args(["-c", "ulimit -l"]).output().expect("sh runs");
        if String::from_utf8_lossy(&status.stdout).trim() == "0" {
            eprintln!("SKIPPED locked pages of {name}: RLIMIT_MEMLOCK is 0 here");
            continue;
        }
        zegel_tests::witness::eventually(&format!("{name} locks its key"), || (locked_kib(pid) >= kib).then_some(()));
    }
    // An abort leaves nothing.
    let pid = desk.id().to_string();
    assert!(Command::new("kill").args(["-ABRT", &pid]).status().expect("kill runs").success());
    let ended = desk.wait().expect("it ended");
    assert_eq!((ended.signal(), ended.core_dumped()), (Some(6), false));
}

const PIN: &str = "483921";
const LIBRARY: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// A token, and what a process needs to find it: its configuration and its PIN.
fn token(folder: &Path) -> Option<[(&'static str, std::path::PathBuf); 2]> {
    if !Path::new(LIBRARY).exists() {
        eprintln!("SKIPPED the test of keys in a token: SoftHSM2 is not installed (apt-get install softhsm2)");
        assert!(std::env::var_os("ZEGEL_NEEDS_TOKEN").is_none(), "ZEGEL_NEEDS_TOKEN is set, and there is no SoftHSM2");
        return None;
    }
    let (config, pin) = (folder.join("softhsm2.conf"), folder.join("pin"));
    fs::create_dir(folder.join("tokens")).expect("a folder");
    let text = format!("directories.tokendir = {}\nlog.level = ERROR\n", folder.join("tokens").display());
    fs::write(&config, text).expect("written");
    zegel_keys::write_new(&pin, PIN.as_bytes()).expect("written");
    let mut make = Command::new("softhsm2-util");
    make.args(["--init-token", "--free", "--label", "zegel", "--so-pin", "9999", "--pin", PIN]);
    let (code, said) = run(make.env("SOFTHSM2_CONF", &config));
    assert_eq!(code, Some(0), "{said}");
    Some([("SOFTHSM2_CONF", config), ("ZEGEL_PASSPHRASE_FILE", pin)])
}

/// A follower of this ledger that takes the log over once the ledger is gone, with the log key that lies in the token; and not without it.
fn promoted(keys: &Path, ledger: Ledger, environment: &[(&str, &Path)]) -> Ledger {
    let place = keys.with_file_name("volger");
    fs::create_dir(&place).expect("a folder");
    let quoted = |folder: &Path, name: &str| format!("\"{}\"", folder.join(name).display());
    let mut own = fs::read_to_string(keys.join("ledger.toml")).expect("text");
    own = own.replace("other_log_keys = [\"log-2.key\"]\n", "");
    for name in ["store", "guard", "log.key"] {
        own = own.replace(&quoted(keys, name), &quoted(&place, name));
    }
    let (primary, ca) = (&ledger.address, quoted(keys, "tls-ca.pem"));
    let follow = format!("[log.follow]\nprimary = \"{primary}\"\nca = {ca}\ninterval_ms = 20\n");
    fs::write(place.join("ledger.toml"), format!("{own}{follow}")).expect("written");
    let follower = start(&place, environment);
    let size = |of: &Ledger| {
        let mut status = command("zegel");
        status
            .args(["--json", "status", "--ledger", &of.address, "--keys"])
            .arg(keys)
            .envs(environment.iter().copied());
        let said: serde_json::Value = serde_json::from_slice(&status.output().expect("it runs").stdout).expect("JSON");
        said["result"]["size"].as_u64().unwrap_or(0)
    };
    let wanted = size(&ledger);
    zegel_tests::witness::eventually("the follower has it all", || (size(&follower) == wanted).then_some(()));
    drop(follower);
    drop(ledger);

    let key = place.join("log.key");
    let promote = |name: &str, environment: &[(&str, &Path)]| {
        let _ = fs::remove_file(&key);
        fs::copy(keys.join(name), &key).expect("copied");
        let mut promote = command("zegel-ledger");
        promote.arg("promote").arg("--config").arg(place.join("ledger.toml")).arg("--guard").arg(keys.join("guard"));
        run(promote.envs(environment.iter().copied()))
    };
    // Without the PIN, and with a key that the log has put aside: nothing is changed, so that the next is judged alike.
    let (code, said) = promote("log-2.key", &environment[..1]);
    assert!(code == Some(2) && said.contains("log.key wants a passphrase"), "{said}");
    let (code, said) = promote("log.key", environment);
    assert!(code == Some(2) && said.contains("is not among the keys of the configuration"), "{said}");
    let (code, said) = promote("log-2.key", environment);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = promote("log-2.key", environment);
    assert!(code == Some(2) && said.contains("is no replica"), "{said}");
    fs::write(place.join("ledger.toml"), own).expect("written");
    start(&place, environment)
}

#[test]
fn root_log_and_officer_sign_from_a_token_and_what_they_signed_verifies() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(environment) = token(folder.path()) else { return };
    let environment: Vec<(&str, &Path)> = environment.iter().map(|(name, path)| (*name, path.as_path())).collect();
    let keys = folder.path().join("ministry");
    let succeed = |command: &mut Command| {
        let (code, said) = run(command.envs(environment.iter().copied()));
        assert_eq!(code, Some(0), "{said}");
        said
    };
    succeed(init(&keys).arg("--plain"));
    let ledger = start(&keys, &environment);
    let zegel = |ledger: &Ledger, arguments: &[&str]| {
        let mut zegel = command("zegel");
        zegel.args(arguments).args(["--ledger", &ledger.address, "--keys"]).arg(&keys);
        zegel.envs(environment.iter().copied());
        zegel
    };
    succeed(&mut zegel(&ledger, &["bootstrap"]));
    let uri = |object: &str| format!("pkcs11:token=zegel;object={object}?module-path={LIBRARY}");
    for who in ["officer", "root"] {
        succeed(&mut zegel(&ledger, &["key", "rotate", who, "--token", &uri(who)]));
        let text = fs::read_to_string(keys.join(format!("{who}.key"))).expect("a key file");
        assert_eq!(text, uri(who) + "\n", "the file names the key and holds none");
    }
    let (code, said) = run(&mut zegel(&ledger, &["key", "rotate", "log", "--token", &uri("log")]));
    assert!(code == Some(2) && said.contains("other_log_keys"), "{said}");
    drop(ledger);
    let config = fs::read_to_string(keys.join("ledger.toml")).expect("text") + "other_log_keys = [\"log-2.key\"]\n";
    fs::write(keys.join("ledger.toml"), config).expect("written");
    let ledger = start(&keys, &environment);
    succeed(&mut zegel(&ledger, &["key", "rotate", "log", "--token", &uri("log")]));
    succeed(&mut zegel(&ledger, &["register", "custodian", "--name", "Anna"]));
    let bundle = folder.path().join("bundle");
    let out = bundle.display().to_string();
    succeed(&mut zegel(&ledger, &["export", "--custodian", "Anna", "--recipient", "inspectie", "--out", &out]));
    let (code, report) = zegel_tests::verify(&bundle, &keys.join("trust.txt"), &[]);
    assert_eq!(code, Some(0), "{report:#}");
    let ledger = promoted(&keys, ledger, &environment);
    succeed(&mut zegel(&ledger, &["follower", "recovered", "--account", "brand in het rekencentrum"]));
    succeed(&mut zegel(&ledger, &["register", "custodian", "--name", "Carol"]));
    let bundle = folder.path().join("afterwards");
    let out = bundle.display().to_string();
    succeed(&mut zegel(&ledger, &["export", "--custodian", "Carol", "--recipient", "inspectie", "--out", &out]));
    let (code, report) = zegel_tests::verify(&bundle, &keys.join("trust.txt"), &[]);
    assert_eq!(code, Some(0), "{report:#}");
    // The neighbours: another PIN, and a token that is gone, are told and nothing is signed.
    fs::remove_file(environment[1].1).expect("removed");
    zegel_keys::write_new(environment[1].1, b"111111").expect("written");
    let (code, said) = run(&mut zegel(&ledger, &["register", "custodian", "--name", "Bram"]));
    assert!(code != Some(0) && said.contains("refuses the PIN"), "{said}");
    fs::remove_dir_all(folder.path().join("tokens")).expect("removed");
    fs::create_dir(folder.path().join("tokens")).expect("made");
    let (code, said) = run(&mut zegel(&ledger, &["register", "custodian", "--name", "Bram"]));
    assert!(code != Some(0) && said.contains("0 tokens are labelled"), "{said}");
}
