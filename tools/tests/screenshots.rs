//! Screenshots: what somebody says of them, and what is refused before the first is taken.

use jiff::tz::TimeZone;
use std::path::Path;
use zegel_proto::v1::{Channel, Clock, EventKind, Precision, ProofClass};
use zegel_tools::event::Field;
use zegel_tools::import::alignment::{FingerprintKey, Known, Row};
use zegel_tools::import::{CaptureIds, MediaStore, Reader};
use zegel_tools::record::{Attached, Record};
use zegel_tools::screenshots::*;
use zegel_verifier::hash::Hash;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nbeeld";

fn folder(images: &[(&str, &[u8])], sheet: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes) in images {
        std::fs::write(folder.path().join(name), bytes).expect("written");
    }
    if !sheet.is_empty() {
        std::fs::write(folder.path().join("screenshots.csv"), sheet).expect("written");
    }
    folder
}

fn order(path: &Path, made_by: Option<&str>) -> ScreenshotsOrder {
    ScreenshotsOrder {
        paths: vec![path.into()],
        sheet: None,
        made_by: made_by.map(Into::into),
        made_at: made_by.map(|_| "2026-05-06 10:00".into()),
        time_zone: TimeZone::get("Europe/Amsterdam").expect("bundled"),
        zone_name: "Europe/Amsterdam".into(),
        channel: Channel::Signal,
    }
}

fn read(folder: &tempfile::TempDir, made_by: Option<&str>) -> Result<Screenshots, ScreenshotError> {
    Screenshots::read(&order(folder.path(), made_by))
}

fn records(shots: &mut Screenshots) -> Vec<Record> {
    let ids = CaptureIds { conversation: Hash::ZERO, custodian: Hash::ZERO };
    let spool = tempfile::tempdir().expect("a folder");
    let media = MediaStore::of_folder(spool.path());
    (0..shots.records()).map(|index| shots.record(ids, index, Row::New, &media).expect("a record")).collect()
}

#[test]
fn an_image_stands_at_the_time_that_it_shows_or_says_that_it_does_not() {
    let sheet = "file,made_by,made_at,shown_from,shown_to,transcription,transcribed_by\n\
                 b.png,Anna,2026-05-06,2026-05-04 09:15,2026-05-04 09:20,Bram: ja,Carla\n";
    let both = folder(&[("a.png", PNG), ("b.png", b"\x89PNG\r\n\x1a\nander")], sheet);
    let mut shots = read(&both, Some("informatiebeheer")).expect("screenshots");
    let found = records(&mut shots);
    let shown = &found[0];
    assert_eq!((shown.kind, shown.proof_class), (EventKind::ScreenshotAdded, ProofClass::DScreenshot));
    assert_eq!((shown.occurred.clock, shown.occurred.precision), (Clock::Person, Precision::Minute));
    assert_eq!(shown.text, Field::Value(b"Bram: ja".to_vec()));
    assert!(
        matches!(&shown.attachments, Field::Value(list) if matches!(&list[..], [Attached::Present { name, .. }] if name == "b.png"))
    );
    let Field::Value(detail) = &shown.detail else { panic!("it says who made it") };
    assert_eq!((detail.what.as_str(), detail.subject.as_str(), detail.certain), ("time_shown", "Anna", false));
    assert!(detail.targets.contains(&"transcription by: Carla".to_owned()), "{detail:?}");
    let made = &found[1];
    let Field::Value(detail) = &made.detail else { panic!("it says who made it") };
    assert_eq!((detail.what.as_str(), detail.subject.as_str()), ("time_of_image", "informatiebeheer"));
    assert_eq!(made.text, Field::Unknown, "what nobody typed over is unknown, not none");
    assert_eq!(shots.tally().remarks.len(), 1);
}

#[test]
fn an_image_that_is_known_is_known_whatever_it_is_called_and_none_vanishes() {
    let key = FingerprintKey::new(&[1; 32]);
    let two = folder(&[("a.png", PNG), ("b.png", b"\x89PNG\r\n\x1a\nander")], "");
    let first = read(&two, Some("x")).expect("screenshots").align(&[], &key);
    let known: Vec<_> = (0..)
        .zip(&first.fingerprints)
        .map(|(conversation_seq, print)| Known { fingerprint: *print, conversation_seq })
        .collect();
    let renamed = folder(&[("z.png", PNG), ("c.png", b"\x89PNG\r\n\x1a\nnieuw")], "");
    let laid = read(&renamed, Some("x")).expect("screenshots").align(&known, &key);
    assert_eq!((laid.rows, laid.vanished), (vec![Row::New, Row::Known(0)], vec![]));
    let retold = read(&two, Some("iemand anders")).expect("screenshots").align(&known, &key);
    assert_eq!(retold.rows, [Row::Edited(0), Row::Edited(1)]);
}

#[test]
fn refuses_what_is_no_image_what_is_there_twice_and_what_nobody_answers_for() {
    let pdf = folder(&[("a.png", b"%PDF-1.7")], "");
    assert!(matches!(read(&pdf, Some("x")), Err(ScreenshotError::NotAnImage { name }) if name == "a.png"));
    let twice = folder(&[("a.png", PNG), ("b.png", PNG)], "");
    assert!(
        matches!(read(&twice, Some("x")), Err(ScreenshotError::Twice { name, other }) if name == "b.png" && other == "a.png")
    );
    let one = folder(&[("a.png", PNG)], "");
    assert!(matches!(read(&one, None), Err(ScreenshotError::Unstated { name }) if name == "a.png"));
    assert!(matches!(read(&folder(&[], ""), Some("x")), Err(ScreenshotError::NoImages)));
    let absent = folder(&[("a.png", PNG)], "file\nb.png\n");
    assert!(matches!(read(&absent, Some("x")), Err(ScreenshotError::NotThere { name }) if name == "b.png"));
    let unsigned = folder(&[("a.png", PNG)], "file,transcription\na.png,ja\n");
    assert!(matches!(read(&unsigned, Some("x")), Err(ScreenshotError::Transcriber { .. })));
    let vague = folder(&[("a.png", PNG)], "file,shown_from\na.png,gisteren\n");
    assert!(matches!(read(&vague, Some("x")), Err(ScreenshotError::Time { found, .. }) if found == "gisteren"));
}

#[test]
fn refuses_a_statement_that_would_be_lost() {
    let other: &[u8] = b"\x89PNG\r\n\x1a\nander";
    let header = "file,made_by,made_at\n";
    let one = folder(&[("a.png", PNG)], &format!("{header}a.png,Anna,2026-05-04\n"));
    let two = folder(&[("b.png", other)], &format!("{header}b.png,Bram,2026-05-05\n"));
    let both = |sheet: Option<&Path>| {
        let paths = vec![one.path().into(), two.path().into()];
        Screenshots::read(&ScreenshotsOrder { paths, sheet: sheet.map(Into::into), ..order(one.path(), None) })
    };
    let refused = both(None).err();
    let named = |text: &str, folder: &tempfile::TempDir| text.contains(&folder.path().display().to_string());
    assert!(
        matches!(&refused, Some(ScreenshotError::ManySheets { name, other }) if named(name, &two) && named(other, &one)),
        "{refused:?}"
    );
    // One that is stated does not make the other unsaid, under its own name or another.
    let refused = both(Some(&one.path().join("screenshots.csv"))).err();
    assert!(matches!(refused, Some(ScreenshotError::ManySheets { .. })), "{refused:?}");
    let all = format!("{header}a.png,Anna,2026-05-04\nb.png,Bram,2026-05-05\n");
    std::fs::write(one.path().join("screenshots.csv"), &all).expect("written");
    assert!(matches!(both(None), Err(ScreenshotError::ManySheets { .. })));
    // The same bytes in both folders say the same.
    std::fs::write(two.path().join("screenshots.csv"), &all).expect("written");
    assert_eq!(both(None).expect("one sheet").records(), 2);

    let rows = folder(&[("a.png", PNG)], &format!("{header}a.png,Anna,2026-05-04\na.png,Bram,2026-05-05\n"));
    assert!(matches!(read(&rows, None), Err(ScreenshotError::RowTwice { name }) if name == "a.png"));
    let same = folder(&[("a.png", PNG)], &format!("{header}a.png,Anna,2026-05-04\n"));
    std::fs::create_dir(same.path().join("map")).expect("a folder");
    std::fs::write(same.path().join("map/a.png"), other).expect("written");
    let refused = read(&same, Some("x")).err();
    assert!(matches!(&refused, Some(ScreenshotError::Ambiguous { name }) if name == "a.png"), "{refused:?}");
    // Of which nothing is said, two of one name are two images.
    std::fs::remove_file(same.path().join("screenshots.csv")).expect("removed");
    assert_eq!(read(&same, Some("x")).expect("two images").records(), 2);
}

#[test]
fn a_damaged_image_is_refused_before_the_first_is_taken() {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    zip.start_file("a.png", stored).and_then(|()| Ok(zip.write_all(PNG)?)).expect("written");
    let mut made = zip.finish().expect("finished").into_inner();
    let at = made.windows(5).position(|window| window == b"beeld").expect("its bytes");
    made[at] ^= 1;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("screenshots.zip");
    std::fs::write(&path, made).expect("written");
    let refused = Screenshots::read(&order(&path, Some("x"))).err();
    assert!(matches!(refused, Some(ScreenshotError::Parcel(_))), "{refused:?}");
}
