//! The steps of an end as acts: proposed, ordered, erased by the ledger, declared. The same for the command and the desk.
//!
//! Each step can be taken again after a crash: an order is written anew, an erasure finds what is gone gone, and a declaration comes last.

use super::{DestroyError, End, Proposal, propose};
use crate::acts::{Act, Acts, Selection};
use crate::disclose::{DisclosureError, declaration};
use crate::disk::{self, Readers};
use crate::hex;
use crate::officer::{Decided, OfficerError};
use crate::reading::{Purpose, Reading};
use crate::retention::SelectionList;
use crate::source::{SourceError, now_ms};
use crate::workplace::Workplace;
use serde_json::{Value, json};
use std::path::Path;
use zegel_proto::v1::{EraseResponse, EventKind};
use zegel_verifier::bundle::plain::plain;
use zegel_verifier::erasure::Erasure;
use zegel_verifier::hash::Hash;

/// What the log says of a reading that comes before a step.
const PURPOSE: &str = "proposal to destroy";

/// What somebody wants to end.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Of which id and months, and of those only which events.
    pub selection: Selection,
    /// How.
    pub end: End,
    /// The decision, the number of the incident, or the deed of transfer.
    pub decision: String,
    /// Who proposes.
    pub person: String,
    /// Why.
    pub reason: String,
}

/// An end that was declared, and its declaration (verklaring van vernietiging).
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// The act.
    pub decided: Decided,
    /// What ended.
    pub proposal: Proposal,
    /// What, on what ground, how, who, when, how many; no content.
    pub document: Value,
}

/// Looks at the rules, and logs the proposal.
///
/// # Errors
/// [`DestroyError`] with the first event that may not go.
pub async fn begin(at: &mut Workplace, wanted: &Wanted) -> Result<(Proposal, Decided), DestroyError> {
    let reading = at.read(&wanted.selection.scopes, &Purpose::reading(&wanted.person, PURPOSE)).await?;
    let list = list(at)?;
    let proposal = propose(&reading, &list, wanted.end, &wanted.selection, &wanted.decision, now_ms())?;
    let act = proposal.decision(&wanted.person, &wanted.decision, &wanted.reason);
    let decided = at.officer.decide(EventKind::DestructionProposed, &act).await?;
    Ok((proposal, decided))
}

/// The order for the ledger, signed by officer and approver, once it was approved.
///
/// # Errors
/// [`DestroyError::NotApproved`], a hold that came between, a key.
pub async fn order(at: &mut Workplace, person: &str, id: &str) -> Result<Erasure, DestroyError> {
    let (hash, proposal, reading) = logged(at, person, id).await?;
    let acts = Acts::of(&reading);
    let (_, act) = Proposal::logged(&acts, hash)?;
    proposal.order(&reading, &list(at)?, act, &at.folder, now_ms())
}

/// Has the ledger carry an order out, while it serves.
///
/// # Errors
/// What the ledger refuses.
pub async fn erase(at: &mut Workplace, order: &str) -> Result<EraseResponse, OfficerError> {
    Ok(at.officer.source().connection().erase(order).await.map_err(SourceError::from)?)
}

/// Logs that it is gone, and gives the declaration.
///
/// # Errors
/// [`DestroyError::StillThere`].
pub async fn declare(at: &mut Workplace, person: &str, id: &str) -> Result<Declared, DestroyError> {
    let (hash, proposal, reading) = logged(at, person, id).await?;
    let acts = Acts::of(&reading);
    let (_, act) = Proposal::logged(&acts, hash)?;
    let decision = proposal.declaration(&reading, act, person)?;
    // Stopped before its files were written: what was declared is not declared again.
    let decided = match Proposal::declared(&acts, act) {
        Some(decided) => decided,
        None => at.officer.decide(proposal.end.kind(), &decision).await?,
    };
    let document = document(at, &acts, act, &proposal, &decided, person);
    Ok(Declared { decided, proposal, document })
}

fn list(at: &mut Workplace) -> Result<SelectionList, OfficerError> {
    Ok(SelectionList::in_force(at.officer.source().registry())?)
}

/// The proposal with all that its scope holds now.
async fn logged(at: &mut Workplace, person: &str, id: &str) -> Result<(Hash, Proposal, Reading), DestroyError> {
    let unknown = || DestroyError::UnknownProposal { id: id.into() };
    let hash = hex::parse(id).ok_or_else(unknown)?;
    let acts = Acts::of(&at.acts(person, PURPOSE).await?);
    let (proposal, _) = Proposal::logged(&acts, hash)?;
    let reading = at.read(std::slice::from_ref(&proposal.scope), &Purpose::reading(person, PURPOSE)).await?;
    Ok((hash, proposal, reading))
}

fn document(at: &Workplace, acts: &Acts, act: &Act, proposal: &Proposal, decided: &Decided, person: &str) -> Value {
    let id = act.id().unwrap_or(Hash::ZERO);
    let approval = acts.approval(act);
    let version = act.selection().map(|selection| selection.list_version.clone()).unwrap_or_default();
    json!({
        "verklaring": proposal.end.code(),
        "origin": at.folder.ministry().origin,
        "zorgdrager": at.folder.ministry().ministry,
        "verklaring_id": decided.act.to_string(),
        "voorstel": id.to_string(),
        "aantal": proposal.spots.len(),
        "grond": { "lijst": version, "code": proposal.code, "besluit": act.decision, "reden": act.reason },
        "wijze": "sleutels, inhoud en bijlagen gewist; databases herschreven; bestanden doorzocht (zegel destroy erase)",
        "voorgesteld_door": act.person,
        "goedgekeurd_door": approval.map(|approval| approval.person.clone()),
        "verklaard_door": person,
        "datum": jiff::Timestamp::now().to_string(),
        "entry": decided.entry,
        "blijft": "soort, maand, aantal, willekeurige nummers, gezouten hashes; een watermerk zonder inhoud, zodat een volgende uitlezing het niet terugbrengt",
        "controle": "zegel-verifier verify BUNDEL --trust TRUST",
    })
}

impl Declared {
    /// Writes the declaration as JSON, and beside it the same as text and as PDF.
    ///
    /// # Errors
    /// [`DisclosureError`]: a file that is there already.
    pub fn write(&self, out: &Path) -> Result<(), DisclosureError> {
        let json = serde_json::to_vec_pretty(&self.document).unwrap_or_default();
        disk::write_new(out, &json, Readers::Owner)?;
        let line = |(name, value): (&String, &Value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), String::from);
            format!("{}: {}", name.replace('_', " "), plain(&value))
        };
        let mut lines: Vec<String> = self.document.as_object().into_iter().flatten().map(line).collect();
        lines.push(format!("Dit is een weergave van handeling {}: controleer haar zelf in het log.", self.decided.act));
        let title = match self.proposal.end {
            End::Transferred => "Verklaring van overbrenging",
            _ => "Verklaring van vernietiging",
        };
        let text = format!("{}\n\n{}\n", title.to_uppercase(), lines.join("\n"));
        disk::write_new(&out.with_extension("txt"), text.as_bytes(), Readers::Owner)?;
        let pdf = declaration(title, &lines, now_ms())?;
        Ok(disk::write_new(&out.with_extension("pdf"), &pdf, Readers::Owner)?)
    }
}
