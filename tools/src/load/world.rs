//! Who and what a load is made of: sources with keys, custodians, conversations, and how far each chain is.
//!
//! All ids and keys follow from one random seed, so that the state is small: a seed, how much is registered, and one row a
//! capture. The folder is one log's. If a load dies between sealing and sending, its chains are ahead of the ledger's;
//! what was sealed lies in the folder and is sent first by the next load.

use super::LoadError;
use crate::disk::{self, Readers};
use crate::entropy::random;
use crate::keys::Identity;
use crate::seal::DossierKey;
use crate::source::Head;
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use zegel_verifier::hash::{Hash, sha256};
use zeroize::Zeroizing;

/// Conversations that are next to each other and of one custodian.
const BLOCK: u32 = 64;
/// Bytes of a row: source, conversation, next number, dossier, its key.
const ROW_BYTES: usize = 4 + 4 + 8 + 32 + 32;

/// One capture of a load: a source's view of a conversation.
#[derive(Clone, Debug)]
pub(super) struct Capture {
    pub(super) next: u64,
    pub(super) dossier: DossierKey,
}

/// A source of a load.
#[derive(Clone, Debug)]
pub(super) struct LoadSource {
    pub(super) number: u32,
    pub(super) identity: Identity,
    pub(super) head: Head,
    /// Number of the batch that the ledger wants next.
    pub(super) sent: u64,
    /// By number of the conversation.
    pub(super) captures: HashMap<u32, Capture>,
    /// Events that it has sealed, of all loads.
    pub(super) events: u64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadRow {
    next_batch_seq: u64,
    previous: Option<String>,
    events: u64,
}

/// What the folder remembers beside the captures.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WorldFile {
    origin: String,
    /// Registered so far.
    sources: u32,
    custodians: u32,
    conversations: u32,
    /// Custodians that conversations are spread over, once there are any.
    spread: u32,
    heads: Vec<HeadRow>,
}

/// Ids and keys, all from one seed.
#[derive(Clone)]
pub(super) struct Names {
    seed: Zeroizing<[u8; 32]>,
    /// Custodians that conversations are spread over.
    pub(super) custodians: u32,
    /// Conversations that are registered.
    pub(super) registered: u32,
}

impl Names {
    fn derived(&self, what: &str, number: u32) -> Hash {
        sha256(&[b"zegel load\n", what.as_bytes(), &self.seed[..], &number.to_be_bytes()])
    }

    /// Id of a custodian.
    pub(super) fn custodian(&self, number: u32) -> Hash {
        self.derived("custodian", number)
    }

    /// Id of a conversation.
    pub(super) fn conversation(&self, number: u32) -> Hash {
        self.derived("conversation", number)
    }

    /// The custodian of a conversation: neighbours belong to one, as the chats on one phone do.
    pub(super) fn custodian_of(&self, conversation: u32) -> u32 {
        conversation / BLOCK % self.custodians.max(1)
    }

    /// A source that has not begun.
    pub(super) fn source(&self, number: u32) -> LoadSource {
        let key = Zeroizing::new(self.derived("key", number).0);
        let identity = Identity::new(self.derived("source", number), SigningKey::from_bytes(&key));
        LoadSource { number, identity, head: Head::default(), sent: 0, captures: HashMap::new(), events: 0 }
    }
}

/// The world of a load.
pub(super) struct World {
    folder: PathBuf,
    seed: Zeroizing<[u8; 32]>,
    file: WorldFile,
    pub(super) sources: Vec<LoadSource>,
}

impl World {
    /// Opens the folder of a log's loads, or makes it.
    pub(super) fn open(folder: &Path, origin: &str) -> Result<Self, LoadError> {
        disk::create_folder(folder)?;
        let malformed = |path: &Path| LoadError::Malformed { path: path.display().to_string() };
        let path = folder.join("seed");
        if !path.exists() {
            disk::write_new(&path, &random::<32>()?, Readers::Owner)?;
        }
        let seed = disk::read_private(&path)?;
        let seed = seed.as_slice().try_into().map(Zeroizing::new).map_err(|_| malformed(&path))?;
        let path = folder.join("world.json");
        let file: WorldFile = match disk::read_if_there(&path)? {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|_| malformed(&path))?,
            None => WorldFile { origin: origin.into(), ..WorldFile::default() },
        };
        if file.origin != origin {
            return Err(LoadError::OtherLog { found: file.origin, wanted: origin.into() });
        }
        let mut world = Self { folder: folder.into(), seed, file, sources: Vec::new() };
        world.restore()?;
        Ok(world)
    }

    fn restore(&mut self) -> Result<(), LoadError> {
        for (number, row) in (0..).zip(self.file.heads.clone()) {
            let mut source = self.names().source(number);
            let previous = row.previous.as_deref().and_then(crate::hex::parse);
            source.head = Head { next_batch_seq: row.next_batch_seq, previous };
            source.events = row.events;
            self.sources.push(source);
        }
        let path = self.folder.join("captures");
        let bytes = if path.exists() { disk::read_private(&path)? } else { Zeroizing::default() };
        for row in bytes.chunks_exact(ROW_BYTES) {
            let (source, conversation, capture) = read_row(row);
            if let Some(source) = self.sources.get_mut(source as usize) {
                source.captures.insert(conversation, capture);
            }
        }
        Ok(())
    }

    /// What is needed to name things.
    pub(super) fn names(&self) -> Names {
        let (custodians, registered) = (self.file.spread, self.file.conversations);
        Names { seed: self.seed.clone(), custodians, registered }
    }

    /// Makes sources up to so many, and says which are not registered.
    pub(super) fn want_sources(&mut self, count: u32) -> Vec<LoadSource> {
        while (self.sources.len() as u32) < count {
            self.sources.push(self.names().source(self.sources.len() as u32));
        }
        self.sources.iter().skip(self.file.sources as usize).cloned().collect()
    }

    /// Custodians that are not registered, up to so many. Once conversations are spread, their number stays.
    pub(super) fn want_custodians(&mut self, count: u32) -> std::ops::Range<u32> {
        if self.file.conversations == 0 {
            self.file.spread = count.max(1);
        }
        self.file.custodians..self.file.spread.max(self.file.custodians)
    }

    pub(super) fn registered_people(&mut self) -> Result<(), LoadError> {
        self.file.sources = self.sources.len() as u32;
        self.file.custodians = self.file.spread;
        self.save()
    }

    pub(super) fn registered_conversations(&mut self, count: u32) {
        self.file.conversations = self.file.conversations.max(count);
    }

    /// Events that loads have sealed for this log.
    pub(super) fn events(&self) -> u64 {
        self.sources.iter().map(|source| source.events).sum()
    }

    /// Folder of what is sealed and not sent.
    pub(super) fn sealed(&self) -> PathBuf {
        self.folder.join("sealed")
    }

    /// Writes where every chain is. What was sealed for it must be on disk already.
    pub(super) fn save(&mut self) -> Result<(), LoadError> {
        let head = |source: &LoadSource| HeadRow {
            next_batch_seq: source.head.next_batch_seq,
            previous: source.head.previous.map(|hash| hash.to_string()),
            events: source.events,
        };
        self.file.heads = self.sources.iter().map(head).collect();
        let rows = self.sources.iter().map(|source| source.captures.len()).sum::<usize>();
        let mut bytes = Zeroizing::new(Vec::with_capacity(rows * ROW_BYTES));
        for source in &self.sources {
            source.captures.iter().for_each(|(number, capture)| write_row(&mut bytes, source.number, *number, capture));
        }
        disk::write_durably(&self.folder.join("captures"), &bytes)?;
        let text = serde_json::to_vec_pretty(&self.file).unwrap_or_default();
        Ok(disk::write_durably(&self.folder.join("world.json"), &text)?)
    }
}

fn write_row(bytes: &mut Vec<u8>, source: u32, conversation: u32, capture: &Capture) {
    let (key, id) = capture.dossier.parts();
    bytes.extend_from_slice(&source.to_be_bytes());
    bytes.extend_from_slice(&conversation.to_be_bytes());
    bytes.extend_from_slice(&capture.next.to_be_bytes());
    bytes.extend_from_slice(&id.0);
    bytes.extend_from_slice(key);
}

fn read_row(row: &[u8]) -> (u32, u32, Capture) {
    let number = |from: usize| row[from..from + 4].iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
    let hash = |from: usize| Hash::read(&row[from..from + 32]).unwrap_or(Hash::ZERO);
    let next = u64::from(number(8)) << 32 | u64::from(number(12));
    let dossier = DossierKey::of_parts(&hash(48).0, hash(16));
    (number(0), number(4), Capture { next, dossier })
}
