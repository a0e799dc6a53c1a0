//! One witness is asked for one cosignature (c2sp.org/tlog-witness).
//!
//! A witness that cosigned another size last says so (409), and is asked again from there. Nothing that it says counts
//! before its signature has been verified over the very checkpoint that was sent.

use super::line::{Answer, Line, LineError};
use crate::sequencer::{OpenLog, View};
use crate::store::StoreError;
use crate::tree;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use zegel_verifier::checkpoint::VerifiedCheckpoint;
use zegel_verifier::note::VerifierKey;
use zegel_verifier::witness::{AddCheckpoint, SIZE_MEDIA_TYPE, parse_size};

/// Requests for one cosignature: others may have told the witness of another size in between.
const REQUESTS_MAX: usize = 4;
/// Letters of an answer that are told.
const TOLD_MAX: usize = 200;

/// Why there is no cosignature.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum AskError {
    #[error(transparent)]
    Line(#[from] LineError),
    #[error("gave no answer in {ms} ms")]
    Timeout { ms: u128 },
    #[error("does not know this log (404)")]
    UnknownLog,
    #[error("does not know the key of this log (403): {said}")]
    UnknownKey { said: String },
    #[error("refuses this log's history (422): {said}")]
    History { said: String },
    #[error(
        "cosigned size {theirs}, this log has {ours}: another ledger signs for this origin, or this one was put back"
    )]
    Ahead { theirs: u64, ours: u64 },
    #[error("named another size {REQUESTS_MAX} times")]
    Restless,
    #[error("answered with status {status}: {said}")]
    Status { status: u16, said: String },
    #[error("answered without a good cosignature by its key: {reason}")]
    NoCosignature { reason: String },
    #[error("the proof could not be made: {0}")]
    Proof(#[from] StoreError),
}

impl AskError {
    /// Whether it speaks of this log's history, and not of a witness that is away.
    pub(super) const fn is_alarming(&self) -> bool {
        matches!(self, Self::History { .. } | Self::Ahead { .. })
    }
}

/// A cosignature that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cosignature {
    /// Its line of the note, with the line feed.
    pub(super) line: String,
    /// Seconds since 1970, by the witness's clock.
    pub(super) time_s: u64,
}

/// The checkpoint that is to be cosigned.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) log: Arc<OpenLog>,
    pub(super) view: Arc<View>,
    pub(super) checkpoint: VerifiedCheckpoint,
}

impl Target {
    async fn request(&self, from: u64) -> Result<Vec<u8>, StoreError> {
        let target = self.clone();
        let made = tokio::task::spawn_blocking(move || target.make(from)).await;
        made.unwrap_or_else(|reason| Err(StoreError::failed("making a consistency proof", reason)))
    }

    fn make(&self, from: u64) -> Result<Vec<u8>, StoreError> {
        let size = self.view.size;
        let is_empty = from == 0 || from >= size;
        let proof = if is_empty { Vec::new() } else { tree::consistency(&self.log.tree(&self.view), from, size)? };
        Ok(AddCheckpoint { old_size: from, proof, checkpoint: self.view.checkpoint.clone() }.print())
    }
}

/// Asks a witness that cosigned `latest` last, as far as we know; afterwards `latest` is what it said.
pub(super) async fn ask(
    line: &mut Line,
    key: &VerifierKey,
    latest: &mut u64,
    target: &Target,
    timeout: Duration,
) -> Result<Cosignature, AskError> {
    let asked = tokio::time::timeout(timeout, ask_from(line, key, latest, target)).await;
    asked.unwrap_or(Err(AskError::Timeout { ms: timeout.as_millis() }))
}

async fn ask_from(
    line: &mut Line,
    key: &VerifierKey,
    latest: &mut u64,
    target: &Target,
) -> Result<Cosignature, AskError> {
    let ours = target.view.size;
    for _ in 0..REQUESTS_MAX {
        let answer = line.post(&target.request(*latest).await?).await?;
        if answer.status == 200 {
            let cosignature = accept(&answer.body, key, &target.checkpoint)?;
            *latest = ours;
            return Ok(cosignature);
        }
        let theirs = conflict(&answer).filter(|theirs| theirs != latest).ok_or_else(|| refused(&answer))?;
        if theirs > ours {
            return Err(AskError::Ahead { theirs, ours });
        }
        *latest = theirs;
    }
    Err(AskError::Restless)
}

/// The size that a witness cosigned last, if it says that it is another.
fn conflict(answer: &Answer) -> Option<u64> {
    let is_size = answer.status == 409 && answer.media_type.split(';').next() == Some(SIZE_MEDIA_TYPE);
    let size = answer.body.strip_suffix('\n').filter(|_| is_size)?;
    parse_size(size)
}

fn refused(answer: &Answer) -> AskError {
    let printable = answer.body.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    let said: String = printable.take(TOLD_MAX).collect();
    match answer.status {
        403 => AskError::UnknownKey { said },
        404 => AskError::UnknownLog,
        422 => AskError::History { said },
        status => AskError::Status { status, said },
    }
}

fn accept(body: &str, key: &VerifierKey, checkpoint: &VerifiedCheckpoint) -> Result<Cosignature, AskError> {
    let bad = |reason: &dyn ToString| AskError::NoCosignature { reason: reason.to_string() };
    let note = checkpoint.note().with_lines(body).map_err(|reason| bad(&reason))?;
    let time_s = note.verify_cosignature(key).map_err(|reason| bad(&reason))?;
    if time_s == 0 {
        return Err(bad(&"its time is 0"));
    }
    let line = note.line(key).ok_or_else(|| bad(&"its line is not there"))?;
    Ok(Cosignature { line, time_s })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer, SigningKey};
    use zegel_verifier::checkpoint::{ClaimedCheckpoint, print};
    use zegel_verifier::hash::Hash;
    use zegel_verifier::note::{TYPE_COSIGNATURE, TYPE_ED25519};

    fn checkpoint(root: Hash) -> VerifiedCheckpoint {
        let key = SigningKey::from_bytes(&[1; 32]);
        let public = key.verifying_key().to_bytes();
        let text = print("log.example", 3, root);
        let vkey = VerifierKey::new("log.example", TYPE_ED25519, public).expect("a name");
        let note = format!("{text}\n{}", vkey.signature_line(&key.sign(text.as_bytes()).to_bytes()));
        let claimed = ClaimedCheckpoint::parse(note.as_bytes()).expect("a checkpoint");
        VerifiedCheckpoint::verify(claimed, "log.example", &public).expect("signed")
    }

    fn witness() -> (SigningKey, VerifierKey) {
        let key = SigningKey::from_bytes(&[2; 32]);
        let public = key.verifying_key().to_bytes();
        (key, VerifierKey::new("w.example", TYPE_COSIGNATURE, public).expect("a name"))
    }

    fn line(time_s: u64, over: &VerifiedCheckpoint) -> String {
        let (key, vkey) = witness();
        vkey.cosignature_line(time_s, &key.sign(&over.cosignature_message(time_s)).to_bytes())
    }

    #[test]
    fn takes_the_line_of_the_witness_and_passes_over_those_of_others() {
        let (_, vkey) = witness();
        let ours = checkpoint(Hash([3; 32]));
        let good = line(7, &ours);
        let stranger = VerifierKey::new("s.example", TYPE_COSIGNATURE, [9; 32]).expect("a name");
        let body = format!("{}{good}", stranger.signature_line(&[0; 72]));
        assert_eq!(accept(&body, &vkey, &ours), Ok(Cosignature { line: good, time_s: 7 }));
    }

    #[test]
    fn a_cosignature_over_another_checkpoint_or_without_time_is_none() {
        let (_, vkey) = witness();
        let ours = checkpoint(Hash([3; 32]));
        for body in [line(7, &checkpoint(Hash([4; 32]))), line(0, &ours), String::new(), "hello\n".into()] {
            assert!(matches!(accept(&body, &vkey, &ours), Err(AskError::NoCosignature { .. })), "{body}");
        }
    }

    #[test]
    fn a_conflict_is_one_only_with_its_media_type_and_one_number() {
        let answer =
            |media_type: &str, body: &str| Answer { status: 409, media_type: media_type.into(), body: body.into() };
        assert_eq!(conflict(&answer(SIZE_MEDIA_TYPE, "12\n")), Some(12));
        for (media_type, body) in [("text/plain", "12\n"), (SIZE_MEDIA_TYPE, "12"), (SIZE_MEDIA_TYPE, "012\n")] {
            assert_eq!(conflict(&answer(media_type, body)), None, "{media_type} {body}");
        }
    }
}
