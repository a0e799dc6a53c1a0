//! The second pair of eyes: what waits, what it would cover or end in its own words, and the approval.
//!
//! Invariants: all of it is read and signed under the approver's key, and logged before it opens; nobody approves here what he has not been shown, what has
//! changed since he was, nor what bears his own name. Not here: what an approval means (`officer`, `case`).

use super::work::{optional, text};
use super::{DeskError, Work, shown};
use crate::acts::{Act, Acts, Subject};
use crate::case::Cases;
use crate::documents;
use crate::export::Spot;
use crate::hex;
use crate::officer::{OfficerError, approve};
use crate::reading::{self, Message, Purpose, Reading};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use zegel_proto::v1::{EventKind, RedactionItem};
use zegel_verifier::approval::Listed;
use zegel_verifier::bundle::plain::plain;
use zegel_verifier::hash::Hash;

/// Who looks at what waits, as long as he has not said his name.
const APPROVER: &str = "goedkeurder";
/// Lines of a package that are shown before it leaves; the rest is in the bundle.
const LINES_MAX: usize = 20_000;

/// What somebody looked at.
pub(super) struct Seen {
    /// Under which name.
    person: String,
    /// The items that were shown, of what lists items.
    listed: Option<Listed>,
}

impl Work {
    /// What waits for a second pair of eyes: they belong to the approver, where his key is on this machine.
    pub(super) async fn waiting(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let person = Some(optional(asked, "person")).filter(|person| !person.is_empty()).unwrap_or(APPROVER);
        let reading = match self.approver().await {
            Ok(mut approver) => self.acts_as(&mut approver, (person, "inbox of approvals")).await?,
            Err(DeskError::NoApprover { .. }) => self.acts("inbox of approvals").await?,
            Err(reason) => return Err(reason),
        };
        let acts = Acts::of(&reading);
        let mut waiting: Vec<Value> = acts.waiting().into_iter().map(|act| self.described(&acts, act)).collect();
        waiting.extend(self.exports_waiting(&acts, &reading)?);
        Ok(json!({ "waiting": waiting }))
    }

    /// What an approver is asked to approve, in its own words.
    pub(super) async fn look(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let (id, person) = (text(asked, "id")?, text(asked, "person")?);
        let mut approver = self.approver().await?;
        let acts = Acts::of(&self.acts_as(&mut approver, (person, "approval")).await?);
        let act = proposal(&acts, id)?;
        check_other(act, person)?;
        let items = acts.items(act);
        let spot = |item: &RedactionItem| Spot { entry: item.entry, position: item.position };
        let scopes = self.at.scopes_of(items.iter().map(spot)).await?;
        let purpose = Purpose::reading(person, &format!("approval: {}", described_by(act)));
        let reading = self.at.read_as(&mut approver, &scopes, &purpose).await?;
        let mut by_spot: BTreeMap<Spot, Vec<&RedactionItem>> = BTreeMap::new();
        items.iter().for_each(|item| by_spot.entry(spot(item)).or_default().push(item));
        let messages: Vec<Message> = reading.messages();
        let wanted = messages.iter().filter_map(|message| Some((message, by_spot.get(&message.spot)?)));
        // The acts of the whole log, by which a message has its class.
        let shown: Vec<Value> =
            wanted.map(|(message, items)| shown::with_cover(&self.zone, &reading, &acts, message, items)).collect();
        self.seen.insert(id.into(), Seen { person: person.into(), listed: acts.listed(act) });
        let mut found = self.described(&acts, act);
        found["messages"] = shown.into();
        Ok(found)
    }

    /// What a recipient would get, as the bundle has it.
    pub(super) async fn look_export(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let (id, person) = (text(asked, "id")?, text(asked, "person")?);
        let export = hex::parse(id).ok_or(DeskError::Request { field: "id" })?;
        let bundle = self.bundle(text(asked, "case")?, export)?;
        let mut approver = self.approver().await?;
        let trust = self.trust();
        let mut bundle = documents::Reading::open(&bundle, &trust, &self.zone, &self.out)?;
        let purpose = Purpose::reading(person, "approval of a disclosure");
        reading::note(&mut approver, &[bundle.scope().clone()], &purpose).await?;
        let (mut lines, mut more) = (Vec::new(), 0);
        for document in bundle.documents().to_vec() {
            for line in bundle.lines(&document)? {
                if lines.len() < LINES_MAX {
                    let mut shown = shown::line(&self.zone, &line);
                    shown["conversation"] = plain(&document.title).into();
                    lines.push(shown);
                } else {
                    more += 1;
                }
            }
        }
        self.seen.insert(id.into(), Seen { person: person.into(), listed: None });
        Ok(json!({ "id": id, "messages": lines, "more": more, "documents": bundle.documents().len() }))
    }

    pub(super) async fn approve(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let (id, person) = (text(asked, "id")?, text(asked, "person")?);
        let listed = self.check_seen(id, person)?.listed;
        let mut approver = self.approver().await?;
        let reading = self.acts_as(&mut approver, (person, "approval")).await?;
        let acts = Acts::of(&reading);
        let act = proposal(&acts, id)?;
        check_other(act, person)?;
        if acts.listed(act) != listed {
            return Err(DeskError::Changed);
        }
        approve(&mut approver, &acts, act, (person, optional(asked, "reason"))).await?;
        self.seen.remove(id);
        Ok(json!({ "approved": id }))
    }

    pub(super) async fn approve_export(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let (id, case, person) = (text(asked, "id")?, text(asked, "case")?, text(asked, "person")?);
        self.check_seen(id, person)?;
        let export = hex::parse(id).ok_or(DeskError::Request { field: "id" })?;
        let mut approver = self.approver().await?;
        Cases::of(&self.at.folder, &mut approver)?.approve(case, export).await?;
        self.seen.remove(id);
        Ok(json!({ "approved": id }))
    }

    fn check_seen(&self, id: &str, person: &str) -> Result<&Seen, DeskError> {
        self.seen.get(id).filter(|seen| seen.person == person).ok_or(DeskError::NotSeen)
    }

    /// Exports of open cases that nobody approved yet.
    fn exports_waiting(&self, acts: &Acts, reading: &Reading) -> Result<Vec<Value>, DeskError> {
        let book = self.book()?;
        let mut found = Vec::new();
        for act in acts.of_kind(EventKind::ExportCreated) {
            let Subject::Export(export) = &act.subject else { continue };
            let (Ok(case), Some(id)) = (book.open_case(&export.case), Hash::read(&export.export)) else { continue };
            if case.approvals.iter().any(|approval| approval.export == id) || self.bundle(&export.case, id).is_err() {
                continue;
            }
            let of = export.scope.as_ref().and_then(|scope| reading.names.get(&Hash::read(&scope.id)?));
            found.push(json!({
                "id": id.to_string(), "kind": act.kind.as_str_name(), "case": plain(&export.case),
                "decision": plain(&export.case), "recipient": plain(&export.recipient),
                "of": of.map(|name| plain(name)), "date": self.zone.told(act.at_ms), "count": 0, "grounds": [],
            }));
        }
        Ok(found)
    }

    pub(super) fn described(&self, acts: &Acts, act: &Act) -> Value {
        let id = act.id().unwrap_or(Hash::ZERO);
        let items = acts.items(act);
        let mut grounds: Vec<&String> = items.iter().flat_map(|item| &item.grounds).collect();
        grounds.sort_unstable();
        grounds.dedup();
        let end = act.selection().map(|selection| selection.test.as_str()).unwrap_or_default();
        json!({
            "id": id.to_string(), "kind": act.kind.as_str_name(), "decision": plain(described_by(act)),
            "date": self.zone.told(act.at_ms), "code": plain(act.code()), "end": end, "count": items.len(),
            "grounds": grounds, "person": plain(&act.person), "reason": plain(&act.reason),
        })
    }
}

fn proposal<'a>(acts: &'a Acts, id: &str) -> Result<&'a Act, DeskError> {
    let unknown = || OfficerError::UnknownAct { what: "proposal", id: id.into() };
    Ok(hex::parse(id).and_then(|id| acts.by_id(id)).ok_or_else(unknown)?)
}

/// Who proposed under his name does not approve under it, whosever key it is.
fn check_other(act: &Act, person: &str) -> Result<(), DeskError> {
    let is_same = !act.person.is_empty() && act.person.trim().to_lowercase() == person.trim().to_lowercase();
    if is_same { Err(DeskError::SamePerson { person: act.person.clone() }) } else { Ok(()) }
}

fn described_by(act: &Act) -> &str {
    match &act.subject {
        Subject::Redaction(redaction) => &redaction.decision,
        _ if act.decision.is_empty() => act.code(),
        _ => &act.decision,
    }
}
