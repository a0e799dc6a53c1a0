//! A gateway hands over what it has: nothing is lost, doubled or invented, whatever stops, fills up or lies on the way.
//!
//! Each test has the real sidecar on a Unix socket, a real ledger over TLS, and the verifier's word at the end.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use zegel_proto::source::v1::*;
use zegel_tests::gateway::{Gateway, Sidecar, custodian, holds, now_ms, texts, timeline};
use zegel_tests::small_disk::SmallDisk;
use zegel_tests::{ORIGIN, Stage};

fn keys(from: u64, to: u64) -> Vec<String> {
    (from..to).map(|number| format!("{number:05}")).collect()
}

fn stage() -> (Stage, String, Sidecar) {
    let stage = Stage::new();
    stage.keep_port();
    let anna = custodian(&stage, "Anna de Vries");
    let sidecar = Sidecar::new(&stage);
    (stage, anna, sidecar)
}

/// The auditor's word on all of it: each message once, none beside them.
fn check_each_once(stage: &Stage, custodian: &str, name: &str, count: u64) -> std::path::PathBuf {
    let (bundle, lines) = timeline(stage, custodian, name);
    let found = texts(&lines);
    let wanted = keys(0, count).iter().map(|key| (format!("bericht-{key}."), 1)).collect();
    assert_eq!(found, wanted);
    bundle
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_event_is_in_the_log_once_as_it_was_handed_over() {
    let (stage, anna, mut sidecar) = stage();
    sidecar.start();
    let gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    let text = |text: &str| text.to_owned();
    let mut gateway = check_whose_edits_are_certain(&mut sidecar, gateway).await;
    let place = gateway.place();
    let (sender, target) = (text("+31611111111"), text("m-2"));
    // The edit comes before its message.
    let edit = Edit { place: place.clone(), target: target.clone(), text: text("later"), ..Edit::default() };
    gateway.send("edit", request::Content::Edit(edit.clone())).await;
    let message =
        Message { place: place.clone(), native_id: target.clone(), text: text("eerder"), ..Message::default() };
    gateway.send("message", request::Content::Message(message.clone())).await;
    gateway.send("edit 2", request::Content::Edit(Edit { text: text("nog later"), ..edit })).await;
    let reaction = Reaction { place: place.clone(), target: target.clone(), sign: text("👍"), ..Reaction::default() };
    gateway.send("reaction", request::Content::Reaction(reaction)).await;
    let deletion = Deletion { place: place.clone(), target, sender: sender.clone(), ..Deletion::default() };
    gateway.send("deletion", request::Content::Deletion(deletion)).await;
    let (what, members) = (text("added"), vec![text("Bob")]);
    let membership =
        Membership { place: place.clone(), what, members, sender: sender.clone(), ..Membership::default() };
    gateway.send("membership", request::Content::Membership(membership)).await;
    let setting =
        Setting { place: place.clone(), what: text("timer_on"), value: text("4 weken"), ..Setting::default() };
    gateway.send("setting", request::Content::Setting(setting)).await;
    let call = Call { place: place.clone(), what: text("missed_voice_call"), sender, ..Call::default() };
    gateway.send("call", request::Content::Call(call)).await;
    let gap = Gap { custodian: anna.clone(), reason: text("gateway_unlinked"), from_ms: 1, to_ms: 2, ..Gap::default() };
    gateway.send("gap", request::Content::Gap(gap)).await;
    let all = ["edit", "message", "edit 2", "reaction", "deletion", "membership", "setting", "call", "gap"];
    gateway.until_receipted(&all.map(String::from)).await;
    let remarks = |told: &zegel_tests::gateway::Told, key: &str| told.spooled[key].remarks.clone();
    assert_eq!(remarks(&gateway.told, "edit"), ["target_not_seen"]);
    assert_eq!(remarks(&gateway.told, "edit 2"), [""; 0]);

    check_what_is_not_taken(&mut gateway, message).await;

    let (_, lines) = timeline(&stage, "Anna de Vries", "anna");
    let kinds: Vec<&str> = lines.iter().filter_map(|line| line["kind"].as_str()).collect();
    let mut wanted = vec!["CUSTODIAN_REGISTERED", "CAPTURE_STARTED", "MESSAGE_EDITED"];
    wanted.extend(["MESSAGE_CREATED", "MESSAGE_EDITED", "REACTION_ADDED", "MESSAGE_DELETED", "MEMBERSHIP_CHANGED"]);
    wanted.extend(["SETTING_OBSERVED", "CALL_LOGGED", "GAP_DECLARED"]);
    let (mut found, mut wanted) = (kinds.clone(), wanted);
    found.sort_unstable();
    wanted.sort_unstable();
    found.retain(|kind| *kind != "EXPORT_CREATED" && *kind != "LOG_CREATED");
    assert!(wanted.iter().all(|kind| found.contains(kind)), "{found:?}");
    assert_eq!(kinds.iter().filter(|kind| **kind == "MESSAGE_EDITED").count(), 4);
    let class = |line: &&serde_json::Value| line["kind"] == "MESSAGE_CREATED" && line["proof_class"] == "B";
    assert_eq!(lines.iter().filter(class).count(), 2);
}

/// An edit of another's message is remarked; whose it is is known after a restart too.
async fn check_whose_edits_are_certain(sidecar: &mut Sidecar, mut gateway: Gateway) -> Gateway {
    let place = gateway.place();
    let text = |text: &str| text.to_owned();
    let own = Message {
        place: place.clone(),
        native_id: text("m-3"),
        sender: text("+31622222222"),
        text: text("van Bram"),
        ..Message::default()
    };
    gateway.send("own", request::Content::Message(own)).await;
    gateway.until_receipted(&["own".into()]).await;
    sidecar.stands("nothing waits", |standing| standing.waiting == 0).await;
    sidecar.kill();
    sidecar.start();
    let mut gateway = Gateway::begin(sidecar, ORIGIN, &gateway.custodian).await;
    for (key, sender, wanted) in
        [("edit by Bram", "+31622222222", None), ("edit by Carla", "+31633333333", Some("target_of_another"))]
    {
        let (target, sender) = (text("m-3"), text(sender));
        let edit = Edit { place: place.clone(), target, sender, text: text("anders"), ..Edit::default() };
        gateway.send(key, request::Content::Edit(edit)).await;
        gateway.until_receipted(&[key.into()]).await;
        assert_eq!(gateway.told.spooled[key].remarks, wanted.into_iter().collect::<Vec<_>>(), "{key}");
    }
    gateway
}

/// A key is known again, and what is handed over wrongly is not taken, by name.
async fn check_what_is_not_taken(gateway: &mut Gateway, message: Message) {
    let place = message.place.clone();
    let text = |text: &str| text.to_owned();
    // The same key again: the same event is known, another is not taken.
    let before = gateway.told.receipted["message"];
    gateway.told.receipted.clear();
    gateway.send("message", request::Content::Message(message.clone())).await;
    gateway.until_receipted(&["message".into()]).await;
    assert_eq!(gateway.told.receipted["message"], before);
    assert!(gateway.told.spooled["message"].again);
    gateway.send("message", request::Content::Message(Message { text: text("anders"), ..message.clone() })).await;
    gateway.until(|told| told.not_taken.get("message").is_some_and(|name| name == "key_reused")).await;
    let wrong = |place: Place| request::Content::Message(Message { place: Some(place), ..message.clone() });
    let place = place.expect("a place");
    let faults = [
        ("custodian_not_open", Place { custodian: "00".repeat(32), ..place.clone() }),
        ("conversation_not_registered", Place { conversation: "elders".into(), ..place.clone() }),
        ("channel_missing", Place { channel: 0, ..place.clone() }),
        ("time_missing", Place { at_ms: 0, ..place.clone() }),
        ("clock_missing", Place { clock: 0, ..place.clone() }),
    ];
    for (name, place) in faults {
        gateway.send(name, wrong(place)).await;
        gateway.until(|told| told.not_taken.get(name).is_some_and(|found| found == name)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_that_is_killed_again_and_again_loses_nothing_and_doubles_nothing() {
    let (stage, anna, mut sidecar) = stage();
    let all = keys(0, 600);
    for round in 0..6_u64 {
        sidecar.start();
        let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
        // What was not receipted is handed over again, and some of what was.
        let upto = all.len().min((round as usize + 1) * 100);
        gateway.send_messages(&all[upto.saturating_sub(150)..upto]).await;
        for _ in 0..round * 7 {
            gateway.listen().await.expect("an answer");
        }
        sidecar.kill();
    }
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    gateway.send_messages(&all).await;
    gateway.until_receipted(&all).await;
    assert_eq!(sidecar.stands("nothing waits", |standing| standing.waiting == 0).await.finding, "");
    check_each_once(&stage, "Anna de Vries", "anna", 600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_forgotten_while_the_sidecar_runs_is_receipted_where_it_stood_and_stands_there_once() {
    let (stage, anna, mut sidecar) = stage();
    sidecar.configure("keys_known_max = 8");
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    gateway.send_messages(&keys(0, 40)).await;
    gateway.until_receipted(&keys(0, 40)).await;
    let before = std::mem::take(&mut gateway.told).receipted;
    gateway.send_messages(&keys(0, 10)).await;
    assert!(gateway.told.spooled.values().all(|told| !told.again), "forgotten: {:?}", gateway.told.spooled);
    gateway.until_receipted(&keys(0, 10)).await;
    assert!(gateway.told.receipted.iter().all(|(key, place)| before[key] == *place), "{:?}", gateway.told.receipted);
    check_each_once(&stage, "Anna de Vries", "anna", 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_spooled_while_the_ledger_is_away_goes_when_it_is_back_also_after_a_kill() {
    let (mut stage, anna, mut sidecar) = stage();
    stage.kill();
    sidecar.start();
    let all = keys(0, 1_500);
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    gateway.send_messages(&all[..1_000]).await;
    sidecar.stands("the ledger is away", |standing| standing.finding == "ledger_unreachable").await;
    sidecar.kill();
    for words in ["bericht", "+31611111111", "groep-1"] {
        assert!(!is_in_the_clear(&sidecar.path("log/spool"), words), "{words} lies on the disk");
    }
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    assert!(gateway.opened.took_over);
    gateway.send_messages(&all[900..]).await;
    assert!(gateway.told.receipted.is_empty());
    stage.start();
    gateway.until_receipted(&all[900..]).await;
    sidecar.stands("nothing waits", |standing| standing.waiting == 0).await;
    check_each_once(&stage, "Anna de Vries", "anna", 1_500);
}

/// Whether a file of a folder holds these words.
fn is_in_the_clear(folder: &Path, words: &str) -> bool {
    fs::read_dir(folder).expect("a folder").any(|item| {
        let path = item.expect("an item").path();
        if path.is_dir() {
            return is_in_the_clear(&path, words);
        }
        path.file_name().is_none_or(|name| name != "gateways.json")
            && fs::read(&path).expect("read").windows(words.len()).any(|bytes| bytes == words.as_bytes())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_holds_the_gateway_up_and_what_was_spooled_makes_room() {
    let (mut stage, anna, mut sidecar) = stage();
    let spool = sidecar.path("log/spool");
    let Some(_disk) = SmallDisk::mount(&spool, "32m") else { return };
    stage.kill();
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    let mut count = 0;
    while gateway.told.held.is_empty() {
        let key = format!("{count:05}");
        let content = request::Content::Message(Message {
            place: gateway.place(),
            text: format!("bericht-{key}. {}", "x".repeat(200_000)),
            ..Message::default()
        });
        gateway.send(&key, content).await;
        gateway.until(|told| told.spooled.contains_key(&key) || !told.held.is_empty()).await;
        count += 1;
        assert!(count < 300, "a disk of 32 MiB took {count} messages of 200 kB");
    }
    assert_eq!(gateway.told.held.iter().collect::<Vec<_>>(), ["disk_full"]);
    let spooled = gateway.told.spooled.len();
    // Killed while full: what was answered is there, and the last one, which was not, is handed over again.
    stage.start();
    gateway.until(|told| told.receipted.len() > spooled).await;
    let found = sidecar.stands("nothing waits", |standing| standing.waiting == 0).await;
    assert_eq!(found.finding, "");
    let (_, lines) = timeline(&stage, "Anna de Vries", "anna");
    let texts = texts(&lines);
    assert_eq!((texts.len(), texts.values().max()), (count, Some(&1)));
}

/// Lets every call of a kind on a file fail in a process, until it is dropped.
struct Failing(Child);

impl Failing {
    fn attach(pid: u32, call: &str, error: &str, file: &Path) -> Self {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-p", &pid.to_string(), "-o", "/dev/null", "-e", &format!("trace={call}")]);
        strace.args(["-e", &format!("inject={call}:error={error}:when=1+")]).arg("-P").arg(file);
        let mut process = strace.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("strace runs");
        let mut said = BufReader::new(process.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
        assert!(said.any(|line| line.contains("attached")), "strace did not attach to {pid}");
        // It tells of each thread that begins; with nobody to hear it, it would end.
        std::thread::spawn(move || said.for_each(drop));
        Self(process)
    }
}

impl Drop for Failing {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_called_spooled_before_it_is_synced() {
    if !zegel_tests::rounds::can_inject() {
        return eprintln!(
            "\nSKIPPED, NOTHING PROVEN: a sync that fails needs strace, and the right to follow a process\n"
        );
    }
    let (stage, anna, mut sidecar) = stage();
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    let segments = fs::read_dir(sidecar.path("log/spool/journal")).expect("a journal");
    let segments: Vec<PathBuf> = segments.map(|item| item.expect("a segment").path()).collect();
    let [segment] = &segments[..] else { panic!("one segment is wanted: {segments:?}") };
    let failing = Failing::attach(sidecar.pid(), "fdatasync", "EIO", segment);
    for key in keys(0, 5) {
        gateway.send(&key, gateway.message(&key)).await;
    }
    gateway.until(|told| !told.held.is_empty()).await;
    let is_message = |key: &&String| !key.starts_with("register");
    assert_eq!(gateway.told.spooled.keys().filter(is_message).count(), 0, "{:?}", gateway.told);
    assert_eq!(gateway.told.receipted.keys().filter(is_message).count(), 0, "{:?}", gateway.told);
    drop(failing);
    gateway.until_receipted(&keys(0, 5)).await;
    check_each_once(&stage, "Anna de Vries", "anna", 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attachment_goes_on_where_it_stopped_and_comes_out_whole() {
    resume_an_attachment(12).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes: make soak"]
async fn an_attachment_of_a_hundred_mebibytes_goes_on_where_it_stopped() {
    resume_an_attachment(100).await;
}

async fn resume_an_attachment(mebibytes: u64) {
    use sha2::{Digest, Sha256};
    let (stage, anna, mut sidecar) = stage();
    sidecar.start();
    let gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    let film: Vec<u8> = (0..mebibytes * 1024 * 1024).map(|at| ((at * at) >> 7) as u8).collect();
    let (log, upload, size) = (ORIGIN.to_owned(), "film-1".to_owned(), film.len() as u64);
    let pieces = |from: usize, to: usize| {
        let (log, upload) = (log.clone(), upload.clone());
        let offsets = (from..to).step_by(1024 * 1024);
        let piece = |at: usize| film[at..(at + 1024 * 1024).min(film.len())].to_vec();
        let chunks: Vec<AttachmentChunk> = offsets
            .map(|at| AttachmentChunk {
                log: log.clone(),
                upload: upload.clone(),
                size,
                offset: at as u64,
                data: piece(at),
            })
            .collect();
        tokio_stream::iter(chunks)
    };
    let half = film.len() / 3 / 1_048_576 * 1_048_576;
    // Encrypted it would be longer than a ledger takes.
    let (large, size) = ("film-2".to_owned(), 4_293_918_961);
    let large = AttachmentChunk { log: log.clone(), upload: large, size, ..AttachmentChunk::default() };
    let refused = sidecar.client().await.put_attachment(tokio_stream::iter([large])).await.expect_err("refused");
    assert!(refused.message().starts_with("upload_too_large: an attachment has at most 4293918960 bytes"), "{refused}");
    let first = sidecar.client().await.put_attachment(pieces(0, half)).await.expect("put").into_inner();
    assert_eq!((first.offset, first.complete), (half as u64, false));
    drop(gateway);
    sidecar.kill();
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    let attachment =
        Attachment { name: "film.mp4".into(), media_type: "video/mp4".into(), upload: upload.clone(), left_out: false };
    let message = Message {
        place: gateway.place(),
        text: "bericht-00000.".into(),
        attachments: vec![attachment],
        ..Message::default()
    };
    gateway.send("00000", request::Content::Message(message.clone())).await;
    gateway.until(|told| told.not_taken.get("00000").is_some_and(|name| name == "attachment_incomplete")).await;
    let elsewhere = sidecar.client().await.put_attachment(pieces(0, half)).await.expect_err("refused");
    assert!(elsewhere.message().starts_with("offset_differs"), "{elsewhere}");
    let request = AttachmentRequest { log: log.clone(), upload: upload.clone() };
    let standing = sidecar.client().await.attachment_stat(request).await.expect("a standing").into_inner();
    assert_eq!(standing.offset, half as u64);
    let whole = sidecar.client().await.put_attachment(pieces(half, film.len())).await.expect("put").into_inner();
    assert!(whole.complete);
    gateway.send("00000", request::Content::Message(message)).await;
    gateway.until_receipted(&["00000".into()]).await;
    let bundle = check_each_once(&stage, "Anna de Vries", "anna", 1);
    let wanted = Sha256::digest(&film);
    let found = fs::read_dir(bundle.join("data/attachments"))
        .expect("attachments")
        .map(|item| Sha256::digest(fs::read(item.expect("an item").path()).expect("read")));
    assert_eq!(found.collect::<Vec<_>>(), [wanted]);
    assert_eq!(fs::read_dir(sidecar.path("log/spool/uploads")).expect("a folder").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_message_is_put_aside_with_a_finding_and_blocks_nothing() {
    let (mut stage, anna, mut sidecar) = stage();
    stage.kill();
    sidecar.start();
    let nobody = "ab".repeat(32);
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    gateway.send_messages(&keys(0, 20)).await;
    let long = Message { place: gateway.place(), text: "x".repeat(600_000), ..Message::default() };
    gateway.send("long", request::Content::Message(long)).await;
    gateway.send_messages(&keys(20, 40)).await;
    let mut other = Gateway::begin(&sidecar, ORIGIN, &nobody).await;
    other.send("unknown", other.message("unknown")).await;
    other.until(|told| told.spooled.contains_key("unknown")).await;
    gateway.send_messages(&keys(40, 60)).await;
    stage.start();
    gateway.until_receipted(&keys(0, 60)).await;
    gateway.until(|told| told.quarantined.contains_key("long")).await;
    other.until(|told| told.quarantined.contains_key("unknown")).await;
    assert_eq!(gateway.told.quarantined["long"], "unfit_for_the_log");
    assert_eq!(other.told.quarantined["unknown"], "refused_by_ledger");
    sidecar.stands("nothing waits", |standing| standing.waiting == 0 && standing.finding.is_empty()).await;
    let (code, told) = sidecar.run(&["quarantine"]);
    assert!(code == Some(1) && told.contains("at most 262144 are allowed") && !told.contains("xxxx"), "{told}");
    let bundle = check_each_once(&stage, "Anna de Vries", "anna", 60);
    assert!(holds(&bundle, "quarantined") && holds(&bundle, "unfit_for_the_log"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_killed_right_after_it_put_a_message_aside_still_says_that_it_is_missing() {
    let (stage, anna, mut sidecar) = stage();
    // The notice of the gap finds a full spool, and waits in memory until the message before it is settled.
    sidecar.configure("spool_bytes_max = 1");
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    let long = Message { place: gateway.place(), text: "x".repeat(600_000), ..Message::default() };
    gateway.send("long", request::Content::Message(long)).await;
    gateway.until(|told| told.quarantined.contains_key("long")).await;
    sidecar.kill();
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    gateway.send_messages(&keys(0, 5)).await;
    gateway.until_receipted(&keys(0, 5)).await;
    sidecar.stands("nothing waits", |standing| standing.waiting == 0 && standing.quarantined == 1).await;
    let bundle = check_each_once(&stage, "Anna de Vries", "anna", 5);
    assert!(holds(&bundle, "quarantined") && holds(&bundle, "unfit_for_the_log"));
}

/// Uploads an attachment of one piece, and gives a message with it.
async fn attached(sidecar: &Sidecar, gateway: &Gateway, upload: &str, film: &[u8]) -> Message {
    let (size, upload) = (film.len() as u64, upload.to_owned());
    let chunk = AttachmentChunk { log: ORIGIN.into(), upload: upload.clone(), size, offset: 0, data: film.to_vec() };
    let put = sidecar.client().await.put_attachment(tokio_stream::iter([chunk])).await.expect("put").into_inner();
    assert!(put.complete);
    let attachment = Attachment { name: "film.mp4".into(), media_type: "video/mp4".into(), upload, left_out: false };
    Message {
        place: gateway.place(),
        text: "bericht-00000.".into(),
        attachments: vec![attachment],
        ..Message::default()
    }
}

/// Files in a folder of the spool, or of those below it; none if it is not there.
fn files(sidecar: &Sidecar, folder: &str, suffix: &str) -> Vec<PathBuf> {
    let below = |path: PathBuf| fs::read_dir(path).into_iter().flatten().map(|item| item.expect("an item").path());
    let mut found: Vec<PathBuf> = below(sidecar.path("log/spool").join(folder)).collect();
    let deeper: Vec<PathBuf> = found.iter().filter(|path| path.is_dir()).cloned().flat_map(below).collect();
    found.extend(deeper);
    found.retain(|path| path.extension().is_some_and(|found| found == suffix));
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn the_attachment_of_a_message_that_is_put_aside_is_kept_with_it() {
    let (_stage, _, mut sidecar) = stage();
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &"ab".repeat(32)).await;
    let message = attached(&sidecar, &gateway, "film-1", &[7; 300_000]).await;
    let uploaded = files(&sidecar, "uploads", "upload").remove(0);
    let (name, bytes) = (uploaded.file_name().expect("a name").to_owned(), fs::read(&uploaded).expect("read"));
    gateway.send("unknown", request::Content::Message(message)).await;
    gateway.until(|told| told.quarantined.get("unknown").is_some_and(|why| why == "refused_by_ledger")).await;
    sidecar.stands("nothing waits", |standing| standing.waiting == 0).await;
    let check = |sidecar: &Sidecar| {
        let kept = files(sidecar, "quarantine", "upload");
        let [kept] = &kept[..] else { panic!("one attachment is kept: {kept:?}") };
        let (_, told) = sidecar.run(&["quarantine"]);
        assert!(told.contains(&kept.display().to_string()), "{told}");
        // Bound to its name, it opens there as it did.
        assert!(kept.file_name() == Some(&*name) && fs::read(kept).expect("read") == bytes);
        assert_eq!(files(sidecar, "uploads", "upload"), [] as [PathBuf; 0]);
    };
    check(&sidecar);
    sidecar.kill();
    sidecar.start();
    sidecar.stands("nothing waits", |standing| standing.waiting == 0 && standing.quarantined > 0).await;
    check(&sidecar);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attachment_waits_for_the_ledger_as_long_as_its_event_and_goes_where_nobody_names_it() {
    let (mut stage, anna, mut sidecar) = stage();
    stage.kill();
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    let message = attached(&sidecar, &gateway, "film-1", &[7; 300_000]).await;
    gateway.send("00000", request::Content::Message(message)).await;
    gateway.until(|told| told.spooled.contains_key("00000")).await;
    let named = files(&sidecar, "uploads", "upload");
    _ = attached(&sidecar, &gateway, "film-2", &[8; 300_000]).await;
    let all = files(&sidecar, "uploads", "upload");
    assert_eq!((named.len(), all.len()), (1, 2));
    sidecar.kill();
    let then = std::time::SystemTime::now() - Duration::from_secs(31 * 24 * 3_600);
    for path in &all {
        fs::File::options().write(true).open(path).and_then(|file| file.set_modified(then)).expect("set back");
    }
    sidecar.start();
    zegel_tests::witness::eventually("what nobody names is gone", || {
        (files(&sidecar, "uploads", "upload").len() < 2).then_some(())
    });
    assert_eq!(files(&sidecar, "uploads", "upload"), named);
    stage.start();
    sidecar.stands("nothing waits", |standing| standing.waiting == 0).await;
    let bundle = check_each_once(&stage, "Anna de Vries", "anna", 1);
    let mut found = fs::read_dir(bundle.join("data/attachments")).expect("attachments");
    let found = fs::read(found.next().expect("an attachment").expect("an item").path()).expect("read");
    assert!(found == [7; 300_000]);
    assert_eq!(files(&sidecar, "uploads", "upload"), [] as [PathBuf; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_killed_right_after_it_sent_a_message_without_its_damaged_attachment_still_says_so() {
    let (mut stage, anna, mut sidecar) = stage();
    sidecar.configure("spool_bytes_max = 1");
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    gateway.until_receipted(&["register groep-1".into()]).await;
    stage.kill();
    let message = attached(&sidecar, &gateway, "film-1", &[7; 300_000]).await;
    let path = files(&sidecar, "uploads", "upload").remove(0);
    // Before the way out has made a ciphertext of it, which it would keep.
    let mut bytes = fs::read(&path).expect("read");
    bytes[150_000] ^= 1;
    fs::write(&path, bytes).expect("rotten");
    gateway.send("00000", request::Content::Message(message)).await;
    gateway.until(|told| told.spooled.contains_key("00000")).await;
    stage.start();
    gateway.until_receipted(&["00000".into()]).await;
    // The spool was full until now: that the attachment is missing is not in the journal yet.
    sidecar.kill();
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    gateway.send_messages(&keys(1, 3)).await;
    gateway.until_receipted(&keys(1, 3)).await;
    sidecar.stands("nothing waits", |standing| standing.waiting == 0).await;
    let (bundle, lines) = timeline(&stage, "Anna de Vries", "anna");
    assert_eq!(texts(&lines).len(), 3);
    assert_eq!(lines.iter().filter(|line| line["kind"] == "GAP_DECLARED").count(), 1);
    assert!(holds(&bundle, "quarantined") && holds(&bundle, "damaged_on_disk"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_marked_too_high_and_that_it_was_are_in_the_log_at_once() {
    let (stage, anna, mut sidecar) = stage();
    stage.zegel(&["policy", "rubricering_max", "departementaal_vertrouwelijk"]);
    sidecar.configure("spool_bytes_max = 1");
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    let text = "Stg. GEHEIM: bericht-00003.".to_owned();
    let marked = Message { place: gateway.place(), native_id: "00003".into(), text, ..Message::default() };
    gateway.send("00003", request::Content::Message(marked)).await;
    gateway.until_receipted(&["00003".into()]).await;
    // Nothing that the spool had no room for comes after it.
    sidecar.kill();
    let (bundle, lines) = timeline(&stage, "Anna de Vries", "anna");
    assert_eq!(lines.iter().filter(|line| line["kind"] == "GAP_DECLARED").count(), 1);
    assert!(holds(&bundle, "rubricering") && holds(&bundle, "routed_out") && !holds(&bundle, "bericht-00003"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rots_in_the_spool_is_named_and_takes_nothing_else_with_it() {
    let (mut stage, anna, mut sidecar) = stage();
    stage.kill();
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    for from in (0..60).step_by(10) {
        gateway.send_messages(&keys(from, from + 10)).await;
    }
    sidecar.kill();
    let segment = fs::read_dir(sidecar.path("log/spool/journal")).expect("a journal").next().expect("a segment");
    let segment = segment.expect("a segment").path();
    let mut bytes = fs::read(&segment).expect("read");
    let (length, half) = (bytes.len(), bytes.len() / 2);
    bytes[half] ^= 1;
    fs::write(&segment, bytes).expect("rotten");

    sidecar.start();
    stage.start();
    let standing = sidecar.stands("nothing waits", |standing| standing.waiting == 0 && standing.quarantined > 0).await;
    assert_eq!((standing.finding.as_str(), standing.quarantined), ("", 1));
    let (code, told) = sidecar.run(&["quarantine"]);
    let is_named = told.contains("damaged_on_disk") && told.contains(&format!("{}: ", segment.display()));
    assert!(code == Some(1) && is_named && told.contains(" bytes at offset "), "{told}");
    let kept = sidecar.path("log/spool/quarantine/damaged").join(segment.file_name().expect("a name"));
    assert!(fs::metadata(kept).expect("kept").len() >= length as u64);
    // Who handed it over was not told that it is in the log, and hands it over again: the others are known.
    let before = fs::read_to_string(sidecar.path("told")).expect("told");
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    gateway.send_messages(&keys(0, 60)).await;
    gateway.until_receipted(&keys(0, 60)).await;
    let anew = gateway.told.spooled.values().filter(|answer| answer.key.len() == 5 && !answer.again).count();
    assert_eq!(anew, 1, "{before}");
    let bundle = check_each_once(&stage, "Anna de Vries", "anna", 60);
    assert!(holds(&bundle, "quarantined") && holds(&bundle, "damaged_on_disk"));
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_and_a_wrong_clock_are_said_in_the_log_by_itself() {
    let (stage, anna, mut sidecar) = stage();
    sidecar.configure("heartbeat_ms = 200\nsilence_ms = 600");
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    gateway.ahead_ms = 3_600_000;
    gateway.send_messages(&keys(0, 1)).await;
    assert_eq!(gateway.told.spooled["00000"].remarks, ["clock_apart"]);
    let mut beats = tokio::time::interval(Duration::from_millis(100));
    for _ in 0..10 {
        beats.tick().await;
        gateway.send("", request::Content::Heartbeat(Heartbeat {})).await;
    }
    // Silent, then back.
    let since = now_ms();
    zegel_tests::witness::eventually("silence is long enough", || (now_ms() > since + 1_200).then_some(()));
    gateway.ahead_ms = 0;
    gateway.send_messages(&keys(1, 2)).await;
    gateway.send("", request::Content::Close(Close {})).await;
    gateway.send_messages(&keys(2, 3)).await;
    gateway.until_receipted(&keys(0, 3)).await;
    sidecar.stands("nothing waits", |standing| standing.waiting == 0).await;
    let (bundle, lines) = timeline(&stage, "Anna de Vries", "anna");
    let count = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).count();
    assert!(count("GATEWAY_HEARTBEAT") >= 3, "{lines:#?}");
    assert_eq!(count("GAP_DECLARED"), 1);
    assert!(count("CAPTURE_STARTED") >= 2 && count("CAPTURE_STOPPED") >= 2, "{lines:#?}");
    assert!(holds(&bundle, "gateway_silent") && holds(&bundle, "clock_apart:"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_that_was_away_says_from_when_to_when_by_itself() {
    let (stage, anna, mut sidecar) = stage();
    sidecar.configure("heartbeat_ms = 200\nsilence_ms = 600");
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    gateway.send_messages(&keys(0, 1)).await;
    let heard = now_ms();
    sidecar.kill();
    zegel_tests::witness::eventually("it is away long enough", || (now_ms() > heard + 1_200).then_some(()));
    let back = now_ms();
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    gateway.send_messages(&keys(1, 2)).await;
    gateway.until_receipted(&keys(1, 2)).await;
    sidecar.stands("nothing waits", |standing| standing.waiting == 0).await;
    let (bundle, lines) = timeline(&stage, "Anna de Vries", "anna");
    let gaps: Vec<_> = lines.iter().filter(|line| line["kind"] == "GAP_DECLARED").collect();
    assert_eq!(gaps.len(), 1, "{gaps:#?}");
    assert!(holds(&bundle, "source_down") && !holds(&bundle, "gateway_silent"));
    let (from_ms, to_ms) = ends(&bundle, "source_down");
    // Too long by half a silence at most, too short never.
    assert!((heard - 1_000..=heard + 100).contains(&from_ms), "from {from_ms}, heard until {heard}");
    assert!(to_ms >= back, "to {to_ms}, back at {back}");
}

/// Both ends of the gap of this reason, as the evidence of a bundle has them.
fn ends(bundle: &Path, reason: &str) -> (u64, u64) {
    let evidence = fs::read(bundle.join("data/evidence-0001")).expect("evidence");
    let at = evidence.windows(reason.len()).position(|bytes| bytes == reason.as_bytes()).expect("a gap");
    // Fields 2 and 3 of GapDetail follow its reason.
    let mut rest = &evidence[at + reason.len()..];
    let mut number = |tag: u8| {
        assert_eq!(rest[0], tag);
        rest = &rest[1..];
        prost::decode_length_delimiter(&mut rest).expect("a number") as u64
    };
    (number(2 << 3), number(3 << 3))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_rewritten_gets_nothing_more() {
    let mut stage = Stage::new();
    let anna = custodian(&stage, "Anna de Vries");
    let mut sidecar = Sidecar::new(&stage);
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    // The twin has the same past, and another present.
    gateway.until_receipted(&["register groep-1".into()]).await;
    sidecar.stands("nothing waits", |standing| standing.waiting == 0).await;
    sidecar.kill();
    let before = stage.url();
    let twin = stage.twin();
    sidecar.point_at(&before, &stage.url());
    _ = custodian(&twin, "Bram");
    _ = custodian(&twin, "Carla");
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    gateway.send_messages(&keys(0, 10)).await;
    gateway.until_receipted(&keys(0, 10)).await;
    sidecar.kill();
    sidecar.point_at(&stage.url(), &twin.url());
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    gateway.send_messages(&keys(10, 20)).await;
    let looked = |standing: &LogStanding| !standing.finding.is_empty() && standing.waiting >= 10;
    let found = sidecar.stands("it has looked", looked).await;
    assert_eq!(found.finding, "log_rewritten", "{found:?}");
    assert!(found.sentence.contains("is no continuation of"), "{found:?}");
    sidecar.kill();
    sidecar.point_at(&twin.url(), &stage.url());
    sidecar.start();
    sidecar.stands("nothing waits", |standing| standing.waiting == 0).await;
    check_each_once(&stage, "Anna de Vries", "anna", 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_sources_serve_one_ministry_and_one_gateway_serves_several() {
    let (first, anna, mut one) = stage();
    let second = Stage::of("chat.example.nl/tweede");
    let bram = custodian(&second, "Bram");
    one.serve_log(&second, "tweede", &[]);
    one.start();
    let mut other = Sidecar::new(&first);
    fs::remove_dir_all(other.path("log")).expect("removed");
    fs::remove_file(other.path("source.toml")).expect("removed");
    other.serve_log(&first, "log", &["--secret", &one.path("log/source.secret").display().to_string()]);
    other.start();
    let mut here = Gateway::begin(&one, ORIGIN, &anna).await;
    let mut there = Gateway::begin(&one, "chat.example.nl/tweede", &bram).await;
    let mut beside = Gateway::begin(&other, ORIGIN, &anna).await;
    here.send_messages(&keys(0, 10)).await;
    there.send_messages(&keys(0, 5)).await;
    beside.send_messages(&keys(10, 20)).await;
    here.until_receipted(&keys(0, 10)).await;
    there.until_receipted(&keys(0, 5)).await;
    beside.until_receipted(&keys(10, 20)).await;
    // One secret: one conversation has one id, whoever registers it.
    assert_eq!(here.told.spooled["register groep-1"].id, beside.told.spooled["register groep-1"].id);
    assert_ne!(here.told.spooled["register groep-1"].id, there.told.spooled["register groep-1"].id);
    check_each_once(&first, "Anna de Vries", "anna", 20);
    check_each_once(&second, "Bram", "bram", 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_waits_and_takes_over_when_the_first_is_killed() {
    let (stage, anna, mut sidecar) = stage();
    sidecar.start();
    let all = keys(0, 300);
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    let passive = sidecar.stand_by();
    gateway.send_messages(&all[..200]).await;
    assert!(!sidecar.path("ready").exists(), "it does not answer while the first does");
    sidecar.kill();
    sidecar.taken_over_by(passive);
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    assert!(gateway.opened.took_over);
    gateway.send_messages(&all).await;
    gateway.until_receipted(&all).await;
    check_each_once(&stage, "Anna de Vries", "anna", 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spool_from_a_snapshot_sends_nothing_until_it_is_resumed_in_writing() {
    let (stage, anna, mut sidecar) = stage();
    sidecar.start();
    let all = keys(0, 90);
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    gateway.send_messages(&all[..30]).await;
    gateway.until_receipted(&all[..30]).await;
    sidecar.kill();
    let copy = |from: &Path, to: &Path| {
        let _ = fs::remove_dir_all(to);
        assert!(Command::new("cp").arg("-r").arg(from).arg(to).status().expect("cp runs").success());
    };
    let (spool, snapshot) = (sidecar.path("log/spool"), sidecar.path("snapshot"));
    copy(&spool, &snapshot);
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    gateway.send_messages(&all[..60]).await;
    gateway.until_receipted(&all[..60]).await;
    sidecar.kill();
    copy(&snapshot, &spool);
    sidecar.start();
    let found = sidecar.stands("it has looked", |standing| !standing.finding.is_empty()).await;
    assert_eq!(found.finding, "chain_differs", "{found:?}");
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    // The gateway hands over what it has: the sidecar spools it, knows some of it no more, and sends nothing.
    gateway.send_messages(&all[20..]).await;
    let (code, told) = sidecar.run(&["resume", "--log", ORIGIN, "--operator", "beheerder", "--account", "teruggezet"]);
    assert!(code == Some(2) && told.contains("in use by another process"), "{told}");
    sidecar.kill();
    let (code, told) =
        sidecar.run(&["resume", "--log", ORIGIN, "--operator", "beheerder", "--account", "teruggezet-1"]);
    assert_eq!(code, Some(0), "{told}");
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    gateway.send_messages(&all).await;
    gateway.until_receipted(&all).await;
    let bundle = check_each_once(&stage, "Anna de Vries", "anna", 90);
    assert!(holds(&bundle, "teruggezet-1") && holds(&bundle, "beheerder"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_sends_without_credit_is_cut_off_and_one_from_elsewhere_is_not_listened_to() {
    let (mut stage, anna, mut sidecar) = stage();
    sidecar.configure("credits = 4\nspool_bytes_max = 1");
    stage.kill();
    sidecar.start();
    let mut gateway = Gateway::open(&sidecar, ORIGIN, &anna).await;
    // More than the spool takes: nothing is answered, and credits run out.
    let register = |number: u32| {
        let (channel, conversation) = (Channel::Sms as i32, format!("groep-{number}"));
        request::Content::Register(Register { channel, conversation, ..Register::default() })
    };
    gateway.send("0", register(0)).await;
    gateway.until(|told| told.held.contains("spool_full")).await;
    for number in 1..6 {
        gateway.send(&number.to_string(), register(number)).await;
    }
    let ended = loop {
        match gateway.listen().await {
            Ok(true) => {}
            Ok(false) => panic!("the session ended without a word: {:?}", gateway.told),
            Err(status) => break status,
        }
    };
    assert_eq!(ended.code(), tonic::Code::ResourceExhausted);
    assert!(ended.message().starts_with("no_credit"), "{ended}");
    assert!(gateway.told.spooled.is_empty(), "{:?}", gateway.told);
    sidecar.kill();
    sidecar.point_at("unix:source.sock", "0.0.0.0:0");
    let (code, told) = sidecar.run(&["serve"]);
    assert!(code == Some(2) && told.contains("listens on a Unix socket or on loopback"), "{told}");
}
