//! What is handed over can be hostile: each gets a clear refusal, at once, and nothing of it is read.

use std::fs::File;
use std::io::{Cursor, Write};
use std::path::Path;
use zegel_tools::import::alignment::Row;
use zegel_tools::import::{CaptureIds, Depth, MediaStore, Package, PackageError, Parcel, ParcelError, Reader};
use zegel_tools::matrix::{FILE_BYTES_MAX, MatrixError, Room, RoomOrder};
use zegel_tools::signal::{SignalError, SignalExport};
use zegel_tools::whatsapp::container::ContainerError;
use zegel_tools::whatsapp::reader::{ChatText, Stated};
use zegel_verifier::hash::Hash;
use zip::write::SimpleFileOptions;

const LINE: &str = "30-04-2026 09:00 - Anna: x\n";

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, SimpleFileOptions::default()).expect("begun");
        zip.write_all(bytes).expect("written");
    }
    zip.finish().expect("finished").into_inner()
}

fn stated() -> Stated {
    Stated { time_zone: "Europe/Amsterdam".into(), date_order: None }
}

/// A ZIP whose central directory names the bytes of its only file again and again.
fn overlapping(bytes: &[u8], times: u16) -> Vec<u8> {
    let one = zipped(&[("_chat.txt", bytes)]);
    let end = one.len() - 22;
    let number = |at: usize| u32::from_le_bytes(std::array::from_fn(|byte| one[at + byte])) as usize;
    let directory = number(end + 16);
    let mut made = one[..directory].to_vec();
    for time in 0..times {
        let mut entry = one[directory..end].to_vec();
        entry[46] = b'a' + (time % 26) as u8;
        made.extend(entry);
    }
    let size = (made.len() - directory) as u32;
    let mut tail = one[end..].to_vec();
    tail[8..10].copy_from_slice(&times.to_le_bytes());
    tail[10..12].copy_from_slice(&times.to_le_bytes());
    tail[12..16].copy_from_slice(&size.to_le_bytes());
    made.extend(tail);
    made
}

fn written(folder: &Path, name: &str, bytes: &[u8]) -> std::path::PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("written");
    path
}

#[test]
fn a_chat_in_a_zip_in_a_zip_is_found_and_its_title_is_that_of_the_inner_name() {
    let folder = folder();
    let inner = zipped(&[("_chat.txt", LINE.as_bytes())]);
    let outer = zipped(&[("WhatsApp Chat - Veerhaven.zip", &inner)]);
    let path = written(folder.path(), "WhatsApp Chat - Veerhaven.zip.zip", &outer);
    let mut package = Package::open(&path).expect("a package");
    assert_eq!(package.title(), Some("Veerhaven"));
    assert_eq!(package.chat().expect("a chat"), LINE.as_bytes());
    let mut deep = inner;
    for _ in 0..4 {
        deep = zipped(&[("x.zip", &deep)]);
    }
    let path = written(folder.path(), "deep.zip", &deep);
    assert!(matches!(Package::open(&path), Err(PackageError::Parcel(ParcelError::TooDeep { .. }))));
}

#[test]
fn an_archive_whose_files_overlap_is_refused_before_it_is_unfolded() {
    let folder = folder();
    let path = written(folder.path(), "bomb.zip", &overlapping(&vec![b'x'; 1 << 20], 200));
    let refused = Parcel::open(&path, Depth::Flat).err();
    assert!(matches!(refused, Some(ParcelError::Overlapping { .. })), "{refused:?}");
}

#[test]
fn a_chat_that_unfolds_to_more_than_a_chat_has_is_refused_by_its_stated_and_by_its_true_size() {
    let folder = folder();
    let zeros = vec![0; 300 << 20];
    let path = written(folder.path(), "zeros.zip", &zipped(&[("_chat.txt", &zeros)]));
    let refused = Package::open(&path).err();
    assert!(matches!(refused, Some(PackageError::Container(ContainerError::ChatTooLarge { .. }))), "{refused:?}");
    // The same archive, with a lie about its size in both places: no more than a chat may have is ever read.
    let mut lying = zipped(&[("_chat.txt", &zeros)]);
    let stated = (zeros.len() as u32).to_le_bytes();
    let places: Vec<_> = (0..lying.len() - 4).filter(|at| lying[*at..at + 4] == stated).collect();
    for at in places {
        lying[at..at + 4].copy_from_slice(&1_000u32.to_le_bytes());
    }
    let path = written(folder.path(), "lying.zip", &lying);
    let read = Package::open(&path).and_then(|mut package| package.chat());
    assert!(read.as_ref().map_or(true, |bytes| bytes.len() <= 1_001), "{:?}", read.map(|bytes| bytes.len()));
}

#[test]
fn a_link_in_a_folder_is_not_followed_and_no_name_of_an_archive_becomes_a_path() {
    let folder = folder();
    let secret = written(folder.path(), "secret.txt", LINE.as_bytes());
    let handed = folder.path().join("handed");
    std::fs::create_dir(&handed).expect("a folder");
    std::os::unix::fs::symlink(&secret, handed.join("_chat.txt")).expect("a link");
    let refused = Package::open(&handed).err();
    assert!(matches!(refused, Some(PackageError::Container(ContainerError::NoChat { of: 0, .. }))), "{refused:?}");
    let chat = format!("{LINE}30-04-2026 09:01 - Anna: ../secret.txt (bestand bijgevoegd)\n");
    let path =
        written(folder.path(), "up.zip", &zipped(&[("_chat.txt", chat.as_bytes()), ("../secret.txt", b"elders")]));
    let text = ChatText::read(Package::open(&path).expect("a package"), &stated()).expect("a chat");
    let tally = text.tally();
    assert_eq!((tally.attachments_missing, tally.files_unclaimed), (0, 1), "a name with a folder in it is text");
}

#[test]
fn a_line_of_a_gibibyte_is_refused_without_reading_it() {
    let folder = folder();
    let chat = folder.path().join("_chat.txt");
    File::create(&chat).and_then(|file| file.set_len(1 << 30)).expect("a sparse file");
    let refused = Package::open(&chat).err();
    let stated =
        matches!(refused, Some(PackageError::Container(ContainerError::ChatTooLarge { got: 1_073_741_824, .. })));
    assert!(stated, "{refused:?}");
    let main = folder.path().join("main.jsonl");
    std::fs::write(&main, "{\"version\":\"1\",\"backupTimeMs\":\"1\"}\n").expect("written");
    File::options().append(true).open(&main).and_then(|file| file.set_len(1 << 30)).expect("a sparse file");
    assert!(matches!(SignalExport::open(folder.path()), Err(SignalError::LineTooLong { line: 2, .. })));
}

/// A room of one file of events.
fn room(path: &Path) -> Result<Room, MatrixError> {
    Room::read(&RoomOrder { paths: vec![path.into()], ..RoomOrder::default() })
}

#[test]
fn a_file_of_events_of_a_gibibyte_is_refused_by_its_size() {
    let folder = folder();
    let path = folder.path().join("events.json");
    File::create(&path).and_then(|file| file.set_len(1 << 30)).expect("a sparse file");
    let refused = room(&path).err();
    let stated = matches!(refused, Some(MatrixError::Parcel(ParcelError::TooLarge { max: FILE_BYTES_MAX, .. })));
    assert!(stated, "{refused:?}");
}

#[test]
fn what_is_not_utf_8_or_nested_beyond_measure_is_refused_at_its_line_and_a_chat_text_keeps_its_bytes() {
    let folder = folder();
    let event = |content: &[u8]| {
        let begun = b"{\"type\":\"m.x\",\"sender\":\"@a:b\",\"event_id\":\"$1\",\"content\":";
        [&begun[..], content, b"}\n"].concat()
    };
    let deep = [vec![b'['; 400], vec![b']'; 400]].concat();
    for (name, content) in [("latin", &b"\"caf\xe9\""[..]), ("deep", &deep), ("huge", b"1e999")] {
        let lines = [event(b"{}"), event(content)].concat();
        let refused = room(&written(folder.path(), &format!("{name}.jsonl"), &lines)).err();
        assert!(matches!(refused, Some(MatrixError::Json { line: 2, .. })), "{name}: {refused:?}");
    }
    let main = [&b"{\"version\":\"1\",\"backupTimeMs\":\"1\"}\n{\"chat\":\""[..], b"caf\xe9", b"\"}\n"].concat();
    written(folder.path(), "main.jsonl", &main);
    let refused = SignalExport::open(folder.path()).err();
    assert!(matches!(refused, Some(SignalError::Line { line: 2, .. })), "{refused:?}");
    let path = written(folder.path(), "_chat.txt", &[LINE.as_bytes(), b"30-04-2026 09:01 - Anna: caf\xe9\n"].concat());
    let text = ChatText::read(Package::open(&path).expect("a package"), &stated()).expect("a chat");
    assert_eq!(text.records(), 2);
}

/// Each record as an event of the log.
fn drafted(reader: &mut dyn Reader) -> usize {
    let ids = CaptureIds { conversation: Hash::ZERO, custodian: Hash::ZERO };
    let folder = folder();
    let media = MediaStore::of_folder(folder.path());
    let records = reader.records();
    for index in 0..records {
        reader.record(ids, index, Row::New, &media).expect("a record").draft().expect("an event");
    }
    records
}

#[test]
fn ten_thousand_participants_are_ten_thousand_senders_in_every_format() {
    let folder = folder();
    let lines = (0..20_000).map(|number| format!("30-04-2026 09:00 - Deelnemer {}: ja\n", number % 10_000));
    let path = written(folder.path(), "_chat.txt", lines.collect::<String>().as_bytes());
    let mut text = ChatText::read(Package::open(&path).expect("a package"), &stated()).expect("a chat");
    assert_eq!(drafted(&mut text), 20_000);
    let joins = (0..10_000).map(|number| {
        format!(
            "{{\"type\":\"m.room.member\",\"sender\":\"@lid{number}:b\",\"state_key\":\"@lid{number}:b\",\"event_id\":\"${number}\",\
             \"content\":{{\"membership\":\"join\",\"displayname\":\"Lid {number}\"}}}}\n"
        )
    });
    let path = written(folder.path(), "room.jsonl", joins.collect::<String>().as_bytes());
    assert_eq!(drafted(&mut room(&path).expect("a room")), 10_000);
    let mut main = String::from("{\"version\":\"1\",\"backupTimeMs\":\"1777914000000\"}\n");
    let people = (1..=10_000).map(|id| {
        format!("{{\"recipient\":{{\"id\":\"{id}\",\"contact\":{{\"e164\":\"316{id:08}\",\"profileGivenName\":\"Lid {id}\"}}}}}}\n")
    });
    main.extend(people);
    main.push_str(
        "{\"recipient\":{\"id\":\"20000\",\"group\":{\"snapshot\":{\"title\":{\"title\":\"Allen\"},\"members\":[",
    );
    main.push_str(&vec!["{\"userId\":\"AQEBAQEBAQEBAQEBAQEBAQ==\"}"; 10_000].join(","));
    main.push_str("]}}}}\n{\"chat\":{\"id\":\"1\",\"recipientId\":\"20000\"}}\n");
    main.extend((1..=10_000).map(|id| {
        format!(
            "{{\"chatItem\":{{\"chatId\":\"1\",\"authorId\":\"{id}\",\"dateSent\":\"{}\",\"incoming\":{{}},\
             \"standardMessage\":{{\"text\":{{\"body\":\"ja\"}}}}}}}}\n",
            1_777_878_000_000_u64 + id
        )
    }));
    let path = folder.path().join("signal");
    std::fs::create_dir(&path).expect("a folder");
    written(&path, "main.jsonl", main.as_bytes());
    let mut export = SignalExport::open(&path).expect("an export").expect("there is one");
    assert_eq!(drafted(&mut export.take(1).expect("a chat")), 10_000);
}
