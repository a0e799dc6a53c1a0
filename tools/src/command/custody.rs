//! `zegel custody`: the key of an archive; the order for its receipt; the purge of the landing zone.

use super::selected::Who;
use super::{CommandError, Outcome, Place, sealed};
use clap::Subcommand;
use serde_json::json;
use std::path::{Path, PathBuf};
use zegel_keys::{Protection, create};
use zegel_tools::acts::Acts;
use zegel_tools::custody::{self, PurgeError};
use zegel_tools::disk::{self, Readers};
use zegel_tools::keys::KeyError;
use zegel_tools::source::SourceError;
use zegel_verifier::custody::POLICY;
use zegel_verifier::note::{TYPE_ED25519, VerifierKey};

/// Steps of a transfer.
#[derive(Subcommand)]
pub(crate) enum Custody {
    /// At the archive: make the key of its receipts, and print the verifier key for the landing zone's policy.
    Key {
        /// The key to make.
        out: PathBuf,
        /// Name of the archive: a URL without its scheme.
        #[arg(long)]
        name: String,
        /// Leave the key without a passphrase: for a demonstration.
        #[arg(long)]
        plain: bool,
    },
    /// At the landing zone: hold a receipt against the log, and write the order to purge what it is about, signed by officer and approver.
    Order {
        #[command(flatten)]
        place: Place,
        /// The receipt that the archive signed.
        receipt: PathBuf,
        /// The order to make.
        #[arg(long)]
        out: PathBuf,
    },
    /// Have the ledger erase what the order names, and log CUSTODY_PURGED. Stopped anywhere, the same command goes on.
    Purge {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        who: Who,
        /// The order that `custody order` wrote.
        order: PathBuf,
    },
}

pub(crate) async fn run(custody: Custody) -> Result<Outcome, CommandError> {
    match custody {
        Custody::Key { out, name, plain } => key(&out, &name, &if plain { Protection::Plain } else { sealed()? }),
        Custody::Order { place, receipt, out } => order(&place, &receipt, &out).await,
        Custody::Purge { place, who, order } => purge(&place, &who, &order).await,
    }
}

fn key(out: &Path, name: &str, protection: &Protection) -> Result<Outcome, CommandError> {
    VerifierKey::new(name, TYPE_ED25519, [0; 32])?;
    let public = create(out, protection).map_err(KeyError::from)?;
    let vkey = VerifierKey::new(name, TYPE_ED25519, public)?.print();
    let text = format!("{vkey}\nat the landing zone: zegel policy {POLICY} {vkey}");
    Ok(Outcome::done(text, json!({ "vkey": vkey })))
}

async fn order(place: &Place, receipt: &Path, out: &Path) -> Result<Outcome, CommandError> {
    let mut desk = place.desk().await?;
    let note = String::from_utf8_lossy(&disk::read(receipt)?).into_owned();
    let order = custody::order(desk.officer.source(), &desk.folder, &note).await?;
    disk::write_new(out, order.print().as_bytes(), Readers::Owner)?;
    let events = order.places.len();
    let text = format!("the archive holds {events} events; then: zegel custody purge {}", out.display());
    Ok(Outcome::done(text, json!({ "order": out, "events": events })))
}

async fn purge(place: &Place, who: &Who, order: &Path) -> Result<Outcome, CommandError> {
    let mut desk = place.desk().await?;
    let text = String::from_utf8_lossy(&disk::read(order)?).into_owned();
    let acts = Acts::of(&desk.acts(&who.person, "purge of a landing zone").await?);
    let order = custody::check_order(&acts, &text)?;
    let source = desk.officer.source();
    let erased = source.connection().erase(&text).await.map_err(SourceError::from).map_err(PurgeError::from)?;
    let entry = custody::declare(source, &order, &who.person, &who.reason).await?;
    let text = format!(
        "{} events are purged ({} of them before), {} attachments; entry {entry} says so",
        erased.events, erased.before, erased.blobs
    );
    let document = json!({ "events": erased.events, "before": erased.before, "blobs": erased.blobs, "entry": entry });
    Ok(Outcome::done(text, document))
}
