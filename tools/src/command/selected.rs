//! What an officer's command is about: conversations, custodians and single events, in whole months.

use super::{CommandError, Place};
use clap::Args;
use zegel_proto::v1::{Scope, StreamType};
use zegel_tools::acts::Selection;
use zegel_tools::export::Spot;
use zegel_tools::keys::{ArchiveKey, KeyFolder};
use zegel_tools::officer::{Officer, OfficerError};
use zegel_tools::reading::{Purpose, Reading, read, read_acts};
use zegel_tools::source::Source;
use zegel_verifier::hash::Hash;

/// An officer with his archive keys.
pub(super) struct Desk {
    pub(super) officer: Officer,
    pub(super) keys: Vec<ArchiveKey>,
    pub(super) folder: KeyFolder,
}

impl Desk {
    pub(super) async fn open(place: &Place) -> Result<Self, CommandError> {
        let folder = KeyFolder::open(&place.keys)?;
        let officer = Officer::open(&folder, &place.ledger).await?;
        Ok(Self { officer, keys: folder.archive_keys()?, folder })
    }

    pub(super) async fn read(&mut self, scopes: &[Scope], purpose: &Purpose) -> Result<Reading, CommandError> {
        if scopes.is_empty() {
            return Err(OfficerError::NothingSelected.into());
        }
        Ok(read(self.officer.source(), &self.keys, scopes, purpose).await?)
    }

    /// The acts, with names and counts of every conversation and custodian.
    pub(super) async fn acts(&mut self, person: &str, reason: &str) -> Result<Reading, CommandError> {
        let ids = self.ids()?;
        Ok(read_acts(self.officer.source(), &self.keys, &ids, &Purpose::reading(person, reason)).await?)
    }

    /// The same, read and logged under another actor's key: an approver looks for himself.
    pub(super) async fn acts_of(
        &self,
        reader: &mut Source,
        (person, reason): (&str, &str),
    ) -> Result<Reading, CommandError> {
        Ok(read_acts(reader, &self.keys, &self.ids()?, &Purpose::reading(person, reason)).await?)
    }

    fn ids(&self) -> Result<Vec<(StreamType, Hash)>, CommandError> {
        let register = self.officer.register();
        let custodians = register.custodians().map(|(_, id)| (StreamType::StreamCustodian, id.id));
        let conversations = register.conversations().map(|(_, id)| (StreamType::StreamConversation, id.id));
        let ids: Vec<(StreamType, Hash)> = conversations.chain(custodians).collect();
        if ids.is_empty() {
            return Err(OfficerError::NothingSelected.into());
        }
        Ok(ids)
    }
}

/// Who acts, and why.
#[derive(Args)]
pub(crate) struct Who {
    /// Who acts: a person or function, as the log will say.
    #[arg(long, default_value = "records officer")]
    pub(super) person: String,
    /// Why, as the log will say.
    #[arg(long, default_value = "")]
    pub(super) reason: String,
}

/// Conversations, custodians, months.
#[derive(Args)]
pub(crate) struct Selected {
    /// Registered title of a conversation, or its id; may be repeated.
    #[arg(long)]
    pub(super) conversation: Vec<String>,
    /// Registered name of a custodian, or the id; may be repeated.
    #[arg(long)]
    pub(super) custodian: Vec<String>,
    /// First month, YYYYMM.
    #[arg(long, requires = "to", value_parser = clap::value_parser!(u32).range(197001..=999912))]
    from: Option<u32>,
    /// Last month, YYYYMM, inclusive.
    #[arg(long, requires = "from", value_parser = clap::value_parser!(u32).range(197001..=999912))]
    to: Option<u32>,
}

impl Selected {
    pub(super) fn scopes(&self, officer: &Officer) -> Result<Vec<Scope>, CommandError> {
        let register = officer.register();
        let (from_month, to_month) = (self.from.unwrap_or(0), self.to.unwrap_or(0));
        let scope =
            |stream: StreamType, id: Hash| Scope { stream: stream as i32, id: id.to_vec(), from_month, to_month };
        let mut scopes = Vec::new();
        for title in &self.conversation {
            scopes.push(scope(StreamType::StreamConversation, register.conversation(title)?));
        }
        for name in &self.custodian {
            scopes.push(scope(StreamType::StreamCustodian, register.custodian(name)?));
        }
        Ok(scopes)
    }
}

/// Events as `ENTRY:POSITION`.
pub(super) fn spots(places: &[String]) -> Result<Vec<Spot>, CommandError> {
    let spot = |place: &String| {
        let reason = format!("{place:?} is not a place: ENTRY:POSITION is wanted");
        Spot::parse(place).ok_or(CommandError::Usage { reason })
    };
    places.iter().map(spot).collect()
}

/// Scopes, or single events, or the messages of a contact in those scopes.
pub(super) async fn selection(
    desk: &mut Desk,
    selected: &Selected,
    events: &[String],
    contacts: &[String],
    who: &Who,
) -> Result<Selection, CommandError> {
    let scopes = selected.scopes(&desk.officer)?;
    let mut spots = spots(events)?;
    if contacts.is_empty() {
        let scopes = if spots.is_empty() { scopes } else { Vec::new() };
        return Ok(Selection { scopes, spots });
    }
    let reading = desk.read(&scopes, &Purpose::reading(&who.person, &who.reason)).await?;
    let messages = reading.messages().into_iter();
    spots.extend(messages.filter(|message| contacts.contains(&message.sender)).map(|message| message.spot));
    Ok(Selection { scopes: Vec::new(), spots })
}
