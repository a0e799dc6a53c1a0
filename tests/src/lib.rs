//! A stage for tests of the whole: the real commands, a real ledger over TLS on a port that the system chose, real files.
//!
//! Nothing here knows what is inside: tests act through `zegel`, `zegel-ledger` and `zegel-verifier`, as their users do.
//! The commands must have been built (`make test` does).

pub mod archive;
pub mod dossier;
pub mod false_ledger;
pub mod four_ways;
pub mod fuzz;
pub mod gateway;
pub mod lies;
pub mod memory;
pub mod replica;
pub mod rounds;
pub mod searched;
pub mod small_disk;
pub mod wire;
pub mod witness;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// Origin of the stage's log.
pub const ORIGIN: &str = "chat.example.nl/stage";

/// A ministry with its keys, its ledger, and the folder that holds both.
pub struct Stage {
    folder: TempDir,
    ledger: Option<Ledger>,
    log: Arc<Mutex<String>>,
}

struct Ledger {
    process: Child,
    address: String,
}

impl Ledger {
    fn start(config: &Path, log: &Arc<Mutex<String>>) -> Self {
        let mut process = command("zegel-ledger")
            .args(["serve", "--config"])
            .arg(config)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("zegel-ledger starts");
        let lines = BufReader::new(process.stderr.take().expect("a pipe")).lines();
        let (found, listening) = std::sync::mpsc::channel();
        let told = Arc::clone(log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(at) = line.find("listening on ") {
                    let address = line[at + 13..].split(['"', ' ', ',']).next().unwrap_or_default().to_owned();
                    _ = found.send(address);
                }
                let mut told = told.lock().expect("no reader of the log failed");
                told.push_str(&line);
                told.push('\n');
            }
        });
        let address = listening.recv().unwrap_or_else(|_| panic!("the ledger did not listen:\n{}", told_so_far(log)));
        Self { process, address }
    }

    fn kill(mut self) {
        self.process.kill().expect("the ledger can be killed");
        self.process.wait().expect("it has ended");
    }
}

fn told_so_far(log: &Arc<Mutex<String>>) -> String {
    log.lock().expect("no reader of the log failed").clone()
}

impl Stage {
    /// Makes keys, starts a ledger, and writes genesis.
    #[must_use]
    pub fn new() -> Self {
        Self::of(ORIGIN)
    }

    /// The same for a log of another name.
    #[must_use]
    pub fn of(origin: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut stage = Self { folder, ledger: None, log: Arc::default() };
        let keys = stage.keys();
        stage.succeeds(
            command("zegel")
                .args(["init", "--plain", "--origin", origin, "--ministry", "Ministerie van Proef"])
                .arg(keys),
        );
        stage.start();
        stage.zegel(&["bootstrap"]);
        stage
    }

    /// A file or folder of the stage.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The key folder.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.path("ministry")
    }

    /// The trust file.
    #[must_use]
    pub fn trust(&self) -> PathBuf {
        self.keys().join("trust.txt")
    }

    /// Where the ledger listens.
    ///
    /// # Panics
    /// If it does not.
    #[must_use]
    pub fn url(&self) -> String {
        let ledger = self.ledger.as_ref().expect("the ledger runs");
        format!("https://localhost:{}", ledger.address.rsplit(':').next().expect("a port"))
    }

    /// Everything that the ledger has printed.
    #[must_use]
    pub fn log(&self) -> String {
        told_so_far(&self.log)
    }

    /// Process id of the ledger.
    ///
    /// # Panics
    /// If it does not run.
    #[must_use]
    pub fn ledger_pid(&self) -> u32 {
        self.ledger.as_ref().expect("the ledger runs").process.id()
    }

    /// Starts the ledger and waits for its word that it listens.
    pub fn start(&mut self) {
        self.ledger = Some(Ledger::start(&self.keys().join("ledger.toml"), &self.log));
    }

    /// From here on the ledger is the one of this configuration; where it listens is another place.
    ///
    /// # Panics
    /// If its configuration cannot be written.
    pub fn move_to(&mut self, config: &str) {
        self.kill();
        std::fs::write(self.keys().join("ledger.toml"), config).expect("written");
        self.start();
    }

    /// Later starts of the ledger take the port that it has now: others have been told.
    ///
    /// # Panics
    /// If its configuration cannot be written.
    pub fn keep_port(&self) {
        let address = &self.ledger.as_ref().expect("the ledger runs").address;
        let path = self.keys().join("ledger.toml");
        let text = std::fs::read_to_string(&path).expect("a configuration");
        std::fs::write(path, text.replace("listen = \"127.0.0.1:0\"", &format!("listen = \"{address}\"")))
            .expect("written");
    }

    /// Verifier key of the log, as in its trust file.
    ///
    /// # Panics
    /// If the trust file does not pin it.
    #[must_use]
    pub fn log_vkey(&self) -> String {
        let trust = std::fs::read_to_string(self.trust()).expect("a trust file");
        let pinned = trust.lines().find_map(|line| line.strip_prefix("log "));
        pinned.expect("the log's key").to_owned()
    }

    /// Tells the ledger whom to ask for cosignatures, and starts it again.
    ///
    /// # Panics
    /// If its configuration cannot be written.
    pub fn ask_witnesses(&mut self, policy: &str) {
        use std::io::Write;
        assert_eq!(self.stop(), Some(0));
        std::fs::write(self.keys().join("policy.txt"), policy).expect("written");
        let path = self.keys().join("ledger.toml");
        let mut config = std::fs::File::options().append(true).open(path).expect("a configuration");
        let text =
            "\n[log.witnesses]\npolicy = \"policy.txt\"\nca = \"tls-ca.pem\"\ntimeout_ms = 5000\ninterval_ms = 50\n";
        config.write_all(text.as_bytes()).expect("written");
        self.start();
    }

    /// From here on the ledger answers only who shows a certificate of an authority that is not its own; officer and source have one.
    /// Gives the certificate and its key.
    ///
    /// # Panics
    /// If its configuration cannot be written.
    pub fn demand_certificates(&mut self) -> (PathBuf, PathBuf) {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(self.stop(), Some(0));
        let given = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ledger/tests/tls");
        let copy = |from: &str, to: &str| {
            let to = self.keys().join(to);
            std::fs::copy(given.join(from), &to).expect("copied");
            std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o600)).expect("its mode");
            to
        };
        copy("authority.pem", "clients.pem");
        for actor in ["officer", "source"] {
            copy("client.pem", &format!("tls-{actor}.pem"));
            copy("client.key", &format!("tls-{actor}.key"));
        }
        let shown = (copy("client.pem", "auditor.pem"), copy("client.key", "auditor.key"));
        let path = self.keys().join("ledger.toml");
        let text = std::fs::read_to_string(&path).expect("a configuration");
        assert!(text.contains("[tls]\n"), "{text}");
        std::fs::write(path, text.replace("[tls]\n", "[tls]\nclient_ca = \"clients.pem\"\n")).expect("written");
        self.start();
        shown
    }

    /// The same keys and the same log once more, in another place: what it does from here on is another history.
    ///
    /// # Panics
    /// If the folder cannot be copied.
    #[must_use]
    pub fn twin(&mut self) -> Self {
        assert_eq!(self.stop(), Some(0));
        let folder = tempfile::tempdir().expect("a temporary folder");
        self.succeeds(Command::new("cp").arg("-r").arg(self.keys()).arg(folder.path().join("ministry")));
        let (from, to) = (self.folder.path().display().to_string(), folder.path().display().to_string());
        let config = folder.path().join("ministry/ledger.toml");
        let text = std::fs::read_to_string(&config).expect("a configuration").replace(&from, &to);
        std::fs::write(config, text).expect("written");
        let mut twin = Self { folder, ledger: None, log: Arc::default() };
        self.start();
        twin.start();
        twin
    }

    /// What `zegel status` says of the witnesses.
    ///
    /// # Panics
    /// If it is no JSON.
    #[must_use]
    pub fn cosigned(&self) -> serde_json::Value {
        let status: serde_json::Value = serde_json::from_str(&self.zegel(&["--json", "status"])).expect("JSON");
        status["result"]["cosigned"].clone()
    }

    /// Kills the ledger without a word (SIGKILL).
    pub fn kill(&mut self) {
        self.ledger.take().into_iter().for_each(Ledger::kill);
    }

    /// Asks the ledger to stop (SIGTERM) and gives its exit code.
    ///
    /// # Panics
    /// If it does not run.
    pub fn stop(&mut self) -> Option<i32> {
        let mut ledger = self.ledger.take().expect("the ledger runs");
        let pid = ledger.process.id().to_string();
        self.succeeds(Command::new("kill").args(["-TERM", &pid]));
        ledger.process.wait().expect("it ends").code()
    }

    /// Runs `zegel` with this ministry's keys and ledger; it must succeed. Gives what it printed on stdout.
    pub fn zegel(&self, arguments: &[&str]) -> String {
        let output = self.try_zegel(arguments);
        assert!(output.status.success(), "zegel {arguments:?}: {}", described(&output));
        String::from_utf8(output.stdout).expect("text")
    }

    /// Runs `zegel` with this ministry's keys and ledger, whatever comes of it.
    #[must_use]
    pub fn try_zegel(&self, arguments: &[&str]) -> Output {
        let mut zegel = command("zegel");
        zegel.args(arguments).arg("--keys").arg(self.keys()).args(["--ledger", &self.url()]);
        zegel.output().expect("zegel runs")
    }

    /// Runs the verifier on a bundle with this ministry's trust file and gives its exit code and JSON report.
    #[must_use]
    pub fn verify(&self, bundle: &Path, more: &[&str]) -> (Option<i32>, serde_json::Value) {
        verify(bundle, &self.trust(), more)
    }

    /// Runs `zegel-ledger check` on the stopped store; it must find nothing.
    pub fn check(&self) {
        let config = self.keys().join("ledger.toml");
        self.succeeds(command("zegel-ledger").args(["check", "--config"]).arg(config));
    }

    fn succeeds(&self, command: &mut Command) {
        let output = command.output().expect("the command runs");
        assert!(output.status.success(), "{command:?}: {}", described(&output));
    }
}

impl Default for Stage {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs the verifier and gives its exit code and JSON report.
///
/// # Panics
/// If it prints anything but one JSON document.
#[must_use]
pub fn verify(bundle: &Path, trust: &Path, more: &[&str]) -> (Option<i32>, serde_json::Value) {
    let mut verifier = command("zegel-verifier");
    let output = verifier.arg("verify").arg(bundle).arg("--trust").arg(trust).arg("--json").args(more).output();
    let output = output.expect("zegel-verifier runs");
    let report = serde_json::from_slice(&output.stdout);
    (output.status.code(), report.unwrap_or_else(|reason| panic!("{reason}: {}", described(&output))))
}

/// A command of the project, as it was built beside the tests.
///
/// # Panics
/// If it has not been built.
#[must_use]
pub fn command(name: &str) -> Command {
    let tests = std::env::current_exe().expect("a test has a file");
    let folder = tests.parent().and_then(Path::parent).expect("target/debug/deps/test");
    let path = folder.join(name);
    assert!(path.exists(), "{} has not been built: make build", path.display());
    Command::new(path)
}

/// Local ports on which a process listens, from the kernel's own tables.
///
/// # Panics
/// If there is no such process.
#[must_use]
pub fn listening_ports(pid: u32) -> Vec<u16> {
    let sockets: Vec<String> = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .expect("open files of the process")
        .filter_map(|item| std::fs::read_link(item.ok()?.path()).ok())
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let tables = ["tcp", "tcp6", "udp", "udp6"];
    let lines: Vec<String> = tables.iter().flat_map(|table| table_lines(pid, table)).collect();
    let mut found: Vec<u16> = lines.iter().filter_map(|line| listening(line, &sockets)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn table_lines(pid: u32, table: &str) -> Vec<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
    text.lines().skip(1).map(String::from).collect()
}

/// Port of a socket of ours in state LISTEN (0A), or of any UDP socket (07).
fn listening(line: &str, sockets: &[String]) -> Option<u16> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (local, state, inode) = (words.get(1)?, words.get(3)?, words.get(9)?);
    let ours = sockets.iter().any(|socket| socket == inode) && ["0A", "07"].contains(state);
    u16::from_str_radix(local.rsplit(':').next()?, 16).ok().filter(|_| ours)
}

/// The one port on which a process listens, once it does.
#[must_use]
pub fn listening_port(pid: u32) -> Option<u16> {
    listening_ports(pid).first().copied()
}

/// Read-outs of the project's own.
#[must_use]
pub fn readout(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/tests/fixtures/whatsapp").join(name)
}

fn described(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr))
}
