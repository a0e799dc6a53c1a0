//! A source against a ledger that breaks down: nothing is lost, nothing is there twice, nothing wrong is believed.

mod fake;

use fake::{FakeLedger, Fault};
use std::collections::BTreeSet;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tonic::{Code, Status};
use zegel_proto::v1::{AppendRequest, EventHeader, EventKind, KeyWrap};
use zegel_tools::event::{ConversationEntry, CustodianEntry, Draft, Field, Occurred};
use zegel_tools::keys::{Actor, Identity, KeyFolder};
use zegel_tools::officer::{Officer, bootstrap};
use zegel_tools::record::{Attached, Record};
use zegel_tools::seal::{DossierKey, open_checked};
use zegel_tools::source::{
    Backoff, Denied, LedgerError, OlderState, Placed, ReceiptError, Source, SourceConfig, SourceError, ViewError,
};
use zegel_verifier::hash::{Hash, sha256};

const ORIGIN: &str = "chat.example.nl/minbzk";

struct World {
    _folder: TempDir,
    keys: KeyFolder,
    ledger: FakeLedger,
    address: String,
    custodian: Hash,
    conversation: Hash,
}

impl World {
    /// A log that has begun, with one custodian and one conversation.
    async fn begin() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = KeyFolder::init(&folder.path().join("keys"), ORIGIN, "BZK").expect("keys");
        let ledger = FakeLedger::new(ORIGIN, keys.signing_key(Actor::Log).expect("the log's key"));
        let address = format!("http://{}", ledger.serve().await);
        bootstrap(&keys, &address).await.expect("begun");
        let mut officer = Officer::open(&keys, &address).await.expect("an officer");
        let custodian = CustodianEntry { name: "J. Jansen".into(), ..CustodianEntry::default() };
        let custodian = officer.register_custodian(&custodian).await.expect("registered").id;
        let conversation = ConversationEntry { title: "Ploeg 3".into(), ..ConversationEntry::default() };
        let conversation = officer.register_conversation(&conversation).await.expect("registered").id;
        Self { _folder: folder, keys, ledger, address, custodian, conversation }
    }

    fn config(&self) -> SourceConfig {
        let patience = Backoff { first: Duration::ZERO, max: Duration::ZERO, attempts_max: 4 };
        let config = SourceConfig::of_folder(&self.keys, Actor::Source, &self.address).expect("a configuration");
        SourceConfig { backoff: patience, ..config }
    }

    async fn open(&self, config: SourceConfig) -> Result<Source, SourceError> {
        Source::open(self.keys.identity(Actor::Source).expect("a key"), config).await
    }

    async fn source(&self) -> Source {
        self.open(self.config()).await.expect("a source")
    }

    fn record(&self, text: &str) -> Record {
        let mut record = Record::new(EventKind::MessageCreated, self.conversation, self.custodian);
        record.occurred = Occurred::by_source(1_651_572_660_000);
        record.text = Field::Value(text.into());
        record
    }

    fn drafts(&self, count: usize) -> Vec<Draft> {
        (0..count).map(|number| self.record(&format!("bericht {number}")).draft().expect("a draft")).collect()
    }

    /// The texts in the log, opened with one archive key, with their numbers.
    fn texts(&self) -> Vec<(u64, String)> {
        let keys = &self.keys.archive_keys().expect("keys")[1..];
        let state = self.ledger.state();
        let batches: Vec<&AppendRequest> = state.batches.iter().flatten().collect();
        let envelopes = batches.iter().flat_map(|batch| &batch.envelopes);
        let dossiers: Vec<DossierKey> = envelopes
            .map(|envelope| DossierKey::open(envelope, sha256(&[envelope]), ORIGIN, keys).expect("opened"))
            .collect();
        let mut texts = Vec::new();
        for batch in batches {
            for (bytes, sealed) in batch.headers.iter().zip(&batch.bodies) {
                let header: EventHeader = zegel_proto::parse(bytes).expect("a header");
                if header.kind() != EventKind::MessageCreated {
                    continue;
                }
                let wrap: KeyWrap = zegel_proto::parse(&sealed.wrap).expect("a wrap");
                let dossier = dossiers.iter().find(|key| key.id().0[..] == wrap.dossier[..]).expect("a dossier");
                let opened = open_checked(bytes, &sealed.ciphertext, &sealed.wrap, ORIGIN, dossier).expect("opened");
                let text: Vec<u8> = opened.1.items(11).iter().flatten().flatten().copied().collect();
                texts.push((header.conversation_seq, String::from_utf8(text).expect("text")));
            }
        }
        texts
    }

    fn check_texts(&self, count: usize) {
        let wanted: Vec<(u64, String)> =
            (0..count as u64).map(|number| (number, format!("bericht {number}"))).collect();
        assert_eq!(self.texts(), wanted);
    }
}

#[tokio::test]
async fn every_message_is_in_the_log_once_numbered_and_opens() {
    let world = World::begin().await;
    let placed = world.source().await.append(world.drafts(600)).await.expect("appended");
    world.check_texts(600);
    let numbers: Vec<u64> = placed.iter().map(|placed| placed.conversation_seq).collect();
    assert_eq!(numbers, (0..600).collect::<Vec<_>>());
    let (first, last) = (placed[0], placed[599]);
    // Entry 0 is genesis, 1 and 2 are registrations; 600 events are three batches of at most 256.
    assert_eq!(first, Placed { entry: 3, position: 0, conversation_seq: 0 });
    assert_eq!(last, Placed { entry: 5, position: 87, conversation_seq: 599 });
}

#[tokio::test]
async fn a_second_run_goes_on_with_the_next_number_under_a_new_dossier() {
    let world = World::begin().await;
    let drafts = world.drafts(20);
    world.source().await.append(drafts[..10].to_vec()).await.expect("appended");
    world.source().await.append(drafts[10..].to_vec()).await.expect("appended");
    world.check_texts(20);
    // One of the officer's two runs of one dossier each, and two of the source.
    assert_eq!(world.ledger.state().envelopes.len(), 4);
}

#[tokio::test]
async fn a_ledger_that_is_not_available_is_asked_again() {
    let world = World::begin().await;
    world.ledger.fail([Fault::Unavailable, Fault::Unavailable, Fault::Unavailable]);
    world.source().await.append(world.drafts(5)).await.expect("appended");
    world.check_texts(5);
}

#[tokio::test]
async fn a_batch_for_which_a_disk_has_no_room_waits_and_goes_when_there_is() {
    let world = World::begin().await;
    let mut source = world.source().await;
    world.ledger.fail([Fault::DiskFull; 4]);
    let failed = source.append(world.drafts(5)).await;
    let gave_up = matches!(failed, Err(SourceError::Ledger(LedgerError::Unreachable { attempts: 4, .. })));
    assert!(gave_up, "{failed:?}");
    assert_eq!(source.waiting(), Ok(1));
    source.flush().await.expect("sent");
    world.check_texts(5);
    assert_eq!(source.waiting(), Ok(0));
}

#[tokio::test]
async fn a_blob_that_goes_on_elsewhere_than_we_thought_takes_no_batch_with_it() {
    let world = World::begin().await;
    let mut source = world.source().await;
    let blob = source.blob_spool().store(&mut &b"a picture"[..]).expect("stored");
    let (name, media_type) = ("bord.jpg".into(), "image/jpeg".into());
    let mut record = world.record("bericht 0");
    record.attachments = Field::Value(vec![Attached::Present { name, media_type, blob }]);
    // As a ledger says while the call that broke off is still being written, and when it had to begin anew.
    let elsewhere = tonic::Status::failed_precondition("the piece begins at 0, the blob goes on at 5");
    let anew = tonic::Status::invalid_argument("what was there of it is thrown away");
    world.ledger.state().blob_faults.extend([elsewhere, anew]);
    source.append(vec![record.draft().expect("a draft")]).await.expect("appended");
    world.check_texts(1);
}

#[tokio::test]
async fn a_lost_receipt_is_found_again_and_nothing_is_there_twice() {
    let world = World::begin().await;
    world.ledger.fail([Fault::LoseReceipt]);
    let placed = world.source().await.append(world.drafts(5)).await.expect("appended");
    assert_eq!(placed[0].entry, 3);
    world.check_texts(5);
    assert_eq!(world.ledger.state().entries.len(), 4);
}

#[tokio::test]
async fn a_stream_that_ends_early_is_taken_up_where_it_ended() {
    let world = World::begin().await;
    world.ledger.fail([Fault::None, Fault::LoseReceipt, Fault::Unavailable, Fault::None, Fault::LoseReceipt]);
    let placed = world.source().await.append(world.drafts(1_500)).await.expect("appended");
    assert_eq!(placed.len(), 1_500);
    world.check_texts(1_500);
}

#[tokio::test]
async fn an_outbox_outlives_its_process_and_goes_first() {
    let world = World::begin().await;
    world.ledger.fail([Fault::LoseReceipt, Fault::Unavailable, Fault::Unavailable, Fault::Unavailable]);
    let mut source = world.source().await;
    let failed = source.append(world.drafts(3)).await;
    let is_unreachable = matches!(failed, Err(SourceError::Ledger(LedgerError::Unreachable { attempts: 4, .. })));
    assert!(is_unreachable, "{failed:?}");
    assert_eq!(source.waiting(), Ok(1));
    drop(source);
    let mut again = world.source().await;
    assert_eq!(again.waiting(), Ok(0));
    again.append(world.drafts(6)[3..].to_vec()).await.expect("appended");
    world.check_texts(6);
}

#[tokio::test]
async fn a_refused_batch_is_put_aside_and_the_chain_goes_on() {
    let world = World::begin().await;
    let mut source = world.source().await;
    source.append(world.drafts(1)).await.expect("appended");
    world.ledger.fail([Fault::Refuse]);
    let refused = source.append(world.drafts(1)).await;
    let no = LedgerError::Refused { code: Code::FailedPrecondition, message: "no".into() };
    assert_eq!(refused, Err(SourceError::Ledger(no)));
    assert_eq!(source.waiting(), Ok(0));
    let aside = world.keys.spool(Actor::Source).join("refused");
    assert_eq!(std::fs::read_dir(aside).expect("a folder").count(), 1);
    source.append(world.drafts(3)[1..].to_vec()).await.expect("appended");
    world.check_texts(3);
}

#[tokio::test]
async fn of_refused_batches_the_newest_are_kept_and_no_more() {
    let world = World::begin().await;
    let mut source = world.source().await;
    let aside = world.keys.spool(Actor::Source).join("refused");
    let refused = || -> BTreeSet<String> {
        let names = std::fs::read_dir(&aside).expect("a folder").map(|item| item.expect("an item").file_name());
        names.map(|name| name.into_string().expect("text")).collect()
    };
    for _ in 0..40 {
        world.ledger.fail([Fault::Refuse]);
        assert!(matches!(source.append(world.drafts(1)).await, Err(SourceError::Ledger(LedgerError::Refused { .. }))));
    }
    let wanted: BTreeSet<String> = (8..40).map(|times| format!("{:020}-{times}.append", 0)).collect();
    assert_eq!(refused(), wanted);
    source.append(world.drafts(1)).await.expect("appended");
    world.check_texts(1);
}

fn denied() -> SourceError {
    LedgerError::Refused { code: Code::PermissionDenied, message: "the key has ended".into() }.into()
}

#[tokio::test]
async fn a_batch_that_is_denied_is_put_aside_or_kept_byte_for_byte_as_the_source_was_told() {
    let world = World::begin().await;
    let spool = world.keys.spool(Actor::Source);
    let files = |name: &str| -> Vec<Vec<u8>> {
        let items = std::fs::read_dir(spool.join(name)).expect("a folder").map(|item| item.expect("an item").path());
        items.map(|path| std::fs::read(path).expect("read")).collect()
    };
    world.ledger.fail([Fault::Deny]);
    let mut source = world.source().await;
    assert_eq!(source.append(world.drafts(1)).await, Err(denied()));
    assert_eq!((files("outbox").len(), files("refused").len()), (0, 1));
    drop(source);

    let keeping = || SourceConfig { denied: Denied::Keep, ..world.config() };
    let mut source = world.open(keeping()).await.expect("a source");
    world.ledger.fail([Fault::Deny; 3]);
    assert_eq!(source.append(world.drafts(1)).await, Err(denied()));
    let kept = files("outbox");
    assert_eq!(source.flush().await, Err(denied()));
    drop(source);
    assert_eq!(world.open(keeping()).await.map(|_| ()), Err(denied()));
    assert_eq!((files("outbox"), files("refused").len()), (kept, 1));
    world.open(keeping()).await.expect("a source");
    world.check_texts(1);
}

#[tokio::test]
async fn a_batch_of_an_earlier_key_is_put_aside_once_it_is_denied() {
    let world = World::begin().await;
    let keeping = || SourceConfig { denied: Denied::Keep, ..world.config() };
    let mut source = world.open(keeping()).await.expect("a source");
    world.ledger.fail([Fault::Deny; 2]);
    assert_eq!(source.append(world.drafts(1)).await, Err(denied()));
    let (actor, new) = (source.identity().actor(), world.keys.signing_key(Actor::Officer).expect("another key"));
    drop(source);
    let renewed = || Source::open(Identity::new(actor, new.clone()), keeping());
    assert_eq!(renewed().await.map(|_| ()), Err(denied()));
    let mut source = renewed().await.expect("a source");
    assert_eq!(source.waiting(), Ok(0));
    source.append(world.drafts(1)).await.expect("appended");
    world.check_texts(1);
}

#[tokio::test]
async fn a_log_with_less_than_was_seen_of_it_is_no_continuation() {
    let world = World::begin().await;
    let mut source = world.source().await;
    source.append(world.drafts(1)).await.expect("appended");
    let last = world.ledger.state().entries.pop().expect("an entry");
    let shorter = SourceError::Checkpoint(ReceiptError::Shorter { found: 3, seen: 4 });
    assert_eq!(source.refresh().await, Err(shorter.clone()));
    drop(source);
    assert_eq!(world.open(world.config()).await.map(|_| ()), Err(shorter));
    // It is back.
    world.ledger.state().entries.push(last);
    world.source().await.append(world.drafts(2)[1..].to_vec()).await.expect("appended");
    world.check_texts(2);
}

#[tokio::test]
async fn refuses_a_receipt_that_does_not_hold_and_keeps_the_batch() {
    for fault in [Fault::OtherRoot, Fault::OtherEntry] {
        let world = World::begin().await;
        let mut source = world.source().await;
        world.ledger.fail([fault]);
        let refused = source.append(world.drafts(1)).await;
        let reason = match refused {
            Err(SourceError::Receipt { batch_seq: 0, reason }) => reason,
            other => panic!("{fault:?}: {other:?}"),
        };
        match fault {
            Fault::OtherRoot => assert!(matches!(reason, ReceiptError::NotIncluded { index: 3, .. }), "{reason:?}"),
            _ => assert_eq!(reason, ReceiptError::OtherBatch { index: 0 }),
        }
        assert_eq!(source.waiting(), Ok(1));
    }
}

#[tokio::test]
async fn refuses_a_log_that_was_rewritten_before_our_entry() {
    let world = World::begin().await;
    let mut source = world.source().await;
    world.ledger.fail([Fault::Rewrite]);
    let refused = source.append(world.drafts(1)).await;
    let is_rewrite = matches!(refused, Err(SourceError::Checkpoint(ReceiptError::Inconsistent { from: 3, to: 4, .. })));
    assert!(is_rewrite, "{refused:?}");
    assert_eq!(source.waiting(), Ok(1));
}

#[tokio::test]
async fn refuses_a_registry_under_another_root_or_with_other_headers() {
    let world = World::begin().await;
    let wanted = Hash([9; 32]);
    let other = SourceConfig { root_key: wanted, ..world.config() };
    let found = world.keys.ministry().root_key;
    let refused = world.open(other).await.map(|_| ());
    assert_eq!(refused, Err(SourceError::View(ViewError::OtherRoot { found, wanted })));
    if let Some(Some(genesis)) = world.ledger.state().batches.first_mut() {
        genesis.headers.swap(8, 9);
    }
    let refused = world.open(world.config()).await.map(|_| ());
    assert_eq!(refused, Err(SourceError::View(ViewError::OtherHeaders { entry: 0 })));
}

#[tokio::test]
async fn one_process_at_a_time_has_the_spool() {
    let world = World::begin().await;
    let source = world.source().await;
    let refused = world.open(world.config()).await.map(|_| ());
    let path = world.keys.spool(Actor::Source).join("lock").display().to_string();
    assert_eq!(refused, Err(SourceError::Locked { path }));
    drop(source);
    world.source().await;
}

#[tokio::test]
async fn a_spool_that_was_lost_is_noticed_and_adopted_only_when_told() {
    let world = World::begin().await;
    world.source().await.append(world.drafts(1)).await.expect("appended");
    std::fs::remove_dir_all(world.keys.spool(Actor::Source)).expect("lost");
    let refused = world.open(world.config()).await.map(|_| ());
    let differs = matches!(refused, Err(SourceError::ChainDiffers { ours: 0, our_previous: None, theirs: 1, .. }));
    assert!(differs, "{refused:?}");
    let told = SourceConfig { older_state: OlderState::Adopt, ..world.config() };
    let mut source = world.open(told).await.expect("adopted");
    source.append(world.drafts(2)[1..].to_vec()).await.expect("appended");
    world.check_texts(2);
}

#[tokio::test]
async fn an_attachment_is_uploaded_in_as_many_calls_as_it_takes() {
    let world = World::begin().await;
    world.ledger.state().blob_bytes_per_call = Some(500_000);
    let mut source = world.source().await;
    let plain: Vec<u8> = (0..3_000_000u32).map(|byte| (byte % 249) as u8).collect();
    let blob = source.blob_spool().store(&mut plain.as_slice()).expect("stored");
    let attached = Attached::Present { name: "film.mp4".into(), media_type: "video/mp4".into(), blob: blob.clone() };
    let mut record = world.record("bericht 0");
    record.attachments = Field::Value(vec![attached]);
    // More calls than attempts: each gets further, which is progress.
    source.append(vec![record.draft().expect("a draft")]).await.expect("appended");
    world.check_texts(1);
    let state = world.ledger.state();
    assert!(state.blob_calls > 4, "{} calls", state.blob_calls);
    let (size, got) = &state.blobs[&blob.ciphertext_sha256.to_vec()];
    assert_eq!((*size, sha256(&[got])), (blob.ciphertext_bytes, blob.ciphertext_sha256));
    let left = std::fs::read_dir(world.keys.spool(Actor::Source).join("blobs")).expect("a folder").count();
    assert_eq!(left, 0);
}

/// Passes bytes on to the ledger, and cuts each of the first connections after so many bytes of answers.
async fn cutting_proxy(ledger: String, mut cuts: Vec<usize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(ledger.trim_start_matches("http://")).await.expect("connected");
            let cut = if cuts.is_empty() { usize::MAX } else { cuts.remove(0) };
            tokio::spawn(pass(client, server, cut));
        }
    });
    address
}

async fn pass(client: TcpStream, server: TcpStream, mut left: usize) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
    let mut buffer = vec![0; 4_096];
    while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
        let passed = read.min(left);
        left -= passed;
        if to_client.write_all(&buffer[..passed]).await.is_err() || left == 0 {
            break;
        }
    }
    up.abort();
}

#[tokio::test]
async fn connections_that_break_in_the_middle_lose_nothing() {
    let world = World::begin().await;
    for cuts in [vec![100, 200, 400], vec![6_000, 7_000, 8_000], vec![9_000, 50, 9_500]] {
        let before = world.texts().len();
        let ledger = cutting_proxy(world.address.clone(), cuts.clone()).await;
        let patience = Backoff { first: Duration::ZERO, max: Duration::ZERO, attempts_max: 50 };
        let config = SourceConfig { ledger, backoff: patience, ..world.config() };
        let mut source = world.open(config).await.expect("a source");
        source.append(world.drafts(before + 900)[before..].to_vec()).await.expect("appended");
        world.check_texts(before + 900);
        drop(source);
    }
}

#[tokio::test]
async fn an_order_to_erase_waits_for_its_turn_and_gives_up_a_ledger_that_is_away() {
    const ATTEMPTS_MAX: usize = 4;
    let world = World::begin().await;
    let source = world.source().await;
    let busy = || Status::aborted("another order is being carried out on this log: try again when it has ended");
    let away = || Status::unavailable("away");
    let handed_over = async |faults: Vec<Status>| {
        world.ledger.state().erase_faults = faults.into();
        let outcome = source.connection().erase("an order").await.map(drop);
        (outcome, world.ledger.state().erase_faults.len())
    };
    // The line broke, and the ledger goes on with what it was given: for much longer than it would take to give it up.
    let broken = [vec![away()], vec![busy(); 10 * ATTEMPTS_MAX]].concat();
    assert_eq!(handed_over(broken).await, (Ok(()), 0));
    // It breaks again each time: whoever says that he is busy is there.
    let again = [vec![away(); ATTEMPTS_MAX - 1], vec![busy()]].concat();
    assert_eq!(handed_over(vec![again; 3].concat()).await, (Ok(()), 0));
    // The neighbours: away is away, and a refusal is one.
    let (outcome, left) = handed_over(vec![away(); ATTEMPTS_MAX + 1]).await;
    assert!(matches!(outcome, Err(LedgerError::Unreachable { attempts: 4, .. })), "{outcome:?}");
    assert_eq!(left, 1);
    let (outcome, left) = handed_over(vec![Status::permission_denied("one signature"), busy()]).await;
    assert_eq!(outcome, Err(LedgerError::Refused { code: Code::PermissionDenied, message: "one signature".into() }));
    assert_eq!(left, 1);
}
