//! Appending over gRPC: what is taken, with which receipt, and what is refused, with which code.

mod maker;

use maker::*;
use tokio_stream::StreamExt;
use tonic::Code;
use zegel_proto::print;
use zegel_proto::v1::*;
use zegel_verifier::checkpoint::{CheckpointError, ClaimedCheckpoint, VerifiedCheckpoint};
use zegel_verifier::hash::sha256;
use zegel_verifier::note::NoteError;

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_verifies_and_the_same_batch_gets_the_same_entry() {
    let mut world = World::new().await;
    let request = world.source.batch(&world.source.messages(&world.capture, 0, 40, MONTH));
    let first = world.ledger.append(request.clone()).await.expect("taken");
    assert_eq!(check_receipt(&first).size(), 3);
    let again = world.ledger.append(request).await.expect("taken before");
    assert_eq!(again, first);
    world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_checkpoint_extends_the_one_before() {
    let mut world = World::new().await;
    let mut before = world.ledger.checkpoint().await;
    for number in 0..20 {
        let after = check_receipt(&world.chat(number, 1, MONTH).await);
        let request =
            ConsistencyProofRequest { origin: ORIGIN.into(), from_size: before.size(), to_size: after.size() };
        let proof = world.ledger.client.get_consistency_proof(request).await.expect("a proof").into_inner();
        assert_eq!(after.check_extends(&before, &hashes(&proof.hashes)), Ok(()));
        before = after;
    }
    world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn genesis_is_the_pinned_root_and_nothing_else() {
    let place = Site::new();
    let mut ledger = place.start().await;
    let mut source = Author::new("source");
    let early = source.try_batch(&[actor_registered(&source, Role::Source)]);
    ledger.refused(early, Code::FailedPrecondition, "must be LOG_CREATED").await;
    let mut stranger = Author { key: key("stranger"), ..Author::new("root") };
    let created = LogCreated { root_key: stranger.key.verifying_key().to_bytes().to_vec(), ..log_created() };
    let created = public(EventKind::LogCreated, print(&created).expect("prints"));
    ledger.refused(stranger.batch(&[created]), Code::PermissionDenied, "the configuration pins root key").await;
    let other_key = LogCreated { log_key: key("other").verifying_key().to_bytes().to_vec(), ..log_created() };
    let other_key = public(EventKind::LogCreated, print(&other_key).expect("prints"));
    let root = Author::new("root");
    ledger.refused(root.try_batch(&[other_key]), Code::FailedPrecondition, "not among the keys").await;
    let mut root = root;
    ledger.append(root.batch(&genesis_events(&[&source]))).await.expect("genesis");
    let twice = public(EventKind::LogCreated, print(&log_created()).expect("prints"));
    ledger.refused(root.try_batch(&[twice]), Code::FailedPrecondition, "a log is created once").await;
    let unregistered = Author::new("nobody");
    let by_nobody = unregistered.try_batch(&[header_only()]);
    ledger.refused(by_nobody, Code::PermissionDenied, "is not registered before entry 1").await;
    source.key = key("stranger");
    ledger.stop().await;
}

fn header_only() -> Event {
    sealed(id("nobody"), EventHeader { custodian: id("custodian").to_vec(), ..header(EventKind::CaptureStarted) })
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_what_the_statement_does_not_cover() {
    let mut world = World::new().await;
    let good = world.source.try_batch(&world.source.messages(&world.capture, 0, 3, MONTH));
    let ledger = &mut world.ledger;
    let mut bad = good.clone();
    bad.batch.as_mut().expect("a batch").signature[0] ^= 1;
    ledger.refused(bad, Code::PermissionDenied, "signature does not verify").await;
    let mut bad = good.clone();
    bad.batch = None;
    ledger.refused(bad, Code::InvalidArgument, "carries no signed batch").await;
    let mut bad = good.clone();
    bad.headers.pop();
    ledger.refused(bad, Code::InvalidArgument, "2 headers were sent, the statement counts 3").await;
    let mut bad = good.clone();
    bad.bodies.push(SealedBody::default());
    ledger.refused(bad, Code::InvalidArgument, "4 bodies were sent, the statement counts 3").await;
    let mut bad = good.clone();
    bad.headers.swap(0, 1);
    ledger.refused(bad, Code::InvalidArgument, "events_root").await;
    let mut bad = good.clone();
    bad.bodies[1].ciphertext[0] ^= 1;
    ledger.refused(bad, Code::InvalidArgument, "sealed_root").await;
    let mut bad = good.clone();
    bad.headers[1].extend([0x78, 0x01]);
    ledger.refused(bad, Code::InvalidArgument, "header 1: EventHeader is not canonical").await;
    let mut bad = good.clone();
    bad.bodies[2].wrap.clear();
    ledger.refused(bad, Code::InvalidArgument, "event 2: the sealed form must be there").await;
    let mut bad = good.clone();
    bad.bodies[2].message_row.pop();
    ledger.refused(bad, Code::InvalidArgument, "the message row has 47 bytes").await;
    let mut bad = good.clone();
    bad.bodies[0].wrap.push(0);
    ledger.refused(bad, Code::InvalidArgument, "event 0: KeyWrap").await;
    let mut bad = good.clone();
    bad.origin = "chat.example.nl/other".into();
    ledger.refused(bad, Code::NotFound, "is not served here").await;
    world.ledger.append(good).await.expect("the good one is taken");
    world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_gaps_and_forks_in_the_chain_of_a_source() {
    let mut world = World::new().await;
    world.chat(0, 2, MONTH).await;
    let events = world.source.messages(&world.capture, 2, 1, MONTH);
    let ahead = Author { batch_seq: 2, ..world.source.clone() };
    let request = ahead.try_batch(&events);
    world.ledger.refused(request, Code::FailedPrecondition, "batch_seq is 2, the next of this source is 1").await;
    let back = Author { batch_seq: 0, previous: Vec::new(), ..world.source.clone() };
    let request = back.try_batch(&events);
    world.ledger.refused(request, Code::FailedPrecondition, "with another statement as entry 2").await;
    let aside = Author { previous: vec![9; 32], ..world.source.clone() };
    let request = aside.try_batch(&events);
    world.ledger.refused(request, Code::FailedPrecondition, "the last logged statement of this source is").await;
    let head = GetSourceHeadRequest { origin: ORIGIN.into(), source: world.source.actor.to_vec() };
    let head = world.ledger.client.get_source_head(head).await.expect("a head").into_inner();
    assert_eq!((head.next_batch_seq, head.last_entry), (1, 2));
    assert_eq!(head.previous, world.source.previous);
    world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_ids_and_numbers_that_are_not_next() {
    let mut world = World::new().await;
    let source = world.source.clone();
    let at = |conversation_seq| world.source.messages(&world.capture, conversation_seq, 1, MONTH);
    let request = source.try_batch(&at(1));
    let ledger = &mut world.ledger;
    ledger.refused(request, Code::FailedPrecondition, "conversation_seq is 1, the next of this capture is 0").await;
    let request = source.try_batch(&[at(0), at(0)].concat());
    ledger.refused(request, Code::FailedPrecondition, "event 1: conversation_seq is 0").await;
    let stranger = Capture { conversation: id("another"), ..world.capture };
    let request = source.try_batch(&source.messages(&stranger, 0, 1, MONTH));
    ledger.refused(request, Code::FailedPrecondition, "event 0: conversation").await;
    let stranger = Capture { custodian: id("another"), ..world.capture };
    let request = source.try_batch(&source.messages(&stranger, 0, 1, MONTH));
    ledger.refused(request, Code::FailedPrecondition, "event 0: custodian").await;
    let again = world.officer.try_batch(&[custodian_registered(&world.officer, world.capture.custodian)]);
    ledger.refused(again, Code::FailedPrecondition, "is registered already").await;
    // Registered earlier in the same batch is early enough; later is not.
    let conversation = id("same batch");
    let new = Capture { conversation, ..world.capture };
    let registered = conversation_registered(&source, conversation);
    let messages = source.messages(&new, 0, 1, MONTH);
    let late = source.try_batch(&[messages.clone(), vec![registered.clone()]].concat());
    ledger.refused(late, Code::FailedPrecondition, "is not registered").await;
    ledger.append(source.try_batch(&[vec![registered], messages].concat())).await.expect("early enough");
    world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_roles_keys_and_registry_events_that_do_not_apply() {
    let mut world = World::new().await;
    let by_source = world.source.try_batch(&[custodian_registered(&world.source, id("new"))]);
    let ledger = &mut world.ledger;
    ledger.refused(by_source, Code::PermissionDenied, "a ROLE_SOURCE may not write CUSTODIAN_REGISTERED").await;
    let by_other_key = Author { key: key("officer"), ..world.source.clone() };
    let request = by_other_key.try_batch(&world.source.messages(&world.capture, 0, 1, MONTH));
    ledger.refused(request, Code::PermissionDenied, "belongs to actor").await;
    let twice = world.root.try_batch(&[actor_registered(&world.source, Role::Source)]);
    ledger.refused(twice, Code::FailedPrecondition, "is in the registry already").await;
    let key = world.source.key.verifying_key().to_bytes().to_vec();
    let retired = public(EventKind::KeyRetired, print(&KeyRetired { key }).expect("prints"));
    let taken = world.source.try_batch(&world.source.messages(&world.capture, 0, 1, MONTH));
    let first = ledger.append(taken.clone()).await.expect("taken");
    ledger.append(world.root.batch(&[retired])).await.expect("retired");
    let mut late = world.source.clone();
    late.batch_seq = 1;
    late.previous = sha256(&[&taken.batch.as_ref().expect("a batch").statement]).to_vec();
    let request = late.try_batch(&world.source.messages(&world.capture, 1, 1, MONTH));
    ledger.refused(request, Code::PermissionDenied, "ended at entry 3").await;
    let again = ledger.append(taken).await.expect("its receipt, also after its key has ended");
    assert_eq!((again.index, &again.entry), (first.index, &first.entry));
    check_receipt(&again);
    world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_envelopes_that_lock_the_archive_out() {
    let mut world = World::new().await;
    let source = world.source.clone();
    let header = || chat_header(world.capture.custodian, world.capture.conversation, 0, MONTH);
    let under = |envelope: &DossierEnvelope| sealed_under(header(), print(envelope).expect("an envelope"));
    let good = envelope(source.actor, &world.capture.conversation, MONTH, &[1, 2]);
    let ledger = &mut world.ledger;
    let mut unsent = under(&good);
    unsent.envelope = None;
    ledger.refused(source.try_batch(&[unsent]), Code::FailedPrecondition, "neither sent nor is it known").await;
    let outsider = envelope(source.actor, &world.capture.conversation, MONTH, &[1, 3]);
    let request = source.try_batch(&[under(&outsider)]);
    ledger.refused(request, Code::FailedPrecondition, "which is no archive key in use").await;
    let elsewhere = DossierEnvelope { month: 202206, ..good.clone() };
    ledger.refused(source.try_batch(&[under(&elsewhere)]), Code::InvalidArgument, "another month").await;
    let elsewhere = DossierEnvelope { conversation: id("x").to_vec(), ..good.clone() };
    ledger.refused(source.try_batch(&[under(&elsewhere)]), Code::InvalidArgument, "another conversation").await;
    let elsewhere = DossierEnvelope { source: id("x").to_vec(), ..good.clone() };
    ledger.refused(source.try_batch(&[under(&elsewhere)]), Code::InvalidArgument, "another source").await;
    let mut alone = source.try_batch(&[under(&good)]);
    let mut one = good.clone();
    one.recipients.pop();
    alone.envelopes = vec![prost::Message::encode_to_vec(&one)];
    ledger.refused(alone, Code::InvalidArgument, "recipients is missing").await;
    let mut surplus = source.try_batch(&[under(&good)]);
    surplus.envelopes.push(print(&envelope(source.actor, &[], 0, &[1, 2])).expect("an envelope"));
    ledger.refused(surplus, Code::InvalidArgument, "is named by no wrap").await;
    let mut blob = under(&good);
    blob.header.blobs.push(vec![4; 32]);
    ledger.refused(source.try_batch(&[blob]), Code::FailedPrecondition, "has not been stored").await;
    ledger.append(source.try_batch(&[under(&good)])).await.expect("a good one");
    world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_a_batch_over_the_limits() {
    let mut world = World::new().await;
    let mut many = world.source.try_batch(&world.source.messages(&world.capture, 0, 1, MONTH));
    many.headers = vec![many.headers[0].clone(); 4_097];
    world.ledger.refused(many, Code::InvalidArgument, "4097 headers were sent, at most 4096").await;
    let mut large = world.source.messages(&world.capture, 0, 1, MONTH);
    large[0].body.ciphertext = vec![1; 512 * 1024 + 1];
    let request = world.source.try_batch(&large);
    world.ledger.refused(request, Code::InvalidArgument, "a ciphertext has 524289 bytes").await;
    world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_stops_at_the_first_refusal_and_goes_on_from_the_head() {
    let mut world = World::new().await;
    let mut source = world.source.clone();
    let mut requests = Vec::new();
    for number in 0..6 {
        // The fourth one jumps in its capture.
        let seq = if number == 3 { 9 } else { number };
        requests.push(source.batch(&source.messages(&world.capture, seq, 1, MONTH)));
    }
    // Another actor's batch in the same stream would be good by itself: it comes after a refusal, so it is not taken.
    requests.push(world.officer.batch(&[custodian_registered(&world.officer, id("late"))]));
    let stream = world.ledger.client.append_stream(tokio_stream::iter(requests)).await.expect("a stream");
    let answers: Vec<_> = stream.into_inner().collect().await;
    assert_eq!(answers.len(), 4);
    assert!(answers[..3].iter().all(|answer| answer.is_ok()));
    let refused = answers[3].as_ref().expect_err("the fourth");
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("conversation_seq is 9"), "{refused}");
    let head = GetSourceHeadRequest { origin: ORIGIN.into(), source: world.source.actor.to_vec() };
    let head = world.ledger.client.get_source_head(head).await.expect("a head").into_inner();
    assert_eq!(head.next_batch_seq, 3);
    assert_eq!(world.ledger.checkpoint().await.size(), 5);
    (world.source.batch_seq, world.source.previous) = (head.next_batch_seq, head.previous);
    assert_eq!(world.chat(3, 1, MONTH).await.index, 5);
    world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_key_changes_to_one_that_is_held_and_to_no_other() {
    let site = Site::new();
    site.write_key("next.pem", &key("next log"));
    let config = format!("{}other_log_keys = [\"next.pem\"]\n", site.config_text());
    let config = || zegel_ledger::Config::parse(&config, site.path()).expect("a configuration");
    let mut ledger = Running::of(zegel_ledger::Server::bind(config()).await.expect("a ledger")).await;
    let mut root = Author::new("root");
    ledger.append(root.batch(&genesis_events(&[]))).await.expect("genesis");
    let request = root.try_batch(&[log_key_changed("another log")]);
    ledger.refused(request, Code::FailedPrecondition, "not among the keys that this ledger holds").await;
    let receipt = ledger.append(root.batch(&[log_key_changed("next log")])).await.expect("changed");
    let signed_by = |label: &str| {
        let claimed = ClaimedCheckpoint::parse(&receipt.checkpoint).expect("a checkpoint");
        VerifiedCheckpoint::verify(claimed, ORIGIN, &key(label).verifying_key().to_bytes()).map(|signed| signed.size())
    };
    assert_eq!(signed_by("next log"), Ok(2));
    let unsigned = NoteError::Unsigned { name: ORIGIN.into() };
    assert_eq!(signed_by("log"), Err(CheckpointError::Note(unsigned)));
    ledger.stop().await;
    assert_eq!(zegel_ledger::check(&config()).expect("a report").findings, []);
    let ledger = Running::of(zegel_ledger::Server::bind(config()).await.expect("it opens again")).await;
    ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_sources_append_at_once_and_every_receipt_verifies() {
    let place = Site::new();
    let mut ledger = place.start().await;
    let sources: Vec<Author> = (0..8).map(|number| Author::new(&format!("source {number}"))).collect();
    let mut root = Author::new("root");
    ledger.append(root.batch(&genesis_events(&sources.iter().collect::<Vec<_>>()))).await.expect("genesis");
    let capture = Capture { custodian: id("custodian"), conversation: id("conversation") };
    let mut officer = Author::new("officer");
    let registered =
        [custodian_registered(&officer, capture.custodian), conversation_registered(&officer, capture.conversation)];
    ledger.append(officer.batch(&registered)).await.expect("registrations");
    let mut tasks = Vec::new();
    for mut source in sources {
        let mut client = ledger.client.clone();
        tasks.push(tokio::spawn(async move {
            let mut receipts = Vec::new();
            for number in 0..25 {
                let request = source.batch(&source.messages(&capture, number * 2, 2, MONTH));
                let response = client.append(request).await.expect("taken").into_inner();
                receipts.push(response.receipt.expect("a receipt"));
            }
            receipts
        }));
    }
    let mut indexes = Vec::new();
    for task in tasks {
        for receipt in task.await.expect("no panic") {
            check_receipt(&receipt);
            indexes.push(receipt.index);
        }
    }
    indexes.sort_unstable();
    assert_eq!(indexes, (2..202).collect::<Vec<u64>>());
    ledger.stop().await;
    assert_eq!(zegel_ledger::check(&place.config()).expect("a report").findings, []);
}
