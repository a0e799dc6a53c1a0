//! The bag around the evidence: BagIt 1.0 (RFC 8493) with SHA-256 manifests, and no file that is not named here.
//!
//! Invariants: the names that a bundle may hold are a closed list of lower-case ASCII, so there is no traversal, no
//! absolute name, no clash of case or normalisation; every file is listed exactly once and has its digest.
//! A bag is not a signature: what is *authentic* follows from the export statement. Specification: `specs/bundle.md`.

use super::attachments::Attachments;
use super::framing::{digest, read_small};
use super::{ATTACHMENTS_MAX, BundleFile, BundleSource, Observer, Refusal};
use crate::hash::{Hash, sha256};
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};
use thiserror::Error;
use zegel_proto::limits::PARTS_MAX;

/// The declaration, byte for byte.
pub const BAGIT_TXT: &str = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";
/// Where the officer's statement stands.
pub const STATEMENT_PATH: &str = "data/export-statement";
/// Where attachments stand, by SHA-256 in lower-case hexadecimal.
pub const ATTACHMENTS_FOLDER: &str = "data/attachments/";
/// The files of a bag that are not payload; the last one lists the others.
pub const TAG_FILES: [&str; 4] = ["bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt"];
const MANIFEST: &str = "manifest-sha256.txt";
const TAG_MANIFEST: &str = "tagmanifest-sha256.txt";
/// Bytes of a tag file that is read whole.
const TAG_FILE_BYTES_MAX: u64 = 64 * 1024;
/// Bytes of a manifest line.
const LINE_BYTES_MAX: u64 = 256;

/// Why a bag is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[allow(missing_docs)]
pub enum BagError {
    #[error("{path:?} may not be in a bundle")]
    UnknownFile { path: String },
    #[error("{path:?} is there twice")]
    FileTwice { path: String },
    #[error("{path:?} is a link or a device, only plain files may be in a bundle")]
    NotPlain { path: String },
    #[error("{path} is missing")]
    FileMissing { path: String },
    #[error("bagit.txt is not the declaration of BagIt 1.0 in UTF-8")]
    Declaration,
    #[error("{path} is longer than {max} bytes, or not text")]
    TagFile { path: &'static str, max: u64 },
    #[error("line {line} of {path} is not a digest, two spaces and a name")]
    Line { path: &'static str, line: usize },
    #[error("line {line} of {path} lists {file:?}, which is not there or may not be listed")]
    Unlistable { path: &'static str, line: usize, file: String },
    #[error("{path} lists {file:?} twice")]
    ListedTwice { path: &'static str, file: String },
    #[error("{path} does not list {file:?}")]
    Unlisted { path: &'static str, file: String },
    #[error("{file} has SHA-256 {found}, its manifest says {wanted}")]
    Digest { file: String, found: Hash, wanted: Hash },
    #[error("{file} has {found} bytes, its folder or archive says {wanted}")]
    Size { file: String, found: u64, wanted: u64 },
    #[error("the folders and archives of a bundle hold one bag: {found} top folders were found")]
    TopFolders { found: usize },
}

/// A payload file other than an attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Payload {
    bytes: u64,
    listed: Option<Hash>,
}

/// A bag whose names, manifests and tag files are right. Its payload is held against the manifest as it is read.
pub(super) struct Bag {
    parts: Vec<Payload>,
    statement: Payload,
    attachments: Attachments,
}

/// Path of an evidence part, counted from 1.
#[must_use]
pub fn part_path(number: u32) -> String {
    format!("data/evidence-{number:04}")
}

pub(super) fn unreadable(file: &str, reason: &io::Error) -> Refusal {
    Refusal::Unreadable { file: file.into(), reason: reason.to_string() }
}

/// What a payload file is, by its name.
enum Named {
    Part(u32),
    Statement,
    Attachment(Hash),
}

fn name(path: &str) -> Option<Named> {
    if path == STATEMENT_PATH {
        return Some(Named::Statement);
    }
    if let Some(hexadecimal) = path.strip_prefix(ATTACHMENTS_FOLDER) {
        return read_hex(hexadecimal).map(Named::Attachment);
    }
    let number = path.strip_prefix("data/evidence-")?.parse().ok().filter(|number| (1..=PARTS_MAX).contains(number))?;
    (part_path(number) == path).then_some(Named::Part(number))
}

/// 64 lower-case hexadecimal digits.
fn read_hex(text: &str) -> Option<Hash> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    Hash::read(&pairs.collect::<Option<Vec<u8>>>()?)
}

impl Bag {
    /// Checks names, declaration and manifests.
    pub(super) fn open(source: &mut dyn BundleSource) -> Result<Self, Refusal> {
        let mut bag = Self::sort_out(source.files()?)?;
        if small(source, "bagit.txt")? != BAGIT_TXT.as_bytes() {
            return Err(BagError::Declaration.into());
        }
        if std::str::from_utf8(&small(source, "bag-info.txt")?).is_err() {
            return Err(BagError::TagFile { path: "bag-info.txt", max: TAG_FILE_BYTES_MAX }.into());
        }
        bag.check_tag_files(source)?;
        bag.read_manifest(source)?;
        Ok(bag)
    }

    /// Every file by its name; each once; the parts without gaps.
    fn sort_out(files: Vec<BundleFile>) -> Result<Self, Refusal> {
        let mut tags = [false; TAG_FILES.len()];
        let mut parts = BTreeMap::new();
        let mut statement = None;
        let mut attachments = Vec::new();
        for file in files {
            let payload = Payload { bytes: file.bytes, listed: None };
            let is_new = match (TAG_FILES.iter().position(|tag| *tag == file.path), name(&file.path)) {
                (Some(tag), _) => !std::mem::replace(&mut tags[tag], true),
                (None, Some(Named::Part(number))) => parts.insert(number, payload).is_none(),
                (None, Some(Named::Statement)) => statement.replace(payload).is_none(),
                (None, Some(Named::Attachment(sha256))) => {
                    attachments.push((sha256, file.bytes));
                    true
                }
                (None, None) => return Err(BagError::UnknownFile { path: file.path }.into()),
            };
            if !is_new {
                return Err(BagError::FileTwice { path: file.path }.into());
            }
        }
        if let Some(at) = tags.iter().position(|there| !there) {
            return Err(BagError::FileMissing { path: TAG_FILES[at].into() }.into());
        }
        let last = parts.len().max(1) as u32;
        if let Some(missing) = (1..=last).find(|number| !parts.contains_key(number)) {
            return Err(BagError::FileMissing { path: part_path(missing) }.into());
        }
        let statement = statement.ok_or_else(|| BagError::FileMissing { path: STATEMENT_PATH.into() })?;
        if attachments.len() > ATTACHMENTS_MAX {
            let found = attachments.len() as u64;
            return Err(Refusal::Limit { what: "attachments", found, max: ATTACHMENTS_MAX as u64 });
        }
        Ok(Self { parts: parts.into_values().collect(), statement, attachments: Attachments::new(attachments)? })
    }

    /// The tag manifest lists the three other tag files, each with its digest.
    fn check_tag_files(&self, source: &mut dyn BundleSource) -> Result<(), Refusal> {
        let mut left: Vec<&str> = TAG_FILES[..3].to_vec();
        for (line, listed, file) in lines(source, TAG_MANIFEST)? {
            let Some(at) = left.iter().position(|tag| *tag == file) else {
                return Err(BagError::Unlistable { path: TAG_MANIFEST, line, file }.into());
            };
            left.swap_remove(at);
            let max = 2 * LINE_BYTES_MAX * (ATTACHMENTS_MAX as u64 + 1);
            let input = source.open(&file).map_err(|reason| unreadable(&file, &reason))?;
            let (_, found) = digest(input, max).map_err(|reason| unreadable(&file, &reason))?;
            if found != listed {
                return Err(BagError::Digest { file, found, wanted: listed }.into());
            }
        }
        match left.first() {
            Some(file) => Err(BagError::Unlisted { path: TAG_MANIFEST, file: (*file).into() }.into()),
            None => Ok(()),
        }
    }

    /// The manifest lists every payload file, each once.
    fn read_manifest(&mut self, source: &mut dyn BundleSource) -> Result<(), Refusal> {
        let path = MANIFEST;
        let input = source.open(path).map_err(|reason| unreadable(path, &reason))?;
        let mut reader = Lines { path, line: 0, input: BufReader::new(input) };
        while let Some((line, listed, file)) = reader.next_line()? {
            let known = match name(&file) {
                Some(Named::Part(number)) => self.parts.get_mut(number as usize - 1).map(|p| p.listed.replace(listed)),
                Some(Named::Statement) => Some(self.statement.listed.replace(listed)),
                Some(Named::Attachment(sha256)) => self.attachments.list(sha256, listed)?,
                None => None,
            };
            match known {
                None => return Err(BagError::Unlistable { path, line, file }.into()),
                Some(Some(_)) => return Err(BagError::ListedTwice { path, file }.into()),
                Some(None) => {}
            }
        }
        let unlisted_part = (1..).zip(&self.parts).find(|(_, part)| part.listed.is_none()).map(|(n, _)| part_path(n));
        let unlisted_statement = self.statement.listed.is_none().then(|| STATEMENT_PATH.to_owned());
        let unlisted = unlisted_part.or(unlisted_statement).or_else(|| self.attachments.unlisted());
        unlisted.map_or(Ok(()), |file| Err(BagError::Unlisted { path, file }.into()))
    }

    pub(super) fn parts(&self) -> &[Payload] {
        &self.parts
    }

    pub(super) fn attachments(&self) -> &Attachments {
        &self.attachments
    }

    /// Holds a part that was read against the manifest and the listing.
    pub(super) fn check_part(&self, number: u32, bytes: u64, found: Hash) -> Result<(), Refusal> {
        let part = self.parts[number as usize - 1];
        check_payload(part_path(number), part, bytes, found)
    }

    /// The officer's statement, at most 4 KiB.
    pub(super) fn statement(&self, source: &mut dyn BundleSource) -> Result<Vec<u8>, Refusal> {
        let input = source.open(STATEMENT_PATH).map_err(|reason| unreadable(STATEMENT_PATH, &reason))?;
        let bytes = read_small(input, 4_096).map_err(|reason| unreadable(STATEMENT_PATH, &reason))?;
        let bytes = bytes.ok_or(BagError::TagFile { path: STATEMENT_PATH, max: 4_096 })?;
        check_payload(STATEMENT_PATH.into(), self.statement, bytes.len() as u64, sha256(&[&bytes]))?;
        Ok(bytes)
    }

    /// Reads every attachment: its bytes are its name.
    pub(super) fn check_attachments(
        &self,
        workers: usize,
        source: &mut dyn BundleSource,
        observer: &mut dyn Observer,
    ) -> Result<(), Refusal> {
        self.attachments.check_bytes(workers, source, observer)
    }
}

fn check_payload(file: String, payload: Payload, bytes: u64, found: Hash) -> Result<(), Refusal> {
    let wanted = payload.listed.unwrap_or(Hash::ZERO);
    if bytes != payload.bytes {
        return Err(BagError::Size { file, found: bytes, wanted: payload.bytes }.into());
    }
    if found == wanted { Ok(()) } else { Err(BagError::Digest { file, found, wanted }.into()) }
}

/// A tag file that is read whole.
fn small(source: &mut dyn BundleSource, path: &'static str) -> Result<Vec<u8>, Refusal> {
    let input = source.open(path).map_err(|reason| unreadable(path, &reason))?;
    let bytes = read_small(input, TAG_FILE_BYTES_MAX).map_err(|reason| unreadable(path, &reason))?;
    bytes.ok_or_else(|| BagError::TagFile { path, max: TAG_FILE_BYTES_MAX }.into())
}

/// All lines of the tag manifest, which has three.
fn lines(source: &mut dyn BundleSource, path: &'static str) -> Result<Vec<(usize, Hash, String)>, Refusal> {
    let bytes = small(source, path)?;
    let mut reader = Lines { path, line: 0, input: BufReader::new(Box::new(&bytes[..]) as Box<dyn Read>) };
    let mut all = Vec::new();
    while let Some(line) = reader.next_line()? {
        all.push(line);
    }
    Ok(all)
}

/// Manifest lines, one at a time: digest, two spaces, name.
struct Lines<'a> {
    path: &'static str,
    line: usize,
    input: BufReader<Box<dyn Read + 'a>>,
}

impl Lines<'_> {
    fn next_line(&mut self) -> Result<Option<(usize, Hash, String)>, Refusal> {
        let path = self.path;
        let mut bytes = Vec::new();
        let read = self.input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes);
        if read.map_err(|reason| unreadable(path, &reason))? == 0 {
            return Ok(None);
        }
        self.line += 1;
        let parse = |bytes: &[u8]| {
            let (digest, file) = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?.split_once("  ")?;
            Some((read_hex(digest)?, file.to_owned()))
        };
        let (digest, file) = parse(&bytes).ok_or(BagError::Line { path, line: self.line })?;
        Ok(Some((self.line, digest, file)))
    }
}
