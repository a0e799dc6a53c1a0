//! Roots and proofs: the log, batches, months, snapshot rows.

use crate::case::{Case, Outcome, array, nothing, number, unhex};
use crate::reasons;
use serde_json::{Value, json};
use zegel_proto::v1::{Month, SealedBody, StreamType};
use zegel_verifier::batch::{event_leaf, events_root, sealed_root};
use zegel_verifier::hash::{Hash, log_leaf};
use zegel_verifier::snapshot::{row_leaf, stream_leaf};
use zegel_verifier::tree::{ProofError, SubsetWalk, check_consistency, check_inclusion, root_of};

fn hash(value: &Value) -> Hash {
    Hash::read(&unhex(value)).expect("32 bytes")
}

fn hashes(value: &Value) -> Vec<Hash> {
    array(value).iter().map(hash).collect()
}

pub(crate) fn tree(case: &Case) -> Outcome {
    let given = &case.given;
    if let Some(leaves) = given.get("root_of") {
        let root = root_of(array(leaves).iter().map(|leaf| log_leaf(&unhex(leaf))));
        return Outcome::Accepted(json!({"root": root.to_string()}));
    }
    let result = if let Some(one) = given.get("inclusion") {
        let (index, size) = (number(&one["index"]), number(&one["size"]));
        check_inclusion(hash(&one["leaf"]), index, size, &hashes(&one["proof"]), hash(&one["root"]))
    } else if let Some(one) = given.get("consistency") {
        let (from, to) = (number(&one["from"]), number(&one["to"]));
        check_consistency(from, hash(&one["old"]), to, hash(&one["new"]), &hashes(&one["proof"]))
    } else {
        let one = &given["subset"];
        walk(number(&one["size"]), one, |step| hash(&step["leaf"]))
    };
    Outcome::of(result, nothing, reasons::proof)
}

fn walk(size: u64, given: &Value, leaf: impl Fn(&Value) -> Hash) -> Result<(), ProofError> {
    let mut walk = SubsetWalk::new(size);
    for step in array(&given["shown"]) {
        walk.leaf(number(&step["index"]), &hashes(&step["gap"]), leaf(step))?;
    }
    let (found, wanted) = (walk.finish(&hashes(&given["tail"]))?, hash(&given["root"]));
    if found == wanted { Ok(()) } else { Err(ProofError::WrongRoot { found, wanted }) }
}

pub(crate) fn batch_root(case: &Case) -> Outcome {
    let root = match case.given.get("headers") {
        Some(headers) => {
            let headers: Vec<Vec<u8>> = array(headers).iter().map(unhex).collect();
            events_root(headers.iter().map(Vec::as_slice))
        }
        None => sealed_root(&array(&case.given["bodies"]).iter().map(sealed_body).collect::<Vec<_>>()),
    };
    Outcome::Accepted(json!({"root": root.to_string()}))
}

fn sealed_body(given: &Value) -> SealedBody {
    let message_row = given.get("message_row").map(unhex).unwrap_or_default();
    SealedBody { ciphertext: unhex(&given["ciphertext"]), wrap: unhex(&given["wrap"]), message_row }
}

pub(crate) fn snapshot(case: &Case) -> Outcome {
    if let Some(one) = case.given.get("stream_leaf") {
        let event = event_leaf(&unhex(&one["header"]));
        let leaf = stream_leaf(number(&one["entry"]), number(&one["position"]) as u32, event);
        return Outcome::Accepted(json!({"leaf": leaf.to_string()}));
    }
    let rows = &case.given["rows"];
    let result = walk(number(&rows["ids"]), rows, row);
    if result.is_ok() && rows.get("absent").is_some_and(|id| !is_absent(hash(id), array(&rows["shown"]))) {
        return Outcome::Refused(json!(["NotNeighbours"]));
    }
    Outcome::of(result, nothing, reasons::proof)
}

fn row(step: &Value) -> Hash {
    let stream = StreamType::try_from(number(&step["stream"]) as i32).expect("a stream");
    let months: Vec<Month> = array(&step["months"]).iter().map(month).collect();
    row_leaf(stream, hash(&step["id"]), &months)
}

fn month(given: &Value) -> Month {
    Month { month: number(&given[0]) as u32, count: number(&given[1]), root: unhex(&given[2]) }
}

/// Its neighbours stand side by side, and it sorts between them. Of one stream: these vectors ask for no edge.
fn is_absent(id: Hash, shown: &[Value]) -> bool {
    let [left, right] = shown else { return false };
    let adjacent = number(&left["index"]) + 1 == number(&right["index"]) && left["stream"] == right["stream"];
    adjacent && hash(&left["id"]) < id && id < hash(&right["id"])
}
