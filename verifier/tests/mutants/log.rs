//! Logs made at random: mostly good ones, of which some hold what must be found or refused.

use crate::dice::Dice;
use crate::maker::*;
use ed25519_dalek::SigningKey;
use prost::Message;
use zegel_proto::v1::*;
use zegel_verifier::commit::{self, CoveredUnit, list_slot, none_slot, unknown_slot, value_slot};
use zegel_verifier::hash::{Hash, sha256};

const REASONS: [&str; 3] = ["export_cut_short", "phone_lost", ""];
const GROUNDS: [&str; 4] = ["5.1.2e", "5.1.2e", "5.2.1", "onbekend"];
const KINDS: [EventKind; 9] = [
    EventKind::MessageCreated,
    EventKind::MessageCreated,
    EventKind::MessageEdited,
    EventKind::RecordVanished,
    EventKind::SystemNoted,
    EventKind::CaptureStarted,
    EventKind::GatewayHeartbeat,
    EventKind::ReadoutOpened,
    EventKind::PeriodClosed,
];
/// Files that attachments name; some are put in the bag.
pub(crate) const FILES: [&[u8]; 3] = [b"foto", b"film van de veerhaven", b""];

/// Names and accounts of custodians: some the same to whoever compares them, some only nearly.
const NAMES: [&str; 8] =
    ["naam", "NAAM", "naam ", "n\u{202e}aam", "n\u{feff}aam", "\u{130}stanbul", "i\u{307}stanbul", "ΟΔΟΣ"];
const ACCOUNTS: [&str; 6] = ["+31 6 1", "+3161", "+31\u{a0}61", "+31\u{feff}61", "+31\u{85}61", " "];
const HOUR: u64 = 3_600_000;
/// Where May of 2022 ends.
const JUNE: u64 = MAY + 31 * DAY;

/// A log, its plan, and what was made wrong in it.
pub(crate) struct Random {
    pub(crate) log: Log,
    pub(crate) plan: Plan,
    pub(crate) changes: Vec<&'static str>,
}

/// Changes the binding of an event; the header follows, or not.
fn rebind(event: &mut Event, change: impl FnOnce(&mut Binding)) {
    let Some(body) = &mut event.body else { return };
    let mut binding = Binding::decode(&body.slots[0].value[..]).expect("a binding");
    change(&mut binding);
    body.slots[0] = value_slot(binding.encode_to_vec());
    reseal(event);
}

/// Commits the header to the body as it is, if it has a form that can be committed to.
fn reseal(event: &mut Event) {
    let Some(body) = &event.body else { return };
    if let Some(root) = commit::body_root(body) {
        event.header.content = Some(event_header::Content::BodyRoot(root.to_vec()));
    }
}

impl Random {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let mut made = Self { log: Log::new(ORIGIN), plan: empty_plan(), changes: Vec::new() };
        made.log.proof_class = dice.pick(&[ProofClass::CExportFile, ProofClass::None, ProofClass::ANativeSigned]);
        made.log.constant_seed = made.wrong(dice, 25, "one seed").then_some([6; 32]);
        made.log.register();
        for _ in 0..1 + dice.below(4) {
            made.chat_batch(dice);
            if dice.once_in(9) {
                made.registry_batch(dice);
            }
            if dice.once_in(8) {
                made.other_source_batch(dice);
            }
            if dice.once_in(12) {
                made.register_more(dice);
            }
        }
        if dice.once_in(12) {
            made.register_twice(dice);
        }
        let scope = made.scope(dice);
        made.plan.scope = scope.clone();
        let covered = if dice.once_in(3) { made.redaction(dice) } else { None };
        let closed = made.close(dice);
        let manifest = covered.as_ref().map(|_| MANIFEST).filter(|_| !made.wrong(dice, 60, "export names no manifest"));
        let snapshot_early = made.wrong(dice, 80, "a batch between export and snapshot");
        let forced = std::mem::take(&mut made.plan.forced);
        made.plan = made.log.export(scope, manifest);
        made.plan.forced = forced;
        made.plan.covered = covered.unwrap_or_default();
        made.plan.covered.extend(closed);
        if snapshot_early {
            made.chat_batch(dice);
        }
        if snapshot_early || made.wrong(dice, 40, "snapshot") {
            let (what, near) = (dice.below(6), dice.near(4));
            made.plan.snapshot_entry = made.log.snapshot(|snapshot| match what {
                0 => snapshot.covers = near,
                1 => snapshot.covers -= 1,
                2 => snapshot.ids = near,
                3 => snapshot.root = vec![1; 32],
                _ => {}
            });
        }
        if dice.once_in(2) {
            made.chat_batch(dice);
        }
        made.show_otherwise(dice);
        made
    }

    /// Whether something is to go wrong here; it is noted.
    fn wrong(&mut self, dice: &mut Dice, once_in: usize, what: &'static str) -> bool {
        let wrong = dice.once_in(once_in);
        if wrong {
            self.changes.push(what);
        }
        wrong
    }

    /// Hides what must be shown, shows what must not be, or turns the ledger's clock back.
    fn show_otherwise(&mut self, dice: &mut Dice) {
        if self.wrong(dice, 60, "the clock of the ledger") {
            let at = dice.below(self.log.entries.len());
            self.log.entries[at].entry.received_at_ms = dice.near(MAY);
        }
        if self.wrong(dice, 25, "hidden or shown") {
            let entry = dice.below(self.log.entries.len());
            let place = (entry as u64, dice.below(self.log.entries[entry].events.len().max(1)) as u32);
            if dice.once_in(3) { self.plan.forced.push(place) } else { self.plan.hidden.push(place) }
        }
        if self.wrong(dice, 60, "the scope of the evidence") {
            let other = self.scope(dice);
            self.plan.scope = other;
        }
        // Headers that break their rules stand in no stream: they are shown all the same.
        for (entry, made) in (0u64..).zip(&self.log.entries) {
            for (position, event) in (0u32..).zip(&made.events) {
                let is_broken = zegel_verifier::kinds::EventFacts::read(&event.header).is_err();
                if is_broken && dice.once_in(2) {
                    self.plan.forced.push((entry, position));
                }
            }
        }
    }

    fn scope(&mut self, dice: &mut Dice) -> Scope {
        let mut scope = scope_of(dice.pick(&[CONVERSATION, CONVERSATION, OTHER_CONVERSATION]));
        if dice.once_in(9) {
            // Nothing of this: before all, between two, behind all.
            scope.id = vec![dice.pick(&[0, 0xA2, 0xFF]); 32];
            scope.stream = 1 + dice.below(2) as i32;
            return scope;
        }
        if dice.once_in(3) {
            scope.stream = StreamType::StreamCustodian as i32;
            scope.id = CUSTODIAN.to_vec();
        }
        if dice.once_in(4) {
            let periods = [(202205, 202205), (202205, 202206), (202205, 202206), (202106, 202112), (202207, 202208)];
            (scope.from_month, scope.to_month) = dice.pick(&periods);
        }
        scope
    }

    fn chat_batch(&mut self, dice: &mut Dice) {
        let mut events = Vec::new();
        for _ in 0..1 + dice.below(6) {
            events.push(self.event(dice));
        }
        if dice.once_in(3) {
            self.read_out(dice, &mut events);
        }
        self.submit(dice, events);
    }

    fn submit(&mut self, dice: &mut Dice, events: Vec<Event>) {
        let who = if self.wrong(dice, 80, "by another actor") { Who::Officer } else { Who::Source };
        let change = if dice.once_in(40) { Some(dice.below(9)) } else { None };
        let near = dice.near(1);
        // The moment at which the ledger will receive it, and five minutes more or less.
        let edge = self.log.clock_ms + 1_000 + 5 * 60_000;
        if change.is_some() {
            self.changes.push("statement");
        }
        self.log.batch_by(who, events, |statement| match change {
            Some(0) => statement.batch_seq += 1 + near % 3,
            Some(1) => statement.previous = vec![9; 32],
            Some(2) => statement.count = near as u32,
            Some(3) => statement.origin = "chat.example.nl/minvws".into(),
            Some(4) => statement.source = vec![0x77; 32],
            Some(5) => statement.key = SigningKey::from_bytes(&[0x55; 32]).verifying_key().to_bytes().to_vec(),
            Some(6) => statement.created_at_ms = near,
            Some(7) => statement.created_at_ms = edge,
            Some(_) => statement.created_at_ms = edge + 1,
            None => {}
        });
    }

    fn event(&mut self, dice: &mut Dice) -> Event {
        let source = self.log.source.id;
        let conversation = dice.pick(&[CONVERSATION, CONVERSATION, OTHER_CONVERSATION]);
        let mut seq = self.log.seq(source, conversation);
        if self.wrong(dice, 150, "conversation_seq") {
            seq = dice.near(seq);
        }
        let kind = dice.pick(&KINDS);
        let at = self.time(dice);
        let mut event = if kind == EventKind::MessageCreated {
            let attachments = self.attachments(dice);
            self.log.message_of(
                source,
                conversation,
                seq,
                at.0,
                dice.pick(&["ja hoor", "", "één twee drie vier vijf"]),
                attachments,
            )
        } else {
            let ids = (Some(conversation), Some(CUSTODIAN));
            let slots = self.slots(dice, kind);
            self.log.sealed(source, kind, ids, seq, at, slots)
        };
        rebind(&mut event, |binding| {
            binding.precision = dice.below(6) as i32;
            binding.ambiguous_time = dice.once_in(6);
            binding.clock = if binding.occurred_at_ms == 0 { 0 } else { 1 + dice.below(4) as i32 };
            if dice.once_in(5) {
                binding.proof_class = dice.below(5) as i32;
            }
        });
        self.spoil(dice, &mut event);
        event
    }

    fn time(&mut self, dice: &mut Dice) -> (u64, Clock) {
        if dice.once_in(10) {
            return (0, Clock::Unknown);
        }
        // Some twenty days around the end of May, to the minute and not.
        (MAY + 20 * DAY + dice.next() % (20 * DAY), Clock::Device)
    }

    fn slots(&mut self, dice: &mut Dice, kind: EventKind) -> Vec<Slot> {
        let layout = zegel_verifier::kinds::layout(kind);
        let of = |dice: &mut Dice, is_list: bool| match dice.below(4) {
            0 => unknown_slot(),
            1 => none_slot(),
            _ if is_list => list_slot((0..1 + dice.below(3)).map(|_| b"woord ".to_vec()).collect()),
            _ => value_slot("waarde"),
        };
        layout.iter().skip(1).map(|spec| of(dice, spec.is_list)).collect()
    }

    fn attachments(&mut self, dice: &mut Dice) -> Vec<Attachment> {
        if !dice.once_in(3) {
            return Vec::new();
        }
        let one = |dice: &mut Dice| {
            let state = 1 + dice.below(3) as i32;
            let mut attachment = Attachment { name: "foto.jpg".into(), state, ..Attachment::default() };
            if state == AttachmentState::AttachmentPresent as i32 {
                let file = dice.pick(&FILES);
                (attachment.sha256, attachment.size) = (sha256(&[file]).to_vec(), file.len() as u64);
                if dice.once_in(30) {
                    attachment.size += 1;
                }
            }
            if dice.once_in(20) {
                attachment.blob = 3;
            }
            attachment
        };
        (0..1 + dice.below(3)).map(|_| one(dice)).collect()
    }

    /// A part of a read-out's manifest, or a declared gap.
    fn read_out(&mut self, dice: &mut Dice, events: &mut Vec<Event>) {
        if dice.once_in(2) {
            let gap = GapDetail { reason: dice.pick(&REASONS).into(), ..GapDetail::default() };
            let mut detail = gap.encode_to_vec();
            if dice.once_in(6) {
                dice.spoil(&mut detail);
            }
            events.push(self.log.captured(EventKind::GapDeclared, detail, vec![b"x".to_vec()]));
            return;
        }
        let parts = 1 + dice.below(2) as u32;
        let mut record = 0;
        for part in 0..parts {
            if dice.once_in(10) {
                continue;
            }
            let mut runs = Vec::new();
            for _ in 0..1 + dice.below(2) {
                let count = 1 + dice.below(3) as u64;
                let (fate, first) = (1 + dice.below(5) as i32, dice.below(3) as u64);
                let first_record = if dice.once_in(12) { dice.near(record) } else { record };
                let run = ManifestRun { first_record, count, fate, first_conversation_seq: first };
                record += count;
                let mut run = run.encode_to_vec();
                if dice.once_in(20) {
                    dice.spoil(&mut run);
                }
                runs.push(run);
            }
            let records = if part + 1 == parts && !dice.once_in(6) { record } else { record + dice.below(2) as u64 };
            let (manifest, file_sha256) = (vec![4; 32], vec![dice.pick(&[9, 9, 8]); 32]);
            let detail = ManifestDetail { manifest, file_sha256, part, parts, records, ..ManifestDetail::default() };
            let mut detail = detail.encode_to_vec();
            if dice.once_in(12) {
                dice.spoil(&mut detail);
            }
            events.push(self.log.captured(EventKind::ReadoutManifest, detail, runs));
        }
    }

    /// Something wrong inside one event, signed by its source all the same.
    fn spoil(&mut self, dice: &mut Dice, event: &mut Event) {
        if !self.wrong(dice, 40, "event") {
            return;
        }
        let number = dice.next();
        let kind = 1 + dice.below(122) as i32;
        match dice.below(12) {
            0 => event.header.month = dice.pick(&[0, 202204, 202213, 296813]),
            1 => event.header.kind = kind,
            2 => event.header.custodian.clear(),
            3 => event.header.conversation = dice.pick(&[vec![], vec![0xA3; 32], vec![1; 31]]),
            4 => event.header.blobs = vec![vec![3; 32]; dice.pick(&[1, 64, 65])],
            5 => rebind(event, |binding| binding.occurred_at_ms = number % (500 * DAY)),
            6 => rebind(event, |binding| binding.kind = kind),
            7 => rebind(event, |binding| binding.conversation_seq = number % 9),
            8 => rebind(event, |binding| binding.origin = "elders".into()),
            9 => rebind(event, |binding| binding.custodian = vec![0xC2; 32]),
            10 => spoil_slot(dice, event),
            _ => event.header.content = Some(event_header::Content::Public(vec![1])),
        }
    }

    fn registry_batch(&mut self, dice: &mut Dice) {
        let seed = dice.below(6) as u8;
        let new = SigningKey::from_bytes(&[0x40 + seed; 32]);
        let now = self.log.entries.len() as u64;
        let from = dice.below(now as usize + 2) as u64;
        let old = dice.pick(&[
            self.log.source.public(),
            self.log.officer.public(),
            self.log.other_source.public(),
            vec![3; 32],
        ]);
        let mut events = Vec::new();
        match dice.below(9) {
            0 => events.push(self.log.key_added(&self.log.source, &new)),
            1 => events.push(Log::revoked(self.log.other_source.public(), from)),
            2 => {
                events.push(Log::revoked(self.log.source.public(), from));
                events.push(self.log.key_added(&self.log.source, &new));
                self.log.source.key = new;
            }
            3 => events.push(public(EventKind::KeyRetired, &KeyRetired { key: old })),
            4 => {
                let reason = 1 + dice.below(3) as i32;
                events.push(public(
                    EventKind::KeyRevoked,
                    &KeyRevoked { key: old, reason, compromised_from_entry: from },
                ));
            }
            5 => {
                let ground = |code: &str| ListItem { code: code.into(), label_nl: "x".into(), ..ListItem::default() };
                let items = vec![ground("5.2.1"), ground(dice.pick(&["5.1.2e", "5.2.1", "", "x"]))];
                events.push(public(
                    EventKind::GroundsListPublished,
                    &GroundsListPublished { version: "woo/2".into(), items },
                ));
            }
            6 => {
                let claim = KeyPossession {
                    origin: ORIGIN.into(),
                    actor: vec![0; 32],
                    key: new.verifying_key().to_bytes().to_vec(),
                };
                let proof = sign(&new, "zegel key v1", &claim.encode_to_vec());
                events.push(public(EventKind::LogKeyChanged, &LogKeyChanged { log_key: claim.key, proof }));
                self.log.log_key = new;
            }
            7 => {
                let role = dice.pick(&[Role::Source, Role::Inspector, Role::Auditor, Role::Root]) as i32;
                let actor = dice.pick(&[vec![0x66; 32], self.log.source.id.to_vec(), vec![0; 32]]);
                events.push(public(EventKind::ActorRegistered, &ActorRegistered { actor, role, name: "nieuw".into() }));
            }
            _ => events.push(public(EventKind::PolicySet, &PolicySet { name: "beleid".into(), value: "x".into() })),
        }
        if self.wrong(dice, 20, "registry event")
            && let Some(event_header::Content::Public(bytes)) = &mut events[0].header.content
        {
            dice.spoil(bytes);
        }
        let who = if self.wrong(dice, 30, "registry by another") { Who::Officer } else { Who::Root };
        self.log.batch(who, events);
    }

    /// Another conversation, or a custodian, and perhaps a message that names it.
    fn register_more(&mut self, dice: &mut Dice) {
        let officer = self.log.officer.id;
        let (source, other) = (self.log.source.id, Hash([0xA3; 32]));
        let kind =
            dice.pick(&[EventKind::ConversationRegistered, EventKind::ConversationLinked, EventKind::CustodianChanged]);
        let ids = if kind == EventKind::CustodianChanged { (None, Some(CUSTODIAN)) } else { (Some(other), None) };
        let slots = self.slots(dice, kind);
        let event = self.log.sealed(officer, kind, ids, 0, (0, Clock::Unknown), slots);
        let entry = self.log.batch(Who::Officer, vec![event]);
        if dice.once_in(2) {
            self.plan.forced.push((entry, 0));
        }
        if dice.once_in(2) {
            let seq = self.log.seq(source, other);
            let at = self.time(dice);
            let message = self.log.message_of(source, other, seq, at.0, "in een derde gesprek", vec![]);
            self.log.batch(Who::Source, vec![message]);
        }
    }

    /// Somebody who is registered under two ids, or nearly, and a message of the other.
    fn register_twice(&mut self, dice: &mut Dice) {
        let other = Hash([0xC2; 32]);
        let (officer, source) = (self.log.officer.id, self.log.source.id);
        for (kind, id) in [(EventKind::CustodianChanged, CUSTODIAN), (EventKind::CustodianRegistered, other)] {
            let mut slots = self.slots(dice, kind);
            slots[0] = value_slot(dice.pick(&NAMES));
            let accounts = (0..1 + dice.below(2)).map(|_| {
                let identifier = dice.pick(&ACCOUNTS).into();
                Account { channel: "signal".into(), identifier, ..Account::default() }.encode_to_vec()
            });
            slots[1] = list_slot(accounts.collect());
            if dice.once_in(12) {
                dice.spoil(&mut slots[1].items[0]);
            }
            let event = self.log.sealed(officer, kind, (None, Some(id)), 0, (0, Clock::Unknown), slots);
            let entry = self.log.batch(Who::Officer, vec![event]);
            if !dice.once_in(6) {
                self.plan.forced.push((entry, 0));
            }
        }
        let mut message = self.log.message_of(source, CONVERSATION, 0, JUNE, "van een ander", vec![]);
        message.header.custodian = other.to_vec();
        rebind(&mut message, |binding| binding.custodian = other.to_vec());
        self.log.batch(Who::Source, vec![message]);
    }

    /// Registrations that stay closed.
    fn close(&mut self, dice: &mut Dice) -> Vec<(u64, u32, Vec<CoveredUnit>)> {
        if !dice.once_in(10) {
            return Vec::new();
        }
        let mut closed = Vec::new();
        for (entry, made) in (0u64..).zip(&self.log.entries) {
            for (position, event) in (0u32..).zip(&made.events) {
                if (20..24).contains(&event.header.kind) && dice.once_in(2) {
                    closed.push((entry, position, Vec::new()));
                }
            }
        }
        closed
    }

    fn other_source_batch(&mut self, dice: &mut Dice) {
        let source = self.log.other_source.id;
        let seq = self.log.seq(source, CONVERSATION);
        let at = self.time(dice);
        let event = self.log.message_of(source, CONVERSATION, seq, at.0, "van een ander toestel", vec![]);
        self.log.batch(Who::OtherSource, vec![event]);
    }

    /// Covers parts of the scope, and logs a manifest that says so; mostly.
    fn redaction(&mut self, dice: &mut Dice) -> Option<Vec<(u64, u32, Vec<CoveredUnit>)>> {
        let mut covered = Vec::new();
        let mut items = Vec::new();
        // Only what lies this near to the other month stays open.
        let near = dice.once_in(3).then(|| HOUR * dice.pick(&[1, 24, 47, 48, 49]));
        for (entry, made) in (0u64..).zip(&self.log.entries) {
            for (position, event) in (0u32..).zip(&made.events) {
                let is_covered = near.map_or_else(|| dice.once_in(3), |near| is_far(event, near));
                let Some(body) = event.body.as_ref().filter(|_| is_covered && event.header.kind >= 40) else {
                    continue;
                };
                let is_shown = self.plan.wants(event);
                let units = if near.is_some() { Vec::new() } else { units(dice, body) };
                if is_shown {
                    items.extend(items_of(dice, entry, position, &units));
                    covered.push((entry, position, units));
                }
            }
        }
        if covered.is_empty() {
            return None;
        }
        if self.wrong(dice, 12, "manifest") {
            let at = dice.below(items.len());
            match dice.below(6) {
                0 => drop(items.remove(at)),
                1 => items.insert(at, items[at].clone()),
                2 => items[at].slot = dice.below(13) as u32,
                3 => items[at].item_count += 1,
                4 => items[at].position += 1,
                _ => items.reverse(),
            }
        }
        let half = if dice.once_in(2) { items.len() / 2 } else { 0 };
        let rest = items.split_off(half);
        let mut parts = if half > 0 { vec![items, rest] } else { vec![rest] };
        if self.wrong(dice, 40, "manifest part") {
            parts.pop();
        }
        parts.retain(|part| !part.is_empty());
        self.log.manifest(parts);
        Some(covered)
    }
}

fn empty_plan() -> Plan {
    Plan {
        scope: scope_of(CONVERSATION),
        export: (0, 0),
        snapshot_entry: 0,
        covered: vec![],
        others: vec![],
        forced: vec![],
        hidden: vec![],
    }
}

fn sign(key: &SigningKey, context: &str, bytes: &[u8]) -> Vec<u8> {
    use ed25519_dalek::Signer;
    key.sign(&zegel_verifier::signature::signed_bytes(context, bytes)).to_bytes().to_vec()
}

/// Not so near to where May ends.
fn is_far(event: &Event, near: u64) -> bool {
    let Some(binding) = event.body.as_ref().and_then(|body| Binding::decode(&body.slots[0].value[..]).ok()) else {
        return false;
    };
    binding.occurred_at_ms.abs_diff(JUNE) > near
}

/// Some units of a body, ascending: a slot as a whole, or items of a list.
fn units(dice: &mut Dice, body: &Body) -> Vec<CoveredUnit> {
    let mut units = Vec::new();
    if dice.once_in(4) {
        return units;
    }
    for (slot, content) in (0u32..).zip(&body.slots).skip(1) {
        if !dice.once_in(4) {
            continue;
        }
        let leaves = content.items.len().next_power_of_two() as u32;
        if content.items.is_empty() || dice.once_in(2) {
            units.push(CoveredUnit { slot, item: None });
        } else {
            // From some item on, with the padding or without it.
            let from = dice.below(content.items.len()) as u32;
            let to = if dice.once_in(2) { leaves } else { content.items.len() as u32 };
            units.extend((from..to).map(|item| CoveredUnit { slot, item: Some(item) }));
        }
    }
    if units.is_empty() {
        units.push(CoveredUnit { slot: 1, item: None });
    }
    units
}

fn items_of(dice: &mut Dice, entry: u64, position: u32, units: &[CoveredUnit]) -> Vec<RedactionItem> {
    let grounds = |dice: &mut Dice| {
        let mut grounds = vec![dice.pick(&GROUNDS).to_owned()];
        if dice.once_in(4) {
            grounds.push(dice.pick(&GROUNDS).to_owned());
        }
        grounds
    };
    if units.is_empty() {
        return vec![RedactionItem { entry, position, grounds: grounds(dice), ..RedactionItem::default() }];
    }
    let item = |unit: &CoveredUnit| RedactionItem {
        entry,
        position,
        slot: unit.slot,
        first_item: unit.item.unwrap_or_default(),
        item_count: u32::from(unit.item.is_some()),
        grounds: grounds(dice),
    };
    units.iter().map(item).collect()
}

/// Breaks the form of one slot.
fn spoil_slot(dice: &mut Dice, event: &mut Event) {
    let Some(body) = &mut event.body else { return };
    let at = dice.below(body.slots.len());
    match dice.below(5) {
        0 => body.slots[at] = value_slot("een waarde"),
        1 => body.slots[at] = list_slot(vec![b"een".to_vec()]),
        2 => drop(body.slots.remove(at)),
        3 => body.slots.push(none_slot()),
        _ => dice.spoil(&mut body.slots[at].value),
    }
    reseal(event);
}
