//! A ministry with a ledger inside the test's own process: for tests that look at what the libraries give back.

use crate::readout;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use zegel_ledger::{Config, Server};
use zegel_proto::v1::{Scope, StreamType};
use zegel_tools::event::{ConversationEntry, CustodianEntry, Field};
use zegel_tools::export::{Cover, ExportOrder, ExportReport, export};
use zegel_tools::import::{Chat, Desk, Outcome, Package, Skipped};
use zegel_tools::keys::{Actor, KeyFolder};
use zegel_tools::officer::{Officer, bootstrap};
use zegel_tools::source::Source;
use zegel_tools::whatsapp::reader::{ChatText, Stated};
use zegel_verifier::hash::Hash;

/// Two custodians, one group, a source and an officer.
pub struct Archive {
    /// Keys of the ministry.
    pub keys: KeyFolder,
    /// Where the ledger listens.
    pub url: String,
    /// The read-out desk.
    pub source: Source,
    /// The records officer.
    pub officer: Officer,
    /// A custodian.
    pub anna: Hash,
    /// Another.
    pub bram: Hash,
    /// A group that both are in.
    pub veerhaven: Hash,
    /// Stopped after whoever speaks to it has gone, and before its folder goes.
    _ledger: InProcess,
    folder: TempDir,
}

/// A ledger on a thread of its own, until it is dropped: nothing of it may be at work when the process ends.
pub struct InProcess {
    /// Where it listens on this machine.
    pub port: u16,
    /// Origins of its logs, and where their tiles are read.
    pub tiles: Vec<(String, String)>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl InProcess {
    /// Starts it, and waits until it listens.
    #[must_use]
    pub fn start(config: Config) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let serve = async move {
            let server = Server::bind(config).await.expect("a ledger");
            tell.send((server.address().port(), server.tiles())).expect("told");
            let until = async { drop(stopped.await) };
            server.run(until).await.expect("served");
        };
        let thread = std::thread::spawn(move || Runtime::new().expect("a runtime").block_on(serve));
        let (port, tiles) = told.recv().expect("a ledger");
        Self { port, tiles, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        let _ = self.stop.take().map(|stop| stop.send(()));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Archive {
    /// Makes keys, starts a ledger, and registers everybody.
    pub async fn new() -> Self {
        Self::of("chat.example.nl/proef").await
    }

    /// The same, with a log of this name.
    pub async fn of(origin: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = KeyFolder::init(&folder.path().join("ministry"), origin, "BZK").expect("keys");
        let config = Config::read(&keys.ledger_config()).expect("a configuration");
        let ledger = InProcess::start(config);
        let url = format!("https://localhost:{}", ledger.port);
        bootstrap(&keys, &url).await.expect("genesis");
        let mut officer = Officer::open(&keys, &url).await.expect("an officer");
        let custodian = |name: &str| CustodianEntry { name: name.into(), ..CustodianEntry::default() };
        let anna = officer.register_custodian(&custodian("Anna")).await.expect("registered").id;
        let bram = officer.register_custodian(&custodian("Bram")).await.expect("registered").id;
        let group = ConversationEntry { title: "Dossier Veerhaven".into(), ..ConversationEntry::default() };
        let veerhaven = officer.register_conversation(&group).await.expect("registered").id;
        let source = Source::of_folder(&keys, Actor::Source, &url).await.expect("a source");
        Self { keys, url, source, officer, anna, bram, veerhaven, _ledger: ledger, folder }
    }

    /// A file or folder of the archive.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The trust file.
    #[must_use]
    pub fn trust(&self) -> PathBuf {
        self.keys.path().join("trust.txt")
    }

    /// Reads out one of the project's own phones.
    pub async fn read_out(&mut self, custodian: Hash, phone: &str) -> Outcome {
        self.read_out_from(custodian, &readout(phone)).await
    }

    /// Reads out a package for the group.
    pub async fn read_out_from(&mut self, custodian: Hash, package: &Path) -> Outcome {
        let desk = Desk {
            custodian,
            operator: Field::Value("uitleesbalie".into()),
            device: Field::Value("zakelijke telefoon".into()),
            tool: "zegel 0.1.0".into(),
            secret: self.keys.source_secret().expect("a secret"),
        };
        let stated = Stated { time_zone: "Europe/Amsterdam".into(), date_order: None };
        let text = ChatText::read(Package::open(package).expect("a package"), &stated).expect("a chat text");
        let chat = Chat::new(self.veerhaven, text);
        let skipped = [Skipped { title: "Familie".into(), reason: "private".into() }];
        let mut done = 0;
        let mut progress = |count, _| done = count;
        let outcomes = zegel_tools::import::readout(
            &mut self.source,
            &desk,
            vec![chat],
            &skipped,
            || 1_700_000_000_000,
            &mut progress,
        );
        let outcome = outcomes.await.expect("read out").pop().expect("one chat");
        assert_eq!(done, outcome.counts.new + outcome.counts.edited + outcome.counts.deleted);
        outcome
    }

    /// Exports a custodian with what `cover` covers, as a folder.
    pub async fn export(&mut self, custodian: Hash, name: &str, nonce: &str, cover: Cover) -> (PathBuf, ExportReport) {
        self.export_of(StreamType::StreamCustodian, custodian, name, nonce, cover).await
    }

    /// Exports an id with what `cover` covers, as a folder.
    pub async fn export_of(
        &mut self,
        stream: StreamType,
        id: Hash,
        name: &str,
        nonce: &str,
        cover: Cover,
    ) -> (PathBuf, ExportReport) {
        self.export_order(self.order(stream, id, name, nonce, cover)).await
    }

    /// An order of every month of an id, as a folder.
    #[must_use]
    pub fn order(&self, stream: StreamType, id: Hash, name: &str, nonce: &str, cover: Cover) -> ExportOrder {
        ExportOrder {
            scope: Scope { stream: stream as i32, id: id.to_vec(), from_month: 0, to_month: 0 },
            recipient: "Enquetecommissie".into(),
            nonce: nonce.into(),
            case: "2026-17".into(),
            decision: "besluit 17".into(),
            cover,
            closed: std::collections::BTreeSet::new(),
            edges: None,
            cosigned: None,
            out: self.path(name),
        }
    }

    /// Carries out an order.
    pub async fn export_order(&mut self, order: ExportOrder) -> (PathBuf, ExportReport) {
        let archive_keys = self.keys.archive_keys().expect("archive keys");
        let report = export(self.officer.source(), &archive_keys, &order, |_| {}).await.expect("exported");
        (order.out, report)
    }
}
