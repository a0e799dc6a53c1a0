//! `zegel mirror`: a copy of a log for auditors, which goes on where it stopped.

use super::append::bar;
use super::{CommandError, Outcome};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use zegel_tools::disk;
use zegel_tools::mirror::mirror;
use zegel_tools::source::{Backoff, ClientCertificate, Connection};
use zegel_verifier::trust::Trust;

/// Where from, where to, and which log.
#[derive(Args)]
pub(crate) struct Mirror {
    /// Address of the ledger: `https://host:port`.
    #[arg(long, value_name = "URL")]
    ledger: String,
    /// Folder of the copy; made, or gone on with.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Trust file: it names the log.
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
    /// PEM of the authority that signed the ledger's certificate.
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// PEM of a certificate to show to the ledger.
    #[arg(long, value_name = "FILE", requires = "certificate_key")]
    certificate: Option<PathBuf>,
    /// Its key, PEM, mode 600.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    certificate_key: Option<PathBuf>,
}

/// Copies what is new.
pub(crate) async fn run(mirrored: &Mirror) -> Result<Outcome, CommandError> {
    let refused = |reason| CommandError::Trust { path: mirrored.trust.display().to_string(), reason };
    let trust = Trust::parse(&disk::read(&mirrored.trust)?).map_err(refused)?;
    let tls_ca = mirrored.tls_ca.as_deref().map(disk::read).transpose()?;
    let origin = trust.origin();
    let shown = mirrored.certificate.as_deref().zip(mirrored.certificate_key.as_deref());
    let client = shown.map(|(certificate, key)| ClientCertificate::read(certificate, key)).transpose()?;
    let (ca, patience) = (tls_ca.as_deref(), Backoff::default());
    let connection = Connection::as_client(&mirrored.ledger, ca, client.as_ref(), origin, patience)
        .map_err(|reason| CommandError::Copy(reason.into()))?;
    let bar = bar("entries");
    let copied = mirror(&connection, origin, &mirrored.out, |size, of| {
        bar.set_length(of);
        bar.set_position(size);
    })
    .await?;
    bar.finish_and_clear();
    let out = mirrored.out.display();
    let text = format!("{origin}: {} entries in {out}, {} of them new", copied.size, copied.size - copied.from);
    Ok(Outcome::done(text, json!({ "origin": origin, "from": copied.from, "size": copied.size, "out": mirrored.out })))
}
