//! Registrations that are withheld: those of the scope slot by slot, those of other ids whole.
//!
//! A registration without a body counts as closed and not as covered.
//! A verifier asks for no item where the whole body of a registration is missing, because an exporter has to be able to leave
//! one closed that it cannot open. So what an officer withholds on a ground is shown as what it is: every slot covered.
//! The name of another id is shown for the messages that are: where all of them are withheld, so is the name. Memory: ids.
//! Specification: `specs/bundle.md`.

use super::walk::is_in_scope;
use super::{Cover, CoverError, ExportError, ExportOrder, Spot};
use crate::source::{Connection, Source};
use std::collections::{BTreeSet, HashMap};
use zegel_proto::parse;
use zegel_proto::v1::evidence_record::Record;
use zegel_proto::v1::{EventHeader, EventKind, ExportEvidenceRequest};
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::{EventFacts, Family, family, layout};

/// Other ids whose registrations stay closed.
#[derive(Debug, Default)]
pub(super) struct Others {
    /// Because the order says so.
    ordered: BTreeSet<Hash>,
    /// Because every message that names them is withheld.
    withheld: BTreeSet<Hash>,
}

impl Others {
    /// Of an order, and of what the ledger would give for it. Where nothing is withheld, nothing is asked.
    pub(super) async fn of(
        officer: &Source,
        order: &ExportOrder,
        request: &ExportEvidenceRequest,
    ) -> Result<Self, ExportError> {
        let whole: BTreeSet<Spot> = order.cover.withheld().collect();
        let withheld = if whole.is_empty() { BTreeSet::new() } else { unnamed(officer, request, &whole).await? };
        Ok(Self { ordered: order.closed.clone(), withheld })
    }

    pub(super) fn ordered(&self) -> impl Iterator<Item = Hash> {
        self.ordered.iter().copied()
    }

    pub(super) fn keeps_closed(&self, id: Hash) -> bool {
        self.ordered.contains(&id) || self.withheld.contains(&id)
    }
}

/// Refuses an order that closes the registrations of its own id: those are of the scope.
pub(super) fn check_closed(order: &ExportOrder) -> Result<(), CoverError> {
    let own = Hash::read(&order.scope.id);
    match order.closed.iter().find(|id| Some(**id) == own) {
        Some(id) => Err(CoverError::OwnRegistration { id: *id }),
        None => Ok(()),
    }
}

/// Ids of which messages are withheld as a whole and none is shown, by the headers: a registration may come before what names it.
async fn unnamed(
    officer: &Source,
    request: &ExportEvidenceRequest,
    whole: &BTreeSet<Spot>,
) -> Result<BTreeSet<Hash>, ExportError> {
    let (mut withheld, mut shown) = (BTreeSet::new(), BTreeSet::new());
    let mut stream = officer.connection().evidence(request).await?;
    let mut entry = 0;
    while let Some(record) = stream.message().await.map_err(ExportError::stream)? {
        match record.record {
            Some(Record::Entry(found)) => entry = found.index,
            Some(Record::Event(event)) => {
                let spot = Spot { entry, position: event.position };
                let header: EventHeader = parse(&event.header)?;
                let facts = EventFacts::read(&header).map_err(|reason| ExportError::Header { spot, reason })?;
                let is_message = family(facts.kind) == Family::Chat;
                if is_message && request.scope.as_ref().is_some_and(|scope| is_in_scope(&facts, scope)) {
                    let ids = if whole.contains(&spot) { &mut withheld } else { &mut shown };
                    ids.extend(facts.conversation.into_iter().chain(facts.custodian));
                }
            }
            _ => {}
        }
    }
    Ok(withheld.difference(&shown).copied().collect())
}

/// The cover of an order, with every registration that is withheld as a whole covered slot by slot.
pub(super) async fn spread(connection: &Connection, cover: &Cover) -> Result<Cover, ExportError> {
    let mut spread = cover.clone();
    let mut read: HashMap<u64, Vec<Vec<u8>>> = HashMap::new();
    for spot in cover.withheld() {
        if let std::collections::hash_map::Entry::Vacant(free) = read.entry(spot.entry) {
            free.insert(connection.headers(spot.entry).await?);
        }
        if let Some(kind) = read.get(&spot.entry).and_then(|headers| registration(headers, spot)) {
            spread.spread(spot, layout(kind).len() as u32);
        }
    }
    Ok(spread)
}

fn registration(headers: &[Vec<u8>], spot: Spot) -> Option<EventKind> {
    let header: EventHeader = parse(headers.get(spot.position as usize)?).ok()?;
    Some(header.kind()).filter(|kind| family(*kind) == Family::Register)
}
