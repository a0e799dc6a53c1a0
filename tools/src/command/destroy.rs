//! `zegel destroy`: propose, order, erase, declare.

use super::selected::{Desk, Selected, Who, spots};
use super::{CommandError, Outcome, Place};
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use zegel_proto::v1::EventKind;
use zegel_tools::acts::{Acts, Selection};
use zegel_tools::destroy::{DestroyError, End, Proposal, propose};
use zegel_tools::disclose::declaration;
use zegel_tools::disk::{self, Readers};
use zegel_tools::hex;
use zegel_tools::officer::Decided;
use zegel_tools::reading::{Purpose, Reading};
use zegel_tools::retention::SelectionList;
use zegel_tools::source::SourceError;

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

fn now_ms() -> u64 {
    jiff::Timestamp::now().as_millisecond().max(0) as u64
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
            begin(&place, &selected, &who, &events, end, &decision).await
        }
        Destroy::Order { place, who, proposal, out } => order(&place, &who, &proposal, &out).await,
        Destroy::Erase { place, order } => erase(&place, &order).await,
        Destroy::Declare { place, who, proposal, out } => declare(&place, &who, &proposal, &out).await,
    }
}

async fn begin(
    place: &Place,
    selected: &Selected,
    who: &Who,
    events: &[String],
    end: End,
    decision: &str,
) -> Result<Outcome, CommandError> {
    let mut desk = Desk::open(place).await?;
    let scopes = selected.scopes(&desk.officer)?;
    let reading = desk.read(&scopes, &Purpose::reading(&who.person, "proposal to destroy")).await?;
    let list = SelectionList::in_force(desk.officer.source().registry())?;
    let selection = Selection { scopes, spots: spots(events)? };
    let proposal = propose(&reading, &list, end, &selection, decision, now_ms())?;
    let act = proposal.decision(&who.person, decision, &who.reason);
    let decided = desk.officer.decide(EventKind::DestructionProposed, &act).await?;
    let events = proposal.spots.len();
    let text = format!("proposal {}: {events} events, {} ({})", decided.act, end.code(), proposal.code);
    Ok(Outcome::done(text, json!({ "proposal": decided.act.to_string(), "events": events, "code": proposal.code })))
}

/// The proposal with all that its scope holds now.
async fn logged(desk: &mut Desk, who: &Who, id: &str) -> Result<(Proposal, Reading), CommandError> {
    let unknown = || DestroyError::UnknownProposal { id: id.into() };
    let hash = hex::parse(id).ok_or_else(unknown)?;
    let acts = Acts::of(&desk.acts(&who.person, "proposal to destroy").await?);
    let (proposal, _) = Proposal::logged(&acts, hash)?;
    let reading =
        desk.read(std::slice::from_ref(&proposal.scope), &Purpose::reading(&who.person, "proposal to destroy")).await?;
    Ok((proposal, reading))
}

async fn order(place: &Place, who: &Who, id: &str, out: &Path) -> Result<Outcome, CommandError> {
    let mut desk = Desk::open(place).await?;
    let (proposal, reading) = logged(&mut desk, who, id).await?;
    let acts = Acts::of(&reading);
    let (_, act) = Proposal::logged(&acts, hex::parse(id).unwrap_or(zegel_verifier::hash::Hash::ZERO))?;
    let list = SelectionList::in_force(desk.officer.source().registry())?;
    let order = proposal.order(&reading, &list, act, &desk.folder, now_ms())?;
    disk::write_new(out, order.print().as_bytes(), Readers::Owner)?;
    let text = format!("then: zegel destroy erase {}", out.display());
    Ok(Outcome::done(text, json!({ "order": out, "events": order.places.len() })))
}

async fn erase(place: &Place, order: &Path) -> Result<Outcome, CommandError> {
    let mut desk = Desk::open(place).await?;
    let order = String::from_utf8_lossy(&disk::read(order)?).into_owned();
    let erased = desk.officer.source().connection().erase(&order).await.map_err(SourceError::from)?;
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
    let mut desk = Desk::open(place).await?;
    let (proposal, reading) = logged(&mut desk, who, id).await?;
    let acts = Acts::of(&reading);
    let (_, act) = Proposal::logged(&acts, hex::parse(id).unwrap_or(zegel_verifier::hash::Hash::ZERO))?;
    let decision = proposal.declaration(&reading, act, &who.person)?;
    // Stopped before the files were written: what was declared is not declared again.
    let decided = match Proposal::declared(&acts, act) {
        Some(decided) => decided,
        None => desk.officer.decide(proposal.end.kind(), &decision).await?,
    };
    let approval = acts.approval(act.id().unwrap_or(zegel_verifier::hash::Hash::ZERO), act.actor);
    let version = act.selection().map(|selection| selection.list_version.clone()).unwrap_or_default();
    let document = json!({
        "verklaring": proposal.end.code(),
        "origin": desk.folder.ministry().origin,
        "zorgdrager": desk.folder.ministry().ministry,
        "verklaring_id": decided.act.to_string(),
        "voorstel": id,
        "aantal": proposal.spots.len(),
        "grond": { "lijst": version, "code": proposal.code, "besluit": act.decision, "reden": act.reason },
        "wijze": "sleutels, inhoud en bijlagen gewist; databases herschreven; bestanden doorzocht (zegel destroy erase)",
        "voorgesteld_door": act.person,
        "goedgekeurd_door": approval.map(|approval| approval.person.clone()),
        "verklaard_door": who.person,
        "datum": jiff::Timestamp::now().to_string(),
        "entry": decided.entry,
        "blijft": "soort, maand, aantal, willekeurige nummers, gezouten hashes; een watermerk zonder inhoud, zodat een volgende uitlezing het niet terugbrengt",
        "controle": "zegel-verifier verify BUNDEL --trust TRUST",
    });
    write(out, &document, &decided)?;
    let text =
        format!("{} events are declared {} (entry {})", proposal.spots.len(), proposal.end.code(), decided.entry);
    Ok(Outcome::done(text, document))
}

fn write(out: &Path, document: &Value, decided: &Decided) -> Result<(), CommandError> {
    let json = serde_json::to_vec_pretty(document).unwrap_or_default();
    disk::write_new(out, &json, Readers::Owner)?;
    let line = |(name, value): (&String, &Value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), String::from);
        format!("{}: {}", name.replace('_', " "), zegel_verifier::bundle::plain::plain(&value))
    };
    let mut lines: Vec<String> = document.as_object().into_iter().flatten().map(line).collect();
    lines.push(format!("Dit is een weergave van handeling {}: controleer haar zelf in het log.", decided.act));
    let title = match document["verklaring"].as_str() {
        Some("overgebracht") => "Verklaring van overbrenging",
        _ => "Verklaring van vernietiging",
    };
    let text = format!("{}\n\n{}\n", title.to_uppercase(), lines.join("\n"));
    disk::write_new(&out.with_extension("txt"), text.as_bytes(), Readers::Owner)?;
    let pdf = declaration(title, &lines, now_ms())?;
    Ok(disk::write_new(&out.with_extension("pdf"), &pdf, Readers::Owner)?)
}
