//! Writing a group: its keys, then its truth. Each is atomic and synced.
//!
//! What if we stop after the keys? Rows of keys lie there for entries that do not exist; they are swept when the log is
//! opened. After the truth? The group is in the log, its sources never heard so, and get the same receipts when they
//! send it again. Projections follow later (`projector`).

use crate::log::{EnvelopeForm, Sealed, SealedBatch, SealedContent, Sent, SentEnvelope};
use crate::store::database::{Column, Write};
use crate::store::leaves::put_leaf;
use crate::store::projection::tile_key;
use crate::store::rows::{
    self, BodiesOf, BroughtRow, CHUNK_EVENTS, ErasedRow, HeadersOf, KeysOf, RewrapTurn, TableHead,
};
use crate::store::table::head_key;
use crate::store::{Step, Store, StoreError, faults};
use crate::tree::FullTile;
use zegel_proto::v1::SealedBody;
use zegel_verifier::hash::Hash;

/// Chunk number under which an entry's row of brought envelopes lies.
pub(super) const BROUGHT: u32 = u32::MAX;

/// What lies beside an entry, as rows that want only their key: made by whoever examines a batch, so that the single writer
/// copies and hashes none of it again.
#[derive(Debug)]
pub(crate) struct Packed {
    headers: Vec<u8>,
    bodies: Vec<(u32, Vec<u8>)>,
    wraps: Vec<(u32, Vec<u8>)>,
}

impl Packed {
    /// Packs what came.
    pub(crate) fn of(sent: &Sent) -> Self {
        let bytes = sent.headers.iter().map(|header| header.len() + 3).sum();
        let headers = rows::print_sized(&HeadersOf { headers: &sent.headers }, bytes);
        let chunks = || (0..).zip(sent.bodies.chunks(CHUNK_EVENTS));
        let bodies = chunks().filter_map(|(chunk, bodies)| Some((chunk, bodies_row(bodies)?))).collect();
        let wraps = chunks().filter_map(|(chunk, bodies)| Some((chunk, wraps_row(bodies)?))).collect();
        Self { headers, bodies, wraps }
    }
}

fn bodies_row(bodies: &[SealedBody]) -> Option<Vec<u8>> {
    let ciphertexts: Vec<&[u8]> = bodies.iter().map(|body| body.ciphertext.as_slice()).collect();
    let bytes: usize = ciphertexts.iter().map(|ciphertext| ciphertext.len()).sum();
    (bytes > 0).then(|| rows::print_sized(&BodiesOf { ciphertexts }, bytes))
}

fn wraps_row(bodies: &[SealedBody]) -> Option<Vec<u8>> {
    if bodies.iter().all(|body| body.wrap.is_empty()) {
        return None;
    }
    let wraps = bodies.iter().map(|body| body.wrap.as_slice()).collect();
    let message_rows = bodies.iter().map(|body| body.message_row.as_slice()).collect();
    let bytes = bodies.iter().map(|body| body.wrap.len() + body.message_row.len()).sum();
    Some(rows::print_sized(&KeysOf { wraps, message_rows }, bytes))
}

/// A group as it is written: what was decided, and what lies beside it by entry.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) sealed: Sealed,
    pub(crate) packed: Vec<(u64, Packed)>,
    /// Tables of the group's snapshots.
    pub(crate) tables: Vec<(u64, TableHead)>,
    /// Leaves of sealed forms that were erased before the group came here: entry, position. None where it is new.
    pub(crate) erased: Vec<(u64, u32, Hash)>,
}

impl Store {
    /// Takes a step, unless a test wants it to fail.
    pub(crate) fn step<T>(&self, step: Step, take: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        faults::step(self.faults.as_ref(), step, take)
    }

    /// Step one: wraps, message rows and envelopes.
    pub(crate) fn commit_keys(&self, group: &Group) -> Result<(), StoreError> {
        let mut write = self.keys.write();
        for (entry, packed) in &group.packed {
            for (chunk, row) in &packed.wraps {
                write.put(Column::Wraps, &rows::chunk_key(*entry, *chunk), row);
            }
        }
        batches(&group.sealed).for_each(|(entry, batch)| put_envelopes(&mut write, entry, batch));
        for (entry, position, leaf) in &group.erased {
            put_leaf(&mut write, *entry, *position, *leaf);
        }
        self.step(Step::Keys, || {
            if write.is_empty() {
                return Ok(());
            }
            self.keys.commit_synced(write, "writing keys")
        })
    }

    /// Step two: entries, headers, ciphertexts, full tiles, the tables of snapshots, the checkpoint.
    pub(crate) fn commit_truth(&self, group: &Group, note: &[u8], tiles: Vec<FullTile>) -> Result<(), StoreError> {
        let mut write = self.truth.write();
        for entry in &group.sealed.entries {
            write.put(Column::Entries, &entry.index.to_be_bytes(), &rows::print_raw(&entry.bytes));
        }
        for (entry, packed) in &group.packed {
            for (chunk, row) in &packed.bodies {
                write.put(Column::Bodies, &rows::chunk_key(*entry, *chunk), row);
            }
            write.put(Column::Headers, &entry.to_be_bytes(), &packed.headers);
        }
        for (entry, head) in &group.tables {
            write.put(Column::Tables, &head_key(*entry), &rows::print(head));
        }
        for (entry, position, leaf) in &group.erased {
            let row = ErasedRow { leaf: leaf.0, marks: Vec::new() };
            write.put(Column::Erased, &rows::chunk_key(*entry, *position), &rows::print(&row));
        }
        put_tiles(&mut write, &tiles);
        write.put(Column::Checkpoints, &group.sealed.size.to_be_bytes(), &rows::print_raw(note));
        self.step(Step::Truth, || self.truth.commit_synced(write, "writing the log"))
    }

    /// Deletes rows of keys from entry `size` on: their truth was never written.
    pub(super) fn sweep_keys(&self, size: u64) -> Result<u64, StoreError> {
        self.sweep_leaves(size)?;
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

fn put_envelopes(write: &mut Write<'_>, entry: u64, batch: &SealedBatch) {
    if batch.envelopes.is_empty() {
        return;
    }
    let brought = BroughtRow { envelopes: batch.envelopes.iter().map(|(hash, _)| hash.0).collect() };
    write.put(Column::Wraps, &rows::chunk_key(entry, BROUGHT), &rows::print(&brought));
    for (Hash(hash), SentEnvelope { bytes, form, .. }) in &batch.envelopes {
        let row = match form {
            EnvelopeForm::First => rows::print_raw(bytes),
            EnvelopeForm::Rewrapped => rows::print_rewrapped(RewrapTurn::default(), bytes),
        };
        write.put(Column::Envelopes, hash, &row);
    }
}

/// Full tiles of the log's tree are small and few: they are written with the entries that fill them.
pub(super) fn put_tiles(write: &mut Write<'_>, tiles: &[FullTile]) {
    for full in tiles {
        let hashes: Vec<u8> = full.tile.hashes().iter().flat_map(|hash| hash.0).collect();
        write.put(Column::Tiles, &tile_key(full.level, full.index), &rows::print_raw(&hashes));
    }
}
