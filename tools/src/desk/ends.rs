//! Terms, holds and ends at the desk: what falls due, what is proposed, and what was approved and is to be carried out.

use super::work::{optional, spots, text};
use super::{DeskError, Work};
use crate::acts::{Act, Acts, Selection};
use crate::destroy::{self, End, Wanted};
use crate::disk;
use crate::export::Spot;
use crate::hex;
use crate::officer::{Decision, OfficerError};
use crate::permanent;
use crate::retention::{DueRow, SelectionList, month_of, overview};
use crate::source::now_ms;
use serde_json::{Value, json};
use std::path::PathBuf;
use zegel_proto::v1::{EventKind, RedactionItem, Scope};
use zegel_verifier::bundle::plain::plain;
use zegel_verifier::hash::Hash;

impl Work {
    pub(super) async fn due(&mut self) -> Result<Value, DeskError> {
        let reading = self.acts("overview of terms").await?;
        let list = SelectionList::in_force(self.at.officer.source().registry())?;
        let ids: Vec<Hash> = self.at.officer.register().conversations().map(|(_, id)| id.id).collect();
        let acts = Acts::of(&reading);
        let mut rows = overview(&reading, &acts, &list, &ids, now_ms());
        rows.retain(|row| row.month > 0);
        let row = |row: &DueRow| {
            json!({
                "title": plain(&row.title), "month": row.month, "events": row.events, "category": row.category,
                "term": row.term, "held": row.held.as_deref().map(plain), "is_past": row.is_past,
                "ends": ends_of(&acts, row),
            })
        };
        let due: Vec<Value> = rows.iter().map(row).collect();
        let hold = |act: &Act| {
            let id = act.id().map(|id| id.to_string());
            let reason = if act.reason.is_empty() { &act.decision } else { &act.reason };
            json!({
                "hold": id, "reason": plain(reason), "person": plain(&act.person), "date": self.zone.told(act.at_ms),
                "is_case": act.code() == "zaak",
            })
        };
        let holds: Vec<Value> = acts.holds().map(hold).collect();
        Ok(json!({ "list": list.version(), "now": month_of(now_ms()), "due": due, "holds": holds }))
    }

    /// Keeps a conversation from destruction.
    pub(super) async fn hold(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let (scope, reason) = (self.scope(asked)?, text(asked, "reason")?.to_owned());
        let selection = Selection { scopes: vec![scope], ..Selection::default() };
        let decision = Decision { selection, reason, person: self.person.clone(), ..Decision::default() };
        let decided = self.at.officer.decide(EventKind::HoldPlaced, &decision).await?;
        Ok(json!({ "hold": decided.act.to_string() }))
    }

    pub(super) async fn release(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let (id, reason) = (text(asked, "hold")?.to_owned(), text(asked, "reason")?.to_owned());
        let reading = self.acts("release of a hold").await?;
        let acts = Acts::of(&reading);
        let unknown = || OfficerError::UnknownAct { what: "hold in force", id: id.clone() };
        let hold = hex::parse(&id).filter(|id| acts.holds().any(|act| act.id() == Some(*id)));
        let refers_to = Some(hold.ok_or_else(unknown)?);
        let decision = Decision { refers_to, reason, person: self.person.clone(), ..Decision::default() };
        self.at.officer.decide(EventKind::HoldReleased, &decision).await?;
        Ok(json!({ "released": id }))
    }

    /// Takes messages, or a conversation, into the archive.
    pub(super) async fn accept(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let selection = self.selection(asked)?;
        let decision = Decision { selection, person: self.person.clone(), ..Decision::default() };
        self.at.officer.decide(EventKind::AcceptanceRecorded, &decision).await?;
        Ok(json!({ "accepted": true }))
    }

    /// Gives a category of the selection list: to messages, or to a conversation.
    pub(super) async fn retain(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let selection = self.selection(asked)?;
        let code = text(asked, "category")?.to_owned();
        let decision = Decision { selection, code, person: self.person.clone(), ..Decision::default() };
        self.at.officer.decide(EventKind::RetentionAssigned, &decision).await?;
        Ok(json!({ "category": decision.code }))
    }

    /// The messages that were picked, or the whole conversation where none was.
    fn selection(&self, asked: &Value) -> Result<Selection, DeskError> {
        match spots(asked) {
            Ok(spots) => Ok(Selection { spots, ..Selection::default() }),
            Err(_) => Ok(Selection { scopes: vec![self.scope(asked)?], ..Selection::default() }),
        }
    }

    /// Proposes an end: of a month of a conversation, or of messages that were picked in it.
    pub(super) async fn end(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let end = End::of_code(text(asked, "end")?).ok_or(DeskError::Request { field: "end" })?;
        let decision = optional(asked, "decision").to_owned();
        if end == End::Destroyed && decision.is_empty() {
            return Err(DeskError::Request { field: "decision" });
        }
        let month = asked["month"].as_u64().and_then(|month| u32::try_from(month).ok()).unwrap_or(0);
        let scope = Scope { from_month: month, to_month: month, ..self.scope(asked)? };
        // A month is proposed whole; in a conversation, what was picked.
        let spots = if month > 0 { Vec::new() } else { spots(asked)? };
        let wanted = Wanted {
            selection: Selection { scopes: vec![scope], spots },
            end,
            decision,
            person: self.person.clone(),
            reason: optional(asked, "reason").into(),
        };
        let (proposal, decided) = destroy::begin(&mut self.at, &wanted).await?;
        Ok(json!({ "proposal": decided.act.to_string(), "events": proposal.spots.len() }))
    }

    /// What was approved and is not yet carried out: ends, and redactions that could be made permanent.
    pub(super) async fn orders(&mut self) -> Result<Value, DeskError> {
        self.at.officer.source().refresh().await.map_err(OfficerError::from)?;
        let acts = Acts::of(&self.acts("what is to be carried out").await?);
        let approved = |act: &&Act| acts.approval(act).is_some();
        let mut seen = Vec::new();
        let mut ends = Vec::new();
        for act in acts.of_kind(EventKind::DestructionProposed).filter(approved) {
            if !seen.contains(&act.id()) && !is_declared(&acts, act) {
                ends.push(self.described(&acts, act));
            }
            seen.push(act.id());
        }
        let is_whole = |item: &RedactionItem| item.slot == 0;
        let forever: Vec<Value> = acts
            .manifests()
            .into_iter()
            .filter(|manifest| manifest.approved_at.is_some() && !manifest.items.iter().any(is_whole))
            .filter(|manifest| !acts.of_kind(EventKind::BodyResealed).any(|act| act.refers_to() == Some(manifest.id)))
            .map(|manifest| {
                json!({ "id": manifest.id.to_string(), "decision": plain(&manifest.decision), "count": manifest.items.len() })
            })
            .collect();
        let registry = self.at.officer.source().registry();
        let is_on = registry.and_then(|registry| registry.policy(permanent::POLICY)) == Some("on");
        Ok(json!({ "ends": ends, "forever": forever, "permanent": is_on }))
    }

    /// Orders, erases and declares. Stopped anywhere, the same goes on.
    pub(super) async fn carry_out(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let id = text(asked, "id")?;
        let order = destroy::order(&mut self.at, &self.person, id).await?;
        let erased = destroy::erase(&mut self.at, &order.print()).await?;
        let declared = destroy::declare(&mut self.at, &self.person, id).await?;
        let title = format!("verklaring-{}.json", short(declared.decided.act));
        let path = self.made("verklaringen")?.join(title);
        declared.write(&path)?;
        Ok(json!({
            "events": declared.proposal.spots.len(), "end": declared.proposal.end.code(), "files": erased.files,
            "path": path.with_extension("pdf"),
        }))
    }

    /// Covers for good what a manifest covers, where policy allows it.
    pub(super) async fn cover_forever(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let id = text(asked, "id")?;
        self.at.officer.source().refresh().await.map_err(OfficerError::from)?;
        let forever = permanent::allowed(&mut self.at, &self.person, id).await?;
        let places: Vec<Spot> = forever.units().into_keys().collect();
        let scopes = self.at.scopes_of(places.into_iter()).await?;
        let order = permanent::order(&mut self.at, &scopes, &self.person, id).await?;
        destroy::erase(&mut self.at, &order.print()).await?;
        let (_, parts) = permanent::declare(&mut self.at, &scopes, &self.person, id).await?;
        Ok(json!({ "parts": parts }))
    }

    /// A folder for what is made here, for its owner only.
    pub(super) fn made(&self, name: &str) -> Result<PathBuf, DeskError> {
        let folder = self.out.join(name);
        disk::create_folder(&folder)?;
        Ok(folder)
    }
}

/// The beginning of an id: enough to tell files of one folder apart.
pub(super) fn short(id: Hash) -> String {
    id.to_string().chars().take(12).collect()
}

/// How far an end of exactly this month has come.
fn ends_of(acts: &Acts, row: &DueRow) -> Option<&'static str> {
    let is_about = |act: &&Act| {
        let scope = act.selection().and_then(|selection| selection.scopes.first());
        scope.is_some_and(|scope| {
            Hash::read(&scope.id) == Some(row.id) && (scope.from_month, scope.to_month) == (row.month, row.month)
        })
    };
    let act = acts.of_kind(EventKind::DestructionProposed).rfind(is_about)?;
    let is_approved = acts.approval(act).is_some();
    Some(match (is_declared(acts, act), is_approved) {
        (true, _) => "ended",
        (false, true) => "approved",
        (false, false) => "proposed",
    })
}

fn is_declared(acts: &Acts, proposal: &Act) -> bool {
    acts.iter().any(|act| End::of_kind(act.kind).is_some() && act.refers_to() == proposal.id())
}
