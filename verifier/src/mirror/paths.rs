//! Names of the files of a mirror (c2sp.org/tlog-tiles), and the file that says how far it is whole.

use super::MirrorError;

/// Path of a tile of hashes; `width` is 256 for a full one.
#[must_use]
pub fn tile_path(level: u32, index: u64, width: u64) -> String {
    format!("tile/{level}/{}", place(index, width))
}

/// Path of a bundle of entries; `width` is 256 for a full one.
#[must_use]
pub fn bundle_path(index: u64, width: u64) -> String {
    format!("tile/entries/{}", place(index, width))
}

/// Groups of three digits, all but the last behind an x; a partial one says its width.
fn place(index: u64, width: u64) -> String {
    let mut text = format!("{:03}", index % 1_000);
    let mut rest = index / 1_000;
    while rest > 0 {
        text = format!("x{:03}/{text}", rest % 1_000);
        rest /= 1_000;
    }
    if width < super::TILE_WIDTH { format!("{text}.p/{width}") } else { text }
}

/// Path of a part of events.
pub(super) fn part_path(first: u64) -> String {
    format!("events/{first:020}")
}

/// How far a mirror is whole: the file `mirror`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) origin: String,
    /// Entries.
    pub(super) size: u64,
    /// First entry of the last part of events, and the bytes of it that count.
    pub(super) part: u64,
    pub(super) part_bytes: u64,
}

/// Name of that file.
pub(super) const EXTENT: &str = "mirror";

impl Extent {
    pub(super) fn print(&self) -> Vec<u8> {
        let Self { origin, size, part, part_bytes } = self;
        format!("zegel mirror v1\n{origin}\n{size}\n{part}\n{part_bytes}\n").into_bytes()
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, MirrorError> {
        let malformed = || MirrorError::Malformed { path: EXTENT.into(), wanted: "the extent of a mirror" };
        let read = || {
            let mut lines = std::str::from_utf8(bytes).ok()?.split('\n').skip(1);
            let origin = lines.next()?.to_owned();
            let mut number = || lines.next()?.parse().ok();
            Some(Self { origin, size: number()?, part: number()?, part_bytes: number()? })
        };
        // Printed back: nothing that would print otherwise is taken.
        read().filter(|extent| extent.print() == bytes).ok_or_else(malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        assert_eq!(tile_path(0, 1_234_067, 256), "tile/0/x001/x234/067");
        assert_eq!(tile_path(2, 0, 1), "tile/2/000.p/1");
        assert_eq!(bundle_path(273, 112), "tile/entries/273.p/112");
        assert_eq!(bundle_path(1_000, 256), "tile/entries/x001/000");
    }

    #[test]
    fn an_extent_is_read_as_it_is_printed_and_in_no_other_form() {
        let extent = Extent { origin: "example.nl/log".into(), size: 12, part: 7, part_bytes: 3 };
        assert_eq!(Extent::parse(&extent.print()).expect("an extent"), extent);
        for text in
            ["zegel mirror v1\na\n012\n7\n3\n", "zegel mirror v2\na\n12\n7\n3\n", "zegel mirror v1\na\n12\n7\n3"]
        {
            assert!(matches!(Extent::parse(text.as_bytes()), Err(MirrorError::Malformed { .. })), "{text:?}");
        }
    }
}
