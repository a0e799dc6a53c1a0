//! `zegel redact` and `zegel approve`: what is covered is planned, confirmed, proposed, and seen by a second pair of eyes.

use super::selected::{Selected, Who};
use super::{CommandError, Outcome, Place};
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::PathBuf;
use zegel_tools::acts::Acts;
use zegel_tools::hex;
use zegel_tools::keys::Actor;
use zegel_tools::officer::OfficerError;
use zegel_tools::plan::{Choice, Pattern, Plan, Warning};
use zegel_tools::reading::Purpose;
use zegel_tools::source::Source;
use zegel_verifier::hash::Hash;

/// Steps of a redaction.
#[derive(Subcommand)]
pub(crate) enum Redact {
    /// Look for what may have to be covered, and write a plan file.
    Plan(Box<Find>),
    /// Say of hits that they are to be covered or left; all of them, or by number.
    Confirm {
        /// The plan file.
        plan: PathBuf,
        /// Hits to cover, counted from 0; none: all that are open.
        #[arg(long)]
        cover: Vec<usize>,
        /// Hits to leave open to read.
        #[arg(long)]
        leave: Vec<usize>,
        /// Ground for those that are covered and have none; may be repeated.
        #[arg(long)]
        ground: Vec<String>,
        /// Why a relative ground still holds after five years.
        #[arg(long)]
        motivation: Option<String>,
    },
    /// Log the plan as a manifest, for another pair of eyes.
    Propose {
        #[command(flatten)]
        place: Place,
        /// The plan file.
        plan: PathBuf,
        /// The decision that it carries out.
        #[arg(long)]
        decision: String,
    },
    /// Cover for good in the archive copy, where the policy permanent_redaction is on.
    #[command(subcommand)]
    Permanent(super::permanent::Permanent),
    /// Write a plan that covers what a manifest covers: to be changed after an objection.
    Reopen {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        who: Who,
        /// Id of the manifest.
        manifest: String,
        /// The plan file to make.
        #[arg(long)]
        out: PathBuf,
    },
}

/// Arguments of `zegel redact plan`.
#[derive(Args)]
pub(crate) struct Find {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    selected: Selected,
    #[command(flatten)]
    who: Who,
    /// phone, email or bsn; may be repeated.
    #[arg(long)]
    pattern: Vec<String>,
    /// A name; may be repeated.
    #[arg(long)]
    name: Vec<String>,
    /// Words, wherever they stand; may be repeated.
    #[arg(long)]
    words: Vec<String>,
    /// Ground for every hit; may be repeated.
    #[arg(long)]
    ground: Vec<String>,
    /// Cover whole texts, so that not even the number of words is seen.
    #[arg(long)]
    hide_length: bool,
    /// The plan file to make.
    #[arg(long)]
    out: PathBuf,
}

/// Arguments of `zegel approve`.
#[derive(Args)]
pub(crate) struct Approve {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    who: Who,
    /// Id of a manifest or of a proposal to destroy; none: list what waits.
    act: Option<String>,
}

pub(crate) async fn run(redact: Redact) -> Result<Outcome, CommandError> {
    match redact {
        Redact::Plan(find) => plan(*find).await,
        Redact::Confirm { plan, cover, leave, ground, motivation } => {
            let mut found = Plan::read(&plan)?;
            confirm(&mut found, &cover, &leave, &ground, motivation.as_deref())?;
            found.write(&plan)?;
            let count = |choice| found.hits.iter().filter(|hit| hit.choice == choice).count();
            let (covered, left, open) = (count(Choice::Cover), count(Choice::Leave), count(Choice::Open));
            let text = format!("{covered} to be covered, {left} to be left, {open} still open");
            Ok(Outcome::done(text, json!({ "cover": covered, "leave": left, "open": open })))
        }
        Redact::Permanent(permanent) => super::permanent::run(permanent).await,
        Redact::Propose { place, plan, decision } => propose(&place, &plan, &decision).await,
        Redact::Reopen { place, who, manifest, out } => {
            let mut desk = place.desk().await?;
            let acts = Acts::of(&desk.acts(&who.person, "objection to a redaction").await?);
            let unknown = || OfficerError::UnknownAct { what: "redaction manifest", id: manifest.clone() };
            let found = hex::parse(&manifest).and_then(|id| acts.manifest(id)).ok_or_else(unknown)?;
            Plan::of_items(&found.items).write_new(&out)?;
            let text = format!("{} has the {} parts of {manifest}", out.display(), found.items.len());
            Ok(Outcome::done(text, json!({ "plan": out, "hits": found.items.len() })))
        }
    }
}

async fn plan(find: Find) -> Result<Outcome, CommandError> {
    let mut patterns = Vec::new();
    for name in &find.pattern {
        let reason = format!("{name:?} is not a pattern: phone, email or bsn");
        patterns.push(Pattern::parse(name).ok_or(CommandError::Usage { reason })?);
    }
    patterns.extend(find.name.into_iter().map(Pattern::Name));
    patterns.extend(find.words.into_iter().map(Pattern::Words));
    let mut desk = find.place.desk().await?;
    let scopes = find.selected.scopes(&desk.officer)?;
    let reading = desk.read(&scopes, &Purpose::reading(&find.who.person, &find.who.reason)).await?;
    let mut plan = Plan::find(&reading, &patterns, &find.ground);
    plan.hits.iter_mut().for_each(|hit| hit.hide_length = find.hide_length);
    plan.write_new(&find.out)?;
    let line = |(number, hit): (usize, &zegel_tools::plan::Hit)| {
        format!("{number}  {}:{}  {}  {}", hit.place, hit.slot, hit.why, hit.shows)
    };
    let mut lines: Vec<String> = plan.hits.iter().enumerate().map(line).collect();
    lines.push(format!("{} hits in {}: confirm each", plan.hits.len(), find.out.display()));
    Ok(Outcome::done(lines.join("\n"), json!({ "plan": find.out, "hits": plan.hits })))
}

fn confirm(
    plan: &mut Plan,
    cover: &[usize],
    leave: &[usize],
    grounds: &[String],
    motivation: Option<&str>,
) -> Result<(), CommandError> {
    let count = plan.hits.len();
    if let Some(number) = cover.iter().chain(leave).find(|number| **number >= count) {
        return Err(CommandError::Usage { reason: format!("there is no hit {number}: the plan has {count}") });
    }
    for (number, hit) in plan.hits.iter_mut().enumerate() {
        let is_covered = cover.contains(&number) || (cover.is_empty() && hit.choice == Choice::Open);
        if leave.contains(&number) {
            hit.choice = Choice::Leave;
        } else if is_covered {
            hit.choice = Choice::Cover;
            if hit.grounds.is_empty() {
                hit.grounds = grounds.to_vec();
            }
            hit.motivation = motivation.map_or_else(|| hit.motivation.clone(), Into::into);
        }
    }
    Ok(())
}

async fn propose(place: &Place, path: &std::path::Path, decision: &str) -> Result<Outcome, CommandError> {
    let plan = Plan::read(path)?;
    let mut desk = place.desk().await?;
    let now = jiff::Timestamp::now().as_millisecond().max(0) as u64;
    let registry = desk.officer.source().registry().ok_or(zegel_tools::export::ExportError::NoRegistry)?;
    let (cover, warnings) = plan.settle(registry, now)?;
    let (cover, again) = desk.widened(&cover, "zegel redact").await?;
    let decided = desk.officer.propose_redaction(&cover, decision).await?;
    let items = cover.items().len();
    let mut text = format!("manifest {} covers {items} parts (entry {})", decided.act, decided.entry);
    for again in &again {
        text.push_str(&format!("\n{}:{} is covered too: the event says it again there", again.place, again.part));
    }
    for warning in &warnings {
        text.push_str(&match warning {
            Warning::NoGround { hit } => format!("\nwarning: hit {hit} has no ground"),
            Warning::OlderThanFiveYears { hit, code } => {
                format!("\nwarning: hit {hit} is older than five years, and {code} is relative: a motivation is wanted")
            }
        });
    }
    let document = json!({ "manifest": decided.act.to_string(), "items": items, "again": again, "warnings": warnings });
    Ok(Outcome::with_findings(text, document, warnings.len()))
}

pub(crate) async fn approve(approve: Approve) -> Result<Outcome, CommandError> {
    let desk = approve.place.desk().await?;
    let mut approver = Source::of_folder(&desk.folder, Actor::Approver, &approve.place.ledger).await?;
    let acts = Acts::of(&desk.acts_of(&mut approver, (&approve.who.person, "approval")).await?);
    let Some(wanted) = approve.act else {
        let line = |act: &&zegel_tools::acts::Act| {
            format!("{}  {}  {}", act.id().unwrap_or(Hash::ZERO), act.kind.as_str_name(), act.decision)
        };
        let waiting = acts.waiting();
        let ids: Vec<String> = waiting.iter().filter_map(|act| act.id()).map(|id| id.to_string()).collect();
        let lines: Vec<String> = waiting.iter().map(line).collect();
        return Ok(Outcome::done(lines.join("\n"), json!({ "waiting": ids })));
    };
    let unknown = || OfficerError::UnknownAct { what: "proposal", id: wanted.clone() };
    let act = hex::parse(&wanted).and_then(|id| acts.by_id(id)).ok_or_else(unknown)?;
    let said = (&approve.who.person[..], &approve.who.reason[..]);
    let decided = zegel_tools::officer::approve(&mut approver, &acts, act, said).await?;
    Ok(Outcome::done(format!("{wanted} is approved (entry {})", decided.entry), json!({ "decided": decided })))
}
