//! A stage for tests of the whole: the real commands, a real ledger over TLS on a port that the system chose, real files.
//!
//! Nothing here knows what is inside: tests act through `zegel`, `zegel-ledger` and `zegel-verifier`, as their users do.
//! The commands must have been built (`make test` does).

pub mod archive;
pub mod lies;
pub mod memory;
pub mod rounds;

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

impl Stage {
    /// Makes keys, starts a ledger, and writes genesis.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut stage = Self { folder, ledger: None, log: Arc::default() };
        let keys = stage.keys();
        stage.succeeds(
            command("zegel").args(["init", "--origin", ORIGIN, "--ministry", "Ministerie van Proef"]).arg(keys),
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
        self.log.lock().expect("no reader of the log failed").clone()
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
        let mut process = command("zegel-ledger")
            .args(["serve", "--config"])
            .arg(self.keys().join("ledger.toml"))
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("zegel-ledger starts");
        let lines = BufReader::new(process.stderr.take().expect("a pipe")).lines();
        let (found, listening) = std::sync::mpsc::channel();
        let log = Arc::clone(&self.log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(at) = line.find("listening on ") {
                    let address = line[at + 13..].split(['"', ' ', ',']).next().unwrap_or_default().to_owned();
                    _ = found.send(address);
                }
                let mut log = log.lock().expect("no reader of the log failed");
                log.push_str(&line);
                log.push('\n');
            }
        });
        let address = listening.recv().unwrap_or_else(|_| panic!("the ledger did not listen:\n{}", self.log()));
        self.ledger = Some(Ledger { process, address });
    }

    /// Kills the ledger without a word (SIGKILL).
    pub fn kill(&mut self) {
        if let Some(mut ledger) = self.ledger.take() {
            ledger.process.kill().expect("the ledger can be killed");
            ledger.process.wait().expect("it has ended");
        }
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

/// Read-outs of the project's own.
#[must_use]
pub fn readout(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/tests/fixtures/whatsapp").join(name)
}

fn described(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr))
}
