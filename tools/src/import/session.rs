//! One read-out session: opened, one or more chats with their manifests, closed.

use super::mapping::{CaptureIds, fingerprint, message_row, record};
use super::package::{Package, PackageError};
use super::plan::{Counts, Plan, plan};
use crate::entropy::{EntropyError, random_id};
use crate::event::{CaptureDetail, CaptureItems, CaptureRecord, Draft, EventError, Field, Occurred};
use crate::record::{Attached, Record};
use crate::seal::BlobSummary;
use crate::source::{Known, Source, SourceError};
use crate::whatsapp::align::{self, Alignment};
use crate::whatsapp::container::Files;
use crate::whatsapp::fingerprint::{Fingerprint, Fingerprinter};
use crate::whatsapp::{self, AttachmentState, DateOrder, Options, ParseError, Readout};
use jiff::tz::TimeZone;
use std::collections::HashMap;
use thiserror::Error;
use zegel_proto::limits::LIST_ITEMS_MAX;
use zegel_proto::v1::{Channel, ChatDetail, EventKind, ManifestDetail, ProofClass, ReadoutChat, ReadoutDetail};
use zegel_verifier::hash::{Hash, sha256};

/// Events that are sealed and sent before the next ones are made: what memory holds.
const EVENTS_AT_A_TIME: usize = 2_048;

/// Why a read-out cannot be taken in.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The package cannot be opened.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The text is no read-out, or does not decide what must be decided.
    #[error("{file}: {reason}")]
    Parse {
        /// Name of the text.
        file: String,
        /// Why.
        reason: ParseError,
    },
    /// No such zone.
    #[error("{found:?} is not a time zone of the tz database, such as Europe/Amsterdam")]
    TimeZone {
        /// What was given.
        found: String,
    },
    /// An event cannot be made.
    #[error(transparent)]
    Event(#[from] EventError),
    /// Nothing random.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The log did not take it.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// Who reads out, with what: the same for every chat of a session.
#[derive(Clone, Debug)]
pub struct Desk {
    /// Whose device.
    pub custodian: Hash,
    /// The operator's named declaration: a function, or a name if the ministry wants that.
    pub operator: Field<String>,
    /// Which device.
    pub device: Field<String>,
    /// With what, and which version.
    pub tool: String,
    /// The zone that the phone was set to, as the tz database names it.
    pub time_zone: String,
    /// The order of the numbers in dates, for files that do not decide it.
    pub date_order: Option<DateOrder>,
    /// The source's secret for fingerprints.
    pub secret: [u8; 32],
}

/// One chat of a session.
pub struct Order {
    /// Which conversation it is: stated, never guessed.
    pub conversation: Hash,
    /// What was handed over.
    pub package: Package,
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
    /// Name of the text.
    pub file: String,
    /// SHA-256 of the text, in hexadecimal.
    pub sha256: String,
    /// Records in it.
    pub records: u64,
    /// What became of them.
    pub counts: Counts,
    /// How many minutes later the file puts what the log knows.
    pub shift_minutes: i64,
    /// Attachments that the text names and that did not come along.
    pub attachments_missing: u64,
    /// Files that no record names.
    pub files_unclaimed: u64,
    /// Records whose local time a clock change repeats or skips.
    pub times_ambiguous: u64,
}

/// Takes in one session. `now_ms` is asked for the time, `progress` is told the records done and in all, of the chat at hand.
///
/// # Errors
/// [`ImportError`]. What was appended before stays; read out again, it is known.
pub async fn readout(
    source: &mut Source,
    desk: &Desk,
    orders: Vec<Order>,
    skipped: &[Skipped],
    now_ms: impl Fn() -> u64,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Vec<Outcome>, ImportError> {
    let zone = TimeZone::get(&desk.time_zone).map_err(|_| ImportError::TimeZone { found: desk.time_zone.clone() })?;
    let options = Options { time_zone: zone, date_order: desk.date_order };
    // Everything is read and understood before the first event: a file that is refused leaves no trace.
    let mut chats = Vec::with_capacity(orders.len());
    for order in orders {
        chats.push(Chat::read(order, &options)?);
    }
    let (session, opened_ms) = (random_id()?, now_ms());
    source.append(vec![desk.event(EventKind::ReadoutOpened, session, opened_ms, 0, &[])?]).await?;
    let mut outcomes = Vec::with_capacity(chats.len());
    let mut items = Vec::with_capacity(chats.len() + skipped.len());
    for chat in &mut chats {
        outcomes.push(chat.append(source, desk, session, now_ms(), progress).await?);
        let title = chat.package.title().unwrap_or(chat.package.chat_name()).to_owned();
        items.push(ReadoutChat {
            title,
            conversation: chat.ids(desk).conversation.to_vec(),
            skipped_reason: String::new(),
        });
    }
    items.extend(skipped.iter().map(|chat| ReadoutChat {
        title: chat.title.clone(),
        conversation: Vec::new(),
        skipped_reason: chat.reason.clone(),
    }));
    let closed_ms = now_ms();
    let closed =
        desk.event(EventKind::ReadoutClosed, session, closed_ms, closed_ms.saturating_sub(opened_ms), &items)?;
    source.append(vec![closed]).await?;
    Ok(outcomes)
}

impl Desk {
    fn event(
        &self,
        kind: EventKind,
        session: Hash,
        at_ms: u64,
        duration_ms: u64,
        chats: &[ReadoutChat],
    ) -> Result<Draft, EventError> {
        let items = if chats.is_empty() { CaptureItems::None } else { CaptureItems::Chats(chats.to_vec()) };
        let detail = CaptureDetail::Readout(ReadoutDetail { at_ms, duration_ms });
        CaptureRecord { detail, items, ..self.capture(kind, None, session, at_ms) }.draft()
    }

    fn capture(&self, kind: EventKind, conversation: Option<Hash>, session: Hash, at_ms: u64) -> CaptureRecord {
        CaptureRecord {
            kind,
            conversation,
            custodian: self.custodian,
            occurred: Occurred::by_source(at_ms),
            channel: Channel::Whatsapp,
            proof_class: ProofClass::CExportFile,
            session: Field::Value(session),
            operator: self.operator.clone(),
            device: self.device.clone(),
            tool: Field::Value(self.tool.clone()),
            detail: CaptureDetail::None,
            items: CaptureItems::None,
            note: Field::None,
        }
    }
}

/// A chat that was read and understood.
struct Chat {
    conversation: Hash,
    package: Package,
    readout: Readout,
    file_sha256: Hash,
    file_bytes: u64,
    files: Files,
}

impl Chat {
    fn read(order: Order, options: &Options) -> Result<Self, ImportError> {
        let Order { conversation, mut package } = order;
        let bytes = package.chat()?;
        let file = package.chat_name().to_owned();
        let readout = whatsapp::parse(&bytes, options).map_err(|reason| ImportError::Parse { file, reason })?;
        let files = package.attachments(&readout.records);
        let (file_sha256, file_bytes) = (sha256(&[&bytes]), bytes.len() as u64);
        Ok(Self { conversation, package, readout, file_sha256, file_bytes, files })
    }

    fn ids(&self, desk: &Desk) -> CaptureIds {
        CaptureIds { conversation: self.conversation, custodian: desk.custodian }
    }

    async fn append(
        &mut self,
        source: &mut Source,
        desk: &Desk,
        session: Hash,
        now_ms: u64,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Outcome, ImportError> {
        let known = source.known(desk.custodian, self.conversation).await?;
        let (held, reported) = sort_known(&known);
        let alignment = align::align(&held, &self.readout.records, &Fingerprinter::new(&desk.secret));
        let plan = plan(&held, &alignment, known.next_conversation_seq, &reported);
        self.append_records(source, desk, &plan, &alignment, progress).await?;
        let gone = plan.vanished.iter().map(|seq| self.vanished(desk, &held, *seq, now_ms));
        source.append(gone.collect::<Result<_, _>>()?).await?;
        source.append(self.manifest(desk, session, &plan, &alignment, now_ms)?).await?;
        Ok(self.outcome(&plan, &alignment))
    }

    async fn append_records(
        &mut self,
        source: &mut Source,
        desk: &Desk,
        plan: &Plan,
        alignment: &Alignment,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), ImportError> {
        let (mut done, all) = (0, plan.planned.len() as u64);
        for chunk in plan.planned.chunks(EVENTS_AT_A_TIME) {
            let mut drafts = Vec::with_capacity(chunk.len());
            for planned in chunk {
                let attached = self.attached(source, planned.index)?;
                let (read, print) = (&self.readout.records[planned.index], &alignment.fingerprints[planned.index]);
                drafts.push(record(self.ids(desk), read, planned.row, print, attached).draft()?);
            }
            done += drafts.len() as u64;
            source.append(drafts).await?;
            progress(done, all);
        }
        Ok(())
    }

    /// The attachments of a record, those that came along encrypted into the source's spool.
    fn attached(&mut self, source: &Source, index: usize) -> Result<Vec<Attached>, ImportError> {
        let named = self.readout.records[index].attachments.clone();
        let mut attached = Vec::with_capacity(named.len());
        for (number, each) in named.into_iter().enumerate() {
            let (name, media_type) = (each.name.unwrap_or_default(), String::new());
            let found = self.files.found.iter().find(|found| (found.record, found.attachment) == (index, number));
            attached.push(match (each.state, found.map(|found| found.entry)) {
                (AttachmentState::LeftOut(_), _) => Attached::LeftOut { name, media_type },
                (AttachmentState::Attached, None) => Attached::Missing { name, media_type },
                (AttachmentState::Attached, Some(entry)) => {
                    let store = |mut reader: &mut dyn std::io::Read| -> Result<BlobSummary, ImportError> {
                        Ok(source.store_blob(&mut reader)?)
                    };
                    Attached::Present { name, media_type, blob: self.package.attachment(entry, store)? }
                }
            });
        }
        Ok(attached)
    }

    /// What was in an earlier read-out, within the range of this one, and is no longer there.
    fn vanished(&self, desk: &Desk, held: &[align::Known], seq: u64, now_ms: u64) -> Result<Draft, EventError> {
        let print = held.iter().find(|known| known.conversation_seq == seq).map(|known| known.fingerprint);
        let ids = self.ids(desk);
        let detail = ChatDetail { what: "vanished".into(), certain: true, ..ChatDetail::default() };
        Record {
            occurred: Occurred::by_source(now_ms),
            channel: Channel::Whatsapp,
            proof_class: ProofClass::CExportFile,
            target: Field::Value(format!("seq:{seq}")),
            detail: Field::Value(detail),
            message_row: print.map(|print| message_row(&print)),
            ..Record::new(EventKind::RecordVanished, ids.conversation, ids.custodian)
        }
        .draft()
    }

    fn manifest(
        &self,
        desk: &Desk,
        session: Hash,
        plan: &Plan,
        alignment: &Alignment,
        now_ms: u64,
    ) -> Result<Vec<Draft>, ImportError> {
        let manifest = random_id()?;
        let parts = plan.runs.chunks(LIST_ITEMS_MAX);
        let count = parts.len() as u32;
        let detail = |part: u32| ManifestDetail {
            manifest: manifest.to_vec(),
            part,
            parts: count,
            file_name: self.package.chat_name().into(),
            file_sha256: self.file_sha256.to_vec(),
            file_bytes: self.file_bytes,
            records: self.readout.records.len() as u64,
            time_zone: desk.time_zone.clone(),
            date_order: date_order_name(self.readout.format.date_order).into(),
            shift_minutes_plus_10000: shift_field(alignment.shift_ms),
        };
        let event = |(part, runs): (u32, &[_])| {
            CaptureRecord {
                detail: CaptureDetail::Manifest(detail(part)),
                items: CaptureItems::Runs(runs.to_vec()),
                ..desk.capture(EventKind::ReadoutManifest, Some(self.conversation), session, now_ms)
            }
            .draft()
        };
        Ok((0..).zip(parts).map(event).collect::<Result<_, _>>()?)
    }

    fn outcome(&self, plan: &Plan, alignment: &Alignment) -> Outcome {
        let records = &self.readout.records;
        Outcome {
            file: self.package.chat_name().into(),
            sha256: self.file_sha256.to_string(),
            records: records.len() as u64,
            counts: plan.counts(alignment),
            shift_minutes: alignment.shift_ms / 60_000,
            attachments_missing: self.files.missing.len() as u64,
            files_unclaimed: self.files.unclaimed.len() as u64,
            times_ambiguous: records.iter().filter(|record| record.occurred.ambiguous()).count() as u64,
        }
    }
}

/// What the log holds of the capture as records of a file, and which of those were reported gone before.
fn sort_known(known: &Known) -> (Vec<align::Known>, Vec<u64>) {
    let mut held: Vec<align::Known> = Vec::with_capacity(known.rows.len());
    let mut seq_of: HashMap<Fingerprint, u64> = HashMap::new();
    let mut reported = Vec::new();
    for row in &known.rows {
        let Some(fingerprint) = fingerprint(&row.message_row) else { continue };
        if row.kind == EventKind::RecordVanished as u32 {
            reported.extend(seq_of.get(&fingerprint));
            continue;
        }
        seq_of.insert(fingerprint, row.conversation_seq);
        held.push(align::Known { fingerprint, conversation_seq: row.conversation_seq });
    }
    (held, reported)
}

/// Name of a date order, as on the command line and in manifests.
#[must_use]
pub(super) const fn date_order_name(order: DateOrder) -> &'static str {
    match order {
        DateOrder::DayMonthYear => "dmy",
        DateOrder::MonthDayYear => "mdy",
        DateOrder::YearMonthDay => "ymd",
    }
}

/// Signed integers have no place in the formats: minutes plus 10,000, and 0 for none.
const fn shift_field(shift_ms: i64) -> u32 {
    if shift_ms == 0 { 0 } else { (shift_ms / 60_000 + 10_000) as u32 }
}
