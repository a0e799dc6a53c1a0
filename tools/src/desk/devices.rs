//! Phones at the desk: whose conversations are admitted, and what may be removed from a device.

use super::ends::short;
use super::work::text;
use super::{DeskError, Work};
use crate::admission::{self, Decision, Gate};
use crate::clearance::{self, Clearance};
use crate::officer::OfficerError;
use crate::reading::{Purpose, ReadEvent, Reading};
use serde_json::{Value, json};
use zegel_proto::parse;
use zegel_proto::v1::{ChatDetail, EventKind, ReadoutChat, Scope, StreamType};
use zegel_verifier::bundle::plain::plain;
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::{capture, chat};

impl Work {
    /// Every conversation of an official: captured, admitted, refused, or waiting.
    pub(super) async fn contacts(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let custodian = self.at.officer.register().custodian(text(asked, "custodian")?)?;
        self.at.officer.source().refresh().await.map_err(OfficerError::from)?;
        let scope = Scope { stream: StreamType::StreamCustodian as i32, id: custodian.to_vec(), ..Scope::default() };
        let reading = self.at.read(&[scope], &Purpose::reading(&self.person, "admission of contacts")).await?;
        let left_out = left_out(&reading);
        let row = |(title, id): (&str, Hash)| {
            let of = || reading.events.iter().filter(move |event| event.facts.conversation == Some(id));
            let has_begun = of().any(|event| admission::begins(event.facts.kind as u32));
            let decided = of().filter_map(decision).last();
            let state = match (decided, has_begun, left_out.contains(&id)) {
                (Some(Decision::Refused), ..) => "refused",
                (Some(Decision::Admitted), ..) => "admitted",
                (None, true, _) => "captured",
                (None, false, true) => "waits",
                (None, false, false) => "unseen",
            };
            json!({ "conversation": plain(title), "state": state })
        };
        let register = self.at.officer.register();
        let rows: Vec<Value> = register.conversations().map(|(title, id)| row((title, id.id))).collect();
        let registry = self.at.officer.source().registry();
        let policy = registry.and_then(|registry| registry.policy(admission::POLICY)).unwrap_or("direct_capture");
        Ok(json!({ "contacts": rows, "policy": policy }))
    }

    /// The official admits a contact, or refuses him.
    pub(super) async fn contact(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let register = self.at.officer.register();
        let custodian = register.custodian(text(asked, "custodian")?)?;
        let conversation = register.conversation(text(asked, "conversation")?)?;
        let decided = Decision::of_word(text(asked, "decision")?).ok_or(DeskError::Request { field: "decision" })?;
        admission::decide(&self.at.folder, self.at.ledger(), (custodian, conversation), decided).await?;
        Ok(json!({ "decided": decided.word() }))
    }

    /// What may be removed from a phone, before anybody signs for it.
    pub(super) async fn clearance(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let found = clearance::look(&mut self.at, text(asked, "custodian")?, &self.person).await?;
        Ok(self.cleared(&found))
    }

    /// Signs for it.
    pub(super) async fn clear(&mut self, asked: &Value) -> Result<Value, DeskError> {
        let signed = clearance::clear(&mut self.at, text(asked, "custodian")?, &self.person).await?;
        let path = self.made("vrijgaven")?.join(format!("vrijgave-{}.json", short(signed.act())));
        signed.write(&path)?;
        let mut shown = self.cleared(&signed.clearance);
        shown["path"] = json!(path.with_extension("pdf"));
        Ok(shown)
    }

    fn cleared(&self, found: &Clearance) -> Value {
        let chat = |chat: &clearance::Cleared| {
            let stays: Vec<String> = chat.stays.iter().map(|reason| plain(reason)).collect();
            // What was left out is listed by its id alone: the officer's own list has its title.
            let known = chat.conversation.and_then(|id| self.at.officer.register().name_of(id));
            let title = if chat.title.is_empty() { known.unwrap_or_default() } else { chat.title.as_str() };
            json!({ "title": plain(title), "events": chat.events, "stays": stays })
        };
        json!({ "chats": found.chats.iter().map(chat).collect::<Vec<_>>(), "until": self.zone.told(found.until_ms) })
    }
}

/// Conversations that the newest read-outs did not take in, since nobody was admitted.
fn left_out(reading: &Reading) -> Vec<Hash> {
    let closed = reading.events.iter().filter(|event| event.facts.kind == EventKind::ReadoutClosed);
    let listed = closed.filter_map(|event| event.body.as_ref()).flat_map(|(_, body)| body.items(capture::ITEMS));
    let listed = listed.flatten().filter_map(|item| parse::<ReadoutChat>(item).ok());
    let waits = listed.filter(|chat| Gate::Waiting.reason() == Some(chat.skipped_reason.as_str()));
    waits.filter_map(|chat| Hash::read(&chat.conversation)).collect()
}

fn decision(event: &ReadEvent) -> Option<Decision> {
    let (_, body) = event.body.as_ref().filter(|_| event.facts.kind == EventKind::ContactDecided)?;
    Decision::of_word(&parse::<ChatDetail>(body.value(chat::DETAIL)?).ok()?.what)
}
