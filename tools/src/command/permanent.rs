//! `zegel redact permanent`: what an approved manifest covers is covered for good in the archive copy, where policy allows it.

use super::selected::{Desk, Selected, Who};
use super::{CommandError, Outcome, Place};
use clap::Subcommand;
use serde_json::json;
use std::path::{Path, PathBuf};
use zegel_tools::acts::Acts;
use zegel_tools::disk::{self, Readers};
use zegel_tools::hex;
use zegel_tools::permanent::{Forever, PermanentError};
use zegel_tools::reading::{Purpose, read_covering};

/// Steps of a permanent redaction.
#[derive(Subcommand)]
pub(crate) enum Permanent {
    /// Write the order for the ledger: `zegel destroy erase` hands it over.
    Order {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        selected: Selected,
        #[command(flatten)]
        who: Who,
        /// Id of a manifest that was approved.
        manifest: String,
        /// The order to make.
        #[arg(long)]
        out: PathBuf,
    },
    /// Log that the words are gone.
    Declare {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        selected: Selected,
        #[command(flatten)]
        who: Who,
        /// Id of the manifest.
        manifest: String,
    },
}

pub(crate) async fn run(permanent: Permanent) -> Result<Outcome, CommandError> {
    match permanent {
        Permanent::Order { place, selected, who, manifest, out } => {
            order(&place, &selected, &who, &manifest, &out).await
        }
        Permanent::Declare { place, selected, who, manifest } => declare(&place, &selected, &who, &manifest).await,
    }
}

async fn found(desk: &mut Desk, who: &Who, id: &str) -> Result<Forever, CommandError> {
    let acts = Acts::of(&desk.acts(&who.person, "permanent redaction").await?);
    let unknown = || PermanentError::Unknown { id: id.into() };
    let manifest = hex::parse(id).and_then(|id| acts.manifest(id)).ok_or_else(unknown)?;
    Ok(Forever::of(desk.officer.source().registry(), manifest)?)
}

async fn order(place: &Place, selected: &Selected, who: &Who, id: &str, out: &Path) -> Result<Outcome, CommandError> {
    let mut desk = Desk::open(place).await?;
    let forever = found(&mut desk, who, id).await?;
    let scopes = selected.scopes(&desk.officer)?;
    let purpose = Purpose::reading(&who.person, "permanent redaction");
    let reading = read_covering(desk.officer.source(), &desk.keys, &scopes, &purpose, forever.units()).await?;
    let order = forever.order(&reading, &desk.folder)?;
    disk::write_new(out, order.print().as_bytes(), Readers::Owner)?;
    let text = format!("then: zegel destroy erase {}", out.display());
    Ok(Outcome::done(text, json!({ "order": out, "events": order.places.len() })))
}

async fn declare(place: &Place, selected: &Selected, who: &Who, id: &str) -> Result<Outcome, CommandError> {
    let mut desk = Desk::open(place).await?;
    let forever = found(&mut desk, who, id).await?;
    let scopes = selected.scopes(&desk.officer)?;
    let reading = desk.read(&scopes, &Purpose::reading(&who.person, "permanent redaction")).await?;
    let (decision, items) = forever.declaration(&reading, &who.person)?;
    let count = items.len();
    let decided = desk.officer.declare_resealed(&decision, items).await?;
    let text = format!("{count} parts are covered for good (entry {})", decided.entry);
    Ok(Outcome::done(text, json!({ "decided": decided, "parts": count })))
}
