//! Limits that lean on each other: what a ledger takes, a bundle must be able to show.

use zegel_proto::limits::MONTHS_MAX;
use zegel_proto::v1::event_header::Content;
use zegel_proto::v1::{EventHeader, EventKind};
use zegel_proto::{Grammar, GrammarError};

fn in_month(month: u32) -> EventHeader {
    EventHeader {
        kind: EventKind::MessageCreated as i32,
        conversation: vec![1; 32],
        custodian: vec![2; 32],
        month,
        content: Some(Content::BodyRoot(vec![3; 32])),
        ..EventHeader::default()
    }
}

#[test]
fn an_id_never_has_more_months_than_its_row_holds() {
    let months = (0..=1_000_000).filter(|month| in_month(*month).check().is_ok()).count();
    assert_eq!((months, months <= MONTHS_MAX), (999 * 12 + 1, true));
    assert_eq!(in_month(296_812).check(), Ok(()));
    let refused = Err(GrammarError::Value { field: "month", found: 296_901 });
    assert_eq!(in_month(296_901).check(), refused);
}
