//! Media of an export: found by what they are, not by what they are called.
//!
//! An export states the SHA-256 of each attachment, and how its files are named differs between versions. So a file is an
//! attachment where its bytes are; where an export states no hash, where name and size are.

use crate::import::damage::damage_of;
use crate::import::parcel::unreadable;
use crate::import::{Damage, ImportError, MediaStore, Parcel};
use crate::json::{at, items, number, text};
use crate::record::Attached;
use base64::Engine;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::io::{self, Read};
use zegel_proto::limits::BLOB_BYTES_MAX;

/// Bytes that are hashed at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// An attachment as the export states it.
pub(super) struct Media {
    name: String,
    media_type: String,
    size: Option<u64>,
    sha256: Option<[u8; 32]>,
    is_left_out: bool,
}

impl Media {
    /// Those of a standard message, the overflow of a long text among them.
    pub(super) fn of_message(message: &Value) -> Vec<Self> {
        let pointers = items(message, &["attachments"]).iter().map(|attachment| at(attachment, &["pointer"]));
        let mut media: Vec<_> = pointers.filter_map(|pointer| Self::of_pointer(pointer, "")).collect();
        media.extend(Self::of_pointer(at(message, &["longText"]), "long text"));
        media
    }

    /// The file that a pointer states; `name` where it states none.
    pub(super) fn of_pointer(pointer: Option<&Value>, name: &str) -> Option<Self> {
        let pointer = pointer?;
        let hash = text(pointer, &["locatorInfo", "plaintextHash"]);
        let hash = hash.and_then(|hash| base64::engine::general_purpose::STANDARD.decode(hash).ok());
        Some(Self {
            name: text(pointer, &["fileName"]).unwrap_or(name).to_owned(),
            media_type: text(pointer, &["contentType"]).unwrap_or_default().to_owned(),
            size: number(pointer, &["locatorInfo", "size"]),
            sha256: hash.and_then(|hash| hash.try_into().ok()),
            is_left_out: false,
        })
    }

    /// A file of which only the name is stated.
    pub(super) fn named(name: &str) -> Self {
        Self { name: name.to_owned(), media_type: String::new(), size: None, sha256: None, is_left_out: false }
    }

    /// What could be seen once: the apps clear it.
    pub(super) fn left_out() -> Self {
        Self { name: String::new(), media_type: String::new(), size: None, sha256: None, is_left_out: true }
    }
}

/// The files that came along.
pub(super) struct MediaFiles {
    parcel: Parcel,
    /// Indexes of media files, by size.
    by_size: HashMap<u64, Vec<usize>>,
    count: usize,
    hashes: HashMap<usize, Option<[u8; 32]>>,
    claimed: HashSet<usize>,
    pub(super) missing: u64,
    pub(super) remarks: Vec<String>,
}

impl MediaFiles {
    pub(super) fn new(parcel: Parcel, is_media: impl Fn(&str) -> bool) -> Self {
        let mut by_size: HashMap<u64, Vec<usize>> = HashMap::new();
        let entries = parcel.entries().iter().enumerate();
        for (index, entry) in entries.filter(|(_, entry)| !entry.is_debris() && is_media(&entry.name)) {
            by_size.entry(entry.size).or_default().push(index);
        }
        let count = by_size.values().map(Vec::len).sum();
        let (hashes, claimed) = (HashMap::new(), HashSet::new());
        Self { parcel, by_size, count, hashes, claimed, missing: 0, remarks: Vec::new() }
    }

    /// Files that no record has claimed.
    pub(super) fn unclaimed(&self) -> u64 {
        (self.count - self.claimed.len()) as u64
    }

    /// Puts an attachment into the store, if its file came along.
    pub(super) fn attach(&mut self, media: Media, store: &MediaStore) -> Result<Attached, ImportError> {
        let Media { name, media_type, .. } = &media;
        let (name, media_type) = (name.clone(), media_type.clone());
        // An export without any media was made without them: that is not the same as one that lost a file.
        if media.is_left_out || self.count == 0 {
            return Ok(Attached::LeftOut { name, media_type });
        }
        let Some(entry) = self.find(&media)? else {
            self.missing += 1;
            return Ok(Attached::Missing { name, media_type });
        };
        self.claimed.insert(entry);
        Ok(match store.take(&mut self.parcel, entry)? {
            Ok(blob) => Attached::Present { name, media_type, blob },
            Err(damage) => {
                self.missing += 1;
                self.remarks.push(damage.remark(&name));
                Attached::Missing { name, media_type }
            }
        })
    }

    fn find(&mut self, media: &Media) -> Result<Option<usize>, ImportError> {
        let candidates = match media.size {
            Some(size) => self.by_size.get(&size).cloned().unwrap_or_default(),
            None => self.by_size.values().flatten().copied().collect(),
        };
        let Some(wanted) = media.sha256 else {
            let named = |index: &usize| self.parcel.entries()[*index].base() == media.name;
            let mut fitting = candidates.into_iter().filter(named);
            return Ok(fitting.next().filter(|_| fitting.next().is_none()));
        };
        for index in candidates {
            if self.hash(index)? == Some(wanted) {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    /// The SHA-256 of a file; `None` of one that is damaged, which is no attachment that an export states.
    fn hash(&mut self, index: usize) -> Result<Option<[u8; 32]>, ImportError> {
        if let Some(hash) = self.hashes.get(&index) {
            return Ok(*hash);
        }
        let path = self.parcel.path().to_path_buf();
        let read = self.parcel.read(index, BLOB_BYTES_MAX, |plaintext| match sha256_of(plaintext) {
            Ok(hash) => Ok::<_, ImportError>(Ok(hash)),
            Err(error) => Damage::of(&error).map(Err).ok_or_else(|| unreadable(&path)(error).into()),
        });
        let hash = match damage_of(read)? {
            Ok(hash) => Some(hash),
            Err(damage) => {
                self.remarks.push(damage.remark(&self.parcel.entries()[index].name));
                None
            }
        };
        self.hashes.insert(index, hash);
        Ok(hash)
    }
}

fn sha256_of(plaintext: &mut dyn Read) -> io::Result<[u8; 32]> {
    let (mut hasher, mut piece) = (Sha256::new(), vec![0; PIECE_BYTES]);
    loop {
        match plaintext.read(&mut piece)? {
            0 => return Ok(hasher.finalize().into()),
            read => hasher.update(&piece[..read]),
        }
    }
}
