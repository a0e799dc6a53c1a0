//! What the page can ask: each answer is names, words and dates; ids only where an act must be named again.
//!
//! Here: lists, reading, searching, classifying, proposing a redaction. The other acts stand beside it, by the view that asks for them.

use super::approvals::Seen;
use super::{DeskError, shown, words};
use crate::acts::Selection;
use crate::documents::Zone;
use crate::export::Spot;
use crate::keys::KeyFolder;
use crate::officer::{Decision, OfficerError};
use crate::plan::{Choice, Hit, Plan};
use crate::reading::{Purpose, Reading};
use crate::retention::SelectionList;
use crate::search::Query;
use crate::source::{Source, SourceError, now_ms};
use crate::workplace::Workplace;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use zegel_proto::v1::{EventKind, Scope, StreamType};
use zegel_verifier::hash::Hash;

/// An officer at his desk.
pub struct Work {
    pub(super) at: Workplace,
    pub(super) person: String,
    pub(super) zone: Zone,
    /// Where packages, declarations and statements are put.
    pub(super) out: PathBuf,
    /// What was looked at before it may be approved, and by whom.
    pub(super) seen: BTreeMap<String, Seen>,
}

/// The officer's clock on the wall.
const ZONE: &str = "Europe/Amsterdam";

pub(super) fn text<'a>(asked: &'a Value, field: &'static str) -> Result<&'a str, DeskError> {
    asked[field].as_str().filter(|text| !text.trim().is_empty()).ok_or(DeskError::Request { field })
}

pub(super) fn optional<'a>(asked: &'a Value, field: &'static str) -> &'a str {
    asked[field].as_str().unwrap_or_default().trim()
}

fn number(value: &Value, field: &'static str) -> Result<u32, DeskError> {
    value[field].as_u64().and_then(|number| u32::try_from(number).ok()).ok_or(DeskError::Request { field })
}

/// Messages that were picked.
pub(super) fn spots(asked: &Value) -> Result<Vec<Spot>, DeskError> {
    let places = asked["places"].as_array().filter(|places| !places.is_empty());
    let spot = |place: &Value| place.as_str().and_then(Spot::parse).ok_or(DeskError::Request { field: "places" });
    places.ok_or(DeskError::Request { field: "places" })?.iter().map(spot).collect()
}

impl Work {
    /// Opens the desk of an officer. What the officer makes is put in folders of `out`.
    ///
    /// # Errors
    /// [`DeskError`].
    pub async fn open(folder: KeyFolder, ledger: &str, person: &str, out: PathBuf) -> Result<Self, DeskError> {
        let at = Workplace::open(folder, ledger).await?;
        Ok(Self { at, person: person.into(), zone: Zone::named(ZONE)?, out, seen: BTreeMap::new() })
    }

    /// Does what the page asks.
    ///
    /// # Errors
    /// [`DeskError`]: the page shows its sentence.
    pub async fn act(&mut self, name: &str, asked: &Value) -> Result<Value, DeskError> {
        match name {
            "lists" => self.lists().await,
            "read" => self.read(asked).await,
            "search" => self.search(asked).await,
            "accept" => self.accept(asked).await,
            "classify" => self.classify(asked).await,
            "propose" => self.propose(asked).await,
            "waiting" => self.waiting(asked).await,
            "look" => self.look(asked).await,
            "look_export" => self.look_export(asked).await,
            "approve" => self.approve(asked).await,
            "approve_export" => self.approve_export(asked).await,
            "cases" => self.cases().await,
            "case" => self.case(asked).await,
            "case_open" => self.case_open(asked).await,
            "case_note" => self.case_note(asked).await,
            "case_pack" => self.case_pack(asked).await,
            "case_send" => self.case_send(asked).await,
            "case_close" => self.case_close(asked).await,
            "due" => self.due().await,
            "hold" => self.hold(asked).await,
            "release" => self.release(asked).await,
            "retain" => self.retain(asked).await,
            "end" => self.end(asked).await,
            "orders" => self.orders().await,
            "carry_out" => self.carry_out(asked).await,
            "cover_forever" => self.cover_forever(asked).await,
            "contacts" => self.contacts(asked).await,
            "contact" => self.contact(asked).await,
            "clearance" => self.clearance(asked).await,
            "clear" => self.clear(asked).await,
            _ => Err(DeskError::Request { field: "act" }),
        }
    }

    /// The acts of the log; none where nothing is registered yet.
    pub(super) async fn acts(&mut self, reason: &str) -> Result<Reading, DeskError> {
        none_yet(self.at.acts(&self.person, reason).await)
    }

    /// The same as the approver sees it, under his own key and name.
    pub(super) async fn acts_as(&self, approver: &mut Source, who: (&str, &str)) -> Result<Reading, DeskError> {
        none_yet(self.at.acts_of(approver, who).await)
    }

    /// The second pair of eyes, if its key is on this machine.
    pub(super) async fn approver(&self) -> Result<Source, DeskError> {
        self.at.approver().await.map_err(|reason| match reason {
            SourceError::Key(reason) => DeskError::NoApprover { reason },
            reason => reason.into(),
        })
    }

    async fn lists(&mut self) -> Result<Value, DeskError> {
        let reading = self.acts("lists at the desk").await?;
        let conversations: Vec<Value> = self
            .at
            .officer
            .register()
            .conversations()
            .map(|(title, id)| {
                let months = reading.months.get(&id.id).cloned().unwrap_or_default();
                let known = months.iter().filter(|(month, _)| *month > 0).map(|(month, _)| *month);
                let events: u64 = months.iter().filter(|(month, _)| *month > 0).map(|(_, events)| events).sum();
                json!({ "title": title, "events": events, "first": known.clone().min(), "last": known.max() })
            })
            .collect();
        let custodians: Vec<&str> = self.at.officer.register().custodians().map(|(name, _)| name).collect();
        let custodians = json!(custodians);
        let (ministry, person) = (self.at.folder.ministry().ministry.clone(), self.person.clone());
        let registry = self.at.officer.source().registry();
        let pair = |(code, label): (&str, &str)| json!({ "code": code, "label": label });
        let classes: Vec<Value> = registry.map(|registry| registry.classes().map(pair).collect()).unwrap_or_default();
        let grounds: Vec<Value> = registry.map(|registry| registry.grounds().map(pair).collect()).unwrap_or_default();
        let categories = json!(SelectionList::in_force(registry)?);
        Ok(json!({
            "ministry": ministry, "person": person, "conversations": conversations, "custodians": custodians,
            "classes": classes, "grounds": grounds, "selection_list": categories,
        }))
    }

    pub(super) fn scope(&self, asked: &Value) -> Result<Scope, DeskError> {
        let id = self.at.officer.register().conversation(text(asked, "conversation")?)?;
        Ok(Scope { stream: StreamType::StreamConversation as i32, id: id.to_vec(), ..Scope::default() })
    }

    async fn read(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let (scope, purpose) = (self.scope(asked)?, text(asked, "purpose")?);
        let purpose = Purpose::reading(&self.person, purpose);
        let reading = self.at.read(&[scope], &purpose).await?;
        Ok(json!({ "messages": shown::all(&self.zone, &reading, reading.messages()) }))
    }

    async fn search(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let purpose = Purpose::search(&self.person, text(asked, "purpose")?);
        let query = query(asked, &self.zone)?;
        let ids: Vec<Hash> = self.at.officer.register().conversations().map(|(_, id)| id.id).collect();
        let scope =
            |id: Hash| Scope { stream: StreamType::StreamConversation as i32, id: id.to_vec(), ..Scope::default() };
        let scopes: Vec<Scope> = ids.into_iter().map(scope).collect();
        let reading = self.at.read(&scopes, &purpose).await?;
        let found = reading.messages().into_iter().filter(|message| query.finds(message)).collect();
        Ok(json!({ "messages": shown::all(&self.zone, &reading, found) }))
    }

    async fn classify(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let spots = spots(asked)?;
        let count = spots.len();
        let decision = Decision {
            selection: Selection { spots, ..Selection::default() },
            code: text(asked, "class")?.into(),
            test: text(asked, "test")?.into(),
            person: self.person.clone(),
            ..Decision::default()
        };
        self.at.officer.decide(EventKind::ClassAssigned, &decision).await?;
        Ok(json!({ "classified": count }))
    }

    async fn propose(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let decision = text(asked, "decision")?;
        let parts = asked["parts"].as_array().ok_or(DeskError::Request { field: "parts" })?;
        let hits = parts.iter().map(hit).collect::<Result<Vec<_>, _>>()?;
        let registry = self.at.officer.source().registry().ok_or(crate::export::ExportError::NoRegistry)?;
        let (cover, warnings) = Plan::of_hits(hits).settle(registry, now_ms())?;
        let mut said: Vec<Value> = warnings.iter().map(words::warning).collect();
        said.dedup();
        let (cover, again) = self.at.widened(&cover, &self.person).await?;
        let decided = self.at.officer.propose_redaction(&cover, decision).await?;
        let (parts, again) = (cover.items().len(), words::again(&again));
        Ok(json!({ "manifest": decided.act.to_string(), "parts": parts, "again": again, "warnings": said }))
    }
}

/// What is looked for: words, a sender, days; at least one of them.
fn query(asked: &Value, zone: &Zone) -> Result<Query, DeskError> {
    let day = |field: &'static str| match optional(asked, field) {
        "" => Ok(None),
        date => date.parse::<jiff::civil::Date>().map(Some).map_err(|_| DeskError::Request { field }),
    };
    let (from, to) = (day("from")?, day("to")?);
    let query = Query {
        words: optional(asked, "words").split_whitespace().map(String::from).collect(),
        sender: optional(asked, "sender").into(),
        from_ms: from.and_then(|date| zone.midnight_ms(date)),
        before_ms: to.and_then(|date| zone.midnight_ms(date.tomorrow().ok()?)),
        ..Query::default()
    };
    if query == Query::default() { Err(DeskError::Request { field: "words" }) } else { Ok(query) }
}

/// Words of a message that are to be covered.
fn hit(part: &Value) -> Result<Hit, DeskError> {
    let grounds = part["grounds"].as_array().into_iter().flatten().filter_map(Value::as_str);
    Ok(Hit {
        place: text(part, "place")?.into(),
        slot: "text".into(),
        first: number(part, "first")?,
        count: number(part, "count")?,
        grounds: grounds.map(String::from).collect(),
        choice: Choice::Cover,
        hide_length: part["hide_length"].as_bool().unwrap_or(false),
        at_ms: part["at_ms"].as_u64().unwrap_or(0),
        motivation: optional(part, "motivation").into(),
        ..Hit::default()
    })
}

fn none_yet(found: Result<Reading, OfficerError>) -> Result<Reading, DeskError> {
    match found {
        Err(OfficerError::NothingSelected) => Ok(Reading::default()),
        found => Ok(found?),
    }
}
