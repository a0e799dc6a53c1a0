//! Witnesses and auditors, the real commands: who cosigns what, who refuses, and what a killed one remembers.

use ed25519_dalek::pkcs8::DecodePrivateKey;
use ed25519_dalek::{Signer, SigningKey};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use zegel_ledger::{Config, Faults, Server, Step};
use zegel_proto::v1::{AuditEntry, LogRequest, ReadEntriesRequest};
use zegel_tests::false_ledger::FalseLedger;
use zegel_tests::witness::{Answer, Witness, eventually, exchange};
use zegel_tests::{ORIGIN, Stage, command, verify};
use zegel_tools::event::ConversationEntry;
use zegel_tools::keys::KeyFolder;
use zegel_tools::officer::Officer;
use zegel_tools::source::{Backoff, Connection, LedgerError};
use zegel_verifier::checkpoint::{ClaimedCheckpoint, VerifiedCheckpoint, print};
use zegel_verifier::hash::{Hash, log_leaf, sha256};
use zegel_verifier::note::{Note, TYPE_ED25519, VerifierKey};
use zegel_verifier::tree::root_of;
use zegel_verifier::witness::{AddCheckpoint, REQUEST_BYTES_MAX, SIZE_MEDIA_TYPE};

/// A log that signs whatever a test wants.
struct Log {
    key: SigningKey,
}

impl Log {
    fn new() -> Self {
        Self { key: SigningKey::from_bytes(&[7; 32]) }
    }

    fn vkey(&self) -> VerifierKey {
        VerifierKey::new(ORIGIN, TYPE_ED25519, self.key.verifying_key().to_bytes()).expect("a name")
    }

    fn root(size: u64) -> Hash {
        root_of((0..size).map(|index| log_leaf(&index.to_be_bytes())))
    }

    fn note(&self, origin: &str, size: u64, root: Hash) -> Vec<u8> {
        let text = print(origin, size, root);
        let vkey = VerifierKey::new(origin, TYPE_ED25519, self.key.verifying_key().to_bytes()).expect("a name");
        format!("{text}\n{}", vkey.signature_line(&self.key.sign(text.as_bytes()).to_bytes())).into_bytes()
    }

    fn good(&self, size: u64) -> Vec<u8> {
        self.note(ORIGIN, size, Self::root(size))
    }
}

/// From 2 to 4 entries: the other half.
fn two_to_four() -> Vec<Hash> {
    vec![root_of((2..4u64).map(|index| log_leaf(&index.to_be_bytes())))]
}

fn asked(old_size: u64, proof: Vec<Hash>, checkpoint: Vec<u8>) -> Vec<u8> {
    AddCheckpoint { old_size, proof, checkpoint }.print()
}

/// The cosignature of an answer is good over the checkpoint that was sent.
fn is_cosigned(witness: &Witness, checkpoint: &[u8], answer: &Answer) -> bool {
    let key = witness.line.split(' ').next_back().expect("a key");
    let key = VerifierKey::parse(key).expect("a key");
    let note = Note::parse(checkpoint).and_then(|note| note.with_lines(&answer.body));
    answer.status == 200 && note.and_then(|note| note.verify_cosignature(&key)).is_ok_and(|time| time > 1_700_000_000)
}

#[test]
fn every_status_of_the_specification_is_answered_over_http() {
    let log = Log::new();
    let witness = Witness::new("w", &["--log", &log.vkey().print()]);
    let status = |body: Vec<u8>| witness.add_checkpoint(&body).status;
    let stranger = Log { key: SigningKey::from_bytes(&[8; 32]) };
    // Before anything was cosigned.
    assert_eq!(status(asked(0, vec![], log.note("other.example", 2, Log::root(2)))), 404);
    assert_eq!(status(asked(0, vec![], stranger.good(2))), 403);
    assert_eq!(status(asked(0, vec![], log.note(ORIGIN, 0, Hash::ZERO))), 422);
    assert_eq!(status(asked(0, two_to_four(), log.good(2))), 422);
    let name = sha256(&[ORIGIN.as_bytes()]);
    assert_eq!(witness.get(&format!("/{name}/checkpoint")).status, 404);
    let conflict = |size: u64| Answer { status: 409, media_type: SIZE_MEDIA_TYPE.into(), body: format!("{size}\n") };
    assert_eq!(witness.add_checkpoint(&asked(1, vec![], log.good(2))), conflict(0));
    // The first, the same again for a newer time, and one that follows.
    for _ in 0..2 {
        let old = if witness.get(&format!("/{name}/checkpoint")).status == 200 { 2 } else { 0 };
        let answer = witness.add_checkpoint(&asked(old, vec![], log.good(2)));
        assert!(is_cosigned(&witness, &log.good(2), &answer), "{answer:?}");
    }
    assert_eq!(status(asked(2, vec![Hash::ZERO], log.good(4))), 422);
    assert_eq!(status(asked(2, vec![], log.note(ORIGIN, 2, Hash::ZERO))), 422);
    let answer = witness.add_checkpoint(&asked(2, two_to_four(), log.good(4)));
    assert!(is_cosigned(&witness, &log.good(4), &answer), "{answer:?}");
    assert_eq!(witness.add_checkpoint(&asked(2, two_to_four(), log.good(4))), conflict(4));
    assert_eq!(witness.add_checkpoint(&asked(0, vec![], log.good(2))), conflict(4));
    assert_eq!(status(asked(5, vec![], log.good(4))), 400);
    // What is no request.
    assert_eq!(status(b"old 4\n\nno checkpoint\n".to_vec()), 400);
    assert_eq!(status(b"old 04\n\n".to_vec()), 400);
    assert_eq!(status(vec![b'a'; REQUEST_BYTES_MAX + 1]), 400);
    assert_eq!(witness.get("/add-checkpoint").status, 405);
    assert_eq!(exchange(witness.address(), "POST /elsewhere", b"").status, 404);
    // What was cosigned can be read, with the cosignature; two roots of one size are kept for people.
    let newest = witness.get(&format!("/{name}/checkpoint"));
    assert_eq!(newest.body.as_bytes(), [&log.good(4)[..], answer.body.as_bytes()].concat());
    let fork = fs::read_to_string(witness.path(&format!("state/{name}.fork"))).expect("the proof of a fork");
    assert_eq!(fork.matches(ORIGIN).count(), 4, "{fork}");
}

#[test]
fn of_requests_at_once_that_start_from_one_size_one_is_cosigned() {
    let log = Log::new();
    let witness = Witness::new("w", &["--log", &log.vkey().print()]);
    assert_eq!(witness.add_checkpoint(&asked(0, vec![], log.good(2))).status, 200);
    let third = vec![log_leaf(&2u64.to_be_bytes())];
    let requests = [asked(2, third, log.good(3)), asked(2, two_to_four(), log.good(4))];
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..8)
            .map(|number| {
                scope.spawn({
                    let body = &requests[number % 2];
                    let witness = &witness;
                    move || witness.add_checkpoint(body)
                })
            })
            .collect();
        asked.into_iter().map(|answer| answer.join().expect("an answer")).collect()
    });
    let cosigned: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(cosigned.len(), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| [200, 409].contains(&answer.status)), "{answers:?}");
}

#[test]
fn a_witness_killed_between_keeping_and_answering_cosigns_when_it_is_asked_again() {
    let log = Log::new();
    let mut witness = Witness::new("w", &["--log", &log.vkey().print()]);
    let name = sha256(&[ORIGIN.as_bytes()]);
    let first = witness.add_checkpoint(&asked(0, vec![], log.good(2)));
    assert_eq!(first.status, 200);
    // The answer to this one is never read.
    let body = asked(2, two_to_four(), log.good(4));
    let mut stream = std::net::TcpStream::connect(witness.address()).expect("connected");
    let head = format!("POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: {}\r\n\r\n", body.len());
    std::io::Write::write_all(&mut stream, &[head.as_bytes(), &body].concat()).expect("sent");
    let kept = witness.path(&format!("state/{name}.checkpoint"));
    eventually("the checkpoint is kept", || fs::read(&kept).ok().filter(|note| note.starts_with(&log.good(4))));
    witness.kill();
    drop(stream);
    witness.start();
    assert_eq!(witness.add_checkpoint(&body).body, "4\n");
    let again = witness.add_checkpoint(&asked(4, vec![], log.good(4)));
    assert!(is_cosigned(&witness, &log.good(4), &again), "{again:?}");
    // Put back to what it was before, it does not begin.
    witness.kill();
    fs::write(&kept, [&log.good(2)[..], first.body.as_bytes()].concat()).expect("put back");
    let refused = witness.try_start();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("rollback detected"), "{said}");
}

fn register(stage: &Stage, number: u32) {
    let title = format!("Dossier {number}");
    stage.zegel(&["register", "conversation", "--title", &title, "--channel", "whatsapp"]);
}

/// Waits until a quorum stands under the newest checkpoint.
fn await_cosigned(stage: &Stage) -> u64 {
    eventually("a quorum stands under the newest checkpoint", || {
        let status: serde_json::Value = serde_json::from_str(&stage.zegel(&["--json", "status"])).expect("JSON");
        let (size, cosigned) = (&status["result"]["size"], &status["result"]["cosigned"]["size"]);
        size.as_u64().filter(|_| size == cosigned)
    })
}

#[test]
fn two_of_three_are_a_quorum_while_one_is_down_and_one_lags() {
    let mut stage = Stage::new();
    let vkey = stage.log_vkey();
    let [a, mut b, mut c] = ["a", "b", "c"].map(|name| Witness::new(name, &["--log", &vkey]));
    b.secure(&stage.keys());
    let lines = [&a, &b, &c].map(Witness::policy_line).join("\n");
    c.kill();
    stage.ask_witnesses(&format!("{lines}\ngroup two 2 a b c\nquorum two\n"));
    let first = await_cosigned(&stage);
    // One misses what is published meanwhile, and afterwards names the size from which it goes on.
    b.kill();
    register(&stage, 1);
    register(&stage, 2);
    let lagging = stage.cosigned();
    assert_eq!(lagging["size"], first, "one of three is no quorum: {lagging}");
    b.start();
    let size = await_cosigned(&stage);
    assert!(size > first);
    let standing = stage.cosigned();
    assert!(standing["age_s"].as_u64().is_some_and(|age| age < 60), "{standing}");
    let problem = |number: usize| standing["witnesses"][number]["problem"].as_str().map(String::from);
    assert_eq!((problem(0), problem(1)), (None, None), "{standing}");
    assert!(problem(2).is_some_and(|problem| problem.contains("cannot be reached")), "{standing}");
    // After a restart the ledger knows what was cosigned, and witnesses that it believes to be at 0 say where they are.
    stage.kill();
    stage.start();
    assert_eq!(stage.cosigned()["size"], size);
    register(&stage, 3);
    assert!(await_cosigned(&stage) > size);
}

#[test]
fn a_forked_ledger_gets_no_cosignature_from_a_witness_that_saw_the_first() {
    let mut stage = Stage::new();
    let witness = Witness::new("w", &["--log", &stage.log_vkey()]);
    stage.ask_witnesses(&format!("{}\nquorum w\n", witness.policy_line()));
    let common = await_cosigned(&stage);
    let twin = stage.twin();
    register(&stage, 1);
    let honest = await_cosigned(&stage);
    assert!(honest > common);
    // The twin has as many entries, then more, of another history.
    let refused = |words: &str| {
        eventually(words, || {
            let problem = twin.cosigned()["witnesses"][0]["problem"].as_str()?.to_owned();
            problem.contains(words).then_some(problem)
        })
    };
    register(&twin, 11);
    let problem = refused("this is a fork");
    assert!(problem.contains("refuses this log's history (422)"), "{problem}");
    register(&twin, 12);
    let problem = refused("does not follow from what was cosigned");
    assert!(problem.contains("refuses this log's history (422)"), "{problem}");
    assert_eq!(twin.cosigned()["size"], common, "what was common stays cosigned, and nothing after it");
    assert!(twin.log().contains("a witness sees another history"), "{}", twin.log());
    register(&stage, 2);
    assert!(await_cosigned(&stage) > honest);
}

/// An auditing witness of a stage, whose ledger asks it.
fn audited(stage: &mut Stage) -> Witness {
    audited_as(stage, &[])
}

/// The same, told more.
fn audited_as(stage: &mut Stage, told: &[&str]) -> Witness {
    let (trust, ca) = (stage.path("auditor-trust.txt"), stage.keys().join("tls-ca.pem"));
    fs::copy(stage.trust(), &trust).expect("a trust file");
    let text = |path: &std::path::Path| path.display().to_string();
    let url = "https://localhost:9";
    let more = ["--audit", "--trust", &text(&trust), "--ledger", url, "--ca", &text(&ca)];
    let mut auditor = Witness::new("rekenkamer", &[&more[..], told].concat());
    auditor.kill();
    stage.ask_witnesses(&format!("{}\nquorum rekenkamer\n", auditor.policy_line()));
    auditor.configure(url, &stage.url());
    auditor.start();
    auditor
}

#[test]
fn an_auditor_vouches_for_a_log_and_the_report_says_so() {
    let mut stage = Stage::new();
    let number = "whatsapp:+31611111111:business";
    stage.zegel(&["register", "custodian", "--name", "Anna de Vries", "--account", number]);
    let mut auditor = audited(&mut stage);
    await_cosigned(&stage);
    let bundle = stage.path("bundle");
    let export = ["export", "--custodian", "Anna de Vries", "--recipient", "Inspectie", "--cosigned", "--out"];
    let out = bundle.display().to_string();
    stage.zegel(&[&export[..], &[&out]].concat());
    let trust = stage.path("inspector.txt");
    let pinned = fs::read_to_string(stage.trust()).expect("a trust file");
    fs::write(&trust, format!("{pinned}{}\nquorum rekenkamer\n", auditor.line)).expect("written");
    let (code, report) = verify(&bundle, &trust, &[]);
    assert_eq!(code, Some(0), "{report:#}");
    let ids: Vec<&str> =
        report["report"]["findings"].as_array().into_iter().flatten().filter_map(|each| each["id"].as_str()).collect();
    assert!(!ids.contains(&"NO_AUDITOR") && !ids.contains(&"NO_WITNESS"), "{ids:?}");
    let said = report["report"]["claims"]["completeness"]["sentences"].to_string();
    assert!(said.contains("rekenkamer") && said.contains("nobody's word"), "{said}");
    // A bundle that ends in a checkpoint nobody cosigned is refused by who demands the auditor.
    auditor.kill();
    let bare = stage.path("bare").display().to_string();
    let export = ["export", "--custodian", "Anna de Vries", "--recipient", "Inspectie", "--cosigned", "0", "--out"];
    let output = stage.try_zegel(&[&export[..], &[&bare]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let (code, report) = verify(std::path::Path::new(&bare), &trust, &[]);
    assert_eq!((code, report["reason"]["id"].as_str()), (Some(2), Some("QUORUM")), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_and_a_mirror_show_their_certificate_to_a_ledger_that_asks_for_one() {
    let mut stage = Stage::new();
    let (certificate, key) = stage.demand_certificates();
    register(&stage, 1);
    let text = |path: &std::path::Path| path.display().to_string();
    let shown = ["--certificate", &text(&certificate), "--certificate-key", &text(&key)];
    let auditor = audited_as(&mut stage, &shown);
    let cosigned = await_cosigned(&stage);
    register(&stage, 2);
    assert!(await_cosigned(&stage) > cosigned, "{}", auditor.told());
    let (trust, ca, out) = (text(&stage.trust()), text(&stage.keys().join("tls-ca.pem")), text(&stage.path("copy")));
    let copied = ["mirror", "--ledger", &stage.url(), "--trust", &trust, "--tls-ca", &ca, "--out", &out];
    let mirror = command("zegel").args(copied).args(shown).output().expect("zegel runs");
    assert!(mirror.status.success(), "{}", String::from_utf8_lossy(&mirror.stderr));
    // Who shows none is not answered at all.
    let once = Backoff { attempts_max: 1, ..Backoff::default() };
    let ca = fs::read(stage.keys().join("tls-ca.pem")).expect("the authority");
    let stranger = Connection::new(&stage.url(), Some(&ca), ORIGIN, once).expect("an address");
    let refused = stranger.newest_checkpoint().await;
    assert!(matches!(refused, Err(LedgerError::Unreachable { attempts: 1, .. })), "{refused:?}");
}

/// All entries of a stage, as an auditor reads them.
async fn entries(stage: &Stage) -> Vec<AuditEntry> {
    let ca = fs::read(stage.keys().join("tls-ca.pem")).expect("the authority");
    let connection = Connection::new(&stage.url(), Some(&ca), ORIGIN, Backoff::default()).expect("an address");
    let request = ReadEntriesRequest { origin: ORIGIN.into(), from: 0, count: 0 };
    let mut stream = connection.client().read_audit(request).await.expect("a stream").into_inner();
    let mut entries = Vec::new();
    while let Some(entry) = stream.message().await.expect("an entry") {
        entries.push(entry);
    }
    entries
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_that_found_a_fault_cosigns_that_log_no_more_until_a_person_acts() {
    let mut stage = Stage::new();
    (1..=3).for_each(|number| register(&stage, number));
    let mut entries = entries(&stage).await;
    // One batch of a source was never logged, as this ledger tells it; the log's key signs that.
    let dropped = entries.len() - 2;
    entries.remove(dropped);
    let pem = fs::read_to_string(stage.keys().join("log.key")).expect("the log's key");
    let key = SigningKey::from_pkcs8_pem(&pem).expect("a key");
    let liar = FalseLedger::new(ORIGIN, &key, entries);
    let checkpoint = liar.checkpoint.clone();
    let address = liar.serve().await;

    let mut auditor = audited(&mut stage);
    let honest = stage.url();
    auditor.kill();
    auditor.configure(&honest, &format!("http://{address}"));
    for name in
        fs::read_dir(auditor.path("state")).expect("a state").chain(fs::read_dir(auditor.path("guard")).expect(""))
    {
        fs::remove_file(name.expect("a file").path()).expect("begun anew");
    }
    auditor.start();
    let name = sha256(&[ORIGIN.as_bytes()]);
    let refusal = auditor.path(&format!("state/{name}.refused"));
    let finding = eventually("the auditor refuses", || fs::read_to_string(&refusal).ok());
    assert!(finding.starts_with("BATCH_CHAIN: ") && finding.contains(&dropped.to_string()), "{finding}");
    let request = asked(0, vec![], checkpoint.clone());
    let answer = auditor.add_checkpoint(&request);
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.body.contains("BATCH_CHAIN"), "{answer:?}");
    // Also after a restart, and with the honest ledger before it, until a person takes the file away.
    auditor.kill();
    auditor.configure(&format!("http://{address}"), &honest);
    auditor.start();
    assert_eq!(auditor.add_checkpoint(&request).status, 422);
    fs::remove_file(refusal).expect("a person acts");
    auditor.kill();
    auditor.start();
    await_cosigned(&stage);
    // The liar's checkpoint is signed by the log too: two histories, and no cosignature for either from now on.
    let claimed = ClaimedCheckpoint::parse(&checkpoint).expect("a checkpoint");
    VerifiedCheckpoint::verify(claimed, ORIGIN, &key.verifying_key().to_bytes()).expect("signed by the log");
    let answer = auditor.add_checkpoint(&request);
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.body.contains("LOG_ROOT"), "{answer:?}");
}

/// Fails the writing of what was cosigned, before it or after it, and counts how often.
struct FailingCosigned {
    fails: std::sync::Mutex<Option<bool>>,
    tried: AtomicUsize,
}

impl FailingCosigned {
    fn at(&self, step: Step, persisted: bool) -> Result<(), String> {
        let fails = step == Step::Cosigned && *self.fails.lock().expect("a lock") == Some(persisted);
        self.tried.fetch_add(usize::from(fails), Ordering::AcqRel);
        if fails { Err("the disk says no".into()) } else { Ok(()) }
    }
}

impl Faults for FailingCosigned {
    fn before(&self, step: Step) -> Result<(), String> {
        self.at(step, false)
    }

    fn after(&self, step: Step) -> Result<(), String> {
        self.at(step, true)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_cosigned_and_cannot_be_written_is_published_to_nobody_and_asked_for_again() {
    let mut stage = Stage::new();
    let vkey = stage.log_vkey();
    let witness = Witness::new("a", &["--log", &vkey]);
    stage.ask_witnesses(&format!("{}\nquorum a\n", witness.policy_line()));
    let before = await_cosigned(&stage);
    assert_eq!(stage.stop(), Some(0));
    let keys = KeyFolder::open(&stage.keys()).expect("keys");
    for persisted in [false, true] {
        let faults = Arc::new(FailingCosigned { fails: Some(persisted).into(), tried: AtomicUsize::new(0) });
        let config = Config::read(&stage.keys().join("ledger.toml")).expect("a configuration");
        let server = Server::bind_with(config, faults.clone()).await.expect("a ledger");
        let url = format!("https://localhost:{}", server.address().port());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let running = tokio::spawn(server.run(async { _ = stopped.await }));
        let mut officer = Officer::open(&keys, &url).await.expect("an officer");
        let ca = keys.tls_ca().expect("a certificate");
        let connection = Connection::new(&url, Some(&ca), ORIGIN, Backoff::default()).expect("an address");
        let sizes = async || {
            let request = LogRequest { origin: ORIGIN.into() };
            let answer = connection.client().get_checkpoint(request).await.expect("a checkpoint").into_inner();
            let size = |note: &[u8]| ClaimedCheckpoint::parse(note).expect("a checkpoint").claimed_size();
            (size(&answer.checkpoint), size(&answer.cosigned))
        };
        // Nobody who appends waits for it, or hears of it. A witness is asked again when there is something new.
        let mut number = 0;
        while faults.tried.load(Ordering::Acquire) < 2 {
            let entry =
                ConversationEntry { title: format!("Dossier {persisted} {number}"), ..ConversationEntry::default() };
            officer.register_conversation(&entry).await.expect("registered");
            number += 1;
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        let (size, cosigned) = sizes().await;
        assert!(cosigned < size && cosigned >= before, "{cosigned} of {size}, {before} before");
        *faults.fails.lock().expect("a lock") = None;
        let entry = ConversationEntry { title: format!("Dossier {persisted}"), ..ConversationEntry::default() };
        officer.register_conversation(&entry).await.expect("registered");
        let begun = std::time::Instant::now();
        loop {
            let (size, cosigned) = sizes().await;
            if size == cosigned {
                break;
            }
            assert!(begun.elapsed().as_secs() < 60, "waited in vain: {cosigned} of {size}");
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        drop((officer, connection));
        stop.send(()).expect("it runs");
        running.await.expect("it runs").expect("it ends");
    }
    stage.check();
}
