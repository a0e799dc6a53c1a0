//! The export: an evidence bundle of one id, opened for its recipient.
//!
//! First the log is told (`REDACTION_MANIFEST`, `EXPORT_CREATED`), then a snapshot covers that, then the ledger's sealed
//! stream is opened, record by record, into a BagIt bag. Invariants:
//! - a body is shown only if it matches what its header commits to; one that cannot be opened ends the export, by name, but
//!   for a registration, which stays closed and is reported;
//! - only the scope's events and the acts that are bound to this export are opened: records of other acts stay sealed;
//! - a bundle that the verifier refuses is not made: what the ledger streamed is its word until then;
//! - memory holds one record and one dossier key per dossier, never the bundle; what is on disk before the end is in a
//!   folder that is removed on failure, and the target appears whole or not at all.
//!
//! Not here: the rules by which a bundle is judged (the verifier). Specification: `specs/bundle.md`.

mod attachments;
mod bag;
mod check;
mod cover;
mod edges;
mod error;
mod parts;
mod registrations;
mod settle;
mod walk;

pub use cover::{Cover, CoverError, LoggedManifest};
pub use edges::{EDGE_HOURS_MAX, Edges};
pub use error::{ExportError, Spot};

use crate::entropy::random_id;
use crate::event::{Draft, Field, RecordsAct};
use crate::keys::ArchiveKey;
use crate::opening::{Logged, Opening};
use crate::source::{Connection, LedgerError, Placed, Source, now_ms};
use attachments::Attachments;
use bag::{Bag, Form};
use parts::PartWriter;
use registrations::Others;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tonic::Code;
use walk::{Walk, Walked};
use zegel_proto::limits::LIST_ITEMS_MAX;
use zegel_proto::print;
use zegel_proto::v1::{
    EventKind, ExportEvidenceRequest, ExportStatement, ExportSubject, RedactionItem, RedactionSubject, Scope,
    SignedExport, entry,
};
use zegel_verifier::checkpoint::ClaimedCheckpoint;
use zegel_verifier::hash::{Hash, sha256};
use zegel_verifier::signature::CONTEXT_EXPORT;

/// How often the ledger is asked whether witnesses have cosigned.
const COSIGNED_POLL: Duration = Duration::from_millis(200);

/// What is to be exported, for whom, and what is covered.
#[derive(Clone, Debug)]
pub struct ExportOrder {
    /// Id and months.
    pub scope: Scope,
    /// Who gets it.
    pub recipient: String,
    /// What the recipient sent along; may be empty.
    pub nonce: String,
    /// Case or request; may be empty.
    pub case: String,
    /// The decision on which the covering rests.
    pub decision: String,
    /// What is covered.
    pub cover: Cover,
    /// Other ids, whose registrations stay closed: names, titles, accounts. That of the scope is not among them.
    pub closed: BTreeSet<Hash>,
    /// How much of the months beside the period is opened; nothing, if none.
    pub edges: Option<Edges>,
    /// How long to wait for a cosigned checkpoint that covers the snapshot; `None`: end in what there is.
    pub cosigned: Option<Duration>,
    /// The target: a folder, or a file that ends in `.zip`. It must not be there.
    pub out: PathBuf,
}

/// An attachment that the ledger no longer has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingAttachment {
    /// Entry of its event.
    pub entry: u64,
    /// Position of its event.
    pub position: u32,
    /// SHA-256 of its ciphertext.
    #[serde(with = "crate::hex::field")]
    pub blob: Hash,
}

/// A registration that could not be opened: it is in the bundle without its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClosedRegistration {
    /// Its entry.
    pub entry: u64,
    /// Its position.
    pub position: u32,
    /// Why it could not be opened.
    pub reason: String,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExportReport {
    /// Where the bundle is.
    pub path: PathBuf,
    /// Id of the export.
    #[serde(with = "crate::hex::field")]
    pub export: Hash,
    /// Entry of `EXPORT_CREATED`.
    pub entry: u64,
    /// Its position.
    pub position: u32,
    /// Entry of the snapshot as of which the bundle is complete.
    pub snapshot_entry: u64,
    /// Cosignatures under the checkpoint in which it ends, whoever gave them.
    pub cosignatures: usize,
    /// A cosigned checkpoint was waited for, and did not come: a finding.
    pub cosigned_missing: bool,
    /// Evidence parts.
    pub parts: u32,
    /// Events of the scope that are shown whole.
    pub opened: u64,
    /// Events of the scope of which something is covered.
    pub redacted: u64,
    /// Events of the scope that are withheld as a whole.
    pub withheld: u64,
    /// Attachments in the bundle.
    pub attachments: u64,
    /// Attachments that the ledger no longer has: findings.
    pub missing_attachments: Vec<MissingAttachment>,
    /// Registrations that could not be opened: findings.
    pub closed_registrations: Vec<ClosedRegistration>,
    /// Registrations of other ids that were kept closed: nothing of these ids is shown, or it was ordered.
    pub kept_closed: u64,
}

/// How often a new snapshot is made for one export.
const SNAPSHOTS_MAX: u32 = 3;

/// The acts that are bound to this export, and where they stand.
struct Bound {
    export: Hash,
    acts: BTreeSet<(u64, u32)>,
    created: Placed,
    logged: Logged,
}

/// Makes a bundle. `watch` is told how many records have passed.
///
/// # Errors
/// [`ExportError`]. What the log was told stays told: an export that failed is an export that was attempted.
pub async fn export(
    officer: &mut Source,
    keys: &[ArchiveKey],
    order: &ExportOrder,
    mut watch: impl FnMut(u64),
) -> Result<ExportReport, ExportError> {
    if order.out.exists() {
        return Err(ExportError::Exists { path: order.out.display().to_string() });
    }
    let registry = officer.registry().ok_or(ExportError::NoRegistry)?;
    order.cover.check_grounds(registry)?;
    order.cover.check_approved(registry)?;
    registrations::check_closed(order)?;
    let order = &prepared(officer, keys, order).await?;
    let bound = log_acts(officer, order).await?;
    let parent = order.out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut snapshots = 1;
    let (snapshot_entry, bag, (walked, parts, attachments)) = loop {
        let snapshot_entry = snapshot(officer, bound.created.entry).await?;
        if let Some(wait) = order.cosigned {
            await_cosigned(officer.connection(), snapshot_entry, wait).await?;
        }
        let request = request(officer, order, &bound, snapshot_entry);
        let bag = Bag::begin(parent)?;
        match collect(officer, keys, order, &bound, &request, &bag, &mut watch).await {
            // The log's key changed since, or others asked for so many snapshots that ours is gone: a new one helps.
            Err(ExportError::Ledger(LedgerError::Refused { code: Code::FailedPrecondition, .. }))
                if snapshots < SNAPSHOTS_MAX =>
            {
                snapshots += 1;
            }
            collected => break (snapshot_entry, bag, collected?),
        }
    };
    let report = ExportReport {
        path: order.out.clone(),
        export: bound.export,
        entry: bound.created.entry,
        position: bound.created.position,
        snapshot_entry,
        cosignatures: walked.cosignatures,
        cosigned_missing: order.cosigned.is_some() && walked.cosignatures == 0,
        parts: parts.len() as u32,
        opened: walked.opened,
        redacted: walked.redacted,
        withheld: walked.withheld,
        attachments: attachments.files.len() as u64,
        missing_attachments: attachments.missing,
        closed_registrations: walked.closed,
        kept_closed: walked.kept_closed,
    };
    finish(officer, order, bound.export, bag, parts, attachments.files)?;
    Ok(report)
}

/// The order as it is carried out: with the edges of its period, and registrations that are withheld covered slot by slot.
async fn prepared(officer: &mut Source, keys: &[ArchiveKey], order: &ExportOrder) -> Result<ExportOrder, ExportError> {
    let mut order = order.clone();
    order.cover = registrations::spread(officer.connection(), &order.cover).await?;
    match order.edges.take() {
        Some(edges) => edges::widen(officer, keys, order, &edges).await,
        None => Ok(order),
    }
}

fn request(officer: &Source, order: &ExportOrder, bound: &Bound, snapshot_entry: u64) -> ExportEvidenceRequest {
    ExportEvidenceRequest {
        origin: officer.origin().into(),
        scope: Some(order.scope.clone()),
        snapshot_entry,
        export_entry: bound.created.entry,
        export_position: bound.created.position,
    }
}

/// Opens the sealed stream into the bag.
async fn collect(
    officer: &mut Source,
    keys: &[ArchiveKey],
    order: &ExportOrder,
    bound: &Bound,
    request: &ExportEvidenceRequest,
    bag: &Bag,
    watch: &mut impl FnMut(u64),
) -> Result<(Walked, Vec<bag::BagFile>, Attachments), ExportError> {
    let others = Others::of(officer, order, request).await?;
    let mut stream = officer.connection().evidence(request).await?;
    let opening = Opening::new(&bound.logged, officer.origin(), keys);
    let mut walk = Walk::new(request, opening, &bound.acts, &order.cover, &others);
    let mut parts = PartWriter::new(bag.folder());
    let mut attachments = Attachments::new(bag.folder())?;
    let (mut records, mut cosignatures) = (0, 0);
    while let Some(record) = stream.message().await.map_err(ExportError::stream)? {
        let shown = walk.take(record)?;
        if let Some(note) = &shown.checkpoint {
            // One line is the log's own.
            cosignatures = officer.check_checkpoint(note)?.note().lines().saturating_sub(1);
        }
        if let Some(record) = &shown.record {
            parts.write(record)?;
        }
        for wanted in &shown.attachments {
            attachments.fetch(officer.connection(), wanted).await?;
        }
        records += 1;
        watch(records);
    }
    Ok((Walked { cosignatures, ..walk.finish()? }, parts.finish()?, attachments))
}

/// Tells the log what is covered, and to whom it goes.
async fn log_acts(officer: &mut Source, order: &ExportOrder) -> Result<Bound, ExportError> {
    let now = now_ms();
    let export = random_id()?;
    let approved = order.cover.logged();
    let items = order.cover.items();
    let manifest = match approved {
        Some(approved) => Some(approved.manifest),
        None if items.is_empty() => None,
        None => Some(random_id()?),
    };
    let mut drafts = match manifest.filter(|_| approved.is_none()) {
        Some(manifest) => manifest_drafts(manifest, &items, &order.decision)?,
        None => Vec::new(),
    };
    let subject = ExportSubject {
        export: export.to_vec(),
        case: order.case.clone(),
        scope: Some(order.scope.clone()),
        recipient: order.recipient.clone(),
        nonce: order.nonce.clone(),
        manifest: manifest.map(Hash::to_vec).unwrap_or_default(),
    };
    let act = RecordsAct {
        decision: Field::or_none(Some(order.decision.clone()).filter(|decision| !decision.is_empty())),
        ..RecordsAct::new(EventKind::ExportCreated, print(&subject)?)
    };
    drafts.push(act.draft(now)?);
    let logged = Logged::append(officer, drafts).await?;
    let created = logged.last().ok_or(ExportError::NoRegistry)?;
    let mut acts: BTreeSet<(u64, u32)> = logged.placed().iter().map(|placed| (placed.entry, placed.position)).collect();
    acts.extend(order.cover.declarations());
    if let Some(approved) = approved {
        acts.extend(approved.places.iter().copied().chain(approved.approved_at));
    }
    Ok(Bound { export, acts, created, logged })
}

/// The parts of a redaction manifest, in order.
pub(crate) fn manifest_drafts(
    manifest: Hash,
    items: &[RedactionItem],
    decision: &str,
) -> Result<Vec<Draft>, ExportError> {
    let parts = items.chunks(LIST_ITEMS_MAX).len() as u32;
    let draft = |(part, items): (u32, &[RedactionItem])| {
        let subject = RedactionSubject { manifest: manifest.to_vec(), part, parts, decision: decision.into() };
        let act =
            RecordsAct { items: items.to_vec(), ..RecordsAct::new(EventKind::RedactionManifest, print(&subject)?) };
        Ok(act.draft(now_ms())?)
    };
    (0..).zip(items.chunks(LIST_ITEMS_MAX)).map(draft).collect()
}

/// Asks for a snapshot over the acts, and checks that it is one.
pub(crate) async fn snapshot(officer: &mut Source, export_entry: u64) -> Result<u64, ExportError> {
    let receipt = officer.connection().snapshot().await?;
    let parsed = officer.accept_receipt(&receipt).await?;
    let covers = match parsed.content {
        Some(entry::Content::Snapshot(snapshot)) => snapshot.covers,
        _ => 0,
    };
    if covers <= export_entry {
        return Err(ExportError::SnapshotTooOld { covers, export_entry });
    }
    Ok(receipt.index)
}

/// Waits until a cosigned checkpoint covers an entry, or long enough: the evidence then ends in what there is.
async fn await_cosigned(connection: &Connection, entry: u64, wait: Duration) -> Result<(), ExportError> {
    let until = Instant::now() + wait;
    loop {
        let newest = connection.checkpoints().await?;
        let cosigned = ClaimedCheckpoint::parse(&newest.cosigned);
        if cosigned.is_ok_and(|cosigned| cosigned.claimed_size() > entry) || Instant::now() >= until {
            return Ok(());
        }
        tokio::time::sleep(COSIGNED_POLL).await;
    }
}

/// Signs over all that came before, closes the bag and puts it in its place.
fn finish(
    officer: &Source,
    order: &ExportOrder,
    export: Hash,
    mut bag: Bag,
    parts: Vec<bag::BagFile>,
    attachments: Vec<bag::BagFile>,
) -> Result<(), ExportError> {
    let digests: Vec<&[u8]> = parts.iter().map(|part| part.sha256.0.as_slice()).collect();
    let statement = ExportStatement {
        origin: officer.origin().into(),
        export: export.to_vec(),
        key: officer.identity().public_key().to_vec(),
        parts: parts.len() as u32,
        parts_sha256: sha256(&digests).to_vec(),
        created_at_ms: now_ms(),
    };
    let statement = print(&statement)?;
    let signature = officer.identity().sign(CONTEXT_EXPORT, &statement).map_err(crate::source::SourceError::from)?;
    let signed = print(&SignedExport { statement, signature })?;
    parts.into_iter().chain(attachments).for_each(|file| bag.add(file));
    bag.write("data/export-statement", &signed)?;
    let about = format!("Zegel evidence bundle {export} of log {}", officer.origin());
    bag.close(&about, &export.to_string())?;
    check::check(&bag, officer.origin(), officer.root_key(), order)?;
    let form = if order.out.extension().is_some_and(|extension| extension == "zip") { Form::Zip } else { Form::Folder };
    bag.publish(&order.out, form)
}
