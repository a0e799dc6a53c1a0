//! What a path of the read API names (c2sp.org/tlog-tiles): one path for each thing, one thing for each path.

use crate::tree::TILE_HASHES;
use std::ops::Range;

/// Hashes of a full tile, entries of a full bundle.
const FULL: u32 = TILE_HASHES;
/// Levels of tiles that have a name.
const LEVELS: u32 = 64;

/// A checkpoint, a tile, or a bundle of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    /// The newest signed checkpoint.
    Checkpoint,
    /// `width` hashes at the foot of a tile.
    Tile { level: u32, index: u64, width: u32 },
    /// `width` entries.
    Entries { index: u64, width: u32 },
}

impl Resource {
    /// Reads a path behind the prefix of its log, and nothing that would print otherwise.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let parsed = Self::read(path)?;
        (parsed.print() == path).then_some(parsed)
    }

    fn read(path: &str) -> Option<Self> {
        if path == "/checkpoint" {
            return Some(Self::Checkpoint);
        }
        let (kind, place) = path.strip_prefix("/tile/")?.split_once('/')?;
        let (index, width) = read_place(place)?;
        if kind == "entries" {
            return Some(Self::Entries { index, width });
        }
        let level = kind.parse().ok().filter(|level| *level < LEVELS)?;
        Some(Self::Tile { level, index, width })
    }

    fn print(self) -> String {
        match self {
            Self::Checkpoint => "/checkpoint".into(),
            Self::Tile { level, index, width } => format!("/tile/{level}/{}", print_place(index, width)),
            Self::Entries { index, width } => format!("/tile/entries/{}", print_place(index, width)),
        }
    }

    /// The numbers of its hashes or entries, if a log of this size has them all.
    pub(super) fn range(self, size: u64) -> Option<Range<u64>> {
        let (height, index, width) = match self {
            Self::Checkpoint => return None,
            Self::Tile { level, index, width } => (level * TILE_HASHES.ilog2(), index, width),
            Self::Entries { index, width } => (0, index, width),
        };
        let from = index.checked_mul(u64::from(FULL))?;
        let to = from.checked_add(u64::from(width))?;
        (to <= size.checked_shr(height).unwrap_or(0)).then_some(from..to)
    }
}

/// `x001/x234/067.p/8`: index 1234067, the first 8.
fn read_place(text: &str) -> Option<(u64, u32)> {
    let (index, width) = match text.split_once(".p/") {
        None => (text, FULL),
        Some((index, width)) => (index, width.parse().ok().filter(|width| (1..FULL).contains(width))?),
    };
    let number = index.split('/').try_fold(0u64, |number, group| {
        let digits = group.strip_prefix('x').unwrap_or(group);
        let is_group = digits.len() == 3 && digits.bytes().all(|digit| digit.is_ascii_digit());
        let group = digits.parse::<u64>().ok().filter(|_| is_group)?;
        number.checked_mul(1_000)?.checked_add(group)
    })?;
    Some((number, width))
}

fn print_place(index: u64, width: u32) -> String {
    let mut text = format!("{:03}", index % 1_000);
    let mut rest = index / 1_000;
    while rest > 0 {
        text = format!("x{:03}/{text}", rest % 1_000);
        rest /= 1_000;
    }
    if width == FULL { text } else { format!("{text}.p/{width}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_specification_are_read() {
        assert_eq!(Resource::parse("/checkpoint"), Some(Resource::Checkpoint));
        let tile = Resource::Tile { level: 0, index: 1_234_067, width: 256 };
        assert_eq!(Resource::parse("/tile/0/x001/x234/067"), Some(tile));
        let partial = Resource::Tile { level: 1, index: 0, width: 17 };
        assert_eq!(Resource::parse("/tile/1/000.p/17"), Some(partial));
        let entries = Resource::Entries { index: 273, width: 112 };
        assert_eq!(Resource::parse("/tile/entries/273.p/112"), Some(entries));
    }

    #[test]
    fn every_other_spelling_names_nothing() {
        let others = [
            "",
            "/",
            "/checkpoint/",
            "checkpoint",
            "/Checkpoint",
            "/tile",
            "/tile/0",
            "/tile/0/",
            "/tile/00/000",
            "/tile/+0/000",
            "/tile/64/000",
            "/tile/-1/000",
            "/tile/data/000",
            "/tile/0/0",
            "/tile/0/00",
            "/tile/0/0000",
            "/tile/0/+00",
            "/tile/0/x000",
            "/tile/0/001/000",
            "/tile/0/x000/000",
            "/tile/0/x001/x000",
            "/tile/0/X001/000",
            "/tile/0/x1/000",
            "/tile/0/xx01/000",
            "/tile/0//000",
            "/tile/0/000/",
            "/tile/0/000.p",
            "/tile/0/000.p/",
            "/tile/0/000.p/0",
            "/tile/0/000.p/256",
            "/tile/0/000.p/01",
            "/tile/0/000.p/+1",
            "/tile/0/000.p/1/",
            "/tile/0/000.p/1.p/1",
            "/tile/0/%30%30%30",
            "/tile/0/../0/000",
            "/tile/0/x018/x446/x744/x073/x709/x551/616",
        ];
        for path in others {
            assert_eq!(Resource::parse(path), None, "{path:?}");
        }
    }

    #[test]
    fn the_largest_number_is_read_and_lies_in_no_log() {
        let path = "/tile/0/x018/x446/x744/x073/x709/x551/615";
        let largest = Resource::Tile { level: 0, index: u64::MAX, width: 256 };
        assert_eq!(Resource::parse(path), Some(largest));
        assert_eq!(largest.range(u64::MAX), None);
    }

    #[test]
    fn a_log_of_70000_entries_has_the_tiles_of_the_specification_and_no_others() {
        let has = |level, index, width| Resource::Tile { level, index, width }.range(70_000).is_some();
        assert!(has(0, 272, 256) && has(0, 273, 112) && has(0, 273, 1));
        assert!(!has(0, 273, 113) && !has(0, 273, 256) && !has(0, 274, 1));
        assert!(has(1, 0, 256) && has(1, 1, 17) && !has(1, 1, 18));
        assert!(has(2, 0, 1) && !has(2, 0, 2) && !has(3, 0, 1) && !has(63, 0, 1));
        assert_eq!(Resource::Entries { index: 1, width: 2 }.range(258), Some(256..258));
        assert_eq!(Resource::Entries { index: 1, width: 3 }.range(258), None);
        assert_eq!(Resource::Checkpoint.range(70_000), None);
    }

    #[test]
    fn paths_are_those_of_another_implementation() {
        let numbers = [0, 1, 9, 99, 999, 1_000, 1_001, 255_255, 999_999, 1_000_000, 1_234_067, u64::from(u32::MAX)];
        for (index, width) in numbers.into_iter().flat_map(|index| [1, 17, 255, 256].map(|width| (index, width))) {
            for level in [0u8, 1, 7, 63] {
                let theirs = tlog_tiles::Tile::new(8, level, index, width, false).path();
                let path = theirs.strip_prefix("tile/8").map(|rest| format!("/tile{rest}")).expect("a path");
                let ours = Resource::Tile { level: level.into(), index, width };
                assert_eq!((Resource::parse(&path), ours.print()), (Some(ours), path));
            }
        }
    }
}
