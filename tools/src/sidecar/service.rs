//! The service on a Unix socket or loopback, and the process around it.

use super::intake::Intake;
use super::judge::{Fault, KEY_BYTES_MAX};
use super::keeper::Keeper;
use super::known::{Answers, answered};
use super::uploads::{PIECE_BYTES_MAX, SIZE_MAX};
use super::{SidecarConfig, SidecarError, Tell, Waiting, committer, lock};
use crate::disk::DiskError;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::mpsc::unbounded_channel;
use tokio_stream::wrappers::{TcpListenerStream, UnboundedReceiverStream, UnixListenerStream};
use tokio_stream::{Stream, StreamExt};
use tonic::transport::Server;
use tonic::transport::server::Router;
use tonic::{Request, Response, Status, Streaming};
use zegel_proto::source::v1 as handed;
use zegel_proto::source::v1::source_server::{Source, SourceServer};
use zegel_proto::source::v1::{answer, request};

/// Custodians of a session.
const CUSTODIANS_MAX: usize = 10_000;

/// One log that is served.
struct Log {
    intake: Arc<Intake>,
    keeper: Arc<Keeper>,
}

/// All of them, by origin.
#[derive(Clone)]
struct Sidecar(Arc<HashMap<String, Log>>);

/// Serves until `shutdown`. Waits first while another process works with a spool of the configuration. `ready` gets the address.
///
/// # Errors
/// [`SidecarError`].
pub async fn serve(
    config: &SidecarConfig,
    tell: Tell,
    ready: impl FnOnce(&str),
    shutdown: impl Future<Output = ()>,
) -> Result<(), SidecarError> {
    tokio::pin!(shutdown);
    let locks = config.clone();
    let locking = tokio::task::spawn_blocking(move || take_over(&locks));
    let _locks = tokio::select! {
        locks = locking => locks.unwrap_or_else(|_| Ok(Vec::new()))?,
        () = &mut shutdown => return Ok(()),
    };
    let mut logs = HashMap::new();
    for log in &config.logs {
        let intake = Intake::open(log.clone(), Arc::clone(&tell))?;
        let keeper = Keeper::open(Arc::clone(&intake))?;
        tokio::spawn(Arc::clone(&keeper).run());
        tokio::spawn(Arc::clone(&intake).tidy());
        let (out, tell) = (Arc::clone(&intake), Arc::clone(&tell));
        tokio::spawn(async move {
            if let Err(reason) = committer::run(Arc::clone(&out)).await {
                out.set_finding(Some(Fault::new("spool_unusable", reason.to_string())));
                tell(&reason.to_string());
            }
        });
        let origin = intake.origin.clone();
        if logs.insert(origin.clone(), Log { intake, keeper }).is_some() {
            return Err(SidecarError::Logs { origin, found: 2 });
        }
    }
    let service = SourceServer::new(Sidecar(Arc::new(logs)));
    let serving = listen(&config.listen, Server::builder().add_service(service), ready);
    tokio::select! {
        ended = serving => ended,
        // All that was answered is durable: there is nothing to wind up.
        () = shutdown => Ok(()),
    }
}

fn take_over(config: &SidecarConfig) -> Result<Vec<File>, SidecarError> {
    config.logs.iter().map(|log| lock(&log.spool, Waiting::Waits)).collect()
}

pub(super) async fn listen(listen: &str, router: Router, ready: impl FnOnce(&str)) -> Result<(), SidecarError> {
    let failed = |reason: String| SidecarError::Listen { listen: listen.into(), reason };
    if let Some(path) = listen.strip_prefix("unix:") {
        // We hold the spool, so a socket that is there has nobody behind it.
        let _ = std::fs::remove_file(path);
        let listener = UnixListener::bind(path).map_err(|reason| failed(reason.to_string()))?;
        own(Path::new(path)).map_err(|reason| failed(reason.to_string()))?;
        ready(listen);
        let served = router.serve_with_incoming(UnixListenerStream::new(listener)).await;
        return served.map_err(|reason| failed(reason.to_string()));
    }
    let address: SocketAddr =
        listen.parse().map_err(|_| failed("neither unix:PATH nor an address with a port".into()))?;
    if !address.ip().is_loopback() {
        return Err(SidecarError::NotLoopback { listen: listen.into() });
    }
    let listener = TcpListener::bind(address).await.map_err(|reason| failed(reason.to_string()))?;
    let bound = listener.local_addr().map_err(|reason| failed(reason.to_string()))?;
    ready(&bound.to_string());
    let served = router.serve_with_incoming(TcpListenerStream::new(listener)).await;
    served.map_err(|reason| failed(reason.to_string()))
}

/// Only the user of the sidecar, and its group, may hand over events.
fn own(socket: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o660))
}

fn refused(code: tonic::Code, name: &str, sentence: &str) -> Status {
    Status::new(code, format!("{name}: {sentence}"))
}

fn full(reason: &DiskError) -> Status {
    refused(tonic::Code::ResourceExhausted, "disk_full", &reason.to_string())
}

impl Sidecar {
    #[allow(clippy::result_large_err, reason = "what tonic answers")]
    fn log(&self, origin: &str) -> Result<&Log, Status> {
        let sentence = || format!("{origin:?} is not served here");
        self.0.get(origin).ok_or_else(|| refused(tonic::Code::NotFound, "log_unknown", &sentence()))
    }
}

#[allow(clippy::result_large_err, reason = "what tonic answers")]
pub(super) fn opened(first: Option<handed::Request>) -> Result<handed::Open, Status> {
    let invalid = |name, sentence| Err(refused(tonic::Code::InvalidArgument, name, sentence));
    let Some(request::Content::Open(open)) = first.and_then(|first| first.content) else {
        return invalid("open_missing", "the first request of a session is Open");
    };
    if open.gateway.is_empty() || open.gateway.len() > KEY_BYTES_MAX {
        return invalid("gateway_malformed", "a gateway's name has 1 to 128 bytes");
    }
    if open.custodians.is_empty() || open.custodians.len() > CUSTODIANS_MAX {
        return invalid("custodians_malformed", "a session carries the chats of 1 to 10,000 custodians");
    }
    if open.custodians.iter().any(|id| crate::hex::parse(id).is_none()) {
        return invalid("custodians_malformed", "the id of a custodian has 64 lower-case hexadecimal digits");
    }
    Ok(open)
}

/// A session at work.
struct Session {
    intake: Arc<Intake>,
    keeper: Arc<Keeper>,
    gateway: String,
    line: u64,
    tool: String,
    custodians: HashSet<String>,
    answers: Answers,
    unanswered: Arc<AtomicU32>,
}

impl Session {
    async fn run(self, mut requests: Streaming<handed::Request>) {
        self.intake.count_sessions(1);
        while let Ok(Some(request)) = requests.message().await {
            self.keeper.heard(&self.gateway, self.line, request.sent_at_ms);
            match request.content {
                Some(request::Content::Heartbeat(_)) => {}
                Some(request::Content::Close(_)) => self.keeper.closed(&self.gateway, self.line),
                _ => {
                    if self.unanswered.fetch_add(1, Ordering::AcqRel) >= self.intake.config.credits {
                        let sentence = "more requests are unanswered than there were credits";
                        let _ = self.answers.send(Err(refused(tonic::Code::ResourceExhausted, "no_credit", sentence)));
                        break;
                    }
                    self.intake.take(request, &self.custodians, &self.tool, &self.answers);
                }
            }
        }
        self.keeper.ended(&self.gateway, self.line);
        self.intake.count_sessions(-1);
    }
}

#[tonic::async_trait]
impl Source for Sidecar {
    type SessionStream = Pin<Box<dyn Stream<Item = Result<handed::Answer, Status>> + Send>>;

    async fn session(
        &self,
        request: Request<Streaming<handed::Request>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let mut requests = request.into_inner();
        let first = requests.message().await?;
        let sent_at_ms = first.as_ref().map_or(0, |first| first.sent_at_ms);
        let open = opened(first)?;
        let log = self.log(&open.log)?;
        let (line, took_over) = log.keeper.opened(&open);
        log.keeper.heard(&open.gateway, line, sent_at_ms);
        let (answers, told) = unbounded_channel();
        let config = &log.intake.config;
        let first = handed::Opened { credits: config.credits, silence_ms: config.silence_ms, took_over };
        let _ = answers.send(answered(answer::Content::Opened(first)));
        let unanswered = Arc::new(AtomicU32::new(0));
        let session = Session {
            intake: Arc::clone(&log.intake),
            keeper: Arc::clone(&log.keeper),
            tool: format!("{} {}", open.gateway, open.version),
            gateway: open.gateway,
            line,
            custodians: open.custodians.into_iter().collect(),
            answers,
            unanswered: Arc::clone(&unanswered),
        };
        tokio::spawn(session.run(requests));
        let told = UnboundedReceiverStream::new(told).map(move |answer: Result<handed::Answer, Status>| {
            let is_credit = |content: &answer::Content| {
                matches!(content, answer::Content::Spooled(_) | answer::Content::NotTaken(_))
            };
            if answer.as_ref().is_ok_and(|answer| answer.content.as_ref().is_some_and(is_credit)) {
                unanswered.fetch_sub(1, Ordering::AcqRel);
            }
            answer
        });
        Ok(Response::new(Box::pin(told)))
    }

    async fn put_attachment(
        &self,
        request: Request<Streaming<handed::AttachmentChunk>>,
    ) -> Result<Response<handed::AttachmentStanding>, Status> {
        let mut chunks = request.into_inner();
        let missing =
            || refused(tonic::Code::InvalidArgument, "upload_missing", "the first piece names log, upload and size");
        let mut chunk = chunks.message().await?.ok_or_else(missing)?;
        let intake = Arc::clone(&self.log(&chunk.log)?.intake);
        if chunk.upload.is_empty() || chunk.upload.len() > KEY_BYTES_MAX {
            return Err(missing());
        }
        if chunk.size > SIZE_MAX {
            let sentence = format!("an attachment has at most {SIZE_MAX} bytes, this one has {}", chunk.size);
            return Err(refused(tonic::Code::InvalidArgument, "upload_too_large", &sentence));
        }
        let upload = intake.upload_mac(&chunk.upload);
        let busy =
            || refused(tonic::Code::Aborted, "upload_busy", "another call puts this upload, or it has another size");
        let is_there = intake.uploads.standing(upload).map_err(|reason| full(&reason))?.offset > 0;
        if !is_there && !intake.has_room(chunk.size.saturating_mul(2)) {
            let sentence = format!("there is no room for an attachment of {} bytes: go on with it later", chunk.size);
            return Err(refused(tonic::Code::ResourceExhausted, "disk_full", &sentence));
        }
        let mut begun = intake.uploads.begin(upload, chunk.size).map_err(|reason| full(&reason))?.ok_or_else(busy)?;
        loop {
            if chunk.offset != begun.offset {
                let sentence = format!("the piece begins at {}, the upload goes on at {}", chunk.offset, begun.offset);
                return Err(refused(tonic::Code::FailedPrecondition, "offset_differs", &sentence));
            }
            let bytes = chunk.data.len() as u64;
            if bytes > PIECE_BYTES_MAX as u64 || begun.offset + bytes > begun.size {
                let sentence = "a piece has at most 1 MiB, all of them no more than the size that was stated";
                return Err(refused(tonic::Code::InvalidArgument, "piece_too_long", sentence));
            }
            if bytes > 0 {
                tokio::task::block_in_place(|| begun.append(&chunk.data)).map_err(|reason| full(&reason))?;
            }
            match chunks.message().await? {
                Some(next) => chunk = next,
                None => break,
            }
        }
        let complete = begun.offset == begun.size;
        Ok(Response::new(handed::AttachmentStanding { offset: begun.offset, complete }))
    }

    async fn attachment_stat(
        &self,
        request: Request<handed::AttachmentRequest>,
    ) -> Result<Response<handed::AttachmentStanding>, Status> {
        let request = request.into_inner();
        let intake = &self.log(&request.log)?.intake;
        let standing = intake.uploads.standing(intake.upload_mac(&request.upload)).map_err(|reason| full(&reason))?;
        Ok(Response::new(standing))
    }

    async fn status(&self, _: Request<handed::StatusRequest>) -> Result<Response<handed::StatusAnswer>, Status> {
        let standing = |(origin, log): (&String, &Log)| {
            let (finding, sessions, quarantined) = log.intake.standing();
            let (finding, sentence) = finding.map(|fault| (fault.name.into(), fault.sentence)).unwrap_or_default();
            let (waiting, spool_bytes) = (log.intake.waiting(), log.intake.spool_bytes());
            handed::LogStanding { log: origin.clone(), waiting, quarantined, finding, sentence, sessions, spool_bytes }
        };
        let mut logs: Vec<_> = self.0.iter().map(standing).collect();
        logs.sort_by(|one, other| one.log.cmp(&other.log));
        Ok(Response::new(handed::StatusAnswer { logs }))
    }
}
