//! The steps of a permanent redaction as acts: ordered, then (after the ledger's erasure) declared. The same for the command and the desk.

use super::{Forever, PermanentError};
use crate::acts::Acts;
use crate::hex;
use crate::officer::{Decided, OfficerError};
use crate::reading::{Purpose, read_covering};
use crate::workplace::Workplace;
use zegel_proto::v1::Scope;
use zegel_verifier::erasure::Erasure;

/// What the log says of a reading that comes before a step.
const PURPOSE: &str = "permanent redaction";

/// A manifest that policy and a second pair of eyes allow to be carried out.
///
/// # Errors
/// [`PermanentError::Off`] before anything else that is wrong with it; [`PermanentError::Unknown`].
pub async fn allowed(at: &mut Workplace, person: &str, id: &str) -> Result<Forever, PermanentError> {
    let acts = Acts::of(&at.acts(person, PURPOSE).await?);
    let unknown = || PermanentError::Unknown { id: id.into() };
    let manifest = hex::parse(id).and_then(|id| acts.manifest(id)).ok_or_else(unknown)?;
    Forever::of(at.officer.source().registry(), manifest)
}

/// The order for the ledger, signed by officer and approver.
///
/// # Errors
/// As [`allowed`]; [`PermanentError::Missing`] for what the scopes do not hold.
pub async fn order(at: &mut Workplace, scopes: &[Scope], person: &str, id: &str) -> Result<Erasure, PermanentError> {
    let forever = allowed(at, person, id).await?;
    let purpose = Purpose::reading(person, PURPOSE);
    let reading = read_covering(at.officer.source(), &at.keys, scopes, &purpose, forever.units());
    forever.order(&reading.await.map_err(OfficerError::from)?, &at.folder)
}

/// Logs that the words are gone; gives the act and how many parts it covers.
///
/// # Errors
/// As [`allowed`]; [`PermanentError::StillThere`].
pub async fn declare(
    at: &mut Workplace,
    scopes: &[Scope],
    person: &str,
    id: &str,
) -> Result<(Decided, usize), PermanentError> {
    let forever = allowed(at, person, id).await?;
    let reading = at.read(scopes, &Purpose::reading(person, PURPOSE)).await?;
    let (decision, items) = forever.declaration(&reading, person)?;
    let count = items.len();
    Ok((at.officer.declare_resealed(&decision, items).await?, count))
}
