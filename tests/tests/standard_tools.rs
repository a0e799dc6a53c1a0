//! Tools that we did not write read our log: Go's own transparency packages, Tessera's fsck, and other people's crates.
//!
//! A real ledger over TLS, its read API on a port that the system chose. Where Go, or the Go module proxy, is absent, these
//! tests say so on the terminal itself and prove nothing. What Go builds lies in the cache, outside the clone.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;
use zegel_ledger::Config;
use zegel_tests::archive::InProcess;
use zegel_tests::command;
use zegel_tools::event::CustodianEntry;
use zegel_tools::keys::KeyFolder;
use zegel_tools::officer::{Officer, bootstrap};

const ORIGIN: &str = "chat.example.nl/proef";
/// The version that was tried; another is a change of this line.
const FSCK: &str = "github.com/transparency-dev/tessera/cmd/fsck";
const FSCK_VERSION: &str = "v1.0.4";

/// Said past the harness, which keeps the output of tests that pass.
fn skipped(why: &str) {
    let mut terminal = std::io::stderr().lock();
    let _ = writeln!(terminal, "\n*** SKIPPED, NOTHING WAS PROVEN: {why} ***\n");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the project")
}

/// Folder for what Go builds.
fn cache() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/zegel");
    let folder = std::env::var_os("ZEGEL_CACHE").map_or_else(home, PathBuf::from).join("go");
    std::fs::create_dir_all(&folder).expect("a cache");
    folder
}

/// Runs Go in a folder; its complaint, if it does not succeed.
fn go(folder: &Path, arguments: &[&str]) -> Result<(), String> {
    let mut go = Command::new("go");
    // Our own module stands in a repository, whose state is no part of the build.
    go.args(arguments).current_dir(folder).env("GOFLAGS", "-buildvcs=false").env("GOTOOLCHAIN", "local");
    let output = go.env("GOBIN", cache().join(FSCK_VERSION)).output().map_err(|reason| reason.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// Our checker, built; nothing, loudly, where Go or what it needs is absent.
fn checker() -> Option<PathBuf> {
    let folder = root().join("tests/go");
    if let Err(reason) = go(&folder, &["mod", "download"]) {
        skipped(&format!("Go or its module proxy is absent, so golang.org/x/mod did not read our log: {reason}"));
        return None;
    }
    let path = cache().join("zegel-check");
    go(&folder, &["build", "-o", path.to_str().expect("a path"), "."]).expect("our checker builds");
    Some(path)
}

/// Tessera's fsck, built; nothing, loudly, where Go or the module proxy is absent.
fn fsck() -> Option<PathBuf> {
    let path = cache().join(FSCK_VERSION).join("fsck");
    if !path.exists()
        && let Err(reason) = go(&cache(), &["install", &format!("{FSCK}@{FSCK_VERSION}")])
    {
        skipped(&format!("Go or its module proxy is absent, so Tessera's fsck did not read our log: {reason}"));
        return None;
    }
    Some(path)
}

/// A ministry whose ledger has a read API.
struct Ministry {
    keys: KeyFolder,
    officer: Officer,
    url: String,
    /// Stopped before its folder goes.
    _running: InProcess,
    folder: TempDir,
    size: u64,
}

impl Ministry {
    async fn new() -> Self {
        Self::with_access("open = true").await
    }

    async fn with_access(access: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = KeyFolder::init(&folder.path().join("ministry"), ORIGIN, "Proef").expect("keys");
        let config = std::fs::read_to_string(keys.ledger_config()).expect("a configuration");
        let tiles = format!("[log.tiles]\nlisten = \"127.0.0.1:0\"\n{access}\n");
        let config = Config::parse(&(config + &tiles), keys.path()).expect("a configuration");
        let mut running = InProcess::start(config);
        let (origin, url) = running.tiles.remove(0);
        assert_eq!(origin, ORIGIN);
        let ledger = format!("https://localhost:{}", running.port);
        bootstrap(&keys, &ledger).await.expect("genesis");
        let officer = Officer::open(&keys, &ledger).await.expect("an officer");
        Self { keys, officer, url, _running: running, folder, size: 1 }
    }

    /// Logs entries until there are so many.
    async fn grow(&mut self, size: u64) {
        while self.size < size {
            let name = format!("Persoon {}", self.size);
            self.officer
                .register_custodian(&CustodianEntry { name, ..CustodianEntry::default() })
                .await
                .expect("logged");
            self.size += 1;
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn vkey(&self) -> String {
        self.keys.ministry().log_vkey().expect("a key")
    }

    /// A tool that trusts the authority of this machine.
    fn tool(&self, path: &Path) -> Command {
        let mut tool = Command::new(path);
        tool.env("SSL_CERT_FILE", self.keys.path().join("tls-ca.pem"));
        tool
    }

    /// Runs Tessera's fsck on the log as it is.
    fn fsck(&self, fsck: &Path) {
        self.fsck_over(fsck, &self.url);
    }

    fn fsck_over(&self, fsck: &Path, url: &str) {
        let key = self.path("log.vkey");
        std::fs::write(&key, self.vkey()).expect("written");
        let mut tool = self.tool(fsck);
        tool.args(["--storage_url", url, "--origin", ORIGIN, "--ui=false", "--public_key"]).arg(key);
        let said = run(&mut tool);
        assert!(said.contains(&format!("Successfully fsck'd log with size {} and root", self.size)), "{said}");
    }
}

/// Runs a tool, which must succeed, and gives all that it says.
fn run(tool: &mut Command) -> String {
    let output = tool.output().expect("the tool starts");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{tool:?}: {said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_that_we_did_not_write_find_every_tile_entry_and_proof_of_a_growing_log() {
    let (checker, fsck) = (checker(), fsck());
    if checker.is_none() && fsck.is_none() {
        return;
    }
    let mut ministry = Ministry::new().await;
    let mut older: Vec<PathBuf> = Vec::new();
    for size in [1, 3, 255, 256, 257, 300] {
        ministry.grow(size).await;
        if let Some(fsck) = &fsck {
            ministry.fsck(fsck);
        }
        if let Some(checker) = &checker {
            let said = run(ministry.tool(checker).args([&ministry.url, &ministry.vkey()]).args(&older));
            assert!(said.ends_with(&format!("{size} entries, each in the tree\n")), "{said}");
        }
        let note = ministry.officer.source().checkpoint().expect("a checkpoint").note().clone();
        let path = ministry.path(&format!("{size}.checkpoint"));
        std::fs::write(&path, note.print()).expect("written");
        older.push(path);
    }
}

/// A file of the certificates for tests: their keys are public.
fn certificate(name: &str) -> PathBuf {
    root().join("ledger/tests/tls").join(name)
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_that_we_did_not_write_read_a_log_that_asks_for_a_client_certificate() {
    let Some(checker) = checker() else { return };
    let authority = serde_json::Value::from(certificate("authority.pem").display().to_string());
    let mut ministry = Ministry::with_access(&format!("client_ca = {authority}")).await;
    ministry.grow(300).await;
    let shown = |tool: &mut Command| {
        tool.env("CLIENT_CERT_FILE", certificate("client.pem")).env("CLIENT_KEY_FILE", certificate("client.key"));
    };
    let mut tool = ministry.tool(&checker);
    let output = tool.args([&ministry.url, &ministry.vkey()]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(1), "who shows none is not answered");
    shown(&mut tool);
    assert!(run(&mut tool).ends_with("300 entries, each in the tree\n"));
    // Tessera's fsck shows no certificate: a line that does stands between.
    let Some(fsck) = fsck() else { return };
    let mut line = ministry.tool(&checker);
    shown(&mut line);
    let mut line = line.args(["line", &ministry.url]).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut url = String::new();
    let out = line.stdout.take().expect("a pipe");
    BufReader::new(out).read_line(&mut url).expect("an address");
    ministry.fsck_over(&fsck, url.trim());
    line.kill().expect("it stops");
    line.wait().expect("it has stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn our_checker_in_go_refuses_a_log_of_another_key_and_a_checkpoint_of_another_history() {
    let Some(checker) = checker() else { return };
    let (mut one, mut other) = (Ministry::new().await, Ministry::new().await);
    one.grow(3).await;
    other.grow(2).await;
    let refused = |arguments: &[&str], why: &str| {
        let output = one.tool(&checker).args(arguments).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && said.contains(why), "{said}");
    };
    refused(&[&one.url, &other.vkey()], "note has no verifiable signatures");
    let path = one.path("older");
    let note = other.officer.source().checkpoint().expect("a checkpoint").note().print();
    std::fs::write(&path, note).expect("written");
    refused(&[&one.url, &one.vkey(), path.to_str().expect("a path")], "note has no verifiable signatures");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_crates_read_the_checkpoint_and_our_verifier_reads_receipts_as_tlog_proofs() {
    let mut ministry = Ministry::new().await;
    ministry.grow(4).await;
    let note = ministry.officer.source().checkpoint().expect("a checkpoint").note().print();
    let key = signed_note::StandardVerifier::new(&ministry.vkey()).expect("a verifier key");
    let known = signed_note::VerifierList::new(vec![Box::new(key)]);
    let read = signed_note::Note::from_bytes(note.as_bytes()).expect("a note");
    assert_eq!(read.verify(&known).expect("signed").0.len(), 1);
    let checkpoint = tlog_tiles::Checkpoint::from_bytes(read.text()).expect("a checkpoint");
    assert_eq!((checkpoint.origin(), checkpoint.size(), checkpoint.extension()), (ORIGIN, 4, ""));

    let (keys, out) = (ministry.keys.path().to_path_buf(), ministry.path("proofs"));
    let export = || {
        run(command("zegel")
            .args(["receipts", "export", "--of", "officer", "--keys"])
            .arg(&keys)
            .arg("--out")
            .arg(&out))
    };
    assert!(export().starts_with("3 proofs"));
    assert!(export().starts_with("0 proofs"));
    let (proof, trust) = (out.join("entry-2.tlog-proof"), keys.join("trust.txt"));
    let verify = |more: &[&Path]| {
        let mut verifier = command("zegel-verifier");
        verifier.args(["proof", "--json"]).arg(&proof).arg("--trust").arg(&trust);
        if let [entry] = more {
            verifier.arg("--entry").arg(entry);
        }
        let output = verifier.output().expect("it starts");
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one document");
        (output.status.code(), document)
    };
    let (code, document) = verify(&[]);
    assert_eq!((code, &document["verdict"], &document["proof"]["index"]), (Some(0), &"verified".into(), &2.into()));
    let text = std::fs::read_to_string(&proof).expect("text");
    let extra = text.lines().find_map(|line| line.strip_prefix("extra ")).expect("the entry");
    let mut entry = STANDARD.decode(extra).expect("base64");
    let beside = ministry.path("entry");
    std::fs::write(&beside, &entry).expect("written");
    assert_eq!(verify(&[&beside]).0, Some(0));
    entry[0] ^= 1;
    std::fs::write(&beside, &entry).expect("written");
    let (code, document) = verify(&[&beside]);
    assert_eq!((code, &document["reason"]["id"]), (Some(2), &"PROOF".into()));
    let said = run(command("zegel").args(["keys", "--keys"]).arg(&keys));
    assert!(said.contains(&format!("\nlog {}\n", ministry.vkey())), "{said}");
}
