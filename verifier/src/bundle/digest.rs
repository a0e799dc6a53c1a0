//! SHA-256 of files, on a thread of its own where there is one: a file is one chain of blocks, which nothing can divide.
//!
//! Invariants: digests come in the order in which files ended; at most [`DEPTH`] pieces wait. Where the system gives no
//! thread, the caller's does the work. Specification: `specs/bundle.md`, memory.

use crate::hash::Hash;
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, Scope};

/// Pieces that wait for the thread.
const DEPTH: usize = 8;

/// Size and SHA-256 of one file after the other.
pub(super) enum Digester {
    /// In the caller's thread.
    Here(Chain, VecDeque<(u64, Hash)>),
    /// On another; a piece of nothing ends a file.
    Thread { pieces: SyncSender<Option<Arc<Vec<u8>>>>, digests: Receiver<(u64, Hash)> },
}

/// A file that is being hashed.
#[derive(Default)]
pub(super) struct Chain {
    hasher: Sha256,
    bytes: u64,
}

impl Chain {
    fn push(&mut self, piece: &[u8]) {
        self.hasher.update(piece);
        self.bytes += piece.len() as u64;
    }

    fn end(&mut self) -> (u64, Hash) {
        (std::mem::take(&mut self.bytes), Hash(self.hasher.finalize_reset().into()))
    }
}

impl Digester {
    /// In the caller's thread.
    pub(super) fn here() -> Self {
        Self::Here(Chain::default(), VecDeque::new())
    }

    /// On a thread of its own.
    pub(super) fn start<'scope>(scope: &'scope Scope<'scope, '_>) -> Self {
        let (pieces, asked) = sync_channel(DEPTH);
        let (answer, digests) = channel();
        let started = Builder::new().name("digest".into()).spawn_scoped(scope, move || digest_all(&asked, &answer));
        if started.is_ok() { Self::Thread { pieces, digests } } else { Self::here() }
    }

    pub(super) fn push(&mut self, piece: &Arc<Vec<u8>>) {
        match self {
            Self::Here(chain, _) => chain.push(piece),
            // A thread that is gone has panicked, and its scope says so.
            Self::Thread { pieces, .. } => _ = pieces.send(Some(Arc::clone(piece))),
        }
    }

    /// The file has ended.
    pub(super) fn end(&mut self) {
        match self {
            Self::Here(chain, digests) => digests.push_back(chain.end()),
            Self::Thread { pieces, .. } => _ = pieces.send(None),
        }
    }

    /// Bytes and SHA-256 of the file that ended first.
    pub(super) fn take(&mut self) -> (u64, Hash) {
        let taken = match self {
            Self::Here(_, digests) => digests.pop_front(),
            Self::Thread { digests, .. } => digests.recv().ok(),
        };
        taken.unwrap_or((0, Hash::ZERO))
    }
}

fn digest_all(pieces: &Receiver<Option<Arc<Vec<u8>>>>, digests: &Sender<(u64, Hash)>) {
    let mut chain = Chain::default();
    for piece in pieces {
        match piece {
            Some(piece) => chain.push(&piece),
            None if digests.send(chain.end()).is_err() => break,
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::sha256;

    #[test]
    fn digests_come_in_the_order_of_the_files_here_and_on_a_thread() {
        let files: [&[&[u8]]; 3] = [&[b"one", b" file"], &[], &[b"another"]];
        let wanted: Vec<(u64, Hash)> =
            files.iter().map(|file| (file.concat().len() as u64, sha256(&[&file.concat()]))).collect();
        std::thread::scope(|scope| {
            for mut digester in [Digester::here(), Digester::start(scope)] {
                for file in files {
                    file.iter().for_each(|piece| digester.push(&Arc::new(piece.to_vec())));
                    digester.end();
                }
                assert_eq!([digester.take(), digester.take(), digester.take()], wanted[..]);
            }
        });
    }
}
