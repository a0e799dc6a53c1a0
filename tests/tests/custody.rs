//! From the landing zone to the archive, among real processes: followed, receipted, purged, and still whole at the archive.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use zegel_keys::{Passphrases, Signer};
use zegel_proto::parse;
use zegel_proto::v1::{EventHeader, EventKind, ReadEntriesRequest};
use zegel_tests::dossier::{CHAT, findings, read_out, refused, run, stage};
use zegel_tests::replica::Replica;
use zegel_tests::wire::{State, Wire};
use zegel_tests::witness::eventually;
use zegel_tests::{ORIGIN, Stage, command};
use zegel_tools::keys::KeyFolder;
use zegel_tools::source::{Backoff, Connection};
use zegel_verifier::checkpoint::ClaimedCheckpoint;
use zegel_verifier::custody::{CustodyReceipt, places_digest};
use zegel_verifier::note::VerifierKey;

const ARCHIVE: &str = "archief.example.nl/landelijk";
const LINES: [&str; 3] = [
    "13-05-2026 09:00 - Anna: eerste in de landingszone",
    "13-05-2026 09:01 - Bram: tweede in de landingszone",
    "13-05-2026 09:02 - Anna: derde in de landingszone",
];

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// The receipt that covers the newest entry with content.
fn receipt_of(replica: &Replica, vkey: &VerifierKey, entry: u64) -> (PathBuf, CustodyReceipt) {
    eventually("a receipt", || {
        let files = fs::read_dir(replica.path("receipts")).ok()?.flatten().map(|file| file.path());
        files.filter(|path| path.extension().is_some_and(|form| form == "receipt")).find_map(|path| {
            let receipt = CustodyReceipt::verify(&fs::read(&path).ok()?, vkey).expect("its own receipt");
            (receipt.from..receipt.to).contains(&entry).then_some((path, receipt))
        })
    })
}

/// Entry of the newest message.
fn newest(stage: &Stage) -> u64 {
    let read = run(stage, &[&["review", "read", "--size", "100"], &CHAT[..]].concat());
    let places = read["messages"].as_array().expect("messages").iter().filter_map(|each| each["place"].as_str());
    places.filter_map(|place| place.split(':').next()?.parse().ok()).max().expect("a message")
}

fn audit(stage: &Stage, name: &str) -> (Option<i32>, Vec<String>) {
    let mirror = stage.path(name);
    let mut copying = command("zegel");
    copying.args(["mirror", "--ledger", &stage.url(), "--out"]).arg(&mirror).arg("--trust").arg(stage.trust());
    assert!(copying.arg("--tls-ca").arg(stage.keys().join("tls-ca.pem")).output().expect("it runs").status.success());
    let mut audit = command("zegel-verifier");
    let output = audit.args(["audit", "--json"]).arg(&mirror).arg("--trust").arg(stage.trust()).output();
    let output = output.expect("it runs");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let report = report.get("report").unwrap_or(&report);
    let all = report["findings"].as_array().into_iter().flatten();
    (output.status.code(), all.filter_map(|finding| Some(finding["id"].as_str()?.to_owned())).collect())
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
fn what_the_archive_receipted_is_purged_and_the_archive_still_proves_all_of_it() {
    let mut stage = stage();
    let (mut replica, vkey) = Replica::archive(&stage, ARCHIVE);
    let archive = VerifierKey::parse(&vkey).expect("a key");
    assert_eq!(read_out(&stage, "first.txt", &LINES)["counts"]["new"], 3);
    let (file, receipt) = receipt_of(&replica, &archive, newest(&stage));
    assert!(receipt.events >= 3);
    let out = stage.path("order");
    let order = |file: &Path, out: &Path| -> Vec<String> {
        ["custody", "order", &text(file), "--out", &text(out)].map(String::from).to_vec()
    };
    let ask =
        |stage: &Stage, arguments: &[String]| refused(stage, &arguments.iter().map(String::as_str).collect::<Vec<_>>());

    // Nobody is believed before the log names an archive; another key than that one is not.
    assert!(ask(&stage, &order(&file, &out)).contains("the log names no archive: set the policy custody_archive"));
    let other = VerifierKey::new(ARCHIVE, 1, [7; 32]).expect("a key").print();
    run(&stage, &["policy", "custody_archive", &other]);
    assert!(ask(&stage, &order(&file, &out)).contains(&format!("there is no signature by {ARCHIVE}")));
    run(&stage, &["policy", "custody_archive", &vkey]);

    // Signed by the archive itself: another root, count, events, log, and entries that are not there.
    let key = Signer::open(&replica.path("archive.key"), &Passphrases::of_environment().expect("none")).expect("a key");
    let forged = |change: &dyn Fn(&mut CustodyReceipt)| {
        let mut changed = receipt.clone();
        change(&mut changed);
        let signature = key.sign(changed.text().as_bytes()).expect("signed");
        let path = stage.path("forged.receipt");
        fs::write(&path, changed.signed(&archive, &signature)).expect("written");
        ask(&stage, &order(&path, &out))
    };
    let said = forged(&|receipt| receipt.root.0[0] ^= 1);
    assert!(said.contains(&format!("at {} entries the archive holds root", receipt.to)), "{said}");
    let said = forged(&|receipt| receipt.events += 1);
    let (one_more, here) = (receipt.events + 1, receipt.events);
    assert!(said.contains(&format!("the archive holds {one_more} events of these entries, {here} are here")), "{said}");
    let said = forged(&|receipt| receipt.places = places_digest(&[(0, 0)]));
    assert!(said.contains("the archive holds other events of these entries than are here, as many"), "{said}");
    let said = forged(&|receipt| receipt.origin = "chat.example.nl/other".into());
    assert!(said.contains("the receipt is of log \"chat.example.nl/other\""), "{said}");
    let said = forged(&|receipt| receipt.to = 1_000);
    assert!(said.contains(&format!("the receipt is of entries {} to 1000, the log has", receipt.from)), "{said}");
    assert!(!out.exists(), "no order was made");

    // The order goes through the ledger as well: without its receipt it is none, and with another it is not believed.
    run(&stage, &["custody", "order", &text(&file), "--out", &text(&out)]);
    let good = fs::read_to_string(&out).expect("an order");
    let changed = |from: &str, to: &str| {
        let path = stage.path("changed.order");
        fs::write(&path, good.replacen(from, to, 1)).expect("written");
        refused(&stage, &["custody", "purge", &text(&path)])
    };
    assert!(changed("zegel-purge/v1", "zegel-erasure/v1").contains("1 to 1000000 events"));
    let said = changed("\n\n", "\n\n0");
    assert!(said.contains("ACTOR KEY SIGNATURE"), "{said}");

    // Killed after erasing and before it is said: the content is gone, an auditor misses it, and the same command goes on.
    run(&stage, &["destroy", "erase", &text(&out)]);
    stage.kill();
    stage.start();
    let (code, found) = audit(&stage, "unsaid");
    assert!(code != Some(0) && found.contains(&"BODY_MISSING".into()), "{found:?}");
    let purged = run(&stage, &["custody", "purge", &text(&out), "--person", "beheer landingszone"]);
    assert_eq!((&purged["events"], &purged["before"]), (&here.into(), &here.into()), "{purged}");
    let (code, found) = audit(&stage, "said");
    assert_eq!(code, Some(0), "{found:?}");
    assert!(found.contains(&"BODY_DESTROYED".into()) && !found.contains(&"BODY_MISSING".into()), "{found:?}");
    // Twice is refused, at either step.
    let said = refused(&stage, &["custody", "purge", &text(&out)]);
    assert!(said.contains(&format!("was purged before: entry {} says so", purged["entry"])), "{said}");
    let said = ask(&stage, &order(&file, &stage.path("again")));
    assert!(said.contains(&format!("the archive holds {here} events of these entries, 0 are here")), "{said}");

    // The order came to the archive, and it kept what it holds, also after it was killed.
    eventually("the order is known", || replica.told().contains("purged at the primary, and kept here").then_some(()));
    // A next batch, followed after the purge, is receipted from where the first ended.
    let mut more = LINES.to_vec();
    more.push("14-05-2026 09:00 - Bram: vierde, na de eerste overdracht");
    assert_eq!(read_out(&stage, "second.txt", &more)["counts"]["new"], 1, "what was purged does not come back");
    let (_, next) = receipt_of(&replica, &archive, newest(&stage));
    let (_, between) = receipt_of(&replica, &archive, receipt.to);
    assert!(between.from == receipt.to && between.to <= next.to && next.events > 0, "{between:?} {next:?}");
    let size = run(&stage, &["status"])["size"].as_u64().expect("a size");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    eventually("the archive has it all", || (runtime.block_on(replica.size()) >= size).then_some(()));
    stage.kill();
    replica.kill();
    assert!(replica.check().contains(" 0 findings"), "{}", replica.check());

    // The landing zone ends; the archive goes on with the log, exports all of it, and does not carry out the purge either.
    let note = stage.path("newest");
    fs::write(&note, fs::read(replica.path("store/primary")).expect("heard")).expect("written");
    let promoted = replica.promote(&stage, &["--checkpoint", &text(&note)]);
    assert!(promoted.status.success(), "{}", String::from_utf8_lossy(&promoted.stderr));
    let own = replica.own_config().to_owned();
    stage.move_to(&own);
    stage.zegel(&["follower", "recovered", "--account", "het archief neemt het log over"]);
    let said = refused(&stage, &["destroy", "erase", &text(&out)]);
    assert!(said.contains("what is purged for a receipt of custody stays here"), "{said}");
    let bundle = stage.path("bundle");
    stage.zegel(&[&["export", "--recipient", "Inspectie", "--out", &text(&bundle)], &CHAT[..]].concat());
    let (code, found) = stage.verify(&bundle, &[]);
    assert_eq!(code, Some(0), "{found:#}");
    assert!(!findings(&found).contains(&"TRANSFERRED"), "nothing is withheld: {found:#}");
    let bytes = fs::read(bundle.join("data/evidence-0001")).expect("evidence");
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(["eerste ", "tweede ", "derde ", "vierde"].into_iter().all(holds));
}

/// Batches that wait for their receipts in the officer's outbox.
fn outbox(keys: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(keys.join("spool/officer/outbox")).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = files.map(|file| file.path()).collect();
    files.retain(|path| path.extension().is_some_and(|form| form == "append"));
    files.sort();
    files
}

async fn size_of(connection: &Connection) -> u64 {
    let note = connection.newest_checkpoint().await.expect("a checkpoint");
    ClaimedCheckpoint::parse(&note).expect("a note").claimed_size()
}

/// Entries that say that something was purged.
async fn purges(connection: &Connection) -> Vec<u64> {
    let request = ReadEntriesRequest { origin: ORIGIN.into(), from: 0, count: size_of(connection).await };
    let (mut entries, mut found) = (connection.audit_entries(&request).await.expect("entries"), Vec::new());
    while let Some(entry) = entries.message().await.expect("an entry") {
        let kinds = entry.headers.iter().map(|header| parse::<EventHeader>(header).expect("a header").kind);
        found.extend(kinds.filter(|kind| *kind == EventKind::CustodyPurged as i32).map(|_| entry.index));
    }
    found
}

/// Whoever asks is killed once the log has an entry of his and he has not heard of it: at each entry that the command makes.
#[tokio::test(flavor = "multi_thread")]
async fn a_purge_whose_answer_is_lost_with_who_asked_for_it_is_said_once() {
    let stage = stage();
    let (replica, vkey) = Replica::archive(&stage, ARCHIVE);
    let archive = VerifierKey::parse(&vkey).expect("a key");
    run(&stage, &["policy", "custody_archive", &vkey]);
    assert_eq!(read_out(&stage, "first.txt", &LINES)["counts"]["new"], 3);
    let (file, _) = receipt_of(&replica, &archive, newest(&stage));
    let order = text(&stage.path("order"));
    run(&stage, &["custody", "order", &text(&file), "--out", &order]);
    let authority = KeyFolder::open(&stage.keys()).and_then(|keys| keys.tls_ca()).expect("a certificate");
    let connection = Connection::new(&stage.url(), Some(&authority), ORIGIN, Backoff::default()).expect("an address");
    let wire = Wire::to_url(&stage.url()).await;
    let mut killed = 0;
    let said = loop {
        let (folder, size) = (stage.keys(), size_of(&connection).await);
        let (mut seen, known) = (outbox(&folder), outbox(&folder).len());
        // The batches that it makes before are answered.
        wire.lose_answers_when(move || {
            seen.extend(outbox(&folder));
            seen.sort();
            seen.dedup();
            seen.len() > known + killed
        });
        let mut purge = command("zegel");
        purge.args(["custody", "purge", &order, "--person", "beheer", "--ledger", &wire.url(), "--keys"]);
        purge.arg(stage.keys()).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
        let mut purge = purge.spawn().expect("it runs");
        while purge.try_wait().expect("its state").is_none()
            && (wire.state() == State::Whole || size_of(&connection).await <= size + killed as u64)
        {
            tokio::task::yield_now().await;
        }
        if wire.state() == State::Whole {
            break String::from_utf8(purge.wait_with_output().expect("it ended").stderr).expect("text");
        }
        purge.kill().expect("killed");
        purge.wait().expect("it ended");
        wire.set(State::Whole);
        assert_eq!(outbox(&stage.keys()).len(), 1, "it has not heard of it");
        killed += 1;
        assert!(killed < 9, "it never ends");
    };
    let [entry] = purges(&connection).await[..] else { panic!("{:?}", purges(&connection).await) };
    assert!(killed >= 2 && said.contains(&format!("was purged before: entry {entry} says so")), "{killed}: {said}");
}
