//! `zegel capture`: what a source says of its own watch: it lives, it was unlinked, here is a gap and why.

use super::{CommandError, Outcome, Place};
use clap::{Subcommand, ValueEnum};
use serde_json::json;
use zegel_proto::v1::{Channel, EventKind, GapDetail, ProofClass};
use zegel_tools::event::{CaptureDetail, CaptureItems, CaptureRecord, Field, Occurred};
use zegel_tools::keys::{Actor, KeyFolder};
use zegel_tools::officer::Register;
use zegel_tools::source::Source;

/// Reasons of a gap. The code stands in the event; another reason is a new version of this list (specs/findings.md).
pub(crate) const GAP_REASONS: [&str; 10] = [
    "export_blocked_by_app_setting",
    "export_cut_short",
    "device_not_handed_in",
    "device_lost",
    "gateway_unlinked",
    "gateway_down",
    "timer_messages_not_in_format",
    "before_cut_over",
    "contact_not_admitted",
    "other",
];

/// Where something was watched.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Network {
    /// WhatsApp.
    Whatsapp,
    /// Signal.
    Signal,
    /// Matrix.
    Matrix,
    /// Another.
    Other,
}

/// What a source says.
#[derive(Subcommand)]
pub(crate) enum Capture {
    /// A gap that is known, with its reason.
    Gap {
        #[command(flatten)]
        place: Place,
        /// Whose chats, by registered name or id.
        #[arg(long)]
        custodian: String,
        /// Where.
        #[arg(long, value_enum, default_value = "other")]
        channel: Network,
        /// Why: a code.
        #[arg(long, value_parser = GAP_REASONS)]
        reason: String,
        /// First day, YYYY-MM-DD.
        #[arg(long)]
        from: jiff::civil::Date,
        /// Last day, YYYY-MM-DD.
        #[arg(long)]
        to: jiff::civil::Date,
        /// In words.
        #[arg(long)]
        note: Option<String>,
    },
    /// A gateway lives, and has missed nothing since the last time that it said so.
    Heartbeat {
        #[command(flatten)]
        place: Place,
        /// Whose account, by registered name or id.
        #[arg(long)]
        custodian: String,
        /// Where.
        #[arg(long, value_enum)]
        channel: Network,
    },
    /// A gateway was linked to an account.
    Started {
        #[command(flatten)]
        place: Place,
        /// Whose account, by registered name or id.
        #[arg(long)]
        custodian: String,
        /// Where.
        #[arg(long, value_enum)]
        channel: Network,
    },
    /// A gateway was unlinked from an account.
    Unlinked {
        #[command(flatten)]
        place: Place,
        /// Whose account, by registered name or id.
        #[arg(long)]
        custodian: String,
        /// Where.
        #[arg(long, value_enum)]
        channel: Network,
    },
}

impl Network {
    fn channel(self) -> Channel {
        match self {
            Self::Whatsapp => Channel::Whatsapp,
            Self::Signal => Channel::Signal,
            Self::Matrix => Channel::Matrix,
            Self::Other => Channel::Other,
        }
    }
}

/// Says it.
pub(crate) async fn run(capture: Capture) -> Result<Outcome, CommandError> {
    match capture {
        Capture::Gap { place, custodian, channel, reason, from, to, note } => {
            let (from_ms, to_ms) = (day_ms(from), day_ms(to) + 86_399_999);
            if from_ms > to_ms {
                return Err(CommandError::Usage { reason: format!("a gap from {from} to {to} ends before it begins") });
            }
            let gap = GapDetail { reason, from_ms, to_ms, ..GapDetail::default() };
            let said = (EventKind::GapDeclared, CaptureDetail::Gap(gap), note);
            say(&place, &custodian, channel, said).await
        }
        Capture::Heartbeat { place, custodian, channel } => {
            say(&place, &custodian, channel, (EventKind::GatewayHeartbeat, CaptureDetail::None, None)).await
        }
        Capture::Started { place, custodian, channel } => {
            say(&place, &custodian, channel, (EventKind::CaptureStarted, CaptureDetail::None, None)).await
        }
        Capture::Unlinked { place, custodian, channel } => {
            let note = Some("gateway_unlinked".to_owned());
            say(&place, &custodian, channel, (EventKind::CaptureStopped, CaptureDetail::None, note)).await
        }
    }
}

async fn say(
    place: &Place,
    custodian: &str,
    channel: Network,
    (kind, detail, note): (EventKind, CaptureDetail, Option<String>),
) -> Result<Outcome, CommandError> {
    let keys = KeyFolder::open(&place.keys)?;
    let id = Register::open(&keys.register())?.custodian(custodian)?;
    let now = jiff::Timestamp::now().as_millisecond();
    let record = CaptureRecord {
        kind,
        conversation: None,
        custodian: id,
        occurred: Occurred::by_source(u64::try_from(now).unwrap_or(0)),
        channel: channel.channel(),
        proof_class: ProofClass::None,
        session: Field::None,
        operator: Field::Unknown,
        device: Field::Unknown,
        tool: Field::Value(concat!("zegel ", env!("CARGO_PKG_VERSION")).into()),
        detail,
        items: CaptureItems::None,
        note: Field::or_none(note),
    };
    let draft = record.draft().map_err(zegel_tools::officer::OfficerError::Event)?;
    let mut source = Source::of_folder(&keys, Actor::Source, &place.ledger).await?;
    let placed = source.append(vec![draft]).await?;
    let (entry, position) = placed.first().map(|placed| (placed.entry, placed.position)).unwrap_or_default();
    let name = kind.as_str_name();
    Ok(Outcome::done(
        format!("{name} stands at {entry}:{position}"),
        json!({ "kind": name, "entry": entry, "position": position }),
    ))
}

fn day_ms(date: jiff::civil::Date) -> u64 {
    let at = date.to_zoned(jiff::tz::TimeZone::UTC).map(|at| at.timestamp().as_millisecond());
    at.ok().and_then(|at| u64::try_from(at).ok()).unwrap_or(0)
}
