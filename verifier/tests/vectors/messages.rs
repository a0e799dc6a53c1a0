//! Canonical form and grammar of each message, and the rules of headers.

use crate::case::{Case, Outcome, nothing, text, unhex};
use crate::reasons;
use serde_json::{Value, json};
use zegel_proto::v1::{self, EventHeader};
use zegel_proto::{CanonicalError, Grammar, parse, print};
use zegel_verifier::kinds::EventFacts;

/// Parses, and prints back what was taken: one value, one encoding.
fn round<M: prost::Message + Default + Grammar>(bytes: &[u8]) -> Result<(), CanonicalError> {
    let parsed: M = parse(bytes)?;
    assert_eq!(print(&parsed).as_deref(), Ok(bytes), "{} prints what it parsed", M::NAME);
    Ok(())
}

macro_rules! round_by_name {
    ($name:expr, $bytes:expr; $($message:ident),*) => {
        match $name {
            $(stringify!($message) => round::<v1::$message>($bytes),)*
            other => panic!("no test parses {other}"),
        }
    };
}

pub(crate) fn canonical(case: &Case) -> Outcome {
    let bytes = unhex(&case.given["bytes"]);
    let result = round_by_name!(text(&case.given["message"]), &bytes;
        EventHeader, Body, Binding, Attachment, BatchStatement, SignedBatch, Entry, IndexSnapshot, KeyWrap,
        DossierEnvelope, LogCreated, ActorRegistered, KeyAdded, KeyRevoked, ArchiveKeyAdded, GroundsListPublished,
        ExportSubject, Scope, RedactedBody, RedactionItem, RedactionSubject, ExportStatement, ManifestRun, EvidenceRecord);
    Outcome::of(result, nothing, reasons::canonical)
}

pub(crate) fn header(case: &Case) -> Outcome {
    let header: EventHeader = parse(&unhex(&case.given["header"])).expect("header vectors obey the grammar");
    Outcome::of(EventFacts::read(&header), facts, reasons::header)
}

fn facts(facts: EventFacts) -> Value {
    let streams: Vec<Value> =
        facts.streams().map(|stream| json!([stream.stream as i32, stream.id.to_string(), stream.month])).collect();
    json!({"kind": facts.kind.as_str_name(), "streams": streams})
}
