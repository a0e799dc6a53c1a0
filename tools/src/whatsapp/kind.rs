//! What a record is: a message, what became of a message, or a notice of the app about the conversation.
//!
//! A read-out shows words, and people can type the words of the app. Where only U+200E tells the two apart and this phone does
//! not write it, the kind says `certain: false` instead of choosing.

use super::header::Platform;
use super::locale::phrases;
use super::{marks, notice};

/// What a record is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A message, with or without attachments.
    Sent,
    /// A message that was changed after it was sent. The earlier text is not in the read-out.
    Edited {
        /// False when the sender can have typed the mark of the app.
        certain: bool,
    },
    /// What is left of a message that was deleted for everyone. One that was deleted «for me» leaves nothing at all.
    Deleted {
        /// Whether the holder of the phone deleted it; `None` when an administrator may have.
        by_exporter: Option<bool>,
        /// False when the sender can have typed these words.
        certain: bool,
    },
    /// Who is in the conversation, or runs it, changed.
    Membership {
        /// What happened.
        change: MembershipChange,
        /// Who did it, when the notice says so unambiguously.
        by: Option<Party>,
        /// To whom; empty when names cannot be told apart. The text is always kept.
        who: Vec<Party>,
    },
    /// A setting of the conversation changed, which can be why messages are missing.
    SettingChanged {
        /// Which setting.
        setting: Setting,
        /// Who did it, when the notice says so unambiguously.
        by: Option<Party>,
    },
    /// The face of the conversation changed.
    ConversationChanged {
        /// What happened.
        change: ConversationChange,
        /// Who did it, when the notice says so unambiguously.
        by: Option<Party>,
    },
    /// Somebody's device or number changed.
    IdentityChanged {
        /// What happened.
        change: IdentityChange,
        /// Whose, when the notice says so unambiguously.
        of: Option<Party>,
    },
    /// A call that was missed. Of calls that were answered most read-outs say nothing.
    Call {
        /// With pictures, not only sound.
        video: bool,
    },
    /// A message that could be seen once; its content is not in the read-out.
    ViewOnce {
        /// False for an empty text: that is how some phones write it, but other empty messages look the same.
        certain: bool,
    },
    /// A message that this phone could not decrypt yet.
    Waiting,
    /// Any other notice of the app.
    System,
}

/// Somebody in a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Party {
    /// «you»: the holder of the phone.
    Exporter,
    /// The name as the notice has it, without direction marks.
    Named(String),
}

/// What happened to membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MembershipChange {
    /// Added by somebody.
    Added,
    /// Removed by somebody.
    Removed,
    /// Left by themselves.
    Left,
    /// Came in by an invitation.
    Joined,
    /// Became an administrator.
    AdminGranted,
    /// Is no longer an administrator.
    AdminRevoked,
}

/// A setting of the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Messages disappear, or stop to.
    DisappearingOn,
    /// Messages stay.
    DisappearingOff,
    /// The time after which messages disappear is another.
    DisappearingTimer,
    /// Read-outs of this chat are blocked from here.
    AdvancedPrivacyOn,
    /// Read-outs are possible again.
    AdvancedPrivacyOff,
    /// Who may write or change the group.
    Permissions,
}

/// What happened to the face of the conversation. Titles stand without their quotation marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConversationChange {
    /// The group was made.
    Created {
        /// Its first title, when the notice names it.
        title: Option<String>,
    },
    /// The subject changed.
    Subject {
        /// The title before, when the notice names it.
        from: Option<String>,
        /// The title after; `None` when it cannot be told from the rest of the notice.
        to: Option<String>,
    },
    /// The picture changed or was removed. No picture is in a read-out.
    Picture,
    /// The description changed. Its text is not in a read-out.
    Description,
}

/// What happened to an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityChange {
    /// The key of somebody's device changed: a new phone, or another device in between.
    SecurityCode,
    /// Somebody has another number.
    Number,
}

/// What stands around a text and tells how far its words can be trusted.
pub(super) struct Around {
    pub(super) platform: Platform,
    pub(super) written_by_app: bool,
    pub(super) has_attachment: bool,
}

/// The kind of a record without a sender.
pub(super) fn of_notice(text: &[u8]) -> Kind {
    let sentence = plain(text);
    call(&sentence).or_else(|| notice::read(&sentence)).unwrap_or(Kind::System)
}

/// True when a text under a sender is a notice all the same: newer iPhones write the name of the group, or of who acted,
/// before a notice.
pub(super) fn is_notice_under_name(text: &[u8]) -> bool {
    let sentence = plain(text);
    deleted(&sentence, true).is_none() && (notice::read(&sentence).is_some() || notice::is_encryption(&sentence))
}

/// The kind of a record with a sender.
pub(super) fn of_message(text: &[u8], around: &Around) -> Kind {
    let sentence = plain(text);
    // An iPhone marks all its own words, so there unmarked words are the sender's. An Android phone marks only some.
    let may_be_app = around.written_by_app || around.platform == Platform::Android;
    if may_be_app && let Some(kind) = of_app_words(&sentence, around) {
        return kind;
    }
    edited(text, around).unwrap_or(Kind::Sent)
}

fn of_app_words(sentence: &str, around: &Around) -> Option<Kind> {
    let certain = around.written_by_app;
    if let Some(by_exporter) = deleted(sentence, certain) {
        return Some(Kind::Deleted { by_exporter, certain });
    }
    if starts(&phrases().waiting, sentence) && sentence.len() < 200 {
        // Whole sentences of the app: on a phone that marks nothing, only the words themselves are taken.
        return (certain || is_one_of(&phrases().waiting, sentence)).then_some(Kind::Waiting);
    }
    if starts(&phrases().view_once, sentence) && (certain || sentence.starts_with('<')) {
        return Some(Kind::ViewOnce { certain });
    }
    if sentence.is_empty() && !around.has_attachment {
        return Some(Kind::ViewOnce { certain: false });
    }
    if certain { call(sentence) } else { None }
}

fn deleted(sentence: &str, marked: bool) -> Option<Option<bool>> {
    if is_one_of(&phrases().deleted_by_exporter, sentence) {
        Some(Some(true))
    } else if is_one_of(&phrases().deleted, sentence) {
        Some(Some(false))
    } else {
        (marked && starts(&phrases().deleted_by_admin, sentence)).then_some(None)
    }
}

fn edited(text: &[u8], around: &Around) -> Option<Kind> {
    let shown = String::from_utf8_lossy(text);
    let before = phrases().edited.iter().find_map(|mark| shown.trim_end().strip_suffix(mark.as_str()))?;
    let certain = before.ends_with(marks::APP);
    (certain || around.platform == Platform::Android).then_some(Kind::Edited { certain })
}

fn call(sentence: &str) -> Option<Kind> {
    let video = starts(&phrases().missed_video, sentence);
    (video || starts(&phrases().missed_voice, sentence)).then_some(Kind::Call { video })
}

fn plain(text: &[u8]) -> String {
    marks::without_direction(&String::from_utf8_lossy(text)).trim().to_owned()
}

fn starts(phrases: &[String], sentence: &str) -> bool {
    phrases.iter().any(|phrase| sentence.starts_with(phrase))
}

fn is_one_of(phrases: &[String], sentence: &str) -> bool {
    phrases.iter().any(|phrase| phrase == sentence.trim_end_matches(['.', '…']))
}
