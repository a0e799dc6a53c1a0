//! The parsers of the importers, the parcels and the gateways, as one function of bytes each.

use super::parsers::{Parser, describe, described, files, root};
use prost::Message;
use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use zegel_tools::import::alignment::{FingerprintKey, Known, Row};
use zegel_tools::import::{CaptureIds, Depth, MediaStore, Package, Parcel, Reader};
use zegel_tools::keys::{ArchivePublicKey, Share};
use zegel_tools::matrix::{Room, RoomOrder};
use zegel_tools::retention::SelectionList;
use zegel_tools::screenshots::Sheet;
use zegel_tools::signal::SignalExport;
use zegel_tools::whatsapp::reader::{ChatText, Stated};
use zegel_tools::whatsapp::{Options, parse as parse_chat};
use zegel_verifier::hash::Hash;

/// All of them.
pub const OF_TOOLS: [Parser; 6] = [
    Parser { name: "whatsapp", run: whatsapp, seeds: whatsapp_seeds, inputs: 1_500 },
    Parser { name: "signal", run: signal, seeds: signal_seeds, inputs: 400 },
    Parser { name: "matrix", run: matrix, seeds: matrix_seeds, inputs: 400 },
    Parser { name: "tables", run: tables, seeds: table_seeds, inputs: 5_000 },
    Parser { name: "parcels", run: parcels, seeds: parcel_seeds, inputs: 600 },
    Parser { name: "gateway", run: gateway, seeds: gateway_seeds, inputs: 3_000 },
];

/// The files of an importer's fixtures, whole and in pieces.
fn pieces(folder: &str, ending: &str) -> Vec<Vec<u8>> {
    let read = |path: PathBuf| fs::read(path).expect("bytes");
    let files: Vec<Vec<u8>> =
        files(&root().join("tools/tests/fixtures").join(folder), ending).into_iter().map(read).collect();
    let cut = files.iter().flat_map(|file| file.chunks(3_000)).map(<[u8]>::to_vec).take(40).collect::<Vec<_>>();
    cut.into_iter().chain(files).collect()
}

/// The first lines of each file of an importer's fixtures with one of the others: short, and each is understood.
fn lines(folder: &str, ending: &str, first: usize) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for path in files(&root().join("tools/tests/fixtures").join(folder), ending) {
        let bytes = fs::read(path).expect("bytes");
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        let (head, rest) = lines.split_at(first.min(lines.len()));
        found.extend(rest.iter().map(|line| [&head.concat()[..], line].concat()));
    }
    found
}

/// A folder of this process, for one input at a time.
fn with_folder(read: impl FnOnce(&Path)) {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().expect("a folder")).path();
    let folder = folder.join(format!("{:?}", std::thread::current().id()));
    fs::create_dir_all(&folder).expect("a folder");
    read(&folder);
    fs::remove_dir_all(folder).expect("removed");
}

/// A file of this process, which holds an input for a reader of files.
fn with_file(name: &str, bytes: &[u8], read: impl FnOnce(&Path)) {
    with_folder(|folder| {
        let path = folder.join(name);
        fs::write(&path, bytes).expect("written");
        read(&path);
    });
}

/// What a session does with a chat: each record becomes an event, and the same chat, read again, has nothing new.
fn read_out(chat: &mut dyn Reader) {
    let folder = tempfile::tempdir().expect("a folder");
    let (key, media) = (FingerprintKey::new(&[7; 32]), MediaStore::of_folder(folder.path()));
    let ids = CaptureIds { conversation: Hash([1; 32]), custodian: Hash([2; 32]) };
    let laid = chat.align(&[], &key);
    assert_eq!((laid.rows.len(), laid.fingerprints.len()), (chat.records(), chat.records()));
    assert!(laid.rows.iter().all(|row| *row == Row::New), "nothing is known of an empty log");
    for (index, row) in laid.rows.iter().enumerate() {
        let _ = chat.at_ms(index);
        if let Ok(record) = chat.record(ids, index, *row, &media) {
            let _ = record.draft();
        }
    }
    let numbered = laid.fingerprints.iter().zip(0..);
    let known: Vec<Known> =
        numbered.map(|(print, conversation_seq)| Known { fingerprint: *print, conversation_seq }).collect();
    let again = chat.align(&known, &key);
    assert!(again.rows.iter().all(|row| matches!(row, Row::Known(_))), "what is known is not added twice");
    assert!(again.vanished.is_empty(), "what is there has not vanished: {:?}", again.vanished);
    let _ = (chat.tally(), chat.gaps().len(), chat.note());
}

const ZONE: &str = "Europe/Amsterdam";

fn read_whatsapp(path: &Path) {
    let Ok(package) = Package::open(path) else { return };
    if let Ok(mut chat) = ChatText::read(package, &Stated { time_zone: ZONE.into(), date_order: None }) {
        read_out(&mut chat);
    }
}

fn read_signal(path: &Path) {
    let Ok(Some(mut export)) = SignalExport::open(path) else { return };
    for chat in export.chats() {
        let _ = export.find(&chat.title);
        if let Ok(mut chat) = export.take(chat.id) {
            read_out(&mut chat);
        }
    }
}

fn read_matrix(path: &Path) {
    if let Ok(mut room) = Room::read(&RoomOrder { paths: vec![path.to_owned()], ..RoomOrder::default() }) {
        read_out(&mut room);
    }
}

fn whatsapp(bytes: &[u8]) {
    let options = Options { time_zone: jiff::tz::TimeZone::get(ZONE).expect("a zone"), date_order: None };
    if let Ok(readout) = parse_chat(bytes, &options) {
        let back = readout.records.iter().flat_map(|record| [&record.as_written[..], &record.text]).flatten();
        assert!(back.copied().eq(bytes.iter().copied()), "no byte is lost");
        with_file("_chat.txt", bytes, read_whatsapp);
    }
}

/// What an app writes of itself, for each language: as the notice of a chat, with a name where one stands.
fn notices() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for path in files(&root().join("tools/src/whatsapp/locales"), ".toml") {
        let text = fs::read_to_string(path).expect("text");
        let said = text.split('"').skip(1).step_by(2).map(|said| said.replace("{by}", "Anna").replace("{who}", "Bram"));
        for said in said.collect::<Vec<_>>().chunks(8) {
            let android =
                said.iter().map(|said| format!("31-05-2022 16:08 - Anna: {said}\n31-05-2022 16:09 - {said}\n"));
            let ios = said.iter().map(|said| format!("[31-05-2022 16:08:13] Anna: \u{200e}{said}\r\n"));
            seeds.push(android.collect::<String>().into_bytes());
            seeds.push(ios.collect::<String>().into_bytes());
        }
    }
    seeds
}

fn whatsapp_seeds() -> Vec<Vec<u8>> {
    pieces("whatsapp", ".txt").into_iter().chain(notices()).collect()
}

fn signal(bytes: &[u8]) {
    with_file("main.jsonl", bytes, |path| read_signal(path.parent().expect("a folder")));
}

fn signal_seeds() -> Vec<Vec<u8>> {
    pieces("signal", ".jsonl").into_iter().chain(lines("signal", ".jsonl", 10)).collect()
}

fn matrix(bytes: &[u8]) {
    with_file("room.jsonl", bytes, read_matrix);
}

fn matrix_seeds() -> Vec<Vec<u8>> {
    pieces("matrix", ".jsonl")
        .into_iter()
        .chain(pieces("matrix", ".json"))
        .chain(lines("matrix", ".jsonl", 1))
        .collect()
}

/// What people type: sheets beside screenshots, lines of input, lists, and shares of a key.
fn tables(bytes: &[u8]) {
    let _ = Sheet::parse("vel.csv", bytes);
    let _ = Sheet::parse("vel.toml", bytes);
    let _ = ArchivePublicKey::parse(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = zegel_tools::input::InputRecord::parse(text);
    let _ = SelectionList::parse(text);
    let _ = Share::parse(text, "share");
}

fn table_seeds() -> Vec<Vec<u8>> {
    let line = br#"{"kind":"message","custodian":"A","conversation":"B","at":"2022-05-31T16:08:13Z","text":"ja hoor"}"#;
    let csv = b"file;made_by;made_at;transcription;transcribed_by\r\na.png;Anna;2026-05-04;\"Ja;\nhoor\";Bram\r\n";
    let toml = b"[[screenshot]]\nfile = \"a.png\"\nmade_by = \"Anna\"\nmade_at = \"2026-05-04\"\nshown_from = \"\"\n";
    vec![line.to_vec(), csv.to_vec(), toml.to_vec()]
}

/// A ZIP; or a folder that is described, as it comes from a phone, and as a ZIP of it.
fn parcels(bytes: &[u8]) {
    let given = described(bytes);
    if given.is_empty() {
        return with_file("parcel.zip", bytes, read_parcel);
    }
    let files: Vec<(&str, &[u8])> = given.iter().take(50).map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    with_file("parcel.zip", &zip(&files), read_parcel);
}

fn read_parcel(path: &Path) {
    if let Ok(mut parcel) = Parcel::open(path, Depth::Nested) {
        for index in 0..parcel.entries().len().min(50) {
            let _ = parcel.bytes(index, 1 << 16);
        }
        read_whatsapp(path);
        read_signal(path);
        read_matrix(path);
    }
}

fn parcel_seeds() -> Vec<Vec<u8>> {
    let inner = zip(&[("main.jsonl", b"{}\n")]);
    let fixture = |path: &str| fs::read(root().join("tools/tests/fixtures").join(path)).expect("bytes");
    let (chat, main) = (fixture("whatsapp/bram-ios-nl/_chat.txt"), fixture("signal/may/main.jsonl"));
    let room = fixture("matrix/federation-v11.jsonl");
    let image: &[u8] = b"\x89PNG\r\n\x1a\n";
    vec![
        zip(&[("_chat.txt", b"[31-05-2022 16:08:13] A: b\n"), ("a/b.jpg", b"\xff\xd8")]),
        zip(&[("export.zip", &inner), ("../x", b"y")]),
        describe([("_chat.txt", &chat[..]), ("00000014-PHOTO-2026-05-04-09-15-31.png", image)]),
        describe([("WhatsApp Chat - Anna.zip", &zip(&[("_chat.txt", b"[31-05-2022 16:08:13] A: b\n")])[..])]),
        describe([("main.jsonl", &main[..]), ("metadata.json", b"{\"version\":1}"), (MEDIA, image)]),
        describe([("room.jsonl", &room[..]), ("nota-20260504.pdf", b"%PDF-1.7")]),
    ]
}

/// Where an export of Signal keeps a file.
const MEDIA: &str = "files/57/57c5b0ba802ba3aa9c4ebd11a8ef32d173abc6dd5b3deabb7cd540b66e14edc5.png";

/// An archive of these; a name that no archive takes twice is left out.
fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        if zip.start_file(*name, zip::write::SimpleFileOptions::default()).is_ok() {
            zip.write_all(bytes).expect("written");
        }
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
    for _ in 0..32 {
        let Ok(request) = Request::decode_length_delimited(&mut rest) else { break };
        let _ = checker.judge(&request, &custodians);
    }
    with_file("0000000000000000.spool", bytes, |path| {
        let read = zegel_tools::sidecar::readable(path, &[7; 32]).expect("a file");
        assert!(read <= bytes.len() as u64, "it reads no more than is there");
    });
}

fn gateway_seeds() -> Vec<Vec<u8>> {
    use zegel_proto::source::v1::{self as handed, request::Content as C};
    let place = || {
        let (channel, clock) = (handed::Channel::Matrix as i32, handed::Clock::Server as i32);
        Some(handed::Place { custodian: CUSTODIAN.into(), channel, at_ms: 1, clock, conversation: "1@g.us".into() })
    };
    let (native_id, target, sender) = ("$2".to_owned(), "$1".to_owned(), "Anna".to_owned());
    let attachment = handed::Attachment { name: "a.png".into(), upload: "k1".into(), ..handed::Attachment::default() };
    let channel = handed::Channel::Matrix as i32;
    let register = handed::Register { channel, conversation: "1@g.us".into(), ..handed::Register::default() };
    let message = handed::Message { place: place(), text: "ja hoor".into(), ..handed::Message::default() };
    let contents = [
        C::Message(handed::Message { attachments: vec![attachment], ..message.clone() }),
        C::Message(message),
        C::Edit(handed::Edit { place: place(), target: target.clone(), text: "nee".into(), ..handed::Edit::default() }),
        C::Deletion(handed::Deletion { place: place(), target: target.clone(), ..handed::Deletion::default() }),
        C::Reaction(handed::Reaction { place: place(), native_id, target, sender, ..handed::Reaction::default() }),
        C::Membership(handed::Membership { place: place(), what: "joined".into(), ..handed::Membership::default() }),
        C::Setting(handed::Setting { place: place(), what: "subject".into(), ..handed::Setting::default() }),
        C::Call(handed::Call { place: place(), ..handed::Call::default() }),
        C::Gap(handed::Gap { custodian: CUSTODIAN.into(), channel, ..handed::Gap::default() }),
        C::Open(handed::Open::default()),
    ];
    let asked = |key: String, content| handed::Request { key, sent_at_ms: 1, content: Some(content) };
    let one = |(number, content)| {
        let requests = [asked("room".into(), C::Register(register.clone())), asked(format!("k{number}"), content)];
        requests.iter().flat_map(Message::encode_length_delimited_to_vec).collect::<Vec<u8>>()
    };
    let mut seeds: Vec<Vec<u8>> = contents.into_iter().enumerate().map(one).collect();
    seeds.push(seeds.concat());
    seeds.extend([vec![0, 0, 0, 40, 1, 2, 3], [&60u32.to_be_bytes()[..], &[9; 64]].concat()]);
    seeds
}
