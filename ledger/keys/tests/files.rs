//! Key files: what they hold, who may read them, and what is seen of a key.

use ed25519_dalek::{Signature, VerifyingKey};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use zegel_keys::{
    KeyError, Passphrase, Passphrases, Protection, Signer, UriError, create, leave_no_dumps, open_pem, write_document,
};

fn word(text: &str) -> Passphrases {
    Passphrases::given(Passphrase::parse(text.as_bytes(), "the test").expect("a passphrase"))
}

fn sealed(text: &str) -> Protection {
    Protection::Sealed(word(text))
}

fn verifies(key: &Signer) -> bool {
    let signature = key.sign(b"checkpoint").expect("signed");
    let public = VerifyingKey::from_bytes(&key.public_key()).expect("a key");
    public.verify_strict(b"checkpoint", &Signature::from_bytes(&signature)).is_ok()
}

#[test]
fn an_encrypted_key_opens_with_its_passphrase_and_with_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log.key");
    let public = create(&path, &sealed("correct horse")).expect("made");
    let text = fs::read_to_string(&path).expect("text");
    assert!(text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    let key = Signer::open(&path, &word("correct horse")).expect("opened");
    assert_eq!(key.public_key(), public);
    assert!(verifies(&key));
    let refused = |passphrases: &Passphrases| Signer::open(&path, passphrases).map(|_| ());
    assert_eq!(refused(&word("correct horsf")), Err(KeyError::WrongPassphrase { path: path.clone() }));
    let credential = "log.passphrase".into();
    assert_eq!(refused(&Passphrases::default()), Err(KeyError::NoPassphrase { path: path.clone(), credential }));
    fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("mode set");
    assert_eq!(refused(&word("correct horse")), Err(KeyError::TooOpen { path: path.clone(), mode: 0o644 }));
}

#[test]
fn a_key_without_a_passphrase_is_made_only_when_that_is_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("root.key");
    let credential = "root.passphrase".into();
    let refused = create(&path, &Protection::Sealed(Passphrases::default()));
    assert_eq!(refused, Err(KeyError::NoPassphrase { path: path.clone(), credential }));
    assert!(!path.exists(), "nothing was left behind");
    create(&path, &Protection::Plain).expect("made");
    assert!(verifies(&Signer::open(&path, &Passphrases::default()).expect("opened")));
    assert_eq!(create(&path, &Protection::Plain), Err(KeyError::Exists { path }));
}

#[test]
fn every_damaged_byte_of_an_encrypted_key_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log.key");
    let public = create(&path, &sealed("a")).expect("made");
    let text = fs::read(&path).expect("bytes");
    // Base64 of parameters and ciphertext: some of each, since every try that reaches scrypt takes its time.
    for at in [45, 60, 90, 130, 200, 230, text.len() - 40] {
        let mut damaged = text.clone();
        damaged[at] = if damaged[at] == b'B' { b'C' } else { b'B' };
        fs::write(&path, &damaged).expect("written");
        let opened = Signer::open(&path, &word("a")).map(|key| key.public_key());
        assert_ne!(opened, Ok(public), "byte {at}");
    }
}

#[test]
fn neither_a_key_nor_its_passphrase_is_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log.key");
    let protection = sealed("hunter2-hunter2");
    create(&path, &protection).expect("made");
    let key = Signer::open(&path, &word("hunter2-hunter2")).expect("opened");
    let pem = open_pem(&path, &word("hunter2-hunter2")).expect("a document");
    let seed = pem.lines().nth(1).expect("a line").to_owned();
    let shown = format!("{key:?} {key:#?} {protection:?}");
    assert!(!shown.contains("hunter2") && !shown.contains(&seed), "{shown}");
    let public: String = key.public_key().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(format!("{key:?}"), format!("Signer {{ public: \"{public}\", place: \"memory\" }}"));
    for refusal in
        [Signer::open(&path, &word("hunter3")).map(|_| ()), Signer::open(Path::new("/"), &word("a")).map(|_| ())]
    {
        let reason = refusal.expect_err("refused");
        assert!(!format!("{reason} {reason:?}").contains("hunter"), "{reason}");
    }
}

#[test]
fn what_is_no_key_is_named_as_such() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log.key");
    let wanted = "an Ed25519 key in PKCS#8 PEM, or a pkcs11: URI";
    let refused = |text: &str| {
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("mode set");
        Signer::open(&path, &word("a")).map(|_| ())
    };
    let malformed = Err(KeyError::Malformed { path: path.clone(), wanted });
    assert_eq!(refused(""), malformed);
    assert_eq!(refused("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), malformed);
    assert_eq!(refused("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), malformed);
    let reason = UriError::Missing { name: "object" };
    assert_eq!(refused("pkcs11:token=a?module-path=b"), Err(KeyError::Uri { path: path.clone(), reason }));
    let bad = write_document(&folder.path().join("new.key"), b"no document", &Protection::Plain);
    assert!(matches!(bad, Err(KeyError::Malformed { .. })), "{bad:?}");
}

#[test]
fn openssl_reads_what_we_encrypt_and_we_read_what_it_encrypts() {
    let folder = tempfile::tempdir().expect("a folder");
    let (ours, theirs) = (folder.path().join("ours.key"), folder.path().join("theirs.key"));
    let openssl = |arguments: &[&str]| Command::new("openssl").args(arguments).output();
    if openssl(&["version"]).is_err() {
        eprintln!("SKIPPED openssl_reads_what_we_encrypt_and_we_read_what_it_encrypts: openssl is not installed");
        return;
    }
    let public = create(&ours, &sealed("over en weer")).expect("made");
    let path = |path: &Path| path.display().to_string();
    let pass = ["-passin", "pass:over en weer"];
    let read =
        openssl(&["pkey", "-in", &path(&ours), pass[0], pass[1], "-pubout", "-outform", "DER"]).expect("it runs");
    assert!(read.status.success() && read.stdout.ends_with(&public), "{}", String::from_utf8_lossy(&read.stderr));
    let out = path(&theirs);
    let scrypt = ["pkcs8", "-topk8", "-scrypt", "-v2", "aes-256-cbc", "-in", &path(&ours), "-out", &out];
    let made = openssl(&[&scrypt[..], &pass, &["-passout", "pass:terug"]].concat()).expect("it runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    fs::set_permissions(&theirs, Permissions::from_mode(0o600)).expect("mode set");
    assert_eq!(Signer::open(&theirs, &word("terug")).expect("opened").public_key(), public);
}

#[test]
fn a_key_in_memory_has_a_locked_page_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log.key");
    create(&path, &Protection::Plain).expect("made");
    let keys: Vec<Signer> = (0..3).map(|_| Signer::open(&path, &Passphrases::default()).expect("opened")).collect();
    if !keys.iter().all(Signer::is_locked) {
        eprintln!("SKIPPED a_key_in_memory_has_a_locked_page_of_its_own: RLIMIT_MEMLOCK forbids locking here");
        return;
    }
    let locked_kib = || {
        let status = fs::read_to_string("/proc/self/status").expect("a status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmLck:")).expect("a line");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number")
    };
    assert!(locked_kib() >= 12, "three pages are locked");
    drop(keys);
}

/// A child of this test, since the limit holds for a whole process.
#[test]
#[ignore = "run by the test below, in a process of its own"]
fn closed_process() {
    leave_no_dumps().expect("closed");
    let limits = fs::read_to_string("/proc/self/limits").expect("limits");
    let line = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a line");
    println!("core {}", line.split_whitespace().skip(4).take(2).collect::<Vec<_>>().join(" "));
    println!("dumpable {:?}", rustix::process::dumpable_behavior());
    std::process::abort();
}

#[test]
fn a_closed_process_has_no_core_dump_even_when_it_aborts() {
    use std::os::unix::process::ExitStatusExt;
    let mut child = Command::new(std::env::current_exe().expect("this test"));
    let ended = child.args(["--exact", "closed_process", "--ignored", "--nocapture"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(said.contains("core 0 0\n"), "{said}");
    assert!(said.contains("dumpable Ok(NotDumpable)"), "{said}");
    assert_eq!((ended.status.signal(), ended.status.core_dumped()), (Some(6), false));
}
