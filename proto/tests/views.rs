//! A view is given only where `parse` accepts, and holds the same; and it is given for everything that is usual.

use proptest::collection::vec;
use proptest::prelude::*;
use zegel_proto::v1::{
    Body, EventHeader, EventKind, EvidenceEvent, EvidenceRecord, Slot, SlotState, event_header, evidence_event,
    evidence_record,
};
use zegel_proto::view::{BodyView, ContentView, EventView, HeaderView};
use zegel_proto::{parse, print};

fn id() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 32)
}

fn id_or_none() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![Just(vec![]), id()]
}

fn slot() -> impl Strategy<Value = Slot> {
    let bytes = || vec(any::<u8>(), 0..200);
    let slot = |state: SlotState, value, items| Slot { state: state as i32, value, items };
    prop_oneof![
        Just(slot(SlotState::SlotUnknown, vec![], vec![])),
        Just(slot(SlotState::SlotNone, vec![], vec![])),
        bytes().prop_map(move |value| slot(SlotState::SlotValue, value, vec![])),
        vec(bytes(), 1..20).prop_map(move |items| slot(SlotState::SlotList, vec![], items)),
    ]
}

fn body() -> impl Strategy<Value = Body> {
    (id(), vec(slot(), 0..14)).prop_map(|(seed, slots)| Body { seed, slots })
}

fn header() -> impl Strategy<Value = EventHeader> {
    let kind = prop_oneof![Just(EventKind::MessageCreated), Just(EventKind::PolicySet), Just(EventKind::ExportCreated)];
    let content = prop_oneof![
        id().prop_map(event_header::Content::BodyRoot),
        vec(any::<u8>(), 0..100).prop_map(event_header::Content::Public),
    ];
    let month = prop_oneof![Just(0u32), Just(202_205), Just(296_812)];
    let ids = (id_or_none(), id_or_none(), vec(id(), 0..3));
    (kind, ids, month, any::<u64>(), content).prop_map(
        |(kind, (conversation, custodian, blobs), month, conversation_seq, content)| EventHeader {
            kind: kind as i32,
            conversation,
            custodian,
            month,
            conversation_seq,
            blobs,
            content: Some(content),
        },
    )
}

fn record() -> impl Strategy<Value = EvidenceRecord> {
    let body = prop_oneof![Just(None), body().prop_map(|body| Some(evidence_event::Body::Opened(body)))];
    (vec(id(), 0..4), 0u32..4_096, vec(any::<u8>(), 1..200), body).prop_map(|(gap, position, header, body)| {
        let event = EvidenceEvent { gap, position, header, body };
        EvidenceRecord { record: Some(evidence_record::Record::Event(event)) }
    })
}

/// The event of a record, as a view would show it; `None` for what has no view.
fn assert_same(view: &EventView<'_>, record: &EvidenceRecord) {
    let Some(evidence_record::Record::Event(event)) = &record.record else { panic!("not an event: {record:?}") };
    assert_eq!(view.gap.iter().map(|hash| hash.to_vec()).collect::<Vec<_>>(), event.gap);
    assert_eq!((view.position, view.header), (event.position, event.header.as_slice()));
    match (&view.body, &event.body) {
        (None, None) => {}
        (Some(view), Some(evidence_event::Body::Opened(body))) => assert_eq!(Some(view.clone()), BodyView::of(body)),
        other => panic!("{other:?}"),
    }
}

fn assert_same_header(view: &HeaderView<'_>, header: &EventHeader) {
    assert_eq!((view.kind as i32, view.month), (header.kind, header.month));
    assert_eq!((view.conversation_seq, view.blobs), (header.conversation_seq, header.blobs.len()));
    let id = |view: Option<&[u8; 32]>| view.map(|id| id.to_vec()).unwrap_or_default();
    assert_eq!((id(view.conversation), id(view.custodian)), (header.conversation.clone(), header.custodian.clone()));
    let content = match view.content {
        ContentView::BodyRoot(root) => event_header::Content::BodyRoot(root.to_vec()),
        ContentView::Public(public) => event_header::Content::Public(public.to_vec()),
    };
    assert_eq!(Some(content), header.content);
}

/// A change of a few bytes: written over, cut out, put in, or a length that grows.
#[derive(Clone, Debug)]
enum Change {
    Over(prop::sample::Index, u8),
    Out(prop::sample::Index),
    In(prop::sample::Index, u8),
    Cut(prop::sample::Index),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<prop::sample::Index>;
    // Small numbers are keys, lengths, states and defaults.
    let byte = prop_oneof![0u8..70, any::<u8>(), Just(0x80)];
    prop_oneof![
        (at(), byte.clone()).prop_map(|(at, byte)| Change::Over(at, byte)),
        at().prop_map(Change::Out),
        (at(), byte).prop_map(|(at, byte)| Change::In(at, byte)),
        at().prop_map(Change::Cut),
    ]
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let length = bytes.len().max(1);
        match change {
            Change::Over(at, byte) if !bytes.is_empty() => bytes[at.index(length)] = *byte,
            Change::Out(at) if !bytes.is_empty() => _ = bytes.remove(at.index(length)),
            Change::In(at, byte) => bytes.insert(at.index(bytes.len() + 1), *byte),
            Change::Cut(at) => bytes.truncate(at.index(length)),
            _ => {}
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn every_usual_event_has_a_view(record in record()) {
        let bytes = print(&record).expect("a good record prints");
        assert_same(&EventView::read(&bytes).expect("a view"), &record);
    }

    #[test]
    fn every_header_has_a_view(header in header()) {
        let bytes = print(&header).expect("a good header prints");
        assert_same_header(&HeaderView::read(&bytes).expect("a view"), &header);
    }

    #[test]
    fn what_has_a_view_is_canonical_and_says_the_same(record in record(), changes in vec(change(), 1..3)) {
        let bytes = changed(print(&record).expect("a good record prints"), &changes);
        if let Some(view) = EventView::read(&bytes) {
            assert_same(&view, &parse(&bytes).expect("a view is given of what parses"));
        } else if let Ok(EvidenceRecord { record: Some(evidence_record::Record::Event(event)) }) = parse(&bytes) {
            let has_no_view = matches!(event.body, Some(evidence_event::Body::Redacted(_) | evidence_event::Body::Sealed(_)));
            prop_assert!(has_no_view, "{event:?} has no view");
        }
    }

    #[test]
    fn a_header_that_has_a_view_is_canonical_and_says_the_same(header in header(), changes in vec(change(), 1..3)) {
        let bytes = changed(print(&header).expect("a good header prints"), &changes);
        match (HeaderView::read(&bytes), parse::<EventHeader>(&bytes)) {
            (Some(view), parsed) => assert_same_header(&view, &parsed.expect("a view is given of what parses")),
            (None, parsed) => prop_assert!(parsed.is_err(), "{parsed:?} has no view"),
        }
    }

    #[test]
    fn bytes_at_random_have_a_view_only_if_they_parse(bytes in vec(prop_oneof![0u8..70, any::<u8>()], 0..12)) {
        prop_assert!(EventView::read(&bytes).is_none() || parse::<EvidenceRecord>(&bytes).is_ok());
        prop_assert!(HeaderView::read(&bytes).is_none() || parse::<EventHeader>(&bytes).is_ok());
        prop_assert!(BodyView::read(&bytes).is_none() || parse::<Body>(&bytes).is_ok());
    }
}

#[test]
fn limits_of_a_view_are_those_of_the_grammar() {
    let event = |event: EvidenceEvent| {
        let bytes =
            prost::Message::encode_to_vec(&EvidenceRecord { record: Some(evidence_record::Record::Event(event)) });
        (EventView::read(&bytes).is_some(), parse::<EvidenceRecord>(&bytes).is_ok())
    };
    let gap =
        |hashes: usize| EvidenceEvent { gap: vec![vec![1; 32]; hashes], header: vec![1], ..EvidenceEvent::default() };
    let header = |bytes: usize| EvidenceEvent { header: vec![1; bytes], ..EvidenceEvent::default() };
    let at = |position: u32| EvidenceEvent { position, header: vec![1], ..EvidenceEvent::default() };
    let list = |items: usize, bytes: usize| {
        let slot = Slot { state: SlotState::SlotList as i32, value: vec![], items: vec![vec![1; bytes]; items] };
        let body = Body { seed: vec![1; 32], slots: vec![slot] };
        EvidenceEvent { header: vec![1], body: Some(evidence_event::Body::Opened(body)), ..EvidenceEvent::default() }
    };
    let good = [gap(128), header(40 * 1024), at(4_095), list(1_024, 0), list(1, 256 * 1024)];
    for (number, each) in good.into_iter().enumerate() {
        assert_eq!(event(each), (true, true), "{number}");
    }
    let bad =
        [gap(129), header(0), header(40 * 1024 + 1), at(4_096), list(0, 0), list(1_025, 0), list(1, 256 * 1024 + 1)];
    for (number, each) in bad.into_iter().enumerate() {
        assert_eq!(event(each), (false, false), "{number}");
    }
}
