//! `zegel contact`: an official admits or refuses somebody who started a conversation.

use super::{CommandError, Outcome, Place};
use clap::{Args, Subcommand};
use serde_json::json;
use zegel_tools::admission::{Decision, decide};
use zegel_tools::keys::KeyFolder;
use zegel_tools::officer::Register;

/// What the official decided.
#[derive(Subcommand)]
pub(crate) enum Contact {
    /// The conversation is captured from here on.
    Admit(Of),
    /// It is not; what is left of it is this decision.
    Refuse(Of),
}

/// Which capture.
#[derive(Args)]
pub(crate) struct Of {
    #[command(flatten)]
    place: Place,
    /// Registered name of the official, or the id.
    #[arg(long)]
    custodian: String,
    /// Registered title of the conversation, or its id.
    #[arg(long)]
    conversation: String,
}

/// Logs it, as the source that reads this capture out.
pub(crate) async fn run(contact: Contact) -> Result<Outcome, CommandError> {
    let (of, decision) = match contact {
        Contact::Admit(of) => (of, Decision::Admitted),
        Contact::Refuse(of) => (of, Decision::Refused),
    };
    let keys = KeyFolder::open(&of.place.keys)?;
    let register = Register::open(&keys.register())?;
    let (custodian, conversation) = (register.custodian(&of.custodian)?, register.conversation(&of.conversation)?);
    let placed = decide(&keys, &of.place.ledger, (custodian, conversation), decision).await?;
    let entry = placed.map(|placed| placed.entry);
    let word = decision.word();
    Ok(Outcome::done(format!("the contact is {word}"), json!({ "decided": word, "entry": entry })))
}
