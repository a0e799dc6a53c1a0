//! One read-out session: opened, one or more chats with their manifests, closed. The same for every format.
//!
//! What the ministry does not want here is not taken: a contact that nobody admitted, and what is marked above the permitted level. The log says that it was
//! there, and nothing of what it was.

mod making;

use super::alignment::{Alignment, Fingerprint, FingerprintKey};
use super::error::ImportError;
use super::fitting::shorten;
use super::held::Held;
use super::plan::{Counts, Plan, Planned, Standing, plan};
use super::reader::{CaptureIds, Gap, Reader, Tally};
use crate::admission::Gate;
use crate::entropy::random_id;
use crate::event::{CaptureDetail, CaptureItems, CaptureRecord, Draft, EventError, Field, Occurred};
use crate::record::Record;
use crate::rubricering::INCIDENT;
use crate::source::Source;
use making::Making;
use std::panic::resume_unwind;
use std::sync::Arc;
use zegel_proto::limits::{LIST_ITEMS_MAX, NAME_BYTES_MAX};
use zegel_proto::v1::{
    Channel, ChatDetail, EventKind, GapDetail, ManifestDetail, ManifestRun, ProofClass, ReadoutChat, ReadoutDetail,
};
use zegel_verifier::hash::Hash;
use zeroize::Zeroizing;

/// Events that are sealed and sent before the next ones are made: what memory holds. A full window of full batches, so that
/// none is sent half empty.
const EVENTS_AT_A_TIME: usize = 4_096;

/// Who reads out, with what: the same for every chat of a session. No `Debug`: it holds a secret.
#[derive(Clone)]
pub struct Desk {
    /// Whose device.
    pub custodian: Hash,
    /// The operator's named declaration: a function, or a name if the ministry wants that.
    pub operator: Field<String>,
    /// Which device.
    pub device: Field<String>,
    /// With what, and which version.
    pub tool: String,
    /// The source's secret for fingerprints.
    pub secret: Zeroizing<[u8; 32]>,
}

/// One chat of a session.
pub struct Chat {
    /// Which conversation it is: stated, never guessed.
    conversation: Hash,
    reader: Box<dyn Reader>,
    /// Whether the contact was admitted.
    gate: Gate,
    /// Records of which a field was shortened.
    shortened: u64,
    /// Records that were marked above the permitted level: only that they were there is in the log.
    routed: u64,
}

/// A chat on the device that was not exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Title as shown.
    pub title: String,
    /// Why: `export_blocked_by_app_setting`, `private`, ….
    pub reason: String,
}

/// What one chat added.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Outcome {
    /// Name of the file.
    pub file: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Records in it.
    pub records: u64,
    /// What became of them.
    pub counts: Counts,
    /// How many minutes later the file puts what the log knows.
    pub shift_minutes: i64,
    /// Gaps that were declared, and had not been before.
    pub gaps: u64,
    /// Records that were marked above the permitted level: routed out.
    pub routed_out: u64,
    /// Why nothing of it was taken in.
    pub left_out: Option<&'static str>,
    /// What was remarkable.
    #[serde(flatten)]
    pub tally: Tally,
}

/// Takes in one session. `now_ms` is asked for the time, `progress` is told the additions done and in all, of the chat at hand.
///
/// # Errors
/// [`ImportError`]; [`ImportError::Stopped`] once something is in the log. Read out again, it is known.
pub async fn readout(
    source: &mut Source,
    desk: &Desk,
    chats: Vec<Chat>,
    skipped: &[Skipped],
    now_ms: impl Fn() -> u64,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Vec<Outcome>, ImportError> {
    let found = chats.len() + skipped.len();
    if found > LIST_ITEMS_MAX {
        return Err(ImportError::TooManyChats { found, max: LIST_ITEMS_MAX });
    }
    let origin = chats
        .first()
        .map_or((Channel::Other, ProofClass::None), |chat| (chat.reader.channel(), chat.reader.proof_class()));
    // Policies may have changed since the source was opened.
    source.refresh().await?;
    let (session, opened_ms) = (random_id()?, now_ms());
    let desk = Session { desk, session, origin };
    source.append(vec![desk.event(EventKind::ReadoutOpened, opened_ms, 0, &[])?]).await?;
    let mut outcomes = Vec::with_capacity(chats.len());
    let mut items = Vec::with_capacity(found);
    for chat in chats {
        let (mut at, file) = ((0, 0), chat.reader.file().name.clone());
        let mut noted = |done, all| {
            at = (done, all);
            progress(done, all);
        };
        let appended = chat.append(source, &desk, now_ms(), &mut noted).await;
        let (outcome, listed) = appended.map_err(|reason| ImportError::Stopped {
            file,
            done: at.0,
            all: at.1,
            reason: Box::new(reason),
        })?;
        outcomes.push(outcome);
        items.push(listed);
    }
    items.extend(skipped.iter().map(Skipped::listed));
    let closed_ms = now_ms();
    let duration_ms = closed_ms.saturating_sub(opened_ms);
    source.append(vec![desk.event(EventKind::ReadoutClosed, closed_ms, duration_ms, &items)?]).await?;
    Ok(outcomes)
}

/// What all events of a session have in common.
struct Session<'a> {
    desk: &'a Desk,
    session: Hash,
    origin: (Channel, ProofClass),
}

impl Session<'_> {
    fn event(&self, kind: EventKind, at_ms: u64, duration_ms: u64, chats: &[ReadoutChat]) -> Result<Draft, EventError> {
        let items = if chats.is_empty() { CaptureItems::None } else { CaptureItems::Chats(chats.to_vec()) };
        let detail = CaptureDetail::Readout(ReadoutDetail { at_ms, duration_ms });
        CaptureRecord { detail, items, ..self.capture(kind, None, at_ms) }.draft()
    }

    fn capture(&self, kind: EventKind, conversation: Option<Hash>, at_ms: u64) -> CaptureRecord {
        CaptureRecord {
            kind,
            conversation,
            custodian: self.desk.custodian,
            occurred: Occurred::by_source(at_ms),
            channel: self.origin.0,
            proof_class: self.origin.1,
            session: Field::Value(self.session),
            operator: self.desk.operator.clone(),
            device: self.desk.device.clone(),
            tool: Field::Value(self.desk.tool.clone()),
            detail: CaptureDetail::None,
            items: CaptureItems::None,
            note: Field::None,
        }
    }

    /// That something was marked above the permitted level, and is not here. It has no number in the capture: what it is about has.
    fn incident(&self, at_ms: &[u64], now_ms: u64) -> Result<Option<Draft>, EventError> {
        let (Some(from_ms), Some(to_ms)) = (at_ms.iter().min(), at_ms.iter().max()) else { return Ok(None) };
        let (from_ms, to_ms, count) = (*from_ms, *to_ms, at_ms.len() as u64);
        let detail = GapDetail { reason: INCIDENT.into(), from_ms, to_ms, count, ..GapDetail::default() };
        let detail = CaptureDetail::Gap(detail);
        CaptureRecord { detail, ..self.capture(EventKind::GapDeclared, None, now_ms) }.draft().map(Some)
    }

    fn gap(&self, conversation: Hash, gap: &Gap, print: Fingerprint, now_ms: u64) -> Result<Draft, EventError> {
        let detail =
            GapDetail { reason: gap.reason.into(), from_ms: gap.from_ms, to_ms: gap.to_ms, ..GapDetail::default() };
        let detail = CaptureDetail::Gap(detail);
        let draft =
            CaptureRecord { detail, ..self.capture(EventKind::GapDeclared, Some(conversation), now_ms) }.draft()?;
        Ok(Draft { message_row: Some(print.message_row()), ..draft })
    }
}

impl Skipped {
    fn listed(&self) -> ReadoutChat {
        ReadoutChat { title: self.title.clone(), conversation: Vec::new(), skipped_reason: self.reason.clone() }
    }
}

impl Chat {
    /// A chat, and which conversation it is.
    #[must_use]
    pub fn new(conversation: Hash, reader: impl Reader + 'static) -> Self {
        Self { conversation, reader: Box::new(reader), gate: Gate::Open, shortened: 0, routed: 0 }
    }

    fn listed(&self) -> ReadoutChat {
        let file = self.reader.file();
        if let Some(reason) = self.gate.reason() {
            // Not its title, which is the name of somebody.
            let conversation = self.conversation.to_vec();
            return ReadoutChat { title: String::new(), conversation, skipped_reason: reason.into() };
        }
        ReadoutChat {
            title: file.title.clone().unwrap_or_else(|| file.name.clone()),
            conversation: self.conversation.to_vec(),
            skipped_reason: String::new(),
        }
    }

    /// Takes it in; gives what came of it, and how the close of the session lists it.
    async fn append(
        mut self,
        source: &mut Source,
        session: &Session<'_>,
        now_ms: u64,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(Outcome, ReadoutChat), ImportError> {
        let key = FingerprintKey::new(&session.desk.secret);
        let ids = CaptureIds { conversation: self.conversation, custodian: session.desk.custodian };
        let known = source.known(ids.custodian, ids.conversation).await?;
        let next = known.next_conversation_seq;
        let held = Held::sort(known, &key);
        self.gate = Gate::of(source.registry(), held.has_begun, held.decided);
        if let Some(reason) = self.gate.reason() {
            return Ok((self.left_out(reason), self.listed()));
        }
        let alignment = self.reader.align(&held.records, &key);
        let is_closed = |index: usize| held.is_closed(self.reader.at_ms(index));
        let ended = held.ended.lay(&alignment, &*self.reader, &key);
        let standing = Standing { known: &held.records, silent: &held.silent, is_closed: &is_closed, ended: &ended };
        let plan = plan(&standing, &alignment, next);
        let chat = self.append_records(source, session, &plan, &alignment, (now_ms, progress)).await?;
        let gone = plan.vanished.iter().map(|seq| chat.vanished(ids, held.print_of.get(seq), *seq, now_ms));
        source.append(gone.collect::<Result<_, _>>()?).await?;
        let gaps = chat.undeclared(&held, &key);
        let declared = gaps.iter().map(|(gap, print)| session.gap(chat.conversation, gap, *print, now_ms));
        source.append(declared.collect::<Result<_, _>>()?).await?;
        source.append(chat.manifest(session, &plan.runs, &alignment, now_ms)?).await?;
        Ok((chat.outcome(&plan, &alignment, gaps.len() as u64), chat.listed()))
    }

    /// Appends what is planned: the next drafts are made, on a thread of their own, while those before them are sealed and sent.
    async fn append_records(
        self,
        source: &mut Source,
        session: &Session<'_>,
        plan: &Plan,
        alignment: &Alignment,
        (now_ms, progress): (u64, &mut dyn FnMut(u64, u64)),
    ) -> Result<Self, ImportError> {
        let (mut done, all) = (0, plan.planned.len() as u64);
        let ids = CaptureIds { conversation: self.conversation, custodian: session.desk.custodian };
        let order = Arc::new(Making::of(source, ids));
        let row = |planned: &Planned| (*planned, alignment.fingerprints[planned.index].message_row());
        let mut parts = plan.planned.chunks(EVENTS_AT_A_TIME).map(|part| part.iter().map(row).collect::<Vec<_>>());
        progress(done, all);
        let mut making = self.making(&order, parts.next().unwrap_or_default());
        loop {
            // Whoever panicked there ends us too: what it had in hand is not known.
            let (chat, made) = making.await.unwrap_or_else(|cause| resume_unwind(cause.into_panic()));
            let (mut drafts, routed) = made?;
            if drafts.is_empty() {
                return Ok(chat);
            }
            making = chat.making(&order, parts.next().unwrap_or_default());
            done += drafts.len() as u64;
            // Before what it is about: if we stop in between it is said twice, and never left out.
            drafts.splice(..0, session.incident(&routed, now_ms)?);
            source.append(drafts).await?;
            progress(done, all);
        }
    }

    /// What was in an earlier read-out, within the range of this one, and is no longer there.
    fn vanished(
        &self,
        ids: CaptureIds,
        print: Option<&Fingerprint>,
        seq: u64,
        now_ms: u64,
    ) -> Result<Draft, EventError> {
        let detail = ChatDetail { what: "vanished".into(), certain: true, ..ChatDetail::default() };
        Record {
            occurred: Occurred::by_source(now_ms),
            channel: self.reader.channel(),
            proof_class: self.reader.proof_class(),
            target: Field::Value(format!("seq:{seq}")),
            detail: Field::Value(detail),
            message_row: print.map(Fingerprint::message_row),
            ..Record::new(EventKind::RecordVanished, ids.conversation, ids.custodian)
        }
        .draft()
    }

    /// Gaps that this capture does not say yet.
    fn undeclared(&self, held: &Held, key: &FingerprintKey) -> Vec<(Gap, Fingerprint)> {
        let printed = self.reader.gaps().iter().map(|gap| (gap.clone(), gap_print(gap, key)));
        printed.filter(|(_, print)| !held.gaps.contains(print)).collect()
    }

    fn manifest(
        &self,
        session: &Session<'_>,
        runs: &[ManifestRun],
        alignment: &Alignment,
        now_ms: u64,
    ) -> Result<Vec<Draft>, ImportError> {
        let manifest = random_id()?;
        let (file, parts) = (self.reader.file(), runs.chunks(LIST_ITEMS_MAX));
        let count = parts.len() as u32;
        let mut file_name = file.name.clone();
        shorten(&mut file_name, NAME_BYTES_MAX);
        let detail = |part: u32| ManifestDetail {
            manifest: manifest.to_vec(),
            part,
            parts: count,
            file_name: file_name.clone(),
            file_sha256: file.sha256.to_vec(),
            file_bytes: file.bytes,
            records: self.reader.records() as u64,
            time_zone: file.time_zone.clone(),
            date_order: file.date_order.clone(),
            shift_minutes_plus_10000: shift_field(alignment.shift_ms),
        };
        let event = |(part, runs): (u32, &[_])| {
            CaptureRecord {
                detail: CaptureDetail::Manifest(detail(part)),
                items: CaptureItems::Runs(runs.to_vec()),
                note: Field::or_none(self.reader.note().filter(|_| part == 0)),
                ..session.capture(EventKind::ReadoutManifest, Some(self.conversation), now_ms)
            }
            .draft()
        };
        Ok((0..).zip(parts).map(event).collect::<Result<_, _>>()?)
    }

    fn outcome(&self, plan: &Plan, alignment: &Alignment, gaps: u64) -> Outcome {
        let (file, mut tally) = (self.reader.file(), self.reader.tally());
        if self.shortened > 0 {
            tally.remarks.push(format!("{} records state a field too long to keep; it was shortened", self.shortened));
        }
        Outcome {
            file: file.name.clone(),
            sha256: file.sha256.to_string(),
            records: self.reader.records() as u64,
            counts: plan.counts(alignment),
            shift_minutes: alignment.shift_ms / 60_000,
            gaps,
            routed_out: self.routed,
            left_out: None,
            tally,
        }
    }

    fn left_out(&self, reason: &'static str) -> Outcome {
        let file = self.reader.file();
        Outcome {
            file: file.name.clone(),
            sha256: file.sha256.to_string(),
            records: self.reader.records() as u64,
            counts: Counts::default(),
            shift_minutes: 0,
            gaps: 0,
            routed_out: 0,
            left_out: Some(reason),
            tally: Tally::default(),
        }
    }
}

fn gap_print(gap: &Gap, key: &FingerprintKey) -> Fingerprint {
    let (from, to) = (gap.from_ms.to_be_bytes(), gap.to_ms.to_be_bytes());
    Fingerprint {
        place: key.mac(b"zegel/gap/place", &[gap.reason.as_bytes(), &from]),
        text: key.mac(b"zegel/gap/text", &[&to]),
        time: key.mac(b"zegel/gap/time", &[&from]),
    }
}

/// Signed integers have no place in the formats: minutes plus 10,000, and 0 for none.
const fn shift_field(shift_ms: i64) -> u32 {
    if shift_ms == 0 { 0 } else { (shift_ms / 60_000 + 10_000) as u32 }
}
