//! What an officer's command is about: conversations, custodians and single events, in whole months.

use super::{CommandError, Place};
use clap::Args;
use zegel_proto::v1::Scope;
use zegel_tools::acts::Selection;
use zegel_tools::export::Spot;
use zegel_tools::keys::KeyFolder;
use zegel_tools::officer::Officer;
use zegel_tools::reading::Purpose;

/// An officer with his archive keys.
pub(super) use zegel_tools::workplace::Workplace as Desk;

impl Place {
    /// The workplace of these keys.
    pub(super) async fn desk(&self) -> Result<Desk, CommandError> {
        Ok(Desk::open(KeyFolder::open(&self.keys)?, &self.ledger).await?)
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
        let months = (self.from.unwrap_or(0), self.to.unwrap_or(0));
        Ok(officer.register().scopes(&self.custodian, &self.conversation, months)?)
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
