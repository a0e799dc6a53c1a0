//! A witness for tests of the whole: the real command, its own folder, and requests over HTTP.

use crate::command;
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Content-Type.
    pub media_type: String,
    /// Body.
    pub body: String,
}

/// A witness with its key and its state.
pub struct Witness {
    folder: TempDir,
    process: Option<Child>,
    address: SocketAddr,
    scheme: &'static str,
    /// `witness <name> <vkey>` or `auditor <name> <vkey>`, as in trust files.
    pub line: String,
}

impl Witness {
    /// Makes and starts a witness of a log; `more` is what `zegel witness init` is told beside names.
    ///
    /// # Panics
    /// If it does not begin.
    #[must_use]
    pub fn new(label: &str, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let name = format!("{label}.example/witness");
        let mut init = command("zegel");
        init.args(["--json", "witness", "init", "--plain"]).arg(folder.path().join("w"));
        init.args(["--name", &name, "--label", label, "--listen", "127.0.0.1:0"]).args(more);
        let made = init.output().expect("zegel runs");
        let document: Value = serde_json::from_slice(&made.stdout).expect("one document");
        let line = document["result"]["line"].as_str().unwrap_or_else(|| panic!("{document}")).to_owned();
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut witness = Self { folder, process: None, address, scheme: "http", line };
        witness.start();
        // Later starts take the same port, which others have been told.
        let chosen = witness.address.to_string();
        witness.configure("127.0.0.1:0", &chosen);
        witness
    }

    /// A file of the witness's folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("w").join(name)
    }

    /// Changes the configuration; it counts from the next start.
    ///
    /// # Panics
    /// If `from` does not stand in it.
    pub fn configure(&self, from: &str, to: &str) {
        let path = self.path("witness.toml");
        let text = fs::read_to_string(&path).expect("a configuration");
        assert!(text.contains(from), "{from} stands in {text}");
        fs::write(path, text.replace(from, to)).expect("written");
    }

    /// Starts the process and waits until it listens.
    ///
    /// # Panics
    /// If it does not.
    pub fn start(&mut self) {
        let ready = self.path("ready");
        let _ = fs::remove_file(&ready);
        let log = fs::File::options().create(true).append(true).open(self.path("log")).expect("a log");
        let mut serve = command("zegel");
        serve.args(["witness", "serve", "--config"]).arg(self.path("witness.toml"));
        serve.arg("--ready-file").arg(&ready).stdout(Stdio::null()).stderr(log);
        let mut process = serve.spawn().expect("zegel starts");
        let address = eventually("the witness listens", || {
            let has_ended = process.try_wait().expect("a process").is_some();
            assert!(!has_ended, "the witness has ended: {}", self.told());
            fs::read_to_string(&ready).ok()?.trim().parse().ok()
        });
        (self.process, self.address) = (Some(process), address);
    }

    /// Speaks TLS from here on, with the certificate that a ministry made for its own machine.
    ///
    /// # Panics
    /// If the configuration cannot be written.
    pub fn secure(&mut self, keys: &std::path::Path) {
        self.kill();
        let file = |name: &str| serde_json::Value::from(keys.join(name).display().to_string());
        let tls = format!("\n[tls]\ncertificate = {}\nkey = {}\n", file("tls-server.pem"), file("tls-server.key"));
        let path = self.path("witness.toml");
        let text = fs::read_to_string(&path).expect("a configuration");
        fs::write(path, text + &tls).expect("written");
        self.scheme = "https";
        self.start();
    }

    /// Tries to start, and gives what came of it; for a witness that must not begin.
    #[must_use]
    pub fn try_start(&self) -> Output {
        let mut serve = command("zegel");
        serve.args(["witness", "serve", "--config"]).arg(self.path("witness.toml"));
        serve.output().expect("zegel runs")
    }

    /// Kills it without a word (SIGKILL).
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("it can be killed");
            process.wait().expect("it has ended");
        }
    }

    /// Everything that it has said.
    #[must_use]
    pub fn told(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Its line of a ledger's policy.
    #[must_use]
    pub fn policy_line(&self) -> String {
        format!("{} {}://localhost:{}/", self.line, self.scheme, self.address.port())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends a request for a cosignature.
    #[must_use]
    pub fn add_checkpoint(&self, body: &[u8]) -> Answer {
        exchange(self.address, "POST /add-checkpoint", body)
    }

    /// Asks for something.
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        exchange(self.address, &format!("GET {path}"), b"")
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.kill();
    }
}

/// One exchange over HTTP/1.1, on a connection of its own.
///
/// # Panics
/// If the answer is none.
#[must_use]
pub fn exchange(address: SocketAddr, what: &str, body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).expect("connected");
    let length = body.len();
    let head =
        format!("{what} HTTP/1.1\r\nHost: witness.example\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    // A server that has refused need not read all.
    let _ = stream.write_all(&[head.as_bytes(), body].concat());
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let answer = String::from_utf8(answer).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("an answer: {answer:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let field =
        head.lines().find_map(|line| line.strip_prefix("content-type: ").or(line.strip_prefix("Content-Type: ")));
    Answer { status, media_type: field.unwrap_or_default().to_owned(), body: body.to_owned() }
}

/// Waits until something is there.
///
/// # Panics
/// If it is not there in good time.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(25));
    }
}
