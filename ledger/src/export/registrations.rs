//! The registrations of what a scope shows: a timeline of bare ids is no timeline.
//!
//! A custodian's chats stand in conversations, and a conversation has custodians; a bundle carries the registration of each id
//! that an event of its scope names, without a claim that it is all of that id. Memory: the ids and their registrations.

use super::{ExportError, Merge, Walk, is_in_scope};
use crate::store::{LogPlace, TableRow};
use std::collections::BTreeSet;
use zegel_proto::parse;
use zegel_proto::v1::{EventHeader, Scope, StreamType};
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::{EventFacts, Family, StreamMonth, family};

impl Walk<'_, '_> {
    /// Where the ids that the scope names were registered or changed, ascending.
    pub(super) fn registrations(
        &self,
        rows: &[(u64, TableRow)],
        scope: &Scope,
    ) -> Result<BTreeSet<LogPlace>, ExportError> {
        let mut places = BTreeSet::new();
        for (stream, id) in self.ids_named(rows, scope)? {
            let of = StreamMonth { stream, id, month: 0 };
            let Some((_, row)) = self.table.row(stream, id)? else { continue };
            let count = row.months.iter().find(|(month, ..)| *month == 0).map_or(0, |&(_, count, _)| count);
            for place in self.store.places(of, count) {
                let place = place?;
                if self.facts(place)?.is_some_and(|facts| family(facts.kind) == Family::Register) {
                    places.insert(place);
                }
            }
        }
        Ok(places)
    }

    /// Ids other than its own that events of the scope name.
    fn ids_named(&self, rows: &[(u64, TableRow)], scope: &Scope) -> Result<BTreeSet<(StreamType, Hash)>, ExportError> {
        let mut named = BTreeSet::new();
        let of_scope = rows.first().filter(|(_, row)| row.stream() == scope.stream());
        let Some((_, row)) = of_scope else { return Ok(named) };
        let months = row.months.iter().filter(|(month, ..)| is_in_scope(scope, row, *month));
        let of = |month| StreamMonth { stream: row.stream(), id: Hash(row.id), month };
        let mut merge = Merge::new(months.map(|&(month, count, _)| self.store.places(of(month), count)).collect())?;
        let mut last: Option<(u64, Vec<Vec<u8>>)> = None;
        while let Some(place) = merge.next()? {
            let headers = match last.take() {
                Some((entry, headers)) if entry == place.entry => headers,
                _ => self.store.headers(place.entry)?,
            };
            if let Some(facts) = headers.get(place.position as usize).and_then(|header| read(header)) {
                named.extend(facts.conversation.map(|id| (StreamType::StreamConversation, id)));
                named.extend(facts.custodian.map(|id| (StreamType::StreamCustodian, id)));
            }
            last = Some((place.entry, headers));
        }
        // Those of the scope's own id stand in its month 0, which is shown anyway.
        named.remove(&(row.stream(), Hash(row.id)));
        Ok(named)
    }

    fn facts(&self, place: LogPlace) -> Result<Option<EventFacts>, ExportError> {
        let headers = self.store.headers(place.entry)?;
        Ok(headers.get(place.position as usize).and_then(|header| read(header)))
    }
}

fn read(header: &[u8]) -> Option<EventFacts> {
    EventFacts::read(&parse::<EventHeader>(header).ok()?).ok()
}
