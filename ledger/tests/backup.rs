//! Copies of a log that is served, putting one back, and the ceremony when it is too old.

mod maker;

use maker::*;
use std::path::Path;
use std::sync::Arc;
use zegel_ledger::{
    BackupError, Config, GuardError, NoFaults, ServeError, StoreError, backup, check, restore, restore_older,
};
use zegel_proto::print;
use zegel_proto::v1::*;
use zegel_verifier::checkpoint;
use zegel_verifier::erasure::{Erasure, Resealed};
use zegel_verifier::hash::{Hash, sha256};
use zegel_verifier::tree::ProofError;

fn config(site: &Site) -> Config {
    keeping(site, 2)
}

fn keeping(site: &Site, keep: usize) -> Config {
    let text = site.config_text() + &format!("[log.backup]\nfolder = \"backup\"\nkeep = {keep}\n");
    Config::parse(&text, site.path()).expect("a configuration")
}

async fn start(site: &Site) -> Running {
    Running::of(zegel_ledger::Server::bind(config(site)).await.expect("a ledger")).await
}

async fn backed_up(site: &Site) -> String {
    let config = config(site);
    let made = tokio::task::spawn_blocking(move || backup(&config)).await.expect("no panic").expect("a backup");
    let [(origin, note)] = <[_; 1]>::try_from(made).expect("one log");
    assert_eq!(origin, ORIGIN);
    note
}

fn refusal(restored: Result<zegel_ledger::CheckReport, BackupError>) -> StoreError {
    match restored {
        Err(BackupError::Serve(ServeError::Store { reason, .. })) => reason,
        other => panic!("another outcome: {other:?}"),
    }
}

/// Names of the files that copies share, with the time of their last change.
fn shared(site: &Site) -> Vec<(String, std::time::SystemTime)> {
    let listed = std::fs::read_dir(site.path().join("backup/log/shared_checksum")).expect("shared files");
    let named = listed.map(|item| {
        let item = item.expect("a file");
        let changed = item.metadata().expect("a file").modified().expect("a time");
        (item.file_name().to_string_lossy().into_owned(), changed)
    });
    let mut all: Vec<_> = named.collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_backed_up_while_it_is_written_and_put_back_whole() {
    let site = Site::new();
    let ledger = start(&site).await;
    let mut world = World::on(site, ledger).await;
    world.chat(0, 40, MONTH).await;
    let mut blob = world.ledger.client.clone();
    let bytes = b"ciphertext of an attachment".to_vec();
    let sha256 = zegel_verifier::hash::sha256(&[&bytes]).to_vec();
    let piece =
        PutBlobRequest { origin: ORIGIN.into(), sha256: sha256.clone(), size: 27, offset: 0, data: bytes.clone() };
    assert!(blob.put_blob(tokio_stream::iter([piece])).await.expect("put").into_inner().complete);
    backed_up(&world.place).await;
    let first = shared(&world.place);
    // Appends go on while the second copy is made.
    let requests: Vec<_> = (0..200u64)
        .map(|number| {
            let events = world.source.messages(&world.capture, 40 + number, 1, MONTH);
            world.source.batch(&events)
        })
        .collect();
    let mut client = world.ledger.client.clone();
    let appending = tokio::spawn(async move {
        let stream = client.append_stream(tokio_stream::iter(requests)).await.expect("a stream");
        let answers: Vec<_> = tokio_stream::StreamExt::collect(stream.into_inner()).await;
        answers.iter().filter(|answer| answer.is_ok()).count()
    });
    let note = verified(backed_up(&world.place).await.as_bytes());
    assert_eq!(appending.await.expect("no panic"), 200);
    let second = shared(&world.place);
    assert!(first.iter().all(|file| second.contains(file)), "what did not change is not copied again");
    // The last copy holds all, since nothing is appended after it.
    let before = world.ledger.checkpoint().await;
    assert!(note.size() <= before.size());
    backed_up(&world.place).await;
    world.ledger.stop().await;
    let (config, from) = (config(&world.place), world.place.path().join("backup"));
    let full = refusal(restore(&config, None, &from));
    assert!(matches!(full, StoreError::NotEmpty { .. }), "{full}");
    std::fs::remove_dir_all(world.place.store()).expect("lost");
    let none = refusal(restore(&config, None, &world.place.path().join("nothing")));
    assert!(matches!(none, StoreError::NoBackup { .. }), "{none}");
    let report = restore(&config, Some(ORIGIN), &from).expect("put back");
    assert_eq!((report.findings, report.entries), (Vec::new(), before.size()));
    world.ledger = start(&world.place).await;
    assert_eq!(world.ledger.checkpoint().await, before);
    world.chat(240, 1, MONTH).await;
    let mut read =
        world.ledger.client.get_blob(GetBlobRequest { origin: ORIGIN.into(), sha256 }).await.expect("a blob");
    assert_eq!(read.get_mut().message().await.expect("a chunk").expect("a chunk").data, bytes);
    drop((read, blob));
    world.ledger.stop().await;
    // Of a ledger that is stopped, the same.
    backed_up(&world.place).await;
    std::fs::remove_dir_all(world.place.store()).expect("lost");
    assert_eq!(restore(&config, None, &from).expect("put back").findings, []);
}

fn write_guard(path: &Path, size: u64, root: zegel_verifier::hash::Hash) {
    std::fs::write(path, checkpoint::print(ORIGIN, size, root)).expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_too_old_is_refused_and_the_ceremony_goes_on_from_it() {
    let site = Site::new();
    let ledger = start(&site).await;
    let mut world = World::on(site, ledger).await;
    world.chat(0, 10, MONTH).await;
    let covered = verified(backed_up(&world.place).await.as_bytes());
    // What comes now is lost with the disk; its source keeps what it sent until it has a receipt that holds.
    let lost = world.source.clone();
    let gone = check_receipt(&world.chat(10, 10, MONTH).await);
    world.ledger.stop().await;
    std::fs::remove_dir_all(world.place.store()).expect("lost");
    let config = config(&world.place);
    let report = restore(&config, None, &world.place.path().join("backup")).expect("put back");
    assert_eq!(report.findings.iter().map(|finding| finding.id).collect::<Vec<_>>(), ["guard"]);
    let refused = match world.place.bind(Arc::new(NoFaults)).await {
        Err(ServeError::Store { reason, .. }) => reason,
        other => panic!("another outcome: {:?}", other.err()),
    };
    assert_eq!(refused, StoreError::Guard(GuardError::Rollback { found: covered.size(), signed: gone.size() }));
    // Steps 1 to 3: say that nobody outside holds more. Step 4, in writing, with the old guard kept.
    let guard = world.place.path().join("guard");
    std::fs::rename(&guard, world.place.path().join("guard.kept")).expect("kept");
    write_guard(&guard, covered.size(), covered.root());
    assert_eq!(check(&config).expect("a report").findings, []);
    world.ledger = start(&world.place).await;
    let recovered = LogRecovered {
        last_size: gone.size(),
        last_root: gone.root().to_vec(),
        account: "De schijf is verloren; de kopie van gisteren is teruggezet.".into(),
    };
    let event = public(EventKind::LogRecovered, print(&recovered).expect("prints"));
    let batch = world.root.batch(&[event]);
    let receipt = world.ledger.append(batch).await.expect("logged");
    assert!(check_receipt(&receipt).size() > covered.size());
    // The source goes on from the head that the log knows, with what it has no receipt for.
    world.source = lost;
    world.chat(10, 10, MONTH).await;
    world.ledger.stop().await;
    assert_eq!(check(&config).expect("a report").findings, []);
    // Had somebody held the checkpoint of the lost entry, he would see the fork: the new log does not extend it (step 5).
    world.ledger = start(&world.place).await;
    let now = world.ledger.checkpoint().await;
    let request = ConsistencyProofRequest { origin: ORIGIN.into(), from_size: gone.size(), to_size: now.size() };
    let proof = world.ledger.client.get_consistency_proof(request).await.expect("a proof").into_inner();
    let forked = now.check_extends(&gone, &hashes(&proof.hashes));
    assert!(matches!(forked, Err(ProofError::WrongRoot { .. })), "{forked:?}");
    world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_copy_is_put_back_whole_and_its_guard_says_what_it_lacks() {
    let site = Site::new();
    let ledger = start(&site).await;
    let mut world = World::on(site, ledger).await;
    world.chat(0, 10, MONTH).await;
    let older = verified(backed_up(&world.place).await.as_bytes());
    world.chat(10, 10, MONTH).await;
    let newer = verified(backed_up(&world.place).await.as_bytes());
    world.ledger.stop().await;
    let (config, from) = (config(&world.place), world.place.path().join("backup"));
    let lost = || std::fs::remove_dir_all(world.place.store()).expect("lost");
    lost();
    assert_eq!(refusal(restore_older(&config, None, &from, 2)), StoreError::NoCopy { back: 2, found: 2 });
    lost();
    let report = restore_older(&config, None, &from, 1).expect("put back");
    // Keys of the entry that it lacks came along; they are swept when the log opens. The guard remembers the entry.
    let found: Vec<_> = report.findings.iter().map(|finding| (finding.id, finding.reason.clone())).collect();
    let rollback = GuardError::Rollback { found: older.size(), signed: newer.size() }.to_string();
    assert_eq!(found.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ["guard", "keys"]);
    assert_eq!((report.entries, &found[0].1), (older.size(), &rollback));
    let refused = match world.place.bind(Arc::new(NoFaults)).await {
        Err(ServeError::Store { reason, .. }) => reason,
        other => panic!("another outcome: {:?}", other.err()),
    };
    assert_eq!(refused.to_string(), rollback);
    lost();
    assert_eq!(restore_older(&config, None, &from, 0).expect("put back").findings, []);
    world.ledger = start(&world.place).await;
    assert_eq!(world.ledger.checkpoint().await, newer);
    world.ledger.stop().await;
}

/// Ids of what was found in what was put back.
fn found(report: &zegel_ledger::CheckReport) -> Vec<&'static str> {
    report.findings.iter().map(|finding| finding.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_that_fail_take_nothing_from_the_one_that_counts_and_the_next_that_does_not_forgets_them() {
    let mut world = World::new().await;
    world.chat(0, 10, MONTH).await;
    world.ledger.stop().await;
    let (config, from) = (keeping(&world.place, 1), world.place.path().join("backup"));
    let good = verified(backup(&config).expect("a backup")[0].1.as_bytes());
    world.ledger = world.place.start().await;
    world.chat(10, 10, MONTH).await;
    world.ledger.stop().await;
    // Three nights in which a part of it cannot be written.
    for part in ["keys", "keys", "blobs"] {
        let (path, kept) = (from.join(part), from.join("kept"));
        std::fs::rename(&path, &kept).expect("moved");
        std::fs::write(&path, b"no folder").expect("in the way");
        match backup(&config) {
            Err(BackupError::Serve(ServeError::Store { reason: StoreError::Failed { .. }, .. })) => {}
            other => panic!("{part}: another outcome: {other:?}"),
        }
        std::fs::remove_file(&path).expect("out of the way");
        std::fs::rename(&kept, &path).expect("moved back");
    }
    let lost = || std::fs::remove_dir_all(world.place.store()).expect("lost");
    lost();
    let report = restore(&config, None, &from).expect("put back");
    assert_eq!((found(&report), report.entries), (vec!["guard"], good.size()), "{:?}", report.findings);
    // What is put back is the one that counts, whichever lies there.
    lost();
    assert_eq!(refusal(restore_older(&config, None, &from, 1)), StoreError::NoCopy { back: 1, found: 1 });
    lost();
    assert_eq!(restore(&config, None, &from).expect("put back").entries, good.size());
    let copies = |line: &str| std::fs::read_dir(from.join(line).join("meta")).expect("copies").count();
    assert_eq!((copies("log"), copies("keys")), (4, 2), "of those that failed nothing is forgotten yet");
    backup(&config).expect("a backup");
    assert_eq!((copies("log"), copies("keys")), (1, 1));
    lost();
    assert_eq!(found(&restore(&config, None, &from).expect("put back")), ["guard"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_before_which_does_not_say_which_copies_count_is_put_back_and_goes_on() {
    let mut world = World::new().await;
    let (config, from) = (config(&world.place), world.place.path().join("backup"));
    let mut sizes = Vec::new();
    for number in 0..3 {
        world.chat(number * 10, 10, MONTH).await;
        world.ledger.stop().await;
        if number == 2 {
            std::fs::remove_file(from.join("copies")).expect("there were none before");
        }
        sizes.push(verified(backup(&config).expect("a backup")[0].1.as_bytes()).size());
        world.ledger = world.place.start().await;
    }
    world.ledger.stop().await;
    let put_back = |back| {
        std::fs::remove_dir_all(world.place.store()).expect("lost");
        restore_older(&config, None, &from, back).expect("put back").entries
    };
    assert_eq!([put_back(0), put_back(1)], [sizes[2], sizes[1]]);
    // Nor do those of before need it.
    std::fs::remove_file(from.join("copies")).expect("removed");
    assert_eq!([put_back(0), put_back(1)], [sizes[2], sizes[1]]);
}

/// The same event with less of it open: another ciphertext under another wrap.
fn resealed(replaces: &[u8]) -> Resealed {
    let (ciphertext, wrap) = (fresh().repeat(4), fresh().repeat(3));
    Resealed { replaces: sha256(&[replaces]).to_vec(), ciphertext, wrap }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_copy_from_before_an_erasure_is_put_back_whole_and_the_same_orders_go_again() {
    let mut world = World::new().await;
    let approver = Author::new("approver");
    let registered = world.root.batch(&[actor_registered(&approver, Role::Approver), key_added(&approver)]);
    world.ledger.append(registered).await.expect("registered");
    let request = world.source.batch(&world.source.messages(&world.capture, 0, 20, MONTH));
    let entry = world.ledger.append(request.clone()).await.expect("messages").index;
    world.ledger.stop().await;
    let (config, from) = (config(&world.place), world.place.path().join("backup"));
    backup(&config).expect("a backup");
    // 1 ends. 2 and 3 lose a part; then 2 loses another one, and 3 ends.
    let body = |position: usize| request.bodies[position].clone();
    let (two, three) = (resealed(&body(2).ciphertext), resealed(&body(3).ciphertext));
    let two_again = resealed(&two.ciphertext);
    let order = |places: &[u32], resealed: &[(u32, &Resealed)]| {
        let places = places.iter().map(|position| (entry, *position)).collect();
        let resealed = resealed.iter().map(|(position, new)| ((entry, *position), (*new).clone())).collect();
        let (origin, proposal) = (ORIGIN.into(), Some(Hash([7; 32])));
        signed_order(Erasure { origin, proposal, places, resealed, ..Erasure::default() }, &[&world.officer, &approver])
    };
    let orders = [order(&[1, 2, 3], &[(2, &two), (3, &three)]), order(&[2, 3], &[(2, &two_again)])];
    let carry_out = || orders.each_ref().map(|order| zegel_ledger::erase(&config, order).expect("erased"));
    let went = |erased: [zegel_ledger::Erased; 2]| erased.map(|erased| (erased.events, erased.before));
    let is_there = |bytes: &[u8]| is_somewhere(&world.place.store(), bytes);
    assert_eq!(went(carry_out()), [(3, 0), (2, 0)]);
    backup(&config).expect("a backup");
    let put_back = |back| {
        std::fs::remove_dir_all(world.place.store()).expect("lost");
        restore_older(&config, None, &from, back).expect("put back").findings
    };
    // The log of before, the keys of after: nothing of it opens, and all of it follows.
    assert_eq!(put_back(1), []);
    assert!((1..4).all(|position| is_there(&body(position).ciphertext) && !is_there(&body(position).wrap)));
    assert_eq!(went(carry_out()), [(3, 0), (2, 1)]);
    let gone =
        (1..4).map(|position| body(position).ciphertext).chain([two.ciphertext.clone(), three.ciphertext.clone()]);
    assert!(gone.into_iter().all(|bytes| !is_there(&bytes)));
    assert!(!is_there(&three.wrap), "what had ended does not come back with an order of before its end");
    assert!(is_there(&two_again.ciphertext) && is_there(&two_again.wrap) && is_there(&body(4).ciphertext));
    assert_eq!(check(&config).expect("a report").findings, []);
    // The newest copy knows all of it.
    assert_eq!(put_back(0), []);
    assert!(is_there(&two_again.ciphertext) && !is_there(&body(1).ciphertext));
    world.ledger = world.place.start().await;
    world.chat(20, 10, MONTH).await;
    world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_comes_while_the_store_is_copied_hears_so_at_once_and_is_carried_out_after_that() {
    let site = Site::new();
    let ledger = start(&site).await;
    let mut world = World::on(site, ledger).await;
    let approver = Author::new("approver");
    let registered = world.root.batch(&[actor_registered(&approver, Role::Approver), key_added(&approver)]);
    world.ledger.append(registered).await.expect("registered");
    let entry = world.chat(0, 2, MONTH).await.index;
    let pipe = Pipe::among_attachments_of(&world.place);
    pipe.stop_a_backup(&world.place).await;
    let text = order(&[(entry, 1)], None, &[&world.officer, &approver]);
    let request = EraseRequest { origin: ORIGIN.into(), order: text };
    // Nor is it another order that the second one waits for.
    for _ in 0..2 {
        let refused = world.ledger.client.erase(request.clone()).await.expect_err("it is being copied");
        assert_eq!(refused.code(), tonic::Code::Aborted, "{refused}");
        assert_eq!(refused.message(), "the store is being copied: try again when that has ended");
    }
    world.chat(2, 1, MONTH).await;
    pipe.open(&world.place).await;
    assert_eq!(world.ledger.client.erase(request).await.expect("erased").into_inner().events, 1);
    world.ledger.stop().await;
}
