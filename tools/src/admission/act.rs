//! The official's decision on a contact, logged by the source that reads his phone out. The same for the command and the desk.

use super::Decision;
use crate::event::Occurred;
use crate::import::alignment::FingerprintKey;
use crate::keys::{Actor, KeyFolder};
use crate::record::Record;
use crate::source::{Placed, Source, SourceError, now_ms};
use zegel_verifier::hash::Hash;

/// Logs `CONTACT_DECIDED` in a capture.
///
/// # Errors
/// [`SourceError`].
pub async fn decide(
    folder: &KeyFolder,
    ledger: &str,
    (custodian, conversation): (Hash, Hash),
    decision: Decision,
) -> Result<Option<Placed>, SourceError> {
    let key = FingerprintKey::new(&*folder.source_secret()?);
    let occurred = Occurred::by_source(now_ms());
    let record = Record { occurred, ..decision.record(conversation, custodian, &key) };
    let draft = record.draft()?;
    let mut source = Source::of_folder(folder, Actor::Source, ledger).await?;
    Ok(source.append(vec![draft]).await?.first().copied())
}
