//! A session of the application service with its sidecar: credits, answers, and uploads that go on where they stopped.

use super::super::Tell;
use super::super::homeserver::Media;
use super::super::pushed::asked;
use super::{Appservice, PATIENCE};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;
use zegel_proto::source::v1::source_client::SourceClient;
use zegel_proto::source::v1::{self as handed, Answer, AttachmentChunk, AttachmentRequest, Request};
use zegel_proto::source::v1::{answer, request};

/// Bytes of a piece of media, and pieces on their way to the sidecar.
const PIECE_BYTES: usize = 512 * 1024;
const PIECES_AHEAD: usize = 4;

/// A session with the sidecar.
pub(super) struct Session {
    client: SourceClient<Channel>,
    requests: mpsc::Sender<Request>,
    answers: Streaming<Answer>,
    credits: u32,
    /// Keys of events whose media the sidecar has not got.
    pub(super) lacking: Vec<String>,
}

impl Session {
    pub(super) async fn open(appservice: &Appservice) -> Result<Self, String> {
        let client = SourceClient::connect(appservice.socket.clone()).await;
        let mut client = client.map_err(|reason| reason.to_string())?;
        let (requests, receiver) = mpsc::channel(64);
        let custodians: BTreeSet<String> = appservice.people.values().cloned().collect();
        let open = handed::Open {
            log: appservice.log.clone(),
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
        Ok(Self { client: uploads, requests, answers, credits: opened.credits, lacking: Vec::new() })
    }

    pub(super) async fn send(
        &mut self,
        request: Request,
        unanswered: &mut BTreeSet<String>,
        tell: &Tell,
    ) -> Result<(), String> {
        while self.credits == 0 {
            self.listen(unanswered, tell).await?;
        }
        self.credits -= 1;
        self.requests.send(request).await.map_err(|reason| reason.to_string())
    }

    pub(super) async fn listen(&mut self, unanswered: &mut BTreeSet<String>, tell: &Tell) -> Result<(), String> {
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
    pub(super) async fn upload(&self, log: String, key: String, mut media: Media) -> Result<(), String> {
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
