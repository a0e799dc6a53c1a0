//! `zegel import signal`: the plain export of the app, or folders of signal-export.

use super::super::{CommandError, Outcome};
use super::{Session, finish, opened};
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};
use zegel_tools::import::{Chat, ImportError, Skipped};
use zegel_tools::signal::{ChatSummary, ExportedFolder, SignalError, SignalExport};
use zegel_tools::whatsapp::reader::Stated;

/// Chats named one by one are few; of the rest at most this many are listed by name.
const LISTED_MAX: usize = 512;

/// One session at the read-out desk.
#[derive(Args)]
pub(crate) struct Signal {
    #[command(flatten)]
    session: Session,
    /// The export: its folder, a ZIP of it, or the folder of one chat as signal-export made it.
    path: PathBuf,
    /// A chat of the export and its conversation: CHAT=TITLE. CHAT is its number or name in the export, TITLE is registered.
    #[arg(long, value_name = "CHAT=TITLE", value_parser = pair, required = true)]
    chat: Vec<(String, String)>,
    /// Time zone of the phone or desktop, for folders of signal-export, whose times have none.
    #[arg(long)]
    timezone: Option<String>,
}

/// What is in an export.
#[derive(Args)]
pub(crate) struct Chats {
    /// The export of Signal: its folder, or a ZIP of it.
    path: PathBuf,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (chat, title) = text.rsplit_once('=').ok_or("wanted CHAT=TITLE")?;
    Ok((chat.into(), title.into()))
}

/// Imports.
pub(super) async fn run(arguments: Signal) -> Result<Outcome, CommandError> {
    let open = opened(&arguments.session)?;
    let Some(mut export) = SignalExport::open(&arguments.path).map_err(ImportError::from)? else {
        let chat = folder(&arguments, &open.register)?;
        return finish(arguments.session, open, vec![chat], Vec::new()).await;
    };
    let mut chats = Vec::with_capacity(arguments.chat.len());
    for (name, title) in &arguments.chat {
        let conversation = open.register.conversation(title)?;
        let id = export.find(name).map_err(ImportError::from)?;
        chats.push(Chat::new(conversation, export.take(id).map_err(ImportError::from)?));
    }
    let rest = not_ordered(&export.chats(), &arguments.session.skipped);
    finish(arguments.session, open, chats, rest).await
}

/// Chats of the export that nobody named: they stand in the session's list, so that it shows what was on the device.
fn not_ordered(chats: &[ChatSummary], skipped: &[Skipped]) -> Vec<Skipped> {
    let is_left = |chat: &&ChatSummary| !skipped.iter().any(|skipped| skipped.title == chat.title);
    let left: Vec<_> = chats.iter().filter(is_left).collect();
    let listed = |chat: &&ChatSummary| Skipped { title: chat.title.clone(), reason: "not_ordered".into() };
    let mut rest: Vec<_> = left.iter().take(LISTED_MAX).map(listed).collect();
    if left.len() > LISTED_MAX {
        rest.push(Skipped { title: format!("{} more", left.len() - LISTED_MAX), reason: "not_ordered".into() });
    }
    rest
}

fn folder(arguments: &Signal, register: &zegel_tools::officer::Register) -> Result<Chat, CommandError> {
    let [(_, title)] = &arguments.chat[..] else {
        return Err(CommandError::Conversations { paths: 1, titles: arguments.chat.len() });
    };
    let reason = "a folder of signal-export has local times: give --timezone".to_owned();
    let time_zone = arguments.timezone.clone().ok_or(CommandError::Usage { reason })?;
    let stated = Stated { time_zone, date_order: None };
    Ok(Chat::new(register.conversation(title)?, ExportedFolder::open(&arguments.path, &stated)?))
}

/// Lists the chats of an export.
pub(super) fn list(arguments: &Chats) -> Result<Outcome, CommandError> {
    let export = SignalExport::open(&arguments.path).map_err(ImportError::from)?;
    let missing = || SignalError::NoExport { path: shown(&arguments.path) };
    let chats = export.ok_or_else(missing).map_err(ImportError::from)?.chats();
    let line = |chat: &ChatSummary| format!("{:>6}  {:>8} records  {}", chat.id, chat.records, chat.title);
    let text = chats.iter().map(line).collect::<Vec<_>>().join("\n");
    Ok(Outcome::done(text, json!({ "chats": chats })))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
