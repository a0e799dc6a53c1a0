//! `zegel import screenshots`: images of a conversation.

use super::super::{CommandError, Outcome};
use super::{Session, finish, opened};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use zegel_proto::v1::Channel;
use zegel_tools::import::{Chat, ImportError};
use zegel_tools::screenshots::{Screenshots as Shots, ScreenshotsOrder};
use zegel_tools::whatsapp::reader::Stated;

/// One session at the read-out desk.
#[derive(Args)]
pub(crate) struct Screenshots {
    #[command(flatten)]
    session: Session,
    /// Images, folders of images, or ZIPs of them.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Registered title of the conversation, or its id.
    #[arg(long)]
    conversation: String,
    /// Of which chat service they are.
    #[arg(long, value_enum, default_value = "signal")]
    channel: Service,
    /// What is said of each image: .csv or .toml; beside the images it is found as screenshots.csv or screenshots.toml.
    #[arg(long, value_name = "FILE")]
    sheet: Option<PathBuf>,
    /// Who made those of which the sheet does not say it.
    #[arg(long)]
    made_by: Option<String>,
    /// When they were made, the same: 2026-05-04 09:15, or 2026-05-04.
    #[arg(long)]
    made_at: Option<String>,
    /// Zone of times that state none.
    #[arg(long, default_value = "Europe/Amsterdam")]
    timezone: String,
}

/// Chat services.
#[derive(Clone, Copy, ValueEnum)]
enum Service {
    Signal,
    Whatsapp,
    Matrix,
    Threema,
    Sms,
    Other,
}

/// Imports.
pub(super) async fn run(arguments: Screenshots) -> Result<Outcome, CommandError> {
    let open = opened(&arguments.session)?;
    let conversation = open.register.conversation(&arguments.conversation)?;
    let stated = Stated { time_zone: arguments.timezone.clone(), date_order: None };
    let order = ScreenshotsOrder {
        paths: arguments.paths,
        sheet: arguments.sheet,
        made_by: arguments.made_by,
        made_at: arguments.made_at,
        time_zone: stated.options()?.time_zone,
        zone_name: arguments.timezone,
        channel: match arguments.channel {
            Service::Signal => Channel::Signal,
            Service::Whatsapp => Channel::Whatsapp,
            Service::Matrix => Channel::Matrix,
            Service::Threema => Channel::Threema,
            Service::Sms => Channel::Sms,
            Service::Other => Channel::Other,
        },
    };
    let shots = Shots::read(&order).map_err(ImportError::from)?;
    finish(arguments.session, open, vec![Chat::new(conversation, shots)], Vec::new()).await
}
