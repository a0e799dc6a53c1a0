//! `zegel follower`: what the root tells the log of a second ledger.

use super::{CommandError, Outcome, Place};
use clap::Subcommand;
use serde_json::json;
use zegel_tools::keys::KeyFolder;
use zegel_tools::officer;

/// What is told.
#[derive(Subcommand)]
pub(crate) enum Follower {
    /// Register a ledger that holds a replica: its certificate is listed with the id that is printed.
    Register {
        #[command(flatten)]
        place: Place,
        /// Name of the machine or service.
        #[arg(long)]
        name: String,
    },
    /// After `zegel-ledger promote`: say that the log goes on here, and what happened. Nothing else is taken before it.
    Recovered {
        #[command(flatten)]
        place: Place,
        /// What happened, in words that everybody may read.
        #[arg(long)]
        account: String,
    },
}

/// Tells it.
pub(crate) async fn run(follower: Follower) -> Result<Outcome, CommandError> {
    match follower {
        Follower::Register { place, name } => {
            let keys = KeyFolder::open(&place.keys)?;
            let actor = officer::register_follower(&keys, &place.ledger, &name).await?;
            Ok(Outcome::done(
                format!("follower {name:?} is {actor}"),
                json!({ "name": name, "actor": actor.to_string() }),
            ))
        }
        Follower::Recovered { place, account } => {
            let keys = KeyFolder::open(&place.keys)?;
            let told = officer::log_recovered(&keys, &place.ledger, &account).await?;
            let (size, root, entry) = (told.size, told.root, told.entry);
            let text = format!("entry {entry} says that the log was recovered at {size} entries, root {root}");
            Ok(Outcome::done(text, json!({ "size": size, "root": root.to_string(), "entry": entry })))
        }
    }
}
