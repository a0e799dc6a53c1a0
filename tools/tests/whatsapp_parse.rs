//! What a read-out says, byte for byte, and what it refuses to say.

mod whatsapp_common;

use jiff::civil::date;
use proptest::prelude::*;
use whatsapp_common::{ANNA, ANNA_JUNE, BRAM, amsterdam, fixture, read, records, shared, text, zone};
use zegel_tools::whatsapp::*;

fn written_back(readout: &Readout) -> Vec<u8> {
    readout.records.iter().flat_map(|record| [&record.as_written[..], &record.text]).flatten().copied().collect()
}

fn kind_of(file: &str) -> Kind {
    records(file).pop().expect("a record").kind
}

/// An Android line without a sender, after a line that decides the dates.
fn notice(sentence: &str) -> Kind {
    kind_of(&format!("30-04-2026 09:00 - A: x\n04-05-2026 09:00 - {sentence}\n"))
}

fn android(text: &str) -> Record {
    records(format!("30-04-2026 09:00 - Anna: {text}\n")).remove(0)
}

fn iphone(text: &str) -> Record {
    records(format!("\u{200e}[30-04-2026 09:00:01] Anna: {text}\n")).remove(0)
}

fn named(name: &str) -> Option<Party> {
    Some(Party::Named(name.to_owned()))
}

#[test]
fn every_fixture_is_its_records_byte_for_byte() {
    for name in [ANNA, ANNA_JUNE, BRAM] {
        let file = fixture(name);
        assert_eq!(written_back(&read(&file).expect(name)), file, "{name}");
        let crlf = String::from_utf8(file).expect("UTF-8").replace('\n', "\r\n");
        let with_mark = format!("\u{feff}{}", crlf.trim_end());
        assert_eq!(written_back(&read(&with_mark).expect(name)), with_mark.as_bytes(), "{name} with CRLF and BOM");
    }
}

#[test]
fn keeps_bytes_that_are_not_utf8() {
    let file = b"30-04-2026 09:00 - An\xffna: caf\xe9\r\n\r\n\xc3".to_vec();
    let readout = read(&file).expect("a chat text");
    assert_eq!(readout.records[0].sender.as_deref(), Some("An\u{fffd}na"));
    assert_eq!(readout.records[0].text, b"caf\xe9\r\n\r\n\xc3");
    assert_eq!(written_back(&readout), file);
}

proptest! {
    #[test]
    fn whatever_follows_a_header_no_byte_is_lost(tail in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut file = b"30-04-2026 09:00 - Anna: ".to_vec();
        file.extend(tail);
        prop_assert_eq!(written_back(&read(&file).expect("a chat text")), file);
    }

    #[test]
    fn whatever_the_text_no_chat_is_lost(lines in proptest::collection::vec(
        "(30-04-2026 09:00 - |\u{200e}|Anna: |\\[|<bijgevoegd: |>|[a-z ]{0,5}|: |\r?\n){0,8}", 0..10)) {
        let file = format!("30-04-2026 09:00 - {}", lines.join("\n"));
        prop_assert_eq!(written_back(&read(&file).expect("a chat text")), file.as_bytes());
    }
}

#[test]
fn refuses_what_is_no_chat_text() {
    assert_eq!(read(""), Err(ParseError::Empty));
    assert_eq!(read("\u{feff}"), Err(ParseError::Empty));
    let quoted = |line: &str| Err(ParseError::FirstLineNoHeader { quoted: line.to_owned() });
    assert_eq!(read("Beste Anna,\n30-04-2026 09:00 - Anna: x\n"), quoted("Beste Anna,"));
    assert_eq!(read("\n30-04-2026 09:00 - Anna: x\n"), quoted(""));
    assert_eq!(read("31-02-2026 09:00 - Anna: x\n"), quoted("31-02-2026 09:00 - Anna: x"));
    let long = "é".repeat(QUOTE_CHARS_MAX + 1);
    assert_eq!(read(&long), quoted(&format!("{}…", "é".repeat(QUOTE_CHARS_MAX))));
    assert_eq!(read("é".repeat(QUOTE_CHARS_MAX)), quoted(&"é".repeat(QUOTE_CHARS_MAX)));
}

#[test]
fn refuses_a_text_of_one_byte_too_many() {
    let file = |size: usize| format!("30-04-2026 09:00 - A: x\n30-04-2026 09:00 - B: {}", "y".repeat(size));
    assert!(read(file(RECORD_TEXT_BYTES_MAX)).is_ok());
    let (got, max) = (RECORD_TEXT_BYTES_MAX + 1, RECORD_TEXT_BYTES_MAX);
    assert_eq!(read(file(got)), Err(ParseError::TextTooLong { line: 2, got, max }));
}

#[test]
fn refuses_a_file_of_one_byte_too_many() {
    let (got, max) = (FILE_BYTES_MAX + 1, FILE_BYTES_MAX);
    assert_eq!(read(vec![0; got]), Err(ParseError::FileTooLarge { got, max }));
}

#[test]
fn one_number_above_twelve_decides_the_date_order() {
    let order = |file: &str| read(file).map(|readout| (readout.format.date_order, readout.format.date_order_from));
    use DateOrder::{DayMonthYear, MonthDayYear, YearMonthDay};
    assert_eq!(order("01/02/26, 9:00 - A: x\n13/02/26, 9:00 - A: x\n"), Ok((DayMonthYear, DateOrderFrom::File)));
    assert_eq!(order("01/02/26, 9:00 - A: x\n02/13/26, 9:00 - A: x\n"), Ok((MonthDayYear, DateOrderFrom::File)));
    assert_eq!(order("2026/02/01, 9:00 - A: x\n"), Ok((YearMonthDay, DateOrderFrom::File)));
    assert_eq!(order("05/05/26, 9:00 - A: x\n"), Ok((DayMonthYear, DateOrderFrom::File)));
}

#[test]
fn never_guesses_the_date_order() {
    let file = "01/02/26, 9:00 - A: x\n12/03/26, 9:00 - A: x\n";
    let candidate = |order, first, last| Interpretation { order, first, last };
    let candidates = vec![
        candidate(DateOrder::DayMonthYear, date(2026, 2, 1), date(2026, 3, 12)),
        candidate(DateOrder::MonthDayYear, date(2026, 1, 2), date(2026, 12, 3)),
        // Twenty-six is a day too.
        candidate(DateOrder::YearMonthDay, date(2001, 2, 26), date(2012, 3, 26)),
    ];
    let quoted = "01/02/26, 9:00 - A: x".to_owned();
    assert_eq!(read(file), Err(ParseError::DateOrderUndecided { quoted, candidates }));
    let given = parse(file.as_bytes(), &amsterdam(Some(DateOrder::MonthDayYear))).expect("the order is given");
    assert_eq!(given.format.date_order_from, DateOrderFrom::Option);
    assert_eq!(given.records[0].occurred.at_ms, 1_767_340_800_000);
}

#[test]
fn refuses_a_given_order_that_the_file_contradicts() {
    let file = "01-02-2026 9:00 - A: x\n02-13-2026 9:00 - A: x\n";
    let given = |order| parse(file.as_bytes(), &amsterdam(Some(order))).map(|readout| readout.records.len());
    let refused =
        |given, line, quoted: &str| Err(ParseError::DateOrderContradicted { given, line, quoted: quoted.into() });
    assert_eq!(given(DateOrder::MonthDayYear), Ok(2));
    assert_eq!(given(DateOrder::DayMonthYear), refused(DateOrder::DayMonthYear, 2, "02-13-2026 9:00 - A: x"));
    assert_eq!(given(DateOrder::YearMonthDay), refused(DateOrder::YearMonthDay, 1, "01-02-2026 9:00 - A: x"));
}

#[test]
fn refuses_dates_of_two_orders_until_one_is_given() {
    let file = "13-02-2026 9:00 - A: x\n02-14-2026 9:00 - B: geplakt\n";
    let refused_by = vec![(DateOrder::DayMonthYear, 2), (DateOrder::MonthDayYear, 1)];
    assert_eq!(read(file), Err(ParseError::DateOrderMixed { refused_by }));
    let given = parse(file.as_bytes(), &amsterdam(Some(DateOrder::DayMonthYear))).expect("the order is given");
    assert_eq!(given.records.len(), 1);
    assert_eq!(given.records[0].text, b"x\n02-14-2026 9:00 - B: geplakt\n");
    let (given, line, quoted) = (DateOrder::MonthDayYear, 1, "13-02-2026 9:00 - A: x".to_owned());
    let refused = Err(ParseError::DateOrderContradicted { given, line, quoted });
    assert_eq!(parse(file.as_bytes(), &amsterdam(Some(given))), refused);
}

#[test]
fn a_pasted_line_of_another_form_stays_text() {
    for pasted in
        ["[5/2, 16:08] Alice: Hoi", "[30-04-2026 09:00:01] B: x", "30/04/2026 09:00 - B: x", "30-04-2026, 09:00 - B: x"]
    {
        let file = format!("30-04-2026 09:00 - A: kijk\n{pasted}\n");
        assert_eq!(records(&file).len(), 1, "{pasted}");
    }
    assert_eq!(records("30-04-2026 09:00 - A: kijk\n30-04-2026 09:01 - B: x\n").len(), 2);
}

#[test]
fn local_time_is_read_in_the_zone_that_is_given() {
    let occurred = |local: &str| records(format!("{local} - A: x\n")).remove(0).occurred;
    let summer = occurred("30-04-2026 09:00");
    assert_eq!((summer.at_ms, summer.precision, summer.ambiguous()), (1_777_532_400_000, Precision::Minute, false));
    assert_eq!(summer.as_written, "30-04-2026 09:00");
    // The clock goes back at 03:00 on 25 October, so 02:30 is twice; the earlier is in summer time.
    let twice = occurred("25-10-2026 02:30");
    assert_eq!((twice.at_ms, twice.fit), (1_792_888_200_000, LocalFit::Twice));
    assert_eq!(occurred("25-10-2026 03:00").fit, LocalFit::Once);
    let never = occurred("29-03-2026 02:30");
    assert_eq!((never.at_ms, never.fit, never.ambiguous()), (1_774_747_800_000, LocalFit::Never, true));
    let options = Options { time_zone: zone("UTC"), date_order: None };
    let utc = parse(b"25-10-2026 02:30 - A: x\n", &options).expect("a chat text");
    assert_eq!(utc.records[0].occurred.fit, LocalFit::Once);
}

#[test]
fn a_sender_is_what_stands_before_the_first_colon_and_space() {
    let sender = |rest: &str| records(format!("30-04-2026 09:00 - {rest}\n")).remove(0).sender;
    assert_eq!(sender("Anna - BZ: hoi: x").as_deref(), Some("Anna - BZ"));
    assert_eq!(sender("\u{202a}+31\u{a0}6 1\u{202c}: x").as_deref(), Some("+31\u{a0}6 1"));
    assert_eq!(sender("Anna:."), None);
    assert_eq!(sender("\u{200e}Anna: zei niets"), None);
    assert_eq!(sender("Anna heeft het onderwerp gewijzigd van \"A: x\" naar \"B\""), None);
    assert_eq!(sender("Anna zei van \"A: x\" naar \"B\"").as_deref(), Some("Anna zei van \"A"));
    let long = "n".repeat(SENDER_BYTES_MAX);
    assert_eq!(sender(&format!("{long}: x")), Some(long.clone()));
    assert_eq!(sender(&format!("{long}n: x")), None);
}

#[test]
fn the_name_of_the_group_is_not_a_sender() {
    let readout = records(fixture(BRAM));
    assert_eq!((readout[0].sender.clone(), readout[0].kind.clone()), (None, Kind::System));
    assert_eq!(readout[0].as_written, "[04-05-2026 09:00:41] Dossier Veerhaven: ".as_bytes());
    let created = records("[30-04-2026 09:00:01] Groep: \u{200e}Anna created this group\n").remove(0);
    let change = ConversationChange::Created { title: None };
    assert_eq!((created.sender, created.kind), (None, Kind::ConversationChanged { change, by: named("Anna") }));
    // Without the mark somebody typed it.
    let typed = records("[30-04-2026 09:00:01] Anna: Anna created this group\n").remove(0);
    assert_eq!((typed.sender.as_deref(), typed.kind), (Some("Anna"), Kind::Sent));
}

#[test]
fn a_deletion_is_certain_only_where_the_app_marks_its_words() {
    let deleted = |by_exporter, certain| Kind::Deleted { by_exporter, certain };
    assert_eq!(android("Dit bericht is verwijderd").kind, deleted(Some(false), false));
    assert_eq!(android("U hebt dit bericht verwijderd").kind, deleted(Some(true), false));
    assert_eq!(android("\u{200e}This message was deleted").kind, deleted(Some(false), true));
    assert_eq!(iphone("\u{200e}Dit bericht is verwijderd.").kind, deleted(Some(false), true));
    assert_eq!(iphone("\u{200e}U hebt dit bericht verwijderd.").kind, deleted(Some(true), true));
    assert_eq!(iphone("Dit bericht is verwijderd.").kind, Kind::Sent);
    assert_eq!(android("Dit bericht is verwijderd, toch?").kind, Kind::Sent);
    assert_eq!(android("dit bericht is verwijderd").kind, Kind::Sent);
}

#[test]
fn an_edit_is_certain_only_where_the_app_marks_its_words() {
    assert_eq!(android("Ja <Dit bericht is bewerkt>").kind, Kind::Edited { certain: false });
    assert_eq!(iphone("Ja \u{200e}<This message was edited>").kind, Kind::Edited { certain: true });
    assert_eq!(iphone("Ja <This message was edited>").kind, Kind::Sent);
    assert_eq!(android("<Dit bericht is bewerkt> zei hij").kind, Kind::Sent);
}

#[test]
fn attachments_are_what_the_app_says_and_not_what_people_type() {
    let attached =
        |name: &str, certain| vec![Attachment { name: Some(name.into()), state: AttachmentState::Attached, certain }];
    let left_out = |what, certain| vec![Attachment { name: None, state: AttachmentState::LeftOut(what), certain }];
    assert_eq!(android("\u{200e}IMG-1.jpg (bestand bijgevoegd)\nfoto").attachments, attached("IMG-1.jpg", true));
    assert_eq!(android("IMG-1.jpg (file attached)").attachments, attached("IMG-1.jpg", false));
    assert_eq!(android("\u{200e}DOC-2. (bestand bijgevoegd)").attachments, attached("DOC-2.", true));
    assert_eq!(android("foto (bestand bijgevoegd)").attachments, []);
    assert_eq!(android("IMG-1.jpg (bestand bijgevoegd) kijk").attachments, []);
    assert_eq!(android("<Media weggelaten>").attachments, left_out(LeftOut::Media, false));
    assert_eq!(iphone("\u{200e}<bijgevoegd: 1.jpg>").attachments, attached("1.jpg", true));
    assert_eq!(
        iphone("M.pdf • \u{200e}116 pagina's \u{200e}<bijgevoegd: 17-M.pdf>").attachments,
        attached("17-M.pdf", true)
    );
    assert_eq!(iphone("<bijgevoegd: 1.jpg>").attachments, []);
    assert_eq!(iphone("\u{200e}afbeelding weggelaten").attachments, left_out(LeftOut::Image, true));
    assert_eq!(iphone("afbeelding weggelaten").attachments, []);
    let unmarked_header = records("[30-04-2026 09:00:01] A: \u{200e}<attached: 1.jpg>\n").remove(0);
    assert_eq!(unmarked_header.attachments, attached("1.jpg", false));
}

#[test]
fn notices_of_membership_name_people_only_when_unambiguous() {
    use MembershipChange::{Added, AdminGranted, Joined, Left, Removed};
    let member = |change, by, who: &[&str]| {
        let who = who.iter().map(|name| Party::Named((*name).into())).collect();
        Kind::Membership { change, by, who }
    };
    let you = || Some(Party::Exporter);
    assert_eq!(notice("U hebt Bram toegevoegd"), member(Added, you(), &["Bram"]));
    assert_eq!(
        notice("\u{200e}Anna heeft u toegevoegd"),
        Kind::Membership { change: Added, by: named("Anna"), who: vec![Party::Exporter] }
    );
    assert_eq!(notice("Anna heeft Jansen en Zonen toegevoegd"), member(Added, named("Anna"), &[]));
    assert_eq!(notice("Jan heeft gelijk heeft Bram toegevoegd"), member(Added, None, &[]));
    assert_eq!(notice("Anna heeft Bram verwijderd"), member(Removed, named("Anna"), &["Bram"]));
    assert_eq!(notice("Bram is toegevoegd"), member(Added, None, &["Bram"]));
    assert_eq!(notice("Anna heeft de groep verlaten"), member(Left, named("Anna"), &["Anna"]));
    assert_eq!(notice("Anna left"), member(Left, named("Anna"), &["Anna"]));
    assert_eq!(
        notice("U hebt de groep verlaten"),
        Kind::Membership { change: Left, by: you(), who: vec![Party::Exporter] }
    );
    assert_eq!(notice("Dave neemt deel via uw uitnodiging"), member(Joined, you(), &["Dave"]));
    assert_eq!(
        notice("U bent nu beheerder"),
        Kind::Membership { change: AdminGranted, by: None, who: vec![Party::Exporter] }
    );
    assert_eq!(
        notice("You're now an admin"),
        Kind::Membership { change: AdminGranted, by: None, who: vec![Party::Exporter] }
    );
    assert_eq!(notice("Anna heeft niets gedaan"), Kind::System);
}

#[test]
fn notices_of_the_conversation_say_what_changed() {
    let set = |setting| Kind::SettingChanged { setting, by: named("Anna") };
    assert_eq!(notice("Anna heeft berichten met vervaldatum uitgeschakeld."), set(Setting::DisappearingOff));
    assert_eq!(notice("Anna turned on disappearing messages. New messages"), set(Setting::DisappearingOn));
    assert_eq!(notice("Anna turned on advanced chat privacy"), set(Setting::AdvancedPrivacyOn));
    let changed = |change| Kind::ConversationChanged { change, by: named("Anna") };
    let subject = |from: Option<&str>, to: Option<&str>| {
        changed(ConversationChange::Subject { from: from.map(Into::into), to: to.map(Into::into) })
    };
    assert_eq!(notice("Anna heeft het onderwerp gewijzigd van \"A\" naar \"B\""), subject(Some("A"), Some("B")));
    assert_eq!(notice("Anna heeft het onderwerp gewijzigd naar “B”"), subject(None, Some("B")));
    let unclear = ConversationChange::Subject { from: None, to: None };
    let divided_twice = "Anna heeft het onderwerp gewijzigd van \"A naar B\" naar \"C\"";
    assert_eq!(notice(divided_twice), Kind::ConversationChanged { change: unclear, by: None });
    assert_eq!(
        notice("Anna heeft de groep Test export gemaakt"),
        changed(ConversationChange::Created { title: Some("Test export".into()) })
    );
    assert_eq!(notice("Anna heeft de groepsafbeelding gewijzigd"), changed(ConversationChange::Picture));
    assert_eq!(notice("Anna changed the group description"), changed(ConversationChange::Description));
    let identity = |change| Kind::IdentityChanged { change, of: named("Anna") };
    assert_eq!(
        notice("Uw beveiligingscode voor Anna is gewijzigd. Tik voor meer informatie"),
        identity(IdentityChange::SecurityCode)
    );
    assert_eq!(notice("Anna heeft een nieuw telefoonnummer. Tik om"), identity(IdentityChange::Number));
    assert_eq!(notice("Gemist videogesprek"), Kind::Call { video: true });
    assert_eq!(iphone("\u{200e}Gemist spraakgesprek").kind, Kind::Call { video: false });
    assert_eq!(iphone("Gemist spraakgesprek").kind, Kind::Sent);
}

#[test]
fn what_a_phone_could_not_show_is_said() {
    assert_eq!(android("").kind, Kind::ViewOnce { certain: false });
    assert_eq!(iphone("\u{200e}View once photo").kind, Kind::ViewOnce { certain: true });
    assert_eq!(iphone("\u{200e}Wachten op dit bericht. Dit kan even duren.").kind, Kind::Waiting);
    assert_eq!(android("Wachten op dit bericht").kind, Kind::Waiting);
    assert_eq!(android("Wachten op dit bericht duurt lang").kind, Kind::Sent);
    for (words, wanted) in [
        ("@Meta AI vat samen", true),
        ("@\u{2068}Meta AI\u{2069} x", true),
        ("@Meta AIO", false),
        ("vraag @Meta AI", false),
    ] {
        assert_eq!(android(words).meta_ai, wanted, "{words}");
    }
}

#[test]
fn the_fixtures_hold_every_kind() {
    let all: Vec<_> = [ANNA, ANNA_JUNE, BRAM].into_iter().flat_map(|name| records(fixture(name))).collect();
    let has = |wanted: fn(&Kind) -> bool| assert!(all.iter().any(|record| wanted(&record.kind)));
    has(|kind| matches!(kind, Kind::Sent));
    has(|kind| matches!(kind, Kind::Edited { certain: true }));
    has(|kind| matches!(kind, Kind::Edited { certain: false }));
    has(|kind| matches!(kind, Kind::Deleted { certain: true, .. }));
    has(|kind| matches!(kind, Kind::Deleted { certain: false, .. }));
    has(|kind| matches!(kind, Kind::Membership { .. }));
    has(|kind| matches!(kind, Kind::SettingChanged { .. }));
    has(|kind| matches!(kind, Kind::ConversationChanged { .. }));
    has(|kind| matches!(kind, Kind::IdentityChanged { .. }));
    has(|kind| matches!(kind, Kind::Call { .. }));
    has(|kind| matches!(kind, Kind::ViewOnce { .. }));
    has(|kind| matches!(kind, Kind::Waiting));
    has(|kind| matches!(kind, Kind::System));
}

#[test]
fn the_real_read_outs_are_their_records_byte_for_byte() {
    let cases = [
        ("whatsapp-readouts/carol-android-nl/WhatsApp-chat met Test export.txt", 78, Some(DateOrder::DayMonthYear), 4),
        ("whatsapp-readouts/dave-ios-nl/_chat.txt", 75, Some(DateOrder::DayMonthYear), 4),
        ("whatsapp-header-variants/test_ddmmyy_24hrs.txt", 9, None, 0),
        ("whatsapp-header-variants/test_mmddyyyy_12hrs.txt", 9, None, 0),
    ];
    for (name, count, order, attachments) in cases {
        let Some(file) = shared(name) else { continue };
        let readout = parse(&file, &amsterdam(order)).expect(name);
        assert_eq!(written_back(&readout), file, "{name}");
        assert_eq!(readout.records.len(), count, "{name}");
        assert_eq!(readout.records.iter().map(|record| record.attachments.len()).sum::<usize>(), attachments, "{name}");
        assert!(readout.records.iter().all(|record| !text(record).is_empty()), "{name}");
    }
}

/// What the collection itself says that its files hold: when, who, what.
#[test]
fn the_header_variants_are_read_as_their_collection_says() {
    let Some(target) = shared("whatsapp-header-variants/target.json") else { return };
    let target: Vec<serde_json::Value> = serde_json::from_slice(&target).expect("JSON");
    for (name, order) in
        [("test_ddmmyy_24hrs", DateOrder::DayMonthYear), ("test_mmddyyyy_12hrs", DateOrder::MonthDayYear)]
    {
        let Some(file) = shared(&format!("whatsapp-header-variants/{name}.txt")) else { continue };
        let readout = parse(&file, &Options { time_zone: zone("UTC"), date_order: Some(order) }).expect(name);
        let written = |record: &Record| {
            let at = jiff::Timestamp::from_millisecond(record.occurred.at_ms).expect("a time");
            (
                at.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
                record.sender.clone().unwrap_or_default(),
                text(record).replace('\n', " ").trim().to_owned(),
            )
        };
        let found: Vec<_> = readout.records.iter().map(written).collect();
        for wanted in &target {
            let of = |field: &str| wanted[field].as_str().expect("text").to_owned();
            let wanted = (of("timestamp"), of("author"), of("message"));
            assert!(found.contains(&wanted), "{name}: {wanted:?} is not among {found:#?}");
        }
    }
}

/// Each form of header that phones are known to write, as a file of its own: when, who, and the bytes again.
#[test]
fn a_file_under_each_known_header_says_when_and_who() {
    use DateOrder::{DayMonthYear as Dmy, MonthDayYear as Mdy, YearMonthDay as Ymd};
    let afternoon = "2022-05-02 16:08:20";
    // The marks around a number are the app's, and no part of it.
    let number = "\u{202a}+31\u{a0}6\u{a0}11111111\u{202c}";
    for (header, order, at, sender) in [
        ("[02-05-2022 16:08:20] ", Dmy, afternoon, "Dave"),
        ("[02-05-2022, 16:08:20] ", Dmy, afternoon, "Dave"),
        ("\u{feff}\u{200e}[02-05-2022 16:08:20] ", Dmy, afternoon, "Dave"),
        ("02-05-2022 16:08 - ", Dmy, "2022-05-02 16:08:00", "Alice - Bob"),
        ("5/2/22, 16:08 - ", Mdy, "2022-05-02 16:08:00", "Alice"),
        ("5/2/22, 4:08 PM - ", Mdy, "2022-05-02 16:08:00", "Alice"),
        ("5/2/22, 4:08\u{202f}PM - ", Mdy, "2022-05-02 16:08:00", number),
        ("[11/01/22, 4:19:15 PM] ", Mdy, "2022-11-01 16:19:15", "+91 98765 43210"),
        ("02/05/22, 16:08 - ", Dmy, "2022-05-02 16:08:00", "Alice"),
        ("2.5.2022 klo 16.08.20 - ", Dmy, afternoon, "Aino"),
        ("2. 5. 2022. 16:08:20 - ", Dmy, afternoon, "Ana"),
        ("[2022/05/02, 16:08:20] ", Ymd, afternoon, "Akira"),
        ("02/05/2022, 4:08 p. m. - ", Dmy, "2022-05-02 16:08:00", "Ana"),
        ("02/05/2022, 4:08\u{a0}p.m. - ", Dmy, "2022-05-02 16:08:00", "Ana"),
        ("02/05/2022, 12:08 a. m. - ", Dmy, "2022-05-02 00:08:00", "Ana"),
    ] {
        for end in ["\n", "\r\n"] {
            let again = header.trim_start_matches('\u{feff}');
            let file = format!("{header}{sender}: ja: hoor{end}{end}verder{end}{again}{sender}: nee{end}");
            let found = parse(file.as_bytes(), &Options { time_zone: zone("UTC"), date_order: Some(order) });
            let found = found.unwrap_or_else(|refused| panic!("{header:?}: {refused}"));
            assert_eq!(written_back(&found), file.as_bytes(), "{header:?}");
            let said: Vec<_> = found.records.iter().map(|record| (text(record), record.sender.as_deref())).collect();
            let by = Some(sender.trim_matches(['\u{202a}', '\u{202c}']));
            let wanted = [(format!("ja: hoor{end}{end}verder"), by), ("nee".to_owned(), by)];
            assert_eq!(said, wanted, "{header:?}");
            let time = jiff::Timestamp::from_millisecond(found.records[0].occurred.at_ms).expect("a time");
            assert_eq!(time.strftime("%Y-%m-%d %H:%M:%S").to_string(), at, "{header:?}");
        }
    }
}

#[test]
fn a_language_is_data_and_one_that_is_not_there_loses_nothing() {
    let german = kind_of("30.04.26, 09:00 - A: x\n04.05.26, 09:00 - Anna hat Bram hinzugefügt\n");
    let added = Kind::Membership {
        change: MembershipChange::Added,
        by: named("Anna"),
        who: named("Bram").into_iter().collect(),
    };
    assert_eq!(german, added);
    let french = "30/04/2026, 09:00 - Anne: <Médias omis>\n";
    assert!(matches!(&records(french)[0].attachments[..], [one] if matches!(one.state, AttachmentState::LeftOut(_))));
    let finnish = "30.4.2026 klo 9.00 - Anna lisäsi käyttäjän Bram\n30.4.2026 klo 9.01 - Anna: Moi\n";
    let found = records(finnish);
    assert_eq!((found.len(), &found[0].kind, text(&found[1])), (2, &Kind::System, "Moi".to_owned()));
    assert_eq!(written_back(&read(finnish).expect("a chat text")), finnish.as_bytes());
}
