//! Bodies against the root in their header.

use crate::case::{Case, Outcome, text, unhex};
use crate::reasons;
use serde_json::{Value, json};
use zegel_proto::v1::evidence_event::Body as Shown;
use zegel_proto::v1::evidence_record::Record;
use zegel_proto::v1::{Body, EventKind, EvidenceEvent, EvidenceRecord, RedactedBody};
use zegel_proto::{parse, print};
use zegel_verifier::commit::{CommitmentError, ShownBody, check_redacted};
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::layout;

pub(crate) fn body(case: &Case) -> Outcome {
    let kind = EventKind::from_str_name(text(&case.given["layout"])).expect("a kind");
    let root = Hash::read(&unhex(&case.given["root"])).expect("32 bytes");
    let result = match case.given.get("opened") {
        Some(opened) => ShownBody::open(parse::<Body>(&unhex(opened)).expect("obeys the grammar"), layout(kind), root),
        None => redacted(&unhex(&case.given["redacted"]), kind, root),
    };
    let values = |shown: ShownBody| {
        let covered: Vec<Value> = shown.covered().map(|unit| json!([unit.slot, unit.item])).collect();
        json!({"root": root.to_string(), "covered": covered})
    };
    Outcome::of(result, values, reasons::commitment)
}

/// Through the grammar of the record in which it comes, as in a bundle.
fn redacted(bytes: &[u8], kind: EventKind, root: Hash) -> Result<ShownBody, CommitmentError> {
    let body: RedactedBody = prost::Message::decode(bytes).expect("protobuf");
    let event =
        EvidenceEvent { header: vec![0], body: Some(Shown::Redacted(body.clone())), ..EvidenceEvent::default() };
    print(&EvidenceRecord { record: Some(Record::Event(event)) }).expect("body vectors obey the grammar");
    check_redacted(body, layout(kind), root)
}
