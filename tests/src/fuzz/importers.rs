//! The parsers of the importers, the parcels and the gateways, as one function of bytes each.

use super::parsers::{Parser, files, root};
use prost::Message;
use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use zegel_tools::import::{Depth, Parcel};
use zegel_tools::matrix::{Room, RoomOrder};
use zegel_tools::screenshots::Sheet;
use zegel_tools::signal::SignalExport;
use zegel_tools::whatsapp::{Options, parse as parse_chat};

/// All of them.
pub const OF_TOOLS: [Parser; 6] = [
    Parser { name: "whatsapp", run: whatsapp, seeds: whatsapp_seeds, inputs: 1_500 },
    Parser { name: "signal", run: signal, seeds: signal_seeds, inputs: 400 },
    Parser { name: "matrix", run: matrix, seeds: matrix_seeds, inputs: 400 },
    Parser { name: "tables", run: tables, seeds: table_seeds, inputs: 5_000 },
    Parser { name: "parcels", run: parcels, seeds: parcel_seeds, inputs: 1_500 },
    Parser { name: "gateway", run: gateway, seeds: gateway_seeds, inputs: 3_000 },
];

/// Pieces of the files of an importer's fixtures.
fn pieces(folder: &str, ending: &str) -> Vec<Vec<u8>> {
    let read = |path: PathBuf| fs::read(path).expect("bytes").chunks(3_000).map(<[u8]>::to_vec).collect::<Vec<_>>();
    files(&root().join("tools/tests/fixtures").join(folder), ending).into_iter().flat_map(read).take(40).collect()
}

fn whatsapp(bytes: &[u8]) {
    let options = Options { time_zone: jiff::tz::TimeZone::get("Europe/Amsterdam").expect("a zone"), date_order: None };
    if let Ok(readout) = parse_chat(bytes, &options) {
        let back = readout.records.iter().flat_map(|record| [&record.as_written[..], &record.text]).flatten();
        assert!(back.copied().eq(bytes.iter().copied()), "no byte is lost");
    }
}

fn whatsapp_seeds() -> Vec<Vec<u8>> {
    pieces("whatsapp", ".txt")
}

/// A file of this process, which holds an input for a reader of files.
fn with_file(name: &str, bytes: &[u8], read: impl FnOnce(&Path)) {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().expect("a folder")).path();
    let folder = folder.join(format!("{:?}", std::thread::current().id()));
    fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join(name);
    fs::write(&path, bytes).expect("written");
    read(&path);
    fs::remove_dir_all(folder).expect("removed");
}

fn signal(bytes: &[u8]) {
    with_file("main.jsonl", bytes, |path| {
        if let Ok(Some(mut export)) = SignalExport::open(path.parent().expect("a folder")) {
            for chat in export.chats() {
                let _ = export.find(&chat.title);
                let _ = export.take(chat.id);
            }
        }
    });
}

fn signal_seeds() -> Vec<Vec<u8>> {
    pieces("signal", ".jsonl")
}

fn matrix(bytes: &[u8]) {
    with_file("room.jsonl", bytes, |path| {
        let _ = Room::read(&RoomOrder { paths: vec![path.to_owned()], ..RoomOrder::default() });
    });
}

fn matrix_seeds() -> Vec<Vec<u8>> {
    pieces("matrix", ".jsonl")
}

/// What people type: sheets beside screenshots, and lines of input.
fn tables(bytes: &[u8]) {
    let _ = Sheet::parse("vel.csv", bytes);
    let _ = Sheet::parse("vel.toml", bytes);
    let _ = std::str::from_utf8(bytes).map(zegel_tools::input::InputRecord::parse);
}

fn table_seeds() -> Vec<Vec<u8>> {
    let line = br#"{"kind":"message","custodian":"A","conversation":"B","at":"2022-05-31T16:08:13Z","text":"ja hoor"}"#;
    let csv = b"file;made_by;made_at;transcription;transcribed_by\r\na.png;Anna;2026-05-04;\"Ja;\nhoor\";Bram\r\n";
    let toml = b"[[screenshot]]\nfile = \"a.png\"\nmade_by = \"Anna\"\nmade_at = \"2026-05-04\"\nshown_from = \"\"\n";
    vec![line.to_vec(), csv.to_vec(), toml.to_vec()]
}

fn parcels(bytes: &[u8]) {
    with_file("parcel.zip", bytes, |path| {
        if let Ok(mut parcel) = Parcel::open(path, Depth::Nested) {
            for index in 0..parcel.entries().len().min(50) {
                let _ = parcel.bytes(index, 1 << 16);
            }
        }
    });
}

fn parcel_seeds() -> Vec<Vec<u8>> {
    let inner = zip(&[("main.jsonl", b"{}\n")]);
    vec![
        zip(&[("_chat.txt", b"[31-05-2022 16:08:13] A: b\n"), ("a/b.jpg", b"\xff\xd8")]),
        zip(&[("export.zip", &inner), ("../x", b"y")]),
    ]
}

fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).expect("an entry");
        zip.write_all(bytes).expect("written");
    }
    zip.finish().expect("a ZIP").into_inner()
}

const CUSTODIAN: &str = "5050505050505050505050505050505050505050505050505050505050505050";

/// A gateway's requests, each judged after those before it; and the same bytes as a spool that a crash left.
fn gateway(bytes: &[u8]) {
    use zegel_proto::source::v1::Request;
    let checker = zegel_tools::sidecar::Checker::default();
    let custodians = HashSet::from([CUSTODIAN.to_owned()]);
    let mut rest = bytes;
    for _ in 0..8 {
        let Ok(request) = Request::decode_length_delimited(&mut rest) else { break };
        let _ = checker.judge(&request, &custodians);
    }
    with_file("0000000000000000.spool", bytes, |path| {
        let read = zegel_tools::sidecar::readable(path, &[7; 32]).expect("a file");
        assert!(read <= bytes.len() as u64, "it reads no more than is there");
    });
}

fn gateway_seeds() -> Vec<Vec<u8>> {
    use zegel_proto::source::v1::{self as handed, request};
    let place = handed::Place {
        custodian: CUSTODIAN.into(),
        channel: 1,
        at_ms: 1,
        conversation: "1@g.us".into(),
        ..handed::Place::default()
    };
    let message = |number: u32| {
        let message =
            handed::Message { place: Some(place.clone()), text: "ja hoor".into(), ..handed::Message::default() };
        let content = Some(request::Content::Message(message));
        handed::Request { key: format!("k{number}"), content, ..handed::Request::default() }
    };
    let requests: Vec<u8> = (0..3).flat_map(|number| message(number).encode_length_delimited_to_vec()).collect();
    vec![requests, vec![0, 0, 0, 40, 1, 2, 3], [&60u32.to_be_bytes()[..], &[9; 64]].concat()]
}
