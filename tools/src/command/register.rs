//! `zegel register`: names get ids.

use super::{CommandError, Outcome, Place};
use clap::Subcommand;
use serde_json::json;
use zegel_tools::event::{Account, ConversationEntry, CustodianEntry};
use zegel_tools::keys::KeyFolder;
use zegel_tools::officer::{Officer, RegisteredId};

/// What is registered.
#[derive(Subcommand)]
pub(crate) enum Register {
    /// A person whose chats are captured (chathouder).
    Custodian {
        #[command(flatten)]
        place: Place,
        /// Name of the person.
        #[arg(long)]
        name: String,
        /// An account, as CHANNEL:IDENTIFIER:PURPOSE, for example whatsapp:+31612345678:business.
        #[arg(long = "account", value_parser = account)]
        accounts: Vec<Account>,
        /// Function.
        #[arg(long)]
        function: Option<String>,
        /// Organisation.
        #[arg(long)]
        organisation: Option<String>,
        /// On what ground the chats are captured.
        #[arg(long)]
        basis: Option<String>,
    },
    /// The key function of a custodian: what coverage is measured against. Says all anew; what it leaves out is gone.
    Function {
        #[command(flatten)]
        place: Place,
        /// Name of the custodian, as registered.
        #[arg(long)]
        custodian: String,
        /// Function.
        #[arg(long)]
        function: String,
        /// Organisation.
        #[arg(long)]
        organisation: Option<String>,
        /// An account, as CHANNEL:IDENTIFIER:PURPOSE; only business accounts are in scope.
        #[arg(long = "account", value_parser = account)]
        accounts: Vec<Account>,
        /// Device, and whether it is the ministry's: "zakelijke telefoon".
        #[arg(long)]
        device: Option<String>,
        /// First day, YYYY-MM-DD.
        #[arg(long)]
        from: jiff::civil::Date,
        /// Last day, YYYY-MM-DD.
        #[arg(long)]
        to: Option<jiff::civil::Date>,
    },
    /// A conversation.
    Conversation {
        #[command(flatten)]
        place: Place,
        /// Title.
        #[arg(long)]
        title: String,
        /// Channel: whatsapp, signal, …
        #[arg(long)]
        channel: Option<String>,
        /// Native identifier on that channel.
        #[arg(long, default_value = "")]
        identifier: String,
        /// group, direct, broadcast or channel.
        #[arg(long)]
        kind: Option<String>,
        /// How it was identified.
        #[arg(long)]
        basis: Option<String>,
    },
}

/// Registers.
pub(crate) async fn run(register: Register) -> Result<Outcome, CommandError> {
    match register {
        Register::Custodian { place, name, accounts, function, organisation, basis } => {
            let entry = CustodianEntry { name, accounts, function, organisation, basis };
            let registered = open(&place).await?.register_custodian(&entry).await?;
            Ok(told("custodian", &entry.name, &registered))
        }
        Register::Function { place, custodian, function, organisation, accounts, device, from, to } => {
            let to = to.map(|to| format!(" tot={to}")).unwrap_or_default();
            let device = device.map(|device| format!(" apparaat: {device}")).unwrap_or_default();
            let basis = Some(format!("sleutelfunctie van={from}{to}{device}"));
            let entry = CustodianEntry { name: custodian, accounts, function: Some(function), organisation, basis };
            let registered = open(&place).await?.change_custodian(&entry).await?;
            Ok(told("key function of", &entry.name, &registered))
        }
        Register::Conversation { place, title, channel, identifier, kind, basis } => {
            let account = channel.map(|channel| Account { channel, identifier, purpose: String::new() });
            let entry = ConversationEntry { title, accounts: account.into_iter().collect(), kind, basis };
            let registered = open(&place).await?.register_conversation(&entry).await?;
            Ok(told("conversation", &entry.title, &registered))
        }
    }
}

async fn open(place: &Place) -> Result<Officer, CommandError> {
    Ok(Officer::open(&KeyFolder::open(&place.keys)?, &place.ledger).await?)
}

fn told(what: &str, name: &str, registered: &RegisteredId) -> Outcome {
    let text = format!("{what} {name:?} is {} (entry {})", registered.id, registered.entry);
    Outcome::done(text, json!({ "what": what, "name": name, "registered": registered }))
}

/// The identifier may hold colons, as those of Matrix do; channel and purpose may not.
fn account(text: &str) -> Result<Account, String> {
    let parts = text.split_once(':').and_then(|(channel, rest)| Some((channel, rest.rsplit_once(':')?)));
    let (channel, (identifier, purpose)) = parts.ok_or("an account is CHANNEL:IDENTIFIER:PURPOSE")?;
    if !["business", "private", "party"].contains(&purpose) {
        return Err(format!("purpose is {purpose:?}, wanted business, private or party"));
    }
    Ok(Account { channel: channel.into(), identifier: identifier.into(), purpose: purpose.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_may_hold_colons() {
        let found = account("matrix:@jan:example.nl:business").expect("an account");
        assert_eq!((found.channel.as_str(), found.identifier.as_str()), ("matrix", "@jan:example.nl"));
        assert_eq!(
            account("whatsapp:+316:thuis").expect_err("refused"),
            "purpose is \"thuis\", wanted business, private or party"
        );
        assert_eq!(account("whatsapp:+316").expect_err("refused"), "an account is CHANNEL:IDENTIFIER:PURPOSE");
    }
}
