//! Lines that the app writes itself: timers, members, names, calls.
//!
//! A kind of line that is not known here becomes SYSTEM_NOTED under the app's own name for it: nothing is passed over.

use super::people::People;
use crate::json::{at, items, number, text};
use serde_json::Value;
use zegel_proto::v1::{ChatDetail, EventKind};

/// A line of the app, understood.
pub(super) struct Update {
    pub(super) kind: EventKind,
    pub(super) detail: ChatDetail,
    /// The timer was set to this many milliseconds.
    pub(super) timer_ms: Option<u64>,
}

/// The lines of an `updateMessage`: group changes are several. Never empty.
pub(super) fn updates(message: &Value, author: u64, people: &People) -> Vec<Update> {
    let changes = items(message, &["groupChange", "updates"]);
    if !changes.is_empty() {
        return changes.iter().map(|change| group(change, people)).collect();
    }
    let Some((name, update)) = message.as_object().and_then(|fields| fields.iter().next()) else {
        return vec![of(EventKind::SystemNoted, "notice", String::new(), vec![])];
    };
    vec![one(name, update, &people.called(author), people)]
}

fn of(kind: EventKind, what: &str, subject: String, targets: Vec<String>) -> Update {
    let detail = ChatDetail { what: what.into(), subject, targets, certain: true, ..ChatDetail::default() };
    Update { kind, detail, timer_ms: None }
}

fn one(name: &str, update: &Value, by: &str, people: &People) -> Update {
    let subject = by.to_owned();
    let written = |key: &str| text(update, &[key]).unwrap_or_default().to_owned();
    match name {
        "simpleUpdate" => simple(&written("type"), subject),
        "expirationTimerChange" => timer(number(update, &["expiresInMs"]).unwrap_or(0), subject),
        "individualCall" => call(update, subject),
        "groupCall" => group_call(update, people),
        "profileChange" => {
            of(EventKind::IdentityChanged, "profile_name", subject, vec![written("previousName"), written("newName")])
        }
        "pollTerminate" => of(EventKind::PollNoted, "poll_ended", subject, vec![written("question")]),
        "pinMessage" => of(EventKind::SystemNoted, "pinned", subject, vec![]),
        "sessionSwitchover" | "threadMerge" | "learnedProfileChange" => {
            of(EventKind::IdentityChanged, &snake(name), subject, vec![])
        }
        other => of(EventKind::SystemNoted, &snake(other), subject, vec![]),
    }
}

fn simple(kind: &str, subject: String) -> Update {
    match kind {
        "IDENTITY_UPDATE" => of(EventKind::IdentityChanged, "security_code", subject, vec![]),
        "IDENTITY_VERIFIED" => of(EventKind::IdentityChanged, "verified", subject, vec![]),
        "IDENTITY_DEFAULT" => of(EventKind::IdentityChanged, "unverified", subject, vec![]),
        "CHANGE_NUMBER" => of(EventKind::IdentityChanged, "number", subject, vec![]),
        "BAD_DECRYPT" => of(EventKind::MessageWaiting, "waiting", subject, vec![]),
        "MESSAGE_REQUEST_ACCEPTED" => of(EventKind::ContactDecided, "admitted", subject, vec![]),
        "BLOCKED" => of(EventKind::ContactDecided, "refused", subject, vec![]),
        other => of(EventKind::SystemNoted, &other.to_ascii_lowercase(), subject, vec![]),
    }
}

fn timer(timer_ms: u64, subject: String) -> Update {
    let what = if timer_ms > 0 { "timer_on" } else { "timer_off" };
    let targets = if timer_ms > 0 { vec![format!("{} s", timer_ms / 1_000)] } else { vec![] };
    Update { timer_ms: Some(timer_ms), ..of(EventKind::SettingObserved, what, subject, targets) }
}

fn call(call: &Value, subject: String) -> Update {
    let state = text(call, &["state"]).unwrap_or_default();
    let medium = if text(call, &["type"]) == Some("VIDEO_CALL") { "video" } else { "voice" };
    let what = if state.starts_with("MISSED") { format!("missed_{medium}_call") } else { format!("{medium}_call") };
    let direction = text(call, &["direction"]).unwrap_or_default();
    let targets = [direction, state].into_iter().filter(|word| !word.is_empty()).map(str::to_ascii_lowercase);
    of(EventKind::CallLogged, &what, subject, targets.collect())
}

fn group_call(call: &Value, people: &People) -> Update {
    let state = text(call, &["state"]).unwrap_or_default();
    let what = if state.starts_with("MISSED") { "missed_group_call" } else { "group_call" };
    let subject = number(call, &["startedCallRecipientId"]).map(|id| people.called(id)).unwrap_or_default();
    let ended = number(call, &["endedCallTimestamp"]).filter(|ended| *ended > 0);
    let lasted = ended.zip(number(call, &["startedCallTimestamp"])).and_then(|(to, from)| to.checked_sub(from));
    let mut targets = vec![state.to_ascii_lowercase()];
    targets.extend(lasted.map(|ms| format!("{} s", ms / 1_000)));
    of(EventKind::CallLogged, what, subject, targets)
}

/// What a change of a group is, by the app's name for it.
fn group(change: &Value, people: &People) -> Update {
    let Some((name, fields)) = change.as_object().and_then(|fields| fields.iter().next()) else {
        return of(EventKind::SystemNoted, "group_change", String::new(), vec![]);
    };
    let who = |key: &str| text(fields, &[key]).map(|account| people.account_called(account));
    let by = who("updaterAci").or_else(|| who("removerAci")).unwrap_or_default();
    let member = ["newMemberAci", "removedAci", "memberAci", "aci"].into_iter().find_map(who);
    let members: Vec<_> = member.clone().into_iter().collect();
    let left = member.unwrap_or_default();
    let value = |path: &[&str]| text(fields, path).map(str::to_owned).into_iter().collect::<Vec<_>>();
    use EventKind::{ConversationChanged, MembershipChanged, SettingObserved, SystemNoted};
    match name.as_str() {
        "groupExpirationTimerUpdate" => timer(number(fields, &["expiresInMs"]).unwrap_or(0), by),
        "groupCreationUpdate" => of(ConversationChanged, "created", by, vec![]),
        "groupNameUpdate" => of(ConversationChanged, "subject", by, value(&["newGroupName"])),
        "groupAvatarUpdate" => of(ConversationChanged, "picture", by, vec![]),
        "groupDescriptionUpdate" => of(ConversationChanged, "description", by, value(&["newDescription"])),
        "groupMemberLeftUpdate" => of(MembershipChanged, "left", left, vec![]),
        "groupMemberRemovedUpdate" => of(MembershipChanged, "removed", by, members),
        "groupMemberAddedUpdate" => of(MembershipChanged, "added", by, members),
        "groupMemberJoinedUpdate" | "groupMemberJoinedByLinkUpdate" | "groupInvitationAcceptedUpdate" => {
            of(MembershipChanged, "joined", String::new(), members)
        }
        "groupAdminStatusUpdate" => {
            let granted = at(fields, &["wasAdminStatusGranted"]).and_then(Value::as_bool) == Some(true);
            of(MembershipChanged, if granted { "admin_granted" } else { "admin_revoked" }, by, members)
        }
        other if other.contains("AccessLevel") || other.contains("AnnouncementOnly") => {
            of(SettingObserved, "permissions", by, vec![snake(other)])
        }
        other => of(SystemNoted, &snake(other), by, members),
    }
}

/// `groupV2Something` as `group_v2_something`.
fn snake(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push('_');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}
