//! A ledger that follows, among real processes: both are killed at any moment, the primary lies, the follower takes over.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;
use zegel_proto::print;
use zegel_proto::v1::replicate_response::Item;
use zegel_proto::v1::*;
use zegel_tests::archive::Archive;
use zegel_tests::false_ledger::FalseLedger;
use zegel_tests::replica::Replica;
use zegel_tests::rounds::{Beside, Trial};
use zegel_tests::witness::{Witness, eventually};
use zegel_tests::{ORIGIN, Stage, command};
use zegel_tools::source::{Backoff, Connection};
use zegel_verifier::checkpoint::ClaimedCheckpoint;
use zegel_verifier::hash::sha256;

fn size_of(note: &[u8]) -> u64 {
    ClaimedCheckpoint::parse(note).expect("a checkpoint").claimed_size()
}

fn stage_size(stage: &Stage) -> u64 {
    let status: serde_json::Value = serde_json::from_str(&stage.zegel(&["--json", "status"])).expect("JSON");
    status["result"]["size"].as_u64().expect("a size")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime")
}

fn reaches(replica: &Replica, size: u64) {
    let runtime = runtime();
    eventually("the follower has it all", || (runtime.block_on(replica.size()) >= size).then_some(()));
}

fn said(output: &std::process::Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn both_are_killed_at_any_moment_and_the_follower_takes_over_with_every_receipt() {
    let mut trial = Trial::new(40);
    let mut replica = Replica::new(&trial.stage);
    for round in 0..8u64 {
        let moment = Duration::from_millis(trial.dice().below(120));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(moment);
                replica.kill();
            });
            trial.crash(if round % 2 == 0 { Beside::Snapshots } else { Beside::Nothing });
        });
        replica.start();
    }
    // It catches up while the primary is killed once more, and is killed itself with all it has.
    let newest = trial.newest();
    reaches(&replica, size_of(&newest));
    replica.kill();
    assert!(!replica.told().contains("is refused"), "{}", replica.told());
    assert!(replica.check().contains(" 0 findings"), "{}", replica.check());
    // The disaster: the first is gone. What it signed last is known; the second takes over.
    trial.stage.kill();
    let note = replica.path("newest");
    fs::write(&note, &newest).expect("written");
    let promoted = replica.promote(&trial.stage, &["--checkpoint", note.to_str().expect("a path")]);
    assert!(promoted.status.success(), "{}", said(&promoted));
    let own = replica.own_config().to_owned();
    trial.stage.move_to(&own);
    let told = trial.stage.zegel(&["follower", "recovered", "--account", "brand in het rekencentrum"]);
    assert!(told.contains("says that the log was recovered at"), "{told}");
    // Every receipt and checkpoint of before holds, appends go on, also through kills; and an auditor finds nothing.
    trial.go_on();
    for _ in 0..3 {
        trial.crash(Beside::Exports);
    }
    audited(&trial.stage);
    trial.end();
}

fn audited(stage: &Stage) {
    let mirror = stage.path("mirror");
    let mut copying = command("zegel");
    copying.args(["mirror", "--ledger", &stage.url(), "--out"]).arg(&mirror).arg("--trust").arg(stage.trust());
    let copied = copying.arg("--tls-ca").arg(stage.keys().join("tls-ca.pem")).output().expect("it runs");
    assert!(copied.status.success(), "{}", said(&copied));
    let mut audit = command("zegel-verifier");
    let audit = audit.arg("audit").arg(&mirror).arg("--trust").arg(stage.trust()).output().expect("it runs");
    assert_eq!(audit.status.code(), Some(0), "{}", said(&audit));
}

#[test]
fn beside_a_promoted_follower_a_witness_refuses_the_old_primary() {
    let mut stage = Stage::new();
    let witness = Witness::new("w", &["--log", &stage.log_vkey()]);
    stage.ask_witnesses(&format!("{}\nquorum w\n", witness.policy_line()));
    let cosigned = |stage: &Stage| stage.cosigned()["size"].as_u64().unwrap_or(0);
    eventually("cosigned", || (cosigned(&stage) > 0).then_some(()));
    let mut replica = Replica::new(&stage);
    let register = |stage: &Stage, name: &str| {
        stage.zegel(&["register", "custodian", "--name", name]);
    };
    register(&stage, "Anna");
    let size = stage_size(&stage);
    eventually("cosigned", || (cosigned(&stage) == size).then_some(()));
    reaches(&replica, size);
    replica.kill();
    register(&stage, "Bram");
    eventually("cosigned", || (cosigned(&stage) == size + 1).then_some(()));
    // The witness knows of an entry that the follower never got: no promotion. Nor without the witness, or the key.
    stage.kill();
    let stale = replica.promote(&stage, &[]);
    let wanted = format!("witness w knows of {} entries, the replica holds {size}", size + 1);
    assert!(!stale.status.success() && said(&stale).contains(&wanted), "{}", said(&stale));
    let alone = replica.promote(&stage, &["--without", "w"]);
    assert!(said(&alone).contains("nothing from outside says how far the log was"), "{}", said(&alone));
    fs::remove_file(replica.path("log.key")).expect("not yet");
    // Put the primary back: the follower catches up, and then the disaster comes.
    stage.start();
    replica.start();
    reaches(&replica, size + 1);
    replica.kill();
    let old = fs::read_to_string(stage.keys().join("ledger.toml")).expect("a configuration");
    stage.kill();
    let promoted = replica.promote(&stage, &[]);
    assert!(promoted.status.success(), "{}", said(&promoted));
    let own = replica.own_config().to_owned();
    stage.move_to(&own);
    stage.zegel(&["follower", "recovered", "--account", "de eerste is niet meer te vertrouwen"]);
    eventually("cosigned", || (cosigned(&stage) == size + 2).then_some(()));
    let name = sha256(&[ORIGIN.as_bytes()]);
    // The old primary comes back with its key and its store, and goes on where it was: nobody cosigns that.
    stage.move_to(&old);
    register(&stage, "Carla");
    eventually("the witness refuses it", || stage.log().contains("refuses this log's history (422)").then_some(()));
    assert!(witness.path(&format!("state/{name}.fork")).exists(), "two roots of one size are kept as evidence");
    assert_eq!(size_of(witness.get(&format!("/{name}/checkpoint")).body.as_bytes()), size + 2);
}

/// What a primary gave, and how it is changed before a follower gets it.
struct Changed {
    what: &'static str,
    /// Beginning of the reason for which the primary is refused.
    wanted: &'static str,
    change: fn(&mut Vec<ReplicatedEntry>),
}

fn flip(bytes: &mut [u8]) {
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
}

/// The last entry with sealed bodies.
fn sealed(entries: &mut [ReplicatedEntry]) -> &mut ReplicatedEntry {
    let is_sealed = |entry: &&mut ReplicatedEntry| entry.bodies.iter().any(|body| !body.ciphertext.is_empty());
    entries.iter_mut().rev().find(is_sealed).expect("a sealed entry")
}

const CHANGES: [Changed; 14] = [
    Changed {
        what: "a ciphertext",
        wanted: "entry <n>: sealed_root is",
        change: |all| flip(&mut sealed(all).bodies[0].ciphertext),
    },
    Changed {
        what: "a wrap",
        wanted: "entry <n>: sealed_root is",
        change: |all| flip(&mut sealed(all).bodies[0].wrap[..4]),
    },
    Changed { what: "a header", wanted: "entry <n>: events_root is", change: |all| flip(&mut sealed(all).headers[0]) },
    Changed { what: "the entry", wanted: "entry <n>: ", change: |all| flip(&mut sealed(all).entry) },
    Changed {
        what: "an event less",
        wanted: "entry <n>: ",
        change: |all| drop((sealed(all).headers.pop(), sealed(all).bodies.pop())),
    },
    Changed {
        what: "an envelope away",
        wanted: "entry 1: event 0: envelope ",
        change: |all| all.iter_mut().for_each(|entry| entry.envelopes.clear()),
    },
    Changed {
        what: "the time",
        wanted: "at <n+1> entries the root is",
        change: |all| {
            let entry = &mut sealed(all).entry;
            let mut parsed: Entry = zegel_proto::parse(entry).expect("an entry");
            parsed.received_at_ms += 1;
            *entry = print(&parsed).expect("prints");
        },
    },
    Changed {
        what: "a body away",
        wanted: "entry <n>: event 0: the sealed form must be there",
        change: |all| sealed(all).bodies[0] = SealedBody::default(),
    },
    Changed {
        what: "a body away that is said to be erased",
        wanted: "the sealed form of <n>:0 is gone, and no order",
        change: |all| {
            let entry = sealed(all);
            let leaf = zegel_verifier::batch::sealed_leaf(&entry.bodies[0]).to_vec();
            entry.bodies[0] = SealedBody::default();
            entry.erased.push(ErasedForm { position: 0, leaf });
        },
    },
    Changed {
        what: "a body there that is said to be erased",
        wanted: "<n>:0 is said to be erased",
        change: |all| {
            let entry = sealed(all);
            let leaf = zegel_verifier::batch::sealed_leaf(&entry.bodies[0]).to_vec();
            entry.erased.push(ErasedForm { position: 0, leaf });
        },
    },
    Changed { what: "an entry left out", wanted: "entry 3 came where entry 2 goes", change: |all| drop(all.remove(2)) },
    Changed {
        what: "two entries in another order",
        wanted: "entry 3 came where entry 2 goes",
        change: |all| all.swap(2, 3),
    },
    Changed {
        what: "the note of another size",
        wanted: "at <n+1> entries the root is",
        change: |all| {
            let earlier = all[4].checkpoint.clone();
            sealed(all).checkpoint = earlier;
        },
    },
    Changed {
        what: "a note that nobody signed",
        wanted: "the checkpoint of <n+1> entries: ",
        change: |all| {
            let note = &mut sealed(all).checkpoint;
            let at = note.len() - 10;
            note[at] = if note[at] == b'A' { b'B' } else { b'A' };
        },
    },
];

/// Everything that an honest ledger gives to a follower; and its attachments.
async fn given(connection: &Connection, origin: &str) -> (Vec<ReplicatedEntry>, HashMap<Vec<u8>, Vec<u8>>) {
    let request = ReplicateRequest { origin: origin.into(), from: 0, orders: Vec::new(), rewrapped: 0 };
    let mut stream = connection.client().replicate(request).await.expect("a stream").into_inner();
    let (mut entries, mut blobs) = (Vec::new(), HashMap::new());
    while let Some(message) = stream.message().await.expect("an entry") {
        let Some(Item::Entry(entry)) = message.item else { continue };
        for header in &entry.headers {
            let header: EventHeader = zegel_proto::parse(header).expect("a header");
            for sha256 in header.blobs {
                let request = GetBlobRequest { origin: origin.into(), sha256: sha256.clone() };
                let mut chunks = connection.client().get_blob(request).await.expect("a blob").into_inner();
                let mut bytes = Vec::new();
                while let Some(chunk) = chunks.message().await.expect("a chunk") {
                    bytes.extend(chunk.data);
                }
                blobs.insert(sha256, bytes);
            }
        }
        entries.push(entry);
    }
    (entries, blobs)
}

/// Follows what is given, in this process, until that is refused or all of it is there; gives the reason, if there is one.
async fn followed(archive: &Archive, lying: FalseLedger, folder: &Path, size: u64) -> Option<String> {
    let root = archive.keys.ministry();
    let key = zegel_verifier::note::VerifierKey::new(&root.origin, zegel_verifier::note::TYPE_ED25519, root.root_key.0);
    let address = lying.serve().await;
    let text = format!(
        "listen = \"127.0.0.1:0\"\n[[log]]\norigin = \"{}\"\nroot_key = \"{}\"\nstore = \"store\"\nguard = \"guard\"\n\
         log_key = \"none\"\n[log.follow]\nprimary = \"http://{address}\"\ninterval_ms = 10\n",
        root.origin,
        key.expect("a key").print()
    );
    let config = zegel_ledger::Config::parse(&text, folder).expect("a configuration");
    let server = zegel_ledger::Server::bind(config).await.expect("a follower");
    let url = format!("http://{}", server.address());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async move { drop(stopped.await) }));
    let connection = Connection::new(&url, None, &root.origin, Backoff::default()).expect("an address");
    let refused = folder.join("store/refused");
    let ended = loop {
        if let Ok(reason) = fs::read_to_string(&refused) {
            break Some(reason.lines().next().unwrap_or_default().to_owned());
        }
        let note = connection.newest_checkpoint().await.unwrap_or_default();
        if ClaimedCheckpoint::parse(&note).is_ok_and(|note| note.claimed_size() >= size) {
            break None;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    drop(connection);
    let _ = stop.send(());
    running.await.expect("no panic").expect("a good end");
    ended
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_primary_changes_on_the_way_is_refused_and_nothing_of_its_group_is_kept() {
    let mut archive = Archive::new().await;
    let anna = archive.anna;
    archive.read_out(anna, "anna-android-nl").await;
    let origin = archive.keys.ministry().origin.clone();
    let authority = archive.keys.tls_ca().expect("a certificate");
    let connection = Connection::new(&archive.url, Some(&authority), &origin, Backoff::default()).expect("an address");
    let (entries, blobs) = given(&connection, &origin).await;
    let checkpoint = entries.last().expect("entries").checkpoint.clone();
    let size = size_of(&checkpoint);
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = |entries: Vec<ReplicatedEntry>, blobs: HashMap<Vec<u8>, Vec<u8>>| {
        let replicated =
            entries.into_iter().map(|entry| ReplicateResponse { item: Some(Item::Entry(entry)) }).collect();
        FalseLedger::telling(checkpoint.clone(), replicated, blobs)
    };
    let place = |name: &str| {
        let place = folder.path().join(name.replace(' ', "-"));
        fs::create_dir(&place).expect("made");
        place
    };
    assert_eq!(followed(&archive, ledger(entries.clone(), blobs.clone()), &place("honest"), size).await, None);
    let mut others: Vec<String> = Vec::new();
    for Changed { what, wanted, change } in CHANGES {
        let mut changed = entries.clone();
        let index = sealed(&mut changed).index;
        let wanted = wanted.replace("<n>", &index.to_string()).replace("<n+1>", &(index + 1).to_string());
        change(&mut changed);
        let reason = followed(&archive, ledger(changed, blobs.clone()), &place(what), size).await;
        if !reason.as_ref().is_some_and(|reason| reason.starts_with(&wanted)) {
            others.push(format!("{what}: {reason:?}, wanted {wanted}"));
        }
    }
    assert_eq!(others, Vec::<String>::new());
    if let Some(blob) = blobs.keys().next() {
        let mut changed = blobs.clone();
        changed.entry(blob.clone()).and_modify(|bytes| flip(bytes));
        let reason = followed(&archive, ledger(entries.clone(), changed), &place("a blob"), size).await;
        assert!(
            reason.as_ref().is_some_and(|reason| reason.starts_with("an attachment: the bytes have hash")),
            "{reason:?}"
        );
    }
}

/// What a primary says that it rewrapped, and how it is changed before a follower gets it.
struct ChangedWrap {
    what: &'static str,
    /// Beginning of the reason for which the primary is refused.
    wanted: &'static str,
    change: fn(&mut RewrappedEnvelope, &mut DossierEnvelope),
}

const CHANGED_WRAPS: [ChangedWrap; 9] = [
    ChangedWrap {
        what: "another nonce",
        wanted: "rewrapping: the envelope of dossier <d> has another nonce than the one that is there",
        change: |_, envelope| flip(&mut envelope.nonce),
    },
    ChangedWrap {
        what: "another month",
        wanted: "rewrapping: the envelope of dossier <d> has another month than the one that is there",
        change: |_, envelope| envelope.month = 202_001,
    },
    ChangedWrap {
        what: "another source",
        wanted: "rewrapping: the envelope of dossier <d> has another source than the one that is there",
        change: |_, envelope| flip(&mut envelope.source),
    },
    ChangedWrap {
        what: "other bytes for a key in use",
        wanted: "rewrapping: the envelope of dossier <d> would lose archive key",
        change: |_, envelope| flip(&mut envelope.recipients[0].sealed),
    },
    ChangedWrap {
        what: "a key that the log does not know",
        wanted: "rewrapping: the envelope of dossier <d> is wrapped to ffffffff",
        change: |_, envelope| {
            envelope.recipients.push(DossierRecipient { archive_key: vec![0xFF; 32], sealed: vec![1; 1_168] });
        },
    },
    ChangedWrap {
        what: "a key less",
        wanted: "rewrapping: the envelope of dossier <d>: ",
        change: |_, envelope| drop(envelope.recipients.pop()),
    },
    ChangedWrap {
        what: "when no key was in use",
        wanted: "rewrapping: the envelope of dossier <d> is wrapped to",
        change: |rewrapped, _| rewrapped.size = 0,
    },
    ChangedWrap {
        what: "a number that was taken",
        wanted: "rewrapped envelope 0 came behind number 0",
        change: |rewrapped, _| rewrapped.number = 0,
    },
    ChangedWrap {
        what: "nothing",
        wanted: "the answer of the primary has no rewrapped envelope",
        change: |rewrapped, _| rewrapped.wrap = None,
    },
];

/// Replaces an envelope in its entry by one that is said to be rewrapped.
fn brought_rewrapped(entry: &mut ReplicatedEntry, change: impl FnOnce(&mut DossierWrap, &mut DossierEnvelope)) {
    let bytes = entry.envelopes.remove(0);
    let mut envelope: DossierEnvelope = zegel_proto::parse(&bytes).expect("an envelope");
    let mut wrap = DossierWrap { dossier: sha256(&[&bytes]).to_vec(), envelope: bytes };
    change(&mut wrap, &mut envelope);
    wrap.envelope = print(&envelope).unwrap_or_default();
    entry.rewrapped.push(wrap);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_rewraps_what_may_not_be_is_refused() {
    let archive = Archive::new().await;
    let origin = archive.keys.ministry().origin.clone();
    let authority = archive.keys.tls_ca().expect("a certificate");
    let connection = Connection::new(&archive.url, Some(&authority), &origin, Backoff::default()).expect("an address");
    let (entries, _) = given(&connection, &origin).await;
    let checkpoint = entries.last().expect("entries").checkpoint.clone();
    let size = size_of(&checkpoint);
    let folder = tempfile::tempdir().expect("a folder");
    let outcome = async |what: &str, entries: Vec<ReplicatedEntry>, rewrapped: Option<RewrappedEnvelope>| {
        let place = folder.path().join(what.replace(' ', "-"));
        fs::create_dir(&place).expect("made");
        let told = entries.into_iter().map(Item::Entry).chain(rewrapped.map(Item::Rewrapped));
        let told = told.map(|item| ReplicateResponse { item: Some(item) }).collect();
        let lying = FalseLedger::telling(checkpoint.clone(), told, HashMap::new());
        // No follower gets as far as that: it refuses, or the test fails.
        let followed = followed(&archive, lying, &place, size + 1);
        tokio::time::timeout(Duration::from_secs(20), followed).await.ok().flatten().unwrap_or_default()
    };
    let first = entries.iter().position(|entry| !entry.envelopes.is_empty()).expect("an envelope");
    let bytes = entries[first].envelopes[0].clone();
    let dossier = sha256(&[&bytes]);
    let mut others: Vec<String> = Vec::new();
    let mut hold = |what: &str, wanted: String, reason: String| {
        if !reason.starts_with(&wanted) {
            others.push(format!("{what}: {reason}, wanted {wanted}"));
        }
    };
    for ChangedWrap { what, wanted, change } in CHANGED_WRAPS {
        let mut envelope: DossierEnvelope = zegel_proto::parse(&bytes).expect("an envelope");
        let wrap = Some(DossierWrap { dossier: dossier.to_vec(), envelope: Vec::new() });
        let mut rewrapped = RewrappedEnvelope { number: 1, size, wrap };
        change(&mut rewrapped, &mut envelope);
        if let Some(wrap) = &mut rewrapped.wrap {
            // Not canonical with one recipient: then it is printed as it is not.
            wrap.envelope = print(&envelope).unwrap_or_else(|_| vec![0]);
        }
        let reason = outcome(what, entries.clone(), Some(rewrapped)).await;
        hold(what, wanted.replace("<d>", &dossier.to_string()), reason);
    }
    // With its entry there is none to hold it against but what wraps and headers say.
    let at = entries[first].index;
    let mut changed = entries.clone();
    brought_rewrapped(&mut changed[first], |_, envelope| envelope.month = 202_001);
    let reason = outcome("brought of another month", changed, None).await;
    hold("month", format!("entry {at}: envelope {dossier} has another month"), reason);
    let mut changed = entries.clone();
    brought_rewrapped(&mut changed[first], |wrap, _| wrap.dossier = vec![7; 32]);
    let reason = outcome("brought under another name", changed, None).await;
    hold("name", format!("entry {at}: envelope {} is named by no wrap", "07".repeat(32)), reason);
    assert_eq!(others, Vec::<String>::new());
}
