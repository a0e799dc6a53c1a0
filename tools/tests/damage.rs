//! One damaged attachment never stops a read-out: it counts as missing, with a remark, and all else comes in.

use serde_json::json;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use zegel_proto::limits::BLOB_BYTES_MAX;
use zegel_tools::event::Field;
use zegel_tools::import::alignment::Row;
use zegel_tools::import::{CaptureIds, MediaStore, Package, Reader};
use zegel_tools::matrix::{Room, RoomOrder};
use zegel_tools::record::{Attached, Record};
use zegel_tools::signal::{ExportedFolder, SignalExport};
use zegel_tools::whatsapp::reader::{ChatText, Stated};
use zegel_verifier::hash::Hash;
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

const PHOTO: &[u8] = b"\xff\xd8\xff\xe0 een foto, een foto, een foto, een foto, een foto, een foto";
const CHAT: &str = "30-04-2026 09:00 - Anna: IMG-20260430-WA0001.jpg (bestand bijgevoegd)\n\
                    30-04-2026 09:01 - Bram: IMG-20260430-WA0002.jpg (bestand bijgevoegd)\n\
                    30-04-2026 09:02 - Anna: tot morgen\n";

/// Where in the archive, and which of its bytes, damage falls.
#[derive(Clone, Copy, Debug)]
enum Damaged {
    /// The signature before a file.
    Header,
    /// A byte of the file.
    Byte,
}

/// A ZIP of these files, of which one is damaged: the first that is named so in its bytes.
fn zipped(files: &[(&str, &[u8])], method: CompressionMethod, damaged: (&str, Damaged)) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, SimpleFileOptions::default().compression_method(method)).expect("begun");
        zip.write_all(bytes).expect("written");
    }
    let mut made = zip.finish().expect("finished").into_inner();
    let (name, damage) = damaged;
    let at = made.windows(name.len()).position(|window| window == name.as_bytes()).expect("its name");
    // The name stands 30 bytes after the signature, right before the bytes.
    let at = match damage {
        Damaged::Header => at - 30,
        Damaged::Byte => at + name.len() + 7,
    };
    made[at] ^= 0x20;
    made
}

fn written(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("written");
    path
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn stated() -> Stated {
    Stated { time_zone: "Europe/Amsterdam".into(), date_order: None }
}

/// Every record of a chat: what came of its attachments.
fn attached(reader: &mut dyn Reader) -> Vec<Attached> {
    let ids = CaptureIds { conversation: Hash::ZERO, custodian: Hash::ZERO };
    let spool = folder();
    let media = MediaStore::of_folder(spool.path());
    let records = (0..reader.records()).map(|index| reader.record(ids, index, Row::New, &media).expect("a record"));
    let attached = |record: Record| if let Field::Value(attached) = record.attachments { attached } else { Vec::new() };
    records.flat_map(attached).collect()
}

fn whole(attached: &[Attached]) -> Vec<bool> {
    attached.iter().map(|each| matches!(each, Attached::Present { .. })).collect()
}

fn text(path: &Path) -> ChatText {
    ChatText::read(Package::open(path).expect("a package"), &stated()).expect("a chat")
}

#[test]
fn a_damaged_photo_of_a_chat_is_missing_and_the_chat_comes_in() {
    let (first, second) = ("IMG-20260430-WA0001.jpg", "IMG-20260430-WA0002.jpg");
    let files = [(first, PHOTO), (second, PHOTO), ("_chat.txt", CHAT.as_bytes())];
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        for damage in [Damaged::Byte, Damaged::Header] {
            let folder = folder();
            let path = written(&folder, "chat.zip", &zipped(&files, method, (second, damage)));
            let mut text = text(&path);
            assert_eq!(whole(&attached(&mut text)), [true, false], "{method} {damage:?}");
            let tally = text.tally();
            assert_eq!(tally.attachments_missing, 1, "{method} {damage:?}");
            let said = |remark: &String| remark.starts_with(second) && remark.ends_with("and counts as missing");
            assert!(matches!(&tally.remarks[..], [remark] if said(remark)), "{tally:?}");
        }
    }
}

#[test]
fn a_file_that_no_ledger_takes_is_missing_without_being_read() {
    let folder = folder();
    written(&folder, "_chat.txt", CHAT.as_bytes());
    written(&folder, "IMG-20260430-WA0001.jpg", PHOTO);
    let large = written(&folder, "IMG-20260430-WA0002.jpg", b"");
    std::fs::File::options().write(true).open(large).and_then(|file| file.set_len(BLOB_BYTES_MAX + 1)).expect("sparse");
    let mut text = text(folder.path());
    assert_eq!(whole(&attached(&mut text)), [true, false]);
    assert!(text.tally().remarks[0].contains("makes more than the 4294967296 bytes"), "{:?}", text.tally());
}

#[test]
fn a_damaged_file_of_a_signal_export_is_missing_by_its_hash_and_by_its_name() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/signal");
    let read = |name: &str| std::fs::read(fixtures.join(name)).expect("a fixture");
    let file = "files/57/57c5b0ba802ba3aa9c4ebd11a8ef32d173abc6dd5b3deabb7cd540b66e14edc5.png";
    let (main, png) = (read("may/main.jsonl"), read(&format!("may/{file}")));
    let folder = folder();
    for damage in [Damaged::Byte, Damaged::Header] {
        let files = [("main.jsonl", &main[..]), (file, &png[..])];
        let zip = written(&folder, "export.zip", &zipped(&files, CompressionMethod::Stored, (file, damage)));
        let mut chat = SignalExport::open(&zip).expect("read").expect("an export").take(10).expect("a chat");
        assert!(!whole(&attached(&mut chat)).contains(&true), "{damage:?}");
        let tally = chat.tally();
        // One that the export itself has lost, and this one.
        assert_eq!(tally.attachments_missing, 2, "{damage:?}");
        assert_eq!(tally.remarks.iter().filter(|remark| remark.contains(file)).count(), 1, "{tally:?}");

        let file = "media/nota.png";
        let text = read("signal-export/Dossier Veerhaven/chat.md");
        // The first file of an archive is what tells that it is one.
        let files = [("lees.txt", &b"mij"[..]), (file, &png[..]), ("chat.md", &text[..])];
        let zip = written(&folder, "chat.zip", &zipped(&files, CompressionMethod::Stored, (file, damage)));
        let mut chat = ExportedFolder::open(&zip, &stated()).expect("a chat");
        assert_eq!(whole(&attached(&mut chat)), [false], "{damage:?}");
        let tally = chat.tally();
        assert_eq!((tally.attachments_missing, tally.files_unclaimed, tally.remarks.len()), (1, 0, 1), "{damage:?}");
    }
}

#[test]
fn a_damaged_file_of_a_room_is_missing_and_the_room_comes_in() {
    let event = json!({
        "type": "m.room.message", "sender": "@anna:b", "event_id": "$1", "origin_server_ts": 1_777_878_000_000_u64,
        "content": { "msgtype": "m.image", "body": "foto.jpg", "url": "mxc://b/1", "info": { "size": PHOTO.len() } },
    });
    let after = json!({
        "type": "m.room.message", "sender": "@anna:b", "event_id": "$2", "origin_server_ts": 1_777_878_060_000_u64,
        "content": { "msgtype": "m.text", "body": "tot morgen" },
    });
    let lines = format!("{event}\n{after}\n");
    let file = "images/foto-30-4-2026.jpg";
    for (damage, present) in [(Some(Damaged::Byte), false), (Some(Damaged::Header), false), (None, true)] {
        let folder = folder();
        let files = [("room.jsonl", lines.as_bytes()), (file, PHOTO), ("over.txt", b"niets, om te beschadigen")];
        let damaged = damage.map_or(("over.txt", Damaged::Byte), |damage| (file, damage));
        let path = written(&folder, "room.zip", &zipped(&files, CompressionMethod::Stored, damaged));
        let mut room = Room::read(&RoomOrder { paths: vec![path], ..RoomOrder::default() }).expect("a room");
        assert_eq!(whole(&attached(&mut room)), [present], "{damage:?}");
        let tally = room.tally();
        assert_eq!(tally.attachments_missing, u64::from(!present), "{damage:?}");
        let said = tally.remarks.iter().filter(|remark| remark.starts_with("foto.jpg is damaged"));
        assert_eq!(said.count(), usize::from(!present), "{tally:?}");
    }
}
