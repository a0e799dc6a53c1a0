//! A gateway for Matrix: a homeserver pushes events (Application Service API, v1.13), and they are handed to a sidecar.
//!
//! A transaction is answered with 200 only once every event of it is spooled; until then the homeserver keeps it and sends it
//! again, and the ids of events are keys. An event stands once for each custodian who is in its room: as the homeserver says when
//! it is asked for the first time, and as pushed memberships say from there on; it lies in a file beside (`rooms`).
//!
//! The push has no media: they are fetched from the homeserver when the sidecar says that it lacks them (`homeserver`).
//!
//! Not here: what an event is to a gateway (`pushed`), decryption, and signatures: what comes this way is class B. A room that
//! is read out with its signatures is class A (`matrix`). Specification: `specs/source.md`.

mod rooms;
mod session;

use self::rooms::Rooms;
use self::session::Session;
use super::homeserver::{Fetched, Homeserver, Media};
use super::pushed::{Mxc, Piece, asked, content, gap, key, pieces, registration, unseen};
use super::{SidecarError, Tell};
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

/// Media that could not be fetched so often, for reasons that may pass, are missing: they hold the room up no longer. So with the
/// question who is in which room.
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
    /// Where media are fetched, and who is asked in which rooms somebody is; without it media are *missing*, and a gap says that
    /// nobody knows who was in rooms that are older than this service.
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
    rooms: Rooms,
    /// How often media could not be fetched for now.
    failed: BTreeMap<Mxc, u32>,
    /// How often it could not be asked for now in which rooms somebody is.
    unanswered: u32,
    /// Users of ours of whom the homeserver does not say it, until this process ends.
    unseen: BTreeSet<String>,
    /// And whose custodians the log is not told of that yet.
    untold: BTreeSet<String>,
}

/// Serves a homeserver until `shutdown`.
///
/// # Errors
/// [`SidecarError::Listen`], [`SidecarError::Disk`]; [`SidecarError::Config`] where the file of rooms is none that was written here.
pub async fn serve_homeserver(
    appservice: Appservice,
    tell: Tell,
    ready: impl FnOnce(&str),
    shutdown: impl Future<Output = ()>,
) -> Result<(), SidecarError> {
    let listen = appservice.listen;
    let failed =
        |reason: std::io::Error| SidecarError::Listen { listen: listen.to_string(), reason: reason.to_string() };
    let rooms = Rooms::read(&appservice.rooms)?;
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    ready(&listener.local_addr().map_err(failed)?.to_string());
    let token: Arc<str> = appservice.hs_token.as_str().into();
    let forwarder = Arc::new(Mutex::new(Forwarder::new(appservice, tell, rooms)));
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
            let events = transaction.get("events").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let mut forwarder = forwarder.lock().await;
            match forwarder.take(rest.trim_start_matches("transactions/"), events).await {
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
    fn new(appservice: Appservice, tell: Tell, rooms: Rooms) -> Self {
        let (failed, unseen, untold) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        Self { appservice, tell, session: None, rooms, failed, unanswered: 0, unseen, untold }
    }

    async fn take(&mut self, transaction: &str, events: &[Value]) -> Result<(), String> {
        if self.rooms.has_taken(transaction, events) {
            return Ok(());
        }
        self.ask_for_rooms(events).await?;
        let mut rooms = self.rooms.clone();
        let mut requests: Vec<Handed> = self.untold.iter().map(|custodian| Handed::alone(unseen(custodian))).collect();
        for event in events {
            let told = rooms.take(event, |user| self.appservice.people.contains_key(user));
            requests.extend(self.requests(event, &told));
        }
        self.hand_over(requests).await?;
        self.untold.clear();
        if rooms != self.rooms {
            rooms.note(transaction, events);
            // Until this is durable it may come again, and has to find there who was there before.
            rooms.write(&self.appservice.rooms).map_err(|reason| reason.to_string())?;
            self.rooms = rooms;
        }
        Ok(())
    }

    /// Asks in which rooms those of our people are of whom that is not known: they may have come there before we were told.
    async fn ask_for_rooms(&mut self, events: &[Value]) -> Result<(), String> {
        let people: Vec<(String, String)> =
            self.appservice.people.iter().map(|(user, custodian)| (user.clone(), custodian.clone())).collect();
        let mut has_learned = false;
        for (user, custodian) in people {
            if self.rooms.knows(&user) || self.unseen.contains(&user) {
                continue;
            }
            match self.rooms_of(&user).await? {
                Ok(rooms) => self.rooms.learn(&user, rooms, events),
                Err(reason) => {
                    (self.tell)(&format!("in which rooms {user} was before is not known: {reason}"));
                    self.unseen.insert(user);
                    self.untold.insert(custodian);
                    continue;
                }
            }
            has_learned = true;
        }
        if !has_learned {
            return Ok(());
        }
        self.rooms.write(&self.appservice.rooms).map_err(|reason| reason.to_string())
    }

    /// In which rooms a user is, or why that is not to be known; a failure may pass.
    async fn rooms_of(&mut self, user: &str) -> Result<Result<Vec<String>, String>, String> {
        let Some(homeserver) = &self.appservice.homeserver else {
            return Ok(Err("no homeserver is named that could be asked".into()));
        };
        if self.unanswered >= FETCHES_MAX {
            return Ok(Err("the homeserver did not answer".into()));
        }
        match homeserver.rooms_of(user).await {
            Ok(Fetched::There(rooms)) => Ok(Ok(rooms)),
            Ok(Fetched::Gone(reason)) => Ok(Err(reason)),
            Err(reason) => {
                self.unanswered += 1;
                if self.unanswered < FETCHES_MAX { Err(reason) } else { Ok(Err(reason)) }
            }
        }
    }

    /// An event, once for each of our people who were told of it, each behind the registration of the room.
    fn requests(&self, event: &Value, told: &BTreeSet<String>) -> Vec<Handed> {
        let Some(room) = text(event, &["room_id"]) else { return Vec::new() };
        let custodians = told.iter().filter_map(|user| self.appservice.people.get(user));
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
