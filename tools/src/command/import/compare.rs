//! `zegel import compare`: what two holders' read-outs of WhatsApp have in common. Nothing is written.

use super::super::{CommandError, Outcome};
use super::whatsapp::Reading;
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};
use zegel_tools::import::{ImportError, Package};
use zegel_tools::whatsapp::corroborate::{Overlap, corroborate};
use zegel_tools::whatsapp::{Options, Readout, parse};

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

/// Compares.
pub(super) fn proposal(arguments: &Compare) -> Result<Outcome, CommandError> {
    let options = arguments.reading.stated().options()?;
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
