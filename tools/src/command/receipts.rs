//! `zegel receipts` and `zegel keys`: what standard tools read of a ministry.

use super::{CommandError, Outcome};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use std::path::PathBuf;
use zegel_tools::disk::{self, Readers};
use zegel_tools::keys::{Actor, KeyFolder};
use zegel_tools::source::{stored_receipts, tlog_proof};

/// What is done with receipts.
#[derive(Subcommand)]
pub(crate) enum Receipts {
    /// Write each as a tlog-proof file, named by its entry. Needs no ledger.
    Export(ExportReceipts),
}

#[derive(Args)]
pub(crate) struct ExportReceipts {
    /// Key folder of the ministry, made by `zegel init`.
    #[arg(long, value_name = "DIR")]
    keys: PathBuf,
    /// Whose receipts.
    #[arg(long, value_enum, default_value_t = Whose::Source)]
    of: Whose,
    /// Folder for the files; files that are there already are kept.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Who keeps receipts in a key folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Whose {
    Source,
    Officer,
}

/// Runs `zegel receipts`.
pub(crate) fn run(receipts: Receipts) -> Result<Outcome, CommandError> {
    let Receipts::Export(ExportReceipts { keys, of, out }) = receipts;
    let keys = KeyFolder::open(&keys)?;
    let actor = if of == Whose::Source { Actor::Source } else { Actor::Officer };
    disk::create_folder(&out)?;
    let mut written = Vec::new();
    for receipt in stored_receipts(&keys.spool(actor))? {
        let receipt = receipt?;
        let path = out.join(format!("entry-{}.tlog-proof", receipt.index));
        if !path.exists() {
            disk::write_new(&path, &tlog_proof(&receipt)?.print(), Readers::Everyone)?;
            written.push(path.display().to_string());
        }
    }
    let text = format!("{} proofs written to {}", written.len(), out.display());
    Ok(Outcome::done(text, json!({ "written": written })))
}

/// Prints the public keys of a folder as verifier keys.
pub(crate) fn keys(folder: &std::path::Path) -> Result<Outcome, CommandError> {
    let folder = KeyFolder::open(folder)?;
    let ministry = folder.ministry();
    let (root, log) = (ministry.root_vkey()?, ministry.log_vkey()?);
    let text = format!("root {root}\nlog {log}\nSHA-256 of the root key {}", ministry.root_fingerprint());
    let document = json!({ "root": root, "log": log, "root_sha256": ministry.root_fingerprint().to_string() });
    Ok(Outcome::done(text, document))
}
