//! Rounds of failing system calls: strace lets one call of one kind fail while a source appends to a real ledger.
//!
//! The ledger runs by itself until everything is open; then strace follows it, and only calls on the file that is named, or
//! of a kind that nothing but files is the subject of. Afterwards the ledger is killed, started again, and held to all that
//! it said, as after a crash.

use super::{ORIGIN, Trial, append, assert_gone};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tonic::{Code, Status};
use zegel_proto::v1::{BlobStatRequest, BlobStatResponse, PutBlobRequest};
use zegel_verifier::hash::{Hash, sha256};

/// Appends of a round: more than it takes to meet the fault, where it is met at all.
const APPENDS_MAX: usize = 12;
/// Write-ahead logs of a database that are followed: the newest, and those that may come after it.
const LOGS_FOLLOWED: u64 = 32;

/// Bytes of a piece of an attachment.
pub const PIECE_BYTES: usize = 100_000;

/// A file that an append writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The write-ahead log of a database: `log` or `keys`.
    Log(&'static str),
    /// The guard.
    Guard,
    /// An attachment that is being put.
    Part(Hash),
    /// Whatever file: for kinds of calls that sockets and pipes do not see.
    Any,
}

/// A system call that is to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// On which file.
    pub target: Target,
    /// Its name.
    pub call: &'static str,
    /// What it answers: `EIO`, `ENOSPC`.
    pub error: &'static str,
    /// Which of these calls, from 1.
    pub when: u32,
}

/// What a round has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Met {
    /// Times that the fault was injected.
    pub injected: usize,
    /// Whether the source heard of it.
    pub is_told: bool,
}

/// Whether system calls can be made to fail here: strace is there, and may follow a process.
#[must_use]
pub fn can_inject() -> bool {
    let tried = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    tried.is_ok_and(|status| status.success())
}

struct Strace {
    process: Child,
    lines: PathBuf,
}

impl Strace {
    /// Follows a process; returns when it does.
    fn attach(pid: u32, fault: &Fault, files: &[PathBuf], lines: &Path) -> Self {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-p", &pid.to_string(), "-o"]).arg(lines);
        strace.args(["-e", &format!("trace={}", fault.call)]);
        strace.args(["-e", &format!("inject={}:error={}:when={}", fault.call, fault.error, fault.when)]);
        for file in files {
            strace.arg("-P").arg(file);
        }
        let mut process = strace.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("strace runs");
        let mut said = BufReader::new(process.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
        assert!(said.any(|line| line.contains("attached")), "strace did not attach to {pid}");
        // It tells of each thread that begins; with nobody to hear it, it would end.
        std::thread::spawn(move || said.for_each(drop));
        Self { process, lines: lines.to_owned() }
    }

    /// Waits until what it followed is gone; gives how often it injected.
    fn end(mut self) -> usize {
        self.process.wait().expect("strace ends");
        let text = std::fs::read_to_string(&self.lines).expect("what strace saw");
        text.matches("(INJECTED)").count()
    }
}

impl Trial {
    fn files(&self, target: Target) -> Vec<PathBuf> {
        match target {
            Target::Any => Vec::new(),
            Target::Guard => vec![self.stage.keys().join("guard")],
            Target::Part(blob) => {
                let name = format!("{blob}.part");
                vec![self.stage.keys().join("store/blobs").join(&name[..2]).join(name)]
            }
            Target::Log(database) => {
                let folder = self.stage.keys().join("store").join(database);
                let names = std::fs::read_dir(&folder).expect("a database");
                let paths = names.map(|item| item.expect("a file").path());
                let logs = paths.filter(|path| path.extension().is_some_and(|suffix| suffix == "log"));
                let number = |path: PathBuf| path.file_stem()?.to_str()?.parse::<u64>().ok();
                let newest = logs.filter_map(number).max().expect("a write-ahead log");
                // A database begins another log when it pleases: the numbers that come next are followed as well.
                (newest..newest + LOGS_FOLLOWED).map(|number| folder.join(format!("{number:06}.log"))).collect()
            }
        }
    }

    /// Appends while a call fails; then kills the ledger, starts it again, and holds it to what it said.
    pub fn inject(&mut self, fault: &Fault) -> Met {
        self.rounds += 1;
        let lines = self.stage.path(&format!("strace-{}", self.rounds));
        let strace = Strace::attach(self.stage.ledger_pid(), fault, &self.files(fault.target), &lines);
        let mut source = self.source.take().unwrap_or_else(|| self.open());
        let (captures, dice) = (&mut self.captures, &mut self.dice);
        let is_told = self.runtime.block_on(async {
            for _ in 0..APPENDS_MAX {
                if append(&mut source, captures, dice).await.inspect_err(assert_gone).is_err() {
                    return true;
                }
            }
            false
        });
        drop(source);
        self.stage.kill();
        let injected = strace.end();
        let waiting = self.waiting();
        let fresh = self.stored_receipts();
        self.stage.start();
        self.hold(fresh);
        self.resume(&waiting);
        Met { injected, is_told }
    }

    /// Puts an attachment while a call fails; gives how it was refused, and where the ledger says that it goes on. Then the ledger is killed
    /// and started again, and the rest is put.
    ///
    /// # Panics
    /// If it is not refused, or not whole in the end.
    pub fn inject_blob(&mut self, bytes: &[u8], fault: &Fault) -> (Code, u64) {
        self.rounds += 1;
        let lines = self.stage.path(&format!("strace-{}", self.rounds));
        let strace = Strace::attach(self.stage.ledger_pid(), fault, &self.files(fault.target), &lines);
        let refused = self.put_blob(bytes, 0).expect_err("a call failed").code();
        let BlobStatResponse { offset, complete } = self.blob_stat(bytes);
        assert!(!complete);
        self.stage.kill();
        assert_eq!(strace.end(), 1, "{fault:?} was to be met");
        self.stage.start();
        let whole = self.put_blob(bytes, offset).expect("the rest");
        assert_eq!((whole, self.blob_stat(bytes).complete), (bytes.len() as u64, true));
        (refused, offset)
    }

    fn put_blob(&self, bytes: &[u8], from: u64) -> Result<u64, Status> {
        let piece = |(number, data): (usize, &[u8])| PutBlobRequest {
            origin: ORIGIN.into(),
            sha256: sha256(&[bytes]).to_vec(),
            size: bytes.len() as u64,
            offset: from + (number * PIECE_BYTES) as u64,
            data: data.to_vec(),
        };
        let pieces: Vec<_> = bytes[from as usize..].chunks(PIECE_BYTES).enumerate().map(piece).collect();
        let mut client = self.connection().client();
        let put = self.runtime.block_on(client.put_blob(tokio_stream::iter(pieces)))?;
        Ok(put.into_inner().offset)
    }

    fn blob_stat(&self, bytes: &[u8]) -> BlobStatResponse {
        let request = BlobStatRequest { origin: ORIGIN.into(), sha256: sha256(&[bytes]).to_vec() };
        let mut client = self.connection().client();
        self.runtime.block_on(client.blob_stat(request)).expect("a stat").into_inner()
    }

    /// A clean stop, a check that finds nothing, and another start.
    pub fn check(&mut self) {
        self.source = None;
        assert_eq!(self.stage.stop(), Some(0));
        self.stage.check();
        self.stage.start();
        self.source = Some(self.open());
    }
}
