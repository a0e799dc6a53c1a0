//! `zegel redact permanent`: what an approved manifest covers is covered for good in the archive copy, where policy allows it.

use super::selected::{Selected, Who};
use super::{CommandError, Outcome, Place};
use clap::Subcommand;
use serde_json::json;
use std::path::{Path, PathBuf};
use zegel_tools::disk::{self, Readers};
use zegel_tools::permanent;

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

async fn order(place: &Place, selected: &Selected, who: &Who, id: &str, out: &Path) -> Result<Outcome, CommandError> {
    let mut desk = place.desk().await?;
    let scopes = selected.scopes(&desk.officer)?;
    let order = permanent::order(&mut desk, &scopes, &who.person, id).await?;
    disk::write_new(out, order.print().as_bytes(), Readers::Owner)?;
    let text = format!("then: zegel destroy erase {}", out.display());
    Ok(Outcome::done(text, json!({ "order": out, "events": order.places.len() })))
}

async fn declare(place: &Place, selected: &Selected, who: &Who, id: &str) -> Result<Outcome, CommandError> {
    let mut desk = place.desk().await?;
    let scopes = selected.scopes(&desk.officer)?;
    let (decided, count) = permanent::declare(&mut desk, &scopes, &who.person, id).await?;
    let text = format!("{count} parts are covered for good (entry {})", decided.entry);
    Ok(Outcome::done(text, json!({ "decided": decided, "parts": count })))
}
