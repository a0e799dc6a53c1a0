//! A second ledger that follows the one of a stage: the real command, its own folder, the same TLS.

use crate::{Ledger, Stage, command, told_so_far};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Output;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use zegel_tools::keys::KeyFolder;
use zegel_tools::source::{Backoff, Connection};
use zegel_verifier::checkpoint::ClaimedCheckpoint;

/// A follower of a stage's ledger.
pub struct Replica {
    folder: TempDir,
    ledger: Option<Ledger>,
    log: Arc<Mutex<String>>,
    origin: String,
    authority: Vec<u8>,
    /// All but whom it follows.
    config: String,
    follow: String,
}

impl Replica {
    /// Begins with nothing. The stage keeps its port, so that it is found again.
    ///
    /// # Panics
    /// If it does not begin.
    #[must_use]
    pub fn new(stage: &Stage) -> Self {
        stage.keep_port();
        let folder = tempfile::tempdir().expect("a folder");
        let keys = KeyFolder::open(&stage.keys()).expect("keys");
        let text = fs::read_to_string(stage.keys().join("ledger.toml")).expect("a configuration");
        let own = |name: &str| format!("\"{}\"", folder.path().join(name).display());
        let beside = |key: &str| format!("{key} = \"{}/", stage.keys().display());
        let lines = text.lines().map(|line| match line.split(" = ").next() {
            Some("listen") => "listen = \"127.0.0.1:0\"".to_owned(),
            Some("store") => format!("store = {}", own("store")),
            Some("guard") => format!("guard = {}", own("guard")),
            Some("log_key") => format!("log_key = {}", own("log.key")),
            Some("policy") => line.replace('"', "").replace("policy = ", &beside("policy")) + "\"",
            Some("ca") => line.replace('"', "").replace("ca = ", &beside("ca")) + "\"",
            _ => line.to_owned(),
        });
        let config: String = lines.map(|line| line + "\n").collect();
        let ca = stage.keys().join("tls-ca.pem");
        let follow =
            format!("[log.follow]\nprimary = \"{}\"\nca = \"{}\"\ninterval_ms = 20\n", stage.url(), ca.display());
        let (origin, authority) = (keys.ministry().origin.clone(), keys.tls_ca().expect("a certificate"));
        let mut replica = Self { folder, ledger: None, log: Arc::default(), origin, authority, config, follow };
        replica.start();
        replica
    }

    /// The same as the archive of a landing zone, with a key of its own: gives its verifier key beside it.
    ///
    /// # Panics
    /// If it does not begin.
    #[must_use]
    pub fn archive(stage: &Stage, name: &str) -> (Self, String) {
        let mut replica = Self::new(stage);
        replica.kill();
        let key = replica.path("archive.key");
        let output = command("zegel").args(["--json", "custody", "key", "--plain", "--name", name]).arg(&key).output();
        let said = output.expect("it runs").stdout;
        let said: serde_json::Value = serde_json::from_slice(&said).expect("JSON");
        let (receipts, key) = (replica.path("receipts").display().to_string(), key.display().to_string());
        let archive = format!(
            "[log.follow.archive]\nname = \"{name}\"\nkey = \"{key}\"\nreceipts = \"{receipts}\"\ninterval_s = 0\n"
        );
        replica.follow.push_str(&archive);
        replica.start();
        (replica, said["result"]["vkey"].as_str().expect("a key").into())
    }

    /// A file of its folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where it listens.
    ///
    /// # Panics
    /// If it does not run.
    #[must_use]
    pub fn url(&self) -> String {
        let ledger = self.ledger.as_ref().expect("it runs");
        format!("https://localhost:{}", ledger.address.rsplit(':').next().expect("a port"))
    }

    /// Everything that it has printed.
    #[must_use]
    pub fn told(&self) -> String {
        told_so_far(&self.log)
    }

    /// The configuration of the ledger that it becomes when it is promoted.
    #[must_use]
    pub fn own_config(&self) -> &str {
        &self.config
    }

    /// Starts it and waits for its word that it listens.
    ///
    /// # Panics
    /// If it does not.
    pub fn start(&mut self) {
        let path = self.path("ledger.toml");
        fs::write(&path, format!("{}{}", self.config, self.follow)).expect("written");
        self.ledger = Some(Ledger::start(&path, &self.log));
    }

    /// Kills it without a word (SIGKILL).
    pub fn kill(&mut self) {
        self.ledger.take().into_iter().for_each(Ledger::kill);
    }

    /// Entries that it serves.
    ///
    /// # Panics
    /// If it does not run.
    pub async fn size(&self) -> u64 {
        let connection =
            Connection::new(&self.url(), Some(&self.authority), &self.origin, Backoff::default()).expect("an address");
        let note = connection.newest_checkpoint().await.unwrap_or_default();
        ClaimedCheckpoint::parse(&note).map_or(0, |claimed| claimed.claimed_size())
    }

    /// Puts the log's key there and runs `zegel-ledger promote`, whatever comes of it.
    ///
    /// # Panics
    /// If the key cannot be copied.
    #[must_use]
    pub fn promote(&self, stage: &Stage, arguments: &[&str]) -> Output {
        let key = self.path("log.key");
        fs::copy(stage.keys().join("log.key"), &key).expect("copied");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("its mode");
        let mut promote = command("zegel-ledger");
        promote.args(["promote", "--config"]).arg(self.path("ledger.toml")).args(arguments);
        promote.output().expect("it runs")
    }

    /// Runs `zegel-ledger check` on the stopped store; gives what it printed.
    ///
    /// # Panics
    /// If it does not run.
    #[must_use]
    pub fn check(&self) -> String {
        let mut check = command("zegel-ledger");
        let output = check.args(["check", "--config"]).arg(self.path("ledger.toml")).output().expect("it runs");
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.kill();
    }
}
