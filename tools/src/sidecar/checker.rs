//! A sidecar that keeps nothing and judges everything: tells an integrator what is wrong with his gateway, by name.
//!
//! It answers as `zegel-source` does, and provokes: it breaks the first session without a word, with requests unanswered, and
//! sees whether they come again under their keys, unchanged. There is no ledger, and nothing is written.

use super::judge::{CLOCKS_APART_MS, FUTURE_MS, Fault, Known, judge};
use super::{SidecarError, drafts};
use crate::source::now_ms;
use prost::Message;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_stream::Stream;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};
use zegel_proto::source::v1 as handed;
use zegel_proto::source::v1::source_server::{Source, SourceServer};
use zegel_proto::source::v1::{answer, request};

/// Requests of the first session that are answered; those after them are not, and then it breaks.
const ANSWERED: u64 = 20;
const CREDITS: usize = 16;
/// After so long without a request the first session breaks, if some are unanswered.
const QUIET: Duration = Duration::from_secs(1);
const SILENCE_MS: u64 = 60_000;

/// What was found under one name.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Found {
    /// How often.
    pub count: u64,
    /// The first time, in words.
    pub first: String,
}

/// What a checker saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Checked {
    /// What is wrong, by name.
    pub findings: BTreeMap<String, Found>,
    /// Events that are right, by kind.
    pub events: BTreeMap<String, u64>,
    /// Sessions.
    pub sessions: u64,
}

#[derive(Default)]
struct Seen {
    checked: Checked,
    keys: HashMap<String, Vec<u8>>,
    /// Left unanswered when the first session was broken.
    unanswered: HashSet<String>,
    conversations: HashSet<(i32, String)>,
    uploads: HashMap<String, (u64, u64)>,
    natives: HashSet<String>,
    /// Targets that were not seen yet.
    targets: HashMap<String, String>,
    requests: u64,
    heard_ms: u64,
    is_broken: bool,
}

/// The checker.
#[derive(Clone, Default)]
pub struct Checker(Arc<Mutex<Seen>>);

struct Lookup<'a>(&'a Seen);

impl Checker {
    /// Judges one request as if a gateway had handed it over: the name of what is wrong, if something is.
    #[must_use]
    pub fn judge(&self, request: &handed::Request, custodians: &HashSet<String>) -> Option<&'static str> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.take(request, custodians).err().map(|fault| fault.name)
    }
}

impl Known for Lookup<'_> {
    fn is_registered(&self, channel: i32, conversation: &str) -> bool {
        self.0.conversations.contains(&(channel, conversation.to_owned()))
    }

    fn is_uploaded(&self, upload: &str) -> bool {
        self.0.uploads.get(upload).is_some_and(|(offset, size)| offset == size)
    }
}

impl Seen {
    fn find(&mut self, name: &str, sentence: impl Into<String>) {
        let found = self.checked.findings.entry(name.into()).or_default();
        found.count += 1;
        if found.count == 1 {
            found.first = sentence.into();
        }
    }

    fn take(&mut self, request: &handed::Request, custodians: &HashSet<String>) -> Result<(), Fault> {
        judge(request, custodians, &Lookup(self))?;
        let bare = handed::Request { sent_at_ms: 0, ..request.clone() }.encode_to_vec();
        self.unanswered.remove(&request.key);
        match self.keys.insert(request.key.clone(), bare.clone()) {
            Some(before) if before != bare => {
                let sentence = format!("key {:?} was handed over again with other content", request.key);
                return Err(Fault::new("key_reused", sentence));
            }
            Some(_) => return Ok(()),
            None => {}
        }
        let Some(content) = &request.content else { return Ok(()) };
        *self.checked.events.entry(kind(content).into()).or_default() += 1;
        if let request::Content::Register(register) = content {
            self.conversations.insert((register.channel, register.conversation.clone()));
        }
        let (native, target) = drafts::identifiers(content);
        if !target.is_empty() && !self.natives.contains(target) {
            self.targets.insert(target.into(), request.key.clone());
        }
        if !native.is_empty() {
            self.targets.remove(native);
            self.natives.insert(native.into());
        }
        self.judge_times(request, content);
        Ok(())
    }

    fn judge_times(&mut self, request: &handed::Request, content: &request::Content) {
        let now = now_ms();
        if request.sent_at_ms == 0 {
            self.find("sent_at_missing", "a request does not say when it was sent: clocks cannot be compared");
        } else if request.sent_at_ms.abs_diff(now) > CLOCKS_APART_MS {
            self.find("clock_apart", format!("sent at {}, it is {now} here", request.sent_at_ms));
        }
        if drafts::place(content).is_some_and(|place| place.at_ms > now + FUTURE_MS) {
            self.find("time_in_future", format!("the event {:?} has yet to happen", request.key));
        }
        let is_named = !matches!(content, request::Content::Message(message) if message.native_id.is_empty());
        if !is_named {
            self.find("native_id_missing", format!("message {:?} can never be edited or deleted", request.key));
        }
    }
}

fn kind(content: &request::Content) -> &'static str {
    use request::Content as C;
    match content {
        C::Open(_) => "open",
        C::Heartbeat(_) => "heartbeat",
        C::Close(_) => "close",
        C::Register(_) => "register",
        C::Message(_) => "message",
        C::Edit(_) => "edit",
        C::Deletion(_) => "deletion",
        C::Reaction(_) => "reaction",
        C::Membership(_) => "membership",
        C::Setting(_) => "setting",
        C::Call(_) => "call",
        C::Gap(_) => "gap",
    }
}

/// Which session: the first one breaks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    First,
    Later,
}

type Told = UnboundedSender<Result<handed::Answer, Status>>;

fn tell(answers: &Told, content: answer::Content) {
    // Who has gone needs no answer.
    let _ = answers.send(Ok(handed::Answer { content: Some(content) }));
}

impl Checker {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was seen, with what can only be said at the end.
    #[must_use]
    pub fn finish(&self) -> Checked {
        let mut seen = self.seen();
        if seen.checked.sessions == 0 {
            seen.find("never_connected", "no session was opened");
        } else if seen.checked.sessions == 1 && seen.is_broken {
            seen.find("never_reconnected", "the session was broken off, and no other was opened");
        }
        for key in std::mem::take(&mut seen.unanswered) {
            seen.find("not_handed_over_again", format!("{key:?} was never answered, and never came again"));
        }
        for (target, key) in std::mem::take(&mut seen.targets) {
            seen.find("target_never_seen", format!("{key:?} acts on {target:?}, which was never handed over"));
        }
        seen.checked.clone()
    }

    /// Answers on a Unix socket or loopback until `shutdown`.
    ///
    /// # Errors
    /// [`SidecarError::Listen`], [`SidecarError::NotLoopback`].
    pub async fn serve(
        &self,
        listen: &str,
        ready: impl FnOnce(&str),
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), SidecarError> {
        let router = Server::builder().add_service(SourceServer::new(self.clone()));
        tokio::select! {
            served = super::service::listen(listen, router, ready) => served,
            () = shutdown => Ok(()),
        }
    }

    async fn session(self, mut requests: Streaming<handed::Request>, custodians: HashSet<String>, answers: Told) {
        let turn = if self.seen().checked.sessions == 1 { Turn::First } else { Turn::Later };
        loop {
            let request = match tokio::time::timeout(QUIET, requests.message()).await {
                Ok(Ok(Some(request))) => request,
                Ok(_) => return,
                Err(_) if turn == Turn::First && !self.seen().unanswered.is_empty() => return self.break_off(&answers),
                Err(_) => continue,
            };
            self.heard();
            if !self.answer(request, &custodians, &answers, turn) {
                return self.break_off(&answers);
            }
        }
    }

    fn break_off(&self, answers: &Told) {
        self.seen().is_broken = true;
        let _ = answers.send(Err(Status::unavailable("broken off on purpose: open another session")));
    }

    fn heard(&self) {
        let (mut seen, now) = (self.seen(), now_ms());
        if seen.heard_ms != 0 && now.saturating_sub(seen.heard_ms) > SILENCE_MS {
            let silent = now - seen.heard_ms;
            seen.find("silent_too_long", format!("nothing for {silent} ms: send Heartbeat every {SILENCE_MS} ms"));
        }
        seen.heard_ms = now;
    }

    /// Judges and answers a request; false once the session must break.
    fn answer(&self, request: handed::Request, custodians: &HashSet<String>, answers: &Told, turn: Turn) -> bool {
        let mut seen = self.seen();
        if let Some(content @ (request::Content::Heartbeat(_) | request::Content::Close(_))) = &request.content {
            *seen.checked.events.entry(kind(content).into()).or_default() += 1;
            return true;
        }
        seen.requests += 1;
        let taken = seen.take(&request, custodians);
        if let Err(fault) = &taken {
            seen.find(fault.name, fault.sentence.clone());
        }
        let key = request.key;
        if turn == Turn::First && seen.requests > ANSWERED {
            seen.unanswered.insert(key);
            let is_over = seen.unanswered.len() > CREDITS;
            if is_over {
                seen.find(
                    "no_credit",
                    format!("{} requests are unanswered, there were {CREDITS} credits", CREDITS + 1),
                );
            }
            return !is_over;
        }
        match taken {
            Ok(()) => {
                let entry = seen.requests;
                let spooled = handed::Spooled { key: key.clone(), credits: 1, ..handed::Spooled::default() };
                tell(answers, answer::Content::Spooled(spooled));
                tell(answers, answer::Content::Receipted(handed::Receipted { key, entry, position: 0 }));
            }
            Err(fault) => tell(answers, answer::Content::NotTaken(fault.answer(&key))),
        }
        true
    }
}

#[tonic::async_trait]
impl Source for Checker {
    type SessionStream = Pin<Box<dyn Stream<Item = Result<handed::Answer, Status>> + Send>>;

    async fn session(
        &self,
        request: Request<Streaming<handed::Request>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let mut requests = request.into_inner();
        let open = super::service::opened(requests.message().await?).inspect_err(|status| {
            let name = status.message().split(':').next().unwrap_or_default().to_owned();
            self.seen().find(&name, status.message());
        })?;
        self.seen().checked.sessions += 1;
        let (answers, told) = unbounded_channel();
        let opened = handed::Opened { credits: CREDITS as u32, silence_ms: SILENCE_MS, took_over: false };
        tell(&answers, answer::Content::Opened(opened));
        let custodians = open.custodians.into_iter().collect();
        tokio::spawn(self.clone().session(requests, custodians, answers));
        Ok(Response::new(Box::pin(UnboundedReceiverStream::new(told))))
    }

    async fn put_attachment(
        &self,
        request: Request<Streaming<handed::AttachmentChunk>>,
    ) -> Result<Response<handed::AttachmentStanding>, Status> {
        let mut chunks = request.into_inner();
        let mut standing = handed::AttachmentStanding::default();
        let mut upload = String::new();
        while let Some(chunk) = chunks.message().await? {
            let mut seen = self.seen();
            if upload.is_empty() {
                upload.clone_from(&chunk.upload);
                seen.uploads.entry(upload.clone()).or_insert((0, chunk.size));
            }
            let (offset, size) = seen.uploads.get(&upload).copied().unwrap_or_default();
            if chunk.offset != offset {
                let sentence = format!("the piece begins at {}, the upload goes on at {offset}", chunk.offset);
                seen.find("offset_differs", sentence.clone());
                return Err(Status::failed_precondition(format!("offset_differs: {sentence}")));
            }
            let offset = offset + chunk.data.len() as u64;
            seen.uploads.insert(upload.clone(), (offset, size));
            standing = handed::AttachmentStanding { offset, complete: offset == size };
        }
        Ok(Response::new(standing))
    }

    async fn attachment_stat(
        &self,
        request: Request<handed::AttachmentRequest>,
    ) -> Result<Response<handed::AttachmentStanding>, Status> {
        let standing = self.seen().uploads.get(&request.into_inner().upload).copied();
        let standing = standing.map(|(offset, size)| handed::AttachmentStanding { offset, complete: offset == size });
        Ok(Response::new(standing.unwrap_or_default()))
    }

    async fn status(&self, _: Request<handed::StatusRequest>) -> Result<Response<handed::StatusAnswer>, Status> {
        Ok(Response::new(handed::StatusAnswer::default()))
    }
}
