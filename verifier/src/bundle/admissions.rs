//! Whether a contact who began a conversation was admitted first, where the policy of that moment says so.
//!
//! Under the policy `admission` = `admission_first` nothing of a capture (custodian × conversation) may stand in the log before its CONTACT_DECIDED with `admitted`;
//! what began under another policy goes on, and what was refused does not. Invariant: nothing is said of a capture whose decision is not open, nor
//! in a bundle of some months, where what came first is not shown. Memory: a few bits per capture. Specification: `specs/officer.md`.

use super::findings::{About, Finding, Severity};
use super::report::Examined;
use super::{CAPTURES_MAX, Place};
use crate::commit::ShownBody;
use crate::hash::Hash;
use crate::kinds::{EventFacts, Family, chat, family};
use crate::registry::Registry;
use std::collections::BTreeMap;
use zegel_proto::parse;
use zegel_proto::v1::{ChatDetail, EventKind};

/// Name of the policy, and its value that demands a decision.
const POLICY: (&str, &str) = ("admission", "admission_first");

/// The newest decision on a contact.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Decided {
    Admitted,
    Refused,
    Closed,
}

#[derive(Default)]
struct Capture {
    decided: Option<Decided>,
    /// It has events of the chat.
    has_begun: bool,
    /// Some of them came while the policy demanded a decision.
    is_bound: bool,
    has_failed: bool,
}

/// Captures of a bundle of all months.
#[derive(Default)]
pub(super) struct Admissions {
    captures: BTreeMap<(Hash, Hash), Capture>,
}

impl Admissions {
    /// Takes an event of the scope; gives what is to be said of it.
    pub(super) fn event(
        &mut self,
        place: Place,
        facts: &EventFacts,
        body: Option<&ShownBody>,
        registry: Option<&Registry>,
    ) -> Option<Finding> {
        let of = (facts.custodian?, facts.conversation?);
        if family(facts.kind) != Family::Chat
            || (self.captures.len() >= CAPTURES_MAX && !self.captures.contains_key(&of))
        {
            return None;
        }
        let capture = self.captures.entry(of).or_default();
        if facts.kind == EventKind::ContactDecided {
            capture.decided = Some(decided(body));
            return None;
        }
        let goes_on = std::mem::replace(&mut capture.has_begun, true);
        if registry?.policy(POLICY.0) != Some(POLICY.1) {
            return None;
        }
        capture.is_bound = true;
        let may_be = match capture.decided {
            Some(Decided::Admitted | Decided::Closed) => true,
            Some(Decided::Refused) => false,
            None => goes_on,
        };
        capture.has_failed |= !may_be;
        let nl = "Het beleid vroeg eerst toelating van het contact, en daarvan staat niets in het logboek vóór dit bericht; of het contact was geweigerd.";
        let en = "Policy demanded that the contact be admitted first, and nothing of it stands in the log before this message; or the contact had been refused.";
        let finding = Finding::of("NOT_ADMITTED", Severity::Error, About::Completeness, nl.into(), en.into());
        (!may_be).then(|| finding.at(place))
    }

    /// Captures that the policy bound, and those in which it was not followed.
    pub(super) fn examined(&self) -> Examined {
        let mut examined = Examined::default();
        for capture in self.captures.values().filter(|capture| capture.is_bound) {
            examined.add(capture.has_failed, capture.decided == Some(Decided::Closed));
        }
        examined
    }
}

fn decided(body: Option<&ShownBody>) -> Decided {
    let detail = body.and_then(|body| parse::<ChatDetail>(body.value(chat::DETAIL)?).ok());
    match detail.as_ref().map(|detail| detail.what.as_str()) {
        Some("admitted") => Decided::Admitted,
        Some("refused") => Decided::Refused,
        _ => Decided::Closed,
    }
}
