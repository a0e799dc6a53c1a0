//! A gateway for Matrix: a homeserver pushes events (Application Service API, v1.13), and they are handed to a sidecar.
//!
//! A transaction is answered with 200 only once every event of it is spooled; until then the homeserver keeps it and sends it
//! again, and the ids of events are keys. An event stands once for each custodian who is in its room, as far as the pushed
//! memberships say; who is in which room lies in a file beside.
//!
//! Not here: media (the push has none: an attachment is *missing*), decryption, and signatures: what comes this way is class B.
//! A room that is read out with its signatures is class A (`matrix`). Specification: `specs/source.md`.

use super::{SidecarError, Tell};
use crate::disk;
use crate::json::{number, text};
use crate::source::now_ms;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use zegel_proto::source::v1::source_client::SourceClient;
use zegel_proto::source::v1::{self as handed, Answer, Place, Request};
use zegel_proto::source::v1::{answer, request};

/// Bytes of a transaction: homeservers send at most a hundred events of 64 KiB.
const TRANSACTION_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long a transaction may take to be spooled before the homeserver is told to come again.
const PATIENCE: Duration = Duration::from_secs(20);

/// What an application service needs to know.
#[derive(Clone, Debug)]
pub struct Appservice {
    /// Where the homeserver finds it.
    pub listen: SocketAddr,
    /// Token by which the homeserver is known (`hs_token` of the registration).
    pub hs_token: String,
    /// The sidecar: `unix:PATH` or `http://host:port`.
    pub socket: String,
    /// Origin of the log.
    pub log: String,
    /// Matrix users whose chats are captured, with the ids of their custodians.
    pub people: BTreeMap<String, String>,
    /// File that remembers who is in which room.
    pub rooms: PathBuf,
}

/// A session with the sidecar.
struct Session {
    requests: mpsc::Sender<Request>,
    answers: Streaming<Answer>,
    credits: u32,
}

struct Forwarder {
    appservice: Appservice,
    tell: Tell,
    session: Option<Session>,
    /// Users of ours in each room.
    rooms: BTreeMap<String, BTreeSet<String>>,
}

/// Serves a homeserver until `shutdown`.
///
/// # Errors
/// [`SidecarError::Listen`], [`SidecarError::Disk`].
pub async fn serve_homeserver(
    appservice: Appservice,
    tell: Tell,
    ready: impl FnOnce(&str),
    shutdown: impl Future<Output = ()>,
) -> Result<(), SidecarError> {
    let listen = appservice.listen;
    let failed =
        |reason: std::io::Error| SidecarError::Listen { listen: listen.to_string(), reason: reason.to_string() };
    let rooms = disk::read_if_there(&appservice.rooms)?;
    let rooms = rooms.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    ready(&listener.local_addr().map_err(failed)?.to_string());
    let token: Arc<str> = appservice.hs_token.as_str().into();
    let forwarder = Arc::new(Mutex::new(Forwarder { appservice, tell, session: None, rooms }));
    let accepting = async {
        while let Ok((stream, _)) = listener.accept().await {
            let (forwarder, token) = (Arc::clone(&forwarder), Arc::clone(&token));
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let (forwarder, token) = (Arc::clone(&forwarder), Arc::clone(&token));
                    async move { Ok::<_, Infallible>(answer(&forwarder, &token, request).await) }
                });
                let mut http = hyper::server::conn::http1::Builder::new();
                let http = http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
                // A homeserver that goes away comes again.
                let _ = http.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    };
    tokio::select! {
        () = accepting => {}
        () = shutdown => {}
    }
    Ok(())
}

type HttpAnswer = hyper::Response<Full<Bytes>>;

fn json(status: StatusCode, body: &str) -> HttpAnswer {
    let mut answer = hyper::Response::new(Full::new(Bytes::copy_from_slice(body.as_bytes())));
    *answer.status_mut() = status;
    answer
}

async fn answer(forwarder: &Mutex<Forwarder>, token: &str, request: hyper::Request<Incoming>) -> HttpAnswer {
    let given = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    if given.and_then(|given| given.strip_prefix("Bearer ")) != Some(token) {
        return json(StatusCode::FORBIDDEN, r#"{"errcode":"M_FORBIDDEN"}"#);
    }
    let path = request.uri().path().to_owned();
    let unknown = || json(StatusCode::NOT_FOUND, r#"{"errcode":"M_NOT_FOUND"}"#);
    match (request.method(), path.strip_prefix("/_matrix/app/v1/")) {
        (&Method::POST, Some("ping")) => json(StatusCode::OK, "{}"),
        (&Method::PUT, Some(rest)) if rest.starts_with("transactions/") => {
            let body = Limited::new(request.into_body(), TRANSACTION_BYTES_MAX).collect();
            let Ok(Ok(body)) = tokio::time::timeout(PATIENCE, body).await else {
                return json(StatusCode::BAD_REQUEST, r#"{"errcode":"M_TOO_LARGE"}"#);
            };
            let Ok(transaction) = serde_json::from_slice::<Value>(&body.to_bytes()) else {
                return json(StatusCode::BAD_REQUEST, r#"{"errcode":"M_NOT_JSON"}"#);
            };
            let mut forwarder = forwarder.lock().await;
            let taken = tokio::time::timeout(PATIENCE, forwarder.take(&transaction)).await;
            match taken.unwrap_or_else(|_| Err("the sidecar did not spool it in time".into())) {
                Ok(()) => json(StatusCode::OK, "{}"),
                Err(reason) => {
                    forwarder.session = None;
                    (forwarder.tell)(&format!("transaction not taken: {reason}"));
                    json(StatusCode::SERVICE_UNAVAILABLE, r#"{"errcode":"M_UNAVAILABLE"}"#)
                }
            }
        }
        _ => unknown(),
    }
}

impl Forwarder {
    async fn take(&mut self, transaction: &Value) -> Result<(), String> {
        let events = transaction.get("events").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let (mut requests, before) = (Vec::new(), self.rooms.clone());
        for event in events {
            requests.extend(self.requests(event));
        }
        let handed = self.hand_over(requests).await;
        if handed.is_err() {
            // It comes again: who was in a room then has to be known then.
            self.rooms = before;
        } else if self.rooms != before {
            let text = serde_json::to_vec_pretty(&self.rooms).unwrap_or_default();
            disk::write_durably(&self.appservice.rooms, &text).map_err(|reason| reason.to_string())?;
        }
        handed
    }

    /// An event, once for each of our people in its room, each behind the registration of the room.
    fn requests(&mut self, event: &Value) -> Vec<Request> {
        let (Some(room), Some(sender)) = (text(event, &["room_id"]), text(event, &["sender"])) else {
            return Vec::new();
        };
        let member = text(event, &["state_key"]).filter(|_| text(event, &["type"]) == Some("m.room.member"));
        let membership = text(event, &["content", "membership"]).unwrap_or_default();
        let is_there = member.is_none() || !matches!(membership, "leave" | "ban");
        let ours = self.rooms.entry(room.to_owned()).or_default();
        let joins = [Some(sender).filter(|sender| member != Some(sender) || is_there), member.filter(|_| is_there)];
        let joined = joins.into_iter().flatten().filter(|user| self.appservice.people.contains_key(*user));
        ours.extend(joined.map(str::to_owned));
        let present = ours.clone();
        if let Some(gone) = member.filter(|_| !is_there) {
            ours.remove(gone);
        }
        let custodians = present.iter().filter_map(|user| self.appservice.people.get(user));
        let made = custodians.filter_map(|custodian| {
            let content = content(event, custodian, room)?;
            Some([registration(room), asked(format!("{} {custodian}", text(event, &["event_id"])?), content)])
        });
        made.flatten().collect()
    }

    async fn hand_over(&mut self, requests: Vec<Request>) -> Result<(), String> {
        if self.session.is_none() {
            self.session = Some(self.open().await?);
        }
        let tell = Arc::clone(&self.tell);
        let Some(session) = &mut self.session else { return Ok(()) };
        let mut unanswered: BTreeSet<String> = BTreeSet::new();
        for request in requests {
            if !unanswered.insert(request.key.clone()) {
                continue;
            }
            while session.credits == 0 {
                session.listen(&mut unanswered, &tell).await?;
            }
            session.credits -= 1;
            session.requests.send(request).await.map_err(|reason| reason.to_string())?;
        }
        while !unanswered.is_empty() {
            session.listen(&mut unanswered, &tell).await?;
        }
        Ok(())
    }

    async fn open(&self) -> Result<Session, String> {
        let client = SourceClient::connect(self.appservice.socket.clone()).await;
        let mut client = client.map_err(|reason| reason.to_string())?;
        let (requests, receiver) = mpsc::channel(64);
        let custodians: BTreeSet<String> = self.appservice.people.values().cloned().collect();
        let open = handed::Open {
            log: self.appservice.log.clone(),
            gateway: "matrix-appservice".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            custodians: custodians.into_iter().collect(),
        };
        let first = asked(String::new(), request::Content::Open(open));
        requests.send(first).await.map_err(|reason| reason.to_string())?;
        let answers = client.session(ReceiverStream::new(receiver)).await.map_err(|status| status.to_string())?;
        let mut answers = answers.into_inner();
        let first = answers.message().await.map_err(|status| status.to_string())?;
        let Some(answer::Content::Opened(opened)) = first.and_then(|answer| answer.content) else {
            return Err("the first answer of the sidecar is not Opened".into());
        };
        let beats = requests.clone();
        tokio::spawn(async move {
            let pace = Duration::from_millis((opened.silence_ms / 3).max(10));
            loop {
                tokio::time::sleep(pace).await;
                if beats.send(asked(String::new(), request::Content::Heartbeat(handed::Heartbeat {}))).await.is_err() {
                    return;
                }
            }
        });
        Ok(Session { requests, answers, credits: opened.credits })
    }
}

impl Session {
    async fn listen(&mut self, unanswered: &mut BTreeSet<String>, tell: &Tell) -> Result<(), String> {
        let answer = self.answers.message().await.map_err(|status| status.to_string())?;
        match answer.ok_or("the session ended")?.content {
            Some(answer::Content::Spooled(told)) => {
                self.credits += told.credits;
                unanswered.remove(&told.key);
            }
            Some(answer::Content::NotTaken(told)) if told.name == "key_in_flight" => return Err(told.sentence),
            Some(answer::Content::NotTaken(told)) => {
                // It would not be taken tomorrow either, and would hold up the room: the homeserver still has it.
                self.credits += told.credits;
                unanswered.remove(&told.key);
                tell(&format!("event {:?} was not taken: {}: {}", told.key, told.name, told.sentence));
            }
            _ => {}
        }
        Ok(())
    }
}

fn asked(key: String, content: request::Content) -> Request {
    Request { key, sent_at_ms: now_ms(), content: Some(content) }
}

fn registration(room: &str) -> Request {
    let register = handed::Register {
        channel: handed::Channel::Matrix as i32,
        conversation: room.into(),
        title: room.into(),
        kind: "group".into(),
        id: String::new(),
    };
    asked(format!("room {room}"), request::Content::Register(register))
}

/// What all events have.
struct Said<'a> {
    event: &'a Value,
    place: Option<Place>,
    native_id: String,
    sender: String,
    target: String,
}

/// What an event is to a gateway; `None` for what says nothing of the conversation.
fn content(event: &Value, custodian: &str, room: &str) -> Option<request::Content> {
    let at_ms = number(event, &["origin_server_ts"]).unwrap_or(0);
    let clock = if at_ms == 0 { handed::Clock::Unspecified } else { handed::Clock::Server };
    let place = Some(Place {
        custodian: custodian.into(),
        channel: handed::Channel::Matrix as i32,
        conversation: room.into(),
        at_ms,
        clock: clock as i32,
    });
    let of = |path: &[&str]| text(event, path).unwrap_or_default().to_owned();
    let target = of(&["content", "m.relates_to", "event_id"]);
    let said = Said { event, place, native_id: of(&["event_id"]), sender: of(&["sender"]), target };
    said.content(text(event, &["type"])?)
}

impl Said<'_> {
    fn of(&self, path: &[&str]) -> String {
        text(self.event, path).unwrap_or_default().to_owned()
    }

    fn content(self, kind: &str) -> Option<request::Content> {
        use request::Content as C;
        let is_edit = text(self.event, &["content", "m.relates_to", "rel_type"]) == Some("m.replace");
        Some(match kind {
            "m.room.message" if is_edit => {
                let text = self.of(&["content", "m.new_content", "body"]);
                let Self { place, native_id, target, sender, .. } = self;
                C::Edit(handed::Edit { place, native_id, target, sender, text })
            }
            "m.room.message" => C::Message(self.message()),
            "m.sticker" => C::Message(self.plain("sticker", self.of(&["content", "body"]))),
            "m.room.encrypted" => C::Message(self.plain("encrypted", String::new())),
            "m.reaction" => {
                let sign = self.of(&["content", "m.relates_to", "key"]);
                let Self { place, native_id, target, sender, .. } = self;
                C::Reaction(handed::Reaction { place, native_id, target, sender, sign, removed: false })
            }
            "m.room.redaction" => {
                let redacts = text(self.event, &["content", "redacts"]).or_else(|| text(self.event, &["redacts"]));
                let target = redacts?.to_owned();
                let Self { place, native_id, sender, .. } = self;
                C::Deletion(handed::Deletion { place, native_id, target, sender })
            }
            "m.room.member" => C::Membership(self.membership()),
            "m.room.name" => self.setting("subject", &["content", "name"]),
            "m.room.topic" => self.setting("description", &["content", "topic"]),
            "m.room.encryption" => self.setting("encryption_on", &["content", "algorithm"]),
            other => self.setting(other, &[]),
        })
    }

    fn plain(&self, what: &str, body: String) -> handed::Message {
        handed::Message {
            place: self.place.clone(),
            native_id: self.native_id.clone(),
            sender: self.sender.clone(),
            reply_to: self.of(&["content", "m.relates_to", "m.in_reply_to", "event_id"]),
            text: body,
            what: what.into(),
            ..handed::Message::default()
        }
    }

    fn message(&self) -> handed::Message {
        let (what, body) = (self.of(&["content", "msgtype"]), self.of(&["content", "body"]));
        let file = handed::Attachment {
            name: body.clone(),
            media_type: self.of(&["content", "info", "mimetype"]),
            ..handed::Attachment::default()
        };
        let is_media = matches!(what.as_str(), "m.image" | "m.file" | "m.video" | "m.audio");
        let attachments = if is_media { vec![file] } else { Vec::new() };
        let what = match what.as_str() {
            "m.emote" | "m.notice" | "m.location" => what.trim_start_matches("m."),
            _ => "",
        };
        handed::Message { attachments, ..self.plain(what, body) }
    }

    fn membership(self) -> handed::Membership {
        let member = self.of(&["state_key"]);
        let what = match (self.of(&["content", "membership"]).as_str(), member == self.sender) {
            ("join", _) => "joined",
            ("leave", true) => "left",
            ("leave", false) => "removed",
            ("invite", _) => "invited",
            ("ban", _) => "banned",
            _ => "knocked",
        };
        let Self { place, native_id, sender, .. } = self;
        handed::Membership { place, native_id, what: what.into(), sender, members: vec![member] }
    }

    fn setting(self, what: &str, value: &[&str]) -> request::Content {
        let value = if value.is_empty() { String::new() } else { self.of(value) };
        let Self { place, native_id, sender, .. } = self;
        request::Content::Setting(handed::Setting { place, native_id, what: what.into(), sender, value })
    }
}
