//! Two holders of one group: what both have, what one has, and where they differ.

mod whatsapp_common;

use whatsapp_common::{ANNA, BRAM, amsterdam, fixture, records, shared, text};
use zegel_tools::whatsapp::corroborate::*;
use zegel_tools::whatsapp::*;

fn texts(records: &[Record], indices: &[usize]) -> Vec<String> {
    indices.iter().map(|index| text(&records[*index])).collect()
}

fn differences(overlap: &Overlap, left: &[Record]) -> Vec<(String, Difference)> {
    let first_line = |one: &Contradiction| text(&left[one.pair.left]).lines().next().unwrap_or_default().to_owned();
    overlap.contradictions.iter().map(|one| (first_line(one), one.difference)).collect()
}

fn names(overlap: &Overlap) -> Vec<(&str, &str)> {
    overlap.names.iter().map(|name| (name.left.as_str(), name.right.as_str())).collect()
}

#[test]
fn two_holders_agree_but_for_what_each_lost() {
    let (anna, bram) = (records(fixture(ANNA)), records(fixture(BRAM)));
    let overlap = corroborate(&anna, &bram);
    assert_eq!(
        names(&overlap),
        [
            ("+31 6 00000003", "Carla"),
            ("Anna Jansen", "+31\u{a0}6\u{a0}00000001"),
            ("Bram de Wit", "Bram"),
            ("Daan Visser", "Daan"),
        ]
    );
    let only_anna = ["IMG-20260504-WA0009.jpg (bestand bijgevoegd)", "", "Voor ons blijven alleen 😅"];
    assert_eq!(texts(&anna, &overlap.only_left), only_anna);
    let only_bram = [
        "<bijgevoegd: 00000099-PHOTO-getypt.jpg>",
        "Dit bericht is verwijderd.",
        "\u{200e}Wachten op dit bericht. Dit kan even duren.",
    ];
    assert_eq!(texts(&bram, &overlap.only_right), only_bram);
    let found = differences(&overlap, &anna);
    let pasted = "[5/3, 16:08] Anna Jansen: Kun jij dit vandaag nakijken?".to_owned();
    assert_eq!(
        found,
        [
            (pasted, Difference::Text),
            ("Wachten op dit bericht".to_owned(), Difference::DeletedRight),
            ("Ik kan om elf uur terwijl ik reis".to_owned(), Difference::Whitespace),
        ]
    );
    let late =
        overlap.matched.iter().find(|pair| text(&anna[pair.left]).starts_with("Vliegtuig")).expect("both have it");
    assert_eq!(late.skew_ms, -(2 * 60 + 30) * 1000 + 999);
}

#[test]
fn a_comparison_reads_the_same_from_both_sides() {
    let (anna, bram) = (records(fixture(ANNA)), records(fixture(BRAM)));
    let (one, other) = (corroborate(&anna, &bram), corroborate(&bram, &anna));
    assert_eq!(one.only_left, other.only_right);
    assert_eq!(one.only_right, other.only_left);
    assert_eq!(one.matched.len(), other.matched.len());
    assert_eq!(one.contradictions.len(), other.contradictions.len());
}

#[test]
fn a_read_out_agrees_with_itself() {
    for name in [ANNA, BRAM] {
        let all = records(fixture(name));
        let overlap = corroborate(&all, &all);
        assert_eq!((overlap.only_left, overlap.only_right, overlap.contradictions), (vec![], vec![], vec![]));
        assert!(overlap.matched.iter().all(|pair| pair.left == pair.right && pair.skew_ms == 0), "{name}");
    }
}

#[test]
fn the_limit_of_skew_is_the_limit() {
    let at = |time: &str| records(format!("[30-04-2026 {time}] A: x\n"));
    // A width of a second on either side explains almost one more.
    assert_eq!(corroborate(&at("09:00:00"), &at("09:05:00")).matched.len(), 1);
    assert_eq!(corroborate(&at("09:00:00"), &at("09:05:01")).only_left, [0]);
    assert_eq!(corroborate(&at("09:05:01"), &at("09:00:00")).only_left, [0]);
}

#[test]
fn two_people_who_say_the_same_are_not_one() {
    let left = "30-04-2026 09:00 - A: een\n30-04-2026 09:00 - B: twee\n30-04-2026 09:01 - A: ok\n";
    let right = "30-04-2026 09:00 - Aa: een\n30-04-2026 09:00 - Bb: twee\n30-04-2026 09:01 - Bb: ok\n";
    let overlap = corroborate(&records(left), &records(right));
    assert_eq!((overlap.only_left, overlap.only_right), (vec![2], vec![2]));
}

#[test]
fn the_real_read_outs_show_what_was_measured_on_them() {
    let carol = shared("whatsapp-readouts/carol-android-nl/WhatsApp-chat met Test export.txt");
    let dave = shared("whatsapp-readouts/dave-ios-nl/_chat.txt");
    let (Some(carol), Some(dave)) = (carol, dave) else { return };
    let read = |file: &[u8]| parse(file, &amsterdam(Some(DateOrder::DayMonthYear))).expect("a chat text").records;
    let (carol, dave) = (read(&carol), read(&dave));
    let overlap = corroborate(&carol, &dave);
    let only_carol = texts(&carol, &overlap.only_left);
    eprintln!("only carol: {only_carol:#?}\nonly dave: {:#?}", texts(&dave, &overlap.only_right));
    eprintln!("{:#?}\n{:?}", differences(&overlap, &carol), names(&overlap));
    let deleted_for_himself = "Omdat ik een iPhone heb verwijder ik dit bericht alleen voor mijzelf na 1 minuut";
    assert!(only_carol.iter().any(|text| text == deleted_for_himself));
    let pasted = ("[5/2, 16:08] Alice: Hoi, ik heb de chat gemaakt".to_owned(), Difference::Text);
    assert_eq!(differences(&overlap, &carol), [pasted]);
    assert_eq!(texts(&dave, &overlap.only_right), ["Tja, het kan niet eeuwig duren", "Ik ben er weer", "Toedels"]);
    let late =
        overlap.matched.iter().find(|pair| text(&carol[pair.left]).starts_with("Ik stuur een bericht")).expect("both");
    assert!(late.skew_ms < 0, "Dave wrote it before it arrived at Carol");
}
