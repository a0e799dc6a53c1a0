//! Commitments can be withheld and not changed.

use super::*;
use crate::kinds::{CHAT_LAYOUT, chat};
use proptest::prelude::*;

fn message(seed: u8, words: &[&str]) -> Body {
    let mut slots = vec![none_slot(); CHAT_LAYOUT.len()];
    slots[0] = value_slot(*b"binding");
    slots[chat::SENDER] = value_slot(*b"Alice");
    slots[chat::TEXT] = list_slot(words.iter().map(|word| word.as_bytes().to_vec()).collect());
    Body { seed: vec![seed; 32], slots }
}

fn root(body: &Body) -> Hash {
    body_root(body).expect("a seed of 32 bytes")
}

const SECOND_WORD: CoveredUnit = CoveredUnit { slot: chat::TEXT as u32, item: Some(1) };
const SENDER: CoveredUnit = CoveredUnit { slot: chat::SENDER as u32, item: None };

#[test]
fn a_whole_body_opens_and_shows_its_words() {
    let body = message(1, &["ja ", "hoor"]);
    let shown = ShownBody::open(body.clone(), CHAT_LAYOUT, root(&body)).expect("opens");
    assert_eq!(shown.items(chat::TEXT), [Some(b"ja ".to_vec()), Some(b"hoor".to_vec())]);
    assert_eq!(shown.covered().count(), 0);
}

#[test]
fn the_same_text_twice_gives_different_roots() {
    assert_ne!(root(&message(1, &["ja"])), root(&message(2, &["ja"])));
}

#[test]
fn a_covered_word_and_a_covered_slot_leave_the_root_as_it_is() {
    let body = message(1, &["Jan ", "Jansen ", "belt"]);
    let redacted = redact(&body, &[SENDER, SECOND_WORD]).expect("a seed of 32 bytes");
    let shown = check_redacted(redacted, CHAT_LAYOUT, root(&body)).expect("still verifies");
    assert_eq!(shown.covered().collect::<Vec<_>>(), [SENDER, SECOND_WORD]);
    assert_eq!(shown.items(chat::TEXT)[1], None);
}

#[test]
fn refuses_a_body_of_which_slot_0_is_covered() {
    let body = message(1, &["ja"]);
    let redacted = redact(&body, &[CoveredUnit { slot: 0, item: None }]).expect("a seed of 32 bytes");
    assert_eq!(check_redacted(redacted, CHAT_LAYOUT, root(&body)), Err(CommitmentError::BindingCovered));
}

#[test]
fn refuses_slots_that_changed_places() {
    let body = message(1, &["ja"]);
    let mut swapped = body.clone();
    swapped.slots.swap(chat::SENDER, chat::DISPLAY_NAME);
    let (found, wanted) = (root(&swapped), root(&body));
    assert_eq!(ShownBody::open(swapped, CHAT_LAYOUT, wanted), Err(CommitmentError::WrongRoot { found, wanted }));
}

#[test]
fn refuses_a_slot_too_few_and_a_list_where_a_value_stands() {
    let mut body = message(1, &["ja"]);
    let wanted = root(&body);
    body.slots.swap(chat::SENDER, chat::TEXT);
    let refused = ShownBody::open(body.clone(), CHAT_LAYOUT, wanted);
    assert_eq!(refused, Err(CommitmentError::SlotForm { slot: chat::SENDER }));
    body.slots.pop();
    let refused = ShownBody::open(body, CHAT_LAYOUT, wanted);
    assert_eq!(refused, Err(CommitmentError::SlotCount { found: CHAT_LAYOUT.len() - 1, wanted: CHAT_LAYOUT.len() }));
}

#[test]
fn refuses_an_item_after_padding() {
    let body = message(1, &["een ", "twee ", "drie"]);
    let mut redacted = redact(&body, &[SENDER]).expect("a seed of 32 bytes");
    redacted.slots[chat::TEXT].items.swap(2, 3);
    let leaves: Vec<Hash> = (0..4).map(|_| Hash::ZERO).collect();
    assert_eq!(leaves.len(), redacted.slots[chat::TEXT].items.len());
    let refused = check_redacted(redacted, CHAT_LAYOUT, root(&body));
    assert!(matches!(refused, Err(CommitmentError::WrongRoot { .. })), "{refused:?}");
}

proptest! {
    #[test]
    fn whatever_is_covered_the_root_stays(words in proptest::collection::vec("[a-z]{1,9} ", 1..40), pick: u64) {
        let body = message(7, &words.iter().map(String::as_str).collect::<Vec<_>>());
        let covered: Vec<_> = (0..words.len() as u32)
            .filter(|word| pick >> (word % 64) & 1 == 1)
            .map(|word| CoveredUnit { slot: chat::TEXT as u32, item: Some(word) })
            .collect();
        let redacted = redact(&body, &covered).expect("a seed of 32 bytes");
        let shown = check_redacted(redacted, CHAT_LAYOUT, root(&body)).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(shown.covered().collect::<Vec<_>>(), covered);
    }
}
