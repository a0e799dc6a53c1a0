//! `zegel append`: lines of JSON from standard input into the log.

use super::{CommandError, Outcome, Place};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;
use zegel_tools::event::Draft;
use zegel_tools::input::{InputError, InputRecord};
use zegel_tools::keys::{Actor, KeyFolder};
use zegel_tools::officer::Register;
use zegel_tools::source::{Placed, Source};

/// Lines that are appended together: bounds what is in memory.
const LINES_MAX: usize = 4_096;

/// Arguments of `zegel append`.
#[derive(Args)]
pub(crate) struct Append {
    #[command(flatten)]
    place: Place,
    /// Folder from which paths of attachments are seen.
    #[arg(long, default_value = ".")]
    attachments: PathBuf,
}

/// A bar that is only there on a terminal.
pub(super) fn bar(what: &'static str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {pos} {msg} {elapsed}");
    ProgressBar::new_spinner().with_message(what).with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}

struct Appending {
    source: Source,
    register: Register,
    folder: PathBuf,
    drafts: Vec<Draft>,
    appended: u64,
    first: Option<Placed>,
    last: Option<Placed>,
    bar: ProgressBar,
}

/// Appends.
pub(crate) async fn run(append: Append) -> Result<Outcome, CommandError> {
    let keys = KeyFolder::open(&append.place.keys)?;
    let mut appending = Appending {
        source: Source::of_folder(&keys, Actor::Source, &append.place.ledger).await?,
        register: Register::open(&keys.register())?,
        folder: append.attachments,
        drafts: Vec::new(),
        appended: 0,
        first: None,
        last: None,
        bar: bar("events"),
    };
    let read = appending.read().await;
    appending.bar.finish_and_clear();
    let appended = appending.appended;
    match read {
        Ok(()) => {}
        Err(reason) if appended == 0 => return Err(reason),
        Err(reason) => return Err(CommandError::Partly { appended, reason: Box::new(reason) }),
    }
    let place = |placed: &Placed| json!({ "entry": placed.entry, "position": placed.position });
    let document = json!({
        "appended": appended,
        "first": appending.first.as_ref().map(place),
        "last": appending.last.as_ref().map(place),
    });
    Ok(Outcome::done(format!("{appended} events are in the log"), document))
}

impl Appending {
    async fn read(&mut self) -> Result<(), CommandError> {
        for (line, text) in (1..).zip(std::io::stdin().lock().lines()) {
            let text = text.map_err(|error| CommandError::Unreadable { reason: error.to_string() })?;
            if text.trim().is_empty() {
                continue;
            }
            let draft = self.draft(&text).map_err(|reason| CommandError::Input { line, reason })?;
            self.drafts.push(draft);
            if self.drafts.len() >= LINES_MAX {
                self.append().await?;
            }
        }
        self.append().await
    }

    fn draft(&self, text: &str) -> Result<Draft, InputError> {
        let record = InputRecord::parse(text)?.record(&self.register, &self.source, &self.folder)?;
        record.draft().map_err(|reason| InputError::Malformed { reason: reason.to_string() })
    }

    async fn append(&mut self) -> Result<(), CommandError> {
        let placed = self.source.append(std::mem::take(&mut self.drafts)).await?;
        self.bar.inc(placed.len() as u64);
        self.appended += placed.len() as u64;
        self.first = self.first.or(placed.first().copied());
        self.last = placed.last().copied().or(self.last);
        Ok(())
    }
}
