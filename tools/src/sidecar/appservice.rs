//! A gateway for Matrix: a homeserver pushes events (Application Service API, v1.13), and they are handed to a sidecar.
//!
//! A transaction is answered with 200 only once every event of it is spooled; until then the homeserver keeps it and sends it
//! again, and the ids of events are keys. An event stands once for each custodian who is in its room, as far as the pushed
//! memberships say; who is in which room lies in a file beside.
//!
//! The push has no media: they are fetched from the homeserver when the sidecar says that it lacks them (`homeserver`).
//!
//! Not here: what an event is to a gateway (`pushed`), decryption, and signatures: what comes this way is class B. A room that
//! is read out with its signatures is class A (`matrix`). Specification: `specs/source.md`.

use super::homeserver::{Fetched, Homeserver, Media};
use super::pushed::{Mxc, asked, content, key, media, registration};
use super::{SidecarError, Tell};
use crate::disk;
use crate::json::text;
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
use tonic::transport::Channel;
use zegel_proto::source::v1::source_client::SourceClient;
use zegel_proto::source::v1::{self as handed, Answer, AttachmentChunk, AttachmentRequest, Request};
use zegel_proto::source::v1::{answer, request};

/// Bytes of a transaction: homeservers send at most a hundred events of 64 KiB.
const TRANSACTION_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long a transaction may take to be spooled before the homeserver is told to come again.
const PATIENCE: Duration = Duration::from_secs(20);

/// Media that could not be fetched so often, for reasons that may pass, are missing: they hold the room up no longer.
const FETCHES_MAX: u32 = 5;
/// Bytes of a piece of media, and pieces on their way to the sidecar.
const PIECE_BYTES: usize = 512 * 1024;
const PIECES_AHEAD: usize = 4;

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
    /// Where media are fetched; without it each is *missing*.
    pub homeserver: Option<Homeserver>,
}

/// An event to hand over, and the media that it names.
struct Handed {
    request: Request,
    media: Option<Mxc>,
}

/// A session with the sidecar.
struct Session {
    client: SourceClient<Channel>,
    requests: mpsc::Sender<Request>,
    answers: Streaming<Answer>,
    credits: u32,
    /// Keys of events whose media the sidecar has not got.
    lacking: Vec<String>,
}

struct Forwarder {
    appservice: Appservice,
    tell: Tell,
    session: Option<Session>,
    /// Users of ours in each room.
    rooms: BTreeMap<String, BTreeSet<String>>,
    /// How often media could not be fetched for now.
    failed: BTreeMap<Mxc, u32>,
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
    let forwarder = Arc::new(Mutex::new(Forwarder { appservice, tell, session: None, rooms, failed: BTreeMap::new() }));
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
            match forwarder.take(&transaction).await {
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
    fn requests(&mut self, event: &Value) -> Vec<Handed> {
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
        let media = media(event).filter(|_| self.appservice.homeserver.is_some());
        let made = custodians.filter_map(|custodian| {
            let key = key(text(event, &["event_id"])?, custodian);
            // An upload is gone once its event is in the log: each custodian's copy has its own.
            let upload = media.as_ref().map_or("", |_| key.as_str());
            let content = content(event, custodian, room, upload)?;
            let event = Handed { request: asked(key, content), media: media.clone() };
            Some([Handed { request: registration(room), media: None }, event])
        });
        made.flatten().collect()
    }

    async fn hand_over(&mut self, requests: Vec<Handed>) -> Result<(), String> {
        if self.session.is_none() {
            self.session = Some(self.open().await?);
        }
        let tell = Arc::clone(&self.tell);
        let (mut unanswered, mut with_media): (BTreeSet<String>, BTreeMap<String, Handed>) = Default::default();
        let Some(session) = &mut self.session else { return Ok(()) };
        for handed in requests {
            if unanswered.insert(handed.request.key.clone()) {
                session.send(handed.request.clone(), &mut unanswered, &tell).await?;
                if handed.media.is_some() {
                    with_media.insert(handed.request.key.clone(), handed);
                }
            }
        }
        loop {
            let Some(session) = &mut self.session else { return Ok(()) };
            while !unanswered.is_empty() {
                session.listen(&mut unanswered, &tell).await?;
            }
            let Some(key) = session.lacking.pop() else { return Ok(()) };
            let Some(handed) = with_media.remove(&key) else { continue };
            let request = self.with_its_media(handed).await?;
            unanswered.insert(key);
            if let Some(session) = &mut self.session {
                session.send(request, &mut unanswered, &tell).await?;
            }
        }
    }

    /// Fetches the media of an event for the sidecar; of media that are not to be had the event says that they are missing.
    async fn with_its_media(&mut self, handed: Handed) -> Result<Request, String> {
        let Handed { mut request, media } = handed;
        let (Some(mxc), Some(homeserver)) = (media, &self.appservice.homeserver) else { return Ok(request) };
        let reason = match homeserver.fetch(&mxc).await {
            Ok(Fetched::There(media)) => {
                let log = self.appservice.log.clone();
                let Some(session) = &self.session else { return Ok(request) };
                session.upload(log, request.key.clone(), media).await?;
                return Ok(request);
            }
            Ok(Fetched::Gone(reason)) => reason,
            Err(reason) => {
                let failed = self.failed.entry(mxc.clone()).or_default();
                *failed += 1;
                if *failed < FETCHES_MAX {
                    return Err(reason);
                }
                reason
            }
        };
        self.failed.remove(&mxc);
        (self.tell)(&format!("media mxc://{}/{} are missing: {reason}", mxc.server, mxc.id));
        if let Some(request::Content::Message(message)) = &mut request.content {
            message.attachments.iter_mut().for_each(|attachment| attachment.upload.clear());
        }
        Ok(request)
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
        let uploads = client.clone();
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
        Ok(Session { client: uploads, requests, answers, credits: opened.credits, lacking: Vec::new() })
    }
}

impl Session {
    async fn send(&mut self, request: Request, unanswered: &mut BTreeSet<String>, tell: &Tell) -> Result<(), String> {
        while self.credits == 0 {
            self.listen(unanswered, tell).await?;
        }
        self.credits -= 1;
        self.requests.send(request).await.map_err(|reason| reason.to_string())
    }

    async fn listen(&mut self, unanswered: &mut BTreeSet<String>, tell: &Tell) -> Result<(), String> {
        let answer = tokio::time::timeout(PATIENCE, self.answers.message()).await;
        let answer = answer.map_err(|_| "the sidecar did not spool it in time")?;
        let answer = answer.map_err(|status| status.to_string())?;
        match answer.ok_or("the session ended")?.content {
            Some(answer::Content::Spooled(told)) => {
                self.credits += told.credits;
                unanswered.remove(&told.key);
            }
            Some(answer::Content::NotTaken(told)) if told.name == "key_in_flight" => return Err(told.sentence),
            Some(answer::Content::NotTaken(told)) if told.name == "attachment_incomplete" => {
                self.credits += told.credits;
                unanswered.remove(&told.key);
                self.lacking.push(told.key);
            }
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

    /// Puts what the sidecar has not got of an attachment; what it has stays, if the way to the homeserver breaks.
    async fn upload(&self, log: String, key: String, mut media: Media) -> Result<(), String> {
        let mut client = self.client.clone();
        let asked = AttachmentRequest { log: log.clone(), upload: key.clone() };
        let standing = client.attachment_stat(asked).await.map_err(|status| status.to_string())?.into_inner();
        if standing.complete {
            return Ok(());
        }
        let (pieces, receiver) = mpsc::channel(PIECES_AHEAD);
        let feeding = async move {
            let (mut at, size) = (0, media.size);
            while let Some(data) = media.next().await? {
                let known = (standing.offset.saturating_sub(at)).min(data.len() as u64);
                let offset = at + known;
                at += data.len() as u64;
                for (number, piece) in data[known as usize..].chunks(PIECE_BYTES).enumerate() {
                    let offset = offset + (number * PIECE_BYTES) as u64;
                    let (log, upload, data) = (log.clone(), key.clone(), piece.to_vec());
                    if pieces.send(AttachmentChunk { log, upload, size, offset, data }).await.is_err() {
                        return Ok(());
                    }
                }
            }
            Ok::<(), String>(())
        };
        let (fed, put) = tokio::join!(feeding, client.put_attachment(ReceiverStream::new(receiver)));
        let standing = put.map_err(|status| status.to_string())?.into_inner();
        fed?;
        if standing.complete { Ok(()) } else { Err("the media ended before their end".into()) }
    }
}
