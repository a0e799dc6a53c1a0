//! Writing a group: its keys, then its truth with the projections. Each is atomic and synced.
//!
//! What if we stop after the keys? Rows of keys lie there for entries that do not exist; they are swept when the log is
//! opened. After the truth? The group is in the log, its sources never heard so, and get the same receipts when they
//! send it again.

use crate::log::{Sealed, SealedBatch, SealedContent};
use crate::store::database::{Column, Write};
use crate::store::projection::ProjectedBatch;
use crate::store::rows::{self, BodiesRow, BroughtRow, CHUNK_EVENTS, HeadersRow, KeysRow};
use crate::store::{Step, Store, StoreError};
use crate::tree::FullTile;
use zegel_verifier::hash::Hash;

/// Chunk number under which an entry's row of brought envelopes lies.
pub(super) const BROUGHT: u32 = u32::MAX;

impl Store {
    /// Fails where a test wants it to.
    pub(crate) fn before(&self, step: Step) -> Result<(), StoreError> {
        self.faults.before(step).map_err(|reason| StoreError::Failed { step: "a step of the commit", reason })
    }

    /// Step one: wraps, message rows and envelopes.
    pub(crate) fn commit_keys(&self, sealed: &Sealed) -> Result<(), StoreError> {
        self.before(Step::Keys)?;
        let mut write = self.keys.write();
        for (entry, batch) in batches(sealed) {
            put_keys(&mut write, entry, batch);
        }
        if write.bytes() == 0 {
            return Ok(());
        }
        self.keys.commit_synced(write, "writing keys")
    }

    /// Step two: entries, headers, ciphertexts, the checkpoint, and the projections that follow.
    pub(crate) fn commit_truth(&self, sealed: &Sealed, note: &[u8], tiles: Vec<FullTile>) -> Result<(), StoreError> {
        self.before(Step::Truth)?;
        let mut write = self.truth.write();
        let mut projection = self.projection();
        for entry in &sealed.entries {
            write.put(Column::Entries, &entry.index.to_be_bytes(), &rows::print_raw(&entry.bytes));
        }
        for (entry, batch) in batches(sealed) {
            put_bodies(&mut write, entry, batch);
            let headers = HeadersRow { headers: batch.events.iter().map(|event| event.header.clone()).collect() };
            write.put(Column::Headers, &entry.to_be_bytes(), &rows::print(&headers));
            projection.take(ProjectedBatch {
                entry,
                source: batch.source,
                batch_seq: batch.batch_seq,
                statement: batch.statement,
                events: &mut batch.events.iter().map(|event| (event.facts, event.leaf)),
            })?;
        }
        projection.tiles(tiles);
        projection.put(&mut write);
        write.put(Column::Checkpoints, &sealed.size.to_be_bytes(), &rows::print_raw(note));
        self.truth.commit_synced(write, "writing the log")
    }

    /// Deletes rows of keys from entry `size` on: their truth was never written.
    pub(super) fn sweep_keys(&self, size: u64) -> Result<u64, StoreError> {
        let mut swept = 0;
        loop {
            let orphans = self.keys.slice(Column::Wraps, &[], &rows::chunk_key(size, 0), 256)?;
            if orphans.is_empty() {
                return Ok(swept);
            }
            let mut write = self.keys.write();
            for (key, row) in &orphans {
                if key.ends_with(&BROUGHT.to_be_bytes()) {
                    let brought: BroughtRow = rows::parse("brought envelopes", row)?;
                    brought.envelopes.iter().for_each(|hash| write.delete(Column::Envelopes, hash));
                }
                write.delete(Column::Wraps, key);
            }
            swept += orphans.len() as u64;
            self.keys.commit_synced(write, "sweeping keys")?;
        }
    }
}

fn batches(sealed: &Sealed) -> impl Iterator<Item = (u64, &SealedBatch)> {
    sealed.entries.iter().filter_map(|entry| match &entry.content {
        SealedContent::Batch(batch) => Some((entry.index, batch.as_ref())),
        SealedContent::Snapshot => None,
    })
}

fn put_keys(write: &mut Write<'_>, entry: u64, batch: &SealedBatch) {
    for (chunk, bodies) in (0..).zip(batch.bodies.chunks(CHUNK_EVENTS)) {
        if bodies.iter().all(|body| body.wrap.is_empty()) {
            continue;
        }
        let row = KeysRow {
            wraps: bodies.iter().map(|body| body.wrap.clone()).collect(),
            message_rows: bodies.iter().map(|body| body.message_row.clone()).collect(),
        };
        write.put(Column::Wraps, &rows::chunk_key(entry, chunk), &rows::print(&row));
    }
    if batch.envelopes.is_empty() {
        return;
    }
    let brought = BroughtRow { envelopes: batch.envelopes.iter().map(|(hash, _)| hash.0).collect() };
    write.put(Column::Wraps, &rows::chunk_key(entry, BROUGHT), &rows::print(&brought));
    for (Hash(hash), bytes) in &batch.envelopes {
        write.put(Column::Envelopes, hash, &rows::print_raw(bytes));
    }
}

fn put_bodies(write: &mut Write<'_>, entry: u64, batch: &SealedBatch) {
    for (chunk, bodies) in (0..).zip(batch.bodies.chunks(CHUNK_EVENTS)) {
        if bodies.iter().all(|body| body.ciphertext.is_empty()) {
            continue;
        }
        let row = BodiesRow { ciphertexts: bodies.iter().map(|body| body.ciphertext.clone()).collect() };
        write.put(Column::Bodies, &rows::chunk_key(entry, chunk), &rows::print(&row));
    }
}
