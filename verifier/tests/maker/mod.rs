//! An honest log and its bundles, in memory: what the ledger and the export tool would make, by the rules of the specs and
//! in other code. Every piece is open to a test that wants to make it dishonest.

#![allow(dead_code, missing_docs, unreachable_pub)]

use ed25519_dalek::{Signer, SigningKey};
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use zegel_proto::v1::{self, *};
use zegel_verifier::batch::event_leaf;
use zegel_verifier::bundle::{self, BundleFile, BundleSource, Demands, Refusal, Report};
use zegel_verifier::checkpoint;
use zegel_verifier::commit::{self, CoveredUnit, list_slot, none_slot, redact, unknown_slot, value_slot};
use zegel_verifier::hash::{Hash, Tag, leaf, log_leaf, sha256};
use zegel_verifier::kinds::{EventFacts, Family, family, layout};
use zegel_verifier::note::{TYPE_COSIGNATURE, TYPE_ED25519, VerifierKey};
use zegel_verifier::signature::signed_bytes;
use zegel_verifier::snapshot::{months_digest, row_leaf, stream_leaf};
use zegel_verifier::tree::{Frontier, gap_subtrees, root_of};
use zegel_verifier::trust::Trust;

pub const ORIGIN: &str = "chat.example.nl/minbzk";
/// 1 May 2022, 00:00 UTC.
pub const MAY: u64 = 1_651_363_200_000;
pub const DAY: u64 = 86_400_000;
pub const CONVERSATION: Hash = Hash([0xA1; 32]);
pub const OTHER_CONVERSATION: Hash = Hash([0xA2; 32]);
pub const CUSTODIAN: Hash = Hash([0xC1; 32]);
pub const EXPORT: Hash = Hash([0xE1; 32]);
pub const MANIFEST: Hash = Hash([0xE2; 32]);

/// What an auditor is told of the sealed form of an event: nobody here seals, so the digests are of the header.
pub fn sealed_digest(event: &Event) -> SealedDigest {
    if matches!(event.header.content, Some(event_header::Content::Public(_))) {
        return SealedDigest::default();
    }
    let header = event.header.encode_to_vec();
    let digest = |what: &[u8]| sha256(&[what, &header]).to_vec();
    SealedDigest { ciphertext: digest(b"ciphertext"), wrap: digest(b"wrap"), leaf: vec![] }
}

fn sealed_root_of(events: &[Event]) -> Hash {
    let leaf_of = |event| {
        let digest = sealed_digest(event);
        leaf(Tag::Sealed, &[&digest.ciphertext, &digest.wrap])
    };
    root_of(events.iter().map(leaf_of))
}

/// An actor with its chain.
#[derive(Clone)]
pub struct Actor {
    pub id: Hash,
    pub key: SigningKey,
    pub next_seq: u64,
    pub previous: Vec<u8>,
}

impl Actor {
    pub fn new(number: u8) -> Self {
        let key = SigningKey::from_bytes(&[number; 32]);
        Self { id: Hash([number; 32]), key, next_seq: 0, previous: vec![] }
    }

    pub fn public(&self) -> Vec<u8> {
        self.key.verifying_key().to_bytes().to_vec()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    Root,
    Source,
    OtherSource,
    Officer,
    Approver,
}

/// An event with all that is known of it.
#[derive(Clone)]
pub struct Event {
    pub header: EventHeader,
    pub body: Option<Body>,
}

/// An entry with its events.
#[derive(Clone)]
pub struct Made {
    pub entry: Entry,
    pub events: Vec<Event>,
}

impl Made {
    pub fn bytes(&self) -> Vec<u8> {
        self.entry.encode_to_vec()
    }
}

/// A log that is being made.
#[derive(Clone)]
pub struct Log {
    pub origin: String,
    pub root: Actor,
    pub source: Actor,
    pub other_source: Actor,
    pub officer: Actor,
    pub approver: Actor,
    pub log_key: SigningKey,
    pub witness: SigningKey,
    pub entries: Vec<Made>,
    pub next_seq: BTreeMap<(Hash, Hash, Hash), u64>,
    pub clock_ms: u64,
    /// What the sources say that their chats are worth.
    pub proof_class: ProofClass,
    /// Events that a liar keeps out of streams and bundles, by entry and position.
    pub hidden: BTreeSet<(u64, u32)>,
    /// What a liar does to the table of streams.
    pub false_rows: Option<fn(&mut Vec<Row>)>,
    /// The seed that a careless source always takes.
    pub constant_seed: Option<[u8; 32]>,
    seeds: u64,
}

impl Log {
    /// Genesis, actors and keys.
    pub fn new(origin: &str) -> Self {
        let mut log = Self {
            origin: origin.into(),
            root: Actor::new(1),
            source: Actor::new(2),
            other_source: Actor::new(3),
            officer: Actor::new(4),
            approver: Actor::new(5),
            log_key: SigningKey::from_bytes(&[9; 32]),
            witness: SigningKey::from_bytes(&[8; 32]),
            entries: vec![],
            next_seq: BTreeMap::new(),
            clock_ms: MAY,
            proof_class: ProofClass::CExportFile,
            hidden: BTreeSet::new(),
            false_rows: None,
            constant_seed: None,
            seeds: 0,
        };
        let created = LogCreated {
            origin: origin.into(),
            root_actor: log.root.id.to_vec(),
            root_key: log.root.public(),
            log_key: log.log_key.verifying_key().to_bytes().to_vec(),
            recovery_actor: vec![7; 32],
            recovery_key: SigningKey::from_bytes(&[7; 32]).verifying_key().to_bytes().to_vec(),
            ministry: "Ministerie van Voorbeelden".into(),
        };
        let mut events = vec![public(EventKind::LogCreated, &created)];
        let actors = [
            (log.source.clone(), Role::Source),
            (log.other_source.clone(), Role::Source),
            (log.officer.clone(), Role::Officer),
            (log.approver.clone(), Role::Approver),
        ];
        for (actor, role) in actors {
            let named = ActorRegistered { actor: actor.id.to_vec(), role: role as i32, name: format!("{role:?}") };
            events.push(public(EventKind::ActorRegistered, &named));
            events.push(log.key_added(&actor, &actor.key));
        }
        let ground = |code: &str| ListItem { code: code.into(), label_nl: code.into(), ..Default::default() };
        let grounds = GroundsListPublished { version: "woo/1".into(), items: vec![ground("5.1.2e")] };
        events.push(public(EventKind::GroundsListPublished, &grounds));
        log.batch(Who::Root, events);
        log
    }

    /// A log with a custodian and two conversations, `count` messages in the first one, among others.
    pub fn with_messages(count: u64) -> Self {
        let mut log = Self::new(ORIGIN);
        log.register();
        let mut batch = Vec::new();
        for number in 0..count {
            batch.push(log.message(CONVERSATION, number, &format!("bericht {number}")));
            if number % 3 == 1 {
                batch.push(log.message(OTHER_CONVERSATION, number, "elders"));
            }
            if batch.len() > 40 {
                log.batch(Who::Source, std::mem::take(&mut batch));
            }
        }
        if !batch.is_empty() {
            log.batch(Who::Source, batch);
        }
        log
    }

    pub fn register(&mut self) {
        let mut events = vec![self.registration(EventKind::CustodianRegistered, None, Some(CUSTODIAN))];
        for conversation in [CONVERSATION, OTHER_CONVERSATION] {
            events.push(self.registration(EventKind::ConversationRegistered, Some(conversation), None));
        }
        self.batch(Who::Officer, events);
    }

    fn registration(&mut self, kind: EventKind, conversation: Option<Hash>, custodian: Option<Hash>) -> Event {
        let officer = self.officer.id;
        let mut slots = vec![none_slot(); layout(kind).len() - 1];
        slots[0] = value_slot("naam");
        self.sealed(officer, kind, (conversation, custodian), 0, (0, Clock::Unknown), slots)
    }

    pub fn key_added(&self, actor: &Actor, key: &SigningKey) -> Event {
        let public_key = key.verifying_key().to_bytes().to_vec();
        let claim = KeyPossession { origin: self.origin.clone(), actor: actor.id.to_vec(), key: public_key.clone() };
        let proof = key.sign(&signed_bytes("zegel key v1", &claim.encode_to_vec())).to_bytes().to_vec();
        public(EventKind::KeyAdded, &KeyAdded { actor: actor.id.to_vec(), key: public_key, proof })
    }

    pub fn log_key_changed(&self, key: &SigningKey) -> Event {
        let log_key = key.verifying_key().to_bytes().to_vec();
        let claim = KeyPossession { origin: self.origin.clone(), actor: vec![0; 32], key: log_key.clone() };
        let proof = key.sign(&signed_bytes("zegel key v1", &claim.encode_to_vec())).to_bytes().to_vec();
        public(EventKind::LogKeyChanged, &LogKeyChanged { log_key, proof })
    }

    pub fn revoked(key: Vec<u8>, from: u64) -> Event {
        let reason = RevocationReason::RevocationCompromised as i32;
        public(EventKind::KeyRevoked, &KeyRevoked { key, reason, compromised_from_entry: from })
    }

    /// Registers one officer more; who acts as the officer from here on is told by [`by_another_officer`].
    fn register_another_officer(&mut self, officer: &Actor) {
        let role = Role::Officer as i32;
        let named = ActorRegistered { actor: officer.id.to_vec(), role, name: "Ander".into() };
        let events = vec![public(EventKind::ActorRegistered, &named), self.key_added(officer, &officer.key)];
        self.batch(Who::Root, events);
    }

    /// The next number of a capture.
    pub fn seq(&mut self, source: Hash, conversation: Hash) -> u64 {
        let next = self.next_seq.entry((source, CUSTODIAN, conversation)).or_default();
        *next += 1;
        *next - 1
    }

    /// A message of the first source, a day later for each number.
    pub fn message(&mut self, conversation: Hash, number: u64, text: &str) -> Event {
        let source = self.source.id;
        let seq = self.seq(source, conversation);
        self.message_of(source, conversation, seq, MAY + number % 200 * DAY, text, vec![])
    }

    pub fn message_of(
        &mut self,
        source: Hash,
        conversation: Hash,
        seq: u64,
        at_ms: u64,
        text: &str,
        attachments: Vec<Attachment>,
    ) -> Event {
        let kind = EventKind::MessageCreated;
        let mut slots = vec![unknown_slot(); layout(kind).len() - 1];
        slots[0] = value_slot("+31600000000");
        slots[1] = value_slot("Afzender");
        slots[8] = list_slot(attachments.iter().map(Message::encode_to_vec).collect());
        slots[9] = value_slot("");
        slots[10] = list_slot(text.split_inclusive(' ').map(|word| word.as_bytes().to_vec()).collect());
        self.sealed(source, kind, (Some(conversation), Some(CUSTODIAN)), seq, (at_ms, Clock::Device), slots)
    }

    /// A capture event of the first source.
    pub fn captured(&mut self, kind: EventKind, detail: Vec<u8>, items: Vec<Vec<u8>>) -> Event {
        let source = self.source.id;
        let seq = self.seq(source, CONVERSATION);
        let mut slots = vec![none_slot(); layout(kind).len() - 1];
        slots[0] = value_slot([5; 32]);
        slots[2] = value_slot("telefoon 12");
        slots[4] = value_slot(detail);
        slots[5] = list_slot(items);
        let ids = (Some(CONVERSATION), Some(CUSTODIAN));
        self.sealed(source, kind, ids, seq, (MAY + 30 * DAY, Clock::Source), slots)
    }

    /// An event of records, by the officer.
    pub fn record(&mut self, kind: EventKind, subject: Vec<u8>, items: Vec<Vec<u8>>) -> Event {
        let officer = self.officer.id;
        let mut slots = vec![none_slot(); layout(kind).len() - 1];
        slots[0] = value_slot(subject);
        slots[3] = list_slot(items);
        self.sealed(officer, kind, (None, None), 0, (0, Clock::Unknown), slots)
    }

    pub fn sealed(
        &mut self,
        source: Hash,
        kind: EventKind,
        (conversation, custodian): (Option<Hash>, Option<Hash>),
        seq: u64,
        (at_ms, clock): (u64, Clock),
        slots: Vec<Slot>,
    ) -> Event {
        let id = |id: Option<Hash>| id.map(Hash::to_vec).unwrap_or_default();
        let captured = matches!(family(kind), Family::Chat | Family::Capture);
        let binding = Binding {
            origin: self.origin.clone(),
            source: source.to_vec(),
            kind: kind as i32,
            conversation: id(conversation),
            custodian: id(custodian),
            conversation_seq: seq,
            occurred_at_ms: at_ms,
            precision: if at_ms == 0 { Precision::Unknown } else { Precision::Minute } as i32,
            clock: clock as i32,
            channel: if captured { Channel::Whatsapp } else { Channel::None } as i32,
            proof_class: if captured { self.proof_class } else { ProofClass::None } as i32,
            ambiguous_time: false,
        };
        self.seeds += 1;
        let seed = sha256(&[b"seed", &self.seeds.to_be_bytes()]).to_vec();
        let seed = self.constant_seed.map_or(seed, Vec::from);
        let slots = std::iter::once(value_slot(binding.encode_to_vec())).chain(slots).collect();
        let body = Body { seed, slots };
        let month = if captured { bundle::calendar::month_of(at_ms).filter(|_| at_ms > 0).unwrap_or(0) } else { 0 };
        let root = commit::body_root(&body).expect("a good body");
        let header = EventHeader {
            kind: kind as i32,
            conversation: id(conversation),
            custodian: id(custodian),
            month,
            conversation_seq: seq,
            blobs: vec![],
            content: Some(event_header::Content::BodyRoot(root.to_vec())),
        };
        Event { header, body: Some(body) }
    }

    pub fn actor(&mut self, who: Who) -> &mut Actor {
        match who {
            Who::Root => &mut self.root,
            Who::Source => &mut self.source,
            Who::OtherSource => &mut self.other_source,
            Who::Officer => &mut self.officer,
            Who::Approver => &mut self.approver,
        }
    }

    /// Appends a batch and gives its entry.
    pub fn batch(&mut self, who: Who, events: Vec<Event>) -> u64 {
        self.batch_by(who, events, |_| ())
    }

    /// The same, with a statement that was changed before it was signed.
    pub fn batch_by(&mut self, who: Who, events: Vec<Event>, change: impl FnOnce(&mut BatchStatement)) -> u64 {
        let origin = self.origin.clone();
        let actor = self.actor(who);
        let leaves = events.iter().map(|event| event_leaf(&event.header.encode_to_vec()));
        let mut statement = BatchStatement {
            origin,
            source: actor.id.to_vec(),
            key: actor.public(),
            batch_seq: actor.next_seq,
            count: events.len() as u32,
            events_root: root_of(leaves).to_vec(),
            sealed_root: sealed_root_of(&events).to_vec(),
            previous: actor.previous.clone(),
            created_at_ms: MAY,
        };
        change(&mut statement);
        let bytes = statement.encode_to_vec();
        actor.next_seq = statement.batch_seq + 1;
        actor.previous = sha256(&[&bytes]).to_vec();
        let signature = actor.key.sign(&signed_bytes("zegel batch v1", &bytes)).to_bytes().to_vec();
        self.push(entry::Content::Batch(SignedBatch { statement: bytes, signature }), events)
    }

    pub fn push(&mut self, content: entry::Content, events: Vec<Event>) -> u64 {
        self.clock_ms += 1_000;
        let entry = Entry { received_at_ms: self.clock_ms, content: Some(content) };
        self.entries.push(Made { entry, events });
        self.entries.len() as u64 - 1
    }

    /// Logs the redaction manifest over these parts, in batches of its own.
    pub fn manifest(&mut self, parts: Vec<Vec<RedactionItem>>) {
        let count = parts.len() as u32;
        for (part, items) in (0..).zip(parts) {
            let subject =
                RedactionSubject { manifest: MANIFEST.to_vec(), part, parts: count, decision: "besluit 1".into() };
            let items = items.iter().map(Message::encode_to_vec).collect();
            let event = self.record(EventKind::RedactionManifest, subject.encode_to_vec(), items);
            self.batch(Who::Officer, vec![event]);
        }
    }

    /// Logs the export and the snapshot over all before it, and gives its plan.
    pub fn export(&mut self, scope: Scope, manifest: Option<Hash>) -> Plan {
        let subject = ExportSubject {
            export: EXPORT.to_vec(),
            case: "zaak 1".into(),
            scope: Some(scope.clone()),
            recipient: "enquêtecommissie".into(),
            nonce: "kenmerk-1".into(),
            manifest: manifest.map(Hash::to_vec).unwrap_or_default(),
        };
        let event = self.record(EventKind::ExportCreated, subject.encode_to_vec(), vec![]);
        let export = (self.batch(Who::Officer, vec![event]), 0);
        let snapshot_entry = self.snapshot(|_| ());
        let (covered, others, forced, hidden) = (vec![], vec![], vec![], vec![]);
        Plan { scope, export, snapshot_entry, covered, others, forced, hidden }
    }

    pub fn snapshot(&mut self, change: impl FnOnce(&mut IndexSnapshot)) -> u64 {
        let covers = self.entries.len() as u64;
        let rows = self.rows(covers);
        let root = root_of(rows.iter().map(Row::leaf));
        let mut snapshot = IndexSnapshot { covers, ids: rows.len() as u64, root: root.to_vec() };
        change(&mut snapshot);
        self.push(entry::Content::Snapshot(snapshot), vec![])
    }

    /// The table of all streams.
    pub fn rows(&self, covers: u64) -> Vec<Row> {
        let mut months: BTreeMap<(i32, Hash), BTreeMap<u32, Frontier>> = BTreeMap::new();
        for (index, made) in (0..covers).zip(&self.entries) {
            for (position, event) in (0u32..).zip(&made.events) {
                if self.hidden.contains(&(index, position)) {
                    continue;
                }
                let leaf = stream_leaf(index, position, event_leaf(&event.header.encode_to_vec()));
                for stream in streams(event) {
                    let of_id = months.entry((stream.0 as i32, stream.1)).or_default();
                    of_id.entry(stream.2).or_default().push(leaf);
                }
            }
        }
        let row = |((stream, id), months): ((i32, Hash), BTreeMap<u32, Frontier>)| Row {
            stream: StreamType::try_from(stream).expect("a stream"),
            id,
            months: months
                .into_iter()
                .map(|(month, frontier)| Month { month, count: frontier.size(), root: frontier.root().to_vec() })
                .collect(),
        };
        let mut rows = months.into_iter().map(row).collect();
        if let Some(change) = self.false_rows {
            change(&mut rows);
        }
        rows
    }

    /// The entries, as an auditor gets them.
    pub fn audit_entries(&self) -> Vec<AuditEntry> {
        let of = |(index, made): (u64, &Made)| AuditEntry {
            index,
            entry: made.bytes(),
            headers: made.events.iter().map(|event| event.header.encode_to_vec()).collect(),
            sealed: made.events.iter().map(sealed_digest).collect(),
        };
        (0..).zip(&self.entries).map(of).collect()
    }

    pub fn leaves(&self) -> Vec<Hash> {
        self.entries.iter().map(|made| log_leaf(&made.bytes())).collect()
    }

    /// The signed checkpoint over all entries.
    pub fn checkpoint(&self) -> Vec<u8> {
        let text = checkpoint::print(&self.origin, self.entries.len() as u64, root_of(self.leaves()));
        sign_note(&text, &self.origin, &self.log_key, Some(&self.witness))
    }

    pub fn trust(&self) -> String {
        let key = |name: &str, kind, key: &SigningKey| {
            VerifierKey::new(name, kind, key.verifying_key().to_bytes()).expect("a name").print()
        };
        format!(
            "root {}\nwitness getuige {}\nquorum getuige\n",
            key(&self.origin, TYPE_ED25519, &self.root.key),
            key("getuige.example", TYPE_COSIGNATURE, &self.witness),
        )
    }

    /// The records of a bundle.
    pub fn evidence(&self, plan: &Plan) -> Evidence {
        let mut evidence = Evidence {
            records: vec![],
            attachments: BTreeMap::new(),
            origin: self.origin.clone(),
            signer: self.officer.key.clone(),
            parts: 1,
        };
        evidence.push(evidence_record::Record::Header(EvidenceHeader {
            format: bundle::FORMAT.into(),
            origin: self.origin.clone(),
            scope: Some(plan.scope.clone()),
            export_entry: plan.export.0,
            export_position: plan.export.1,
            snapshot_entry: plan.snapshot_entry,
            checkpoint: self.checkpoint(),
        }));
        let snapshot = match &self.entries[plan.snapshot_entry as usize].entry.content {
            Some(entry::Content::Snapshot(snapshot)) => snapshot.clone(),
            _ => IndexSnapshot { covers: plan.snapshot_entry, ids: 1, root: vec![0; 32] },
        };
        let leaves = self.leaves();
        let mut at = 0;
        for (index, made) in (0..snapshot.covers).zip(&self.entries) {
            let is_shown =
                |n: &usize| plan.shows(index, *n, &made.events[*n]) && !self.hidden.contains(&(index, *n as u32));
            let shown: Vec<usize> = (0..made.events.len()).filter(is_shown).collect();
            if !shown.is_empty() {
                evidence.entry(&leaves, &mut at, index, made);
                evidence.events(plan, index, made, &shown);
            }
        }
        let snapshot_entry = &self.entries[plan.snapshot_entry as usize];
        evidence.entry(&leaves, &mut at, plan.snapshot_entry, snapshot_entry);
        let gap = gap(&leaves, at, leaves.len() as u64);
        evidence.push(evidence_record::Record::LogEnd(EvidenceLogEnd { gap }));
        evidence.rows(plan, &self.rows(snapshot.covers));
        evidence
    }
}

/// What another officer of this log does.
pub fn by_another_officer(log: &mut Log, does: impl FnOnce(&mut Log)) {
    let mut other = Actor::new(6);
    log.register_another_officer(&other);
    std::mem::swap(&mut log.officer, &mut other);
    does(log);
    std::mem::swap(&mut log.officer, &mut other);
}

pub struct Row {
    pub stream: StreamType,
    pub id: Hash,
    pub months: Vec<Month>,
}

impl Row {
    pub fn leaf(&self) -> Hash {
        row_leaf(self.stream, self.id, &self.months)
    }
}

fn streams(event: &Event) -> Vec<(StreamType, Hash, u32)> {
    // A header that breaks the rules has no streams: tests that log one show it by hand.
    let facts = EventFacts::read(&event.header).ok();
    facts.map(|facts| facts.streams().map(|s| (s.stream, s.id, s.month)).collect()).unwrap_or_default()
}

pub fn public(kind: EventKind, message: &impl Message) -> Event {
    let content = Some(event_header::Content::Public(message.encode_to_vec()));
    Event { header: EventHeader { kind: kind as i32, content, ..Default::default() }, body: None }
}

pub fn sign_note(text: &str, name: &str, key: &SigningKey, witness: Option<&SigningKey>) -> Vec<u8> {
    let vkey = VerifierKey::new(name, TYPE_ED25519, key.verifying_key().to_bytes()).expect("a name");
    let mut note = format!("{text}\n{}", vkey.signature_line(&key.sign(text.as_bytes()).to_bytes()));
    if let Some(witness) = witness {
        let time = 1_651_363_200u64;
        let signature = witness.sign(format!("cosignature/v1\ntime {time}\n{text}").as_bytes()).to_bytes();
        let vkey = VerifierKey::new("getuige.example", TYPE_COSIGNATURE, witness.verifying_key().to_bytes());
        let body = [&time.to_be_bytes()[..], &signature].concat();
        note += &vkey.expect("a name").signature_line(&body);
    }
    note.into_bytes()
}

pub fn gap(leaves: &[Hash], from: u64, to: u64) -> Vec<Vec<u8>> {
    let root = |subtree: zegel_verifier::tree::Subtree| {
        let width = 1usize << subtree.level;
        root_of(leaves[subtree.index as usize * width..][..width].iter().copied()).to_vec()
    };
    gap_subtrees(from, to).map(root).collect()
}

pub fn scope_of(conversation: Hash) -> Scope {
    Scope { stream: StreamType::StreamConversation as i32, id: conversation.to_vec(), from_month: 0, to_month: 0 }
}

/// What a bundle shows.
#[derive(Clone)]
pub struct Plan {
    pub scope: Scope,
    pub export: (u64, u32),
    pub snapshot_entry: u64,
    /// Entry, position, and the units that are covered there; none: the whole event.
    pub covered: Vec<(u64, u32, Vec<CoveredUnit>)>,
    /// Custodians whose registrations come along.
    pub others: Vec<Hash>,
    /// Places that are shown, or not shown, whatever the scope says.
    pub forced: Vec<(u64, u32)>,
    pub hidden: Vec<(u64, u32)>,
}

impl Plan {
    pub fn shows(&self, index: u64, position: usize, event: &Event) -> bool {
        let place = (index, position as u32);
        self.forced.contains(&place) || (self.wants(event) && !self.hidden.contains(&place))
    }

    pub fn wants(&self, event: &Event) -> bool {
        let (from, to) = (self.scope.from_month, self.scope.to_month);
        streams(event).iter().any(|(stream, id, month)| match stream {
            StreamType::StreamRegistry | StreamType::StreamRecords => true,
            StreamType::StreamCustodian if *month == 0 && self.others.contains(id) => true,
            _ => {
                let of_id = *stream as i32 == self.scope.stream && id.0[..] == self.scope.id[..];
                of_id && (from == 0 || *month == 0 || (from..=to).contains(month))
            }
        })
    }
}

/// The records of a bundle, before they are packed.
#[derive(Clone)]
pub struct Evidence {
    pub records: Vec<EvidenceRecord>,
    pub attachments: BTreeMap<String, Vec<u8>>,
    pub origin: String,
    pub signer: SigningKey,
    /// Parts into which the records are packed.
    pub parts: usize,
}

impl Evidence {
    pub fn push(&mut self, record: evidence_record::Record) {
        self.records.push(EvidenceRecord { record: Some(record) });
    }

    fn entry(&mut self, leaves: &[Hash], at: &mut u64, index: u64, made: &Made) {
        let gap = gap(leaves, *at, index);
        *at = index + 1;
        self.push(evidence_record::Record::Entry(EvidenceEntry { gap, index, entry: made.bytes() }));
    }

    fn events(&mut self, plan: &Plan, index: u64, made: &Made, shown: &[usize]) {
        let leaves: Vec<Hash> = made.events.iter().map(|e| event_leaf(&e.header.encode_to_vec())).collect();
        let mut at = 0;
        for &position in shown {
            let event = &made.events[position];
            let covered = plan.covered.iter().find(|(e, p, _)| (*e, *p as usize) == (index, position));
            let body = match (&event.body, covered) {
                (None, _) => None,
                (Some(body), None) => Some(evidence_event::Body::Opened(body.clone())),
                (Some(_), Some((_, _, units))) if units.is_empty() => None,
                (Some(body), Some((_, _, units))) => redact(body, units).map(evidence_event::Body::Redacted),
            };
            self.push(evidence_record::Record::Event(EvidenceEvent {
                gap: gap(&leaves, at, position as u64),
                position: position as u32,
                header: event.header.encode_to_vec(),
                body,
            }));
            at = position as u64 + 1;
        }
        let gap = gap(&leaves, at, leaves.len() as u64);
        self.push(evidence_record::Record::BatchEnd(EvidenceBatchEnd { gap }));
    }

    fn rows(&mut self, plan: &Plan, rows: &[Row]) {
        let leaves: Vec<Hash> = rows.iter().map(Row::leaf).collect();
        let mut at = 0;
        let mut shown = BTreeSet::new();
        self.neighbours(plan, rows, &leaves, &mut at);
        for (index, row) in (0u64..).zip(rows) {
            // A liar who has two rows of one id shows the first.
            if !shown.insert((row.stream as i32, row.id)) {
                continue;
            }
            let fixed = matches!(row.stream, StreamType::StreamRegistry | StreamType::StreamRecords);
            if fixed || (row.stream as i32 == plan.scope.stream && row.id.0[..] == plan.scope.id[..]) {
                self.push(evidence_record::Record::Row(EvidenceRow {
                    gap: gap(&leaves, at, index),
                    index,
                    stream: row.stream as i32,
                    id: row.id.to_vec(),
                    months: row.months.clone(),
                }));
                at = index + 1;
            }
        }
        let gap = gap(&leaves, at, leaves.len() as u64);
        self.push(evidence_record::Record::RowsEnd(EvidenceRowsEnd { gap }));
    }

    /// Of an id without a row, the rows between which it would stand; that of the registry is shown anyway.
    fn neighbours(&mut self, plan: &Plan, rows: &[Row], leaves: &[Hash], at: &mut u64) {
        let wanted = (plan.scope.stream, plan.scope.id.clone());
        let place = rows.partition_point(|row| (row.stream as i32, row.id.to_vec()) < wanted);
        if rows.get(place).is_some_and(|row| (row.stream as i32, row.id.to_vec()) == wanted) {
            return;
        }
        let beside = rows.iter().enumerate().take(place + 1).skip(place.saturating_sub(1));
        for (index, row) in beside {
            if !matches!(row.stream, StreamType::StreamConversation | StreamType::StreamCustodian) {
                continue;
            }
            let index = index as u64;
            self.push(evidence_record::Record::Neighbour(EvidenceNeighbour {
                gap: gap(leaves, *at, index),
                index,
                stream: row.stream as i32,
                id: row.id.to_vec(),
                months: months_digest(&row.months).to_vec(),
            }));
            *at = index + 1;
        }
    }

    /// Packs the records into parts, signs and bags them.
    pub fn pack(&self) -> Bundle {
        let per_part = self.records.len().div_ceil(self.parts).max(1);
        let parts = self.records.chunks(per_part).map(|records| {
            records.iter().flat_map(|record| record.encode_length_delimited_to_vec()).collect::<Vec<u8>>()
        });
        let mut bundle = Bundle {
            parts: parts.collect(),
            statement: vec![],
            attachments: self.attachments.clone(),
            origin: self.origin.clone(),
            signer: self.signer.clone(),
        };
        bundle.sign();
        bundle
    }

    /// The n-th record of a kind that the closure picks.
    pub fn pick<T>(
        &mut self,
        pick: impl FnMut(&mut evidence_record::Record) -> Option<&mut T>,
        number: usize,
    ) -> &mut T {
        let all = self.records.iter_mut().filter_map(|record| record.record.as_mut());
        all.filter_map(pick).nth(number).expect("such a record")
    }

    pub fn event(&mut self, number: usize) -> &mut EvidenceEvent {
        self.pick(|record| if let evidence_record::Record::Event(event) = record { Some(event) } else { None }, number)
    }

    /// The n-th event whose kind this is.
    pub fn event_of(&mut self, kind: EventKind, number: usize) -> &mut EvidenceEvent {
        let pick = |record: &mut evidence_record::Record| match record {
            evidence_record::Record::Event(event) => {
                let header = EventHeader::decode(&event.header[..]).expect("a header");
                (header.kind == kind as i32).then_some(())
            }
            _ => None,
        };
        let is_it = |record: &mut EvidenceRecord| record.record.as_mut().and_then(pick).is_some();
        let mut all = self.records.iter_mut().filter_map(|r| is_it(r).then_some(r)).skip(number);
        match all.next().and_then(|record| record.record.as_mut()) {
            Some(evidence_record::Record::Event(event)) => event,
            _ => panic!("no such event"),
        }
    }

    pub fn entry_record(&mut self, number: usize) -> &mut EvidenceEntry {
        self.pick(|record| if let evidence_record::Record::Entry(entry) = record { Some(entry) } else { None }, number)
    }

    pub fn row(&mut self, number: usize) -> &mut EvidenceRow {
        self.pick(|record| if let evidence_record::Record::Row(row) = record { Some(row) } else { None }, number)
    }

    pub fn header(&mut self) -> &mut EvidenceHeader {
        self.pick(|record| if let evidence_record::Record::Header(header) = record { Some(header) } else { None }, 0)
    }

    pub fn position_of(&self, found: impl Fn(&evidence_record::Record) -> bool) -> usize {
        self.records.iter().position(|record| record.record.as_ref().is_some_and(&found)).expect("such a record")
    }
}

/// A packed bundle.
#[derive(Clone)]
pub struct Bundle {
    pub parts: Vec<Vec<u8>>,
    pub statement: Vec<u8>,
    pub attachments: BTreeMap<String, Vec<u8>>,
    pub origin: String,
    pub signer: SigningKey,
}

impl Bundle {
    /// Signs the parts as they are now.
    pub fn sign(&mut self) {
        let digests: Vec<u8> = self.parts.iter().flat_map(|part| sha256(&[part]).0).collect();
        let statement = ExportStatement {
            origin: self.origin.clone(),
            export: EXPORT.to_vec(),
            key: self.signer.verifying_key().to_bytes().to_vec(),
            parts: self.parts.len() as u32,
            parts_sha256: sha256(&[&digests]).to_vec(),
            created_at_ms: MAY,
        };
        self.sign_statement(&statement);
    }

    pub fn sign_statement(&mut self, statement: &ExportStatement) {
        let bytes = statement.encode_to_vec();
        let signature = self.signer.sign(&signed_bytes("zegel export v1", &bytes)).to_bytes().to_vec();
        self.statement = SignedExport { statement: bytes, signature }.encode_to_vec();
    }

    pub fn statement(&self) -> v1::ExportStatement {
        let signed = SignedExport::decode(&self.statement[..]).expect("signed");
        ExportStatement::decode(&signed.statement[..]).expect("a statement")
    }

    /// The files of the bag, with honest manifests.
    pub fn bag(&self) -> Files {
        let mut files = BTreeMap::new();
        for (number, part) in (1u32..).zip(&self.parts) {
            files.insert(bundle::bag::part_path(number), part.clone());
        }
        files.insert(bundle::bag::STATEMENT_PATH.to_owned(), self.statement.clone());
        for (name, bytes) in &self.attachments {
            files.insert(format!("data/attachments/{name}"), bytes.clone());
        }
        let mut files = Files { files };
        files.manifest();
        files
    }
}

/// The files of a bag.
#[derive(Clone)]
pub struct Files {
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Files {
    /// Writes the tag files over what is there.
    pub fn manifest(&mut self) {
        let line = |(path, bytes): (&String, &Vec<u8>)| format!("{}  {path}\n", sha256(&[bytes]));
        let payload: String = self.files.iter().filter(|(path, _)| path.starts_with("data/")).map(line).collect();
        self.files.insert("bagit.txt".into(), bundle::bag::BAGIT_TXT.into());
        self.files.insert("bag-info.txt".into(), b"Bagging-Software: test\n".to_vec());
        self.files.insert("manifest-sha256.txt".into(), payload.into_bytes());
        self.files.remove("tagmanifest-sha256.txt");
        let tags: String = self.files.iter().filter(|(path, _)| !path.starts_with("data/")).map(line).collect();
        self.files.insert("tagmanifest-sha256.txt".into(), tags.into_bytes());
    }
}

impl BundleSource for Files {
    fn files(&mut self) -> Result<Vec<BundleFile>, Refusal> {
        let file = |(path, bytes): (&String, &Vec<u8>)| BundleFile { path: path.clone(), bytes: bytes.len() as u64 };
        Ok(self.files.iter().map(file).collect())
    }

    fn open(&mut self, path: &str) -> io::Result<Box<dyn Read + '_>> {
        let bytes = self.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(&bytes[..]))
    }
}

/// Verifies under the log's own trust file, without demands.
pub fn verify(files: &Files, trust: &str) -> Result<Report, Refusal> {
    verify_with(files, trust, &Demands::default())
}

/// In the caller's thread alone, and with one, two or five others in turn: the outcome is the same.
pub fn verify_with(files: &Files, trust: &str, demands: &Demands) -> Result<Report, Refusal> {
    static TURN: AtomicUsize = AtomicUsize::new(0);
    let turn = TURN.fetch_add(1, Ordering::Relaxed);
    let workers = [1, 2, 5][turn % 3];
    let trust = Trust::parse(trust.as_bytes()).expect("a trust file");
    let alone = bundle::verify(&mut files.clone(), &trust, demands, &mut ());
    if turn > 200 && !turn.is_multiple_of(10) {
        // A test that flips every bit asks thousands of times: each tenth is enough.
        return alone;
    }
    let together = bundle::verify_on(workers, &mut files.clone(), &trust, demands, &mut ());
    assert_eq!(format!("{together:?}"), format!("{alone:?}"), "with {workers} workers");
    alone
}

/// An honest bundle of so many messages, with its log.
pub fn honest(count: u64) -> (Log, Plan) {
    let mut log = Log::with_messages(count);
    let plan = log.export(scope_of(CONVERSATION), None);
    let after = log.message(CONVERSATION, 1, "na de momentopname");
    log.batch(Who::Source, vec![after]);
    (log, plan)
}
