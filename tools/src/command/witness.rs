//! `zegel witness`: a witness of logs, or an auditing one.

use super::{CommandError, Outcome, sealed};
use clap::Subcommand;
use serde_json::json;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zegel_keys::Protection;
use zegel_tools::disk;
use zegel_tools::witness::{Kind, NewWitness, WitnessConfig, init, serve};

/// What a witness can be told.
#[derive(Subcommand)]
#[expect(clippy::large_enum_variant, reason = "one value in a process")]
pub(crate) enum Witness {
    /// Make the key, the state and the configuration of a witness, and print its line for trust files and policies.
    Init {
        /// Folder to make.
        dir: PathBuf,
        /// Name of the key: a URL without its scheme, for example rekenkamer.example.nl/witness.
        #[arg(long)]
        name: String,
        /// Name in trust files and policies.
        #[arg(long, default_value = "witness")]
        label: String,
        /// Address to listen on.
        #[arg(long, default_value = "127.0.0.1:7480")]
        listen: SocketAddr,
        /// Leave the key without a passphrase: for a demonstration.
        #[arg(long)]
        plain: bool,
        /// Verifier key of the log; may be repeated while it changes its key.
        #[arg(long, value_name = "VKEY", required_unless_present = "audit", conflicts_with = "audit")]
        log: Vec<String>,
        /// Replay every entry before cosigning: the cosignature means "replayed, every rule held".
        #[arg(long, requires_all = ["trust", "ledger"])]
        audit: bool,
        /// Trust file that pins the root of the log; with --audit.
        #[arg(long, value_name = "FILE", requires = "audit")]
        trust: Option<PathBuf>,
        /// Address of the ledger; with --audit.
        #[arg(long, value_name = "URL", requires = "audit")]
        ledger: Option<String>,
        /// Authority that signed the ledger's certificate; with --audit.
        #[arg(long, value_name = "FILE", requires = "audit")]
        ca: Option<PathBuf>,
        /// Certificate to show to the ledger, PEM; with --audit.
        #[arg(long, value_name = "FILE", requires_all = ["audit", "certificate_key"])]
        certificate: Option<PathBuf>,
        /// Its key, PEM, mode 600; with --audit.
        #[arg(long, value_name = "FILE", requires_all = ["audit", "certificate"])]
        certificate_key: Option<PathBuf>,
    },
    /// Answer requests for cosignatures until SIGTERM or SIGINT.
    Serve {
        /// Configuration file, as `init` makes it.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Write the address here once it is bound.
        #[arg(long, value_name = "PATH")]
        ready_file: Option<PathBuf>,
    },
}

/// Runs one of them.
pub(crate) async fn run(witness: Witness) -> Result<Outcome, CommandError> {
    match witness {
        Witness::Serve { config, ready_file } => answer(&config, ready_file.as_deref()).await,
        Witness::Init {
            dir,
            name,
            label,
            listen,
            plain,
            log,
            audit,
            trust,
            ledger,
            ca,
            certificate,
            certificate_key,
        } => {
            let kind = if audit { Kind::Auditor } else { Kind::Witness };
            let protection = if plain { Protection::Plain } else { sealed()? };
            let new = NewWitness {
                name,
                kind,
                listen,
                protection,
                log_keys: log,
                trust,
                ledger,
                ca,
                certificate,
                certificate_key,
            };
            let key = init(&dir, &new)?.print();
            let line = format!("{} {label} {key}", kind.name());
            let config = dir.join("witness.toml");
            let text = format!(
                "{line}\nabove: the line for trust files; the policy of the ledger has its URL behind it\n\
                 next: zegel witness serve --config {}\nanother disk for the guard is better",
                config.display()
            );
            Ok(Outcome::done(text, json!({ "vkey": key, "line": line, "config": config })))
        }
    }
}

async fn answer(config: &Path, ready_file: Option<&Path>) -> Result<Outcome, CommandError> {
    let config = WitnessConfig::read(config)?;
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .map_err(|reason| CommandError::Signal { reason: reason.to_string() })?;
    let shutdown = async {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    let ready = |address: SocketAddr, key: &str| {
        eprintln!("{key} listening on {address}");
        if let Some(Err(reason)) = ready_file.map(|path| disk::write_durably(path, format!("{address}\n").as_bytes())) {
            eprintln!("the ready file could not be written: {reason}");
        }
    };
    serve(&config, Arc::new(|line: &str| eprintln!("{line}")), ready, shutdown).await?;
    Ok(Outcome::done("the witness has stopped".into(), json!({ "stopped": true })))
}
