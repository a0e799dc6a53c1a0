//! From the landing zone to the archive, among real processes: followed, receipted, purged, and still whole at the archive.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use zegel_keys::{Passphrases, Signer};
use zegel_tests::dossier::{CHAT, findings, read_out, refused, run, stage};
use zegel_tests::replica::Replica;
use zegel_tests::witness::eventually;
use zegel_tests::{Stage, command};
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
