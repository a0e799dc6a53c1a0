//! `zegel import`: read-outs of chats into the log, and a look at what two holders' read-outs have in common.

mod compare;
mod matrix;
mod screenshots;
mod signal;
mod whatsapp;

use super::progress::Progress;
use super::{CommandError, Outcome, Place};
use clap::{Args, Subcommand};
use serde_json::json;
use std::time::{SystemTime, UNIX_EPOCH};
use zegel_tools::event::Field;
use zegel_tools::import::{Chat, Desk, Outcome as Imported, Skipped, readout};
use zegel_tools::keys::{Actor, KeyFolder};
use zegel_tools::officer::Register;
use zegel_tools::source::Source;

/// What is imported.
#[derive(Subcommand)]
pub(crate) enum Import {
    /// Read-outs of WhatsApp: a .txt, a folder, or the .zip as the phone made it.
    Whatsapp(Box<whatsapp::Whatsapp>),
    /// The plain export of Signal (main.jsonl), or a folder of signal-export.
    Signal(Box<signal::Signal>),
    /// List the chats of a Signal export. Nothing is written.
    SignalChats(signal::Chats),
    /// The events of a Matrix room.
    Matrix(Box<matrix::Matrix>),
    /// Screenshots of a conversation.
    Screenshots(Box<screenshots::Screenshots>),
    /// Propose whether two read-outs of WhatsApp are two holders' views of one conversation. Nothing is written.
    Compare(compare::Compare),
}

/// Who reads out, with what.
#[derive(Args)]
struct Session {
    #[command(flatten)]
    place: Place,
    /// Registered name of the custodian, or the id.
    #[arg(long)]
    custodian: String,
    /// Who declares this read-out: a function or a name.
    #[arg(long)]
    operator: Option<String>,
    /// Which device.
    #[arg(long)]
    device: Option<String>,
    /// With what it was read out, if not by this program alone.
    #[arg(long)]
    tool: Option<String>,
    /// A chat on the device that was not exported: TITLE=REASON.
    #[arg(long, value_name = "TITLE=REASON", value_parser = skipped)]
    skipped: Vec<Skipped>,
}

fn skipped(text: &str) -> Result<Skipped, String> {
    let (title, reason) = text.rsplit_once('=').ok_or("wanted TITLE=REASON")?;
    Ok(Skipped { title: title.into(), reason: reason.into() })
}

/// Imports or compares.
pub(crate) async fn run(import: Import) -> Result<Outcome, CommandError> {
    match import {
        Import::Whatsapp(arguments) => whatsapp::run(*arguments).await,
        Import::Signal(arguments) => signal::run(*arguments).await,
        Import::SignalChats(arguments) => signal::list(&arguments),
        Import::Matrix(arguments) => matrix::run(*arguments).await,
        Import::Screenshots(arguments) => screenshots::run(*arguments).await,
        Import::Compare(arguments) => compare::proposal(&arguments),
    }
}

/// Keys and names, before anything is read.
struct Opened {
    keys: KeyFolder,
    register: Register,
}

fn opened(session: &Session) -> Result<Opened, CommandError> {
    let keys = KeyFolder::open(&session.place.keys)?;
    let register = Register::open(&keys.register())?;
    Ok(Opened { keys, register })
}

/// Takes chats that were read and understood into the log.
async fn finish(session: Session, open: Opened, chats: Vec<Chat>, rest: Vec<Skipped>) -> Result<Outcome, CommandError> {
    let desk = Desk {
        custodian: open.register.custodian(&session.custodian)?,
        operator: Field::or_unknown(session.operator),
        device: Field::or_unknown(session.device),
        tool: session.tool.unwrap_or_else(|| concat!("zegel ", env!("CARGO_PKG_VERSION")).into()),
        secret: open.keys.source_secret()?,
    };
    let skipped: Vec<_> = session.skipped.into_iter().chain(rest).collect();
    let mut source = Source::of_folder(&open.keys, Actor::Source, &session.place.ledger).await?;
    let mut progress = Progress::new("records");
    let read = readout(&mut source, &desk, chats, &skipped, now_ms, &mut |done, all| progress.at(done, all)).await;
    progress.finish();
    let read = read?;
    Ok(Outcome::done(read.iter().map(told).collect::<Vec<_>>().join("\n"), json!({ "chats": read })))
}

fn now_ms() -> u64 {
    // A clock before 1970 is no clock.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_millis() as u64)
}

fn told(chat: &Imported) -> String {
    let counts = &chat.counts;
    if let Some(reason) = chat.left_out {
        return format!("{}: nothing was taken in: {reason}", chat.file);
    }
    let mut text = format!(
        "{}: {} records: {} new, {} known, {} edited, {} deleted, {} vanished, {} out of range",
        chat.file,
        chat.records,
        counts.new,
        counts.known + counts.known_otherwise,
        counts.edited,
        counts.deleted,
        counts.vanished,
        counts.out_of_range
    );
    let more = [
        (counts.known_otherwise, "known under another name or time"),
        (counts.closed, "left out, since their period is closed"),
        (counts.ended, "left out, since they have ended: destroyed, weeded, removed or transferred"),
        (chat.routed_out, "marked above the permitted level: that they were there is in the log, their content is not"),
        (chat.gaps, "gaps are declared: periods of which the format leaves messages out"),
        (chat.tally.attachments_missing, "attachments are named and did not come along"),
        (chat.tally.files_unclaimed, "files that no record names were left where they are"),
        (chat.tally.times_ambiguous, "times that a clock change repeats or skips; the earlier was taken"),
    ];
    for (count, what) in more.into_iter().filter(|(count, _)| *count > 0) {
        text.push_str(&format!("\n  {count} {what}"));
    }
    for remark in &chat.tally.remarks {
        text.push_str(&format!("\n  {remark}"));
    }
    if chat.shift_minutes != 0 {
        text.push_str(&format!("\n  times lie {} minutes from those in the log: another zone", chat.shift_minutes));
    }
    text
}
