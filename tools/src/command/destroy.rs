//! `zegel destroy`: propose, order, erase, declare.

use super::selected::{Selected, Who, spots};
use super::{CommandError, Outcome, Place};
use clap::{Subcommand, ValueEnum};
use serde_json::json;
use std::path::{Path, PathBuf};
use zegel_tools::acts::Selection;
use zegel_tools::destroy::{self, End, Wanted};
use zegel_tools::disk::{self, Readers};

/// How content ends.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Ending {
    /// On term: due, and not held.
    Vernietigd,
    /// Private or party-political: never a record.
    Geschoond,
    /// A mistaken read-out; --decision is the incident's number.
    Datalek,
    /// Kept for ever, and taken over by another archive; --decision names it and its deed.
    Overgebracht,
}

/// Steps of a destruction.
#[derive(Subcommand)]
pub(crate) enum Destroy {
    /// Propose what ends. Another approves it: `zegel approve`.
    Propose {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        selected: Selected,
        #[command(flatten)]
        who: Who,
        /// Of the selection only this event, ENTRY:POSITION; may be repeated.
        #[arg(long = "event", value_name = "PLACE")]
        events: Vec<String>,
        /// How it ends.
        #[arg(long, value_enum, default_value = "vernietigd")]
        end: Ending,
        /// The decision, the number of the incident, or the deed of transfer.
        #[arg(long, default_value = "")]
        decision: String,
    },
    /// Write the order for the ledger, once it was approved.
    Order {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        who: Who,
        /// Id of the proposal.
        proposal: String,
        /// The order to make.
        #[arg(long)]
        out: PathBuf,
    },
    /// Have the ledger carry the order out, while it serves. Stopped anywhere, the same command goes on; `zegel-ledger erase` does it on a ledger that is
    /// stopped.
    Erase {
        #[command(flatten)]
        place: Place,
        /// The order that `destroy order` wrote.
        order: PathBuf,
    },
    /// Log that it is gone, and write the declaration (verklaring van vernietiging).
    Declare {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        who: Who,
        /// Id of the proposal.
        proposal: String,
        /// The declaration to make: this file as JSON, and beside it the same as PDF and as text.
        #[arg(long)]
        out: PathBuf,
    },
}

pub(crate) async fn run(destroy: Destroy) -> Result<Outcome, CommandError> {
    match destroy {
        Destroy::Propose { place, selected, who, events, end, decision } => {
            let end = match end {
                Ending::Vernietigd => End::Destroyed,
                Ending::Geschoond => End::Weeded,
                Ending::Datalek => End::Breach,
                Ending::Overgebracht => End::Transferred,
            };
            begin(&place, &selected, who, &events, end, decision).await
        }
        Destroy::Order { place, who, proposal, out } => order(&place, &who, &proposal, &out).await,
        Destroy::Erase { place, order } => erase(&place, &order).await,
        Destroy::Declare { place, who, proposal, out } => declare(&place, &who, &proposal, &out).await,
    }
}

async fn begin(
    place: &Place,
    selected: &Selected,
    who: Who,
    events: &[String],
    end: End,
    decision: String,
) -> Result<Outcome, CommandError> {
    let mut desk = place.desk().await?;
    let selection = Selection { scopes: selected.scopes(&desk.officer)?, spots: spots(events)? };
    let wanted = Wanted { selection, end, decision, person: who.person, reason: who.reason };
    let (proposal, decided) = destroy::begin(&mut desk, &wanted).await?;
    let events = proposal.spots.len();
    let text = format!("proposal {}: {events} events, {} ({})", decided.act, end.code(), proposal.code);
    Ok(Outcome::done(text, json!({ "proposal": decided.act.to_string(), "events": events, "code": proposal.code })))
}

async fn order(place: &Place, who: &Who, id: &str, out: &Path) -> Result<Outcome, CommandError> {
    let order = destroy::order(&mut place.desk().await?, &who.person, id).await?;
    disk::write_new(out, order.print().as_bytes(), Readers::Owner)?;
    let text = format!("then: zegel destroy erase {}", out.display());
    Ok(Outcome::done(text, json!({ "order": out, "events": order.places.len() })))
}

async fn erase(place: &Place, order: &Path) -> Result<Outcome, CommandError> {
    let mut desk = place.desk().await?;
    let order = String::from_utf8_lossy(&disk::read(order)?).into_owned();
    let erased = destroy::erase(&mut desk, &order).await?;
    let text = format!(
        "{} events are erased ({} of them before), {} attachments; none of it was found in {} files of {} bytes",
        erased.events, erased.before, erased.blobs, erased.files, erased.bytes
    );
    let document = json!({
        "events": erased.events, "before": erased.before, "blobs": erased.blobs, "files": erased.files, "bytes": erased.bytes,
    });
    Ok(Outcome::done(text, document))
}

async fn declare(place: &Place, who: &Who, id: &str, out: &Path) -> Result<Outcome, CommandError> {
    let declared = destroy::declare(&mut place.desk().await?, &who.person, id).await?;
    declared.write(out)?;
    let (events, code) = (declared.proposal.spots.len(), declared.proposal.end.code());
    let text = format!("{events} events are declared {code} (entry {})", declared.decided.entry);
    Ok(Outcome::done(text, declared.document))
}
