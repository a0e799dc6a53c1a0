//! The way out: what is spooled is numbered, sealed, signed and appended, in order, by the library of a source.
//!
//! The crash story. A record leaves the journal only when its event is in the log under a checked receipt, or in quarantine. If
//! we stop in between, the ledger is asked before anything is appended again: it keeps the keyed digests of each capture. A
//! record that stands in no capture is appended alone, behind a note of the batch that it will be: the chain says whether it
//! was taken.
//!
//! A refusal that is about a batch halves what is sent together, until the event at fault stands alone and is put aside. Only
//! an append can be refused so, only while chain, log and archive keys are what we believed, and not over and over (`refusals`).

mod aside;
mod attachments;
mod holding;
mod refusals;

use super::intake::Intake;
use super::journal::{JournalReader, Settled, Spooled, drop_settled};
use super::judge::Fault;
use super::{SidecarError, drafts, quarantine};
use crate::event::Draft;
use crate::record::Attached;
use crate::rubricering;
use crate::seal::{BlobError, SealError};
use crate::source::{Backoff, Denied, LedgerError, OlderState, ReceiptError, Source, SourceConfig, SourceError};
use attachments::Encrypted;
use holding::{Logged, gap_of};
use refusals::Refusals;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tonic::Code;
use zegel_proto::source::v1::{Attachment, request};
use zegel_proto::v1::{ReadStreamRequest, StreamType};
use zegel_verifier::hash::Hash;

/// Events that are appended together: four full batches.
const GROUP_MAX: usize = 1_024;
/// Bytes of those, more or less: bounds memory, and what a full disk must have room for before it gets emptier.
const GROUP_BYTES: u64 = 4 * 1024 * 1024;
/// Between attempts at a ledger that is not there.
const AWAY: Duration = Duration::from_secs(2);

/// Why the way out is blocked, and whether that may pass.
enum Block {
    /// Try again after a while.
    Passing(Fault),
    /// Until a person has looked.
    Lasting(Fault),
    /// One of the events that were sent together is at fault.
    Poison(u32, String),
    /// What was sent was made for what the log was before: make it anew.
    Outdated,
}

/// The way out of one log.
pub(super) struct Committer {
    intake: Arc<Intake>,
    source: Source,
    reader: JournalReader,
    settled: Settled,
    /// Of each capture that was used in this run: what the log has of it.
    logged: HashMap<(Hash, Hash), Logged>,
    /// How often keys had been forgotten when they were asked for.
    forgotten: u64,
    /// When the policies of the ministry were asked for last.
    asked_at: Instant,
    together: usize,
    refusals: Refusals,
    encrypted: Encrypted,
}

/// The configuration of the library for this source.
pub(super) fn source_config(intake: &Intake, older_state: OlderState) -> Result<SourceConfig, SidecarError> {
    let trust = intake.config.trust()?;
    Ok(SourceConfig {
        ledger: intake.config.ledger.clone(),
        tls_ca: Some(crate::disk::read(&intake.config.ca)?),
        origin: trust.origin().into(),
        root_key: Hash(*trust.root_key()),
        log_key: None,
        spool: intake.folder("chain"),
        backoff: Backoff { first: Duration::from_millis(100), max: Duration::from_secs(1), attempts_max: 3 },
        older_state,
        denied: Denied::Keep,
    })
}

/// Appends what is spooled until the process ends.
pub(super) async fn run(intake: Arc<Intake>) -> Result<(), SidecarError> {
    // Whatever ends a connection, what was found out about events stays known.
    let (mut together, mut refusals) = (GROUP_MAX, Refusals::default());
    loop {
        let (config, client) = (source_config(&intake, OlderState::Refuse)?, intake.config.client()?);
        let opened = Source::open_as(intake.config.identity()?, config, client.as_ref()).await;
        let block = match opened {
            Ok(source) => {
                intake.set_finding(None);
                match Committer::begin(Arc::clone(&intake), source) {
                    Ok(mut committer) => {
                        (committer.together, committer.refusals) = (together, std::mem::take(&mut refusals));
                        let block = committer.go_on().await;
                        (together, refusals) = (committer.together, committer.refusals);
                        block
                    }
                    Err(reason) => sort_own(&reason),
                }
            }
            Err(reason) => sort(&reason),
        };
        match block {
            Block::Passing(fault) => intake.set_finding(Some(fault)),
            Block::Lasting(fault) => {
                intake.set_finding(Some(fault));
                std::future::pending::<()>().await;
            }
            Block::Poison(_, sentence) => intake.set_finding(Some(Fault::new("ledger_refused", sentence))),
            Block::Outdated => {}
        }
        tokio::time::sleep(AWAY).await;
    }
}

impl Committer {
    fn begin(intake: Arc<Intake>, source: Source) -> Result<Self, SidecarError> {
        let mut settled = Settled::read(&intake.config.spool)?;
        if let Some(batch_seq) = settled.alone.take()
            && source.head().next_batch_seq > batch_seq
        {
            // It was taken: the batch in which it stood alone is in the chain.
            let mut reader = JournalReader::new(&intake.folder("journal"), &intake.key);
            let entry = source.checkpoint().map_or(0, |checkpoint| checkpoint.size().saturating_sub(1));
            let taken: Vec<_> = reader.read(settled.next, settled.next + 1, 1, GROUP_BYTES)?;
            intake.settle(&taken.into_iter().map(|spooled| (spooled, entry, 0)).collect::<Vec<_>>())?;
            settled.next += 1;
        }
        settled.write(&intake.config.spool)?;
        // We may have stopped before what was settled went.
        drop_settled(&intake.folder("journal"), settled.next)?;
        intake.set_settled(settled.next);
        let reader = JournalReader::new(&intake.folder("journal"), &intake.key);
        Ok(Self {
            intake,
            source,
            reader,
            settled,
            logged: HashMap::new(),
            forgotten: 0,
            asked_at: Instant::now(),
            together: GROUP_MAX,
            refusals: Refusals::default(),
            encrypted: Encrypted::default(),
        })
    }

    /// Goes on until something is in the way.
    async fn go_on(&mut self) -> Block {
        loop {
            let went = match self.step().await {
                Ok(true) => {
                    self.intake.set_finding(None);
                    self.let_go()
                }
                Ok(false) => {
                    self.intake.wake.notified().await;
                    Ok(())
                }
                Err(Block::Poison(number, sentence)) if self.together == 1 => {
                    self.refused_alone(number, &sentence).await
                }
                Err(Block::Poison(..)) => {
                    self.together = (self.together / 2).max(1);
                    self.logged.clear();
                    Ok(())
                }
                Err(Block::Outdated) => {
                    self.logged.clear();
                    Ok(())
                }
                Err(block) => Err(block),
            };
            if let Err(block) = went {
                return block;
            }
        }
    }

    /// Appends what comes next; false if there is nothing.
    async fn step(&mut self) -> Result<bool, Block> {
        let (from, end) = (self.settled.next, self.intake.durable());
        let group =
            self.reader.read(from, end, self.together, GROUP_BYTES).map_err(|reason| sort_own(&reason.into()))?;
        let Some(first) = group.first().cloned() else { return Ok(false) };
        if let Some(lost) = &first.lost {
            self.put_aside_lost(&first, lost).map_err(|reason| sort_own(&reason))?;
            return Ok(true);
        }
        if is_alone(&first) {
            self.append_alone(first).await?;
            return Ok(true);
        }
        let found = group.len();
        // A conversation is registered before the batch that names it.
        let is_alike = |spooled: &Spooled| {
            spooled.lost.is_none() && !is_alone(spooled) && is_registration(spooled) == is_registration(&first)
        };
        let group: Vec<Spooled> = group.into_iter().take_while(is_alike).collect();
        let is_whole = group.len() == found;
        self.append_group(group).await?;
        if is_whole {
            self.together = (self.together * 2).min(GROUP_MAX);
        }
        Ok(true)
    }

    /// Appends records that stand in captures, but for those that the log has.
    async fn append_group(&mut self, group: Vec<Spooled>) -> Result<(), Block> {
        let (mut places, mut drafts, mut drafted) = (Vec::with_capacity(group.len()), Vec::new(), Vec::new());
        self.ask_policies().await?;
        self.let_go_of_logged();
        for (at, spooled) in group.iter().enumerate() {
            let made = self.drafts(spooled).map_err(|reason| sort(&reason))?;
            // What is said beside a record stands before it.
            let known = match made.last().and_then(Draft::capture) {
                Some(capture) => {
                    let known = self.logged_at(capture, spooled).await?;
                    if known.is_some() { known } else { self.held_back(capture, spooled)? }
                }
                None if made.is_empty() => Some((0, 0)),
                None => self.registered_at(Hash::read(&spooled.conversation).unwrap_or(Hash::ZERO)).await?,
            };
            places.push(known);
            if known.is_none() {
                drafted.extend(made.iter().map(|_| at));
                drafts.extend(made);
            }
        }
        let together = self.together;
        let placed = self.append(drafts).await;
        if placed.is_err() {
            // Whether some of it is in the log is the ledger's to say.
            self.logged.clear();
            self.together = together.min(group.len()).max(1);
        }
        for (at, placed) in drafted.into_iter().zip(placed?) {
            places[at] = Some((placed.entry, placed.position));
        }
        let settled = group.into_iter().zip(places).map(|(spooled, place)| {
            let (entry, position) = place.unwrap_or_default();
            (spooled, entry, position)
        });
        self.settle(settled.collect())
    }

    /// Appends a record that stands in no capture, in a batch of its own.
    async fn append_alone(&mut self, spooled: Spooled) -> Result<(), Block> {
        self.ask_policies().await?;
        let drafts = self.drafts(&spooled).map_err(|reason| sort(&reason))?;
        self.source.flush().await.map_err(|reason| sort(&reason))?;
        self.settled.alone = Some(self.source.head().next_batch_seq);
        self.settled.write(&self.intake.config.spool).map_err(|reason| sort_own(&reason.into()))?;
        let placed = self.append(drafts).await;
        if matches!(placed, Err(Block::Poison(..))) {
            (self.settled.alone, self.together) = (None, 1);
        }
        let place = placed?.first().map_or((0, 0), |placed| (placed.entry, placed.position));
        self.settle(vec![(spooled, place.0, place.1)])
    }

    async fn registered_at(&self, id: Hash) -> Result<Option<(u64, u32)>, Block> {
        let request = ReadStreamRequest {
            origin: self.source.origin().into(),
            stream: StreamType::StreamConversation as i32,
            id: id.to_vec(),
            month: 0,
        };
        let away = |status: tonic::Status| sort(&LedgerError::of(&status).into());
        match self.source.connection().client().read_stream(request).await {
            Ok(pages) => {
                let page = pages.into_inner().message().await.map_err(away)?;
                Ok(page.and_then(|page| page.places.first().map(|place| (place.entry, place.position))))
            }
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(away(status)),
        }
    }

    fn drafts(&self, spooled: &Spooled) -> Result<Vec<Draft>, SourceError> {
        let permitted = self.source.registry().and_then(|registry| registry.policy(rubricering::POLICY));
        let mut is_routed = false;
        let mut drafts = drafts::drafts(spooled, (permitted, &mut is_routed), &mut |attachments| {
            attachments.iter().map(|each| self.attached(each, spooled)).collect()
        })?;
        if let Some((custodian, _)) = drafts.first().and_then(Draft::capture).filter(|_| is_routed) {
            let gap = gap_of(custodian, rubricering::INCIDENT, spooled.received_at_ms, String::new());
            // Stopped between the two, it is stated twice, and is never missing.
            drafts.insert(0, drafts::beside(spooled, &gap, custodian)?);
        }
        Ok(drafts)
    }

    fn attached(&self, attachment: &Attachment, spooled: &Spooled) -> Result<Attached, SourceError> {
        let (name, media_type) = (attachment.name.clone(), attachment.media_type.clone());
        if attachment.upload.is_empty() {
            let left_out = Attached::LeftOut { name: name.clone(), media_type: media_type.clone() };
            return Ok(if attachment.left_out { left_out } else { Attached::Missing { name, media_type } });
        }
        let upload = self.intake.upload_mac(&attachment.upload);
        let whole = self.intake.uploads.whole(upload)?;
        let stored = whole.map(|mut plain| {
            let store = || self.source.blob_spool().store(&mut plain);
            self.encrypted.once((spooled.number, upload), || tokio::task::block_in_place(store))
        });
        if let Some(Ok(blob)) = stored {
            return Ok(Attached::Present { name, media_type, blob });
        }
        match (self.intake.uploads.damage(upload)?, stored) {
            (Some(damage), _) => self.put_aside_upload(spooled, &damage)?,
            (None, Some(Err(reason))) => return Err(reason),
            (None, _) => {}
        }
        Ok(Attached::Missing { name, media_type })
    }

    fn settle(&mut self, records: Vec<(Spooled, u64, u32)>) -> Result<(), Block> {
        let next = records.last().map_or(self.settled.next, |(spooled, ..)| spooled.number + 1);
        let settle = || {
            self.intake.settle(&records)?;
            Settled { next, alone: None }.write(&self.intake.config.spool)?;
            drop_settled(&self.intake.folder("journal"), next)?;
            Ok(())
        };
        settle().map_err(|reason: SidecarError| sort_own(&reason))?;
        self.settled = Settled { next, alone: None };
        self.intake.set_settled(next);
        Ok(())
    }
}

/// Whether a record stands in no capture: the ledger keeps no digest of it.
fn is_alone(spooled: &Spooled) -> bool {
    spooled.conversation.is_empty()
}

/// Whether it registers a conversation: the ledger knows whether it did.
fn is_registration(spooled: &Spooled) -> bool {
    let content = spooled.request.as_ref().and_then(|request| request.content.as_ref());
    matches!(content, Some(request::Content::Register(_)))
}

/// What stops us, by name.
fn sort(reason: &SourceError) -> Block {
    let sentence = reason.to_string();
    let fault = |name| Fault::new(name, sentence.clone());
    match reason {
        SourceError::Ledger(LedgerError::Unreachable { .. }) => Block::Passing(fault("ledger_unreachable")),
        SourceError::Ledger(LedgerError::Refused { code: Code::PermissionDenied | Code::Unauthenticated, .. }) => {
            Block::Passing(fault("key_refused"))
        }
        SourceError::Ledger(_) => Block::Passing(fault("ledger_refused")),
        // It would be as long tomorrow.
        SourceError::Blob(BlobError::TooLarge { .. }) => Block::Poison(quarantine::UNFIT, sentence),
        SourceError::Disk(_) | SourceError::Blob(_) | SourceError::Entropy(_) => Block::Passing(fault("disk_full")),
        SourceError::Seal(SealError::TooLarge { .. } | SealError::Canonical(_))
        | SourceError::Event(_)
        | SourceError::Canonical(_) => Block::Poison(quarantine::UNFIT, sentence),
        SourceError::Seal(_) => Block::Passing(fault("no_archive_keys")),
        SourceError::ChainDiffers { .. } => Block::Lasting(fault("chain_differs")),
        SourceError::Receipt { .. } => Block::Lasting(fault("receipt_refused")),
        // A follower that is behind catches up; a ledger that was put back does not, whatever it is given.
        SourceError::Checkpoint(ReceiptError::Shorter { .. }) => Block::Passing(fault("log_rewritten")),
        SourceError::Checkpoint(_) | SourceError::View(_) => Block::Lasting(fault("log_rewritten")),
        SourceError::Key(_) | SourceError::Locked { .. } | SourceError::Malformed { .. } => {
            Block::Lasting(fault("spool_unusable"))
        }
    }
}

fn sort_own(reason: &SidecarError) -> Block {
    Block::Passing(Fault::new("disk_full", reason.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attachment_that_no_ledger_takes_is_put_aside_and_a_full_disk_is_waited_for() {
        let too_large = BlobError::TooLarge { max: 9 };
        let sentence = too_large.to_string();
        assert!(
            matches!(sort(&too_large.into()), Block::Poison(quarantine::UNFIT, why) if why == sentence && why.contains('9'))
        );
        let full = BlobError::Io { kind: std::io::ErrorKind::StorageFull, reason: "full".into() };
        assert!(matches!(sort(&full.into()), Block::Passing(fault) if fault.name == "disk_full"));
    }
}
