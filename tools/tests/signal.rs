//! The plain export of Signal: what it says, what it leaves out, and what of it is never kept.

use std::path::{Path, PathBuf};
use zegel_proto::v1::{Channel, EventKind};
use zegel_tools::event::Field;
use zegel_tools::import::alignment::{Alignment, FingerprintKey, Known, Row};
use zegel_tools::import::{CaptureIds, ImportError, Reader};
use zegel_tools::record::{Attached, Record};
use zegel_tools::signal::*;
use zegel_tools::whatsapp::reader::Stated;
use zegel_verifier::hash::Hash;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/signal").join(name)
}

fn export(name: &str) -> SignalExport {
    SignalExport::open(&fixture(name)).expect("read").expect("an export")
}

fn chat(name: &str, id: u64) -> ExportedChat {
    export(name).take(id).expect("a chat")
}

fn key() -> FingerprintKey {
    FingerprintKey::new(&[7; 32])
}

/// Every record, with its media named only.
fn records(reader: &mut dyn Reader, rows: &[Row]) -> Vec<Record> {
    let ids = CaptureIds { conversation: Hash::ZERO, custodian: Hash::ZERO };
    let folder = tempfile::tempdir().expect("a folder");
    let media = zegel_tools::import::MediaStore::of_folder(folder.path());
    let of = |(index, row): (usize, &Row)| reader.record(ids, index, *row, &media).expect("a record");
    rows.iter().enumerate().map(of).collect()
}

fn all_new(reader: &mut dyn Reader) -> Vec<Record> {
    let rows = vec![Row::New; reader.records()];
    records(reader, &rows)
}

fn text(record: &Record) -> String {
    if let Field::Value(text) = &record.text { String::from_utf8_lossy(text).into_owned() } else { String::new() }
}

fn what(record: &Record) -> &str {
    if let Field::Value(detail) = &record.detail { &detail.what } else { "" }
}

fn log(alignment: &Alignment) -> Vec<Known> {
    let seqs = (0..).zip(&alignment.fingerprints);
    seqs.map(|(conversation_seq, print)| Known { fingerprint: *print, conversation_seq }).collect()
}

#[test]
fn an_export_says_which_chats_there_are() {
    let chats = export("may").chats();
    let shown: Vec<_> = chats.iter().map(|chat| (chat.id, chat.title.as_str(), chat.members)).collect();
    assert_eq!(shown, [(10, "Dossier Veerhaven", 3), (11, "Bram Bakker", 0)]);
    assert_eq!(export("may").find("Bram Bakker").expect("by name"), 11);
    assert_eq!(export("may").find("10").expect("by number"), 10);
    assert!(matches!(export("may").find("Familie"), Err(SignalError::Chat { found: 0, .. })));
}

#[test]
fn each_kind_of_line_is_a_record_of_its_kind() {
    let found = all_new(&mut chat("may", 10));
    let has = |kind, named: &str, said: &str| {
        found.iter().any(|record| (record.kind, what(record), text(record).as_str()) == (kind, named, said))
    };
    assert!(has(EventKind::ConversationChanged, "created", ""));
    assert!(has(EventKind::MembershipChanged, "added", ""));
    assert!(has(EventKind::MessageCreated, "", "ja hoor"));
    assert!(has(EventKind::ReactionAdded, "", "👍"));
    assert!(has(EventKind::MessageDeleted, "deleted", ""));
    assert!(has(EventKind::ViewOnceReceived, "view_once", ""));
    assert!(has(EventKind::MessageCreated, "sticker", "😀"));
    assert!(has(EventKind::PollNoted, "poll", "Wanneer?"));
    assert!(has(EventKind::CallLogged, "group_call", ""));
    assert!(has(EventKind::SettingObserved, "timer_on", ""));
    assert!(has(EventKind::SystemNoted, "nieuweSoort", ""), "a kind that nobody knows is a record all the same");
    let direct = all_new(&mut chat("may", 11));
    let kinds: Vec<_> = direct.iter().map(|record| (record.kind, what(record))).collect();
    let wanted = [
        (EventKind::MessageCreated, ""),
        (EventKind::ReactionAdded, ""),
        (EventKind::CallLogged, "missed_voice_call"),
        (EventKind::IdentityChanged, "security_code"),
    ];
    assert_eq!(kinds, wanted);
}

#[test]
fn a_record_says_who_when_and_what_it_answers() {
    let found = all_new(&mut chat("may", 10));
    let question = found.iter().find(|record| text(record).starts_with("Kunnen")).expect("the question");
    assert_eq!(question.sender, Field::Value("+31611111111".into()));
    assert_eq!(question.display_name, Field::Value("Bram Bakker".into()));
    assert_eq!((question.channel, question.occurred.at_ms), (Channel::Signal, 1_777_878_120_000));
    let answer = found.iter().find(|record| text(record) == "ja hoor").expect("the answer");
    assert_eq!(answer.reply_to, question.native_id);
    assert_eq!((&answer.sender, &answer.display_name), (&Field::Unknown, &Field::Value("Anna de Vries".into())));
    let reaction = found.iter().find(|record| record.kind == EventKind::ReactionAdded).expect("a reaction");
    assert_eq!(reaction.target, question.native_id);
    assert_eq!(reaction.display_name, Field::Value("Carla".into()));
}

#[test]
fn media_are_found_by_their_bytes_and_what_is_not_there_is_missing() {
    let mut chat = chat("may", 10);
    let found = all_new(&mut chat);
    let attached = found.iter().filter_map(|record| match &record.attachments {
        Field::Value(attached) => Some((text(record), attached)),
        _ => None,
    });
    let attached: Vec<_> = attached.collect();
    let of = |said: &str| attached.iter().find(|(text, _)| text == said).map(|(_, attached)| &attached[..]);
    assert!(matches!(of("De nota komt eraan"), Some([Attached::Present { name, .. }]) if name == "nota.png"));
    assert!(matches!(of("die mis je"), Some([Attached::Missing { name, .. }]) if name == "kwijt.png"));
    assert!(matches!(of(""), Some([Attached::LeftOut { .. }])), "what could be seen once is cleared by the app");
    assert_eq!((chat.tally().attachments_missing, chat.tally().files_unclaimed), (1, 0));
}

#[test]
fn a_month_later_only_what_is_new_is_added_and_what_changed_is_said() {
    let may = chat("may", 10).align(&[], &key());
    assert!(may.rows.iter().all(|row| *row == Row::New));
    let again = chat("may", 10).align(&log(&may), &key());
    assert!(again.rows.iter().all(|row| matches!(row, Row::Known(_))));
    assert_eq!((again.vanished.len(), again.out_of_range), (0, 0));
    let mut june = chat("june", 10);
    let alignment = june.align(&log(&may), &key());
    assert_eq!(alignment.vanished.len(), 1, "deleted for herself: {alignment:?}");
    let found = records(&mut june, &alignment.rows);
    let changed: Vec<_> = alignment.rows.iter().zip(&found).filter(|(row, _)| !matches!(row, Row::Known(_))).collect();
    let said: Vec<_> = changed.iter().map(|(_, record)| (record.kind, what(record), text(record))).collect();
    let wanted = [
        (EventKind::MessageEdited, "edited", "afspraak om 15:00".to_owned()),
        (EventKind::MessageDeleted, "deleted", String::new()),
        (EventKind::MessageCreated, "", "verder in juni".to_owned()),
        (EventKind::SettingObserved, "timer_off", String::new()),
    ];
    assert_eq!(said, wanted);
    assert!(matches!(changed[1].0, Row::Deleted(_)));
    let first = found.iter().find(|record| text(record) == "afspraak om 14:00").expect("the first version");
    assert_eq!(changed[0].1.target, first.native_id);
}

#[test]
fn what_the_format_leaves_out_is_a_gap_between_the_timer_events() {
    let at = |minutes: u64| 1_777_878_000_000 + minutes * 60_000;
    let gaps = |name, id| {
        let chat = chat(name, id);
        chat.gaps().iter().map(|gap| (gap.reason, gap.from_ms, gap.to_ms)).collect::<Vec<_>>()
    };
    assert_eq!(gaps("may", 10), [("timer_messages_left_out", at(20), at(600))]);
    assert_eq!(gaps("june", 10), [("timer_messages_left_out", at(20), at(31 * 24 * 60 + 1))]);
    assert_eq!(gaps("may", 11), []);
}

#[test]
fn no_key_and_no_password_of_an_export_is_in_any_record() {
    for (name, id) in [("may", 10), ("may", 11), ("june", 10)] {
        let main = std::fs::read_to_string(fixture(name).join("main.jsonl")).expect("a fixture");
        assert!(main.contains("S0FOQVJJR"), "the fixture has keys to look for");
        for record in all_new(&mut chat(name, id)) {
            let shown = format!("{:?}", Record { as_written: Field::None, ..record.clone() });
            let written =
                if let Field::Value(bytes) = &record.as_written { String::from_utf8_lossy(bytes) } else { "".into() };
            assert!(!shown.contains("S0FOQVJJR") && !written.contains("S0FOQVJJR"), "{written}");
        }
    }
}

#[test]
fn a_folder_of_signal_export_says_the_same_in_its_two_forms() {
    let stated = Stated { time_zone: "Europe/Amsterdam".into(), date_order: None };
    let path = fixture("signal-export/Dossier Veerhaven");
    let mut lines = ExportedFolder::open(&path, &stated).expect("data.json");
    let found = all_new(&mut lines);
    let said: Vec<_> = found.iter().map(|record| (record.kind, text(record).trim().to_owned())).collect();
    let wanted = [
        (EventKind::MessageCreated, "Kunnen we het stuk vandaag rondmaken?"),
        (EventKind::ReactionAdded, "👍"),
        (EventKind::MessageCreated, "ja hoor"),
        (EventKind::MessageCreated, "De nota komt eraan"),
        (EventKind::MessageDeleted, ""),
        (EventKind::MessageCreated, ""),
        (EventKind::CallLogged, "Missed voice call"),
    ];
    assert_eq!(said, wanted.map(|(kind, text)| (kind, text.to_owned())));
    assert!(found.iter().all(|record| !format!("{:?}", record.as_written).contains("S0FOQVJJR")));
    assert_eq!(found[0].occurred.at_ms, 1_777_878_120_000);

    let folder = tempfile::tempdir().expect("a folder");
    std::fs::copy(path.join("chat.md"), folder.path().join("chat.md")).expect("copied");
    let mut readable = ExportedFolder::open(folder.path(), &stated).expect("chat.md");
    let found = all_new(&mut readable);
    let kinds: Vec<_> = found.iter().map(|record| record.kind).collect();
    let message = EventKind::MessageCreated;
    assert_eq!(kinds, [message, message, message, EventKind::MessageDeleted]);
    let written: Vec<u8> = found
        .iter()
        .flat_map(|record| match (&record.as_written, &record.text) {
            (Field::Value(written), Field::Value(text)) => [&written[..], &text[..]].concat(),
            _ => Vec::new(),
        })
        .collect();
    assert_eq!(written, std::fs::read(path.join("chat.md")).expect("a fixture"));
}

#[test]
fn refuses_a_file_that_was_cut_off_and_never_quotes_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let main = std::fs::read_to_string(fixture("may/main.jsonl")).expect("a fixture");
    let open = |text: &str| {
        std::fs::write(folder.path().join("main.jsonl"), text).expect("written");
        SignalExport::open(folder.path()).map(|_| ())
    };
    let lines = main.lines().count() as u64;
    let cut = open(&main[..main.len() - 20]).expect_err("cut off");
    assert!(matches!(cut, SignalError::Line { line, .. } if line == lines), "{cut}");
    assert!(!cut.to_string().contains('{'));
    assert!(matches!(open(""), Err(SignalError::NoBackupInfo)));
    assert!(matches!(open("{\"recipient\":{}}\n"), Err(SignalError::NoBackupInfo)));
    let orphan = main.replace("\"chatId\":\"11\"", "\"chatId\":\"12\"");
    assert!(matches!(open(&orphan), Err(SignalError::Unknown { what: "chat", id: 12, .. })));
    let long = format!("{}{{\"x\":\"{}\"}}\n", main, "x".repeat(LINE_BYTES_MAX));
    assert!(matches!(open(&long), Err(SignalError::LineTooLong { line, .. }) if line == lines + 1));
    let wordy = main.replace("ja hoor", &"x".repeat(262_145));
    assert!(matches!(open(&wordy), Err(SignalError::TextTooLong { found: 262_145, .. })));
    assert!(SignalExport::open(&fixture("signal-export")).expect("a folder").is_none());
    let stated = Stated { time_zone: "Europe/Amsterdam".into(), date_order: None };
    let none = ExportedFolder::open(&fixture("june/files"), &stated).err();
    assert!(matches!(none, Some(ImportError::Signal(SignalError::NoExport { .. }))));
}

#[test]
fn refuses_a_chat_and_a_recipient_that_stand_twice_and_more_of_them_than_a_device_has() {
    let folder = tempfile::tempdir().expect("a folder");
    let main = std::fs::read_to_string(fixture("may/main.jsonl")).expect("a fixture");
    let open = |more: &str| {
        std::fs::write(folder.path().join("main.jsonl"), format!("{main}{more}")).expect("written");
        SignalExport::open(folder.path()).map(|export| export.expect("an export"))
    };
    let line = main.lines().count() as u64 + 1;
    let chat = open("{\"chat\":{\"id\":\"10\",\"recipientId\":\"4\"}}\n").err();
    assert!(matches!(chat, Some(SignalError::Twice { line: at, what: "chat", id: 10 }) if at == line), "{chat:?}");
    let recipient = open("{\"recipient\":{\"id\":\"2\",\"contact\":{}}}\n").err();
    assert!(matches!(recipient, Some(SignalError::Twice { what: "recipient", id: 2, .. })), "{recipient:?}");

    let people = |count: usize| {
        (100..100 + count).map(|id| format!("{{\"recipient\":{{\"id\":\"{id}\"}}}}\n")).collect::<String>()
    };
    // The fixture has five of its own.
    assert_eq!(open(&people(RECIPIENTS_MAX - 5)).expect("an export").chats().len(), 2);
    let refused = open(&people(RECIPIENTS_MAX - 4)).err();
    assert!(matches!(refused, Some(SignalError::TooMany { what: "recipients", max: RECIPIENTS_MAX })), "{refused:?}");
    let long = "x".repeat(LINE_BYTES_MAX - 200);
    let named = (100..109)
        .map(|id| format!("{{\"recipient\":{{\"id\":\"{id}\",\"contact\":{{\"profileGivenName\":\"{long}\"}}}}}}\n"));
    let refused = open(&named.collect::<String>()).err();
    assert!(matches!(refused, Some(SignalError::TooMany { max: NAMES_BYTES_MAX, .. })), "{refused:?}");
}

#[test]
fn lines_that_speak_of_no_chat_are_counted_under_their_names_and_beyond_a_few_names_together() {
    let folder = tempfile::tempdir().expect("a folder");
    let long = "x".repeat(1_000);
    let names = (0..100).map(|name| format!("soort{name}")).chain([long.clone(), "soort7".into()]);
    let lines = names.map(|name| format!("{{\"{name}\":{{}}}}\n")).collect::<String>();
    let main = std::fs::read_to_string(fixture("may/main.jsonl")).expect("a fixture");
    std::fs::write(folder.path().join("main.jsonl"), format!("{main}{lines}")).expect("written");
    let chat = SignalExport::open(folder.path()).expect("read").expect("an export").take(10).expect("a chat");
    let remarks = chat.tally().remarks;
    // The fixture has a kind of its own, so 63 of the 100 have a line.
    assert_eq!(remarks.len(), 65);
    assert!(remarks.contains(&"2 lines «soort7» speak of no chat and were passed over".to_owned()), "{remarks:?}");
    assert_eq!(remarks.last().map(String::as_str), Some("38 lines of other names were passed over"));
}

#[test]
fn refuses_a_folder_of_several_exports_and_names_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let put = |export: &str, name: &str| {
        let path = folder.path().join(export);
        std::fs::create_dir_all(&path).expect("a folder");
        std::fs::copy(fixture("may/main.jsonl"), path.join(name)).expect("copied");
    };
    put("signal-backup-2026-05-04", "main.jsonl");
    // What an archive programme adds is none.
    put("__MACOSX/signal-backup-2026-05-04", "main.jsonl");
    put("signal-backup-2026-05-04", "._main.jsonl");
    assert_eq!(SignalExport::open(folder.path()).expect("read").expect("an export").chats().len(), 2);
    put("signal-backup-2026-06-04", "main.jsonl");
    let Err(SignalError::ManyExports { found: 2, named, .. }) = SignalExport::open(folder.path()) else {
        panic!("two exports were read as one")
    };
    assert_eq!(named, ["signal-backup-2026-05-04", "signal-backup-2026-06-04"]);
    std::fs::copy(fixture("may/main.jsonl"), folder.path().join("main.jsonl")).expect("copied");
    let refused = SignalExport::open(folder.path()).err();
    assert!(matches!(refused, Some(SignalError::ManyExports { found: 3, .. })), "{refused:?}");
}

#[test]
fn an_export_that_numbers_its_recipients_otherwise_says_the_same() {
    let may = chat("may", 10).align(&[], &key());
    let folder = tempfile::tempdir().expect("a folder");
    let mut main = std::fs::read_to_string(fixture("may/main.jsonl")).expect("a fixture");
    for field in ["\"id\":\"", "\"recipientId\":\"", "\"authorId\":\"", "\"startedCallRecipientId\":\""] {
        for number in 1..=5 {
            main = main.replace(&format!("{field}{number}\""), &format!("{field}70{number}\""));
        }
    }
    std::fs::write(folder.path().join("main.jsonl"), main).expect("written");
    let again = SignalExport::open(folder.path()).expect("read").expect("an export").take(10).expect("a chat");
    let laid = again.align(&log(&may), &key());
    assert!(laid.rows.iter().all(|row| matches!(row, Row::Known(_))), "{:?}", laid.rows);
}

/// What the collection itself says that the older form holds: when, who, what.
#[test]
fn the_older_form_is_read_as_its_collection_says() {
    let shared = std::env::var_os("ZEGEL_SHARED").map(PathBuf::from);
    let shared =
        shared.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared")).join("data/signal");
    let Ok(chat) = std::fs::read(shared.join("test_export.txt")) else {
        return eprintln!("SKIPPED: no {}; set ZEGEL_SHARED to test on the older form", shared.display());
    };
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("chat.txt"), chat).expect("written");
    let stated = Stated { time_zone: "UTC".into(), date_order: None };
    let mut reader = ExportedFolder::open(folder.path(), &stated).expect("a chat");
    let said = |record: &Record| {
        let name = if let Field::Value(name) = &record.display_name { name.clone() } else { String::new() };
        (record.occurred.at_ms, name, text(record).replace('\n', " ").trim().to_owned())
    };
    let found: Vec<_> = all_new(&mut reader).iter().map(said).collect();
    // 2019-12-24 12:23 and 2020-01-17 21:49.
    let wanted = [(1_577_190_180_000, "Jane Doe", "Hello John!"), (1_579_297_740_000, "John Doe", "Hello Jane!")];
    assert_eq!(found, wanted.map(|(at, name, text)| (at, name.to_owned(), text.to_owned())));
}
