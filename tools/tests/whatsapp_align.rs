//! Next month's read-out of a chat that the log already holds.

mod whatsapp_common;

use jiff::tz::TimeZone;
use proptest::prelude::*;
use whatsapp_common::{ANNA, ANNA_JUNE, fixture, records, text, zone};
use zegel_tools::whatsapp::align::*;
use zegel_tools::whatsapp::fingerprint::Fingerprinter;
use zegel_tools::whatsapp::*;

fn secret() -> Fingerprinter {
    Fingerprinter::new(&[7; 32])
}

/// The log after reading `records`, from 100 on.
fn log(records: &[Record]) -> Vec<Known> {
    let prints = secret().fingerprints(records, 0);
    (100..).zip(prints).map(|(conversation_seq, fingerprint)| Known { fingerprint, conversation_seq }).collect()
}

fn lay(known: &[Record], now: &[Record]) -> Alignment {
    align(&log(known), now, &secret())
}

fn all_known(from: u64, count: usize) -> Vec<Row> {
    (from..).map(Row::Known).take(count).collect()
}

/// A chat of one message a line: minute of the day, sender, text.
fn chat(lines: &[(u32, &str, &str)]) -> Vec<Record> {
    let line = |(minute, sender, text): &(u32, &str, &str)| {
        format!("30-04-2026 {:02}:{:02} - {sender}: {text}\n", minute / 60, minute % 60)
    };
    records(lines.iter().map(line).collect::<String>())
}

fn read_in(file: &[u8], time_zone: TimeZone) -> Vec<Record> {
    parse(file, &Options { time_zone, date_order: None }).expect("a chat text").records
}

#[test]
fn next_month_adds_what_is_new_and_says_what_changed() {
    let (may, june) = (records(fixture(ANNA)), records(fixture(ANNA_JUNE)));
    let laid = lay(&may, &june);
    let of = |words: &str| {
        let index = june.iter().position(|record| text(record).contains(words)).expect(words);
        laid.rows[index]
    };
    let seq = |words: &str| 100 + may.iter().position(|record| text(record).contains(words)).expect(words) as u64;
    assert_eq!(of("4,3 miljoen"), Row::Edited(seq("4,2 miljoen")));
    assert_eq!(laid.rows[laid.rows.len() - 7], Row::Deleted(seq("De brief is uit")));
    assert_eq!(of("trein"), Row::Known(seq("trein")), "its sender was renamed");
    assert_eq!(laid.vanished, [seq("Zullen we bellen?")]);
    assert_eq!((laid.out_of_range, laid.shift_ms, laid.retimed), (0, 0, 0));
    assert_eq!(laid.rows.iter().filter(|row| **row == Row::New).count(), 4);
    assert_eq!(laid.rows[laid.rows.len() - 4..], [Row::New; 4]);
}

#[test]
fn reading_once_more_what_was_remembered_adds_nothing() {
    let (may, june) = (records(fixture(ANNA)), records(fixture(ANNA_JUNE)));
    let laid = lay(&may, &june);
    let changed = |row: &Row| matches!(row, Row::New | Row::Edited(_) | Row::Deleted(_));
    let added = laid.rows.iter().zip(&laid.fingerprints).filter(|(row, _)| changed(row));
    let added =
        (500..).zip(added).map(|(conversation_seq, (_, print))| Known { fingerprint: *print, conversation_seq });
    let known: Vec<_> = log(&may).into_iter().chain(added).collect();
    let again = align(&known, &june, &secret());
    assert!(again.rows.iter().all(|row| matches!(row, Row::Known(_))));
    // The one that vanished is reported again; the old versions of what was edited are not.
    assert_eq!(again.vanished, laid.vanished);
}

#[test]
fn the_same_text_twice_in_one_minute_is_two_messages() {
    let known = chat(&[(1, "A", "ok"), (1, "A", "ok"), (2, "B", "ja")]);
    let now = chat(&[(1, "A", "ok"), (1, "A", "ok"), (1, "A", "ok"), (2, "B", "ja")]);
    assert_eq!(lay(&known, &now).rows, [Row::Known(100), Row::Known(101), Row::New, Row::Known(102)]);
    assert_eq!(lay(&now, &known).vanished, [102]);
}

#[test]
fn a_deleted_neighbour_in_the_same_minute_does_not_take_its_place() {
    let known = chat(&[(1, "A", "een"), (1, "A", "twee"), (1, "A", "drie"), (2, "B", "ja")]);
    let now = chat(&[(1, "A", "twee"), (1, "A", "drie"), (2, "B", "ja")]);
    let laid = lay(&known, &now);
    assert_eq!(laid.rows, all_known(101, 3));
    // Nothing in the file is before it, so it may have been cut off.
    assert_eq!((laid.vanished, laid.out_of_range), (vec![], 1));
}

#[test]
fn a_file_that_was_cut_short_makes_nothing_vanish() {
    let known: Vec<_> = (0..20).map(|minute| (minute, "A", ["a", "b", "c", "d"][minute as usize % 4])).collect();
    let laid = lay(&chat(&known), &chat(&known[5..15]));
    assert_eq!((laid.rows, laid.vanished, laid.out_of_range), (all_known(105, 10), vec![], 10));
}

#[test]
fn older_messages_that_come_later_are_new() {
    // The texts occur in both, at a distance of whole hours: that alone makes nothing known.
    let older = chat(&[(60, "A", "ok"), (61, "B", "ja"), (62, "A", "mooi")]);
    let newer = chat(&[(120, "A", "ok"), (241, "B", "ja"), (302, "A", "nee")]);
    let laid = lay(&newer, &older);
    assert_eq!((laid.rows, laid.vanished, laid.out_of_range), (vec![Row::New; 3], vec![], 3));
    // The log now has the newer first; a read-out of both finds all, and the one that is gone.
    let known: Vec<_> = newer.iter().chain(&older).cloned().collect();
    let both = chat(&[(60, "A", "ok"), (62, "A", "mooi"), (120, "A", "ok"), (241, "B", "ja"), (302, "A", "nee")]);
    let laid = lay(&known, &both);
    let rows: Vec<_> = [103, 105, 100, 101, 102].map(Row::Known).into();
    assert_eq!((laid.rows, laid.vanished), (rows, vec![104]));
}

#[test]
fn another_time_zone_is_found_and_undone() {
    let file = fixture(ANNA);
    for (other, hours) in [("UTC", 2), ("America/New_York", 6), ("Asia/Tokyo", -7)] {
        let now = read_in(&file, zone(other));
        let laid = lay(&records(&file), &now);
        assert_eq!(laid.shift_ms, hours * 3_600_000, "{other}");
        assert_eq!(laid.rows, all_known(100, now.len()), "{other}");
        assert_eq!(laid.fingerprints, secret().fingerprints(&records(&file), 0), "{other}");
    }
}

#[test]
fn a_zone_with_another_summer_time_has_two_shifts() {
    let days =
        (1..=12).flat_map(|month| (14..17).map(move |day| format!("{day}-{month:02}-2026 09:00 - A: {month}.{day}\n")));
    let file = days.collect::<String>();
    let now = read_in(file.as_bytes(), zone("UTC"));
    assert_eq!(lay(&records(&file), &now).rows, all_known(100, now.len()));
}

#[test]
fn two_messages_do_not_agree_on_a_shift() {
    let laid = lay(&chat(&[(60, "A", "x"), (61, "A", "y")]), &chat(&[(120, "A", "x"), (121, "A", "y")]));
    assert_eq!((laid.shift_ms, laid.rows), (0, vec![Row::New; 2]));
    let three = |hour: u32| chat(&[(hour * 60, "A", "x"), (hour * 60 + 1, "A", "y"), (hour * 60 + 2, "A", "z")]);
    assert_eq!(lay(&three(1), &three(2)).shift_ms, 3_600_000);
}

#[test]
fn a_corrected_time_is_known_only_between_its_neighbours() {
    let known = chat(&[(1, "A", "een"), (5, "B", "twee"), (9, "A", "drie")]);
    let laid = lay(&known, &chat(&[(1, "A", "een"), (7, "B", "twee"), (9, "A", "drie")]));
    assert_eq!((laid.rows, laid.retimed), (all_known(100, 3), 1));
    let laid = lay(&known, &chat(&[(1, "A", "een"), (9, "A", "drie"), (12, "B", "twee")]));
    assert_eq!((laid.rows, laid.vanished), (vec![Row::Known(100), Row::Known(102), Row::New], vec![101]));
}

#[test]
fn renamed_and_edited_is_known_only_when_the_record_says_so() {
    let known = chat(&[(1, "A", "een"), (5, "B", "twee"), (9, "A", "drie")]);
    let edited = chat(&[(1, "A", "een"), (5, "Bé", "2 <Dit bericht is bewerkt>"), (9, "A", "drie")]);
    assert_eq!(lay(&known, &edited).rows[1], Row::Edited(101));
    let other = chat(&[(1, "A", "een"), (5, "Bé", "2"), (9, "A", "drie")]);
    assert_eq!((lay(&known, &other).rows[1], lay(&known, &other).vanished), (Row::New, vec![101]));
}

#[test]
fn line_ends_are_no_part_of_a_text() {
    let file = String::from_utf8(fixture(ANNA)).expect("UTF-8");
    let single: String = file.lines().filter(|line| line.contains(" - ")).map(|line| format!("{line}\n")).collect();
    let now = records(single.replace('\n', "\r\n").trim_end());
    assert_eq!(lay(&records(&single), &now).rows, all_known(100, now.len()));
}

#[test]
fn another_secret_recognises_nothing() {
    let may = records(fixture(ANNA));
    let laid = align(&log(&may), &may, &Fingerprinter::new(&[8; 32]));
    assert_eq!((laid.rows, laid.out_of_range), (vec![Row::New; may.len()], may.len() as u64));
}

#[test]
fn nothing_lies_on_nothing() {
    let laid = align(&[], &[], &secret());
    assert_eq!((laid.rows, laid.vanished, laid.out_of_range, laid.shift_ms), (vec![], vec![], 0, 0));
}

#[test]
fn a_hundred_thousand_messages_with_few_words_are_laid_in_one_pass() {
    let line = |n: u32| format!("{:02}-04-2026 {:02}:{:02} - A: {}\n", 1 + n / 3600 % 30, n / 150 % 24, n % 60, n % 5);
    let all = records((0..100_000).map(line).collect::<String>());
    let laid = align(&log(&all[..99_000]), &all, &secret());
    assert_eq!(laid.rows.iter().filter(|row| **row == Row::New).count(), 1_000);
    assert_eq!(laid.vanished, [0u64; 0]);
}

fn any_chat() -> impl Strategy<Value = Vec<Record>> {
    let line = (0u32..3, prop::sample::select(vec!["A", "B"]), prop::sample::select(vec!["ok", "ja", "nee", "1", "2"]));
    prop::collection::vec(line, 1..60).prop_map(|lines| {
        let mut minute = 0;
        let later = |(step, sender, text)| {
            minute += step;
            (minute, sender, text)
        };
        chat(&lines.into_iter().map(later).collect::<Vec<_>>())
    })
}

proptest! {
    #[test]
    fn what_is_known_is_known(all in any_chat()) {
        let laid = lay(&all, &all);
        prop_assert_eq!(laid.rows, all_known(100, all.len()));
        prop_assert_eq!((laid.vanished, laid.out_of_range), (vec![], 0));
    }

    #[test]
    fn only_what_follows_is_new(all in any_chat(), cut in 0.0..1.0) {
        let cut = (all.len() as f64 * cut) as usize;
        let laid = lay(&all[..cut], &all);
        let new = vec![Row::New; all.len() - cut];
        prop_assert_eq!(laid.rows, [all_known(100, cut), new].concat());
        prop_assert_eq!((laid.vanished, laid.out_of_range), (vec![], 0));
    }

    #[test]
    fn what_is_taken_out_is_all_that_vanished(gone in prop::collection::btree_set(1usize..59, 0..20)) {
        let texts: Vec<_> = (0..60).map(|n| format!("tekst {n}")).collect();
        let lines: Vec<_> = texts.iter().zip(0..).map(|(text, n): (_, u32)| (n / 3, "A", text.as_str())).collect();
        let left: Vec<_> = (0..60).filter(|n| !gone.contains(n)).map(|n| lines[n]).collect();
        let laid = lay(&chat(&lines), &chat(&left));
        prop_assert_eq!(laid.vanished, gone.iter().map(|n| 100 + *n as u64).collect::<Vec<_>>());
        prop_assert!(laid.rows.iter().all(|row| matches!(row, Row::Known(_))));
    }

    #[test]
    fn no_known_message_is_given_to_two_records(known in any_chat(), now in any_chat()) {
        let laid = lay(&known, &now);
        let seqs = laid.rows.iter().filter_map(|row| match row {
            Row::New => None,
            Row::Known(seq) | Row::Edited(seq) | Row::Deleted(seq) => Some(*seq),
        });
        let mut seqs: Vec<_> = seqs.chain(laid.vanished.iter().copied()).collect();
        let count = seqs.len();
        seqs.sort_unstable();
        seqs.dedup();
        prop_assert_eq!(seqs.len(), count);
        prop_assert!(count as u64 + laid.out_of_range <= known.len() as u64);
    }
}

#[test]
fn a_chat_that_moves_from_minutes_to_seconds_is_known_and_only_its_tail_is_new() {
    let android = records(
        "30-04-2026 09:00 - Berichten en oproepen worden end-to-end versleuteld.\n\
         30-04-2026 09:01 - Anna: Hoi\n30-04-2026 09:01 - Anna: daar ben ik\n30-04-2026 09:02 - Bram: ja\n\
         30-04-2026 09:03 - Bram: IMG-20260430-WA0001.jpg (bestand bijgevoegd)\n30-04-2026 09:04 - Anna: nee\n\
         30-04-2026 09:05 - Anna: weg\n",
    );
    let iphone = records(
        "[30-04-2026 09:00:00] Groep: \u{200e}Berichten en gesprekken worden end-to-end versleuteld.\n\
         [30-04-2026 09:01:10] Anna: Hoi\n[30-04-2026 09:01:50] Anna: daar ben ik\n[30-04-2026 09:02:03] Bram: ja\n\
         \u{200e}[30-04-2026 09:03:04] Bram: \u{200e}<bijgevoegd: 00000005-PHOTO-2026-04-30-09-03-04.jpg>\n\
         [30-04-2026 09:04:30] Anna: nee\n[30-04-2026 09:06:00] Bram: en verder\n",
    );
    let laid = lay(&android, &iphone);
    let mut wanted = all_known(100, 6);
    wanted.push(Row::New);
    assert_eq!((laid.rows, laid.vanished), (wanted, vec![106]));
}

#[test]
fn the_same_words_in_another_minute_are_another_message() {
    let android = records("30-04-2026 09:01 - A: ja\n30-04-2026 09:02 - A: nee\n30-04-2026 09:03 - A: ja\n");
    let iphone = records("[30-04-2026 09:11:10] A: ja\n[30-04-2026 09:12:10] A: nee\n[30-04-2026 09:13:10] A: ja\n");
    assert_eq!(lay(&android, &iphone).rows, vec![Row::New; 3]);
}

#[test]
fn a_read_out_without_media_says_less_and_one_with_them_says_more() {
    let without =
        records("30-04-2026 09:00 - A: x\n30-04-2026 09:01 - A: <Media weggelaten>\n30-04-2026 09:02 - A: y\n");
    let with = records(
        "30-04-2026 09:00 - A: x\n30-04-2026 09:01 - A: IMG-20260430-WA0001.jpg (bestand bijgevoegd)\n30-04-2026 09:02 - A: y\n",
    );
    assert_eq!(lay(&without, &with).rows, [Row::Known(100), Row::Edited(101), Row::Known(102)]);
    assert_eq!(lay(&with, &without).rows, all_known(100, 3));
}

#[test]
fn an_edited_caption_is_an_edit_in_a_read_out_without_media_too() {
    let chat = |media: &str, caption: &str| {
        records(format!("30-04-2026 09:00 - A: x\n30-04-2026 09:01 - A: {media}\n{caption}\n30-04-2026 09:02 - A: y\n"))
    };
    let (left_out, file) = ("<Media weggelaten>", "IMG-20260430-WA0001.jpg (bestand bijgevoegd)");
    let edited = chat(left_out, "v2 <Dit bericht is bewerkt>");
    assert_eq!(edited[1].kind, Kind::Edited { certain: false });
    for before in [chat(left_out, "v1"), chat(file, "v1")] {
        assert_eq!(lay(&before, &edited).rows, [Row::Known(100), Row::Edited(101), Row::Known(102)]);
    }
    // What was remembered of the edit is known, and the same words without their file are no edit.
    assert_eq!(lay(&edited, &edited).rows, all_known(100, 3));
    assert_eq!(lay(&chat(file, "v1"), &chat(left_out, "v1")).rows, all_known(100, 3));
    assert_eq!(lay(&edited, &chat(left_out, "v3 <Dit bericht is bewerkt>")).rows[1], Row::Edited(101));
}
