//! Media that came along with the files of a room: found by the size and the name that an event states.
//!
//! Invariant: a file is of one message, of its sender's edits of it, and of those that have its address as well, as a forwarded one
//! has. Of two others that name it, it is that of the one that holds, then of the one that was sent first: who learns of a file later
//! cannot make it his.
//!
//! Not here: media that lie with a server (`sidecar::homeserver`).

use super::{Redaction, RoomEvent};
use crate::import::parcel::Entry;
use crate::import::{Damage, ImportError, MediaStore, Parcel};
use crate::json::{number, text};
use crate::seal::BlobSummary;
use std::collections::{BTreeSet, HashMap};

/// Which parcel, and which of its entries.
type Place = (usize, usize);

/// What an event says of its medium.
pub(super) struct Named {
    pub(super) name: String,
    pub(super) media_type: String,
    size: Option<u64>,
    /// Where its bytes lie: one address has the same bytes for good.
    address: String,
}

/// Which message a file is of.
struct Claim {
    /// Smaller is better: whether it does not hold, and when it was sent.
    rank: (bool, u64),
    message: Box<str>,
    address: Box<str>,
}

impl Claim {
    /// Whether the file is that of an event too. An address that nobody signed is nobody's word against one that holds.
    fn is_of(&self, event: &RoomEvent, named: &Named) -> bool {
        let is_as_good = event.checked.is_held() || self.rank.0;
        *self.message == *message(event) || is_as_good && *self.address == *named.address
    }
}

impl Named {
    /// Of an event that has a medium, and its content.
    pub(super) fn of(event: &RoomEvent) -> Option<Self> {
        let content = |path: &[&str]| text(&event.json, &[&["content"], path].concat());
        let address = content(&["url"]).or(content(&["file", "url"]));
        let address = address.filter(|_| event.redaction() == Redaction::None)?.to_owned();
        let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let named = content(&["filename"]).filter(|name| !name.is_empty());
        Some(Self {
            name: owned(named.or(content(&["body"]))),
            media_type: owned(content(&["info", "mimetype"])),
            size: number(&event.json, &["content", "info", "size"]),
            address,
        })
    }
}

/// Media of all parcels, in an order in which a name is found by how it begins.
#[derive(Default)]
pub(super) struct MediaFiles {
    parcels: Vec<Parcel>,
    /// Each under its size, and under none for an event that states none.
    found: BTreeSet<(Option<u64>, Box<str>, Place)>,
    claims: HashMap<Place, Claim>,
}

impl MediaFiles {
    pub(super) fn new(parcels: Vec<Parcel>) -> Self {
        let listed = |(at, parcel): (usize, &Parcel)| {
            parcel
                .entries()
                .iter()
                .enumerate()
                .flat_map(move |(entry, file)| rows(file, (at, entry)))
                .collect::<Vec<_>>()
        };
        let found = parcels.iter().enumerate().flat_map(listed).collect();
        Self { parcels, found, claims: HashMap::new() }
    }

    /// Whether nothing came along.
    pub(super) fn is_empty(&self) -> bool {
        self.parcels.is_empty()
    }

    /// Remembers which file an event names. All events have their turn before the first is asked for its medium.
    pub(super) fn claim(&mut self, event: &RoomEvent) {
        if self.is_empty() {
            return;
        }
        let Some(named) = Named::of(event) else { return };
        let Some(place) = self.find(&named) else { return };
        // Without a time it was sent last.
        let sent_ms = Some(event.at_ms()).filter(|at_ms| *at_ms > 0).unwrap_or(u64::MAX);
        let rank = (!event.checked.is_held(), sent_ms);
        if self.claims.get(&place).is_none_or(|held| rank < held.rank) {
            self.claims.insert(place, Claim { rank, message: message(event).into(), address: named.address.into() });
        }
    }

    /// The file of an event, if it is that event's.
    pub(super) fn of(&self, event: &RoomEvent, named: &Named) -> Option<Place> {
        self.find(named).filter(|place| self.claims.get(place).is_some_and(|claim| claim.is_of(event, named)))
    }

    /// The one file of that size whose name begins and ends as stated: Element puts the date in between.
    fn find(&self, Named { name, size, .. }: &Named) -> Option<Place> {
        let (size, (stem, ending)) = (*size, name.rsplit_once('.').unwrap_or((name, "")));
        if stem.is_empty() {
            return None;
        }
        let begun = self.found.range((size, stem.into(), (0, 0))..);
        let begun = begun.take_while(|(of, base, _)| *of == size && base.starts_with(stem));
        // Behind the stem the date, the ending or nothing: another word is another name.
        let is_whole = |base: &str| matches!(base.as_bytes().get(stem.len()), None | Some(b'-' | b'.'));
        let begun = begun.filter(|(_, base, _)| is_whole(base) && base.ends_with(ending));
        let mut fitting = begun.map(|(.., place)| *place);
        let first = fitting.next();
        first.filter(|_| fitting.next().is_none())
    }

    /// Puts one into a store, or says what is wrong with its bytes.
    pub(super) fn put(
        &mut self,
        (parcel, entry): Place,
        to: &MediaStore,
    ) -> Result<Result<BlobSummary, Damage>, ImportError> {
        to.take(&mut self.parcels[parcel], entry)
    }
}

/// What an event is a version of, by whom: an edit has the medium of what its sender edits.
fn message(event: &RoomEvent) -> String {
    format!("{} {}", event.replaces().unwrap_or(&event.id), event.sender())
}

fn rows(file: &Entry, place: Place) -> [(Option<u64>, Box<str>, Place); 2] {
    [Some(file.size), None].map(|size| (size, file.base().into(), place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_by_its_size_and_both_ends_of_its_name_and_never_guessed() {
        let named = [
            ("m/foto-5-4-2026.png", 7),
            ("m/foto-6-4-2026.png", 8),
            ("m/foto.pdf", 7),
            ("m/fotoboek.png", 9),
            (".png", 7),
            ("m/nota bene.pdf", 5),
            ("m/nota", 6),
        ];
        let entry = |(name, size): (&str, u64)| Entry { name: name.into(), size };
        let found = named.iter().enumerate().flat_map(|(at, named)| rows(&entry(*named), (0, at))).collect();
        let media = MediaFiles { parcels: Vec::new(), found, claims: HashMap::new() };
        let place = |name: &str, size| {
            media
                .find(&Named { name: name.into(), media_type: String::new(), size, address: String::new() })
                .map(|(_, entry)| entry)
        };
        assert_eq!((place("foto.png", Some(7)), place("foto.png", Some(8))), (Some(0), Some(1)));
        assert_eq!((place("fotoboek.png", None), place("foto.pdf", None)), (Some(3), Some(2)));
        // Another size, another ending, no name, and three that fit.
        assert_eq!(
            (place("foto.png", Some(6)), place("foto.gif", Some(7)), place(".png", Some(7))),
            (None, None, None)
        );
        assert_eq!(place("foto.png", None), None);
        assert_eq!(place("foto", Some(7)), None, "two begin so");
        // Another word that begins so is another name.
        assert_eq!(
            (place("foto.png", Some(9)), place("nota.pdf", Some(5)), place("nota.pdf", None)),
            (None, None, None)
        );
        assert_eq!((place("nota", Some(6)), place("nota", None)), (Some(6), Some(6)));
    }
}
