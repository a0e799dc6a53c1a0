//! `zegel claim` and `zegel rubricering`: what a chat holder says is private, and what is marked above the level that may be here.

use super::review::Reader;
use super::selected::{Desk, Who, spots};
use super::{CommandError, Outcome, Place};
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::{Path, PathBuf};
use zegel_proto::v1::EventKind;
use zegel_tools::acts::{Act, Acts, Selection};
use zegel_tools::export::Spot;
use zegel_tools::hex;
use zegel_tools::officer::{Decision, OfficerError, check_claim_term};
use zegel_tools::reading::Purpose;
use zegel_tools::review::write_sheet;
use zegel_tools::rubricering::{INCIDENT, POLICY, above};
use zegel_tools::source::SourceError;
use zegel_verifier::hash::Hash;

/// Code of a claim.
const CLAIM: &str = "claim_prive";
/// A day in milliseconds.
const DAY_MS: u64 = 86_400_000;

/// Name of the policy that says within how many days of capture a holder can claim; without it, at any time.
const CLAIM_DAYS: &str = "claim_days";

/// Claims of a chat holder.
#[derive(Subcommand)]
pub(crate) enum Claim {
    /// Show the holder of a phone what was captured of it: a sheet (CSV) in which each message has its place, by which it is claimed.
    Show {
        #[command(flatten)]
        reader: Reader,
        /// The sheet to make.
        #[arg(long)]
        out: PathBuf,
    },
    /// Record that the holder of the phone says that messages are private.
    #[command(name = "place")]
    Begin {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        who: Who,
        /// A message, ENTRY:POSITION; may be repeated.
        #[arg(long = "event", value_name = "PLACE", required = true)]
        events: Vec<String>,
        /// Days within which it is decided.
        #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(u64).range(1..=366))]
        days: u64,
    },
    /// Claims that nobody decided yet.
    List {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        who: Who,
    },
    /// Decide a claim: the class that its messages get.
    Settle {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        who: Who,
        /// Id of the claim.
        claim: String,
        /// prive where it is granted, zakelijk where it is not, or another class.
        #[arg(long)]
        class: String,
        /// contact or content.
        #[arg(long, default_value = "content")]
        test: String,
    },
}

/// Arguments of `zegel rubricering`.
#[derive(Args)]
pub(crate) struct Rubricering {
    #[command(flatten)]
    reader: Reader,
    /// Number of the incident, as the ministry names it.
    #[arg(long)]
    incident: String,
}

fn open_claims(acts: &Acts) -> Vec<&Act> {
    let is_settled = |claim: &Act| acts.of_kind(EventKind::ClassAssigned).any(|act| act.refers_to() == claim.id());
    acts.of_kind(EventKind::CorrectionNoted).filter(|act| act.code() == CLAIM && !is_settled(act)).collect()
}

/// Within the term of the policy: each message was captured no longer ago.
async fn check_term(desk: &mut Desk, spots: &[Spot], now_ms: u64) -> Result<(), CommandError> {
    let policy = desk.officer.source().registry().and_then(|registry| registry.policy(CLAIM_DAYS));
    let Some(days) = policy.and_then(|days| days.parse::<u64>().ok()) else { return Ok(()) };
    for spot in spots {
        let received =
            desk.officer.source().connection().received_at_ms(spot.entry).await.map_err(SourceError::from)?;
        check_claim_term(*spot, received, days, now_ms)?;
    }
    Ok(())
}

pub(crate) async fn claim(claim: Claim) -> Result<Outcome, CommandError> {
    match claim {
        Claim::Show { reader, out } => show(&reader, &out).await,
        Claim::Begin { place, who, events, days } => {
            let mut desk = place.desk().await?;
            let now = jiff::Timestamp::now().as_millisecond().max(0) as u64;
            let spots = spots(&events)?;
            check_term(&mut desk, &spots, now).await?;
            let decision = Decision {
                selection: Selection { spots, ..Selection::default() },
                code: CLAIM.into(),
                until_ms: now + days * DAY_MS,
                person: who.person,
                reason: who.reason,
                ..Decision::default()
            };
            let decided = desk.officer.decide(EventKind::CorrectionNoted, &decision).await?;
            Ok(Outcome::done(format!("claim is {}", decided.act), json!({ "decided": decided })))
        }
        Claim::List { place, who } => {
            let mut desk = place.desk().await?;
            let acts = Acts::of(&desk.acts(&who.person, "claims").await?);
            let until = |act: &Act| act.selection().map_or(0, |selection| selection.until_ms);
            let row = |act: &&Act| {
                let id = act.id().unwrap_or(Hash::ZERO).to_string();
                json!({ "claim": id, "person": act.person, "messages": act.items.len(), "until_ms": until(act) })
            };
            let open = open_claims(&acts);
            let lines: Vec<String> = open
                .iter()
                .map(|act| format!("{}  {}  {} messages", act.id().unwrap_or(Hash::ZERO), act.person, act.items.len()))
                .collect();
            Ok(Outcome::done(lines.join("\n"), json!({ "claims": open.iter().map(row).collect::<Vec<_>>() })))
        }
        Claim::Settle { place, who, claim, class, test } => {
            let mut desk = place.desk().await?;
            let acts = Acts::of(&desk.acts(&who.person, "claims").await?);
            let id = hex::parse(&claim);
            let found = open_claims(&acts).into_iter().find(|act| act.id() == id && id.is_some());
            let found = found.ok_or_else(|| OfficerError::UnknownAct { what: "open claim", id: claim.clone() })?;
            let spot = |item: &zegel_proto::v1::RedactionItem| Spot { entry: item.entry, position: item.position };
            let decision = Decision {
                selection: Selection { spots: found.items.iter().map(spot).collect(), ..Selection::default() },
                refers_to: id,
                code: class,
                test,
                person: who.person,
                reason: who.reason,
                ..Decision::default()
            };
            let decided = desk.officer.decide(EventKind::ClassAssigned, &decision).await?;
            Ok(Outcome::done(format!("claim {claim} is settled"), json!({ "decided": decided })))
        }
    }
}

async fn show(reader: &Reader, out: &Path) -> Result<Outcome, CommandError> {
    let mut desk = reader.place.desk().await?;
    let scopes = reader.selected.scopes(&desk.officer)?;
    let reading = desk.read(&scopes, &Purpose::reading(&reader.who.person, "inzage door de chathouder")).await?;
    let rows = write_sheet(&reading, |_| true, out)?;
    Ok(Outcome::done(format!("{} has {rows} messages", out.display()), json!({ "sheet": out, "rows": rows })))
}

pub(crate) async fn rubricering(scan: Rubricering) -> Result<Outcome, CommandError> {
    let who = &scan.reader.who;
    let mut desk = scan.reader.place.desk().await?;
    let scopes = scan.reader.selected.scopes(&desk.officer)?;
    let reading = desk.read(&scopes, &Purpose::search(&who.person, "rubricering")).await?;
    let permitted = desk.officer.source().registry().and_then(|registry| registry.policy(POLICY)).map(String::from);
    let found = above(&reading, permitted.as_deref());
    if found.is_empty() {
        return Ok(Outcome::done("nothing is marked above the permitted level".into(), json!({ "found": [] })));
    }
    let decision = Decision {
        selection: Selection { spots: found.iter().map(|(message, _)| message.spot).collect(), ..Selection::default() },
        code: INCIDENT.into(),
        person: who.person.clone(),
        decision: scan.incident.clone(),
        reason: who.reason.clone(),
        ..Decision::default()
    };
    let decided = desk.officer.decide(EventKind::CorrectionNoted, &decision).await?;
    // Never the words: a list of these goes to people who may not read them.
    let lines: Vec<String> = found.iter().map(|(message, level)| format!("{}  {level}", message.place)).collect();
    let rows: Vec<_> = found.iter().map(|(message, level)| json!({ "place": message.place, "level": level })).collect();
    let text = format!("{}\nincident {} is logged as {}", lines.join("\n"), scan.incident, decided.act);
    Ok(Outcome::with_findings(text, json!({ "found": rows, "decided": decided }), found.len()))
}
