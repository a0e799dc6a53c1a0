//! `zegel desk`: the officer's work on a local page.

use super::{CommandError, Outcome, Place};
use clap::Args;
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;
use zegel_tools::desk::{Work, serve};
use zegel_tools::keys::KeyFolder;

/// Arguments of `zegel desk`.
#[derive(Args)]
pub(crate) struct Desk {
    #[command(flatten)]
    place: Place,
    /// Who works here, as the log will say.
    #[arg(long, default_value = "informatiebeheerder")]
    person: String,
    /// Folder for what is made here: packages of cases, declarations, statements.
    #[arg(long, value_name = "DIR", default_value = "zegel-desk")]
    out: PathBuf,
    /// Where to listen: this machine only. Port 0: the system chooses one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

/// Serves until it is interrupted.
pub(crate) async fn run(desk: Desk) -> Result<Outcome, CommandError> {
    let folder = KeyFolder::open(&desk.place.keys)?;
    let work = Work::open(folder, &desk.place.ledger, &desk.person, desk.out).await?;
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without signals the desk stays open until its process ends.
            std::future::pending::<()>().await;
        }
    };
    serve(desk.listen, work, |url| println!("open {url}"), interrupted).await?;
    Ok(Outcome::done("the desk is closed".into(), json!({})))
}
