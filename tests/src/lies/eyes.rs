//! The four who look.

use super::Cell;
use super::maker::{Event, Files, Log, Plan};
use prost::Message;
use zegel_proto::v1::{AuditEntry, EventKind, RegistryResponse};
use zegel_tools::source::{ReceiptError, RegistryReplay, ViewError};
use zegel_verifier::audit::{Auditor, examine};
use zegel_verifier::bundle::{self, Demands, Report};
use zegel_verifier::checkpoint::{ClaimedCheckpoint, VerifiedCheckpoint};
use zegel_verifier::compare::{LogKeys, Relation, Seen, by_themselves};
use zegel_verifier::corroborate::Corroborator;
use zegel_verifier::hash::Hash;
use zegel_verifier::note::{TYPE_ED25519, VerifierKey};
use zegel_verifier::tree::{consistency_proof, root_of};
use zegel_verifier::trust::Trust;

/// What every good bundle of the maker's says of itself.
const USUAL: [&str; 8] = [
    "PROOF_CLASS_C",
    "UNKNOWN_FIELDS",
    "NO_AUDITOR",
    "NO_WITNESS",
    "COVERED",
    "WITHHELD",
    "SEEN_BY_SEVERAL",
    "REPLAY_ENDED",
];

/// What only two who compare can find.
const OF_TWO: [&str; 2] = ["LOG_ROOT", "CHECKPOINT_BEYOND"];

fn cell(mut ids: Vec<String>, blind: &'static str) -> Cell {
    ids.sort();
    ids.dedup();
    ids.retain(|id| !USUAL.contains(&id.as_str()));
    if ids.is_empty() { Cell::Blind(blind) } else { Cell::Finds(ids) }
}

/// A trust file that names a root, and nobody who cosigns.
pub(super) fn root_only(log: &Log) -> Trust {
    let text = log.trust();
    let root = text.lines().next().expect("a root line");
    Trust::parse(format!("{root}\n").as_bytes()).expect("a trust file")
}

fn ids(verdict: Result<Report, bundle::Refusal>) -> Vec<String> {
    match verdict {
        Ok(report) => report.findings.iter().map(|finding| finding.id.to_owned()).collect(),
        Err(refusal) => vec![refusal.id().to_owned()],
    }
}

/// The offline verifier on a bundle.
pub(super) fn verifier(log: &Log, files: &Files, demands: &Demands, blind: &'static str) -> Cell {
    cell(ids(bundle::verify(&mut files.clone(), &root_only(log), demands, &mut ())), blind)
}

/// The same on the bundle that the log itself would make.
pub(super) fn verifier_of(log: &Log, plan: &Plan, blind: &'static str) -> Cell {
    verifier(log, &log.evidence(plan).pack().bag(), &Demands::default(), blind)
}

/// A verifier whose trust file demands the witness.
pub(super) fn verifier_with_quorum(log: &Log, files: &Files, blind: &'static str) -> Cell {
    let trust = Trust::parse(log.trust().as_bytes()).expect("a trust file");
    cell(ids(bundle::verify(&mut files.clone(), &trust, &Demands::default(), &mut ())), blind)
}

/// The auditor on all entries, and on checkpoints that others were given.
pub(super) fn auditor_of(log: &Log, entries: &[AuditEntry], others: &[Vec<u8>], blind: &'static str) -> Cell {
    let mut auditor = Auditor::new(root_only(log));
    others.iter().for_each(|note| auditor.checkpoint(note));
    for entry in entries {
        let examined = examine(entry, auditor.origin());
        auditor.take(examined);
    }
    cell(auditor.report().findings.iter().map(|finding| finding.id.to_owned()).collect(), blind)
}

pub(super) fn auditor(log: &Log, blind: &'static str) -> Cell {
    auditor_of(log, &log.audit_entries(), &[log.checkpoint()], blind)
}

/// Two parties of one log: the one replays what it was given, and lays the other's checkpoint beside it.
pub(super) fn comparison(log: &Log, other: &[u8], blind: &'static str) -> Cell {
    if is_fork(log, &log.checkpoint(), other) {
        return Cell::Finds(vec!["fork".into()]);
    }
    match auditor_of(log, &log.audit_entries(), &[log.checkpoint(), other.to_vec()], blind) {
        // What the one finds in his own copy is an auditor's; here counts what the other's checkpoint adds.
        Cell::Finds(ids) => cell(ids.into_iter().filter(|id| OF_TWO.contains(&id.as_str())).collect(), blind),
        nothing => nothing,
    }
}

/// Two checkpoints prove by themselves that there are two histories.
fn is_fork(log: &Log, one: &[u8], other: &[u8]) -> bool {
    let name = VerifierKey::new(&log.origin, TYPE_ED25519, log.log_key.verifying_key().to_bytes()).expect("a name");
    let root = log.trust().lines().next().expect("a root line").to_owned();
    let trust = Trust::parse(format!("{root}\nlog {}\n", name.print()).as_bytes()).expect("a trust file");
    let keys = LogKeys::pinned(&trust);
    let [one, other] = [one, other].map(|note| Seen::note(&keys, &log.origin, note).expect("signed by the log"));
    matches!(by_themselves(&keys, &log.origin, &one, &other), Relation::Fork(_))
}

/// Several bundles laid side by side.
pub(super) fn side_by_side(log: &Log, bundles: &[Files], blind: &'static str) -> Cell {
    let mut corroborator = Corroborator::default();
    for (number, files) in (0u32..).zip(bundles) {
        corroborator.begin(number, &log.origin);
        let verified = bundle::verify(&mut files.clone(), &root_only(log), &Demands::default(), &mut corroborator);
        assert!(verified.is_ok(), "each by itself is good: {verified:?}");
    }
    let report = corroborator.compare().report();
    cell(report.findings.iter().map(|finding| finding.id.to_owned()).collect(), blind)
}

fn verified(log: &Log, note: &[u8]) -> VerifiedCheckpoint {
    let claimed = ClaimedCheckpoint::parse(note).expect("a checkpoint");
    let key = log.log_key.verifying_key().to_bytes();
    VerifiedCheckpoint::verify(claimed, &log.origin, &key).expect("signed by the log: that is the point")
}

/// A source that holds a receipt of the log `before`, and is now shown the log `after`: its checkpoint must extend the one of
/// the receipt, by whatever proof that log can give.
pub(super) fn source(before: &Log, after: &Log, blind: &'static str) -> Cell {
    let (older, newer) = (verified(before, &before.checkpoint()), verified(after, &after.checkpoint()));
    let leaves = after.leaves();
    let mut hash = |subtree: zegel_verifier::tree::Subtree| -> Result<Hash, ()> {
        let width = 1usize << subtree.level;
        let leaves = leaves.get(subtree.index as usize * width..).and_then(|from| from.get(..width)).ok_or(())?;
        Ok(root_of(leaves.iter().copied()))
    };
    let proof = consistency_proof(older.size(), newer.size(), &mut hash).unwrap_or_default();
    let extends = newer.check_extends(&older, &proof);
    let refused = extends.map_err(|reason| ReceiptError::Inconsistent { from: older.size(), to: newer.size(), reason });
    cell(refused.err().map(|reason| receipt_id(&reason).to_owned()).into_iter().collect(), blind)
}

/// A source that is told a registry.
pub(super) fn source_of_registry(log: &Log, told: &[RegistryResponse], blind: &'static str) -> Cell {
    cell(replay(log, told).err().map(|reason| view_id(&reason).to_owned()).into_iter().collect(), blind)
}

fn replay(log: &Log, told: &[RegistryResponse]) -> Result<RegistryReplay, ViewError> {
    let root = Hash(log.root.key.verifying_key().to_bytes());
    let mut replay = RegistryReplay::new(&log.origin, root);
    told.iter().try_for_each(|response| replay.take(response))?;
    Ok(replay)
}

/// Names of a source's refusals, as the verifier would name them.
fn receipt_id(reason: &ReceiptError) -> &'static str {
    match reason {
        ReceiptError::Canonical(_) => "CANONICAL",
        ReceiptError::Checkpoint(_) | ReceiptError::NoLogKey { .. } => "CHECKPOINT",
        ReceiptError::OtherBatch { .. } => "OTHER_BATCH",
        ReceiptError::Inconsistent { .. } => "INCONSISTENT",
        _ => "NOT_INCLUDED",
    }
}

fn view_id(reason: &ViewError) -> &'static str {
    match reason {
        ViewError::Canonical { .. } => "CANONICAL",
        ViewError::Batch { .. } => "BATCH_SIGNATURE",
        ViewError::OtherHeaders { .. } => "BATCH_ROOT",
        ViewError::Header { .. } => "HEADER",
        ViewError::NoGenesis { .. } => "GENESIS",
        ViewError::OtherRoot { .. } => "ROOT_KEY",
        ViewError::Authority { .. } => "AUTHORITY",
        ViewError::Registry { .. } => "REGISTRY",
        _ => "ORDER",
    }
}

impl Log {
    /// What GetRegistry tells: entries with events of the registry, and all their headers.
    pub(super) fn registry(&self) -> Vec<RegistryResponse> {
        let is_registry = |event: &Event| event.header.kind < EventKind::CustodianRegistered as i32;
        let of = |(index, made): (u64, &super::maker::Made)| RegistryResponse {
            index,
            entry: made.bytes(),
            headers: made.events.iter().map(|event| event.header.encode_to_vec()).collect(),
        };
        (0..).zip(&self.entries).filter(|(_, made)| made.events.iter().any(is_registry)).map(of).collect()
    }
}
