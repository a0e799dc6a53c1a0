//! What the page can ask: each answer is names, words and dates; ids only where an act must be named again.

use super::{DeskError, words};
use crate::acts::{Act, Acts, Selection, Subject, Target};
use crate::case::{Book, Case};
use crate::documents::{Exact, Zone};
use crate::export::Spot;
use crate::keys::{Actor, ArchiveKey, KeyFolder};
use crate::officer::{Decision, Officer, OfficerError, approve};
use crate::plan::{Choice, Hit, Plan, slot_name};
use crate::reading::{Message, Purpose, Reading, read, read_acts};
use crate::retention::{SelectionList, month_of, overview};
use crate::search::Query;
use crate::source::{Source, SourceError, now_ms};
use serde_json::{Value, json};
use zegel_proto::v1::{EventKind, Scope, StreamType};
use zegel_verifier::bundle::plain::plain;
use zegel_verifier::hash::Hash;
use zegel_verifier::labels;

/// An officer at his desk.
pub struct Work {
    officer: Officer,
    keys: Vec<ArchiveKey>,
    folder: KeyFolder,
    ledger: String,
    person: String,
    zone: Zone,
}

/// Who looks at what waits, as long as he has not said his name.
const APPROVER: &str = "goedkeurder";
/// The officer's clock on the wall.
const ZONE: &str = "Europe/Amsterdam";

fn text<'a>(asked: &'a Value, field: &'static str) -> Result<&'a str, DeskError> {
    asked[field].as_str().filter(|text| !text.trim().is_empty()).ok_or(DeskError::Request { field })
}

fn number(value: &Value, field: &'static str) -> Result<u32, DeskError> {
    value[field].as_u64().and_then(|number| u32::try_from(number).ok()).ok_or(DeskError::Request { field })
}

impl Work {
    /// Opens the desk of an officer.
    ///
    /// # Errors
    /// [`DeskError`].
    pub async fn open(folder: KeyFolder, ledger: &str, person: &str) -> Result<Self, DeskError> {
        let officer = Officer::open(&folder, ledger).await?;
        let keys = folder.archive_keys()?;
        let zone = Zone::named(ZONE)?;
        Ok(Self { officer, keys, folder, ledger: ledger.into(), person: person.into(), zone })
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
            "classify" => self.classify(asked).await,
            "propose" => self.propose(asked).await,
            "waiting" => self.waiting(asked).await,
            "approve" => self.approve(asked).await,
            "cases" => self.cases().await,
            "due" => self.due().await,
            "hold" => self.hold(asked).await,
            "release" => self.release(asked).await,
            _ => Err(DeskError::Request { field: "act" }),
        }
    }

    async fn acts(&mut self, reason: &str) -> Result<Reading, DeskError> {
        let ids = self.ids();
        if ids.is_empty() {
            return Ok(Reading::default());
        }
        Ok(read_acts(self.officer.source(), &self.keys, &ids, &Purpose::reading(&self.person, reason)).await?)
    }

    /// The same as the approver sees it, under his own key and name.
    async fn acts_as(&self, approver: &mut Source, (person, reason): (&str, &str)) -> Result<Reading, DeskError> {
        let ids = self.ids();
        if ids.is_empty() {
            return Ok(Reading::default());
        }
        Ok(read_acts(approver, &self.keys, &ids, &Purpose::reading(person, reason)).await?)
    }

    fn ids(&self) -> Vec<(StreamType, Hash)> {
        let register = self.officer.register();
        let custodians = register.custodians().map(|(_, id)| (StreamType::StreamCustodian, id.id));
        let conversations = register.conversations().map(|(_, id)| (StreamType::StreamConversation, id.id));
        conversations.chain(custodians).collect()
    }

    async fn lists(&mut self) -> Result<Value, DeskError> {
        let reading = self.acts("lists at the desk").await?;
        let conversations: Vec<Value> = self
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
        let custodians: Vec<&str> = self.officer.register().custodians().map(|(name, _)| name).collect();
        let custodians = json!(custodians);
        let (ministry, person) = (self.folder.ministry().ministry.clone(), self.person.clone());
        let registry = self.officer.source().registry();
        let pair = |(code, label): (&str, &str)| json!({ "code": code, "label": label });
        let classes: Vec<Value> = registry.map(|registry| registry.classes().map(pair).collect()).unwrap_or_default();
        let grounds: Vec<Value> = registry.map(|registry| registry.grounds().map(pair).collect()).unwrap_or_default();
        Ok(json!({
            "ministry": ministry, "person": person, "conversations": conversations, "custodians": custodians,
            "classes": classes, "grounds": grounds,
        }))
    }

    fn scope(&self, asked: &Value) -> Result<Scope, DeskError> {
        let id = self.officer.register().conversation(text(asked, "conversation")?)?;
        Ok(Scope { stream: StreamType::StreamConversation as i32, id: id.to_vec(), ..Scope::default() })
    }

    async fn read(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let (scope, purpose) = (self.scope(asked)?, text(asked, "purpose")?);
        let purpose = Purpose::reading(&self.person, purpose);
        let reading = read(self.officer.source(), &self.keys, &[scope], &purpose).await?;
        Ok(json!({ "messages": self.shown(&reading, reading.messages()) }))
    }

    async fn search(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let purpose = Purpose::search(&self.person, text(asked, "purpose")?);
        let words = text(asked, "words")?.split_whitespace().map(String::from).collect();
        let ids: Vec<Hash> = self.officer.register().conversations().map(|(_, id)| id.id).collect();
        let scope =
            |id: Hash| Scope { stream: StreamType::StreamConversation as i32, id: id.to_vec(), ..Scope::default() };
        let scopes: Vec<Scope> = ids.into_iter().map(scope).collect();
        let reading = read(self.officer.source(), &self.keys, &scopes, &purpose).await?;
        let query = Query { words, ..Query::default() };
        let found = reading.messages().into_iter().filter(|message| query.finds(message)).collect();
        Ok(json!({ "messages": self.shown(&reading, found) }))
    }

    async fn classify(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let places = asked["places"].as_array().ok_or(DeskError::Request { field: "places" })?;
        let spot = |place: &Value| place.as_str().and_then(Spot::parse).ok_or(DeskError::Request { field: "places" });
        let spots = places.iter().map(spot).collect::<Result<Vec<_>, _>>()?;
        let decision = Decision {
            selection: Selection { spots, ..Selection::default() },
            code: text(asked, "class")?.into(),
            test: text(asked, "test")?.into(),
            person: self.person.clone(),
            ..Decision::default()
        };
        self.officer.decide(EventKind::ClassAssigned, &decision).await?;
        Ok(json!({ "classified": places.len() }))
    }

    async fn propose(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let decision = text(asked, "decision")?;
        let parts = asked["parts"].as_array().ok_or(DeskError::Request { field: "parts" })?;
        let mut hits = Vec::new();
        for part in parts {
            let grounds = part["grounds"].as_array().into_iter().flatten().filter_map(Value::as_str);
            hits.push(Hit {
                place: text(part, "place")?.into(),
                slot: "text".into(),
                first: number(part, "first")?,
                count: number(part, "count")?,
                grounds: grounds.map(String::from).collect(),
                choice: Choice::Cover,
                hide_length: part["hide_length"].as_bool().unwrap_or(false),
                at_ms: part["at_ms"].as_u64().unwrap_or(0),
                motivation: part["motivation"].as_str().unwrap_or_default().into(),
                ..Hit::default()
            });
        }
        let registry = self.officer.source().registry().ok_or(crate::export::ExportError::NoRegistry)?;
        let (cover, warnings) = Plan::of_hits(hits).settle(registry, now_ms())?;
        let mut said: Vec<Value> = warnings.iter().map(words::warning).collect();
        said.dedup();
        let decided = self.officer.propose_redaction(&cover, decision).await?;
        Ok(json!({ "manifest": decided.act.to_string(), "parts": cover.items().len(), "warnings": said }))
    }

    /// What waits for a second pair of eyes: they belong to the approver, where his key is on this machine.
    async fn waiting(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let person = asked["person"].as_str().filter(|person| !person.trim().is_empty()).unwrap_or(APPROVER);
        let reading = match Source::of_folder(&self.folder, Actor::Approver, &self.ledger).await {
            Ok(mut approver) => self.acts_as(&mut approver, (person, "inbox of approvals")).await?,
            Err(SourceError::Key(_)) => self.acts("inbox of approvals").await?,
            Err(reason) => return Err(reason.into()),
        };
        let acts = Acts::of(&reading);
        let waiting: Vec<Value> = acts.waiting().into_iter().map(|act| described(&acts, act, &self.zone)).collect();
        Ok(json!({ "waiting": waiting }))
    }

    async fn approve(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let (id, person) = (text(asked, "id")?.to_owned(), text(asked, "person")?.to_owned());
        let mut approver = Source::of_folder(&self.folder, Actor::Approver, &self.ledger).await?;
        let reading = self.acts_as(&mut approver, (&person, "approval")).await?;
        let acts = Acts::of(&reading);
        let unknown = || OfficerError::UnknownAct { what: "proposal", id: id.clone() };
        let act = crate::hex::parse(&id).and_then(|id| acts.by_id(id)).ok_or_else(unknown)?;
        let reason = asked["reason"].as_str().unwrap_or_default();
        approve(&mut approver, act, &person, reason).await?;
        Ok(json!({ "approved": id }))
    }

    /// Cases as the officer keeps them, and what left without one.
    async fn cases(&mut self) -> Result<Value, DeskError> {
        let book = Book::open(&self.folder.path().join("cases.json"))?;
        let now = now_ms();
        let kept: Vec<Value> = book.iter().map(|(name, case)| case_row(name, case, now)).collect();
        let reading = self.acts("cases").await?;
        let acts = Acts::of(&reading);
        let export = |act: &Act| match &act.subject {
            Subject::Export(export) => Some(json!({
                "case": plain(&export.case),
                "recipient": plain(&export.recipient),
                "date": self.zone.told(act.at_ms),
                "of": export.scope.as_ref().and_then(|scope| reading.names.get(&Hash::read(&scope.id)?)).map(|name| plain(name)),
                "covered": !export.manifest.is_empty(),
            })),
            _ => None,
        };
        Ok(json!({ "cases": kept, "exports": acts.iter().filter_map(export).collect::<Vec<_>>() }))
    }

    /// Keeps a conversation from destruction.
    async fn hold(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let (scope, reason) = (self.scope(asked)?, text(asked, "reason")?.to_owned());
        let selection = Selection { scopes: vec![scope], ..Selection::default() };
        let decision = Decision { selection, reason, person: self.person.clone(), ..Decision::default() };
        let decided = self.officer.decide(EventKind::HoldPlaced, &decision).await?;
        Ok(json!({ "hold": decided.act.to_string() }))
    }

    async fn release(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let (id, reason) = (text(asked, "hold")?.to_owned(), text(asked, "reason")?.to_owned());
        let reading = self.acts("release of a hold").await?;
        let acts = Acts::of(&reading);
        let unknown = || OfficerError::UnknownAct { what: "hold in force", id: id.clone() };
        let hold = crate::hex::parse(&id).filter(|id| acts.holds().any(|act| act.id() == Some(*id)));
        let refers_to = Some(hold.ok_or_else(unknown)?);
        let decision = Decision { refers_to, reason, person: self.person.clone(), ..Decision::default() };
        self.officer.decide(EventKind::HoldReleased, &decision).await?;
        Ok(json!({ "released": id }))
    }

    async fn due(&mut self) -> Result<Value, DeskError> {
        let reading = self.acts("overview of terms").await?;
        let list = SelectionList::in_force(self.officer.source().registry())?;
        let ids: Vec<Hash> = self.officer.register().conversations().map(|(_, id)| id.id).collect();
        let acts = Acts::of(&reading);
        let mut rows = overview(&reading, &acts, &list, &ids, now_ms());
        rows.retain(|row| row.month > 0);
        let hold = |act: &Act| {
            let id = act.id().map(|id| id.to_string());
            let reason = if act.reason.is_empty() { &act.decision } else { &act.reason };
            json!({ "hold": id, "reason": plain(reason), "person": plain(&act.person), "date": self.zone.told(act.at_ms) })
        };
        let holds: Vec<Value> = acts.holds().map(hold).collect();
        Ok(json!({ "list": list.version(), "now": month_of(now_ms()), "due": rows, "holds": holds }))
    }
}

impl Work {
    fn shown(&self, reading: &Reading, messages: Vec<Message>) -> Vec<Value> {
        let acts = Acts::of(reading);
        messages.into_iter().map(|message| self.message(reading, &acts, &message)).collect()
    }

    fn message(&self, reading: &Reading, acts: &Acts, message: &Message) -> Value {
        let event = reading.event(message.spot);
        let class = event.and_then(|event| Some(acts.class_of(&Target::of(event))?.code().to_owned()));
        let words: Vec<String> = message.words.iter().map(|word| quiet(word)).collect();
        let attachments: Vec<String> = message.attachments.iter().map(|name| plain(name)).collect();
        let kind = EventKind::from_str_name(message.kind).unwrap_or_default();
        let (nl, en) = labels::kind(kind);
        let (sender, target) = (quiet(&message.sender), quiet(&message.target));
        json!({
            "place": message.place, "kind": message.kind, "label": { "nl": nl, "en": en }, "at_ms": message.at_ms,
            "day": self.zone.told(message.at_ms), "time": self.zone.clock(message.at_ms, Exact::Minute),
            "sender": sender, "custodian": plain(&message.custodian), "conversation": plain(&message.conversation),
            "words": words, "attachments": attachments, "class": class, "said": message.is_said(),
            // A number of the log says nothing to a reader.
            "target": if target.starts_with("seq:") { String::new() } else { target }, "gone": message.is_gone,
        })
    }
}

/// A case, and what has to be done before anything may leave in it.
fn case_row(name: &str, case: &Case, now_ms: u64) -> Value {
    let noted = |about: &str| case.noted.iter().any(|noted| noted.about == about);
    let state = match () {
        () if case.is_closed => "closed",
        () if !case.disclosures.is_empty() => "disclosed",
        () if !noted("zoekslag") => "search",
        () if case.decision().is_none() => "decision",
        () if now_ms < case.waits_until_ms() => "waits",
        () if case.approvals.is_empty() => "approval",
        () => "ready",
    };
    json!({
        "case": plain(name), "regime": case.regime.code(), "requester": plain(&case.requester),
        "matter": plain(&case.matter), "state": state, "disclosed": case.disclosures.len(),
    })
}

/// Text for the page: the mark that apps put before their own words moves nothing, the others might.
fn quiet(text: &str) -> String {
    plain(&text.replace('\u{200e}', "").replace('\n', " "))
}

fn described(acts: &Acts, act: &Act, zone: &Zone) -> Value {
    let id = act.id().unwrap_or(Hash::ZERO);
    let manifest = acts.manifest(id);
    let items = manifest.as_ref().map_or(&act.items, |manifest| &manifest.items);
    let parts = items.iter().take(200).map(|item| {
        json!({
            "place": Spot { entry: item.entry, position: item.position }.to_string(), "slot": slot_name(item.slot),
            "first": item.first_item, "count": item.item_count, "grounds": item.grounds,
        })
    });
    let decision = match &act.subject {
        Subject::Redaction(redaction) => redaction.decision.clone(),
        _ => act.decision.clone(),
    };
    json!({
        "id": id.to_string(), "kind": act.kind.as_str_name(), "decision": plain(&decision), "date": zone.told(act.at_ms),
        "code": plain(act.code()), "count": items.len(), "parts": parts.collect::<Vec<_>>(),
    })
}
