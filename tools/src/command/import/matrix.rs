//! `zegel import matrix`: the events of a room.

use super::super::{CommandError, Outcome};
use super::{Session, finish, opened};
use clap::Args;
use std::path::PathBuf;
use zegel_tools::import::{Chat, ImportError};
use zegel_tools::matrix::{Room, RoomOrder, RoomVersion, ServerKeys};

/// One session at the read-out desk.
#[derive(Args)]
pub(crate) struct Matrix {
    #[command(flatten)]
    session: Session,
    /// Events of one room: answers to /messages or /sync, lists, one event a line, an Element export (.json, folder or .zip).
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Registered title of the conversation, or its id.
    #[arg(long)]
    conversation: String,
    /// Which room, where the files have more than one.
    #[arg(long)]
    room: Option<String>,
    /// Version of the room, where the files do not have its m.room.create.
    #[arg(long)]
    room_version: Option<String>,
    /// Keys of servers, as they publish them: without them nothing is of class A.
    #[arg(long, value_name = "FILE")]
    server_keys: Option<PathBuf>,
}

/// Imports.
pub(super) async fn run(arguments: Matrix) -> Result<Outcome, CommandError> {
    let open = opened(&arguments.session)?;
    let conversation = open.register.conversation(&arguments.conversation)?;
    let version = arguments.room_version.as_deref().map(RoomVersion::parse).transpose();
    let keys = arguments.server_keys.as_deref().map(ServerKeys::read).transpose();
    let order = RoomOrder {
        paths: arguments.paths,
        room: arguments.room,
        version: version.map_err(ImportError::from)?,
        keys: keys.map_err(ImportError::from)?.unwrap_or_default(),
    };
    let room = Room::read(&order).map_err(ImportError::from)?;
    finish(arguments.session, open, vec![Chat::new(conversation, room)], Vec::new()).await
}
