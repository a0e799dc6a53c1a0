//! The reasons of this crate in the words of the vectors: the variant, then the fields that matter.

use serde_json::{Value, json};
use zegel_proto::{CanonicalError, GrammarError};
use zegel_verifier::batch::BatchError;
use zegel_verifier::checkpoint::CheckpointError;
use zegel_verifier::commit::CommitmentError;
use zegel_verifier::kinds::HeaderError;
use zegel_verifier::note::NoteError;
use zegel_verifier::registry::{AuthorityError, RegistryError};
use zegel_verifier::signature::SignatureError;
use zegel_verifier::tree::ProofError;
use zegel_verifier::trust::TrustError;

/// A reason with the reason below it.
fn around(variant: &str, inner: Value) -> Value {
    let Value::Array(mut inner) = inner else { panic!("reasons are arrays") };
    inner.insert(0, variant.into());
    inner.into()
}

pub(crate) fn canonical(error: CanonicalError) -> Value {
    match error {
        CanonicalError::Undecodable { .. } => json!(["Undecodable"]),
        CanonicalError::NotCanonical { .. } => json!(["NotCanonical"]),
        CanonicalError::Grammar { reason, .. } => around("Grammar", grammar(&reason)),
    }
}

fn grammar(error: &GrammarError) -> Value {
    match error {
        GrammarError::Length { field, .. } => json!(["Length", field]),
        GrammarError::TooMany { field, .. } => json!(["TooMany", field]),
        GrammarError::Value { field, .. } => json!(["Value", field]),
        GrammarError::Missing { field } => json!(["Missing", field]),
        GrammarError::Surplus { field, .. } => json!(["Surplus", field]),
        GrammarError::Order { field, .. } => json!(["Order", field]),
    }
}

pub(crate) fn header(error: HeaderError) -> Value {
    match error {
        HeaderError::UnknownKind { found } => json!(["UnknownKind", found]),
        HeaderError::Content { wanted, .. } => json!(["Content", wanted]),
        HeaderError::Field { field, rule, .. } => json!(["Field", field, rule]),
    }
}

pub(crate) fn commitment(error: CommitmentError) -> Value {
    match error {
        CommitmentError::SlotCount { found, wanted } => json!(["SlotCount", found, wanted]),
        CommitmentError::SlotForm { slot } => json!(["SlotForm", slot]),
        CommitmentError::BindingCovered => json!(["BindingCovered"]),
        CommitmentError::WrongRoot { .. } => json!(["WrongRoot"]),
        CommitmentError::WrongPadding { slot, .. } => json!(["WrongPadding", slot]),
        CommitmentError::ItemAfterPadding { slot } => json!(["ItemAfterPadding", slot]),
    }
}

pub(crate) fn proof(error: ProofError) -> Value {
    match error {
        ProofError::WrongLength { got, want } => json!(["WrongLength", got, want]),
        ProofError::OutsideTree { index, size } => json!(["OutsideTree", index, size]),
        ProofError::NotAscending { index, position } => json!(["NotAscending", index, position]),
        ProofError::WrongSizes { from, to } => json!(["WrongSizes", from, to]),
        ProofError::WrongRoot { .. } => json!(["WrongRoot"]),
    }
}

pub(crate) fn signature(error: SignatureError) -> Value {
    match error {
        SignatureError::BadKey => json!(["BadKey"]),
        SignatureError::BadSignature => json!(["BadSignature"]),
    }
}

pub(crate) fn batch(error: BatchError) -> Value {
    match error {
        BatchError::Canonical(reason) => around("Canonical", canonical(reason)),
        BatchError::OtherOrigin { found, wanted } => json!(["OtherOrigin", found, wanted]),
        BatchError::Signature(reason) => around("Signature", signature(reason)),
    }
}

pub(crate) fn note(error: NoteError) -> Value {
    match error {
        NoteError::NotText => json!(["NotText"]),
        NoteError::NoSignatures => json!(["NoSignatures"]),
        NoteError::TooManySignatures { found } => json!(["TooManySignatures", found]),
        NoteError::Malformed { line } => json!(["Malformed", line]),
        NoteError::BadVerifierKey { .. } => json!(["BadVerifierKey"]),
        NoteError::BadSignature { .. } => json!(["BadSignature"]),
        NoteError::Unsigned { .. } => json!(["Unsigned"]),
    }
}

pub(crate) fn checkpoint(error: CheckpointError) -> Value {
    match error {
        CheckpointError::Note(reason) => around("Note", note(reason)),
        CheckpointError::Malformed => json!(["Malformed"]),
        CheckpointError::OtherOrigin { found, wanted } => json!(["OtherOrigin", found, wanted]),
    }
}

pub(crate) fn noted(error: NoteError) -> Value {
    around("Note", note(error))
}

pub(crate) fn trust(error: TrustError) -> Value {
    match error {
        TrustError::NotText => json!(["NotText"]),
        TrustError::UnknownLine { line, .. } => json!(["UnknownLine", line]),
        TrustError::Key { line, .. } => json!(["Key", line]),
        TrustError::Name { line, problem, .. } => json!(["Name", line, problem]),
        TrustError::Roots { found } => json!(["Roots", found]),
        TrustError::Quorum { line } => json!(["Quorum", line]),
    }
}

pub(crate) fn registry(error: RegistryError) -> Value {
    let id = |hash: zegel_verifier::hash::Hash| hash.to_string();
    match error {
        RegistryError::Canonical(reason) => around("Canonical", canonical(reason)),
        RegistryError::OtherOrigin { found, wanted } => json!(["OtherOrigin", found, wanted]),
        RegistryError::Rootless => json!(["Rootless"]),
        RegistryError::GenesisTwice => json!(["GenesisTwice"]),
        RegistryError::KeyTwice { key } => json!(["KeyTwice", id(key)]),
        RegistryError::ActorTwice { actor } => json!(["ActorTwice", id(actor)]),
        RegistryError::UnknownActor { actor } => json!(["UnknownActor", id(actor)]),
        RegistryError::UnknownKey { key } => json!(["UnknownKey", id(key)]),
        RegistryError::Possession(reason) => around("Possession", signature(reason)),
        RegistryError::DoubtInFuture { found, entry } => json!(["DoubtInFuture", found, entry]),
    }
}

pub(crate) fn authority(error: AuthorityError) -> Value {
    match error {
        AuthorityError::UnknownKey { key, entry } => json!(["UnknownKey", key.to_string(), entry]),
        AuthorityError::OtherActor { key, owner, named } => {
            json!(["OtherActor", key.to_string(), owner.to_string(), named.to_string()])
        }
        AuthorityError::EndedKey { key, ended, entry } => json!(["EndedKey", key.to_string(), ended, entry]),
        AuthorityError::WrongRole { role, kind } => json!(["WrongRole", role, kind]),
    }
}
