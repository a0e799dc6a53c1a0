//! Clearing a device: looked at, signed, and told on paper. The same for the command and the desk.

use super::{Clearance, ClearanceError, Cleared};
use crate::disclose::{DisclosureError, declaration};
use crate::disk::{self, Readers};
use crate::keys::Actor;
use crate::officer::Decided;
use crate::reading::Purpose;
use crate::source::{Source, now_ms};
use crate::workplace::Workplace;
use serde_json::{Value, json};
use std::path::Path;
use zegel_proto::v1::{EventKind, Scope, StreamType};
use zegel_verifier::bundle::plain::plain;
use zegel_verifier::hash::Hash;

/// A clearance that the log has.
#[derive(Clone, Debug, PartialEq)]
pub struct Signed {
    /// What may be removed, and what stays.
    pub clearance: Clearance,
    /// The statement.
    pub document: Value,
    act: Hash,
    holder: String,
}

/// What may be removed from the phone of a custodian, as of now. Nothing is logged but the reading.
///
/// # Errors
/// [`ClearanceError::Unreceipted`] before anything is read; [`ClearanceError`].
pub async fn look(at: &mut Workplace, holder: &str, person: &str) -> Result<Clearance, ClearanceError> {
    let custodian = at.officer.register().custodian(holder)?;
    let waiting = waiting(at).await?;
    if waiting > 0 {
        return Err(ClearanceError::Unreceipted { waiting });
    }
    let scope = Scope { stream: StreamType::StreamCustodian as i32, id: custodian.to_vec(), ..Scope::default() };
    let reading = at.read(&[scope], &Purpose::reading(person, "device clearance")).await?;
    Clearance::of(&reading, custodian, waiting)
}

/// Signs it.
///
/// # Errors
/// As [`look`].
pub async fn clear(at: &mut Workplace, holder: &str, person: &str) -> Result<Signed, ClearanceError> {
    let clearance = look(at, holder, person).await?;
    let decided = at.officer.decide(EventKind::CorrectionNoted, &clearance.decision(person)).await?;
    let Decided { act, entry, position } = decided;
    let document = json!({
        "verklaring": "vrijgave van een apparaat",
        "origin": at.folder.ministry().origin,
        "houder": holder,
        "handeling": act.to_string(),
        "plaats": format!("{entry}:{position}"),
        "verklaard_door": person,
        "geldt_voor_wat_er_stond_op_ms": clearance.until_ms,
        "vrijgave": clearance,
    });
    Ok(Signed { clearance, document, act, holder: holder.into() })
}

/// Batches of the read-out desk that the log has given no receipt for. What waits is sent while its outbox is opened; where that cannot be done, since a
/// read-out is at work in it or the ledger refuses it, what lies there counts.
async fn waiting(at: &Workplace) -> Result<usize, ClearanceError> {
    match Source::of_folder(&at.folder, Actor::Source, at.ledger()).await {
        Ok(source) => Ok(source.waiting()?),
        Err(reason) => match Source::unsent(&at.folder.spool(Actor::Source))? {
            0 => Err(reason.into()),
            waiting => Ok(waiting),
        },
    }
}

impl Signed {
    /// The act in the log.
    #[must_use]
    pub const fn act(&self) -> Hash {
        self.act
    }

    /// What is said of each chat, in Dutch.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.clearance.chats.iter().map(told).collect()
    }

    /// Writes the statement as JSON, and beside it the same as PDF.
    ///
    /// # Errors
    /// [`DisclosureError`]: a file that is there already.
    pub fn write(&self, out: &Path) -> Result<(), DisclosureError> {
        let json = serde_json::to_vec_pretty(&self.document).unwrap_or_default();
        disk::write_new(out, &json, Readers::Owner)?;
        let mut words = vec![format!("Houder: {}", plain(&self.holder)), format!("Handeling {} in het log", self.act)];
        words.extend(self.lines());
        words.push("Wat na deze uitlezing is ontvangen blijft op het apparaat tot een volgende uitlezing.".into());
        let pdf = declaration("Vrijgave van een apparaat", &words, now_ms())?;
        Ok(disk::write_new(&out.with_extension("pdf"), &pdf, Readers::Owner)?)
    }
}

fn told(chat: &Cleared) -> String {
    let (title, events) = (plain(&chat.title), chat.events);
    if chat.stays.is_empty() {
        format!("{title}: mag van het apparaat ({events} vastgelegd)")
    } else {
        format!("{title}: blijft op het apparaat: {}", plain(&chat.stays.join("; ")))
    }
}
