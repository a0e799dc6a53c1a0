//! The page: rows, targets beside results, and the conditions under which they hold.

use crate::Scale;
use std::fmt::Write;
use std::time::Duration;

/// One row of the table.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// Where in the table.
    pub place: u32,
    pub work: String,
    pub target: String,
    /// The figure, in words.
    pub found: String,
    /// The figure, for other rows.
    pub value: f64,
    /// None: there is no target, or it holds at another scale only.
    pub met: Option<bool>,
    /// What was measured beside it, in the same run.
    pub beside: String,
    /// Figure by figure beside it.
    pub ratio: String,
    pub remark: String,
}

pub struct Page {
    pub scale: Scale,
    pub machine: Vec<(String, String)>,
    pub conditions: Vec<String>,
    pub rows: Vec<Row>,
    pub plot: Option<String>,
    pub took: Duration,
}

impl Page {
    pub fn new(scale: Scale, machine: Vec<(String, String)>) -> Self {
        Self { scale, machine, conditions: Vec::new(), rows: Vec::new(), plot: None, took: Duration::ZERO }
    }

    pub fn print(&self) -> String {
        let mut text = String::from(
            "# Benchmarks\n\nWritten by `make bench`; do not edit. Every figure was taken in one run, beside what the machine \
             itself does: on other\nmachines compare ratios, not figures. A target that was missed is named as missed.\n\n",
        );
        if self.scale.name != "full" {
            _ = writeln!(
                text,
                "**This is the {} scale**: smaller logs and shorter runs, to see that everything works. Its figures stand \
                 for nothing\nelse; targets are shown, not judged.\n",
                self.scale.name
            );
        }
        text.push_str("| work | target | measured | | beside, in the same run | ratio | remark |\n| --- | --- | --- | --- | --- | --- | --- |\n");
        for row in &self.rows {
            let met = match row.met.filter(|_| self.scale.name == "full") {
                Some(true) => "met",
                Some(false) => "**missed**",
                None => "",
            };
            let Row { work, target, found, beside, ratio, remark, .. } = row;
            _ = writeln!(text, "| {work} | {target} | {found} | {met} | {beside} | {ratio} | {remark} |");
        }
        self.print_missed(&mut text);
        text.push_str("\n## Conditions\n\n");
        for (name, value) in &self.machine {
            _ = writeln!(text, "- {name}: {value}");
        }
        for condition in &self.conditions {
            _ = writeln!(text, "- {condition}");
        }
        _ = writeln!(text, "- scale: {}; the whole run took {:.0} s", self.scale.name, self.took.as_secs_f64());
        if self.plot.is_some() {
            text.push_str("\n![Throughput and latency of the ingest run](BENCHMARKS.svg)\n");
        }
        text
    }
}

/// Why a target is missed, as far as it is known: place in the table, then the reason, and what it rests on.
const REASONS: &str = include_str!("reasons.txt");

impl Page {
    /// Each missed target with its reason; one without a reason says so.
    fn print_missed(&self, text: &mut String) {
        let missed = || self.rows.iter().filter(|row| row.met == Some(false) && self.scale.name == "full");
        if missed().next().is_none() {
            return;
        }
        text.push_str("\n## Missed, and why\n\n");
        for row in missed() {
            let reasons = REASONS.lines().filter_map(|line| line.split_once(' '));
            let reason = reasons.into_iter().find(|(place, _)| *place == row.place.to_string());
            let reason = reason.map_or("No profile has shown yet why.", |(_, reason)| reason);
            let Row { work, target, found, .. } = row;
            _ = writeln!(text, "- *{work}*: {found}, wanted {target}. {reason}");
        }
    }
}

/// 1234567 as 1,234,567.
pub fn count(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub fn mib(bytes: u64) -> String {
    format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20))
}

pub fn ratio(value: f64) -> String {
    if value.is_finite() { format!("{value:.2}") } else { String::new() }
}
