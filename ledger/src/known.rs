//! What a source has logged of one capture, with the fingerprints that it stored itself.
//!
//! Read from the postings of the conversation, month by month and merged into log order; events of other sources and
//! custodians are left out. Memory is bounded by one batch's headers, one block of postings a month, and a page.

use crate::export::Merge;
use crate::log::Capture;
use crate::sequencer::OpenLog;
use crate::store::{CHUNK_EVENTS, StoreError};
use zegel_proto::parse;
use zegel_proto::v1::{EventHeader, KnownResponse, KnownRow, StreamType};
use zegel_verifier::hash::Hash;

/// Rows of a page.
const PAGE_ROWS: usize = 4_096;

/// Sends pages into a sink, which says whether anybody still listens.
pub(crate) fn known(
    log: &OpenLog,
    capture: &Capture,
    sink: &mut dyn FnMut(KnownResponse) -> bool,
) -> Result<(), StoreError> {
    let store = log.store();
    store.reach(log.view().size)?;
    // First the counter, then the rows: what is logged in between is left out of both.
    let next_conversation_seq = store.next_conversation_seq(capture)?;
    let months = store.months(StreamType::StreamConversation, capture.conversation)?;
    let mut merge = Merge::new(months.into_iter().map(|(of, count)| store.places(of, count)).collect())?;
    let mut reader =
        Reader { log, capture, entry: None, headers: Vec::new(), is_of_source: false, rows: (0, Vec::new()) };
    let mut rows = Vec::new();
    while let Some(place) = merge.next()? {
        let row = reader.row(place.entry, place.position)?;
        rows.extend(row.filter(|row| row.conversation_seq < next_conversation_seq));
        if rows.len() == PAGE_ROWS {
            let page = KnownResponse { rows: std::mem::take(&mut rows), next_conversation_seq, last: false };
            if !sink(page) {
                return Ok(());
            }
        }
    }
    sink(KnownResponse { rows, next_conversation_seq, last: true });
    Ok(())
}

struct Reader<'a> {
    log: &'a OpenLog,
    capture: &'a Capture,
    entry: Option<u64>,
    headers: Vec<Vec<u8>>,
    is_of_source: bool,
    /// Chunk number, and its message rows.
    rows: (u32, Vec<Vec<u8>>),
}

impl Reader<'_> {
    fn open(&mut self, entry: u64) -> Result<(), StoreError> {
        if self.entry == Some(entry) {
            return Ok(());
        }
        let store = self.log.store();
        let source = store.statement(entry)?.and_then(|statement| Hash::read(&statement.source));
        self.is_of_source = source == Some(self.capture.source);
        self.headers = if self.is_of_source { store.headers(entry)? } else { Vec::new() };
        self.rows = (u32::MAX, Vec::new());
        self.entry = Some(entry);
        Ok(())
    }

    fn row(&mut self, entry: u64, position: u32) -> Result<Option<KnownRow>, StoreError> {
        self.open(entry)?;
        if !self.is_of_source {
            return Ok(None);
        }
        let unreadable = StoreError::Row { what: "headers" };
        let header = self.headers.get(position as usize).ok_or(unreadable.clone())?;
        let header: EventHeader = parse(header).map_err(|_| unreadable)?;
        // Registrations and links stand in the conversation's stream too; they have no custodian, and no number.
        if Hash::read(&header.custodian) != Some(self.capture.custodian) {
            return Ok(None);
        }
        let chunk = position / CHUNK_EVENTS as u32;
        if self.rows.0 != chunk {
            self.rows = (chunk, self.log.store().wraps(entry, chunk)?.message_rows);
        }
        let message_row = self.rows.1.get(position as usize % CHUNK_EVENTS).cloned().unwrap_or_default();
        let (conversation_seq, month, kind) = (header.conversation_seq, header.month, header.kind as u32);
        Ok(Some(KnownRow { entry, position, conversation_seq, month, kind, message_row }))
    }
}
