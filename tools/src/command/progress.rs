//! How far a long work is: a bar on a terminal, elsewhere a line for every tenth of it. All of it on stderr.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;

/// Tells how far a work is.
pub(super) struct Progress {
    what: &'static str,
    /// None where nobody looks at a terminal.
    bar: Option<ProgressBar>,
    /// Tenths that were told.
    told: u64,
}

impl Progress {
    /// Of so many `what`.
    pub(super) fn new(what: &'static str) -> Self {
        let bar = || {
            let style = ProgressStyle::with_template("{spinner} {wide_bar} {pos} of {len} {msg} {elapsed}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(0).with_message(what).with_style(style)
        };
        Self { what, bar: std::io::stderr().is_terminal().then(bar), told: 0 }
    }

    /// So many of all are done. That all are, the result says.
    pub(super) fn at(&mut self, done: u64, all: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(all);
            return bar.set_position(done);
        }
        let tenths = done.saturating_mul(10) / all.max(1);
        if tenths > self.told && done < all {
            eprintln!("{done} of {all} {}", self.what);
        }
        self.told = tenths;
    }

    /// Takes it from the screen.
    pub(super) fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
