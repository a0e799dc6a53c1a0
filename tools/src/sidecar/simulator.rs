//! A day of a ministry from one seed, played against a sidecar: officials, four channels, edits, deletions, reactions, media,
//! and sessions that break.
//!
//! The day is data: the same seed gives the same events under the same keys. The player is a gateway as it should be: it keeps
//! what is not receipted, hands it over again in a new session, and sends no more than it has credits for.

use super::{SidecarError, Tell};
use crate::source::now_ms;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel as Transport;
use zegel_proto::source::v1::source_client::SourceClient;
use zegel_proto::source::v1::{self as handed, Answer, AttachmentChunk, AttachmentRequest, Place, Request};
use zegel_proto::source::v1::{answer, request};

/// 2026-05-12 06:00 UTC.
const MORNING_MS: u64 = 1_778_565_600_000;
/// Sixteen hours.
const DAY_MS: u64 = 57_600_000;
const PIECE_BYTES: usize = 256 * 1024;
/// Nothing waits so long for an answer.
const FOREVER: Duration = Duration::from_secs(86_400);
/// Before a key is handed over again that is being written at this moment.
const IN_FLIGHT: Duration = Duration::from_millis(20);
/// Before attachments for which there was no room are tried again.
const NO_ROOM: Duration = Duration::from_millis(250);

/// What a day is made of.
#[derive(Clone, Debug)]
pub struct DayPlan {
    /// Decides everything else.
    pub seed: u64,
    /// Whose chats: registered ids.
    pub custodians: Vec<String>,
    /// Messages; edits, reactions and the rest come beside them.
    pub messages: u64,
    /// One session breaks after so many events, more or less; 0: none does.
    pub events_between_breaks: u64,
    /// How long the day takes here at least, in milliseconds: its events are handed over evenly. 0: as fast as they are taken.
    pub lasts_ms: u64,
}

/// One thing to hand over.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its key.
    pub key: String,
    /// What it is.
    pub content: request::Content,
    /// Uploaded before: key and bytes.
    pub upload: Option<(String, u64)>,
}

/// How a day went.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Played {
    /// Events of the day.
    pub events: u64,
    /// Messages among them.
    pub messages: u64,
    /// Events in the log.
    pub receipted: u64,
    /// Events that were put aside.
    pub quarantined: u64,
    /// Names of what was not taken, with how often.
    pub not_taken: BTreeMap<String, u64>,
    /// Sessions.
    pub sessions: u64,
    /// Events that were handed over more than once.
    pub again: u64,
}

/// Numbers that a seed decides (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }
}

const CHANNELS: [handed::Channel; 4] =
    [handed::Channel::Whatsapp, handed::Channel::Signal, handed::Channel::Matrix, handed::Channel::Sms];
const WORDS: [&str; 12] =
    ["ja", "hoor", "akkoord", "de", "nota", "morgen", "overleg", "Veerhaven", "bel", "even", "terug", "stukken"];

/// The events of a day, in order.
#[must_use]
pub fn day(plan: &DayPlan) -> Vec<Step> {
    let mut dice = Dice(plan.seed);
    let mut steps = Vec::new();
    for (number, _) in plan.custodians.iter().enumerate() {
        for channel in CHANNELS {
            steps.push(registration(number, channel));
        }
    }
    for message in 0..plan.messages {
        let number = dice.below(plan.custodians.len() as u64) as usize;
        let channel = CHANNELS[dice.below(4) as usize];
        let place = Place {
            custodian: plan.custodians.get(number).cloned().unwrap_or_default(),
            channel: channel as i32,
            conversation: conversation(number, channel),
            at_ms: MORNING_MS + message * DAY_MS / plan.messages.max(1),
            clock: handed::Clock::Server as i32,
        };
        steps.extend(happening(plan.seed, message, &place, &mut dice));
    }
    steps
}

fn conversation(number: usize, channel: handed::Channel) -> String {
    format!("gesprek-{number}-{}", channel.as_str_name())
}

fn registration(number: usize, channel: handed::Channel) -> Step {
    let register = handed::Register {
        channel: channel as i32,
        conversation: conversation(number, channel),
        title: format!("Gesprek {number}"),
        kind: "group".into(),
        id: String::new(),
    };
    let key = format!("register-{}", register.conversation);
    Step { key, content: request::Content::Register(register), upload: None }
}

/// A message, and what happens to it. Now and then its edit comes before it.
fn happening(seed: u64, message: u64, place: &Place, dice: &mut Dice) -> Vec<Step> {
    let id = format!("sim-{seed}-{message}");
    let sender = format!("+316{:08}", dice.below(100_000_000));
    let words: Vec<&str> = (0..=dice.below(12)).map(|_| WORDS[dice.below(12) as usize]).collect();
    let place = || Some(place.clone());
    let step = |suffix: &str, content| Step { key: format!("{id}{suffix}"), content, upload: None };
    let mut said = handed::Message {
        place: place(),
        native_id: id.clone(),
        sender: sender.clone(),
        text: format!("{id}: {}", words.join(" ")),
        ..handed::Message::default()
    };
    let upload = (dice.below(50) == 0).then(|| (format!("{id}-foto"), 1 + dice.below(900_000)));
    if let Some((upload, _)) = &upload {
        let (name, media_type) = ("foto.jpg".into(), "image/jpeg".into());
        said.attachments = vec![handed::Attachment { name, media_type, upload: upload.clone(), left_out: false }];
    }
    let first = Step { upload, ..step("", request::Content::Message(said)) };
    let target = id.clone();
    let after = match dice.below(20) {
        0 | 1 => {
            let text = format!("beter: {}", words.join(" "));
            let edit = handed::Edit { place: place(), target, sender, text, ..handed::Edit::default() };
            request::Content::Edit(edit)
        }
        2 => request::Content::Deletion(handed::Deletion {
            place: place(),
            target,
            sender,
            ..handed::Deletion::default()
        }),
        3..=6 => {
            let sign = "👍".into();
            request::Content::Reaction(handed::Reaction {
                place: place(),
                target,
                sender,
                sign,
                ..handed::Reaction::default()
            })
        }
        7 if dice.below(10) == 0 => {
            let call = handed::Call { place: place(), what: "voice_call".into(), sender, ..handed::Call::default() };
            request::Content::Call(call)
        }
        _ => return vec![first],
    };
    let after = step("-daarna", after);
    if dice.below(10) == 0 { vec![after, first] } else { vec![first, after] }
}

/// A gateway at work.
struct Player<'a> {
    socket: &'a str,
    log: &'a str,
    plan: &'a DayPlan,
    tell: Tell,
    dice: Dice,
    played: Played,
    began: Instant,
    /// Handed over, and not settled yet.
    unsettled: BTreeMap<String, Step>,
    handed: BTreeSet<String>,
    /// The sidecar had no room for an attachment.
    is_full: bool,
}

/// Plays a day against the sidecar at `socket` (`unix:PATH` or `http://host:port`), until every event is settled.
///
/// # Errors
/// [`SidecarError::Listen`] if the sidecar stays away for a minute.
pub async fn play(socket: &str, log: &str, plan: &DayPlan, tell: Tell) -> Result<Played, SidecarError> {
    let mut left: VecDeque<Step> = day(plan).into();
    let is_message = |step: &&Step| matches!(step.content, request::Content::Message(_));
    let (events, messages) = (left.len() as u64, left.iter().filter(is_message).count() as u64);
    let dice = Dice(plan.seed ^ 0x00D1_CE00);
    let played = Played { events, messages, ..Played::default() };
    let (began, unsettled, handed) = (Instant::now(), BTreeMap::new(), BTreeSet::new());
    let is_full = false;
    let mut player = Player { socket, log, plan, tell, dice, played, began, unsettled, handed, is_full };
    let mut away = 0;
    while !left.is_empty() || !player.unsettled.is_empty() {
        let settled = player.played.receipted;
        match player.session(&mut left).await {
            Ok(()) => away = 0,
            Err(reason) if away >= 240 => return Err(SidecarError::Listen { listen: socket.into(), reason }),
            Err(reason) => {
                away = if player.played.receipted > settled { 0 } else { away + 1 };
                (player.tell)(&format!("the session broke: {reason}"));
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
        }
    }
    Ok(player.played)
}

impl Player<'_> {
    /// One session: first what is unsettled, then what is left, until it breaks or all is settled.
    async fn session(&mut self, left: &mut VecDeque<Step>) -> Result<(), String> {
        let client = SourceClient::connect(self.socket.to_owned()).await.map_err(|reason| reason.to_string())?;
        let (requests, mut answers, mut credits) = self.open(client.clone()).await?;
        self.played.sessions += 1;
        let every = self.plan.events_between_breaks;
        let mut until_break = if every == 0 { u64::MAX } else { every / 2 + self.dice.below(every) };
        let mut again: VecDeque<Step> = self.unsettled.values().cloned().collect();
        // A registration goes before what it registers, whatever the order of their keys.
        again.make_contiguous().sort_by_key(|step| !matches!(step.content, request::Content::Register(_)));
        loop {
            let mut without_room = 0;
            while credits > 0 && without_room <= again.len() {
                // What comes again breaks nothing off: else a session of nothing but that would never get further.
                let is_due = again.is_empty() && self.due(left.len()) <= Instant::now();
                let fresh = if is_due { left.pop_front() } else { None };
                if fresh.is_some() && until_break == 0 {
                    left.extend(fresh);
                    left.rotate_right(1);
                    (self.tell)("the session is broken off on purpose");
                    return Ok(());
                }
                until_break -= u64::from(fresh.is_some());
                let Some(step) = fresh.or_else(|| again.pop_front()) else { break };
                self.unsettled.insert(step.key.clone(), step.clone());
                if let Some((upload, size)) = &step.upload
                    && let Err(reason) = self.upload(client.clone(), upload, *size).await
                {
                    // What has its attachment there already goes first: room is made by events that leave, not by waiting.
                    if !std::mem::take(&mut self.is_full) {
                        return Err(reason);
                    }
                    again.push_back(step);
                    without_room += 1;
                    continue;
                }
                self.played.again += u64::from(!self.handed.insert(step.key.clone()));
                let request = Request { key: step.key, sent_at_ms: now_ms(), content: Some(step.content) };
                requests.send(request).await.map_err(|reason| reason.to_string())?;
                credits -= 1;
            }
            if self.unsettled.is_empty() && again.is_empty() && left.is_empty() {
                return Ok(());
            }
            let is_waiting = credits > 0 && !left.is_empty();
            let until = match without_room {
                0 if is_waiting => self.due(left.len()),
                0 => Instant::now() + FOREVER,
                _ => Instant::now() + NO_ROOM,
            };
            let Ok(answer) = tokio::time::timeout_at(until, answers.message()).await else { continue };
            let answer = answer.map_err(|status| status.to_string())?.ok_or("the session ended")?;
            let before = again.len();
            credits += self.take(answer, &mut again);
            if again.len() > before {
                tokio::time::sleep(IN_FLIGHT).await;
            }
        }
    }

    /// When the first of so many events that are left is handed over.
    fn due(&self, left: usize) -> Instant {
        let done = self.played.events - left as u64;
        self.began + Duration::from_millis(self.plan.lasts_ms * done / self.played.events.max(1))
    }

    async fn open(
        &self,
        mut client: SourceClient<Transport>,
    ) -> Result<(mpsc::Sender<Request>, Streaming<Answer>, u32), String> {
        let (requests, receiver) = mpsc::channel(64);
        let open = handed::Open {
            log: self.log.into(),
            gateway: format!("simulator-{}", self.plan.seed),
            version: env!("CARGO_PKG_VERSION").into(),
            custodians: self.plan.custodians.clone(),
        };
        let first = Request { key: String::new(), sent_at_ms: now_ms(), content: Some(request::Content::Open(open)) };
        requests.send(first).await.map_err(|reason| reason.to_string())?;
        let answers = client.session(ReceiverStream::new(receiver)).await;
        let mut answers = answers.map_err(|status| status.to_string())?.into_inner();
        let first = answers.message().await.map_err(|status| status.to_string())?;
        match first.and_then(|answer| answer.content) {
            Some(answer::Content::Opened(opened)) => Ok((requests, answers, opened.credits)),
            other => Err(format!("the first answer is {other:?}, wanted Opened")),
        }
    }

    /// Takes an answer, and gives the credits that it gives.
    fn take(&mut self, answer: Answer, again: &mut VecDeque<Step>) -> u32 {
        match answer.content {
            Some(answer::Content::Spooled(told)) => return told.credits,
            Some(answer::Content::Receipted(told)) => {
                self.played.receipted += u64::from(self.unsettled.remove(&told.key).is_some());
            }
            Some(answer::Content::Quarantined(told)) => {
                self.played.quarantined += u64::from(self.unsettled.remove(&told.key).is_some());
            }
            Some(answer::Content::NotTaken(told)) => {
                // In flight from the session before: it will be answered when it is asked again.
                if told.name == "key_in_flight" {
                    again.extend(self.unsettled.get(&told.key).cloned());
                } else {
                    *self.played.not_taken.entry(told.name).or_default() += 1;
                    self.unsettled.remove(&told.key);
                }
                return told.credits;
            }
            Some(answer::Content::Opened(_) | answer::Content::Held(_)) | None => {}
        }
        0
    }

    /// Uploads what is not there yet of an attachment: bytes that follow from its key.
    async fn upload(&mut self, mut client: SourceClient<Transport>, upload: &str, size: u64) -> Result<(), String> {
        let request = AttachmentRequest { log: self.log.into(), upload: upload.into() };
        let standing = client.attachment_stat(request).await.map_err(|status| status.to_string())?.into_inner();
        if standing.complete {
            return Ok(());
        }
        let seed = upload.bytes().fold(size, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let mut dice = Dice(seed);
        let bytes: Vec<u8> = (0..size).map(|_| dice.below(256) as u8).collect();
        let log = self.log.to_owned();
        let chunk = |offset: usize| AttachmentChunk {
            log: log.clone(),
            upload: upload.into(),
            size,
            offset: offset as u64,
            data: bytes[offset..bytes.len().min(offset + PIECE_BYTES)].to_vec(),
        };
        let chunks: Vec<_> = (standing.offset as usize..bytes.len()).step_by(PIECE_BYTES).map(chunk).collect();
        let put = client.put_attachment(tokio_stream::iter(chunks)).await;
        self.is_full = put.as_ref().is_err_and(|status| status.code() == tonic::Code::ResourceExhausted);
        let put = put.map_err(|status| status.to_string())?;
        if put.into_inner().complete { Ok(()) } else { Err(format!("upload {upload} is not whole")) }
    }
}
