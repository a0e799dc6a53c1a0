//! `zegel import`: read-outs of phones into the log, and a look at what two holders' read-outs have in common.

use super::append::bar;
use super::{CommandError, Outcome, Place};
use clap::{Args, Subcommand, ValueEnum};
use jiff::tz::TimeZone;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use zegel_tools::event::Field;
use zegel_tools::import::{Desk, ImportError, Order, Outcome as Imported, Package, Skipped, readout};
use zegel_tools::keys::{Actor, KeyFolder};
use zegel_tools::officer::Register;
use zegel_tools::source::Source;
use zegel_tools::whatsapp::corroborate::{Overlap, corroborate};
use zegel_tools::whatsapp::{DateOrder, Options, Readout, parse};

/// What is imported.
#[derive(Subcommand)]
pub(crate) enum Import {
    /// Read-outs of WhatsApp: a .txt, a folder, or the .zip as the phone made it.
    Whatsapp(Box<Whatsapp>),
    /// Propose whether two read-outs are two holders' views of one conversation. Nothing is written.
    Compare(Compare),
}

/// One session at the read-out desk.
#[derive(Args)]
pub(crate) struct Whatsapp {
    #[command(flatten)]
    place: Place,
    /// Read-outs of one phone.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Registered name of the custodian, or the id.
    #[arg(long)]
    custodian: String,
    /// Registered title of each read-out's conversation, or its id, in the order of the paths.
    #[arg(long, required = true)]
    conversation: Vec<String>,
    #[command(flatten)]
    reading: Reading,
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

/// What the file does not say.
#[derive(Args)]
struct Reading {
    /// Time zone that the phone was set to, for example Europe/Amsterdam.
    #[arg(long)]
    timezone: String,
    /// Order of the numbers in dates, for a file that does not decide it.
    #[arg(long)]
    date_order: Option<Numbers>,
}

/// Orders of day, month and year.
#[derive(Clone, Copy, ValueEnum)]
enum Numbers {
    /// 31-12-2022
    Dmy,
    /// 12/31/2022
    Mdy,
    /// 2022-12-31
    Ymd,
}

/// Two read-outs.
#[derive(Args)]
pub(crate) struct Compare {
    /// One holder's.
    one: PathBuf,
    /// The other's.
    other: PathBuf,
    #[command(flatten)]
    reading: Reading,
}

fn skipped(text: &str) -> Result<Skipped, String> {
    let (title, reason) = text.rsplit_once('=').ok_or("wanted TITLE=REASON")?;
    Ok(Skipped { title: title.into(), reason: reason.into() })
}

impl Reading {
    fn date_order(&self) -> Option<DateOrder> {
        self.date_order.map(|order| match order {
            Numbers::Dmy => DateOrder::DayMonthYear,
            Numbers::Mdy => DateOrder::MonthDayYear,
            Numbers::Ymd => DateOrder::YearMonthDay,
        })
    }

    fn options(&self) -> Result<Options, ImportError> {
        let unknown = |_| ImportError::TimeZone { found: self.timezone.clone() };
        Ok(Options { time_zone: TimeZone::get(&self.timezone).map_err(unknown)?, date_order: self.date_order() })
    }
}

/// Imports or compares.
pub(crate) async fn run(import: Import) -> Result<Outcome, CommandError> {
    match import {
        Import::Whatsapp(whatsapp) => session(*whatsapp).await,
        Import::Compare(compare) => proposal(&compare),
    }
}

async fn session(arguments: Whatsapp) -> Result<Outcome, CommandError> {
    let (paths, titles) = (arguments.paths.len(), arguments.conversation.len());
    if paths != titles {
        return Err(CommandError::Conversations { paths, titles });
    }
    let keys = KeyFolder::open(&arguments.place.keys)?;
    let register = Register::open(&keys.register())?;
    let desk = Desk {
        custodian: register.custodian(&arguments.custodian)?,
        operator: Field::or_unknown(arguments.operator),
        device: Field::or_unknown(arguments.device),
        tool: arguments.tool.unwrap_or_else(|| concat!("zegel ", env!("CARGO_PKG_VERSION")).into()),
        date_order: arguments.reading.date_order(),
        time_zone: arguments.reading.timezone,
        secret: *keys.source_secret()?,
    };
    let mut orders = Vec::with_capacity(paths);
    for (path, title) in arguments.paths.iter().zip(&arguments.conversation) {
        let package = Package::open(path).map_err(ImportError::from)?;
        orders.push(Order { conversation: register.conversation(title)?, package });
    }
    let mut source = Source::of_folder(&keys, Actor::Source, &arguments.place.ledger).await?;
    let bar = bar("records");
    let mut progress = |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    };
    let read = readout(&mut source, &desk, orders, &arguments.skipped, now_ms, &mut progress).await;
    bar.finish_and_clear();
    let read = read?;
    Ok(Outcome::done(read.iter().map(told).collect::<Vec<_>>().join("\n"), json!({ "chats": read })))
}

fn now_ms() -> u64 {
    // A clock before 1970 is no clock.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_millis() as u64)
}

fn told(chat: &Imported) -> String {
    let counts = &chat.counts;
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
        (chat.attachments_missing, "attachments are named and did not come along"),
        (chat.files_unclaimed, "files that no record names were left where they are"),
        (chat.times_ambiguous, "times that a clock change repeats or skips; the earlier was taken"),
    ];
    for (count, what) in more.into_iter().filter(|(count, _)| *count > 0) {
        text.push_str(&format!("\n  {count} {what}"));
    }
    if chat.shift_minutes != 0 {
        text.push_str(&format!("\n  times lie {} minutes from those in the log: another zone", chat.shift_minutes));
    }
    text
}

fn proposal(arguments: &Compare) -> Result<Outcome, CommandError> {
    let options = arguments.reading.options()?;
    let (one, other) = (read(&arguments.one, &options)?, read(&arguments.other, &options)?);
    let overlap = corroborate(&one.records, &other.records);
    let (matched, left, right) = (overlap.matched.len(), overlap.only_left.len(), overlap.only_right.len());
    let text = format!(
        "{matched} records are in both, {left} only in the first, {right} only in the second, {} contradict\n{}",
        overlap.contradictions.len(),
        advice(&overlap)
    );
    let document = json!({
        "matched": matched,
        "only_first": left,
        "only_second": right,
        "contradictions": overlap.contradictions.len(),
    });
    Ok(Outcome::done(text, document))
}

/// A proposal, to be confirmed by using one --conversation for both.
fn advice(overlap: &Overlap) -> &'static str {
    let (matched, alone) = (overlap.matched.len(), overlap.only_left.len().min(overlap.only_right.len()));
    if matched >= 3 && matched > alone {
        "they look like one conversation: if they are, give both the same --conversation"
    } else {
        "they do not look like one conversation"
    }
}

fn read(path: &Path, options: &Options) -> Result<Readout, CommandError> {
    let mut package = Package::open(path).map_err(ImportError::from)?;
    let bytes = package.chat().map_err(ImportError::from)?;
    let file = package.chat_name().to_owned();
    Ok(parse(&bytes, options).map_err(|reason| ImportError::Parse { file, reason })?)
}
