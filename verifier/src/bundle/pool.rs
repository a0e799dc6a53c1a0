//! A few threads that prepare chunks of records beside the caller's, which reads ahead and takes the results in order.
//!
//! Invariants: results come in the order of the bundle, so that no outcome depends on the timing or the number of threads; at
//! most [`DEPTH`] chunks a thread are underway, which bounds the memory; a thread that the system does not give is not
//! missed, its work is done by the caller. Only this file and `digest` start threads.
//! Not here: what is prepared (`prepared`), and what follows from it (`walk`). Specification: `specs/bundle.md`, memory.

use super::digest::Digester;
use super::framing::Chunk;
use super::prepared::{Prepared, Preparer};
use crate::hash::Hash;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, Scope};
use zegel_proto::CanonicalError;

/// Chunks underway for each thread: one in work, one waiting for it, one waiting to be taken.
const DEPTH: usize = 3;
/// Threads at most. Beyond a handful, the walk in the caller's thread is the limit.
pub const WORKERS_MAX: usize = 16;

/// The records of a chunk, up to the first that is not canonical.
pub(super) type Records = Vec<Result<Prepared, CanonicalError>>;

/// A chunk whose records are prepared.
pub(super) struct PreparedChunk {
    pub(super) chunk: Arc<Chunk>,
    pub(super) records: Records,
    worker: Option<usize>,
}

struct Job {
    chunk: Arc<Chunk>,
    /// Records of an earlier job: whoever allocated them frees them, off the caller's thread.
    spent: Option<Records>,
}

struct Worker {
    jobs: SyncSender<Job>,
    done: Receiver<Records>,
    spent: Option<Records>,
}

/// The threads, and the chunks that are underway.
pub(super) struct Pool<'a> {
    /// For what no worker takes.
    preparer: Preparer<'a>,
    workers: Vec<Worker>,
    digester: Digester,
    underway: VecDeque<(Arc<Chunk>, Option<usize>)>,
    put: usize,
}

/// Does some work with a pool of at most so many threads; with none, everything happens in the caller's.
pub(super) fn with_workers<T>(workers: usize, origin: &str, work: impl FnOnce(&mut Pool<'_>) -> T) -> T {
    std::thread::scope(|scope| {
        let started = (0..workers.min(WORKERS_MAX)).map_while(|_| Worker::start(scope, origin));
        let workers: Vec<Worker> = started.collect();
        let digester = if workers.is_empty() { Digester::here() } else { Digester::start(scope) };
        let preparer = Preparer::new(origin);
        let mut pool = Pool { preparer, workers, digester, underway: VecDeque::new(), put: 0 };
        // The pool ends here, whatever the outcome: its channels close, and the threads with them.
        work(&mut pool)
    })
}

/// Does some work with as many digesters as there are workers, and at least with one.
pub(super) fn with_digesters<T>(workers: usize, work: impl FnOnce(&mut [Digester]) -> T) -> T {
    if workers == 0 {
        return work(&mut [Digester::here()]);
    }
    std::thread::scope(|scope| {
        let mut digesters: Vec<Digester> = (0..workers.min(WORKERS_MAX)).map(|_| Digester::start(scope)).collect();
        work(&mut digesters)
    })
}

impl Worker {
    fn start<'scope>(scope: &'scope Scope<'scope, '_>, origin: &'scope str) -> Option<Self> {
        let (jobs, asked) = sync_channel::<Job>(DEPTH);
        let (answer, done) = sync_channel(DEPTH);
        let work = move || {
            let mut preparer = Preparer::new(origin);
            for job in asked {
                drop(job.spent);
                if answer.send(preparer.prepare(&job.chunk)).is_err() {
                    break;
                }
            }
        };
        Builder::new().name("prepare".into()).spawn_scoped(scope, work).ok()?;
        Some(Self { jobs, done, spent: None })
    }
}

impl Pool<'_> {
    /// Whether a result must be taken before the next chunk is put.
    pub(super) fn is_full(&self) -> bool {
        self.underway.len() >= (self.workers.len() * DEPTH).max(1)
    }

    /// Hands out the next chunk.
    pub(super) fn put(&mut self, chunk: Chunk) {
        let chunk = Arc::new(chunk);
        self.digester.push(&chunk.bytes);
        if chunk.end.is_some() {
            self.digester.end();
        }
        let worker = self.put.checked_rem(self.workers.len());
        let handed = worker.filter(|at| {
            let worker = &mut self.workers[*at];
            let job = Job { chunk: Arc::clone(&chunk), spent: worker.spent.take() };
            worker.jobs.send(job).is_ok()
        });
        self.put += 1;
        self.underway.push_back((chunk, handed));
    }

    /// The records of the chunk that was put first; `None` if none is underway.
    pub(super) fn take(&mut self) -> Option<PreparedChunk> {
        let (chunk, worker) = self.underway.pop_front()?;
        let records = worker.and_then(|at| self.workers[at].done.recv().ok());
        let records = records.unwrap_or_else(|| self.preparer.prepare(&chunk));
        Some(PreparedChunk { chunk, records, worker })
    }

    /// Takes back what was walked.
    pub(super) fn give_back(&mut self, prepared: PreparedChunk) {
        if let Some(at) = prepared.worker {
            self.workers[at].spent = Some(prepared.records);
        }
    }

    /// Bytes and SHA-256 of the next part, once its last chunk was put.
    pub(super) fn digest(&mut self) -> (u64, Hash) {
        self.digester.take()
    }
}
