//! The steps of a case as events, each logged before it is written into the book.

use super::book::{APPEAL, stands};
use super::{Approval, Book, Case, CaseError, Disclosure, Noted};
use crate::disclose::Regime;
use crate::entropy::random_id;
use crate::event::{Draft, Field, RecordsAct};
use crate::keys::KeyFolder;
use crate::source::{Placed, Source, now_ms};
use zegel_proto::print;
use zegel_proto::v1::{EventKind, Scope, SelectionSubject};
use zegel_verifier::hash::Hash;

/// Version of the regimes, as events name it.
const REGIMES: &str = "regimes/1";

/// What a new case is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Opening {
    /// Under which law.
    pub regime: Regime,
    /// Who asks.
    pub requester: String,
    /// What about, in words.
    pub matter: String,
    /// What is held as long as it lasts.
    pub scopes: Vec<Scope>,
}

/// Something to be noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// zoekslag, zienswijze, besluit, wachttijd, beroep.
    pub about: String,
    /// In words.
    pub text: String,
    /// Version of the decision; may be empty.
    pub decision: String,
    /// Nothing leaves before; 0: no term.
    pub until_ms: u64,
}

impl Step {
    /// The moment at which a term ends that lasts until this day, in milliseconds since 1970.
    #[must_use]
    pub fn until(date: jiff::civil::Date) -> u64 {
        let at = date.to_zoned(jiff::tz::TimeZone::UTC).map(|at| at.timestamp().as_millisecond());
        at.ok().and_then(|at| u64::try_from(at).ok()).unwrap_or(0)
    }

    /// The same for a term of objection or appeal, of which this is the last day.
    #[must_use]
    pub fn appeal_until(date: jiff::civil::Date) -> u64 {
        Self::until(date.saturating_add(jiff::Span::new().days(1)))
    }
}

/// A package that is about to leave.
#[derive(Clone, Debug, PartialEq)]
pub struct Disclosed {
    /// Which export it was made of.
    pub export: Hash,
    /// SHA-256 of the package's list of sums.
    pub package: Hash,
    /// Who gets it.
    pub recipient: String,
    /// What is in it: documents, or counts.
    pub content: &'static str,
    /// What the bundle is about.
    pub scope: Scope,
}

/// An officer, or an approver, at work on cases: whoever signs as `source`.
pub struct Cases<'a> {
    source: &'a mut Source,
    book: Book,
}

fn said(text: &str) -> Field<String> {
    Field::or_none(Some(text.to_owned()).filter(|text| !text.is_empty()))
}

/// An act on a case, of which the rest is to be said.
fn act(kind: EventKind, subject: &SelectionSubject) -> Result<RecordsAct, CaseError> {
    Ok(RecordsAct::new(kind, print(subject)?))
}

impl<'a> Cases<'a> {
    /// Opens the book of a key folder.
    ///
    /// # Errors
    /// [`CaseError::Disk`], [`CaseError::Malformed`].
    pub fn of(folder: &KeyFolder, source: &'a mut Source) -> Result<Self, CaseError> {
        Ok(Self { source, book: Book::open(&folder.path().join("cases.json"))? })
    }

    /// What is known of all cases.
    #[must_use]
    pub fn book(&self) -> &Book {
        &self.book
    }

    async fn log(&mut self, drafts: Vec<Draft>) -> Result<Vec<Placed>, CaseError> {
        Ok(self.source.append(drafts).await?)
    }

    /// Begins a case, and holds what it is about until it ends.
    ///
    /// # Errors
    /// [`CaseError::NameTaken`], or what submitting can meet.
    pub async fn begin(&mut self, name: &str, opening: &Opening) -> Result<&Case, CaseError> {
        self.book.check_free(name)?;
        let (id, hold) = (random_id()?, random_id()?);
        let subject = SelectionSubject {
            act: id.to_vec(),
            scopes: opening.scopes.clone(),
            code: opening.regime.code().into(),
            list_version: REGIMES.into(),
            ..SelectionSubject::default()
        };
        let held = SelectionSubject {
            act: hold.to_vec(),
            refers_to: id.to_vec(),
            scopes: opening.scopes.clone(),
            code: "zaak".into(),
            ..SelectionSubject::default()
        };
        let opened = RecordsAct {
            person: said(&opening.requester),
            decision: said(name),
            reason: said(&opening.matter),
            ..act(EventKind::CaseOpened, &subject)?
        };
        let holding = RecordsAct { decision: said(name), ..act(EventKind::HoldPlaced, &held)? };
        let now = now_ms();
        let placed = self.log(vec![opened.draft(now)?, holding.draft(now)?]).await?;
        let (entry, position) = stands(placed.first());
        let case = Case {
            id,
            regime: opening.regime,
            requester: opening.requester.clone(),
            matter: opening.matter.clone(),
            hold,
            entry,
            position,
            noted: Vec::new(),
            approvals: Vec::new(),
            disclosures: Vec::new(),
            is_closed: false,
        };
        self.book.add(name, case)?;
        self.book.open_case(name)
    }

    /// Notes a search, a third party's view, a version of the decision or a term.
    ///
    /// # Errors
    /// [`CaseError::Unknown`], [`CaseError::Closed`], or what submitting can meet.
    pub async fn note(&mut self, name: &str, step: &Step) -> Result<(), CaseError> {
        let case = self.book.open_case(name)?;
        let subject = SelectionSubject {
            act: random_id()?.to_vec(),
            refers_to: case.id.to_vec(),
            code: step.about.clone(),
            until_ms: step.until_ms,
            ..SelectionSubject::default()
        };
        let noted = RecordsAct {
            decision: said(&step.decision),
            reason: said(&step.text),
            ..act(EventKind::CorrectionNoted, &subject)?
        };
        let placed = self.log(vec![noted.draft(now_ms())?]).await?;
        let (entry, position) = stands(placed.first());
        let Step { about, text, decision, until_ms } = step.clone();
        self.book.change(name, |case| case.noted.push(Noted { about, text, decision, until_ms, entry, position }))
    }

    /// Notes a decision, and how long it can be objected to or appealed: until and with this day, else for six weeks from today
    /// where the regime has such a term (Awb 6:7). The case, and its hold, last as long.
    ///
    /// # Errors
    /// As [`Self::note`].
    pub async fn decide(
        &mut self,
        name: &str,
        step: &Step,
        last_day: Option<jiff::civil::Date>,
    ) -> Result<(), CaseError> {
        let regime = self.book.open_case(name)?.regime;
        let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let usual = regime.has_objection().then(|| today.saturating_add(jiff::Span::new().weeks(6)));
        // The term first: if we stop in between, the case is kept open for more than was decided, never for less.
        if let Some(last_day) = last_day.or(usual) {
            let term = Step {
                about: APPEAL.into(),
                text: "termijn van bezwaar en beroep".into(),
                decision: step.decision.clone(),
                until_ms: Step::appeal_until(last_day),
            };
            self.note(name, &term).await?;
        }
        self.note(name, step).await
    }

    /// The second pair of eyes agrees that an export leaves. Only an approver's key may write it.
    ///
    /// # Errors
    /// As [`Cases::note`].
    pub async fn approve(&mut self, name: &str, export: Hash) -> Result<(), CaseError> {
        self.book.open_case(name)?;
        let subject = SelectionSubject {
            act: random_id()?.to_vec(),
            refers_to: export.to_vec(),
            code: "verstrekking".into(),
            ..SelectionSubject::default()
        };
        let approved = RecordsAct { decision: said(name), ..act(EventKind::RedactionApproved, &subject)? };
        let placed = self.log(vec![approved.draft(now_ms())?]).await?;
        let (entry, position) = stands(placed.first());
        self.book.change(name, |case| case.approvals.push(Approval { export, entry, position }))
    }

    /// Tells the log that a package leaves, and gives the place; it may leave when this has been answered.
    ///
    /// # Errors
    /// What stands in its way ([`Case::may_disclose`]), or what submitting can meet.
    pub async fn disclose(&mut self, name: &str, disclosed: &Disclosed) -> Result<(u64, u32), CaseError> {
        let case = self.book.open_case(name)?;
        let approval = case.may_disclose(name, disclosed.export, now_ms())?;
        let approvals = format!("{}:{}", approval.entry, approval.position);
        let decision = case.decision().map(|noted| noted.decision.clone()).unwrap_or_default();
        let subject = SelectionSubject {
            act: disclosed.package.to_vec(),
            refers_to: disclosed.export.to_vec(),
            scopes: vec![disclosed.scope.clone()],
            code: case.regime.code().into(),
            list_version: REGIMES.into(),
            test: disclosed.content.into(),
            ..SelectionSubject::default()
        };
        let sent = RecordsAct {
            person: said(&disclosed.recipient),
            decision: said(&decision),
            approvals: said(&approvals),
            reason: said(name),
            ..act(EventKind::DisclosureSent, &subject)?
        };
        let placed = self.log(vec![sent.draft(now_ms())?]).await?;
        let (entry, position) = stands(placed.first());
        let Disclosed { export, package, recipient, .. } = disclosed.clone();
        let left = Disclosure { export, package, recipient, decision, entry, position };
        self.book.change(name, |case| case.disclosures.push(left))?;
        Ok((entry, position))
    }

    /// Ends a case, and its hold: the last appeal is over.
    ///
    /// # Errors
    /// As [`Cases::note`].
    pub async fn end(&mut self, name: &str, reason: &str) -> Result<(), CaseError> {
        let case = self.book.open_case(name)?;
        case.may_close(name, now_ms())?;
        let release = SelectionSubject {
            act: random_id()?.to_vec(),
            refers_to: case.hold.to_vec(),
            code: "zaak".into(),
            ..SelectionSubject::default()
        };
        let end = SelectionSubject {
            act: random_id()?.to_vec(),
            refers_to: case.id.to_vec(),
            code: case.regime.code().into(),
            ..SelectionSubject::default()
        };
        let now = now_ms();
        let released = RecordsAct { reason: said(reason), ..act(EventKind::HoldReleased, &release)? }.draft(now)?;
        let closed = RecordsAct { reason: said(reason), ..act(EventKind::CaseClosed, &end)? }.draft(now)?;
        self.log(vec![released, closed]).await?;
        self.book.change(name, |case| case.is_closed = true)
    }
}
