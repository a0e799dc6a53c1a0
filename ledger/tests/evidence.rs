//! Snapshots, evidence and what a source is told of its own.

mod maker;

use maker::*;
use std::collections::{BTreeMap, HashSet};
use tokio_stream::StreamExt;
use tonic::Code;
use zegel_proto::parse;
use zegel_proto::v1::evidence_record::Record;
use zegel_proto::v1::*;
use zegel_verifier::hash::{Hash, log_leaf, sha256};
use zegel_verifier::kinds::EventFacts;
use zegel_verifier::snapshot::{neighbour_leaf, row_leaf, stream_leaf};
use zegel_verifier::tree::{Frontier, SubsetWalk, root_of};

async fn entries(ledger: &mut Running) -> Vec<ReadEntriesResponse> {
    let request = ReadEntriesRequest { origin: ORIGIN.into(), from: 0, count: 0 };
    let stream = ledger.client.read_entries(request).await.expect("entries").into_inner();
    stream.map(|entry| entry.expect("an entry")).collect().await
}

fn snapshot_of(receipt: &Receipt) -> IndexSnapshot {
    match parse::<Entry>(&receipt.entry).expect("an entry").content {
        Some(entry::Content::Snapshot(snapshot)) => snapshot,
        other => panic!("no snapshot: {other:?}"),
    }
}

/// The rows of a snapshot by their definition.
fn rows(entries: &[ReadEntriesResponse]) -> Vec<(StreamType, Hash, Vec<Month>)> {
    let mut streams: BTreeMap<(i32, Hash), BTreeMap<u32, Frontier>> = BTreeMap::new();
    for entry in entries {
        for (position, header) in (0..).zip(&entry.headers) {
            let facts = EventFacts::read(&parse(header).expect("a header")).expect("facts");
            for of in facts.streams() {
                let months = streams.entry((of.stream as i32, of.id)).or_default();
                months.entry(of.month).or_default().push(stream_leaf(entry.index, position, leaf_of(header)));
            }
        }
    }
    let row = |((stream, id), months): ((i32, Hash), BTreeMap<u32, Frontier>)| {
        let month = |(month, tree): (u32, Frontier)| Month { month, count: tree.size(), root: tree.root().to_vec() };
        (StreamType::try_from(stream).expect("a stream"), id, months.into_iter().map(month).collect())
    };
    streams.into_iter().map(row).collect()
}

fn root(rows: &[(StreamType, Hash, Vec<Month>)]) -> Hash {
    root_of(rows.iter().map(|(stream, id, months)| row_leaf(*stream, *id, months)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_what_its_definition_says() {
    let mut world = World::new().await;
    // More ids than one chunk of a table holds.
    for part in 0..6 {
        let ids = (0..100).map(|number| conversation_registered(&world.officer, id(&format!("{part} {number}"))));
        let request = world.officer.try_batch(&ids.collect::<Vec<_>>());
        world.ledger.append(request).await.expect("taken");
        world.officer.batch_seq += 1;
        let head = GetSourceHeadRequest { origin: ORIGIN.into(), source: world.officer.actor.to_vec() };
        world.officer.previous = world.ledger.client.get_source_head(head).await.expect("a head").into_inner().previous;
    }
    world.chat(0, 300, MONTH).await;
    world.chat(300, 5, 202206).await;
    world.chat(305, 5, MONTH).await;
    let receipt = world.ledger.snapshot().await;
    check_receipt(&receipt);
    let snapshot = snapshot_of(&receipt);
    let rows = rows(&entries(&mut world.ledger).await[..receipt.index as usize]);
    assert_eq!((snapshot.covers, snapshot.ids), (receipt.index, rows.len() as u64));
    assert_eq!(Hash::read(&snapshot.root), Some(root(&rows)));
    let next = world.ledger.snapshot().await;
    assert_eq!(snapshot_of(&next).root, snapshot.root, "a snapshot adds no event");
    world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_snapshot_of_an_empty_log() {
    let site = Site::new();
    let mut ledger = site.start().await;
    let status = ledger.client.snapshot(LogRequest { origin: ORIGIN.into() }).await.expect_err("nothing to cover");
    assert_eq!(status.code(), Code::FailedPrecondition);
    let status = ledger.client.get_checkpoint(LogRequest { origin: ORIGIN.into() }).await.expect_err("no checkpoint");
    assert_eq!(status.code(), Code::FailedPrecondition);
    ledger.stop().await;
}

/// What a walk over evidence has found.
#[derive(Default)]
struct Walked {
    entries: Vec<u64>,
    events: Vec<(u64, u32)>,
    rows: usize,
    neighbours: Vec<u64>,
}

/// Walks evidence as a verifier would: every tree to its root.
fn walk(records: &[EvidenceRecord], snapshot: &IndexSnapshot) -> Walked {
    let mut records = records.iter().map(|record| record.record.as_ref().expect("a record"));
    let Some(Record::Header(header)) = records.next() else { panic!("no header") };
    let checkpoint = verified(&header.checkpoint);
    let mut log = Some(SubsetWalk::new(checkpoint.size()));
    let mut rows = Some(SubsetWalk::new(snapshot.ids));
    let mut batch: Option<(SubsetWalk, Hash)> = None;
    let mut envelopes = HashSet::new();
    let mut walked = Walked::default();
    for record in records {
        match record {
            Record::Header(_) => panic!("a second header"),
            Record::Entry(entry) => {
                assert!(batch.is_none(), "a batch was not ended");
                let leaf = log_leaf(&entry.entry);
                let walk = log.as_mut().expect("the log is open");
                assert_eq!(walk.leaf(entry.index, &hashes(&entry.gap), leaf), Ok(()));
                walked.entries.push(entry.index);
                if let Some(entry::Content::Batch(signed)) = parse::<Entry>(&entry.entry).expect("an entry").content {
                    let statement: BatchStatement = parse(&signed.statement).expect("a statement");
                    let root = Hash::read(&statement.events_root).expect("a root");
                    batch = Some((SubsetWalk::new(statement.count.into()), root));
                }
            }
            Record::Envelope(envelope) => {
                envelopes.insert(sha256(&[&envelope.envelope]).to_vec());
            }
            Record::Event(event) => {
                let (walk, _) = batch.as_mut().expect("an open batch");
                let leaf = leaf_of(&event.header);
                assert_eq!(walk.leaf(event.position.into(), &hashes(&event.gap), leaf), Ok(()));
                walked.events.push((*walked.entries.last().expect("an entry"), event.position));
                if let Some(evidence_event::Body::Sealed(sealed)) = &event.body {
                    let wrap: KeyWrap = parse(&sealed.wrap).expect("a wrap");
                    assert!(envelopes.contains(&wrap.dossier), "its envelope came before");
                    assert_eq!(sealed.ciphertext.len(), 256);
                }
            }
            Record::BatchEnd(end) => {
                let (walk, root) = batch.take().expect("an open batch");
                assert_eq!(walk.finish(&hashes(&end.gap)), Ok(root));
            }
            Record::LogEnd(end) => {
                let root = log.take().expect("the log is open").finish(&hashes(&end.gap));
                assert_eq!(root, Ok(checkpoint.root()));
            }
            Record::Row(row) => {
                walked.rows += whole_row(rows.as_mut().expect("the table is open"), row);
            }
            Record::Neighbour(row) => {
                walked.neighbours.push(neighbour(rows.as_mut().expect("the table is open"), row));
            }
            Record::RowsEnd(end) => {
                let root = rows.take().expect("the table is open").finish(&hashes(&end.gap));
                assert_eq!(root.ok().map(Hash::to_vec), Some(snapshot.root.clone()));
            }
        }
    }
    assert!(log.is_none() && rows.is_none() && batch.is_none(), "everything was ended");
    walked
}

fn whole_row(rows: &mut SubsetWalk, row: &EvidenceRow) -> usize {
    let stream = StreamType::try_from(row.stream).expect("a stream");
    let leaf = row_leaf(stream, Hash::read(&row.id).expect("an id"), &row.months);
    assert_eq!(rows.leaf(row.index, &hashes(&row.gap), leaf), Ok(()));
    1
}

fn neighbour(rows: &mut SubsetWalk, row: &EvidenceNeighbour) -> u64 {
    let stream = StreamType::try_from(row.stream).expect("a stream");
    let months = Hash::read(&row.months).expect("a digest");
    let leaf = neighbour_leaf(stream, Hash::read(&row.id).expect("an id"), months);
    assert_eq!(rows.leaf(row.index, &hashes(&row.gap), leaf), Ok(()));
    row.index
}

struct Exporter {
    world: World,
    export_entry: u64,
}

impl Exporter {
    async fn new() -> Self {
        Self::of(World::new().await).await
    }

    async fn of(mut world: World) -> Self {
        world.chat(0, 300, MONTH).await;
        world.chat(300, 20, 202206).await;
        let other = Capture { conversation: id("other"), ..world.capture };
        let registered = conversation_registered(&world.source, other.conversation);
        let messages = world.source.messages(&other, 0, 30, MONTH);
        let mixed = [vec![registered], messages, world.source.messages(&world.capture, 320, 3, MONTH)].concat();
        let request = world.source.batch(&mixed);
        world.ledger.append(request).await.expect("taken");
        let export = sealed(world.officer.actor, header(EventKind::ExportCreated));
        let request = world.officer.batch(&[export]);
        let export_entry = world.ledger.append(request).await.expect("an export").index;
        Self { world, export_entry }
    }

    fn request(&self, from_month: u32, to_month: u32, snapshot: &Receipt) -> ExportEvidenceRequest {
        let id = self.world.capture.conversation.to_vec();
        let scope = Scope { stream: StreamType::StreamConversation as i32, id, from_month, to_month };
        ExportEvidenceRequest {
            origin: ORIGIN.into(),
            scope: Some(scope),
            snapshot_entry: snapshot.index,
            export_entry: self.export_entry,
            export_position: 0,
        }
    }

    async fn export(&mut self, request: ExportEvidenceRequest) -> Result<Vec<EvidenceRecord>, tonic::Status> {
        let stream = self.world.ledger.client.export_evidence(request).await?.into_inner();
        stream.collect::<Result<Vec<_>, _>>().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_walks_to_the_checkpoint_while_appends_go_on() {
    let mut exporter = Exporter::new().await;
    let snapshot = exporter.world.ledger.snapshot().await;
    exporter.world.chat(323, 300, MONTH).await;
    exporter.world.ledger.snapshot().await;
    exporter.world.chat(623, 10, MONTH).await;
    let records = exporter.export(exporter.request(0, 0, &snapshot)).await.expect("evidence");
    let walked = walk(&records, &snapshot_of(&snapshot));
    // Genesis, the conversation's registration, two batches of it, the mixed one, the export, and the snapshot.
    assert_eq!(walked.entries, [0, 1, 2, 3, 4, 5, 6]);
    let at = |entry: u64| walked.events.iter().filter(move |(at, _)| *at == entry).map(|(_, position)| *position);
    assert_eq!(at(1).collect::<Vec<_>>(), [0, 1], "the custodian whom the scope names comes along");
    assert_eq!((at(2).count(), at(3).count()), (300, 20));
    assert_eq!(at(4).collect::<Vec<_>>(), [31, 32, 33]);
    assert_eq!(walked.rows, 3);
    let envelopes = records.iter().filter(|record| matches!(record.record, Some(Record::Envelope(_)))).count();
    // The custodian's registration brings its own.
    assert_eq!(envelopes, 6, "each once");
    let one_month = exporter.export(exporter.request(202206, 202206, &snapshot)).await.expect("evidence");
    let walked = walk(&one_month, &snapshot_of(&snapshot));
    assert_eq!(walked.entries, [0, 1, 3, 5, 6]);
    exporter.world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_id_that_has_nothing_its_neighbours_are_exported() {
    let mut exporter = Exporter::new().await;
    // More ids than one chunk of a table holds, so that neighbours lie in two chunks somewhere.
    for part in 0..6 {
        let ids =
            (0..100).map(|number| conversation_registered(&exporter.world.officer, id(&format!("{part} {number}"))));
        let request = exporter.world.officer.batch(&ids.collect::<Vec<_>>());
        exporter.world.ledger.append(request).await.expect("taken");
    }
    let snapshot = exporter.world.ledger.snapshot().await;
    let table = rows(&entries(&mut exporter.world.ledger).await[..snapshot.index as usize]);
    let (conversation, custodian) = (StreamType::StreamConversation, StreamType::StreamCustodian);
    let mut wanted: Vec<(StreamType, Hash)> = vec![
        (conversation, Hash::ZERO),
        (conversation, Hash([0xff; 32])),
        (custodian, Hash::ZERO),
        (custodian, Hash([0xff; 32])),
        (conversation, Hash(id("nobody"))),
    ];
    // Just above the last row of the first chunk, and just below the first of the second.
    let beside = |index: usize, step: u8| {
        let (stream, Hash(mut id), _) = table[index].clone();
        id[31] = id[31].wrapping_add(step);
        (stream, Hash(id))
    };
    wanted.extend([beside(255, 1), beside(256, u8::MAX)]);
    for (stream, id) in wanted {
        let place = table.partition_point(|(of, each, _)| (*of, *each) < (stream, id)) as u64;
        let mut request = exporter.request(0, 0, &snapshot);
        let scope = request.scope.as_mut().expect("a scope");
        (scope.stream, scope.id) = (stream as i32, id.to_vec());
        let walked = walk(&exporter.export(request).await.expect("evidence"), &snapshot_of(&snapshot));
        let is_id = |index: &u64| *index < table.len() as u64 && table[*index as usize].0 <= custodian;
        let beside: Vec<u64> = (place.saturating_sub(1)..place + 1).filter(is_id).collect();
        assert_eq!((walked.neighbours, walked.rows), (beside, 2), "{stream:?} {id}");
        assert_eq!(walked.entries, [0, 5, snapshot.index], "genesis, the export, the snapshot");
    }
    exporter.world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_evidence_as_of_a_snapshot_after_which_the_logs_key_changed() {
    let site = Site::new();
    site.write_key("next.pem", &key("next log"));
    let config = format!("{}other_log_keys = [\"next.pem\"]\n", site.config_text());
    let config = zegel_ledger::Config::parse(&config, site.path()).expect("a configuration");
    let ledger = Running::of(zegel_ledger::Server::bind(config).await.expect("a ledger")).await;
    let mut exporter = Exporter::of(World::on(site, ledger).await).await;
    let before = exporter.world.ledger.snapshot().await;
    let request = exporter.world.root.batch(&[log_key_changed("next log")]);
    let entry = exporter.world.ledger.append(request).await.expect("changed").index;
    let status = exporter.export(exporter.request(0, 0, &before)).await.expect_err("no verifier could know the key");
    assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
    assert!(status.message().contains(&format!("changed in entry {entry}")), "{status}");
    let after = exporter.world.ledger.snapshot().await;
    exporter.export(exporter.request(0, 0, &after)).await.expect("the new snapshot covers the change");
    exporter.world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_evidence_that_no_kept_snapshot_covers() {
    let mut exporter = Exporter::new().await;
    let first = exporter.world.ledger.snapshot().await;
    let refuse = async |exporter: &mut Exporter, request, code, fragment: &str| {
        let status = exporter.export(request).await.expect_err(fragment);
        assert_eq!(status.code(), code, "{status}");
        assert!(status.message().contains(fragment), "{status}");
    };
    let good = exporter.request(0, 0, &first);
    let other = ExportEvidenceRequest { export_entry: 2, ..good.clone() };
    refuse(&mut exporter, other, Code::FailedPrecondition, "is no EXPORT_CREATED").await;
    let other = ExportEvidenceRequest { snapshot_entry: 2, ..good.clone() };
    refuse(&mut exporter, other, Code::FailedPrecondition, "is no snapshot whose table is kept").await;
    let other = ExportEvidenceRequest { scope: None, ..good.clone() };
    refuse(&mut exporter, other, Code::InvalidArgument, "names no scope").await;
    for _ in 0..7 {
        exporter.world.ledger.snapshot().await;
    }
    exporter.export(good.clone()).await.expect("the eighth newest is kept");
    exporter.world.ledger.snapshot().await;
    refuse(&mut exporter, good, Code::FailedPrecondition, "is no snapshot whose table is kept").await;
    exporter.world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_is_told_what_it_logged_of_one_capture() {
    let mut world = World::new().await;
    let mut rows = Vec::new();
    for (from, month) in [(0, MONTH), (2_100, 202206), (4_200, MONTH)] {
        let events = world.source.messages(&world.capture, from, 2_100, month);
        rows.extend(events.iter().map(|event| (event.header.conversation_seq, month, event.body.message_row.clone())));
        let request = world.source.batch(&events);
        world.ledger.append(request).await.expect("taken");
    }
    let request = KnownRequest {
        origin: ORIGIN.into(),
        source: world.source.actor.to_vec(),
        custodian: world.capture.custodian.to_vec(),
        conversation: world.capture.conversation.to_vec(),
    };
    let pages = world.ledger.client.known(request.clone()).await.expect("pages").into_inner();
    let pages: Vec<_> = pages.map(|page| page.expect("a page")).collect().await;
    assert_eq!(
        pages.iter().map(|page| (page.rows.len(), page.last)).collect::<Vec<_>>(),
        [(4_096, false), (2_204, true)]
    );
    assert!(pages.iter().all(|page| page.next_conversation_seq == 6_300));
    let found = pages.into_iter().flat_map(|page| page.rows);
    assert_eq!(found.map(|row| (row.conversation_seq, row.month, row.message_row)).collect::<Vec<_>>(), rows);
    let other = KnownRequest { source: world.officer.actor.to_vec(), ..request };
    let pages = world.ledger.client.known(other).await.expect("pages").into_inner();
    let pages: Vec<_> = pages.map(|page| page.expect("a page")).collect().await;
    assert_eq!(pages, [KnownResponse { rows: Vec::new(), next_conversation_seq: 0, last: true }]);
    world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_registry_and_the_streams_can_be_read() {
    let mut world = World::new().await;
    world.chat(0, 300, MONTH).await;
    let request = LogRequest { origin: ORIGIN.into() };
    let registry = world.ledger.client.get_registry(request).await.expect("the registry").into_inner();
    let registry: Vec<_> = registry.map(|entry| entry.expect("an entry")).collect().await;
    assert_eq!(registry.iter().map(|entry| (entry.index, entry.headers.len())).collect::<Vec<_>>(), [(0, 7)]);
    let id = world.capture.conversation.to_vec();
    let stream = StreamType::StreamConversation as i32;
    let request = ReadStreamRequest { origin: ORIGIN.into(), stream, id, month: MONTH };
    let pages = world.ledger.client.read_stream(request).await.expect("a stream").into_inner();
    let places: Vec<_> = pages.map(|page| page.expect("a page").places).collect::<Vec<_>>().await.concat();
    assert_eq!(places, (0..300).map(|position| Place { entry: 2, position }).collect::<Vec<_>>());
    world.ledger.stop().await;
}
