//! An import that stops says where, and goes on from there; and what lies in a closed period is not read out again.

use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use zegel_proto::v1::{Channel, EventKind, ProofClass};
use zegel_tests::archive::Archive;
use zegel_tests::gateway::{texts, timeline};
use zegel_tests::{Stage, command};
use zegel_tools::event::{CaptureDetail, CaptureItems, CaptureRecord, Field, Occurred};
use zegel_tools::import::alignment::{Alignment, FingerprintKey, Known, Row};
use zegel_tools::import::*;
use zegel_tools::record::Record;
use zegel_tools::whatsapp::reader::{ChatText, Stated};

/// A chat on a disk that fails at one record.
struct Failing {
    text: ChatText,
    at: usize,
}

impl Reader for Failing {
    fn channel(&self) -> Channel {
        self.text.channel()
    }
    fn proof_class(&self) -> ProofClass {
        self.text.proof_class()
    }
    fn file(&self) -> &FileFacts {
        self.text.file()
    }
    fn records(&self) -> usize {
        self.text.records()
    }
    fn at_ms(&self, index: usize) -> u64 {
        self.text.at_ms(index)
    }
    fn align(&self, known: &[Known], key: &FingerprintKey) -> Alignment {
        self.text.align(known, key)
    }
    fn record(&mut self, ids: CaptureIds, index: usize, row: Row, media: &MediaStore) -> Result<Record, ImportError> {
        if index == self.at {
            let reason = io::Error::other("the disk failed");
            return Err(ParcelError::Unreadable { path: "disk".into(), reason }.into());
        }
        self.text.record(ids, index, row, media)
    }
    fn tally(&self) -> Tally {
        self.text.tally()
    }
}

fn chat(archive: &Archive, name: &str, lines: &str) -> ChatText {
    let path = archive.path(name);
    std::fs::write(&path, lines).expect("written");
    let stated = Stated { time_zone: "Europe/Amsterdam".into(), date_order: None };
    ChatText::read(Package::open(&path).expect("a package"), &stated).expect("a chat text")
}

fn desk(archive: &Archive) -> Desk {
    Desk {
        custodian: archive.anna,
        operator: Field::Unknown,
        device: Field::Unknown,
        tool: "zegel 0.1.0".into(),
        secret: archive.keys.source_secret().expect("a secret"),
    }
}

async fn take(archive: &mut Archive, reader: impl Reader + 'static) -> Result<Outcome, ImportError> {
    take_and_tell(archive, reader, &mut Vec::new()).await
}

/// The same; `told` is given how far it was, and of how many.
async fn take_and_tell(
    archive: &mut Archive,
    reader: impl Reader + 'static,
    told: &mut Vec<(u64, u64)>,
) -> Result<Outcome, ImportError> {
    let (desk, chat) = (desk(archive), Chat::new(archive.veerhaven, reader));
    let mut progress = |done, all| told.push((done, all));
    let taken = readout(&mut archive.source, &desk, vec![chat], &[], || 1_780_000_000_000, &mut progress).await;
    taken.map(|mut outcomes| outcomes.remove(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_stops_says_where_and_the_next_adds_only_the_rest() {
    let mut archive = Archive::new().await;
    let lines: String = (0..4_200)
        .map(|number| format!("[14-05-2026 09:{:02}:{:02}] Anna: {number}\n", number / 60 % 60, number % 60))
        .collect();
    let failing = Failing { text: chat(&archive, "_chat.txt", &lines), at: 4_150 };
    let mut told = Vec::new();
    let stopped = take_and_tell(&mut archive, failing, &mut told).await.expect_err("it stops");
    assert_eq!(told, [(0, 4_200), (4_096, 4_200)]);
    assert!(matches!(stopped, ImportError::Stopped { done: 4_096, all: 4_200, .. }), "{stopped}");
    assert!(matches!(stopped.cause(), ImportError::Parcel(ParcelError::Unreadable { .. })));
    assert!(stopped.to_string().contains("stopped after 4096 of 4200 additions"), "{stopped}");
    let text = chat(&archive, "_chat.txt", &lines);
    let resumed = take(&mut archive, text).await.expect("it goes on");
    assert_eq!((resumed.counts.new, resumed.counts.known, resumed.counts.vanished), (104, 4_096, 0), "{resumed:?}");
}

/// The command, importing a chat.
fn importing(stage: &Stage, path: &Path) -> Child {
    let mut zegel = command("zegel");
    zegel.args(["--json", "import", "whatsapp"]).arg(path).args(["--conversation", "Veerhaven"]);
    zegel.args(["--timezone", "Europe/Amsterdam", "--custodian", "Anna de Vries"]);
    zegel.arg("--keys").arg(stage.keys()).args(["--ledger", &stage.url()]);
    zegel.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
}

/// What became of the chat, and what was said meanwhile.
fn imported(stage: &Stage, path: &Path) -> (Value, String) {
    let output = importing(stage, path).wait_with_output().expect("it ends");
    let said = String::from_utf8(output.stderr).expect("text");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("one document: {said}"));
    (document["result"]["chats"][0].clone(), said)
}

fn entries_of(stage: &Stage) -> u64 {
    let status: Value = serde_json::from_str(&stage.zegel(&["--json", "status"])).expect("JSON");
    status["result"]["size"].as_u64().unwrap_or_else(|| panic!("{status:#}"))
}

/// Read whole before the first event: what is refused, and what was to be imported beside it, leaves nothing in the log.
#[test]
fn a_read_out_that_is_refused_leaves_no_trace_in_the_log() {
    let stage = Stage::new();
    stage.zegel(&["register", "custodian", "--name", "Anna de Vries"]);
    stage.zegel(&["register", "conversation", "--title", "Veerhaven"]);
    let written = |name: &str, bytes: &[u8]| {
        let path = stage.path(name);
        std::fs::write(&path, bytes).expect("written");
        path.display().to_string()
    };
    let good = written("good.txt", b"30-04-2026 09:00 - Anna: ja\n");
    let unclear = written("unclear.txt", b"03-04-2026 09:00 - Anna: ja\n");
    let empty = written("empty.zip", &[&b"PK\x05\x06"[..], &[0; 18]].concat());
    let signal = written("main.jsonl", b"{\"version\":\"1\",\"backupTimeMs\":\"1\"}\n{\"chat\":{\"id\":\"1\",");
    let events = written("events.json", b"{\"chunk\": [{\"type\": \"m.room.message\"}]}");
    let before = entries_of(&stage);
    let zone = ["--timezone", "Europe/Amsterdam"];
    let whatsapp = |path: &str| {
        let two = ["import", "whatsapp", &good, path, "--conversation", "Veerhaven", "--conversation", "Veerhaven"];
        [&two[..], &zone].concat().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let other = |format: &str, path: &str, chosen: [&str; 2]| {
        ["import", format, path, chosen[0], chosen[1]].map(String::from).to_vec()
    };
    for (order, said) in [
        (whatsapp(&unclear), "date"),
        (whatsapp(&empty), "chat text"),
        (other("signal", &signal, ["--chat", "1=Veerhaven"]), "line 2"),
        (other("matrix", &events, ["--conversation", "Veerhaven"]), "sender"),
    ] {
        let order: Vec<&str> = order.iter().map(String::as_str).chain(["--custodian", "Anna de Vries"]).collect();
        let refused = stage.try_zegel(&order);
        let printed = String::from_utf8([refused.stdout, refused.stderr].concat()).expect("text");
        assert!(refused.status.code() == Some(2) && printed.contains(said), "{order:?}: {}: {printed}", refused.status);
        assert_eq!(entries_of(&stage), before, "{order:?} left something");
    }
}

/// Killed in the middle of what it sends: what was closed is in the log, the rest comes with the next, and nothing is there twice.
#[test]
fn an_import_that_is_killed_is_resumed_from_the_last_closed_batch() {
    const RECORDS: u64 = 15_000;
    let stage = Stage::new();
    stage.zegel(&["register", "custodian", "--name", "Anna de Vries"]);
    stage.zegel(&["register", "conversation", "--title", "Veerhaven"]);
    let path = stage.path("_chat.txt");
    let line = |number: u64| {
        format!("[14-05-2026 {:02}:{:02}:{:02}] Anna: {number}\n", number / 3_600, number / 60 % 60, number % 60)
    };
    std::fs::write(&path, (0..RECORDS).map(line).collect::<String>()).expect("written");
    let mut process = importing(&stage, &path);
    // Nobody looks at a terminal: it says in lines how far it is.
    let mut said = BufReader::new(process.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    assert_eq!(said.next(), Some(format!("4096 of {RECORDS} records")));
    process.kill().expect("killed");
    assert!(!process.wait().expect("it has ended").success(), "it had ended before it could be killed");
    let (chat, said) = imported(&stage, &path);
    let count = |what: &str| chat["counts"][what].as_u64().expect("a number");
    let (new, known) = (count("new"), count("known"));
    assert_eq!((new + known, count("vanished"), count("edited")), (RECORDS, 0, 0), "{chat:#}");
    // Batches are whole or not there, and the first ones are.
    assert!(known >= 4_096 && new > 0 && known % 256 == 0, "{known} were known, {new} were new");
    assert!(said.lines().any(|line| line.ends_with(&format!("of {new} records"))), "{said}");
    let (again, _) = imported(&stage, &path);
    assert_eq!((&again["counts"]["new"], &again["counts"]["known"]), (&Value::from(0), &Value::from(RECORDS)));
    let (_, lines) = timeline(&stage, "Anna de Vries", "anna");
    // Of a text file the end of the line is a part of its record.
    let wanted: BTreeMap<String, usize> = (0..RECORDS).map(|number| (format!("{number}\n"), 1)).collect();
    assert!(texts(&lines) == wanted, "each once: {} of {RECORDS}", texts(&lines).len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_period_is_not_read_out_again_and_nothing_of_it_is_missed() {
    let mut archive = Archive::new().await;
    let (march, april, may) =
        ("15-03-2026 09:00 - Anna: maart\n", "15-04-2026 09:00 - Anna: april\n", "15-05-2026 09:00 - Anna: mei\n");
    let all = chat(&archive, "_chat.txt", &[march, april, may].concat());
    take(&mut archive, all).await.expect("read out");
    // In May: what lies before May is closed, and may be cleared from the phone.
    let closed = CaptureRecord {
        kind: EventKind::PeriodClosed,
        conversation: Some(archive.veerhaven),
        custodian: archive.anna,
        occurred: Occurred::by_source(1_777_900_000_000),
        channel: Channel::Whatsapp,
        proof_class: ProofClass::CExportFile,
        session: Field::None,
        operator: Field::None,
        device: Field::None,
        tool: Field::None,
        detail: CaptureDetail::None,
        items: CaptureItems::None,
        note: Field::None,
    };
    archive.source.append(vec![closed.draft().expect("a draft")]).await.expect("closed");
    // Another message of March turns up, that of April has gone, and June has come.
    let other = "16-03-2026 09:00 - Anna: ook maart\n";
    let later = chat(&archive, "_chat.txt", &[march, other, may, "15-06-2026 09:00 - Anna: juni\n"].concat());
    let counts = take(&mut archive, later).await.expect("read out").counts;
    let wanted = Counts { new: 1, known: 2, closed: 1, ..Counts::default() };
    assert_eq!(counts, wanted);
}
