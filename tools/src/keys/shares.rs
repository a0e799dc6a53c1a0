//! Shares of an archive key (Shamir, 1979): any `needed` of them give the key, and fewer say nothing about it.
//!
//! A share is a text that a keeper can print: which key, which of how many, how many are needed, a checksum, and what to do
//! with it. Invariants: what is joined is a key only if its public half is the one that the shares name; a share of another
//! key, of another split, or one that was changed is told by its number, and gives nothing.
//! Not here: the arithmetic (`vsss-rs`, audited, constant time). Specification: `specs/keys.md`.

mod drawn;

use super::{ArchiveKey, KeyError};
use crate::disk::{self, DiskError};
use crate::entropy::{EntropyError, random};
use drawn::Drawn;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use thiserror::Error;
use vsss_rs::Gf256;
use zegel_verifier::hash::{Hash, sha256};
use zeroize::Zeroizing;

/// First line of a share.
const TITLE: &str = "zegel archive key share v1";
/// Shares of one key, at most: more keepers than a ministry has.
const SHARES_MAX: u8 = 32;
/// Bytes of the secret: the seed of an X-Wing key.
const SEED_BYTES: usize = 32;
/// Random bytes that one coefficient may take; a library that wants more is told so by [`Drawn::is_spent`].
const COEFFICIENT_BYTES: usize = 8;

/// Why a key cannot be split, or shares give no key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ShareError {
    /// A number of shares that protects nothing, or that nobody could meet.
    #[error(
        "{needed} of {shares} shares: at least 2 are needed, at most all of them, and there are at most {SHARES_MAX}"
    )]
    Threshold {
        /// How many are to be needed.
        needed: u8,
        /// How many there are to be.
        shares: u8,
    },
    /// A text that is no share.
    #[error("{file} is not a share of an archive key: its {wanted} does not read")]
    Malformed {
        /// Where it came from.
        file: String,
        /// What was expected.
        wanted: &'static str,
    },
    /// Not as it was written.
    #[error("{file} was changed: its checksum is {found}, that of its lines {wanted}; compare it with the paper")]
    Changed {
        /// Where it came from.
        file: String,
        /// As the share states.
        found: String,
        /// Of what it says.
        wanted: Hash,
    },
    /// Of another key.
    #[error("share {number} is of archive key {found}, the first one of {wanted}")]
    OtherKey {
        /// Its number.
        number: u8,
        /// Its key.
        found: Hash,
        /// That of the first.
        wanted: Hash,
    },
    /// Of the same key, but split another time: such shares do not fit.
    #[error("share {number} is of split {found}, the first one of split {wanted} of the same key: they do not fit")]
    OtherSplit {
        /// Its number.
        number: u8,
        /// Its split.
        found: String,
        /// That of the first.
        wanted: String,
    },
    /// The same number, and not the same share.
    #[error("share {number} is there twice and says two things: one of them was changed")]
    Twice {
        /// The number.
        number: u8,
    },
    /// Not enough.
    #[error("{found} different shares are there, {wanted} are needed")]
    TooFew {
        /// Different shares.
        found: usize,
        /// How many are needed.
        wanted: u8,
    },
    /// They fit together and give something else.
    #[error("shares {numbers:?} do not give archive key {wanted}: one of them was changed and its checksum made anew")]
    NotTheKey {
        /// Which were used.
        numbers: Vec<u8>,
        /// The key that they name.
        wanted: Hash,
    },
    /// A key that the folder does not know.
    #[error("archive key {key} is none of this ministry's: ministry.json lists {known}")]
    UnknownKey {
        /// The key.
        key: Hash,
        /// How many it lists.
        known: usize,
    },
    /// A key file.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A file.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// How many shares there are, and how many of them give the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    needed: u8,
    shares: u8,
}

impl Threshold {
    /// `needed` of `shares`.
    ///
    /// # Errors
    /// [`ShareError::Threshold`] below 2, above `shares`, or above [`SHARES_MAX`].
    pub fn new(needed: u8, shares: u8) -> Result<Self, ShareError> {
        let is_good = (2..=shares).contains(&needed) && shares <= SHARES_MAX;
        if is_good { Ok(Self { needed, shares }) } else { Err(ShareError::Threshold { needed, shares }) }
    }

    /// How many shares give the key.
    #[must_use]
    pub fn needed(self) -> u8 {
        self.needed
    }

    /// How many there are.
    #[must_use]
    pub fn shares(self) -> u8 {
        self.shares
    }
}

/// One share. Wiped when it is dropped; `Debug` shows which it is, and nothing of its secret.
#[derive(Clone)]
pub struct Share {
    key: Hash,
    origin: String,
    name: String,
    split: [u8; 8],
    number: u8,
    threshold: Threshold,
    secret: Zeroizing<[u8; SEED_BYTES]>,
}

impl fmt::Debug for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Share");
        shown.field("key", &self.key).field("number", &self.number).field("threshold", &self.threshold);
        shown.finish_non_exhaustive()
    }
}

/// Splits a key of the log `origin`, which people call `name`.
///
/// # Errors
/// [`ShareError::Entropy`].
pub fn split(key: &ArchiveKey, origin: &str, name: &str, threshold: Threshold) -> Result<Vec<Share>, ShareError> {
    let seed = key.seed();
    let wanted = SEED_BYTES * usize::from(threshold.needed) * COEFFICIENT_BYTES;
    let mut drawn = Drawn::new(wanted)?;
    let (needed, shares) = (usize::from(threshold.needed), usize::from(threshold.shares));
    let made = Gf256::split_bytes(needed, shares, &seed[..], &mut drawn).map(Zeroizing::new);
    let refused = |reason: String| ShareError::Entropy(EntropyError { reason });
    let made = made.map_err(|reason| refused(reason.to_string()))?;
    if drawn.is_spent() {
        return Err(refused(format!("the polynomial asked for more than {wanted} random bytes")));
    }
    let split = random()?;
    let share = |bytes: &Vec<u8>| {
        let (number, secret) = bytes.split_first()?;
        let mut share = Share {
            key: key.public().id(),
            origin: origin.into(),
            name: name.into(),
            split,
            number: *number,
            threshold,
            secret: Zeroizing::new([0; SEED_BYTES]),
        };
        share.secret.copy_from_slice(secret.get(..SEED_BYTES)?);
        Some(share)
    };
    let all: Option<Vec<Share>> = made.iter().map(share).collect();
    let all = all.ok_or_else(|| refused("the library made no shares of 33 bytes".into()))?;
    // What cannot be joined is never given out.
    join(&all[all.len() - needed..])?;
    Ok(all)
}

/// Joins shares to the key that they name. More than are needed must agree with each other.
///
/// # Errors
/// [`ShareError`], with the first share that does not fit.
pub fn join(shares: &[Share]) -> Result<ArchiveKey, ShareError> {
    let Some(first) = shares.first() else { return Err(ShareError::TooFew { found: 0, wanted: 2 }) };
    let mut fitting: BTreeMap<u8, &Share> = BTreeMap::new();
    for share in shares {
        share.check_fits(first)?;
        let number = share.number;
        if fitting.insert(number, share).is_some_and(|other| *other.secret != *share.secret) {
            return Err(ShareError::Twice { number });
        }
    }
    let (found, wanted) = (fitting.len(), first.threshold.needed);
    if found < usize::from(wanted) {
        return Err(ShareError::TooFew { found, wanted });
    }
    let points = fitting.values().map(|share| [&[share.number], &share.secret[..]].concat());
    let points: Zeroizing<Vec<Vec<u8>>> = Zeroizing::new(points.collect());
    let joined = Gf256::combine_bytes(&*points).map(Zeroizing::new).ok();
    let key = joined.and_then(|seed| ArchiveKey::of_seed(&seed)).filter(|key| key.public().id() == first.key);
    key.ok_or_else(|| ShareError::NotTheKey { numbers: fitting.keys().copied().collect(), wanted: first.key })
}

impl Share {
    fn check_fits(&self, first: &Self) -> Result<(), ShareError> {
        let number = self.number;
        if self.key != first.key {
            return Err(ShareError::OtherKey { number, found: self.key, wanted: first.key });
        }
        if (self.split, self.threshold) != (first.split, first.threshold) {
            let (found, wanted) = (hex(&self.split), hex(&first.split));
            return Err(ShareError::OtherSplit { number, found, wanted });
        }
        Ok(())
    }

    /// The archive key of which this is a share.
    #[must_use]
    pub fn key(&self) -> Hash {
        self.key
    }

    /// Name of its file: which key, which of how many; nothing secret.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}.share-{}-of-{}.txt", self.name, self.number, self.threshold.shares)
    }

    /// The lines that the checksum covers.
    fn stated(&self) -> Zeroizing<String> {
        let Self { key, origin, name, number, threshold: Threshold { needed, shares }, .. } = self;
        let mut secret = Zeroizing::new(String::new());
        for group in self.secret.chunks(2) {
            *secret += " ";
            *secret += &Zeroizing::new(hex(group));
        }
        Zeroizing::new(format!(
            "{TITLE}\nkey {key}\nname {name}\norigin {origin}\nsplit {}\nshare {number} of {shares}\n\
             needed {needed}\nsecret{}\n",
            hex(&self.split),
            *secret
        ))
    }

    /// As it stands in a file.
    #[must_use]
    pub fn print(&self) -> Zeroizing<String> {
        let stated = self.stated();
        let checksum = sha256(&[stated.as_bytes()]);
        let Threshold { needed, shares } = self.threshold;
        Zeroizing::new(format!("{}checksum {checksum}\n\n{}", *stated, instructions(needed, shares)))
    }

    /// Reads a share; `file` says where it came from. What follows the checksum is for people.
    ///
    /// # Errors
    /// [`ShareError::Malformed`], or [`ShareError::Changed`] if its checksum is not that of its lines.
    pub fn parse(text: &str, file: &str) -> Result<Self, ShareError> {
        let malformed = |wanted| ShareError::Malformed { file: file.into(), wanted };
        let mut lines = text.lines();
        if lines.next() != Some(TITLE) {
            return Err(malformed("first line"));
        }
        let mut value = |name: &'static str| {
            let line = lines.next().and_then(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.ok_or_else(|| malformed(name))
        };
        let key = value("key").and_then(|key| crate::hex::parse(key).ok_or_else(|| malformed("key")))?;
        let (name, origin) = (value("name")?.to_owned(), value("origin")?.to_owned());
        let split = value("split").and_then(|split| unhex(split).ok_or_else(|| malformed("split")))?;
        let numbers = value("share")?.split_once(" of ").and_then(|(n, of)| Some((small(n)?, small(of)?)));
        let (number, shares) = numbers.ok_or_else(|| malformed("share"))?;
        let needed = small(value("needed")?).ok_or_else(|| malformed("needed"))?;
        let digits = Zeroizing::new(value("secret")?.replace(' ', ""));
        let secret = Zeroizing::new(unhex(&digits).ok_or_else(|| malformed("secret"))?);
        let stated_checksum = value("checksum")?.to_owned();
        let threshold = Threshold::new(needed, shares).map_err(|_| malformed("needed"))?;
        let share = Self { key, origin, name, split, number, threshold, secret };
        if !(1..=shares).contains(&number) || !text.starts_with(&**share.stated()) {
            return Err(malformed("share"));
        }
        let wanted = sha256(&[share.stated().as_bytes()]);
        if stated_checksum != wanted.to_string() {
            return Err(ShareError::Changed { file: file.into(), found: stated_checksum, wanted });
        }
        Ok(share)
    }

    /// Reads a file that only its owner can read.
    ///
    /// # Errors
    /// As [`Share::parse`], or [`ShareError::Disk`].
    pub fn read(path: &Path) -> Result<Self, ShareError> {
        let bytes = disk::read_private(path)?;
        let file = path.display().to_string();
        let text = std::str::from_utf8(&bytes);
        let text = text.map_err(|_| ShareError::Malformed { file: file.clone(), wanted: "text" })?;
        Self::parse(text, &file)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N || !text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

fn small(text: &str) -> Option<u8> {
    text.parse().ok().filter(|number: &u8| number.to_string() == text)
}

/// What a keeper reads.
fn instructions(needed: u8, shares: u8) -> String {
    let fewer = needed - 1;
    format!(
        "NEDERLANDS\n\
         Dit is een van {shares} delen van een archiefsleutel. Met {needed} verschillende delen is de sleutel te maken, en\n\
         daarmee alles te lezen dat ervoor is verzegeld. Met {fewer} of minder is er niets mee te beginnen.\n\
         Bewaar dit deel apart van de andere: een bewaarder, een plaats. Druk het af; vergelijk de regels hierboven.\n\
         Geef het alleen af voor een besluit van het ministerie, op papier en tegen ontvangstbewijs.\n\
         Samenvoegen, op een computer zonder netwerk: zegel key join --keys MAP DEEL DEEL …\n\
         Nagaan of delen nog kloppen, zonder de sleutel te schrijven: voeg --check toe.\n\
         Kwijt of gezien door anderen? Meld het: er worden dan nieuwe delen gemaakt, of een nieuwe sleutel.\n\n\
         ENGLISH\n\
         This is one of {shares} shares of an archive key. {needed} different shares make the key, and with it everything\n\
         can be read that was sealed to it. {fewer} or fewer are of no use.\n\
         Keep this share apart from the others: one keeper, one place. Print it; compare the lines above.\n\
         Hand it over only on a decision of the ministry, on paper and against a receipt.\n\
         To join, on a machine without a network: zegel key join --keys DIR SHARE SHARE …\n\
         To see whether shares still fit, without writing the key: add --check.\n\
         Lost, or seen by others? Say so: new shares are made then, or a new key.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::LazyLock;

    const ORIGIN: &str = "chat.example.nl/minbzk";
    static KEY: LazyLock<ArchiveKey> = LazyLock::new(ArchiveKey::generate);

    fn shares(needed: u8, of: u8) -> Vec<Share> {
        split(&KEY, ORIGIN, "archive-1", Threshold::new(needed, of).expect("good")).expect("split")
    }

    fn joined(shares: &[Share]) -> Result<Hash, ShareError> {
        join(shares).map(|key| key.public().id())
    }

    #[test]
    fn any_k_shares_give_the_key_and_no_k_less_one_do() {
        let all = shares(3, 5);
        let id = KEY.public().id();
        let mut tried = 0;
        for chosen in 0_u32..1 << 5 {
            let some: Vec<Share> = (0..5).filter(|n| chosen >> n & 1 == 1).map(|n| all[n].clone()).collect();
            let wanted = match some.len() {
                0 => Err(ShareError::TooFew { found: 0, wanted: 2 }),
                found @ 1..3 => Err(ShareError::TooFew { found, wanted: 3 }),
                _ => Ok(id),
            };
            assert_eq!(joined(&some), wanted, "{chosen:05b}");
            tried += 1;
        }
        assert_eq!(tried, 32);
        // The same share again is no other share.
        let (one, two) = (all[0].clone(), all[1].clone());
        assert_eq!(joined(&[one.clone(), two, one]), Err(ShareError::TooFew { found: 2, wanted: 3 }));
    }

    #[test]
    fn joined_from_the_far_ends_of_what_is_allowed() {
        for (needed, of) in [(2, 2), (2, SHARES_MAX), (SHARES_MAX, SHARES_MAX)] {
            let all = shares(needed, of);
            assert_eq!(joined(&all[all.len() - usize::from(needed)..]), Ok(KEY.public().id()));
        }
        for (needed, shares) in [(0, 2), (1, 3), (3, 2), (2, SHARES_MAX + 1), (2, 0)] {
            assert_eq!(Threshold::new(needed, shares), Err(ShareError::Threshold { needed, shares }));
        }
    }

    #[test]
    fn a_share_reads_as_it_was_printed_and_any_changed_character_of_it_is_refused() {
        let share = &shares(2, 3)[1];
        let text = share.print();
        let again = Share::parse(&text, "here").expect("read");
        assert_eq!(*again.print(), *text);
        let checked = text.find("\n\n").expect("an end") + 1;
        for at in 0..checked {
            let mut other = text.as_bytes().to_vec();
            other[at] = if other[at] == b'0' { b'1' } else { b'0' };
            let other = String::from_utf8(other).expect("text");
            let refused = Share::parse(&other, "here").map(|_| ());
            assert!(
                matches!(refused, Err(ShareError::Malformed { .. } | ShareError::Changed { .. })),
                "{at}: {refused:?}"
            );
        }
        let secret = text.find("\nsecret ").expect("a secret") + 8;
        let mut other = text.as_bytes().to_vec();
        other[secret] = if other[secret] == b'0' { b'1' } else { b'0' };
        let refused = Share::parse(std::str::from_utf8(&other).expect("text"), "here").map(|_| ());
        assert!(matches!(refused, Err(ShareError::Changed { .. })), "{refused:?}");
    }

    #[test]
    fn shares_of_another_key_or_split_and_a_forged_one_are_told_apart() {
        let all = shares(2, 3);
        let other = ArchiveKey::generate();
        let others = split(&other, ORIGIN, "archive-2", Threshold::new(2, 3).expect("good")).expect("split");
        let (found, wanted) = (other.public().id(), KEY.public().id());
        let mixed = joined(&[all[0].clone(), others[1].clone()]);
        assert_eq!(mixed, Err(ShareError::OtherKey { number: 2, found, wanted }));
        let again = shares(2, 3);
        let (first, second) = (hex(&all[0].split), hex(&again[1].split));
        let mixed = joined(&[all[0].clone(), again[1].clone()]);
        assert_eq!(mixed, Err(ShareError::OtherSplit { number: 2, found: second, wanted: first }));
        // Changed by someone who made the checksum anew.
        let mut forged = all[1].clone();
        forged.secret[7] ^= 1;
        let forged = Share::parse(&forged.print(), "here").expect("its checksum is right");
        let refused = joined(&[all[0].clone(), forged.clone()]);
        assert_eq!(refused, Err(ShareError::NotTheKey { numbers: vec![1, 2], wanted }));
        let refused = joined(&[all[0].clone(), all[1].clone(), forged.clone()]);
        assert_eq!(refused, Err(ShareError::Twice { number: 2 }));
        // More than are needed must agree.
        let refused = joined(&[all[0].clone(), all[2].clone(), forged]);
        assert_eq!(refused, Err(ShareError::NotTheKey { numbers: vec![1, 2, 3], wanted }));
    }

    #[test]
    fn nothing_of_the_secret_is_in_names_or_debug() {
        let share = &shares(2, 3)[0];
        assert_eq!(share.file_name(), "archive-1.share-1-of-3.txt");
        let secret = hex(&share.secret[..]);
        let shown = format!("{share:?}");
        assert!(shown.contains(&KEY.public().id().to_string()) && !shown.contains(&secret[..8]), "{shown}");
        assert!(!shown.contains(&format!("{:?}", &share.secret[..3])[1..8]), "{shown}");
    }
}
