//! `zegel clearance`: what may be removed from a phone, once its read-out is in the log.

use super::selected::Who;
use super::{CommandError, Outcome, Place};
use clap::Args;
use std::path::PathBuf;
use zegel_tools::clearance;

/// Arguments of `zegel clearance`.
#[derive(Args)]
pub(crate) struct Clear {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    who: Who,
    /// Whose phone, by registered name or id.
    #[arg(long)]
    custodian: String,
    /// The statement to make: this file as JSON, and beside it the same as PDF.
    #[arg(long)]
    out: PathBuf,
}

/// Clears.
pub(crate) async fn run(clear: Clear) -> Result<Outcome, CommandError> {
    let signed = clearance::clear(&mut clear.place.desk().await?, &clear.custodian, &clear.who.person).await?;
    signed.write(&clear.out)?;
    Ok(Outcome::done(signed.lines().join("\n"), signed.document))
}
