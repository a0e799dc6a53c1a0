//! Signatures, batch statements, notes, checkpoints, trust files.

use crate::case::{Case, Outcome, hex, nothing, text, unhex};
use crate::reasons;
use serde_json::{Value, json};
use zegel_proto::parse;
use zegel_proto::v1::SignedBatch;
use zegel_verifier::batch::VerifiedStatement;
use zegel_verifier::checkpoint::{CheckpointError, ClaimedCheckpoint, VerifiedCheckpoint};
use zegel_verifier::note::{Note, NoteError, TYPE_COSIGNATURE, VerifierKey};
use zegel_verifier::signature::verify;
use zegel_verifier::trust::Trust;

pub(crate) fn signature(case: &Case) -> Outcome {
    let given = &case.given;
    let (key, bytes, signature) = (unhex(&given["key"]), unhex(&given["bytes"]), unhex(&given["signature"]));
    Outcome::of(verify(&key, text(&given["context"]), &bytes, &signature), nothing, reasons::signature)
}

pub(crate) fn batch(case: &Case) -> Outcome {
    let batch: SignedBatch = parse(&unhex(&case.given["batch"])).expect("batch vectors obey the grammar outside");
    let values = |verified: VerifiedStatement| {
        json!({
            "source": verified.source().to_string(), "key": verified.key().to_string(), "hash": verified.hash().to_string(),
            "events_root": verified.events_root().to_string(), "sealed_root": verified.sealed_root().to_string(),
        })
    };
    Outcome::of(VerifiedStatement::verify(&batch, text(&case.given["origin"])), values, reasons::batch)
}

pub(crate) fn note(case: &Case) -> Outcome {
    let bytes = match case.given.get("note_hex") {
        Some(bytes) => unhex(bytes),
        None => text(&case.given["note"]).as_bytes().to_vec(),
    };
    Outcome::of(verify_note(&bytes, text(&case.given["vkey"])), |values| values, reasons::note)
}

fn verify_note(bytes: &[u8], key: &str) -> Result<Value, NoteError> {
    let key = VerifierKey::parse(key)?;
    let note = Note::parse(bytes)?;
    if key.kind() == TYPE_COSIGNATURE {
        return note.verify_cosignature(&key).map(|time_s| json!({"time_s": time_s}));
    }
    note.verify(&key).map(nothing)
}

fn verify_checkpoint(note: &Value, origin: &str, log_key: &Value) -> Result<VerifiedCheckpoint, CheckpointError> {
    let log_key = unhex(log_key).try_into().expect("32 bytes");
    VerifiedCheckpoint::verify(ClaimedCheckpoint::parse(text(note).as_bytes())?, origin, &log_key)
}

pub(crate) fn checkpoint(case: &Case) -> Outcome {
    let given = &case.given;
    let result = verify_checkpoint(&given["note"], text(&given["origin"]), &given["log_key"]);
    let values =
        |checkpoint: VerifiedCheckpoint| json!({"size": checkpoint.size(), "root": checkpoint.root().to_string()});
    Outcome::of(result, values, reasons::checkpoint)
}

pub(crate) fn trust(case: &Case) -> Outcome {
    let given = &case.given;
    let trust = match Trust::parse(text(&given["trust"]).as_bytes()) {
        Ok(trust) => trust,
        Err(error) => return Outcome::Refused(reasons::trust(error)),
    };
    let mut values =
        json!({"origin": trust.origin(), "root_key": hex(trust.root_key()), "witnesses": trust.witnesses().len()});
    if let Some(note) = given.get("checkpoint") {
        let checkpoint = verify_checkpoint(note, trust.origin(), &given["log_key"]).expect("its checkpoint is good");
        match trust.vouched(&checkpoint) {
            Ok(vouched) => {
                values["quorum"] = trust.is_quorum(&vouched).into();
                values["vouched"] =
                    vouched.iter().map(|each| json!([each.name, each.is_auditor, each.time_s])).collect();
            }
            Err(error) => return Outcome::Refused(reasons::noted(error)),
        }
    }
    Outcome::Accepted(values)
}
