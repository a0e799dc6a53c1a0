//! A sidecar for tests of the whole, the real command on a Unix socket, and a gateway that hands events over.

use crate::witness::eventually;
use crate::{Stage, command};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel as Transport;
use tonic::{Status, Streaming};
use zegel_proto::source::v1::source_client::SourceClient;
use zegel_proto::source::v1::*;

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Milliseconds since 1970.
#[must_use]
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// A sidecar with its folder.
pub struct Sidecar {
    folder: TempDir,
    process: Option<Child>,
}

impl Sidecar {
    /// Makes a source of a stage's log, and starts nothing yet.
    #[must_use]
    pub fn new(stage: &Stage) -> Self {
        let sidecar = Self { folder: tempfile::tempdir().expect("a folder"), process: None };
        sidecar.serve_log(stage, "log", &[]);
        sidecar
    }

    /// Serves one more log.
    ///
    /// # Panics
    /// If that is refused.
    pub fn serve_log(&self, stage: &Stage, label: &str, more: &[&str]) {
        let mut init = command("zegel-source");
        init.args(["init", "--plain"]).arg(self.folder.path()).arg("--keys").arg(stage.keys());
        init.args(["--ledger", &stage.url(), "--name", "gateway", "--label", label]).args(more);
        let made = init.output().expect("zegel-source runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    /// A file of its folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Adds lines to the table of the last log.
    ///
    /// # Panics
    /// If the file cannot be written.
    pub fn configure(&self, lines: &str) {
        let path = self.path("source.toml");
        let text = fs::read_to_string(&path).expect("a configuration");
        fs::write(path, format!("{text}{lines}\n")).expect("written");
    }

    /// Names another ledger.
    ///
    /// # Panics
    /// If the file cannot be written.
    pub fn point_at(&self, from: &str, to: &str) {
        let path = self.path("source.toml");
        let text = fs::read_to_string(&path).expect("a configuration");
        assert!(text.contains(from), "{from} stands in {text}");
        fs::write(path, text.replace(from, to)).expect("written");
    }

    fn spawn(&self) -> Child {
        let log = fs::File::options().create(true).append(true).open(self.path("told")).expect("a log");
        let mut serve = command("zegel-source");
        serve.args(["serve", "--config"]).arg(self.path("source.toml")).arg("--ready-file").arg(self.path("ready"));
        serve.stdout(Stdio::null()).stderr(log).spawn().expect("zegel-source starts")
    }

    /// Starts it and waits until it listens.
    ///
    /// # Panics
    /// If it does not.
    pub fn start(&mut self) {
        let _ = fs::remove_file(self.path("ready"));
        let mut process = self.spawn();
        eventually("the sidecar listens", || {
            let ended = process.try_wait().expect("a process");
            assert!(ended.is_none(), "it has ended: {}", self.told());
            self.path("ready").exists().then_some(())
        });
        self.process = Some(process);
    }

    /// Starts a second process on the same spool: it waits. Once it listens, `kill` and `start` are about it.
    #[must_use]
    pub fn stand_by(&self) -> Child {
        let _ = fs::remove_file(self.path("ready"));
        self.spawn()
    }

    /// The process that answers from here on, once it does.
    pub fn taken_over_by(&mut self, process: Child) {
        eventually("the second process listens", || self.path("ready").exists().then_some(()));
        self.process = Some(process);
    }

    /// Kills it without a word (SIGKILL).
    ///
    /// # Panics
    /// If it cannot be killed.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("it can be killed");
            process.wait().expect("it has ended");
        }
    }

    /// Process id of the one that runs.
    ///
    /// # Panics
    /// If none does.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("it runs").id()
    }

    /// Everything that it has said.
    #[must_use]
    pub fn told(&self) -> String {
        fs::read_to_string(self.path("told")).unwrap_or_default()
    }

    /// Runs another command of the sidecar, and gives its exit code and what it printed.
    ///
    /// # Panics
    /// If it does not run.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut other = command("zegel-source");
        other.arg(arguments[0]).arg("--config").arg(self.path("source.toml")).args(&arguments[1..]);
        let output = other.output().expect("zegel-source runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    }

    /// A client.
    ///
    /// # Panics
    /// If it is not there.
    pub async fn client(&self) -> SourceClient<Transport> {
        SourceClient::connect(format!("unix:{}", self.path("source.sock").display())).await.expect("connected")
    }

    /// How the first log stands.
    ///
    /// # Panics
    /// If it does not answer.
    pub async fn standing(&self) -> LogStanding {
        self.client().await.status(StatusRequest {}).await.expect("a status").into_inner().logs.remove(0)
    }

    /// Waits until it stands so.
    ///
    /// # Panics
    /// If it does not in good time.
    pub async fn stands(&self, what: &str, is_so: impl Fn(&LogStanding) -> bool) -> LogStanding {
        let until = std::time::Instant::now() + PATIENCE;
        loop {
            let standing = self.standing().await;
            if is_so(&standing) {
                return standing;
            }
            assert!(std::time::Instant::now() < until, "waited in vain: {what}: {standing:?}\n{}", self.told());
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Where a gateway's events stand.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Keys that are spooled, with remarks.
    pub spooled: BTreeMap<String, Spooled>,
    /// Keys that are in the log, with their places.
    pub receipted: BTreeMap<String, (u64, u32)>,
    /// Keys that were not taken, with the name of what was wrong.
    pub not_taken: BTreeMap<String, String>,
    /// Keys that were put aside, with what was found.
    pub quarantined: BTreeMap<String, String>,
    /// Names of what held it up.
    pub held: BTreeSet<String>,
}

/// A gateway at work.
pub struct Gateway {
    requests: mpsc::Sender<Request>,
    answers: Streaming<Answer>,
    /// What was answered so far.
    pub told: Told,
    /// The first answer.
    pub opened: Opened,
    /// What it says its clock is ahead, in milliseconds.
    pub ahead_ms: i64,
    /// Whose chats.
    pub custodian: String,
    /// Which conversation.
    pub conversation: String,
}

impl Gateway {
    /// Opens a session.
    ///
    /// # Panics
    /// If that is refused.
    pub async fn open(sidecar: &Sidecar, log: &str, custodian: &str) -> Self {
        let (requests, receiver) = mpsc::channel(1_024);
        let open = Open {
            log: log.into(),
            gateway: "wa-gateway".into(),
            version: "1.0".into(),
            custodians: vec![custodian.into()],
        };
        let first = Request { key: String::new(), sent_at_ms: now_ms(), content: Some(request::Content::Open(open)) };
        requests.send(first).await.expect("sent");
        let mut client = sidecar.client().await;
        let mut answers = client.session(ReceiverStream::new(receiver)).await.expect("a session").into_inner();
        let first = answers.message().await.expect("an answer").and_then(|answer| answer.content);
        let Some(answer::Content::Opened(opened)) = first else { panic!("{first:?}") };
        let (custodian, conversation) = (custodian.into(), "groep-1".into());
        Self { requests, answers, told: Told::default(), opened, ahead_ms: 0, custodian, conversation }
    }

    /// Opens a session and registers its conversation.
    pub async fn begin(sidecar: &Sidecar, log: &str, custodian: &str) -> Self {
        let mut gateway = Self::open(sidecar, log, custodian).await;
        gateway.register().await;
        gateway
    }

    /// Registers its conversation.
    pub async fn register(&mut self) {
        let register = Register {
            channel: Channel::Signal as i32,
            conversation: self.conversation.clone(),
            title: format!("Dossier {}", self.conversation),
            kind: "group".into(),
            id: String::new(),
        };
        let key = format!("register {}", self.conversation);
        self.send(&key, request::Content::Register(register)).await;
        self.until(|told| told.spooled.contains_key(&key) || told.not_taken.contains_key(&key)).await;
    }

    /// Hands something over.
    pub async fn send(&mut self, key: &str, content: request::Content) {
        let sent_at_ms = now_ms().saturating_add_signed(self.ahead_ms);
        // A session that has ended says so when it is listened to.
        let _ = self.requests.send(Request { key: key.into(), sent_at_ms, content: Some(content) }).await;
    }

    /// Where and when.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        Some(Place {
            custodian: self.custodian.clone(),
            channel: Channel::Signal as i32,
            conversation: self.conversation.clone(),
            at_ms: now_ms(),
            clock: Clock::Server as i32,
        })
    }

    /// A message; its key is its native identifier and its marker.
    #[must_use]
    pub fn message(&self, key: &str) -> request::Content {
        let text = format!("bericht-{key}.");
        let (native_id, sender) = (key.to_owned(), "+31611111111".to_owned());
        request::Content::Message(Message { place: self.place(), native_id, sender, text, ..Message::default() })
    }

    /// Hands over messages, no more at a time than there are credits.
    pub async fn send_messages(&mut self, keys: &[String]) {
        let at = now_ms();
        for part in keys.chunks(self.opened.credits as usize / 2) {
            for key in part {
                let mut content = self.message(key);
                if let request::Content::Message(Message { place: Some(place), .. }) = &mut content {
                    // The same again is the same: its time too.
                    place.at_ms = at - at % 86_400_000;
                }
                self.send(key, content).await;
            }
            let is_answered =
                |told: &Told, key: &String| told.spooled.contains_key(key) || told.not_taken.contains_key(key);
            self.until(|told| part.iter().all(|key| is_answered(told, key))).await;
        }
    }

    /// Listens until it is so.
    ///
    /// # Panics
    /// If the session ends before.
    pub async fn until(&mut self, is_so: impl Fn(&Told) -> bool) {
        while !is_so(&self.told) {
            let told = self.listen().await.expect("an answer");
            assert!(told, "the session ended: {:?}", self.told);
        }
    }

    /// Listens until all of these are in the log.
    pub async fn until_receipted(&mut self, keys: &[String]) {
        self.until(|told| keys.iter().all(|key| told.receipted.contains_key(key))).await;
    }

    /// Takes one answer; false at the end.
    ///
    /// # Errors
    /// What ended the session.
    ///
    /// # Panics
    /// If nothing comes in good time.
    pub async fn listen(&mut self) -> Result<bool, Status> {
        let answer = tokio::time::timeout(PATIENCE, self.answers.message()).await;
        let answer = answer.unwrap_or_else(|_| panic!("no answer came: {} receipted", self.told.receipted.len()));
        match answer?.and_then(|answer| answer.content) {
            None => return Ok(false),
            Some(answer::Content::Opened(_)) => {}
            Some(answer::Content::Spooled(told)) => _ = self.told.spooled.insert(told.key.clone(), told),
            Some(answer::Content::Receipted(told)) => {
                _ = self.told.receipted.insert(told.key, (told.entry, told.position));
            }
            Some(answer::Content::NotTaken(told)) => _ = self.told.not_taken.insert(told.key, told.name),
            Some(answer::Content::Quarantined(told)) => _ = self.told.quarantined.insert(told.key, told.finding),
            Some(answer::Content::Held(held)) => _ = self.told.held.insert(held.name),
        }
        Ok(true)
    }
}

/// Registers somebody and gives the id.
///
/// # Panics
/// If that is refused.
#[must_use]
pub fn custodian(stage: &Stage, name: &str) -> String {
    let told = stage.zegel(&["--json", "register", "custodian", "--name", name]);
    let told: Value = serde_json::from_str(&told).expect("JSON");
    told["result"]["registered"]["id"].as_str().unwrap_or_else(|| panic!("{told}")).to_owned()
}

/// Exports a custodian, verifies it, and gives the folder with the lines of its timeline.
///
/// # Panics
/// If the verifier finds a fault.
#[must_use]
pub fn timeline(stage: &Stage, custodian: &str, name: &str) -> (PathBuf, Vec<Value>) {
    let bundle = stage.path(name);
    let out = bundle.display().to_string();
    stage.zegel(&["export", "--custodian", custodian, "--recipient", "Commissie", "--out", &out]);
    let (code, report) = stage.verify(&bundle, &[]);
    assert_eq!(code, Some(0), "{report:#}");
    let mut show = command("zegel-verifier");
    let output = show.arg("show").arg(&bundle).arg("--trust").arg(stage.trust()).arg("--json").output().expect("shown");
    let text = String::from_utf8(output.stdout).expect("text");
    (bundle, text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// How often each text stands in a timeline.
#[must_use]
pub fn texts(lines: &[Value]) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for text in lines.iter().filter(|line| line["kind"] == "MESSAGE_CREATED").filter_map(|line| line["text"].as_str()) {
        *found.entry(text.to_owned()).or_insert(0) += 1;
    }
    found
}

/// Whether the evidence of a bundle holds these bytes.
///
/// # Panics
/// If it cannot be read.
#[must_use]
pub fn holds(bundle: &Path, word: &str) -> bool {
    let evidence = fs::read(bundle.join("data/evidence-0001")).expect("evidence");
    evidence.windows(word.len()).any(|bytes| bytes == word.as_bytes())
}
