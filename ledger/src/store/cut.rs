//! The table of a snapshot as of fewer entries than are projected.
//!
//! A follower hears of a snapshot when it comes, and by then it has projected entries that the snapshot does not cover. Months
//! that these touched are counted and hashed again from their first events; all others are as they stand. Nothing here is
//! believed of whoever made the snapshot: count and root follow from the entries. Memory: one count for each month that was
//! touched since. Specification: `specs/follower.md`.

use crate::store::database::{Column, Database};
use crate::store::projection::block_key;
use crate::store::rows::{self, BLOCK_PLACES, HeadersRow, LogPlace, PlacesRow, StreamEdge, StreamRow};
use crate::store::{MadeTable, Projection, StoreError};
use std::collections::HashMap;
use zegel_proto::parse;
use zegel_proto::v1::EventHeader;
use zegel_verifier::batch::event_leaf;
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::{EventFacts, StreamMonth};
use zegel_verifier::snapshot::stream_leaf;
use zegel_verifier::tree::Frontier;

impl Projection<'_> {
    /// Makes the table over the first `covers` of `watermark` entries, which are projected.
    pub(super) fn write_table_at(db: &Database, covers: u64, watermark: u64) -> Result<MadeTable, StoreError> {
        let since = touched(db, covers, watermark)?;
        Self::write_table_of(db, covers, |of, row| {
            let Some(since) = since.get(of) else {
                let edge: StreamEdge = rows::parse_begin("a stream", row)?;
                return Ok(Some((edge.count, edge.root()?)));
            };
            let row: StreamRow = rows::parse("a stream", row)?;
            let before = row.count.checked_sub(*since).ok_or(StoreError::Row { what: "a stream" })?;
            if before == 0 {
                return Ok(None);
            }
            Ok(Some((before, root_of_first(db, of, &row, before)?.0)))
        })
    }
}

fn headers(db: &Database, entry: u64) -> Result<Vec<Vec<u8>>, StoreError> {
    let row = db.get(Column::Headers, &entry.to_be_bytes())?;
    row.map_or_else(|| Ok(Vec::new()), |row| Ok(rows::parse::<HeadersRow>("headers", &row)?.headers))
}

/// How many events the entries from `covers` on have put into each month.
fn touched(db: &Database, covers: u64, watermark: u64) -> Result<HashMap<StreamMonth, u64>, StoreError> {
    let unreadable = || StoreError::Row { what: "headers" };
    let mut since = HashMap::new();
    for entry in covers..watermark {
        for header in headers(db, entry)? {
            let header: EventHeader = parse(&header).map_err(|_| unreadable())?;
            let facts = EventFacts::read(&header).map_err(|_| unreadable())?;
            facts.streams().for_each(|of| *since.entry(of).or_default() += 1);
        }
    }
    Ok(since)
}

/// Root of a month's tree over its first `count` events, which it has.
fn root_of_first(db: &Database, of: &StreamMonth, row: &StreamRow, count: u64) -> Result<Hash, StoreError> {
    let mut tree = Frontier::new();
    let mut open: (Option<u64>, Vec<Vec<u8>>) = (None, Vec::new());
    for block in 0..count.div_ceil(BLOCK_PLACES) {
        for LogPlace { entry, position } in places(db, of, row, block)? {
            if tree.size() == count {
                break;
            }
            if open.0 != Some(entry) {
                open = (Some(entry), headers(db, entry)?);
            }
            let missing = StoreError::Missing { what: "header of entry", number: entry };
            let header = open.1.get(position as usize).ok_or(missing)?;
            tree.push(stream_leaf(entry, position, event_leaf(header)));
        }
    }
    if tree.size() == count { Ok(tree.root()) } else { Err(StoreError::Row { what: "postings" }) }
}

/// The places of a block; the open one lies with its stream.
fn places(db: &Database, of: &StreamMonth, row: &StreamRow, block: u64) -> Result<Vec<LogPlace>, StoreError> {
    if row.count / BLOCK_PLACES == block {
        return Ok(row.tail.places());
    }
    let found = db.get(Column::Postings, &block_key(of, block))?;
    let found = found.ok_or(StoreError::Missing { what: "block of postings", number: block })?;
    Ok(rows::parse::<PlacesRow>("postings", &found)?.places())
}
