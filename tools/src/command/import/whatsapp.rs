//! `zegel import whatsapp`: read-outs of WhatsApp.

use super::super::{CommandError, Outcome};
use super::{Session, finish, opened};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use zegel_tools::import::{Chat, ImportError, Package};
use zegel_tools::whatsapp::DateOrder;
use zegel_tools::whatsapp::reader::{ChatText, Stated};

/// One session at the read-out desk.
#[derive(Args)]
pub(crate) struct Whatsapp {
    #[command(flatten)]
    session: Session,
    /// Read-outs of one phone.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Registered title of each read-out's conversation, or its id, in the order of the paths.
    #[arg(long, required = true)]
    conversation: Vec<String>,
    #[command(flatten)]
    reading: Reading,
}

/// What the file does not say.
#[derive(Args)]
pub(super) struct Reading {
    /// Time zone that the phone was set to, for example Europe/Amsterdam.
    #[arg(long)]
    timezone: String,
    /// Order of the numbers in dates, for a file that does not decide it.
    #[arg(long)]
    date_order: Option<Numbers>,
}

/// Orders of day, month and year.
#[derive(Clone, Copy, ValueEnum)]
enum Numbers {
    /// 31-12-2022
    Dmy,
    /// 12/31/2022
    Mdy,
    /// 2022-12-31
    Ymd,
}

impl Reading {
    pub(super) fn stated(&self) -> Stated {
        let date_order = self.date_order.map(|order| match order {
            Numbers::Dmy => DateOrder::DayMonthYear,
            Numbers::Mdy => DateOrder::MonthDayYear,
            Numbers::Ymd => DateOrder::YearMonthDay,
        });
        Stated { time_zone: self.timezone.clone(), date_order }
    }
}

/// Imports.
pub(super) async fn run(arguments: Whatsapp) -> Result<Outcome, CommandError> {
    let (paths, titles) = (arguments.paths.len(), arguments.conversation.len());
    if paths != titles {
        return Err(CommandError::Conversations { paths, titles });
    }
    let open = opened(&arguments.session)?;
    let stated = arguments.reading.stated();
    let mut chats = Vec::with_capacity(paths);
    for (path, title) in arguments.paths.iter().zip(&arguments.conversation) {
        let package = Package::open(path).map_err(ImportError::from)?;
        chats.push(Chat::new(open.register.conversation(title)?, ChatText::read(package, &stated)?));
    }
    finish(arguments.session, open, chats, Vec::new()).await
}
