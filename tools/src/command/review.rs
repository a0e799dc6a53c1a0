//! `zegel review` and `zegel search`: reading content, page by page or as a sheet. The reading is logged first.

use super::selected::{Desk, Selected, Who};
use super::{CommandError, Outcome, Place};
use clap::{Args, Subcommand};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::PathBuf;
use zegel_proto::v1::EventKind;
use zegel_tools::acts::{Acts, Selection, Target};
use zegel_tools::officer::Decision;
use zegel_tools::plan::Plan;
use zegel_tools::reading::{Message, Purpose, Reading};
use zegel_tools::review::{read_sheet, write_sheet};
use zegel_tools::search::Query;
use zegel_verifier::bundle::plain::plain;

/// What is read, and by whom.
#[derive(Args)]
pub(crate) struct Reader {
    #[command(flatten)]
    pub(super) place: Place,
    #[command(flatten)]
    pub(super) selected: Selected,
    #[command(flatten)]
    pub(super) who: Who,
}

/// Ways to review.
#[derive(Subcommand)]
pub(crate) enum Review {
    /// Read a page of a conversation.
    Read {
        #[command(flatten)]
        reader: Reader,
        /// Which page, from 1.
        #[arg(long, default_value_t = 1)]
        page: usize,
        /// Messages on a page.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
        size: u16,
    },
    /// Write a sheet (CSV) to be filled in elsewhere.
    Export {
        #[command(flatten)]
        reader: Reader,
        /// The file to make.
        #[arg(long)]
        out: PathBuf,
    },
    /// Take a sheet back: classes are logged, what is to be covered goes into a redaction plan.
    Import {
        #[command(flatten)]
        reader: Reader,
        /// The sheet.
        sheet: PathBuf,
        /// The redaction plan to make, if the sheet covers anything.
        #[arg(long)]
        plan: Option<PathBuf>,
    },
}

/// Arguments of `zegel search`.
#[derive(Args)]
pub(crate) struct Search {
    #[command(flatten)]
    reader: Reader,
    /// A word that must be there; may be repeated.
    #[arg(long = "word")]
    words: Vec<String>,
    /// A part of the sender's name or number.
    #[arg(long, default_value = "")]
    sender: String,
    /// whatsapp, signal, matrix, …
    #[arg(long, default_value = "")]
    channel: String,
    /// Write what was found as a review sheet.
    #[arg(long)]
    out: Option<PathBuf>,
}

pub(crate) async fn run(review: Review) -> Result<Outcome, CommandError> {
    match review {
        Review::Read { reader, page, size } => {
            let (_, reading) = open(&reader, Purpose::reading(&reader.who.person, &reader.who.reason)).await?;
            Ok(shown(&reading, page, usize::from(size)))
        }
        Review::Export { reader, out } => {
            let (_, reading) = open(&reader, Purpose::reading(&reader.who.person, &reader.who.reason)).await?;
            let rows = write_sheet(&reading, |_| true, &out)?;
            let text = format!("{} has {rows} messages", out.display());
            Ok(Outcome::done(text, json!({ "sheet": out, "rows": rows })))
        }
        Review::Import { reader, sheet, plan } => import(&reader, &sheet, plan).await,
    }
}

async fn open(reader: &Reader, purpose: Purpose) -> Result<(Desk, Reading), CommandError> {
    let mut desk = reader.place.desk().await?;
    let scopes = reader.selected.scopes(&desk.officer)?;
    let reading = desk.read(&scopes, &purpose).await?;
    Ok((desk, reading))
}

fn shown(reading: &Reading, page: usize, size: usize) -> Outcome {
    let acts = Acts::of(reading);
    let messages = reading.messages();
    let pages = messages.len().div_ceil(size).max(1);
    let of_page: Vec<&Message> = messages.iter().skip(page.saturating_sub(1) * size).take(size).collect();
    let class = |message: &Message| {
        let event = reading.event(message.spot)?;
        acts.class_of(&Target::of(event)).map(|act| act.code().to_owned())
    };
    let line = |message: &&Message| {
        let text = plain(&message.text().replace('\n', " ⏎ "));
        let class = class(message).map(|class| format!(" [{class}]")).unwrap_or_default();
        let gone = if message.is_gone { " (no longer there)" } else { "" };
        format!(
            "{}  {}  {}  {}{class}{gone}: {text}",
            message.place,
            message.time,
            message.kind,
            plain(&message.sender)
        )
    };
    let mut lines: Vec<String> = of_page.iter().map(line).collect();
    lines.push(format!("page {page} of {pages}, {} messages", messages.len()));
    let document = json!({ "page": page, "pages": pages, "messages": of_page });
    Outcome::done(lines.join("\n"), document)
}

async fn import(reader: &Reader, sheet: &std::path::Path, plan: Option<PathBuf>) -> Result<Outcome, CommandError> {
    let (mut desk, reading) = open(reader, Purpose::reading(&reader.who.person, &reader.who.reason)).await?;
    let reviewed = read_sheet(&reading, sheet)?;
    if !reviewed.hits.is_empty() && plan.is_none() {
        return Err(CommandError::Usage {
            reason: "the sheet covers words: --plan FILE says where the plan goes".into(),
        });
    }
    let registry = desk.officer.source().registry();
    let unknown =
        reviewed.classes.keys().find(|(code, _)| registry.is_none_or(|registry| registry.class(code).is_none()));
    if let Some((code, _)) = unknown {
        let (list, code) = ("class list", code.clone());
        return Err(zegel_tools::officer::OfficerError::UnknownCode { list, code, known: String::new() }.into());
    }
    let (hits, covered) = (reviewed.hits.len(), plan.clone());
    if let Some(path) = plan.filter(|_| hits > 0) {
        Plan::of_hits(reviewed.hits).write_new(&path)?;
    }
    let mut classified = 0;
    for ((code, test), spots) in reviewed.classes {
        classified += spots.len();
        let (person, reason) = (reader.who.person.clone(), reader.who.reason.clone());
        let selection = Selection { spots, ..Selection::default() };
        let decision = Decision { selection, code, test, person, reason, ..Decision::default() };
        desk.officer.decide(EventKind::ClassAssigned, &decision).await?;
    }
    let text = format!("{classified} messages classified, {hits} parts to be covered");
    Ok(Outcome::done(text, json!({ "classified": classified, "hits": hits, "plan": covered.filter(|_| hits > 0) })))
}

pub(crate) async fn search(search: Search) -> Result<Outcome, CommandError> {
    let who = &search.reader.who;
    if who.reason.trim().is_empty() {
        return Err(CommandError::Usage { reason: "a search has a purpose: --reason".into() });
    }
    let (_, reading) = open(&search.reader, Purpose::search(&who.person, &who.reason)).await?;
    let query = Query { words: search.words, sender: search.sender, channel: search.channel, ..Query::default() };
    let found: Vec<Message> = reading.messages().into_iter().filter(|message| query.finds(message)).collect();
    if let Some(out) = &search.out {
        let places: BTreeSet<&str> = found.iter().map(|message| message.place.as_str()).collect();
        write_sheet(&reading, |place| places.contains(place), out)?;
    }
    let line = |message: &Message| {
        let (sender, text) = (plain(&message.sender), plain(&message.text().replace('\n', " ⏎ ")));
        format!("{}  {}  {}  {sender}: {text}", message.place, message.time, plain(&message.conversation))
    };
    let mut lines: Vec<String> = found.iter().map(line).collect();
    lines.push(format!("{} messages found", found.len()));
    Ok(Outcome::done(lines.join("\n"), json!({ "found": found })))
}
