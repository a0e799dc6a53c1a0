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

mod session;

use self::session::Session;
use super::homeserver::{Fetched, Homeserver, Media};
use super::pushed::{Mxc, Piece, asked, content, gap, key, pieces, registration};
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
use tokio::sync::Mutex;
use zegel_proto::source::v1::{Request, request};

/// Bytes of a transaction: homeservers send at most a hundred events of 64 KiB.
const TRANSACTION_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long a transaction may take to be spooled before the homeserver is told to come again.
const PATIENCE: Duration = Duration::from_secs(20);

/// Media that could not be fetched so often, for reasons that may pass, are missing: they hold the room up no longer.
const FETCHES_MAX: u32 = 5;

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

/// An event to hand over, and what is uploaded before it.
struct Handed {
    request: Request,
    pieces: Vec<(String, Piece)>,
}

impl Handed {
    fn alone(request: Request) -> Self {
        Self { request, pieces: Vec::new() }
    }
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
        let has_media = self.appservice.homeserver.is_some();
        let made = custodians.filter_map(|custodian| {
            let key = key(text(event, &["event_id"])?, custodian);
            // An upload is gone once its event is in the log: each custodian's copy has its own.
            let mut pieces = pieces(event, &key);
            pieces.retain(|(_, piece)| has_media || matches!(piece, Piece::Event(_)));
            let upload = if pieces.iter().any(|(upload, _)| *upload == key) { key.as_str() } else { "" };
            let content = content(event, (custodian, room), &key, upload)?;
            let before = [Some(registration(room)), gap(event, custodian, room)].into_iter().flatten();
            let event = Handed { request: asked(key, content), pieces };
            Some(before.map(Handed::alone).chain([event]).collect::<Vec<_>>())
        });
        made.flatten().collect()
    }

    async fn hand_over(&mut self, requests: Vec<Handed>) -> Result<(), String> {
        if self.session.is_none() {
            self.session = Some(Session::open(&self.appservice).await?);
        }
        let tell = Arc::clone(&self.tell);
        let (mut unanswered, mut with_media): (BTreeSet<String>, BTreeMap<String, Handed>) = Default::default();
        let Some(session) = &mut self.session else { return Ok(()) };
        for handed in requests {
            if unanswered.insert(handed.request.key.clone()) {
                session.send(handed.request.clone(), &mut unanswered, &tell).await?;
                if !handed.pieces.is_empty() {
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

    /// Uploads what an event comes with; of media that are not to be had the event says that they are missing.
    async fn with_its_media(&mut self, handed: Handed) -> Result<Request, String> {
        let Handed { mut request, pieces } = handed;
        for (upload, piece) in pieces {
            let media = match piece {
                Piece::Event(bytes) => Some(Media::given(bytes)),
                Piece::Media(mxc) => self.fetched(&mxc).await?,
            };
            match (media, &self.session, &mut request.content) {
                (Some(media), Some(session), _) => session.upload(self.appservice.log.clone(), upload, media).await?,
                (None, _, Some(request::Content::Message(message))) => {
                    let missing = message.attachments.iter_mut().filter(|attached| attached.upload == upload);
                    missing.for_each(|attached| attached.upload.clear());
                }
                _ => {}
            }
        }
        Ok(request)
    }

    /// Media from the homeserver; `None` where they are not to be had, which is said.
    async fn fetched(&mut self, mxc: &Mxc) -> Result<Option<Media>, String> {
        let Some(homeserver) = &self.appservice.homeserver else { return Ok(None) };
        let reason = match homeserver.fetch(mxc).await {
            Ok(Fetched::There(media)) => return Ok(Some(media)),
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
        self.failed.remove(mxc);
        (self.tell)(&format!("media mxc://{}/{} are missing: {reason}", mxc.server, mxc.id));
        Ok(None)
    }
}
