//! What the events themselves say beside the verifier's findings: edits without their earlier words, deletions, messages
//! that came twice or late, disappearing messages, admissions.
//!
//! Pure. An edit or deletion names what it is about by a number of its capture or by the chat service's id; it is followed
//! only to what the bundle shows. Memory: some 40 bytes a message, at most [`REMEMBERED_MAX`]; beyond that chains are said
//! to be not examined. Not here: what refuses a bundle, and findings (the library).

use super::senders::Senders;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use zegel_proto::parse;
use zegel_proto::v1::{Binding, ChatDetail, EventKind, ProofClass};
use zegel_verifier::bundle::custody::STEPS_LISTED_MAX;
use zegel_verifier::bundle::secured::CADENCE_DAYS;
use zegel_verifier::bundle::{Place, ShownEvent};
use zegel_verifier::commit::ShownBody;
use zegel_verifier::hash::{Hash, sha256};
use zegel_verifier::kinds::{Family, chat, family};

/// Messages whose number and id are remembered.
const REMEMBERED_MAX: usize = 2_000_000;
/// Places that a list of the page names.
const LISTED_MAX: usize = 100;
const LATE_MS: u64 = CADENCE_DAYS * 86_400_000;

/// How many were looked at, and of how many something is to be said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) n: u64,
    pub(super) failed: u64,
}

impl Count {
    pub(super) fn add(&mut self, has_failed: bool) {
        self.n += 1;
        self.failed += u64::from(has_failed);
    }
}

/// Events of one kind: how many, and where the first ones stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Listed {
    pub(super) count: u64,
    pub(super) places: Vec<Place>,
}

impl Listed {
    fn add(&mut self, place: Place) {
        self.count += 1;
        if self.places.len() < LISTED_MAX {
            self.places.push(place);
        }
    }
}

/// What was seen in the pass that verifies.
#[derive(Default)]
pub(super) struct Judge {
    pub(super) channels: BTreeSet<i32>,
    pub(super) custodians: BTreeSet<Hash>,
    pub(super) conversations: BTreeSet<Hash>,
    /// First and last known time.
    pub(super) span_ms: Option<(u64, u64)>,
    /// Changed or gone, by kind.
    pub(super) volatile: BTreeMap<i32, Listed>,
    /// Edits; failed: their earlier words are not shown.
    pub(super) edits: Count,
    /// Deletions; failed: what was deleted is not shown.
    pub(super) deletions: Count,
    /// Messages with an id of the chat service; failed: their id came before for this holder.
    pub(super) doubles: Count,
    /// Messages with a time; failed: received by the log more than a month later.
    pub(super) arrivals: Count,
    /// Captured live by a gateway or signed by the service; failed: read out of a file, or a screenshot.
    pub(super) backfilled: Count,
    /// Settings that were seen; failed: disappearing messages were on.
    pub(super) timers: Count,
    /// Messages; failed: could be viewed once only.
    pub(super) once: Count,
    /// Messages; failed: addressed to an AI service of the app.
    pub(super) meta_ai: Count,
    pub(super) senders: Senders,
    pub(super) admissions: u64,
    /// When the log received a step of the chain of custody.
    pub(super) steps: BTreeMap<Place, u64>,
    holders: HashMap<(Hash, Hash), u32>,
    captures: HashMap<(u32, Hash), u32>,
    by_number: HashMap<(u32, u64), bool>,
    by_native: HashMap<(u32, [u8; 16]), bool>,
    is_full: bool,
}

fn number<K: std::hash::Hash + Eq>(of: &mut HashMap<K, u32>, key: K) -> u32 {
    let next = of.len() as u32;
    *of.entry(key).or_insert(next)
}

fn name_of(native: &[u8]) -> [u8; 16] {
    let mut name = [0; 16];
    name.copy_from_slice(&sha256(&[native]).0[..16]);
    name
}

/// Words or files of it are shown.
fn is_said(body: &ShownBody) -> bool {
    let shown = |slot: usize| body.items(slot).iter().any(Option::is_some);
    shown(chat::TEXT) || shown(chat::ATTACHMENTS)
}

impl Judge {
    /// Chains of edits were followed through all of it.
    pub(super) fn is_whole(&self) -> bool {
        !self.is_full
    }

    /// Takes an event of the bundle.
    pub(super) fn event(&mut self, event: &ShownEvent<'_>) {
        self.senders.event(event);
        match family(event.facts.kind) {
            _ if !event.in_scope => return,
            Family::Capture if self.steps.len() < STEPS_LISTED_MAX => {
                self.steps.insert(event.place, event.received_at_ms);
                return;
            }
            Family::Chat => {}
            _ => return,
        }
        self.custodians.extend(event.facts.custodian);
        self.conversations.extend(event.facts.conversation);
        if is_volatile(event.facts.kind) {
            self.volatile.entry(event.facts.kind as i32).or_default().add(event.place);
        }
        if let Some((binding, _)) = event.body {
            self.times(binding, event.received_at_ms);
        }
        self.settings(event);
        self.chains(event);
    }

    fn times(&mut self, binding: &Binding, received_at_ms: u64) {
        self.channels.insert(binding.channel);
        let at = binding.occurred_at_ms;
        if at != 0 {
            let (first, last) = self.span_ms.unwrap_or((at, at));
            self.span_ms = Some((first.min(at), last.max(at)));
            self.arrivals.add(received_at_ms > at.saturating_add(LATE_MS));
        }
        let class = ProofClass::try_from(binding.proof_class);
        self.backfilled.add(!matches!(class, Ok(ProofClass::ANativeSigned | ProofClass::BGateway)));
    }

    fn settings(&mut self, event: &ShownEvent<'_>) {
        let kind = event.facts.kind;
        let detail = event.body.and_then(|(_, body)| parse::<ChatDetail>(body.value(chat::DETAIL)?).ok());
        let what = detail.as_ref().map_or("", |detail| detail.what.as_str());
        match kind {
            EventKind::SettingObserved => self.timers.add(matches!(what, "timer_on" | "timer_changed")),
            EventKind::ContactDecided => self.admissions += 1,
            EventKind::MessageCreated | EventKind::ViewOnceReceived => {
                self.once.add(kind == EventKind::ViewOnceReceived);
                self.meta_ai.add(detail.is_some_and(|detail| detail.meta_ai));
            }
            _ => {}
        }
    }

    /// Follows edits and deletions to what they are about.
    fn chains(&mut self, event: &ShownEvent<'_>) {
        let (Some(custodian), Some(conversation)) = (event.facts.custodian, event.facts.conversation) else { return };
        let holder = number(&mut self.holders, (custodian, conversation));
        let capture = number(&mut self.captures, (holder, event.source));
        let body = event.body.map(|(_, body)| body);
        let said = body.is_some_and(is_said);
        match event.facts.kind {
            EventKind::MessageEdited => self.edits.add(!self.shows_target(holder, capture, body)),
            EventKind::MessageDeleted => self.deletions.add(!self.shows_target(holder, capture, body)),
            EventKind::MessageCreated => {
                if body.is_some_and(is_marked_edited) {
                    self.edits.add(true);
                }
                self.message(holder, body, said);
            }
            _ => {}
        }
        self.is_full |= self.by_number.len() >= REMEMBERED_MAX;
        if !self.is_full {
            self.by_number.insert((capture, event.facts.conversation_seq), said);
        }
    }

    fn message(&mut self, holder: u32, body: Option<&ShownBody>, said: bool) {
        let native = body.and_then(|body| body.value(chat::NATIVE_ID)).filter(|native| !native.is_empty());
        let Some(native) = native.filter(|_| !self.is_full) else { return };
        let before = self.by_native.insert((holder, name_of(native)), said);
        self.doubles.add(before.is_some());
    }

    /// What an event names as its target is in the bundle, with its words.
    fn shows_target(&self, holder: u32, capture: u32, body: Option<&ShownBody>) -> bool {
        let Some(target) = body.and_then(|body| body.value(chat::TARGET)) else { return false };
        let seq = std::str::from_utf8(target).ok().and_then(|target| target.strip_prefix("seq:")?.parse().ok());
        let found = match seq {
            Some(seq) => self.by_number.get(&(capture, seq)),
            None => self.by_native.get(&(holder, name_of(target))),
        };
        found.copied().unwrap_or(false)
    }
}

/// Read out after it had been edited: the earlier words were not in the source.
fn is_marked_edited(body: &ShownBody) -> bool {
    body.value(chat::DETAIL).and_then(|detail| parse::<ChatDetail>(detail).ok()).is_some_and(|detail| detail.edited)
}

fn is_volatile(kind: EventKind) -> bool {
    use EventKind as K;
    matches!(
        kind,
        K::MessageEdited
            | K::MessageDeleted
            | K::RecordVanished
            | K::ReactionRemoved
            | K::SettingObserved
            | K::ViewOnceReceived
            | K::MessageWaiting
            | K::IdentityChanged
    )
}

/// One covered part, or a run of neighbours of one ground.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cover {
    pub(super) place: Place,
    pub(super) at_ms: u64,
    pub(super) month: u32,
    /// Slot; `None`: the event as a whole.
    pub(super) slot: Option<u32>,
    pub(super) grounds: Vec<String>,
    /// Older than five years when the bundle was made, under a ground that then wants a motivation.
    pub(super) is_old: bool,
}

/// What was seen in the pass that shows: it knows the grounds and the other holders.
#[derive(Default)]
pub(super) struct Beside {
    /// Messages that another holder has too; failed: in other words, or deleted for one.
    pub(super) holders: Count,
    /// The same; failed: at another time.
    pub(super) clocks: Count,
    /// Covered parts under a relative ground; failed: older than five years.
    pub(super) old: Count,
    pub(super) covers: Vec<Cover>,
    pub(super) covers_not_listed: u64,
}

/// Covers that the page lists one by one.
const COVERS_MAX: usize = 1_000;

impl Beside {
    /// Takes a covered part.
    pub(super) fn cover(&mut self, cover: Cover) {
        if cover.grounds.iter().any(|ground| super::codes::is_relative(ground)) {
            self.old.add(cover.is_old);
        }
        if self.covers.last() == Some(&cover) && cover.slot.is_some() {
            return;
        }
        if self.covers.len() < COVERS_MAX { self.covers.push(cover) } else { self.covers_not_listed += 1 }
    }

    /// The places of the covered parts of an event, with their grounds. `made_ms` is when the bundle was made.
    pub(super) fn event(
        &mut self,
        event: &ShownEvent<'_>,
        grounds: &zegel_verifier::bundle::grounds::Grounds,
        made_ms: u64,
    ) {
        if !event.in_scope || family(event.facts.kind) == Family::Register {
            return;
        }
        let place = (event.place.entry, event.place.position.unwrap_or(0));
        let at_ms = event.body.map_or(0, |(binding, _)| binding.occurred_at_ms);
        let month = event.facts.month;
        let is_old = is_old(at_ms, month, made_ms);
        let mut take = |slot: Option<u32>, grounds: &[String]| {
            let is_old = is_old && grounds.iter().any(|ground| super::codes::is_relative(ground));
            self.cover(Cover { place: event.place, at_ms, month, slot, grounds: grounds.to_vec(), is_old });
        };
        match event.body {
            None => take(None, grounds.of(place, 0, None)),
            Some((_, body)) => {
                for unit in body.covered() {
                    take(Some(unit.slot), grounds.of(place, unit.slot, unit.item));
                }
            }
        }
    }
}

/// Five years before the bundle was made; of what is withheld only the month is known, and its end counts.
fn is_old(at_ms: u64, month: u32, made_ms: u64) -> bool {
    use zegel_verifier::bundle::calendar::{Moment, month_start_ms, next_month};
    let known = if at_ms != 0 || month == 0 { at_ms } else { month_start_ms(next_month(month)) };
    if known == 0 {
        return false;
    }
    let (then, made) = (Moment::at(known), Moment::at(made_ms));
    (then.year + 5, then.month, then.day) < (made.year, made.month, made.day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(month: u32, day: u64) -> u64 {
        zegel_verifier::bundle::calendar::month_start_ms(month) + (day - 1) * 86_400_000
    }

    #[test]
    fn five_years_end_on_the_day_after_the_fifth_birthday() {
        assert!(!is_old(day(202_105, 4), 202_105, day(202_605, 4)));
        assert!(is_old(day(202_105, 4), 202_105, day(202_605, 5)));
        assert!(!is_old(0, 202_105, day(202_605, 31)), "of a month the end counts");
        assert!(is_old(0, 202_105, day(202_606, 2)));
        assert!(!is_old(0, 0, day(202_605, 5)), "of an unknown time nothing is said");
    }

    #[test]
    fn neighbours_of_one_ground_are_listed_once_and_counted_each() {
        let cover = |month| Cover {
            place: Place::event(1, 2),
            at_ms: 0,
            month,
            slot: Some(11),
            grounds: vec!["5.1.2e".into()],
            is_old: true,
        };
        let mut beside = Beside::default();
        (0..3).for_each(|_| beside.cover(cover(202_105)));
        beside.cover(cover(202_106));
        assert_eq!((beside.covers.len(), beside.old), (2, Count { n: 4, failed: 4 }));
    }
}
