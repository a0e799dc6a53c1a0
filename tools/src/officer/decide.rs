//! Decisions on events that are in the log: accepted, classified, held, assigned a term. Each is an event that adds to what was decided before.

use super::lists::MARKINGS;
use super::{Officer, OfficerError, normalise_ground};
use crate::acts::{Act, Acts, Selection};
use crate::entropy::random_id;
use crate::event::{Draft, Field, RecordsAct, public};
use crate::export::{Cover, Spot, manifest_drafts};
use crate::retention::SelectionList;
use crate::rubricering;
use crate::source::{Source, now_ms};
use serde::Serialize;
use zegel_proto::limits::LIST_ITEMS_MAX;
use zegel_proto::print;
use zegel_proto::v1::{
    ClassListPublished, CustodySubject, EventKind, GroundsListPublished, PolicySet, RedactionItem, SelectionSubject,
};
use zegel_verifier::approval::Listed;
use zegel_verifier::hash::Hash;
use zegel_verifier::registry::Registry;

const DAY_MS: u64 = 86_400_000;
/// Tests by which a class is given: by who the other is, or by what was said.
pub const TESTS: [&str; 2] = ["contact", "content"];

/// A decision to be logged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// About which events.
    pub selection: Selection,
    /// The act that it releases, approves or executes.
    pub refers_to: Option<Hash>,
    /// All that it approves; none of what is no approval.
    pub approved: Option<Listed>,
    /// A class, a category, a ground.
    pub code: String,
    /// Which test was used for a class.
    pub test: String,
    /// Until when, or from when on; 0: not stated.
    pub until_ms: u64,
    /// Who decides: a person or function.
    pub person: String,
    /// The decision, as the ministry names it.
    pub decision: String,
    /// Why.
    pub reason: String,
}

/// A decision that was logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decided {
    /// The id by which later acts refer to it.
    #[serde(with = "crate::hex::field")]
    pub act: Hash,
    /// Entry of its first event.
    pub entry: u64,
    /// Its position.
    pub position: u32,
}

impl Officer {
    /// Logs a decision. More than 1,024 single events make several events under one id.
    ///
    /// # Errors
    /// [`OfficerError::NothingSelected`], [`OfficerError::UnknownCode`], [`OfficerError::UnknownTest`], or what submitting can meet.
    pub async fn decide(&mut self, kind: EventKind, decision: &Decision) -> Result<Decided, OfficerError> {
        let registry = self.source.registry();
        let list_version = check(kind, decision, registry)?;
        let act = random_id()?;
        let placed = self.source.append(drafts(kind, decision, act, &list_version)?).await?;
        let (entry, position) = placed.first().map(|placed| (placed.entry, placed.position)).unwrap_or_default();
        Ok(Decided { act, entry, position })
    }

    /// Logs that these parts are covered for good: `BODY_RESEALED`, which carries out a manifest.
    ///
    /// # Errors
    /// What submitting can meet.
    pub async fn declare_resealed(
        &mut self,
        decision: &Decision,
        items: Vec<RedactionItem>,
    ) -> Result<Decided, OfficerError> {
        let act = random_id()?;
        let placed = self.source.append(drafts_of(EventKind::BodyResealed, decision, act, "", items)?).await?;
        let (entry, position) = placed.first().map(|placed| (placed.entry, placed.position)).unwrap_or_default();
        Ok(Decided { act, entry, position })
    }

    /// Proposes a settled plan: its manifest is logged, for another pair of eyes and then for an export.
    ///
    /// # Errors
    /// What submitting can meet.
    pub async fn propose_redaction(&mut self, cover: &Cover, decision: &str) -> Result<Decided, OfficerError> {
        let manifest = random_id()?;
        let drafts = manifest_drafts(manifest, &cover.items(), decision)?;
        let placed = self.source.append(drafts).await?;
        let (entry, position) = placed.first().map(|placed| (placed.entry, placed.position)).unwrap_or_default();
        Ok(Decided { act: manifest, entry, position })
    }

    /// Sets a policy of the ministry: the newest of a name rules.
    ///
    /// # Errors
    /// [`OfficerError::List`] for a selection list that does not read, [`OfficerError::PolicyValue`] for a value that a policy with
    /// fixed values does not have, or what submitting can meet.
    pub async fn set_policy(&mut self, name: &str, value: &str) -> Result<u64, OfficerError> {
        if name == SelectionList::POLICY {
            SelectionList::parse(value)?;
        }
        let allowed: &[&str] = match name {
            "admission" => &["admission_first", "direct_capture"],
            "permanent_redaction" => &["off", "on"],
            "four_eyes" => &["redaction", "destruction"],
            _ => &[],
        };
        let unknown = value.split(',').map(str::trim).find(|word| !allowed.is_empty() && !allowed.contains(word));
        let is_unknown_level = name == rubricering::POLICY && !rubricering::is_level(value);
        let is_no_term = name == "claim_days" && !value.parse().is_ok_and(|days: u32| (1..=366).contains(&days));
        let allowed: &[&str] = if is_no_term { &["1 to 366 days"] } else { allowed };
        if let Some(found) = unknown.or((is_unknown_level || is_no_term).then_some(value)) {
            return Err(OfficerError::PolicyValue {
                name: name.into(),
                found: found.into(),
                allowed: allowed.join(", "),
            });
        }
        let policy = PolicySet { name: name.into(), value: value.into() };
        self.publish(public(EventKind::PolicySet, &policy)?).await
    }

    /// Publishes a new version of the classes; what was assigned under an older one stays.
    ///
    /// # Errors
    /// What submitting can meet.
    pub async fn publish_classes(&mut self, list: &ClassListPublished) -> Result<u64, OfficerError> {
        self.publish(public(EventKind::ClassListPublished, list)?).await
    }

    /// Publishes a new version of the grounds and markings; what was covered under an older one stays. `dropped` are the codes in force that the
    /// new list is meant to lack.
    ///
    /// # Errors
    /// [`OfficerError::ListVersion`], [`OfficerError::ListCode`], [`OfficerError::ListLacks`], or what submitting can meet.
    pub async fn publish_grounds(
        &mut self,
        list: &GroundsListPublished,
        dropped: &[String],
    ) -> Result<u64, OfficerError> {
        check_grounds(list, dropped, self.source.registry())?;
        self.publish(public(EventKind::GroundsListPublished, list)?).await
    }

    async fn publish(&mut self, draft: Draft) -> Result<u64, OfficerError> {
        let placed = self.source.append(vec![draft]).await?;
        self.source.refresh().await?;
        Ok(placed.first().map(|placed| placed.entry).unwrap_or_default())
    }
}

/// Holds a claim against its term: the message was captured at most so many days ago, by the ledger's clock.
///
/// # Errors
/// [`OfficerError::ClaimTooLate`].
pub fn check_claim_term(spot: Spot, received_ms: u64, days: u64, now_ms: u64) -> Result<(), OfficerError> {
    let last_ms = received_ms.saturating_add(days.saturating_mul(DAY_MS));
    if now_ms > last_ms { Err(OfficerError::ClaimTooLate { spot, days }) } else { Ok(()) }
}

/// Approves what another actor proposed, as it stands in these acts and not otherwise: a redaction manifest, or a proposal to destroy. Signed by the approver.
///
/// # Errors
/// [`OfficerError::OwnAct`], [`OfficerError::UnknownAct`] for an act that waits for nobody, [`OfficerError::SeveralActors`], or what submitting can meet.
pub async fn approve(
    approver: &mut Source,
    acts: &Acts,
    of: &Act,
    (person, reason): (&str, &str),
) -> Result<Decided, OfficerError> {
    let unknown = || OfficerError::UnknownAct { what: "proposal", id: of.spot.to_string() };
    let kind = match of.kind {
        EventKind::RedactionManifest => EventKind::RedactionApproved,
        EventKind::DestructionProposed => EventKind::DestructionApproved,
        _ => return Err(unknown()),
    };
    if of.actor == approver.identity().actor() {
        return Err(OfficerError::OwnAct);
    }
    let id = of.id().ok_or_else(unknown)?;
    let decision = Decision {
        refers_to: Some(id),
        approved: Some(acts.listed(of).ok_or(OfficerError::SeveralActors { id })?),
        person: person.into(),
        reason: reason.into(),
        ..Decision::default()
    };
    let act = random_id()?;
    let placed = approver.append(drafts(kind, &decision, act, "")?).await?;
    let (entry, position) = placed.first().map(|placed| (placed.entry, placed.position)).unwrap_or_default();
    Ok(Decided { act, entry, position })
}

/// The version of the list that the code is of.
fn check(kind: EventKind, decision: &Decision, registry: Option<&Registry>) -> Result<String, OfficerError> {
    let is_selecting = decision.refers_to.is_none();
    if is_selecting && decision.selection.is_empty() {
        return Err(OfficerError::NothingSelected);
    }
    match kind {
        EventKind::ClassAssigned => check_class(decision, registry),
        EventKind::DestructionProposed | EventKind::DestructionExecuted => {
            Ok(SelectionList::in_force(registry)?.version().into())
        }
        EventKind::RetentionAssigned => {
            let list = SelectionList::in_force(registry)?;
            let known = || list.codes().collect::<Vec<_>>().join(", ");
            match list.category(&decision.code) {
                Some(_) => Ok(list.version().into()),
                None => Err(OfficerError::UnknownCode {
                    list: "selection list",
                    code: decision.code.clone(),
                    known: known(),
                }),
            }
        }
        _ => Ok(String::new()),
    }
}

/// A list that leaves out a code leaves exports without a ground that they had: so it is said, code by code.
fn check_grounds(
    list: &GroundsListPublished,
    dropped: &[String],
    registry: Option<&Registry>,
) -> Result<(), OfficerError> {
    let version = || list.version.clone();
    let in_force = registry.map(Registry::ground_list).unwrap_or_default();
    if list.version.trim().is_empty() || list.version == in_force {
        return Err(OfficerError::ListVersion { version: version(), in_force: in_force.into() });
    }
    for (number, item) in list.items.iter().enumerate() {
        let fault = match item.code.as_str() {
            code if code.is_empty() || code != normalise_ground(code) => "is not in its one form, as 5.1.2e is",
            code if list.items[..number].iter().any(|other| other.code == code) => "stands twice",
            _ => continue,
        };
        return Err(OfficerError::ListCode { code: item.code.clone(), fault });
    }
    let has = |code: &str| list.items.iter().any(|item| item.code == code);
    let lacks = |codes: Vec<&str>, why| match codes.is_empty() {
        true => Ok(()),
        false => Err(OfficerError::ListLacks { version: version(), codes: codes.join(", "), why }),
    };
    lacks(MARKINGS.into_iter().filter(|code| !has(code)).collect(), "zegel writes by itself")?;
    let known = registry.into_iter().flat_map(Registry::grounds).map(|(code, _)| code);
    let missing = known.filter(|code| !has(code) && !dropped.iter().any(|dropped| dropped == code)).collect();
    lacks(missing, "the list in force has: add them, or drop each with --drop")
}

fn check_class(decision: &Decision, registry: Option<&Registry>) -> Result<String, OfficerError> {
    if !TESTS.contains(&decision.test.as_str()) {
        return Err(OfficerError::UnknownTest { found: decision.test.clone() });
    }
    let known = || registry.map(|registry| registry.classes().map(|(code, _)| code).collect::<Vec<_>>().join(", "));
    match registry.filter(|registry| registry.class(&decision.code).is_some()) {
        Some(registry) => Ok(registry.class_list().into()),
        None => Err(OfficerError::UnknownCode {
            list: "class list",
            code: decision.code.clone(),
            known: known().unwrap_or_default(),
        }),
    }
}

fn drafts(kind: EventKind, decision: &Decision, act: Hash, list_version: &str) -> Result<Vec<Draft>, OfficerError> {
    let code = if decision.code.is_empty() { "geselecteerd" } else { decision.code.as_str() };
    drafts_of(kind, decision, act, list_version, decision.selection.items(code))
}

fn drafts_of(
    kind: EventKind,
    decision: &Decision,
    act: Hash,
    list_version: &str,
    items: Vec<RedactionItem>,
) -> Result<Vec<Draft>, OfficerError> {
    let mut parts: Vec<_> = items.chunks(LIST_ITEMS_MAX).map(<[_]>::to_vec).collect();
    if parts.is_empty() {
        parts.push(Vec::new());
    }
    let some = |text: &str| Field::or_none(Some(text.to_owned()).filter(|text| !text.is_empty()));
    let draft = |(number, part): (usize, Vec<_>)| {
        let scopes = if number == 0 { decision.selection.scopes.clone() } else { Vec::new() };
        let refers_to = decision.refers_to.map(Hash::to_vec).unwrap_or_default();
        let selection = SelectionSubject {
            act: act.to_vec(),
            refers_to: refers_to.clone(),
            scopes,
            code: decision.code.clone(),
            list_version: list_version.into(),
            test: decision.test.clone(),
            until_ms: decision.until_ms,
            count: decision.approved.map_or(items.len() as u64, |approved| approved.count),
            events_root: decision.approved.map(|approved| approved.root.to_vec()).unwrap_or_default(),
        };
        let subject = if kind == EventKind::CustodyPurged {
            // Who has it now is said in the words of the deed.
            let (other_origin, events) = (decision.decision.clone(), items.len() as u64);
            print(&CustodySubject { transfer: refers_to, other_origin, events, ..CustodySubject::default() })?
        } else {
            print(&selection)?
        };
        let act = RecordsAct {
            person: some(&decision.person),
            decision: some(&decision.decision),
            reason: some(&decision.reason),
            items: part,
            ..RecordsAct::new(kind, subject)
        };
        Ok(act.draft(now_ms())?)
    };
    parts.into_iter().enumerate().map(draft).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_in_time_up_to_the_last_millisecond_of_its_term() {
        let spot = Spot { entry: 4, position: 1 };
        let check = |now_ms| check_claim_term(spot, 1_000, 30, now_ms);
        assert_eq!(check(1_000 + 30 * DAY_MS), Ok(()));
        assert_eq!(check(1_001 + 30 * DAY_MS), Err(OfficerError::ClaimTooLate { spot, days: 30 }));
        assert_eq!(check_claim_term(spot, 1_000, u64::MAX, u64::MAX), Ok(()), "a term without end");
    }
}
