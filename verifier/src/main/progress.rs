//! How far a check is, said on a terminal once it takes longer than two seconds.
//!
//! Not with `--json`, and not where standard error is no terminal: a log file wants no moving line.
#![allow(clippy::disallowed_methods, reason = "the command may look at a clock; what it says decides nothing")]

use super::{Form, Language};
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};
use zegel_verifier::bundle::{Observer, ShownEvent};

/// Before this, nothing is said.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two lines.
const PACE: Duration = Duration::from_millis(250);

/// Looks on, and says how far it is.
#[derive(Default)]
pub(crate) struct Progress {
    speaks: Option<Language>,
    /// Of all files; 0 if not known.
    bytes_total: u64,
    bytes: u64,
    events: u64,
    entry: u64,
    next: Option<Instant>,
    has_spoken: bool,
}

impl Progress {
    /// For a bundle of so many bytes.
    pub(crate) fn new(form: Form, language: Language, bytes_total: u64) -> Self {
        let speaks = (form == Form::Text && std::io::stderr().is_terminal()).then_some(language);
        Self { speaks, bytes_total, ..Self::default() }
    }

    fn line(&self, language: Language) -> String {
        let mebibytes = |bytes: u64| bytes / 1024 / 1024;
        let share = (self.bytes * 100).checked_div(self.bytes_total).map(|share| format!("{:>3} %, ", share.min(100)));
        let (entry, events) = (language.of("record", "entry"), language.of("gebeurtenissen", "events"));
        let share = share.unwrap_or_default();
        format!("{share}{} MiB, {entry} {}, {} {events}", mebibytes(self.bytes), self.entry, self.events)
    }
}

impl Observer for Progress {
    fn progress(&mut self, bytes: u64) {
        self.bytes += bytes;
        let Some(language) = self.speaks else {
            return;
        };
        let now = Instant::now();
        if now >= *self.next.get_or_insert(now + PATIENCE) {
            self.next = Some(now + PACE);
            self.has_spoken = true;
            // Progress that cannot be written is no reason to stop.
            let _ = write!(std::io::stderr(), "\r\x1b[K{}", self.line(language));
        }
    }

    fn event(&mut self, event: &ShownEvent<'_>) {
        self.events += 1;
        self.entry = event.place.entry;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.has_spoken {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_share_bytes_entry_and_events() {
        let mut progress = Progress { bytes_total: 400 << 20, bytes: 100 << 20, ..Progress::default() };
        (progress.entry, progress.events) = (7, 2_000);
        assert_eq!(progress.line(Language::En), " 25 %, 100 MiB, entry 7, 2000 events");
        progress.bytes_total = 0;
        assert_eq!(progress.line(Language::Nl), "100 MiB, record 7, 2000 gebeurtenissen");
    }

    #[test]
    fn nothing_is_said_with_json_or_before_two_seconds() {
        let mut silent = Progress::new(Form::Json, Language::En, 1);
        silent.progress(1 << 30);
        assert!(silent.next.is_none() && !silent.has_spoken);
        let mut patient = Progress { speaks: Some(Language::En), ..Progress::default() };
        patient.progress(1 << 30);
        assert!(patient.next.is_some() && !patient.has_spoken);
    }
}
