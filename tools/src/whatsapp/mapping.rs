//! One record of a WhatsApp read-out as a record of the log: what the file says, and "unknown" for what it cannot say.
//!
//! Pure. Specification: `specs/readout.md`.

use super::{self as whatsapp, ConversationChange, IdentityChange, Kind, MembershipChange, Party, Precision, Setting};
use crate::event::{Field, Occurred};
use crate::import::alignment::Row;
use crate::import::reader::CaptureIds;
use crate::record::{Attached, Record};
use zegel_proto::v1::{self, Channel, ChatDetail, Clock, EventKind, ProofClass};

/// A record of the read-out, for the log. `attached` are its attachments, in their order.
pub(crate) fn record(ids: CaptureIds, read: &whatsapp::Record, row: Row, attached: Vec<Attached>) -> Record {
    let earlier = match row {
        Row::Edited(seq) | Row::Deleted(seq) | Row::Known(seq) => Some(seq),
        Row::New => None,
    };
    Record {
        occurred: occurred(&read.occurred),
        channel: Channel::Whatsapp,
        proof_class: ProofClass::CExportFile,
        sender: Field::or_unknown(read.sender.clone().filter(|sender| is_number(sender))),
        display_name: Field::or_none(read.sender.clone()),
        target: Field::or_none(earlier.map(|seq| format!("seq:{seq}"))),
        detail: Field::or_none(detail(read).or_else(|| with_media(read, row))),
        attachments: Field::or_none(Some(attached).filter(|attached| !attached.is_empty())),
        as_written: Field::Value(read.as_written.clone()),
        text: Field::or_none(Some(read.text.clone()).filter(|text| !text.is_empty())),
        ..Record::new(kind(read, row), ids.conversation, ids.custodian)
    }
}

fn occurred(read: &whatsapp::Occurred) -> Occurred {
    // The parser refuses times before 1970: a chat app is younger. A folder of signal-export has any that a sender stated.
    let stated = u64::try_from(read.at_ms).ok().and_then(Occurred::dated);
    let Some(at_ms) = stated else { return Occurred::UNKNOWN };
    if at_ms == 0 {
        return Occurred::UNKNOWN;
    }
    let precision = match read.precision {
        Precision::Minute => v1::Precision::Minute,
        Precision::Second => v1::Precision::Second,
    };
    Occurred { at_ms, precision, clock: Clock::Device, is_ambiguous: read.ambiguous() }
}

/// A contact that the phone did not know is shown by its number.
fn is_number(sender: &str) -> bool {
    let digits = sender.chars().filter(char::is_ascii_digit).count();
    sender.starts_with('+') && digits >= 6 && !sender.chars().any(char::is_alphabetic)
}

fn kind(read: &whatsapp::Record, row: Row) -> EventKind {
    match (&read.kind, row) {
        (Kind::Sent | Kind::Edited { .. }, Row::Edited(_)) => EventKind::MessageEdited,
        (Kind::Sent | Kind::Edited { .. }, _) => EventKind::MessageCreated,
        (Kind::Deleted { .. }, _) => EventKind::MessageDeleted,
        (Kind::Membership { .. }, _) => EventKind::MembershipChanged,
        (Kind::SettingChanged { .. }, _) => EventKind::SettingObserved,
        (Kind::ConversationChanged { .. }, _) => EventKind::ConversationChanged,
        (Kind::IdentityChanged { .. }, _) => EventKind::IdentityChanged,
        (Kind::Call { .. }, _) => EventKind::CallLogged,
        (Kind::ViewOnce { .. }, _) => EventKind::ViewOnceReceived,
        (Kind::Waiting, _) => EventKind::MessageWaiting,
        (Kind::System, _) => EventKind::SystemNoted,
    }
}

fn detail(read: &whatsapp::Record) -> Option<ChatDetail> {
    let of = |what: &str| ChatDetail { what: what.into(), certain: true, ..ChatDetail::default() };
    let mut detail = match &read.kind {
        Kind::Sent if read.meta_ai => of("sent"),
        Kind::Sent => return None,
        Kind::Edited { certain } => ChatDetail { certain: *certain, edited: true, ..of("edited") },
        Kind::Deleted { by_exporter, certain } => {
            let subject = if *by_exporter == Some(true) { "exporter" } else { "" };
            ChatDetail { subject: subject.into(), certain: *certain, ..of("deleted") }
        }
        Kind::Membership { change, by, who } => ChatDetail {
            subject: party(by.as_ref()),
            targets: who.iter().map(|who| party(Some(who))).collect(),
            ..of(membership(*change))
        },
        Kind::SettingChanged { setting: changed, by } => {
            ChatDetail { subject: party(by.as_ref()), ..of(setting(*changed)) }
        }
        Kind::ConversationChanged { change, by } => conversation_change(change, by.as_ref()),
        Kind::IdentityChanged { change, of: whose } => {
            let what = match change {
                IdentityChange::SecurityCode => "security_code",
                IdentityChange::Number => "number",
            };
            ChatDetail { subject: party(whose.as_ref()), ..of(what) }
        }
        Kind::Call { video } => of(if *video { "missed_video_call" } else { "missed_voice_call" }),
        Kind::ViewOnce { certain } => ChatDetail { certain: *certain, ..of("view_once") },
        Kind::Waiting => of("waiting"),
        Kind::System => of("notice"),
    };
    detail.meta_ai = read.meta_ai;
    Some(detail)
}

/// The same message as before, now with the media that an earlier read-out left out: no edit by anybody.
fn with_media(read: &whatsapp::Record, row: Row) -> Option<ChatDetail> {
    let is_added = matches!(row, Row::Edited(_)) && !read.attachments.is_empty();
    is_added.then(|| ChatDetail { what: "media_added".into(), certain: true, ..ChatDetail::default() })
}

fn party(party: Option<&Party>) -> String {
    match party {
        Some(Party::Exporter) => "exporter".into(),
        Some(Party::Named(name)) => name.clone(),
        None => String::new(),
    }
}

const fn membership(change: MembershipChange) -> &'static str {
    match change {
        MembershipChange::Added => "added",
        MembershipChange::Removed => "removed",
        MembershipChange::Left => "left",
        MembershipChange::Joined => "joined",
        MembershipChange::AdminGranted => "admin_granted",
        MembershipChange::AdminRevoked => "admin_revoked",
    }
}

const fn setting(setting: Setting) -> &'static str {
    match setting {
        Setting::DisappearingOn => "timer_on",
        Setting::DisappearingOff => "timer_off",
        Setting::DisappearingTimer => "timer_changed",
        Setting::AdvancedPrivacyOn => "advanced_privacy_on",
        Setting::AdvancedPrivacyOff => "advanced_privacy_off",
        Setting::Permissions => "permissions",
    }
}

fn conversation_change(change: &ConversationChange, by: Option<&Party>) -> ChatDetail {
    let (what, targets) = match change {
        ConversationChange::Created { title } => ("created", vec![title.clone()]),
        ConversationChange::Subject { from, to } => ("subject", vec![from.clone(), to.clone()]),
        ConversationChange::Picture => ("picture", vec![]),
        ConversationChange::Description => ("description", vec![]),
    };
    let targets = targets.into_iter().map(Option::unwrap_or_default).collect();
    ChatDetail { what: what.into(), subject: party(by), targets, certain: true, ..ChatDetail::default() }
}
