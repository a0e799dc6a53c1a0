//! Rewrapping: what was sealed before an archive key was added is wrapped to it too, and, when told, no longer to a retired one.
//!
//! The crash story. The ledger says which envelopes are not yet as wanted, and replaces some at a time, each in one write: wherever
//! we stop, every envelope opens by a key that it had, and asking again goes on with the rest. Nothing is kept here.
//! Invariants: BODY_RESEALED is in the log before an envelope is given, and another one after the last; an envelope is opened by a key that stays
//! before one is dropped. Nothing of the evidence changes: envelopes lie beside entries, under the name of the first one.
//! Specification: `specs/sealing.md`.

use crate::entropy::{EntropyError, random_id};
use crate::event::{Draft, EventError, Field, RecordsAct};
use crate::keys::{ArchiveKey, ArchivePublicKey, KeyError};
use crate::opening::{Logged, Opening};
use crate::seal::{self, OpenError, Rewrapping};
use crate::source::{LedgerError, Placed, Source, SourceError, now_ms};
use serde::Serialize;
use thiserror::Error;
use zegel_proto::v1::{DossierWrap, EventKind, ReadEnvelopesRequest, Rewrap, RewrapEnvelopesRequest, SelectionSubject};
use zegel_proto::{CanonicalError, print};
use zegel_verifier::hash::Hash;
use zegel_verifier::registry::Registry;

/// Envelopes that are handed in at a time.
const WRAPS_AT_A_TIME: usize = 64;

/// What rewrapping is to lead to, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RewrapOrder {
    /// The archive key that every envelope is to have; in use.
    pub to: Hash,
    /// An archive key that none is to have any more; retired.
    pub without: Option<Hash>,
    /// Stands in the log.
    pub reason: String,
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RewrapReport {
    /// Entry of the BODY_RESEALED that began it.
    pub begun: u64,
    /// Entry of the one that ended it.
    pub ended: u64,
    /// Envelopes that were rewrapped.
    pub rewrapped: u64,
    /// Envelopes that no key at hand opens, or none that stays: they are as they were.
    pub closed: u64,
}

/// Why not everything was rewrapped. What was stays so.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RewrapError {
    /// The log has no registry.
    #[error("the log has not begun: it has no registry")]
    NoRegistry,
    /// Not a key to wrap to.
    #[error("archive key {key} is not in use in this log: nothing is wrapped to it")]
    NotInUse {
        /// The key.
        key: Hash,
    },
    /// A key that may not be dropped yet.
    #[error("archive key {key} is in use: run `zegel key retire-archive --key {key}` before it is dropped")]
    InUse {
        /// The key.
        key: Hash,
    },
    /// An envelope that is broken, not closed.
    #[error("dossier {dossier}: {reason}")]
    Envelope {
        /// Its name.
        dossier: Hash,
        /// Why.
        reason: seal::RewrapError,
    },
    /// The registry's key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The events.
    #[error(transparent)]
    Event(#[from] EventError),
    /// A message that is not canonical.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// Submitting the events.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Rewraps all envelopes of a log that are not yet as wanted. `watch` is told how many were.
///
/// # Errors
/// [`RewrapError`]. Ask again: it goes on with what is left.
pub async fn rewrap(
    officer: &mut Source,
    keys: &[ArchiveKey],
    order: &RewrapOrder,
    mut watch: impl FnMut(u64),
) -> Result<RewrapReport, RewrapError> {
    let registry = officer.registry().ok_or(RewrapError::NoRegistry)?;
    let rewrapping = rewrapping(registry, order)?;
    let act = random_id()?;
    let begun = Logged::append(officer, vec![event(order, act, None, None)?]).await?;
    let at = begun.last().ok_or(RewrapError::NoRegistry)?;
    let opening = Opening::new(&begun, officer.origin(), keys);
    let mut report = RewrapReport { begun: at.entry, ..RewrapReport::default() };
    let asked = asked(order, at);
    let request =
        ReadEnvelopesRequest { origin: officer.origin().into(), rewrap: Some(asked.clone()), after: Vec::new() };
    let mut stream = officer.connection().envelopes(&request).await?;
    let mut done = Vec::with_capacity(WRAPS_AT_A_TIME);
    loop {
        let next = stream.message().await.map_err(|status| LedgerError::of(&status))?;
        let is_last = next.is_none();
        if let Some(sent) = next {
            match opening.rewrap(&sent, &rewrapping) {
                Ok(envelope) => done.extend(envelope.map(|envelope| DossierWrap { envelope, dossier: sent.dossier })),
                Err(seal::RewrapError::Open(OpenError::NoKey { .. })) => report.closed += 1,
                Err(reason) => {
                    let dossier = Hash::read(&sent.dossier).unwrap_or(Hash::ZERO);
                    return Err(RewrapError::Envelope { dossier, reason });
                }
            }
        }
        if done.len() == WRAPS_AT_A_TIME || (is_last && !done.is_empty()) {
            report.rewrapped += done.len() as u64;
            let wraps = std::mem::take(&mut done);
            let request =
                RewrapEnvelopesRequest { origin: officer.origin().into(), rewrap: Some(asked.clone()), wraps };
            officer.connection().rewrap(&request).await?;
            watch(report.rewrapped);
        }
        if is_last {
            break;
        }
    }
    let ended = officer.append(vec![event(order, random_id()?, Some(act), Some(&report))?]).await?;
    report.ended = ended.first().map_or(0, |placed| placed.entry);
    Ok(report)
}

fn rewrapping(registry: &Registry, order: &RewrapOrder) -> Result<Rewrapping, RewrapError> {
    let in_use = |wanted: Hash| registry.archive_keys().find(|(id, _)| **id == wanted).map(|(_, record)| record);
    let to = in_use(order.to).ok_or(RewrapError::NotInUse { key: order.to })?;
    match order.without.filter(|key| in_use(*key).is_some()) {
        Some(key) => Err(RewrapError::InUse { key }),
        None => Ok(Rewrapping { to: ArchivePublicKey::parse(&to.public_key)?, without: order.without }),
    }
}

fn asked(order: &RewrapOrder, at: Placed) -> Rewrap {
    let without = order.without.map(Hash::to_vec).unwrap_or_default();
    Rewrap { entry: at.entry, position: at.position, to: order.to.to_vec(), without }
}

/// BODY_RESEALED: what is going to be done, or what was.
fn event(
    order: &RewrapOrder,
    act: Hash,
    of: Option<Hash>,
    report: Option<&RewrapReport>,
) -> Result<Draft, RewrapError> {
    let subject = SelectionSubject {
        act: act.to_vec(),
        refers_to: of.map(Hash::to_vec).unwrap_or_default(),
        count: report.map_or(0, |report| report.rewrapped),
        ..SelectionSubject::default()
    };
    let without = order.without.map(|key| format!(", without archive key {key}")).unwrap_or_default();
    let note = report.map(|report| format!("{} rewrapped, {} closed", report.rewrapped, report.closed));
    let act = RecordsAct {
        decision: Field::Value(format!("rewrap to archive key {}{without}", order.to)),
        reason: Field::Value(order.reason.clone()),
        note: Field::or_none(note),
        ..RecordsAct::new(EventKind::BodyResealed, print(&subject)?)
    };
    Ok(act.draft(now_ms())?)
}
