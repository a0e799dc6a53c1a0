//! A records officer's workplace: his key, the archive keys, and the log that he works on. Commands and the desk do the same acts on it.
//!
//! Invariants: whatever is opened here was logged first (`reading`); an approver reads and signs under his own key.
//! Not here: the acts themselves (`officer`, `destroy`, `case`). Specification: `specs/officer.md`.

use crate::acts::hull;
use crate::export::{ExportError, Spot};
use crate::keys::{Actor, ArchiveKey, KeyFolder};
use crate::officer::{Officer, OfficerError};
use crate::reading::{Purpose, Reading, read, read_acts};
use crate::source::{Source, SourceError};
use std::collections::BTreeMap;
use zegel_proto::parse;
use zegel_proto::v1::{EventHeader, Scope, StreamType};
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::EventFacts;

/// An officer with his archive keys.
pub struct Workplace {
    /// Who acts.
    pub officer: Officer,
    /// What opens the archive.
    pub keys: Vec<ArchiveKey>,
    /// Where the keys lie.
    pub folder: KeyFolder,
    ledger: String,
}

impl Workplace {
    /// Opens the workplace of a key folder.
    ///
    /// # Errors
    /// [`OfficerError`].
    pub async fn open(folder: KeyFolder, ledger: &str) -> Result<Self, OfficerError> {
        let officer = Officer::open(&folder, ledger).await?;
        Ok(Self { officer, keys: folder.archive_keys()?, folder, ledger: ledger.into() })
    }

    /// Address of the ledger.
    #[must_use]
    pub fn ledger(&self) -> &str {
        &self.ledger
    }

    /// The second pair of eyes, where its key lies in the same folder.
    ///
    /// # Errors
    /// [`SourceError::Key`] where it does not.
    pub async fn approver(&self) -> Result<Source, SourceError> {
        Source::of_folder(&self.folder, Actor::Approver, &self.ledger).await
    }

    /// Reads some scopes.
    ///
    /// # Errors
    /// [`OfficerError::NothingSelected`] without a scope; [`OfficerError::Reading`].
    pub async fn read(&mut self, scopes: &[Scope], purpose: &Purpose) -> Result<Reading, OfficerError> {
        if scopes.is_empty() {
            return Err(OfficerError::NothingSelected);
        }
        Ok(read(self.officer.source(), &self.keys, scopes, purpose).await?)
    }

    /// The same under another actor's key: an approver looks for himself.
    ///
    /// # Errors
    /// As [`Workplace::read`].
    pub async fn read_as(
        &self,
        reader: &mut Source,
        scopes: &[Scope],
        purpose: &Purpose,
    ) -> Result<Reading, OfficerError> {
        if scopes.is_empty() {
            return Err(OfficerError::NothingSelected);
        }
        Ok(read(reader, &self.keys, scopes, purpose).await?)
    }

    /// The acts, with names and counts of every conversation and custodian.
    ///
    /// # Errors
    /// As [`Workplace::read`].
    pub async fn acts(&mut self, person: &str, reason: &str) -> Result<Reading, OfficerError> {
        let ids = self.ids()?;
        Ok(read_acts(self.officer.source(), &self.keys, &ids, &Purpose::reading(person, reason)).await?)
    }

    /// The same, read and logged under another actor's key.
    ///
    /// # Errors
    /// As [`Workplace::read`].
    pub async fn acts_of(&self, reader: &mut Source, (person, reason): (&str, &str)) -> Result<Reading, OfficerError> {
        Ok(read_acts(reader, &self.keys, &self.ids()?, &Purpose::reading(person, reason)).await?)
    }

    /// The smallest scopes that hold these events, by the ledger's word on their headers: no content is read.
    ///
    /// # Errors
    /// [`OfficerError::Reading`].
    pub async fn scopes_of(&mut self, spots: impl Iterator<Item = Spot>) -> Result<Vec<Scope>, OfficerError> {
        let mut positions: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
        spots.for_each(|spot| positions.entry(spot.entry).or_default().push(spot.position));
        let mut months: BTreeMap<(i32, Hash), Vec<u32>> = BTreeMap::new();
        for (entry, positions) in positions {
            let headers = self.officer.source().connection().headers(entry).await.map_err(ExportError::from)?;
            for position in positions {
                let Some(header) = headers.get(position as usize) else { continue };
                if let Some((stream, id, month)) = stands_in(header, Spot { entry, position })? {
                    months.entry((stream as i32, id)).or_default().push(month);
                }
            }
        }
        let scope = |((stream, id), months): ((i32, Hash), Vec<u32>)| {
            let (from_month, to_month) = hull(months.into_iter());
            Scope { stream, id: id.to_vec(), from_month, to_month }
        };
        Ok(months.into_iter().map(scope).collect())
    }

    fn ids(&self) -> Result<Vec<(StreamType, Hash)>, OfficerError> {
        let register = self.officer.register();
        let custodians = register.custodians().map(|(_, id)| (StreamType::StreamCustodian, id.id));
        let conversations = register.conversations().map(|(_, id)| (StreamType::StreamConversation, id.id));
        let ids: Vec<(StreamType, Hash)> = conversations.chain(custodians).collect();
        if ids.is_empty() { Err(OfficerError::NothingSelected) } else { Ok(ids) }
    }
}

/// The stream in which an event is found, and its month.
fn stands_in(header: &[u8], spot: Spot) -> Result<Option<(StreamType, Hash, u32)>, ExportError> {
    let header: EventHeader = parse(header)?;
    let facts = EventFacts::read(&header).map_err(|reason| ExportError::Header { spot, reason })?;
    let conversation = facts.conversation.map(|id| (StreamType::StreamConversation, id, facts.month));
    Ok(conversation.or(facts.custodian.map(|id| (StreamType::StreamCustodian, id, facts.month))))
}
