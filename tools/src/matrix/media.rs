//! Media that came along with the files of a room: found by the size and the name that an event states.
//!
//! Not here: media that lie with a server (`sidecar::homeserver`).

use crate::import::parcel::Entry;
use crate::import::{Damage, ImportError, MediaStore, Parcel};
use crate::seal::BlobSummary;
use std::collections::BTreeSet;

/// Which parcel, and which of its entries.
type Place = (usize, usize);

/// Media of all parcels, in an order in which a name is found by how it begins.
#[derive(Default)]
pub(super) struct MediaFiles {
    parcels: Vec<Parcel>,
    /// Each under its size, and under none for an event that states none.
    found: BTreeSet<(Option<u64>, Box<str>, Place)>,
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
        Self { parcels, found }
    }

    /// Whether nothing came along.
    pub(super) fn is_empty(&self) -> bool {
        self.parcels.is_empty()
    }

    /// The one file of that size whose name begins and ends as stated: Element puts the date in between.
    pub(super) fn find(&self, name: &str, size: Option<u64>) -> Option<Place> {
        let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
        if stem.is_empty() {
            return None;
        }
        let begun = self.found.range((size, stem.into(), (0, 0))..);
        let begun = begun.take_while(|(of, base, _)| *of == size && base.starts_with(stem));
        let mut fitting = begun.filter(|(_, base, _)| base.ends_with(ending)).map(|(.., place)| *place);
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
        ];
        let entry = |(name, size): (&str, u64)| Entry { name: name.into(), size };
        let found = named.iter().enumerate().flat_map(|(at, named)| rows(&entry(*named), (0, at))).collect();
        let media = MediaFiles { parcels: Vec::new(), found };
        let place = |name, size| media.find(name, size).map(|(_, entry)| entry);
        assert_eq!((place("foto.png", Some(7)), place("foto.png", Some(8))), (Some(0), Some(1)));
        assert_eq!((place("fotoboek.png", None), place("foto.pdf", None)), (Some(3), Some(2)));
        // Another size, another ending, no name, and three that fit.
        assert_eq!(
            (place("foto.png", Some(6)), place("foto.gif", Some(7)), place(".png", Some(7))),
            (None, None, None)
        );
        assert_eq!(place("foto.png", None), None);
        assert_eq!(place("foto", Some(7)), None, "two begin so");
    }
}
