//! What each event's body must be, and what it adds to the findings.
//!
//! Invariants: an opened body matches the root in its header, and its slot 0 binds it to this place, source and month; a
//! part of the scope that is not open is counted as covered. Specification: `specs/event.md`, `specs/bundle.md`.

use super::admissions::Admissions;
use super::bag::Bag;
use super::calendar::month_of;
use super::captures::{self, Captures, FileTally};
use super::custody::Custody;
use super::endings::Acting;
use super::export::{ExportWatch, Exported, Opening, ScopeFacts};
use super::findings::{About, Finding, Findings, Severity};
use super::months::ShownAs;
use super::names::Names;
use super::plain::plain;
use super::prepared::OpenHeader;
use super::redaction::Redaction;
use super::report::RulesReport;
use super::salts::Salts;
use super::secured::Secured;
use super::shut::Shut;
use super::span::Span;
use super::splits::Splits;
use super::walk::OpenBatch;
use super::{Demands, Observer, Place, Refusal, ShownEvent};
use crate::commit::ShownBody;
use crate::hash::Hash;
use crate::kinds::{CHAT_LAYOUT, EventFacts, Family, capture, chat, family};
use crate::registry::Registry;
use zegel_proto::parse;
use zegel_proto::v1::{Attachment, AttachmentState, Binding, Clock, EventKind, GapDetail, ProofClass};

/// A source's clock may be ahead of the ledger's by so much before it is told.
const CLOCKS_APART_MS: u64 = 5 * 60 * 1_000;

/// An event whose header is good.
pub(super) struct OpenEvent<'a> {
    pub(super) place: Place,
    pub(super) batch: &'a OpenBatch,
    pub(super) facts: &'a EventFacts,
    pub(super) in_scope: bool,
}

/// Counts over the open chat events of the scope.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// By number of the proof class.
    pub(super) proof_classes: [u64; 5],
    /// Events in which the source's format cannot show a slot, by number of the slot.
    pub(super) unknown_slots: [u64; CHAT_LAYOUT.len()],
    pub(super) clock_unknown: u64,
    pub(super) attachments_included: u64,
}

/// Where events are checked, one by one.
pub(super) struct Desk {
    origin: String,
    scope: ScopeFacts,
    captures: Captures,
    export: Option<ExportWatch>,
    pub(super) redaction: Redaction,
    pub(super) custody: Custody,
    pub(super) findings: Findings,
    pub(super) tally: Tally,
    pub(super) span: Span,
    pub(super) names: Names,
    pub(super) secured: Secured,
    pub(super) splits: Splits,
    pub(super) salts: Salts,
    pub(super) rules: RulesReport,
    shut: Shut,
    admissions: Admissions,
}

impl Desk {
    pub(super) fn new(opening: &Opening) -> Self {
        Self {
            origin: opening.origin.clone(),
            scope: opening.scope,
            captures: Captures::new(opening.scope),
            export: Some(ExportWatch::new(opening.export)),
            redaction: Redaction::default(),
            custody: Custody::default(),
            findings: Findings::default(),
            tally: Tally::default(),
            span: Span::default(),
            names: Names::default(),
            secured: Secured::default(),
            splits: Splits::default(),
            salts: Salts::default(),
            rules: RulesReport::default(),
            shut: Shut::default(),
            admissions: Admissions::default(),
        }
    }

    /// Checks the body of an event and all that follows from it.
    pub(super) fn check(
        &mut self,
        event: &OpenEvent<'_>,
        header: &OpenHeader,
        bag: &Bag,
        registry: Option<&Registry>,
        observer: &mut dyn Observer,
    ) -> Result<ShownAs, Refusal> {
        let (place, facts) = (event.place, event.facts);
        let source = event.batch.statement.source();
        if event.in_scope {
            self.captures.number(place, source, facts)?;
        }
        if let Some(salted) = &header.salted {
            self.salts.body(place, salted);
        }
        let opened = header.body.as_ref().map_err(|fault| fault.clone().at(place))?.as_ref();
        if let Some((binding, _)) = opened {
            self.check_binding(place, source, facts, binding)?;
        }
        let shown_body = opened.map(|(_, body)| body);
        if let Some(watch) = &mut self.export {
            watch.event(place, facts, source, shown_body)?;
        }
        if family(facts.kind) == Family::Records {
            let received_at_ms = event.batch.received_at_ms;
            let spot = (place.entry, place.position.unwrap_or(0));
            let acting = Acting { spot, actor: source, received_at_ms, registry };
            if let (EventKind::RedactionManifest, Some(body)) = (facts.kind, shown_body) {
                self.redaction.part(place, body, registry)?;
                self.redaction.endings.manifest(&acting, body);
            }
            self.redaction.endings.act(facts.kind, &acting, shown_body);
        }
        let shown_as = shown_as(facts, shown_body);
        if event.in_scope {
            self.in_scope(event, source, opened, bag)?;
            if self.scope.is_whole() {
                let finding = self.admissions.event(place, facts, shown_body, registry);
                finding.into_iter().for_each(|finding| self.findings.add(finding));
            }
        }
        let shown = ShownEvent {
            place,
            received_at_ms: event.batch.received_at_ms,
            source,
            facts,
            in_scope: event.in_scope,
            body: opened.map(|(binding, body)| (binding, body)),
        };
        self.names.event(&shown);
        self.secured.event(&shown);
        self.splits.event(&shown);
        observer.event(&shown);
        Ok(shown_as)
    }

    /// Slot 0 binds the body to this place, source and month.
    fn check_binding(&self, place: Place, source: Hash, facts: &EventFacts, binding: &Binding) -> Result<(), Refusal> {
        let same_id = |found: &[u8], wanted: Option<Hash>| Hash::read(found) == wanted;
        let captured = matches!(family(facts.kind), Family::Chat | Family::Capture);
        let has_month = match Clock::try_from(binding.clock) {
            Ok(Clock::Unknown) => facts.month == 0,
            _ => month_of(binding.occurred_at_ms) == Some(facts.month),
        };
        let checks = [
            (binding.origin == self.origin, "origin"),
            (same_id(&binding.source, Some(source)), "source"),
            (binding.kind == facts.kind as i32, "kind"),
            (same_id(&binding.conversation, facts.conversation), "conversation"),
            (same_id(&binding.custodian, facts.custodian), "custodian"),
            (binding.conversation_seq == facts.conversation_seq, "conversation_seq"),
            (!captured || has_month, "month"),
        ];
        match checks.into_iter().find(|(holds, _)| !holds) {
            Some((_, field)) => Err(Refusal::Binding { place, field }),
            None => Ok(()),
        }
    }

    /// What an event of the scope adds: cover, custody, findings.
    fn in_scope(
        &mut self,
        event: &OpenEvent<'_>,
        source: Hash,
        opened: Option<&(Binding, ShownBody)>,
        bag: &Bag,
    ) -> Result<(), Refusal> {
        let (place, facts) = (event.place, event.facts);
        let body = opened.map(|(_, body)| body);
        self.span.event(self.scope, facts, opened.map(|(binding, _)| binding));
        let spot = (place.entry, place.position.unwrap_or(0));
        let capture = captures::id(source, facts);
        if let Some(capture) = capture.filter(|_| body.is_none_or(|body| body.covered().next().is_some())) {
            self.shut.note(spot, capture, facts.conversation_seq, facts.month);
        }
        match body {
            Some(body) => self.redaction.cover(place, body.covered()),
            // A registration that is not needed stays closed: nothing of the chat is covered by that.
            None if family(facts.kind) == Family::Register => {}
            None => self.redaction.withhold(place),
        }
        let file = match (facts.kind, body) {
            (EventKind::ReadoutManifest, Some(body)) => self.captures.manifest(source, facts, body),
            _ => None,
        };
        if facts.kind == EventKind::ReadoutManifest && file.is_none() {
            self.captures.pass_over(source, facts);
        }
        if let (Some(capture), Some(file), true) = (capture, &file, self.scope.is_whole()) {
            file.left_out.iter().for_each(|(first, count)| self.shut.claim(spot, capture, *first, *count));
        }
        self.custody.event(place, source, facts, body, file.as_ref());
        self.note_file(place, file.as_ref());
        if facts.kind == EventKind::ReadoutManifest && file.is_none() && body.is_some_and(is_manifest_open) {
            let nl = "Een manifest van een uitlezing is vastgelegd in een vorm die niet te lezen is.";
            let en = "A read-out's manifest was committed in a form that cannot be read.";
            self.note(place, "SLOT_MALFORMED", Severity::Error, About::Completeness, nl, en);
        }
        self.note_kind(place, facts, body);
        if let Some((binding, body)) = opened.filter(|_| family(facts.kind) == Family::Chat) {
            self.note_times(place, source, facts, binding);
            self.note_slots(body);
            self.attachments(place, body, bag)?;
        }
        Ok(())
    }

    fn note(&mut self, place: Place, id: &'static str, severity: Severity, about: About, nl: &str, en: &str) {
        self.findings.add(Finding::of(id, severity, about, nl.into(), en.into()).at(place));
    }

    /// What a source signed later than it was received was not received then.
    pub(super) fn note_clocks(&mut self, place: Place, received_at_ms: u64, created_at_ms: u64) {
        if received_at_ms.saturating_add(CLOCKS_APART_MS) < created_at_ms {
            let nl = "Een zending is volgens het logboek eerder ontvangen dan de bron haar ondertekende.";
            let en = "By the log a batch was received before its source signed it.";
            self.note(place, "RECEIVED_EARLY", Severity::Warning, About::Immutability, nl, en);
        }
    }

    fn note_file(&mut self, place: Place, file: Option<&FileTally>) {
        if let Some(fault) = file.and_then(|file| file.fault) {
            let nl = format!("Een manifest van een uitlezing verantwoordt zijn bestand niet ({fault}).");
            let en = format!("A read-out's manifest does not account for its file: {fault}.");
            self.note(place, "MANIFEST_RUNS", Severity::Error, About::Completeness, &nl, &en);
        }
    }

    fn note_kind(&mut self, place: Place, facts: &EventFacts, body: Option<&ShownBody>) {
        match facts.kind {
            EventKind::GapDeclared => {
                let detail = body.and_then(|body| body.value(capture::DETAIL));
                let detail: Option<GapDetail> = detail.and_then(|detail| parse(detail).ok());
                let reason = detail.map_or("not open".into(), |detail| plain(&detail.reason));
                let nl = format!("De bron meldt een hiaat ({reason}).");
                let en = format!("The source declares a gap ({reason}).");
                self.note(place, "DECLARED_GAP", Severity::Warning, About::Completeness, &nl, &en);
            }
            EventKind::RecordVanished => {
                let nl = "Een bericht uit een eerdere uitlezing ontbrak in een latere.";
                let en = "A record of an earlier read-out was no longer in a later one.";
                self.note(place, "RECORD_VANISHED", Severity::Warning, About::Completeness, nl, en);
            }
            _ => {}
        }
    }

    fn note_times(&mut self, place: Place, source: Hash, facts: &EventFacts, binding: &Binding) {
        let class = usize::try_from(binding.proof_class).unwrap_or(0);
        self.tally.proof_classes[class.min(ProofClass::DScreenshot as usize)] += 1;
        self.tally.clock_unknown += u64::from(binding.clock == Clock::Unknown as i32);
        if self.captures.is_backwards(source, facts, binding) {
            let nl = "Een bericht draagt een eerdere tijd dan het bericht ervoor.";
            let en = "A message carries an earlier time than the one before it.";
            self.note(place, "TIME_BACKWARDS", Severity::Info, About::Authenticity, nl, en);
        }
        if binding.ambiguous_time {
            let nl = "Een tijd viel in het uur dat bij het verzetten van de klok dubbel of niet bestaat; de eerste is genomen.";
            let en = "A time fell in the hour that a clock change repeats or skips; the earlier was taken.";
            self.note(place, "CLOCK_AMBIGUOUS", Severity::Info, About::Authenticity, nl, en);
        }
    }

    fn note_slots(&mut self, body: &ShownBody) {
        for slot in body.unknown() {
            if let Some(count) = self.tally.unknown_slots.get_mut(slot) {
                *count += 1;
            }
        }
    }

    /// Attachments of an open list: those that are there must be the right files.
    fn attachments(&mut self, place: Place, body: &ShownBody, bag: &Bag) -> Result<(), Refusal> {
        for item in body.open_items(chat::ATTACHMENTS) {
            let Ok(attachment) = parse::<Attachment>(item) else {
                let nl = "Een bijlage is vastgelegd in een vorm die niet te lezen is.";
                let en = "An attachment was committed in a form that cannot be read.";
                self.note(place, "SLOT_MALFORMED", Severity::Error, About::Authenticity, nl, en);
                continue;
            };
            self.attachment(place, &attachment, bag)?;
        }
        Ok(())
    }

    fn attachment(&mut self, place: Place, attachment: &Attachment, bag: &Bag) -> Result<(), Refusal> {
        match (AttachmentState::try_from(attachment.state), Hash::read(&attachment.sha256)) {
            (Ok(AttachmentState::AttachmentPresent), Some(sha256)) => {
                if bag.attachments().name(sha256, attachment.size)? {
                    self.tally.attachments_included += 1;
                    return Ok(());
                }
                let nl = "Een bijlage die is vastgelegd, zit niet in het pakket.";
                let en = "An attachment that was sealed is not included in the bundle.";
                self.note(place, "ATTACHMENT_NOT_INCLUDED", Severity::Warning, About::Completeness, nl, en);
            }
            (Ok(AttachmentState::AttachmentLeftOut), _) => {
                let nl = "De bron zegt dat een bijlage is weggelaten.";
                let en = "The source says that an attachment was left out.";
                self.note(place, "ATTACHMENT_LEFT_OUT", Severity::Info, About::Completeness, nl, en);
            }
            _ => {
                let nl = "Een bijlage wordt genoemd, maar zat niet bij de bestanden van de bron.";
                let en = "An attachment is named, but was not among the source's files.";
                self.note(place, "ATTACHMENT_MISSING", Severity::Warning, About::Completeness, nl, en);
            }
        }
        Ok(())
    }

    /// All events have passed: the export is the announced one, and what is covered is what its manifest says.
    pub(super) fn finish(&mut self, opening: &Opening, demands: &Demands) -> Result<Exported, Refusal> {
        let missing = Refusal::ExportEvent { place: opening.export, reason: "it is not in the bundle" };
        let exported = self.export.take().ok_or(missing)?.finish(opening, demands)?;
        self.redaction.finish(exported.manifest())?;
        let (mut endings, holds, classes) = self.redaction.endings.findings(&self.shut);
        endings.extend(self.shut.findings(&self.redaction.endings));
        endings.into_iter().for_each(|finding| self.findings.add(finding));
        self.rules = RulesReport { admission: self.admissions.examined(), holds, classes };
        let overstated = self.captures.overstated();
        if overstated > 0 {
            let nl = "Een bron noemt meer berichten nieuw dan zij heeft aangeboden.".into();
            let en = "A source calls more records new than it submitted.".into();
            let finding = Finding::of("MANIFEST_OVERSTATED", Severity::Error, About::Completeness, nl, en);
            self.findings.add(finding.times(overstated));
        }
        let unfinished = self.captures.unfinished();
        if unfinished > 0 {
            let nl = "Een manifest van een uitlezing is begonnen en niet voltooid: het verantwoordt zijn bestand niet."
                .into();
            let en = "A read-out's manifest was begun and not finished: it does not account for its file.".into();
            let finding = Finding::of("MANIFEST_UNFINISHED", Severity::Warning, About::Completeness, nl, en);
            self.findings.add(finding.times(unfinished));
        }
        Ok(exported)
    }

    pub(super) fn captures_count(&self) -> u64 {
        self.captures.count()
    }
}

/// Nothing of what accounts for the file is covered.
fn is_manifest_open(body: &ShownBody) -> bool {
    body.covered().all(|unit| ![capture::DETAIL, capture::ITEMS].contains(&(unit.slot as usize)))
}

fn shown_as(facts: &EventFacts, body: Option<&ShownBody>) -> ShownAs {
    match (facts.body_root, body) {
        (None, _) => ShownAs::Public,
        (_, None) => ShownAs::Withheld,
        (_, Some(body)) if body.covered().next().is_some() => ShownAs::Redacted,
        _ => ShownAs::Opened,
    }
}
