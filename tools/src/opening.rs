//! The one place where archive keys open anything, and only after the log says who opens it and why.
//!
//! Invariants: an [`Opening`] is made of a [`Logged`], and a [`Logged`] only of events that the ledger answered for with a receipt that was
//! checked: so nothing is opened before the log knows, and an event that is refused opens nothing. No other module opens an
//! envelope or a body (`tests/tests/rooms.rs`). Dossier keys live as long as the opening.
//! Not here: which event says what (`reading`, `export`, `rewrap`), attachments, whose keys stand in bodies that were opened.
//! Specification: `specs/access.md`.

use crate::event::Draft;
use crate::keys::ArchiveKey;
use crate::seal::{DossierKey, OpenError, RewrapError, Rewrapping, SealError, open_checked, reseal};
use crate::source::{Placed, Source, SourceError};
use std::collections::HashMap;
use zegel_proto::parse;
use zegel_proto::v1::evidence_event::Body as Shown;
use zegel_proto::v1::{DossierWrap, EvidenceEnvelope, KeyWrap, RedactedBody, SealedEvidence};
use zegel_verifier::commit::ShownBody;
use zegel_verifier::hash::{Hash, sha256};

/// That the log knows who opens what, and why: where the events stand that say so.
#[derive(Clone, Debug)]
pub(crate) struct Logged {
    placed: Vec<Placed>,
}

impl Logged {
    /// Logs the events of someone who is going to open something.
    pub(crate) async fn append(officer: &mut Source, drafts: Vec<Draft>) -> Result<Self, SourceError> {
        Ok(Self { placed: officer.append(drafts).await? })
    }

    /// Where all of them stand, in order.
    pub(crate) fn placed(&self) -> &[Placed] {
        &self.placed
    }

    /// Where the last one stands, by which the ledger is asked.
    pub(crate) fn last(&self) -> Option<Placed> {
        self.placed.last().copied()
    }
}

/// A ciphertext and its wrap.
type Resealing = (Vec<u8>, Vec<u8>);

/// Archive keys in use, for what was logged.
pub(crate) struct Opening<'a> {
    origin: String,
    keys: &'a [ArchiveKey],
    dossiers: HashMap<Hash, Result<DossierKey, OpenError>>,
}

impl<'a> Opening<'a> {
    pub(crate) fn new(_: &Logged, origin: &str, keys: &'a [ArchiveKey]) -> Self {
        Self { origin: origin.into(), keys, dossiers: HashMap::new() }
    }

    /// Opens an envelope now and keeps only its key; a failure counts only if an event needs it.
    pub(crate) fn envelope(&mut self, sent: &EvidenceEnvelope) {
        let first = || sha256(&[&sent.envelope]);
        let dossier = Hash::read(&sent.dossier).unwrap_or_else(first);
        let (origin, keys) = (&self.origin, self.keys);
        let open = || DossierKey::open(&sent.envelope, dossier, origin, keys);
        self.dossiers.entry(dossier).or_insert_with(open);
    }

    /// Opens an envelope and wraps its key as is wanted; `None` if it is so already.
    pub(crate) fn rewrap(&self, sent: &DossierWrap, to: &Rewrapping) -> Result<Option<Vec<u8>>, RewrapError> {
        let dossier = Hash::read(&sent.dossier).unwrap_or(Hash::ZERO);
        to.apply(&sent.envelope, dossier, &self.origin, self.keys)
    }

    /// Opens a body whose envelope was opened, and checks it against its header.
    pub(crate) fn body(&self, header: &[u8], sealed: &SealedEvidence) -> Result<(Shown, ShownBody), OpenError> {
        open_checked(header, &sealed.ciphertext, &sealed.wrap, &self.origin, self.dossier(sealed)?)
    }

    /// Seals what is left of a body in the dossier of the form that it replaces: ciphertext and wrap.
    pub(crate) fn reseal(
        &self,
        header: &[u8],
        replaced: &SealedEvidence,
        left: &RedactedBody,
    ) -> Result<Result<Resealing, SealError>, OpenError> {
        Ok(reseal(header, left, &self.origin, self.dossier(replaced)?))
    }

    fn dossier(&self, sealed: &SealedEvidence) -> Result<&DossierKey, OpenError> {
        let wrap: KeyWrap = parse(&sealed.wrap)?;
        let found = Hash::read(&wrap.dossier).unwrap_or(Hash::ZERO);
        let dossier = self.dossiers.get(&found).ok_or(OpenError::UnknownDossier { found })?;
        dossier.as_ref().map_err(Clone::clone)
    }
}
