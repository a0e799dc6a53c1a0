//! `zegel desk`: the officer's work on a local page.

use super::{CommandError, Outcome, Place};
use clap::Args;
use serde_json::json;
use std::net::SocketAddr;
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
    /// Where to listen: this machine only. Port 0: the system chooses one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

/// Serves until it is interrupted.
pub(crate) async fn run(desk: Desk) -> Result<Outcome, CommandError> {
    let work = Work::open(KeyFolder::open(&desk.place.keys)?, &desk.place.ledger, &desk.person).await?;
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without signals the desk stays open until its process ends.
            std::future::pending::<()>().await;
        }
    };
    serve(desk.listen, work, |url| println!("open {url}"), interrupted).await?;
    Ok(Outcome::done("the desk is closed".into(), json!({})))
}
