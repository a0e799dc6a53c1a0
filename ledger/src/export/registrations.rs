//! The registrations of what a scope shows: a timeline of bare ids is no timeline.
//!
//! A custodian's chats stand in conversations, and a conversation has custodians; a bundle carries the registration of each id
//! that an event of its scope names, without a claim that it is all of that id. Memory: the ids and their registrations.

use super::{ExportError, Merge, Walk, ahead, by_entry, is_in_scope};
use crate::store::{LogPlace, Store, Table, TableRow};
use prost::Message;
use std::collections::BTreeSet;
use zegel_proto::v1::{EventHeader, Scope, StreamType};
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::{EventFacts, Family, StreamMonth, family};

/// Ids whose first months are read by one thread in turn.
const IDS_TOGETHER: usize = 64;

impl Walk<'_, '_> {
    /// Where the ids that the scope names were registered or changed, ascending.
    pub(super) fn registrations(
        &self,
        rows: &[(u64, TableRow)],
        scope: &Scope,
    ) -> Result<BTreeSet<LogPlace>, ExportError> {
        let store = self.store;
        let read = |months: Vec<(StreamMonth, u64)>| {
            let places =
                months.into_iter().flat_map(|(of, count)| store.places(of, count)).collect::<Result<Vec<_>, _>>();
            let bytes = places.as_ref().map_or(0, |places| size_of_val(&places[..]));
            (places, bytes)
        };
        let mut places = BTreeSet::new();
        let named = self.ids_named(rows, scope)?;
        ahead::in_order(self.room, together(first_months(self.table, &named)), read, |found| {
            places.extend(found?);
            Ok(())
        })?;
        // Many are registered in one batch: its headers are read once.
        let mut last: (u64, Vec<Vec<u8>>) = (u64::MAX, Vec::new());
        let mut failed = None;
        places.retain(|place| match self.is_registration(*place, &mut last) {
            Ok(is_one) => is_one,
            Err(reason) => failed.replace(reason).is_none(),
        });
        failed.map_or(Ok(places), Err)
    }

    /// Ids other than its own that events of the scope name.
    fn ids_named(&self, rows: &[(u64, TableRow)], scope: &Scope) -> Result<BTreeSet<(StreamType, Hash)>, ExportError> {
        let mut named = BTreeSet::new();
        let of_scope = rows.first().filter(|(_, row)| row.stream() == scope.stream());
        let Some((_, row)) = of_scope else { return Ok(named) };
        let months = row.months.iter().filter(|(month, ..)| is_in_scope(scope, row, *month));
        let of = |month| StreamMonth { stream: row.stream(), id: Hash(row.id), month };
        let mut merge = Merge::new(months.map(|&(month, count, _)| self.store.places(of(month), count)).collect())?;
        let batches = by_entry(std::iter::from_fn(|| merge.next().transpose()));
        let read = |(entry, positions): (u64, Vec<u32>)| {
            let ids = ids_in(self.store, entry, &positions);
            let bytes = ids.as_ref().map_or(0, |ids| ids.len() * size_of::<(StreamType, Hash)>());
            (ids, bytes)
        };
        ahead::in_order(self.room, batches, read, |ids| {
            named.extend(ids?);
            Ok(())
        })?;
        // Those of the scope's own id stand in its month 0, which is shown anyway.
        named.remove(&(row.stream(), Hash(row.id)));
        Ok(named)
    }

    fn is_registration(&self, place: LogPlace, last: &mut (u64, Vec<Vec<u8>>)) -> Result<bool, ExportError> {
        if last.0 != place.entry {
            *last = (place.entry, self.store.headers(place.entry)?);
        }
        let facts = last.1.get(place.position as usize).and_then(|header| read(header));
        Ok(facts.is_some_and(|facts| family(facts.kind) == Family::Register))
    }
}

/// Month 0 of each of these ids that the table has, and how many events it has there.
fn first_months(
    table: &Table,
    ids: &BTreeSet<(StreamType, Hash)>,
) -> impl Iterator<Item = Result<(StreamMonth, u64), ExportError>> {
    ids.iter().filter_map(|&(stream, id)| {
        let row = match table.row(stream, id) {
            Ok(row) => row?.1,
            Err(reason) => return Some(Err(reason.into())),
        };
        let count = row.months.iter().find(|(month, ..)| *month == 0).map_or(0, |&(_, count, _)| count);
        Some(Ok((StreamMonth { stream, id, month: 0 }, count)))
    })
}

/// Months of some ids at a time: each is a read of its own wherever the disk has it, and several are read side by side.
fn together(
    months: impl Iterator<Item = Result<(StreamMonth, u64), ExportError>>,
) -> impl Iterator<Item = Result<Vec<(StreamMonth, u64)>, ExportError>> {
    let mut months = months.peekable();
    std::iter::from_fn(move || {
        months.peek()?;
        Some(months.by_ref().take(IDS_TOGETHER).collect())
    })
}

/// Ids that these events of an entry name.
fn ids_in(store: &Store, entry: u64, positions: &[u32]) -> Result<BTreeSet<(StreamType, Hash)>, ExportError> {
    let row = store.header_row(entry)?;
    let headers = row.headers()?;
    let mut named = BTreeSet::new();
    let mut last = (None, None);
    for position in positions {
        let Some(facts) = headers.get(*position as usize).and_then(|header| read(header)) else { continue };
        // Neighbours are mostly of one conversation.
        let ids = (facts.conversation, facts.custodian);
        if std::mem::replace(&mut last, ids) != ids {
            named.extend(facts.conversation.map(|id| (StreamType::StreamConversation, id)));
            named.extend(facts.custodian.map(|id| (StreamType::StreamCustodian, id)));
        }
    }
    Ok(named)
}

/// A header that was canonical when it was taken: it is not printed again to see.
fn read(header: &[u8]) -> Option<EventFacts> {
    EventFacts::read(&EventHeader::decode(header).ok()?).ok()
}
