//! `zegel accept`, `classify`, `hold`, `retain`, `due`, `policy`: decisions of a records officer.

use super::selected::{Desk, Selected, Who, selection};
use super::{CommandError, Outcome, Place};
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::PathBuf;
use zegel_proto::v1::{EventKind, Scope, StreamType};
use zegel_tools::acts::{Acts, Selection, Subject};
use zegel_tools::officer::{Decided, Decision, OfficerError};
use zegel_tools::retention::{SelectionList, Term, overview};
use zegel_tools::{disk, hex};
use zegel_verifier::hash::Hash;

/// Events, and who decides.
#[derive(Args)]
pub(crate) struct Decide {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    selected: Selected,
    #[command(flatten)]
    who: Who,
    /// A single event, ENTRY:POSITION; may be repeated.
    #[arg(long = "event", value_name = "PLACE")]
    events: Vec<String>,
    /// Only messages that this sender sent, as the device shows him; may be repeated.
    #[arg(long = "contact", value_name = "SENDER")]
    contacts: Vec<String>,
}

/// Arguments of `zegel classify`.
#[derive(Args)]
pub(crate) struct Classify {
    #[command(flatten)]
    decide: Decide,
    /// A class of the list that the log publishes: zakelijk, prive, …
    #[arg(long)]
    class: String,
    /// Which test was used: contact (who the other is) or content (what was said).
    #[arg(long)]
    test: String,
}

/// Arguments of `zegel retain`.
#[derive(Args)]
pub(crate) struct Retain {
    #[command(flatten)]
    decide: Decide,
    /// A category of the selection list.
    #[arg(long)]
    category: String,
    /// When the term begins, YYYY-MM-DD, for a category whose trigger is stated.
    #[arg(long)]
    begins: Option<jiff::civil::Date>,
}

/// Holds.
#[derive(Subcommand)]
pub(crate) enum Hold {
    /// Keep from destruction: conversations, custodians, months, everybody with a function, or all that a case exported.
    #[command(name = "place")]
    Begin {
        #[command(flatten)]
        decide: Decide,
        /// Everybody who is registered with this function.
        #[arg(long)]
        function: Vec<String>,
        /// The scopes of every export of this case.
        #[arg(long)]
        case: Vec<String>,
    },
    /// End a hold.
    Release {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        who: Who,
        /// The id that `hold place` gave.
        hold: String,
    },
    /// Holds that are in force.
    List {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        who: Who,
    },
}

/// Arguments of `zegel due`.
#[derive(Args)]
pub(crate) struct Due {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    who: Who,
}

/// Arguments of `zegel policy`.
#[derive(Args)]
pub(crate) struct Policy {
    #[command(flatten)]
    place: Place,
    /// Its name.
    name: String,
    /// Its value; or --file.
    #[arg(required_unless_present = "file")]
    value: Option<String>,
    /// A file that holds the value.
    #[arg(long, conflicts_with = "value")]
    file: Option<PathBuf>,
}

async fn decide(decide: Decide, kind: EventKind, decision: Decision) -> Result<Decided, CommandError> {
    let mut desk = decide.place.desk().await?;
    let selection = selection(&mut desk, &decide.selected, &decide.events, &decide.contacts, &decide.who).await?;
    log(&mut desk, kind, decision, selection, decide.who).await
}

async fn log(
    desk: &mut Desk,
    kind: EventKind,
    decision: Decision,
    selection: Selection,
    who: Who,
) -> Result<Decided, CommandError> {
    let decision = Decision { selection, person: who.person, reason: who.reason, ..decision };
    Ok(desk.officer.decide(kind, &decision).await?)
}

fn told(what: &str, decided: &Decided) -> Outcome {
    let text = format!("{what} is {} (entry {})", decided.act, decided.entry);
    Outcome::done(text, json!({ "decided": decided }))
}

pub(crate) async fn accept(accept: Decide) -> Result<Outcome, CommandError> {
    Ok(told("acceptance", &decide(accept, EventKind::AcceptanceRecorded, Decision::default()).await?))
}

pub(crate) async fn classify(classify: Classify) -> Result<Outcome, CommandError> {
    let decision = Decision { code: classify.class, test: classify.test, ..Decision::default() };
    Ok(told("classification", &decide(classify.decide, EventKind::ClassAssigned, decision).await?))
}

pub(crate) async fn retain(retain: Retain) -> Result<Outcome, CommandError> {
    let midnight = |date: jiff::civil::Date| date.to_zoned(jiff::tz::TimeZone::UTC).ok();
    let begins = retain.begins.and_then(midnight).map(|at| at.timestamp().as_millisecond());
    let until_ms = begins.and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0);
    let decision = Decision { code: retain.category, until_ms, ..Decision::default() };
    Ok(told("category", &decide(retain.decide, EventKind::RetentionAssigned, decision).await?))
}

pub(crate) async fn hold(hold: Hold) -> Result<Outcome, CommandError> {
    match hold {
        Hold::Begin { decide, function, case } => place_hold(decide, &function, &case).await,
        Hold::Release { place, who, hold } => {
            let mut desk = place.desk().await?;
            let acts = Acts::of(&desk.acts(&who.person, "release of a hold").await?);
            let unknown = || OfficerError::UnknownAct { what: "hold in force", id: hold.clone() };
            let id =
                hex::parse(&hold).filter(|id| acts.holds().any(|act| act.id() == Some(*id))).ok_or_else(unknown)?;
            let decision = Decision { refers_to: Some(id), ..Decision::default() };
            Ok(told("release", &log(&mut desk, EventKind::HoldReleased, decision, Selection::default(), who).await?))
        }
        Hold::List { place, who } => {
            let mut desk = place.desk().await?;
            let acts = Acts::of(&desk.acts(&who.person, "list of holds").await?);
            let rows: Vec<_> = acts
                .holds()
                .map(|act| json!({ "hold": act.id().map(|id| id.to_string()), "reason": act.reason, "person": act.person }))
                .collect();
            let text = acts.holds().map(|act| format!("{}  {}", act.id().unwrap_or(Hash::ZERO), act.reason));
            Ok(Outcome::done(text.collect::<Vec<_>>().join("\n"), json!({ "holds": rows })))
        }
    }
}

async fn place_hold(decide: Decide, functions: &[String], cases: &[String]) -> Result<Outcome, CommandError> {
    let mut desk = decide.place.desk().await?;
    let mut selection = selection(&mut desk, &decide.selected, &decide.events, &decide.contacts, &decide.who).await?;
    if !functions.is_empty() || !cases.is_empty() {
        let reading = desk.acts(&decide.who.person, "hold by function or case").await?;
        let has_function = reading.functions.iter().filter(|(_, function)| functions.contains(function));
        let of = |id: Hash| Scope { stream: StreamType::StreamCustodian as i32, id: id.to_vec(), ..Scope::default() };
        selection.scopes.extend(has_function.map(|(id, _)| of(*id)));
        let acts = Acts::of(&reading);
        let exports = acts.iter().filter_map(|act| match &act.subject {
            Subject::Export(export) if cases.contains(&export.case) => export.scope.clone(),
            _ => None,
        });
        selection.scopes.extend(exports);
    }
    Ok(told("hold", &log(&mut desk, EventKind::HoldPlaced, Decision::default(), selection, decide.who).await?))
}

pub(crate) async fn due(due: &Due) -> Result<Outcome, CommandError> {
    let mut desk = due.place.desk().await?;
    let reading = desk.acts(&due.who.person, "overview of terms").await?;
    let list = SelectionList::in_force(desk.officer.source().registry())?;
    let conversations: Vec<_> = desk.officer.register().conversations().map(|(_, id)| id.id).collect();
    let now = jiff::Timestamp::now().as_millisecond().max(0) as u64;
    let rows = overview(&reading, &Acts::of(&reading), &list, &conversations, now);
    let line = |row: &zegel_tools::retention::DueRow| {
        let term = match row.term {
            Term::Unassigned => "no category".into(),
            Term::Kept => "kept for ever".into(),
            Term::Open => "term not begun".into(),
            Term::Due { month } => format!("due after {month}{}", if row.is_past { ", which has passed" } else { "" }),
        };
        let held = row.held.as_ref().map(|reason| format!("; held: {reason}")).unwrap_or_default();
        format!("{:06}  {}  {} events  {}  {term}{held}", row.month, row.title, row.events, row.category)
    };
    let text: Vec<String> = rows.iter().map(line).collect();
    Ok(Outcome::done(text.join("\n"), json!({ "list": list.version(), "due": rows })))
}

pub(crate) async fn policy(policy: Policy) -> Result<Outcome, CommandError> {
    let value = match policy.file {
        Some(path) => String::from_utf8_lossy(&disk::read(&path)?).into_owned(),
        None => policy.value.unwrap_or_default(),
    };
    let mut desk = policy.place.desk().await?;
    let entry = desk.officer.set_policy(&policy.name, &value).await?;
    let name = policy.name;
    Ok(Outcome::done(format!("policy {name} stands in entry {entry}"), json!({ "policy": name, "entry": entry })))
}
