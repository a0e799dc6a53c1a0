//! What an event says again, importer by importer, and what it does not say again.

use super::*;
use zegel_proto::print;
use zegel_proto::v1::{Body, Slot};
use zegel_verifier::commit::{body_root, list_slot, none_slot, redact, value_slot};

fn opened(slots: &[(usize, Slot)]) -> ShownBody {
    let mut all = vec![none_slot(); CHAT_LAYOUT.len()];
    all[0] = value_slot("binding");
    slots.iter().for_each(|(number, slot)| all[*number] = slot.clone());
    let body = Body { seed: vec![7; 32], slots: all };
    let root = body_root(&body).expect("a root");
    ShownBody::open(body, CHAT_LAYOUT, root).expect("opened")
}

fn text(words: &str) -> (usize, Slot) {
    (chat::TEXT, list_slot(words.split_inclusive(' ').map(|word| word.as_bytes().to_vec()).collect()))
}

fn value(slot: usize, text: &str) -> (usize, Slot) {
    (slot, value_slot(text))
}

fn detail(what: &str, subject: &str, targets: &[&str]) -> (usize, Slot) {
    let targets = targets.iter().map(|&target| target.into()).collect();
    let detail = ChatDetail { what: what.into(), subject: subject.into(), targets, ..ChatDetail::default() };
    (chat::DETAIL, value_slot(print(&detail).expect("a detail")))
}

fn files(names: &[&str]) -> (usize, Slot) {
    let attachment = |name: &&str| {
        let attachment = Attachment { name: (*name).into(), state: 3, ..Attachment::default() };
        print(&attachment).expect("an attachment")
    };
    (chat::ATTACHMENTS, list_slot(names.iter().map(attachment).collect()))
}

fn item(slot: usize, item: u32) -> CoveredUnit {
    CoveredUnit { slot: slot as u32, item: Some(item) }
}

fn again_in(kind: EventKind, slots: &[(usize, Slot)], covered: &[CoveredUnit]) -> Vec<String> {
    let body = opened(slots);
    let found = echoes(kind, &body, covered);
    let all: Vec<CoveredUnit> = covered.iter().chain(&found).copied().collect();
    assert_eq!(echoes(kind, &body, &all), [], "what was widened has no echo");
    found.into_iter().map(part_name).collect()
}

fn again(slots: &[(usize, Slot)], covered: &[CoveredUnit]) -> Vec<String> {
    again_in(EventKind::MessageCreated, slots, covered)
}

#[test]
fn a_word_of_a_file_name_is_said_again_by_the_attachment_and_only_by_that_one() {
    let said = text("Loonstrook Jan Jansen.pdf (bestand bijgevoegd)");
    let slots = [said, files(&["kade.jpg", "Loonstrook Jan Jansen.pdf"])];
    for words in [vec![1], vec![2], vec![1, 2], vec![2, 3, 4]] {
        let covered: Vec<CoveredUnit> = words.into_iter().map(|word| item(chat::TEXT, word)).collect();
        assert_eq!(again(&slots, &covered), ["attachments:1"], "{covered:?}");
    }
    assert_eq!(again(&slots, &[item(chat::TEXT, 3), item(chat::TEXT, 4)]), [""; 0]);
    assert_eq!(again(&slots, &[whole(chat::TEXT)]), ["attachments:1"]);
}

#[test]
fn a_caption_and_the_name_of_a_file_share_a_word_however_it_is_written() {
    for name in ["CV_jansen_2022.pdf", "cv-JANSEN.pdf", "cvJansen.pdf", "CV Jan\u{200e}sen.pdf", "cv\u{a0}jansens"] {
        let slots = [text("bel Jansen, even"), files(&[name])];
        assert_eq!(again(&slots, &[item(chat::TEXT, 1)]), ["attachments:0"], "{name}");
        assert_eq!(again(&slots, &[item(chat::TEXT, 2)]), [""; 0], "{name}");
    }
}

#[test]
fn short_words_stand_again_only_as_words_and_words_that_name_nobody_do_not() {
    let said = text("Jan en Bo van de zaak 7 kan");
    for (name, word, is_again) in [
        ("januari.pdf", 0, false),
        ("Jan.pdf", 0, true),
        ("LoonstrookJan.pdf", 0, true),
        ("jan2022.pdf", 0, true),
        ("bord.jpg", 2, false),
        ("brief Bo.pdf", 2, true),
        ("brief van 7 mei.pdf", 3, false),
        ("brief van 7 mei.pdf", 6, false),
        ("kan.jpg", 7, false),
    ] {
        let found = again(&[said.clone(), files(&[name])], &[item(chat::TEXT, word)]);
        assert_eq!(!found.is_empty(), is_again, "{name}, word {word}: {found:?}");
    }
}

#[test]
fn a_notice_names_its_people_in_its_detail_whatever_word_of_it_is_covered() {
    let slots = [text("Alice heeft Bob toegevoegd"), detail("added", "Alice", &["Bob"])];
    for word in 0..4 {
        let covered = [item(chat::TEXT, word)];
        assert_eq!(again_in(EventKind::MembershipChanged, &slots, &covered), ["detail"], "word {word}");
    }
    let of_nobody = [text("Je hebt dit bericht verwijderd"), detail("deleted", "exporter", &[])];
    assert_eq!(again(&of_nobody, &[item(chat::TEXT, 2)]), [""; 0]);
    // Who covers the detail for its own sake covers its names in the text; who covers a name has chosen his words.
    assert_eq!(again_in(EventKind::MembershipChanged, &slots, &[whole(chat::DETAIL)]), ["text:0", "text:2"]);
}

#[test]
fn a_deletion_holds_the_name_of_its_sender() {
    let slots = [
        value(chat::SENDER, "+31612345678"),
        value(chat::DISPLAY_NAME, "Bram Bakker"),
        detail("deleted", "Bram Bakker", &[]),
        value(chat::AS_WRITTEN, "{\"remoteDeletedMessage\":{}}"),
    ];
    for slot in [chat::SENDER, chat::DISPLAY_NAME] {
        let found = again_in(EventKind::MessageDeleted, &slots, &[whole(slot)]);
        assert_eq!(found, ["detail", "as_written"], "{slot}");
    }
}

#[test]
fn an_account_stands_in_the_ids_of_the_message_and_a_number_in_both_names() {
    let slots = [
        value(chat::SENDER, "aaaa-bbbb"),
        value(chat::DISPLAY_NAME, "Bram"),
        value(chat::NATIVE_ID, "aaaa-bbbb:1651500000000"),
        value(chat::REPLY_TO, "cccc-dddd:1651400000000"),
        value(chat::TARGET, "AAAA-BBBB:1651500000000"),
    ];
    assert_eq!(again(&slots, &[whole(chat::SENDER)]), ["native_id", "target"]);
    assert_eq!(again(&slots, &[whole(chat::DISPLAY_NAME)]), [""; 0]);
    let number = "+31 6 12345678";
    let slots = [
        value(chat::SENDER, number),
        value(chat::DISPLAY_NAME, "\u{202a}+31\u{a0}6 12345678\u{202c}"),
        value(chat::AS_WRITTEN, "02-05-2022 18:07 - +31 6 12345678: "),
        value(chat::TARGET, "seq:12345678"),
    ];
    assert_eq!(again(&slots, &[whole(chat::DISPLAY_NAME)]), ["sender", "as_written"]);
    // However it is written.
    let slots =
        [value(chat::SENDER, "+31612345678"), value(chat::DISPLAY_NAME, "06-1234 5678"), text("bel 0612345678 nu")];
    assert_eq!(again(&slots, &[whole(chat::SENDER)]), ["display_name"]);
    assert_eq!(again(&slots, &[item(chat::TEXT, 1)]), ["sender", "display_name"]);
    assert_eq!(again(&[value(chat::SENDER, "+31612345679"), text("bel 0612345678")], &[item(chat::TEXT, 1)]), [""; 0]);
}

#[test]
fn a_name_is_found_in_the_line_of_the_file_though_marks_of_direction_stand_in_it() {
    let slots = [
        value(chat::DISPLAY_NAME, "Jan Jansen"),
        value(chat::AS_WRITTEN, "02-05-2022 18:07 - Jan\u{200e} Jan\u{202a}sen: "),
        text("Hallo, Jan Jansen hier in januari"),
    ];
    assert_eq!(again(&slots, &[whole(chat::DISPLAY_NAME)]), ["as_written", "text:1", "text:2"]);
    // A word of the text is the name of who sent it.
    assert_eq!(again(&slots, &[item(chat::TEXT, 2)]), ["display_name", "as_written", "text:1"]);
    assert_eq!(again(&slots, &[item(chat::TEXT, 5)]), [""; 0]);
}

#[test]
fn quoted_words_are_said_again_and_a_record_of_json_says_everything() {
    let slots = [value(chat::REPLY_TO, "bel dokter Zevenaar"), text("Zevenaar is ziek"), value(chat::FORWARDED, "1")];
    assert_eq!(again(&slots, &[item(chat::TEXT, 0)]), ["reply_to"]);
    let slots = [value(chat::AS_WRITTEN, "{\"body\":\"ja\"}"), text("ja hoor"), files(&["x.jpg"])];
    assert_eq!(again(&slots, &[item(chat::TEXT, 0)]), ["as_written"]);
    assert_eq!(again(&slots, &[whole(chat::AS_WRITTEN)]), [""; 0]);
}

#[test]
fn an_image_says_what_was_read_off_it_and_a_file_that_is_covered_is_named_nowhere() {
    let slots = [text("scherm.png getypt"), files(&["scherm.png"])];
    assert_eq!(again_in(EventKind::ScreenshotAdded, &slots, &[item(chat::TEXT, 1)]), ["attachments:0"]);
    assert_eq!(again(&slots, &[item(chat::ATTACHMENTS, 0)]), ["text:0"]);
    assert_eq!(again(&slots, &[whole(chat::ATTACHMENTS)]), ["text:0"]);
}

#[test]
fn what_is_covered_for_good_is_not_asked_for_again_and_what_is_no_chat_has_no_echo() {
    let slots = [text("Alice heeft Bob toegevoegd"), detail("added", "Alice", &["Bob"])];
    let mut all = vec![none_slot(); CHAT_LAYOUT.len()];
    all[0] = value_slot("binding");
    slots.iter().for_each(|(number, slot)| all[*number] = slot.clone());
    let body = Body { seed: vec![7; 32], slots: all };
    let root = body_root(&body).expect("a root");
    let gone = redact(&body, &[item(chat::TEXT, 2)]).expect("redacted");
    let shown = zegel_verifier::commit::check_redacted(gone, CHAT_LAYOUT, root).expect("checked");
    let units = [item(chat::TEXT, 2)];
    assert_eq!(echoes(EventKind::MembershipChanged, &shown, &units), [whole(chat::DETAIL)]);
    let both = [item(chat::TEXT, 2), whole(chat::DETAIL)];
    assert_eq!(echoes(EventKind::MembershipChanged, &shown, &both), []);
    assert_eq!(echoes(EventKind::CustodianRegistered, &shown, &units), []);
    assert_eq!(echoes(EventKind::MembershipChanged, &shown, &[CoveredUnit { slot: 0, item: None }]), []);
}
