//! `zegel export`: an evidence bundle of a custodian or a conversation.

use super::append::bar;
use super::{CommandError, Outcome, Place};
use clap::Args;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;
use zegel_proto::v1::{Scope, StreamType};
use zegel_tools::export::{Cover, Edges, ExportOrder, ExportReport, export};
use zegel_tools::keys::KeyFolder;
use zegel_tools::officer::{Officer, OfficerError};
use zegel_verifier::hash::Hash;

/// Arguments of `zegel export`.
#[derive(Args)]
pub(crate) struct Export {
    #[command(flatten)]
    place: Place,
    /// Registered name of the custodian, or the id.
    #[arg(long, required_unless_present = "conversation", conflicts_with = "conversation")]
    custodian: Option<String>,
    /// Registered title of the conversation, or the id.
    #[arg(long)]
    conversation: Option<String>,
    /// First month, YYYYMM.
    #[arg(long, requires = "to", value_parser = clap::value_parser!(u32).range(197001..=999912))]
    from: Option<u32>,
    /// Last month, YYYYMM, inclusive.
    #[arg(long, requires = "from", value_parser = clap::value_parser!(u32).range(197001..=999912))]
    to: Option<u32>,
    /// Opens also what lies at most so many hours outside the period, since months are in UTC; the rest of the months beside
    /// it is withheld.
    #[arg(long, value_name = "HOURS", requires = "from", value_parser = clap::value_parser!(u32).range(1..=48))]
    edges: Option<u32>,
    /// Ground on which the rest of the months beside the period is withheld.
    #[arg(long, value_name = "CODE", default_value = "buiten_reikwijdte")]
    edge_ground: String,
    /// Who gets it.
    #[arg(long)]
    recipient: String,
    /// What the recipient sent along.
    #[arg(long, default_value = "")]
    nonce: String,
    /// Case or request.
    #[arg(long, default_value = "")]
    case: String,
    /// Decision on which the covering rests; without it, the case.
    #[arg(long)]
    decision: Option<String>,
    /// Withhold an event: ENTRY:POSITION[=CODE,…].
    #[arg(long, value_name = "PLACE")]
    withhold: Vec<String>,
    /// Cover a slot or a run of items: ENTRY:POSITION:SLOT[:FIRST-LAST][=CODE,…].
    #[arg(long, value_name = "PLACE")]
    cover: Vec<String>,
    /// Cover what this manifest says, which `zegel redact propose` logged and `zegel approve` approved.
    #[arg(long, value_name = "ID", conflicts_with_all = ["withhold", "cover"])]
    manifest: Option<String>,
    /// Keep the registrations of this conversation (of a custodian's export) or custodian (of a conversation's) closed: names,
    /// titles and accounts; may be repeated. Registered name, or the id.
    #[arg(long, value_name = "NAME")]
    close: Vec<String>,
    /// Ground for every place that names none; may be repeated.
    #[arg(long, value_name = "CODE")]
    ground: Vec<String>,
    /// Show the holds, and the classes of what was weeded, on which ends of content rest, so that a verifier can judge them. Holds may name ids of others,
    /// and say why.
    #[arg(long)]
    acts: bool,
    /// Wait for witnesses to cosign what the bundle ends in, this many seconds at most.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "60")]
    cosigned: Option<u64>,
    /// Folder to make, or file if it ends in .zip.
    #[arg(long)]
    out: PathBuf,
}

/// Exports.
pub(crate) async fn run(arguments: Export) -> Result<Outcome, CommandError> {
    let keys = KeyFolder::open(&arguments.place.keys)?;
    let mut cover = cover(&arguments)?;
    let mut officer = Officer::open(&keys, &arguments.place.ledger).await?;
    let scope = scope(&arguments, &officer)?;
    let closed = closed(&arguments, &officer)?;
    let archive = keys.archive_keys()?;
    if let Some(id) = &arguments.manifest {
        let unknown = || OfficerError::UnknownAct { what: "redaction manifest", id: id.clone() };
        let manifest = zegel_tools::hex::parse(id).ok_or_else(unknown)?;
        cover = Cover::of_logged(officer.source(), &archive, &scope, manifest).await?.ok_or_else(unknown)?;
    }
    if arguments.acts {
        cover.show_grounds();
    }
    cover.settle(officer.source(), &archive, &scope).await?;
    let decision = arguments.decision.unwrap_or_else(|| match arguments.case.as_str() {
        "" => "export".into(),
        case => case.into(),
    });
    let order = ExportOrder {
        scope,
        recipient: arguments.recipient,
        nonce: arguments.nonce,
        case: arguments.case,
        decision,
        cover,
        closed,
        edges: arguments.edges.map(|hours| Edges { hours, ground: arguments.edge_ground }),
        cosigned: arguments.cosigned.map(Duration::from_secs),
        out: arguments.out,
    };
    let bar = bar("records");
    let report = export(officer.source(), &archive, &order, |records| bar.set_position(records)).await;
    bar.finish_and_clear();
    let report = report?;
    let findings =
        report.missing_attachments.len() + report.closed_registrations.len() + usize::from(report.cosigned_missing);
    Ok(Outcome::with_findings(told(&report), json!(report), findings))
}

fn cover(arguments: &Export) -> Result<Cover, CommandError> {
    let mut cover = Cover::default();
    for place in &arguments.withhold {
        cover.withhold(place, &arguments.ground)?;
    }
    for place in &arguments.cover {
        cover.cover(place, &arguments.ground)?;
    }
    Ok(cover)
}

fn scope(arguments: &Export, officer: &Officer) -> Result<Scope, CommandError> {
    let register = officer.register();
    let (stream, id) = match (&arguments.custodian, &arguments.conversation) {
        (Some(name), _) => (StreamType::StreamCustodian, register.custodian(name)?),
        (None, title) => (StreamType::StreamConversation, register.conversation(title.as_deref().unwrap_or_default())?),
    };
    let (from_month, to_month) = (arguments.from.unwrap_or(0), arguments.to.unwrap_or(0));
    Ok(Scope { stream: stream as i32, id: id.to_vec(), from_month, to_month })
}

/// Ids of the other kind than the scope's: these are named by its events.
fn closed(arguments: &Export, officer: &Officer) -> Result<BTreeSet<Hash>, CommandError> {
    let register = officer.register();
    let id = |name: &String| match arguments.custodian {
        Some(_) => register.conversation(name),
        None => register.custodian(name),
    };
    Ok(arguments.close.iter().map(id).collect::<Result<_, _>>()?)
}

fn told(report: &ExportReport) -> String {
    let mut text = format!(
        "{} holds export {} as of entry {}\n{} events open, {} covered in part, {} withheld; {} attachments; {} parts; {} cosignatures",
        report.path.display(),
        report.export,
        report.snapshot_entry,
        report.opened,
        report.redacted,
        report.withheld,
        report.attachments,
        report.parts,
        report.cosignatures,
    );
    if report.kept_closed > 0 {
        text.push_str(&format!("\n{} registrations of other ids stay closed", report.kept_closed));
    }
    if report.cosigned_missing {
        text.push_str("\nfinding: the witnesses did not cosign in time; the bundle ends in a checkpoint without them");
    }
    for missing in &report.missing_attachments {
        let (entry, position) = (missing.entry, missing.position);
        text.push_str(&format!("\nfinding: the ledger has no attachment {} of event {entry}:{position}", missing.blob));
    }
    for closed in &report.closed_registrations {
        let (entry, position, reason) = (closed.entry, closed.position, &closed.reason);
        text.push_str(&format!("\nfinding: registration {entry}:{position} stays closed: {reason}"));
    }
    text
}
