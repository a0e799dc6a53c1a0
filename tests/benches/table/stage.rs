//! A ledger of its own for the benchmark: the real command, over TLS, on a port that the system chose.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use zegel_tests::command;
use zegel_tools::keys::KeyFolder;

/// How long a ledger may take to start before it counts as failed.
const START_MAX: Duration = Duration::from_secs(120);

pub struct Stage {
    folder: PathBuf,
    pub keys: KeyFolder,
    ledger: Option<Child>,
    pub url: String,
}

impl Stage {
    /// Keys, and a ledger that has begun its log.
    pub fn new(folder: &Path, name: &str) -> Result<Self, String> {
        let folder = folder.join(name);
        let keys = KeyFolder::init(&folder.join("keys"), &format!("chat.example.nl/{name}"), "Ministerie van Proef");
        let keys = keys.map_err(|reason| reason.to_string())?;
        let mut stage = Self { folder, keys, ledger: None, url: String::new() };
        stage.start()?;
        Ok(stage)
    }

    /// Starts the ledger; gives the seconds until it listens.
    pub fn start(&mut self) -> Result<f64, String> {
        let ready = self.folder.join("ready");
        _ = fs::remove_file(&ready);
        let errors = fs::File::create(self.folder.join("ledger.log")).map_err(|reason| reason.to_string())?;
        let begun = Instant::now();
        let child = command("zegel-ledger")
            .args(["serve", "--config"])
            .arg(self.keys.ledger_config())
            .arg("--ready-file")
            .arg(&ready)
            .env("RUST_LOG", "warn")
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn();
        self.ledger = Some(child.map_err(|reason| reason.to_string())?);
        loop {
            if let Ok(address) = fs::read_to_string(&ready) {
                let port = address.trim().rsplit(':').next().unwrap_or_default();
                self.url = format!("https://localhost:{port}");
                return Ok(begun.elapsed().as_secs_f64());
            }
            if begun.elapsed() > START_MAX
                || self.ledger.as_mut().is_some_and(|child| !matches!(child.try_wait(), Ok(None)))
            {
                return Err(format!("the ledger did not start: {}", self.log()));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn log(&self) -> String {
        let log = fs::read_to_string(self.folder.join("ledger.log")).unwrap_or_default();
        log.lines().last().unwrap_or("it said nothing").to_owned()
    }

    /// Asks the ledger to stop, and gives the seconds until it has.
    pub fn stop(&mut self) -> Result<f64, String> {
        let Some(mut child) = self.ledger.take() else { return Ok(0.0) };
        let begun = Instant::now();
        let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        told.map_err(|reason| reason.to_string())?;
        child.wait().map_err(|reason| reason.to_string())?;
        Ok(begun.elapsed().as_secs_f64())
    }

    /// Ends the ledger without a word.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.ledger.take() {
            _ = child.kill();
            _ = child.wait();
        }
    }

    /// Bytes of the store on disk.
    pub fn store_bytes(&self) -> u64 {
        bytes_of(&self.folder.join("keys/store"))
    }

    /// Bytes of the ledger in memory: now, and at most.
    pub fn memory(&self) -> (u64, u64) {
        let Some(child) = &self.ledger else { return (0, 0) };
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
        };
        (of("VmRSS:"), of("VmHWM:"))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.kill();
    }
}

fn bytes_of(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_of(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}
