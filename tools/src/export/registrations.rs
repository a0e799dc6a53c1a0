//! Registrations that are withheld: slot by slot, since a registration without a body counts as closed and not as covered.
//!
//! A verifier asks for no item where the whole body of a registration is missing, because an exporter has to be able to leave
//! one closed that it cannot open. So what an officer withholds on a ground is shown as what it is: every slot covered.
//! Specification: `specs/bundle.md`.

use super::{Cover, ExportError, Spot};
use crate::source::Connection;
use std::collections::HashMap;
use zegel_proto::parse;
use zegel_proto::v1::{EventHeader, EventKind};
use zegel_verifier::kinds::{Family, family, layout};

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
