//! Parsers and hostile bytes: none panics, and what is accepted is what is printed. `make fuzz` tries each for minutes.

use std::fs;
use std::path::{Path, PathBuf};
use zegel_proto::v1::{self, event_header::Content};
use zegel_proto::{Grammar, parse, print};
use zegel_tests::fuzz::{Dice, Effort, hunt};
use zegel_tools::import::{Depth, Parcel};
use zegel_tools::matrix::{Room, RoomOrder};
use zegel_tools::whatsapp::{Options, parse as parse_chat};
use zegel_verifier::checkpoint::ClaimedCheckpoint;
use zegel_verifier::kinds::EventFacts;
use zegel_verifier::note::{Note, VerifierKey};
use zegel_verifier::proof::TlogProof;
use zegel_verifier::trust::Trust;
use zegel_verifier::witness::AddCheckpoint;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for item in fs::read_dir(folder).expect("a folder") {
        let path = item.expect("an item").path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Every string of these vectors: bytes where it is hexadecimal, text where not.
fn seeds(families: &[&str]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for path in families.iter().flat_map(|family| files(&root().join("specs/vectors").join(family), ".json")) {
        let vector: serde_json::Value = serde_json::from_slice(&fs::read(path).expect("bytes")).expect("JSON");
        strings(&vector["given"], &mut found);
    }
    found.retain(|bytes| bytes.len() < 16_384);
    found
}

fn strings(value: &serde_json::Value, found: &mut Vec<Vec<u8>>) {
    match value {
        serde_json::Value::String(text) => found.push(unhex(text).unwrap_or_else(|| text.clone().into_bytes())),
        serde_json::Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        serde_json::Value::Object(fields) => fields.values().for_each(|item| strings(item, found)),
        _ => {}
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    (!text.is_empty() && text.len().is_multiple_of(2)).then(|| pairs.collect())?
}

/// One value, one encoding: whatever is accepted prints back the same.
fn canonical<M: prost::Message + Default + Grammar>(bytes: &[u8]) {
    if let Ok(message) = parse::<M>(bytes) {
        assert_eq!(print(&message).as_deref(), Ok(bytes));
    }
}

fn messages(bytes: &[u8]) {
    canonical::<v1::Entry>(bytes);
    canonical::<v1::SignedBatch>(bytes);
    canonical::<v1::BatchStatement>(bytes);
    canonical::<v1::Body>(bytes);
    canonical::<v1::Binding>(bytes);
    canonical::<v1::DossierEnvelope>(bytes);
    canonical::<v1::KeyWrap>(bytes);
    canonical::<v1::IndexSnapshot>(bytes);
    canonical::<v1::LogCreated>(bytes);
    canonical::<v1::ActorRegistered>(bytes);
    canonical::<v1::KeyAdded>(bytes);
    canonical::<v1::KeyRevoked>(bytes);
    canonical::<v1::GroundsListPublished>(bytes);
    canonical::<v1::PolicySet>(bytes);
    canonical::<v1::EvidenceHeader>(bytes);
    canonical::<v1::EvidenceRecord>(bytes);
    canonical::<v1::ExportStatement>(bytes);
    canonical::<v1::SignedExport>(bytes);
    canonical::<v1::RedactionItem>(bytes);
    canonical::<v1::EventHeader>(bytes);
    // The admission path: what a ledger makes of a header before it looks at anything else.
    if let Ok(header) = parse::<v1::EventHeader>(bytes) {
        let _ = EventFacts::read(&header);
        if let Some(Content::Public(public)) = &header.content {
            canonical::<v1::KeyAdded>(public);
        }
    }
}

fn notes(bytes: &[u8]) {
    if let Ok(note) = Note::parse(bytes) {
        let again = Note::parse(note.print().as_bytes());
        assert_eq!(again.as_ref(), Ok(&note));
    }
    let _ = ClaimedCheckpoint::parse(bytes);
    if let Ok(proof) = TlogProof::parse(bytes) {
        assert_eq!(TlogProof::parse(&proof.print()).as_ref(), Ok(&proof));
    }
    if let Ok(request) = AddCheckpoint::parse(bytes) {
        assert_eq!(request.print(), bytes);
    }
    if let Some(key) = std::str::from_utf8(bytes).ok().and_then(|text| VerifierKey::parse(text).ok()) {
        assert_eq!(key.print().as_bytes(), bytes);
    }
    let _ = Trust::parse(bytes);
    let _ = zegel_keys::KeyUri::parse(bytes)
        .map(|uri| assert_eq!(zegel_keys::KeyUri::parse(uri.to_string().as_bytes()), Ok(uri)));
}

#[test]
fn no_parser_panics_and_what_it_accepts_prints_back_the_same() {
    let of_messages = seeds(&["canonical", "header", "batch", "body", "registry", "snapshot", "sealing"]);
    assert!(hunt("messages", &of_messages, Effort::asked(30_000), messages) > 0);
    let mut of_notes = seeds(&["note", "checkpoint", "trust"]);
    of_notes.push(b"old 3\n\nchat.example.nl/minbzk\n4\n".to_vec());
    of_notes.push(b"pkcs11:token=zegel;object=log?module-path=/usr/lib/p11.so\n".to_vec());
    assert!(hunt("notes", &of_notes, Effort::asked(30_000), notes) > 0);
}

#[test]
fn no_importer_panics_whatever_it_is_given() {
    let fixtures = root().join("tools/tests/fixtures");
    let pieces = |ending: &str, folder: &str| -> Vec<Vec<u8>> {
        let read = |path: PathBuf| fs::read(path).expect("bytes").chunks(3_000).map(<[u8]>::to_vec).collect::<Vec<_>>();
        files(&fixtures.join(folder), ending).into_iter().flat_map(read).take(40).collect()
    };
    let options = Options { time_zone: jiff::tz::TimeZone::get("Europe/Amsterdam").expect("a zone"), date_order: None };
    hunt("whatsapp", &pieces(".txt", "whatsapp"), Effort::asked(1_500), |bytes| {
        if let Ok(readout) = parse_chat(bytes, &options) {
            let back = readout.records.iter().flat_map(|record| [&record.as_written[..], &record.text]).flatten();
            assert!(back.copied().eq(bytes.iter().copied()), "no byte is lost");
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("room.jsonl");
    hunt("matrix", &pieces(".jsonl", "matrix"), Effort::asked(400), |bytes| {
        fs::write(&file, bytes).expect("written");
        let _ = Room::read(&RoomOrder { paths: vec![file.clone()], ..RoomOrder::default() });
    });
    let line = br#"{"kind":"message","custodian":"A","conversation":"B","at":"2022-05-31T16:08:13Z","text":"ja hoor"}"#;
    hunt("input", &[line.to_vec()], Effort::asked(20_000), |bytes| {
        let _ = std::str::from_utf8(bytes).map(zegel_tools::input::InputRecord::parse);
    });
    let zips: Vec<Vec<u8>> = vec![zip(&[("_chat.txt", b"[31-05-2022 16:08:13] A: b\n"), ("a/b.jpg", b"\xff\xd8")])];
    let archive = folder.path().join("parcel.zip");
    hunt("parcels", &zips, Effort::asked(1_500), |bytes| {
        fs::write(&archive, bytes).expect("written");
        if let Ok(mut parcel) = Parcel::open(&archive, Depth::Nested) {
            for index in 0..parcel.entries().len() {
                let _ = parcel.bytes(index, 1 << 16);
            }
        }
    });
}

fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).expect("an entry");
        zip.write_all(bytes).expect("written");
    }
    zip.finish().expect("a ZIP").into_inner()
}

#[test]
fn the_hunt_finds_a_parser_that_panics() {
    let naive = |bytes: &[u8]| assert!(bytes.len() < 12 || bytes[10] != b'8', "a length that was not checked");
    let found = std::panic::catch_unwind(|| {
        let mut dice = Dice::new(7);
        (0..20_000).for_each(|_| naive(&dice.changed(&[b"0123456789abcdef".to_vec()])));
    });
    let said = found.expect_err("the hunt finds it");
    assert_eq!(said.downcast_ref::<&str>(), Some(&"a length that was not checked"));
}
