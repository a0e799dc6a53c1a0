//! Rules of a plan, each with the neighbours that it refuses.

use super::find::{context, readable, run_of};
use super::*;
use zegel_proto::print;
use zegel_proto::v1::{ClassListPublished, EventKind, GroundsListPublished, ListItem, LogCreated};
use zegel_verifier::hash::Hash;

const NOW: u64 = 1_800_000_000_000;

fn registry() -> Registry {
    let created = LogCreated {
        origin: "log".into(),
        root_actor: vec![1; 32],
        root_key: vec![2; 32],
        log_key: vec![3; 32],
        recovery_actor: vec![4; 32],
        recovery_key: vec![5; 32],
        ministry: "M".into(),
    };
    let mut registry = Registry::genesis("log", Hash([2; 32]), Hash([1; 32]), &created).expect("genesis");
    let list = crate::officer::grounds_list();
    let bytes = print(&GroundsListPublished { ..list }).expect("a list");
    registry.apply(1, EventKind::GroundsListPublished, &bytes).expect("applied");
    let item = ListItem { code: "prive".into(), label_nl: "Privé".into(), ..ListItem::default() };
    let classes = print(&ClassListPublished { version: "k/2".into(), items: vec![item] }).expect("a list");
    registry.apply(2, EventKind::ClassListPublished, &classes).expect("applied");
    registry
}

fn hit(first: u32, count: u32, grounds: &[&str]) -> Hit {
    Hit {
        place: "4:17".into(),
        slot: "text".into(),
        first,
        count,
        grounds: grounds.iter().map(|&code| code.into()).collect(),
        choice: Choice::Cover,
        ..Hit::default()
    }
}

/// Slot, first item, number of items, grounds.
type Covered = (u32, u32, u32, String);

fn settled(hits: Vec<Hit>) -> Result<(Vec<Covered>, Vec<Warning>), PlanError> {
    let (cover, warnings) = Plan { hits, ..Plan::default() }.settle(&registry(), NOW)?;
    let item = |item: RedactionItem| (item.slot, item.first_item, item.item_count, item.grounds.join("+"));
    Ok((cover.items().into_iter().map(item).collect(), warnings))
}

#[test]
fn the_newest_list_of_classes_is_the_one_in_force() {
    let registry = registry();
    assert_eq!(
        (registry.class_list(), registry.class("prive"), registry.class("zakelijk")),
        ("k/2", Some("Privé"), None)
    );
}

#[test]
fn words_that_touch_become_one_item_and_grounds_are_normalised() {
    let found =
        settled(vec![hit(5, 1, &["5.1.2.e"]), hit(3, 2, &["5.1.2 E"]), hit(8, 1, &["5.1.2e"])]).expect("settled");
    assert_eq!(found.0, [(11, 3, 3, "5.1.2e".into()), (11, 8, 1, "5.1.2e".into())]);
}

#[test]
fn what_overlaps_has_the_grounds_of_both() {
    let found = settled(vec![hit(3, 3, &["5.1.2e"]), hit(4, 1, &["5.1.2i"])]).expect("settled");
    let wanted = [(11, 3, 1, "5.1.2e".into()), (11, 4, 1, "5.1.2e+5.1.2i".into()), (11, 5, 1, "5.1.2e".into())];
    assert_eq!(found.0, wanted);
}

#[test]
fn who_hides_the_length_covers_the_whole_slot() {
    let hidden = Hit { hide_length: true, ..hit(3, 2, &["5.1.2e"]) };
    assert_eq!(settled(vec![hidden, hit(9, 1, &["5.1.2i"])]).expect("settled").0, [(11, 0, 0, "5.1.2e+5.1.2i".into())]);
}

#[test]
fn an_event_that_is_withheld_needs_no_other_items() {
    let whole = Hit { slot: "event".into(), ..hit(0, 0, &["buiten_reikwijdte"]) };
    assert_eq!(
        settled(vec![hit(3, 2, &["5.1.2e"]), whole]).expect("settled").0,
        [(0, 0, 0, "5.1.2e+buiten_reikwijdte".into())]
    );
}

#[test]
fn refuses_a_hit_that_nobody_confirmed_an_unknown_ground_and_a_place_that_is_none() {
    let open = Hit { choice: Choice::Open, ..hit(1, 1, &["5.1.2e"]) };
    assert_eq!(settled(vec![hit(0, 1, &["5.1.2e"]), open]), Err(PlanError::Unconfirmed { open: 1, all: 2 }));
    let unknown = PlanError::UnknownGround { hit: 1, code: "5.1.2z".into() };
    assert_eq!(settled(vec![hit(0, 1, &["5.1.2e"]), hit(1, 1, &["5.1.2.z"])]), Err(unknown));
    let binding = Hit { slot: "binding".into(), ..hit(0, 0, &["5.1.2e"]) };
    assert_eq!(settled(vec![binding]), Err(PlanError::Place { hit: 0, found: "4:17:binding".into() }));
    assert_eq!(settled(vec![Hit { choice: Choice::Leave, ..hit(0, 1, &["5.1.2e"]) }]), Err(PlanError::Empty));
}

#[test]
fn warns_of_a_relative_ground_after_five_years_unless_it_is_motivated_and_of_no_ground() {
    let at =
        |at_ms, grounds: &[&str], motivation: &str| Hit { at_ms, motivation: motivation.into(), ..hit(0, 1, grounds) };
    let warnings = |hit| settled(vec![hit]).expect("settled").1;
    let (old, young) = (NOW - FIVE_YEARS_MS - 1, NOW - FIVE_YEARS_MS);
    let warned = vec![Warning::OlderThanFiveYears { hit: 0, code: "5.1.2e".into() }];
    assert_eq!(warnings(at(old, &["5.1.2.e"], "")), warned);
    assert_eq!(warnings(at(old, &["5.1.2e"], "nog steeds actueel")), []);
    assert_eq!(warnings(at(young, &["5.1.2e"], "")), []);
    assert_eq!(warnings(at(old, &["5.1.1d"], "")), []);
    assert_eq!(warnings(at(old, &["5.2"], "")), [Warning::OlderThanFiveYears { hit: 0, code: "5.2".into() }]);
    assert_eq!(warnings(at(young, &[], "")), [Warning::NoGround { hit: 0 }]);
}

#[test]
fn bytes_that_are_no_text_keep_their_places() {
    let items: [&[u8]; 3] = [b"bel \xFF\xFE ", b"06-12345678 ", b"nu"];
    let text = readable(&items.concat());
    let range = Pattern::Phone.find(&text).pop().expect("a number");
    assert_eq!(run_of(&items, &range), (1, 1));
    assert_eq!(context("a\u{202e}b 06-12345678", &(6..17)), "a\u{fffd}b [06-12345678]");
}
