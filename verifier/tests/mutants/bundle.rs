//! A bundle made at random: of a random log, changed in its records, its bytes, its bag, or what is demanded of it.

use crate::dice::Dice;
use crate::log::{FILES, Random};
use crate::maker::*;
use std::io::{Cursor, Write};
use zegel_proto::v1::evidence_record::Record;
use zegel_proto::v1::*;
use zegel_verifier::bundle::Demands;
use zegel_verifier::hash::{Hash, sha256};
use zegel_verifier::note::{TYPE_ED25519, VerifierKey};
use zegel_verifier::tree::root_of;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// What both verifiers are given.
pub(crate) struct Case {
    pub(crate) files: Files,
    pub(crate) trust: String,
    pub(crate) demands: Demands,
    pub(crate) strict: bool,
    /// What was done, for people.
    pub(crate) changes: Vec<&'static str>,
}

impl Case {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let Random { log, plan, mut changes } = Random::new(dice);
        let mut evidence = log.evidence(&plan);
        for file in FILES {
            if wants_file(&evidence, file) && !dice.once_in(4) {
                evidence.attachments.insert(sha256(&[file]).to_string(), file.to_vec());
            }
        }
        evidence.parts = 1 + dice.below(3);
        if dice.once_in(12) {
            changes.push("checkpoint");
            evidence.header().checkpoint = checkpoint(dice, &log);
        }
        if dice.once_in(4) {
            changes.push(change_record(dice, &mut evidence));
        }
        let mut bundle = evidence.pack();
        if dice.once_in(6) {
            changes.push("bytes of the evidence");
            let part = dice.below(bundle.parts.len());
            dice.spoil(&mut bundle.parts[part]);
            bundle.sign();
        }
        if dice.once_in(12) {
            changes.push(change_statement(dice, &mut bundle));
        }
        let mut files = bundle.bag();
        if dice.once_in(12) {
            changes.push("bag");
            change_bag(dice, &mut files);
        }
        let (trust, demands) = (trust(dice, &log, &mut changes), demands(dice, &plan, &mut changes));
        Self { files, trust, demands, strict: dice.once_in(3), changes }
    }
}

impl Case {
    /// An honest bundle.
    pub(crate) fn plain(dice: &mut Dice) -> Self {
        let (log, plan) = honest(1 + dice.below(4) as u64);
        let (files, trust) = (log.evidence(&plan).pack().bag(), log.trust());
        Self { files, trust, demands: Demands::default(), strict: false, changes: Vec::new() }
    }

    /// Its files as an archive, mostly damaged.
    pub(crate) fn archive(&self, dice: &mut Dice) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let method = dice.pick(&[CompressionMethod::Stored, CompressionMethod::Deflated]);
        let options = SimpleFileOptions::default().compression_method(method);
        let top = dice.pick(&["bundle/", "bundle/", "bundle/", "", "../", "a b/"]);
        for (name, bytes) in &self.files.files {
            let name = if dice.once_in(200) { format!("elders/{name}") } else { format!("{top}{name}") };
            zip.start_file(name, options).expect("a file");
            zip.write_all(bytes).expect("its bytes");
        }
        let mut bytes = zip.finish().expect("an archive").into_inner();
        for _ in 0..dice.below(3) {
            dice.spoil(&mut bytes);
        }
        bytes
    }
}

fn wants_file(evidence: &Evidence, file: &[u8]) -> bool {
    let hash = sha256(&[file]).0;
    let holds = |event: &EvidenceEvent| match &event.body {
        Some(evidence_event::Body::Opened(body)) => body
            .slots
            .get(9)
            .is_some_and(|slot| slot.items.iter().any(|item| item.windows(32).any(|window| window == hash))),
        Some(evidence_event::Body::Redacted(body)) => body
            .slots
            .get(9)
            .is_some_and(|slot| slot.items.iter().any(|item| item.value.windows(32).any(|window| window == hash))),
        _ => false,
    };
    evidence.records.iter().any(|record| matches!(&record.record, Some(Record::Event(event)) if holds(event)))
}

/// Another checkpoint, signed by somebody.
fn checkpoint(dice: &mut Dice, log: &Log) -> Vec<u8> {
    let (mut size, mut root) = (log.entries.len() as u64, root_of(log.leaves()));
    let mut origin = log.origin.clone();
    match dice.below(6) {
        0 => size = dice.near(size),
        1 => root = Hash([3; 32]),
        2 => origin = "chat.example.nl/minvws".into(),
        _ => {}
    }
    let text = zegel_verifier::checkpoint::print(&origin, size, root);
    let key = dice.pick(&[log.log_key.clone(), log.log_key.clone(), log.root.key.clone(), Actor::new(9).key]);
    let witness = dice.pick(&[Some(log.witness.clone()), Some(log.witness.clone()), Some(Actor::new(66).key), None]);
    let mut note = sign_note(&text, &origin, &key, witness.as_ref());
    if dice.once_in(3) {
        dice.spoil(&mut note);
    }
    note
}

fn change_record(dice: &mut Dice, evidence: &mut Evidence) -> &'static str {
    let at = dice.below(evidence.records.len());
    let other = dice.below(evidence.records.len());
    match dice.below(8) {
        0 => {
            evidence.records.remove(at);
            "a record less"
        }
        1 => {
            let again = evidence.records[at].clone();
            evidence.records.insert(other, again);
            "a record again"
        }
        2 => {
            evidence.records.swap(at, other);
            "records swapped"
        }
        _ => {
            if let Some(record) = &mut evidence.records[at].record {
                change_fields(dice, record);
            }
            "fields of a record"
        }
    }
}

fn change_gap(dice: &mut Dice, gap: &mut Vec<Vec<u8>>) {
    match dice.below(4) {
        0 => gap.push(vec![7; 32]),
        1 => drop(gap.pop()),
        2 => gap.reverse(),
        _ => gap.iter_mut().for_each(|hash| dice.spoil(hash)),
    }
}

fn change_fields(dice: &mut Dice, record: &mut Record) {
    match record {
        Record::Header(header) => change_header(dice, header),
        Record::Entry(entry) => match dice.below(4) {
            0 => change_gap(dice, &mut entry.gap),
            1 => entry.index = dice.near(entry.index),
            _ => dice.spoil(&mut entry.entry),
        },
        Record::Event(event) => change_event(dice, event),
        Record::BatchEnd(EvidenceBatchEnd { gap }) => change_gap(dice, gap),
        Record::LogEnd(EvidenceLogEnd { gap }) => change_gap(dice, gap),
        Record::RowsEnd(EvidenceRowsEnd { gap }) => change_gap(dice, gap),
        Record::Row(row) => change_row(dice, row),
        Record::Neighbour(row) => change_neighbour(dice, row),
        _ => {}
    }
}

fn change_header(dice: &mut Dice, header: &mut EvidenceHeader) {
    let months = dice.pick(&[(0, 0), (202205, 202205), (202206, 202205), (202205, 0)]);
    match dice.below(9) {
        0 => header.format = "zegel-evidence/v2".into(),
        1 => header.origin = "chat.example.nl/minvws".into(),
        2 => header.export_entry = dice.near(header.export_entry),
        3 => header.export_position = dice.pick(&[0, 1, 4095, 4096]),
        4 => header.snapshot_entry = dice.near(header.snapshot_entry),
        5 | 6 => dice.spoil(&mut header.checkpoint),
        7 => header.scope.iter_mut().for_each(|scope| (scope.from_month, scope.to_month) = months),
        _ => header.scope.iter_mut().for_each(|scope| scope.id = OTHER_CONVERSATION.to_vec()),
    }
}

fn change_event(dice: &mut Dice, event: &mut EvidenceEvent) {
    use evidence_event::Body;
    match dice.below(8) {
        0 => change_gap(dice, &mut event.gap),
        1 => event.position = dice.near(event.position.into()) as u32,
        2 => dice.spoil(&mut event.header),
        3 => event.body = None,
        4 => event.body = Some(Body::Sealed(SealedEvidence { ciphertext: vec![1; 40], wrap: vec![2; 40] })),
        _ => match &mut event.body {
            Some(Body::Opened(body)) => match dice.below(4) {
                0 => dice.spoil(&mut body.seed),
                1 => body.slots.reverse(),
                2 => drop(body.slots.pop()),
                _ => {
                    let at = dice.below(body.slots.len());
                    dice.spoil(&mut body.slots[at].value);
                }
            },
            Some(Body::Redacted(body)) => change_redacted(dice, body),
            _ => event.body = Some(Body::Redacted(RedactedBody { slots: vec![] })),
        },
    }
}

fn change_redacted(dice: &mut Dice, body: &mut RedactedBody) {
    let Some(at) = Some(body.slots.len()).filter(|count| *count > 0).map(|count| dice.below(count)) else { return };
    let slot = &mut body.slots[at];
    match dice.below(6) {
        0 => dice.spoil(&mut slot.salt),
        1 => dice.spoil(&mut slot.leaf),
        2 => slot.state = dice.below(5) as i32,
        3 => dice.spoil(&mut slot.value),
        4 => drop(slot.items.pop()),
        _ => slot.items.reverse(),
    }
}

fn change_row(dice: &mut Dice, row: &mut EvidenceRow) {
    match dice.below(6) {
        0 => change_gap(dice, &mut row.gap),
        1 => row.index = dice.near(row.index),
        2 => row.stream = dice.below(7) as i32,
        3 => dice.spoil(&mut row.id),
        4 => drop(row.months.pop()),
        _ => row.months.iter_mut().for_each(|month| month.count = dice.near(month.count)),
    }
}

fn change_neighbour(dice: &mut Dice, row: &mut EvidenceNeighbour) {
    match dice.below(5) {
        0 => change_gap(dice, &mut row.gap),
        1 => row.index = dice.near(row.index),
        2 => row.stream = dice.below(7) as i32,
        3 => dice.spoil(&mut row.id),
        _ => dice.spoil(&mut row.months),
    }
}

fn change_statement(dice: &mut Dice, bundle: &mut Bundle) -> &'static str {
    let mut statement = bundle.statement();
    match dice.below(7) {
        0 => statement.parts += 1,
        1 => statement.export = vec![5; 32],
        2 => statement.origin = "chat.example.nl/minvws".into(),
        3 => dice.spoil(&mut statement.parts_sha256),
        4 => statement.created_at_ms = 0,
        5 => {
            dice.spoil(&mut bundle.statement);
            return "bytes of the statement";
        }
        _ => {
            let by = Actor::new(dice.pick(&[1, 2, 5, 9, 77]));
            bundle.signer = by.key.clone();
            statement.key = by.public();
        }
    }
    bundle.sign_statement(&statement);
    "statement of the export"
}

fn change_bag(dice: &mut Dice, files: &mut Files) {
    let names: Vec<String> = files.files.keys().cloned().collect();
    let name = dice.pick(&names);
    let again = dice.once_in(2);
    match dice.below(5) {
        0 => drop(files.files.remove(&name)),
        1 => {
            let bytes = files.files.remove(&name).unwrap_or_default();
            let others = ["data/evidence-0000", "data/evidence-0003", "fetch.txt", "data/x", "data/attachments/00"];
            files.files.insert(dice.pick(&others).into(), bytes);
        }
        2 => {
            let surplus = format!("data/attachments/{}", sha256(&[b"meer"]));
            files.files.insert(surplus, b"meer".to_vec());
        }
        _ => files.files.values_mut().nth(dice.below(names.len())).into_iter().for_each(|bytes| dice.spoil(bytes)),
    }
    if again {
        let kept: Vec<(String, Vec<u8>)> = files
            .files
            .iter()
            .filter(|(name, _)| !name.contains("manifest"))
            .map(|(n, b)| (n.clone(), b.clone()))
            .collect();
        files.manifest();
        if dice.once_in(2) {
            files.files.extend(kept);
        }
    }
}

fn trust(dice: &mut Dice, log: &Log, changes: &mut Vec<&'static str>) -> String {
    let good = log.trust();
    let text = match dice.below(52) {
        8 => {
            let log_key = VerifierKey::new(ORIGIN, TYPE_ED25519, log.log_key.verifying_key().to_bytes());
            format!("{good}log {}\n", log_key.expect("a key").print())
        }
        9 => {
            let other = VerifierKey::new(ORIGIN, TYPE_ED25519, Actor::new(9).key.verifying_key().to_bytes());
            format!("{good}log {} https://example.nl\n", other.expect("a key").print())
        }
        10 => {
            let root = VerifierKey::new(ORIGIN, TYPE_ED25519, Actor::new(3).key.verifying_key().to_bytes());
            format!("root {}\n", root.expect("a key").print())
        }
        0 => good.replace("quorum getuige\n", ""),
        1 => good.replace("witness", "auditor"),
        2 => format!("{}\n", good.lines().next().unwrap_or_default()),
        3 => good.replace("quorum getuige", "group g 2 getuige\nquorum g"),
        4 => good.replace("getuige.example", "getuige.voorbeeld"),
        5 => good.replace("root", "  # geen\n\troot"),
        6 => Log::new("chat.example.nl/minvws").trust(),
        7 => {
            let mut bytes = good.clone().into_bytes();
            dice.spoil(&mut bytes);
            String::from_utf8(bytes).unwrap_or(good)
        }
        _ => return good,
    };
    changes.push("trust file");
    text
}

fn demands(dice: &mut Dice, plan: &Plan, changes: &mut Vec<&'static str>) -> Demands {
    let nonce = match dice.below(40) {
        0 => Some("kenmerk-1".into()),
        1 => Some("kenmerk-2".into()),
        2 => Some(String::new()),
        _ => None,
    };
    let min_entries = dice.once_in(25).then(|| dice.below(14) as u64);
    let scope = dice.once_in(12).then(|| Scope {
        stream: if dice.once_in(6) { 1 + dice.below(2) as i32 } else { plan.scope.stream },
        from_month: if dice.once_in(6) { 202205 } else { plan.scope.from_month },
        to_month: if dice.once_in(6) { 202206 } else { plan.scope.to_month },
        ..plan.scope.clone()
    });
    if nonce.is_some() || min_entries.is_some() || scope.is_some() {
        changes.push("demands");
    }
    Demands { nonce, min_entries, scope }
}
