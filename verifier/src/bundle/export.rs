//! The export itself: what the header announces, the event that made it, and the statement that the officer signed.
//!
//! Invariants: header, event and statement name one and the same export of one and the same scope; the signer is the
//! officer who logged it. Specification: `specs/bundle.md`.

use super::{Demands, FORMAT, Place, Refusal, StatementError};
use crate::checkpoint::ClaimedCheckpoint;
use crate::commit::ShownBody;
use crate::hash::Hash;
use crate::kinds::{EventFacts, StreamMonth, records};
use crate::registry::Registry;
use crate::signature::{CONTEXT_EXPORT, verify};
use crate::trust::Trust;
use zegel_proto::parse;
use zegel_proto::v1::{
    EventKind, EvidenceHeader, ExportStatement, ExportSubject, Role, Scope, SignedExport, StreamType,
};

/// A scope that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ScopeFacts {
    pub(super) stream: StreamType,
    pub(super) id: Hash,
    pub(super) from_month: u32,
    pub(super) to_month: u32,
}

impl ScopeFacts {
    fn read(scope: &Scope) -> Self {
        Self {
            stream: StreamType::try_from(scope.stream).unwrap_or(StreamType::StreamUnspecified),
            id: Hash::read(&scope.id).unwrap_or(Hash::ZERO),
            from_month: scope.from_month,
            to_month: scope.to_month,
        }
    }

    /// Every month, the unknown one included.
    pub(super) fn is_whole(&self) -> bool {
        self.from_month == 0
    }

    /// Month 0 is always in scope: it holds the registration of the id, and what has no known month.
    pub(super) fn holds_month(&self, month: u32) -> bool {
        self.is_whole() || month == 0 || (self.from_month..=self.to_month).contains(&month)
    }

    pub(super) fn holds(&self, stream: &StreamMonth) -> bool {
        (stream.stream, stream.id) == (self.stream, self.id) && self.holds_month(stream.month)
    }
}

/// What the first record announces.
pub(super) struct Opening {
    pub(super) origin: String,
    pub(super) scope: ScopeFacts,
    pub(super) export: Place,
    pub(super) snapshot_entry: u64,
    pub(super) checkpoint: ClaimedCheckpoint,
    stated_scope: Option<Scope>,
}

impl Opening {
    pub(super) fn read(header: EvidenceHeader, trust: &Trust) -> Result<Self, Refusal> {
        if header.format != FORMAT {
            return Err(Refusal::Format { found: header.format, wanted: FORMAT });
        }
        if header.origin != trust.origin() {
            return Err(Refusal::Origin { found: header.origin, wanted: trust.origin().into() });
        }
        let scope = header.scope.as_ref().map(ScopeFacts::read).ok_or(Refusal::Scope)?;
        Ok(Self {
            origin: header.origin,
            scope,
            export: Place::event(header.export_entry, header.export_position),
            snapshot_entry: header.snapshot_entry,
            checkpoint: ClaimedCheckpoint::parse(&header.checkpoint)?,
            stated_scope: header.scope,
        })
    }
}

impl Opening {
    /// The bundle is about what its reader asked for.
    pub(super) fn check_scope(&self, demands: &Demands) -> Result<(), Refusal> {
        match &demands.scope {
            Some(wanted) if self.stated_scope.as_ref() != Some(wanted) => Err(Refusal::OtherScope),
            _ => Ok(()),
        }
    }
}

/// The event that made the export, once it has passed.
pub(super) struct Exported {
    pub(super) subject: ExportSubject,
    pub(super) actor: Hash,
    /// The officer's clock, once the statement was checked.
    pub(super) signed_at_ms: u64,
}

/// Waits for the event at the announced place.
pub(super) struct ExportWatch {
    place: Place,
    found: Option<Exported>,
}

impl ExportWatch {
    pub(super) fn new(place: Place) -> Self {
        Self { place, found: None }
    }

    /// Looks at an event; the one at the announced place must be the export, and open.
    pub(super) fn event(
        &mut self,
        place: Place,
        facts: &EventFacts,
        actor: Hash,
        body: Option<&ShownBody>,
    ) -> Result<(), Refusal> {
        if place != self.place {
            return Ok(());
        }
        let refused = |reason| Refusal::ExportEvent { place, reason };
        if facts.kind != EventKind::ExportCreated {
            return Err(refused("the event that the header announces is not EXPORT_CREATED"));
        }
        let subject = body.and_then(|body| body.value(records::SUBJECT));
        let subject = subject.ok_or_else(|| refused("its subject is not open"))?;
        let subject = parse(subject).map_err(|reason| Refusal::NotCanonicalAt { place, reason })?;
        self.found = Some(Exported { subject, actor, signed_at_ms: 0 });
        Ok(())
    }

    /// Holds the event against the header and what was demanded.
    pub(super) fn finish(self, opening: &Opening, demands: &Demands) -> Result<Exported, Refusal> {
        let missing = Refusal::ExportEvent { place: self.place, reason: "it is not in the bundle" };
        let exported = self.found.ok_or(missing)?;
        if exported.subject.scope != opening.stated_scope {
            return Err(Refusal::Scope);
        }
        match &demands.nonce {
            Some(wanted) if *wanted != exported.subject.nonce => {
                Err(Refusal::Nonce { found: exported.subject.nonce, wanted: wanted.clone() })
            }
            _ => Ok(exported),
        }
    }
}

impl Exported {
    /// Id of the redaction manifest, if the export binds one.
    pub(super) fn manifest(&self) -> Option<Hash> {
        Hash::read(&self.subject.manifest)
    }

    /// Checks the statement: this log, this export, these parts, a good signature by an officer who logged it.
    pub(super) fn check_statement(
        &self,
        signed: &[u8],
        parts: u32,
        parts_sha256: Hash,
        registry: &Registry,
        as_of: u64,
    ) -> Result<ExportStatement, StatementError> {
        let signed: SignedExport = parse(signed)?;
        let statement: ExportStatement = parse(&signed.statement)?;
        if statement.origin != registry.origin() {
            return Err(StatementError::Origin { found: statement.origin });
        }
        let read = |bytes: &[u8]| Hash::read(bytes).unwrap_or(Hash::ZERO);
        let (found, wanted) = (read(&statement.export), read(&self.subject.export));
        if found != wanted {
            return Err(StatementError::Export { found, wanted });
        }
        if statement.parts != parts {
            return Err(StatementError::Parts { found: statement.parts, wanted: parts });
        }
        let found = read(&statement.parts_sha256);
        if found != parts_sha256 {
            return Err(StatementError::Digest { found, wanted: parts_sha256 });
        }
        verify(&statement.key, CONTEXT_EXPORT, &signed.statement, &signed.signature)?;
        match registry.author(as_of, read(&statement.key), self.actor)? {
            Role::Officer => Ok(statement),
            other => Err(StatementError::Role { found: other.as_str_name() }),
        }
    }
}
