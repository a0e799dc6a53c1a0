//! Two phones of one group, and one of them again a month later, into a real ledger.

use std::path::Path;
use zegel_ledger::{Config, Server};
use zegel_tests::readout;
use zegel_tools::event::{ConversationEntry, CustodianEntry, Field};
use zegel_tools::import::{Desk, Order, Outcome, Package, Skipped};
use zegel_tools::keys::{Actor, KeyFolder};
use zegel_tools::officer::{Officer, bootstrap};
use zegel_tools::source::Source;
use zegel_verifier::hash::Hash;

struct Archive {
    folder: KeyFolder,
    url: String,
    source: Source,
    anna: Hash,
    bram: Hash,
    veerhaven: Hash,
    _directory: tempfile::TempDir,
}

async fn archive() -> Archive {
    let directory = tempfile::tempdir().expect("a folder");
    let folder = KeyFolder::init(&directory.path().join("ministry"), "chat.example.nl/proef", "BZK").expect("keys");
    let config = Config::read(&folder.ledger_config()).expect("a configuration");
    let server = Server::bind(config).await.expect("a ledger");
    let url = format!("https://localhost:{}", server.address().port());
    tokio::spawn(server.run(std::future::pending()));
    bootstrap(&folder, &url).await.expect("genesis");
    let mut officer = Officer::open(&folder, &url).await.expect("an officer");
    let custodian = |name: &str| CustodianEntry { name: name.into(), ..CustodianEntry::default() };
    let anna = officer.register_custodian(&custodian("Anna")).await.expect("registered").id;
    let bram = officer.register_custodian(&custodian("Bram")).await.expect("registered").id;
    let group = ConversationEntry { title: "Dossier Veerhaven".into(), ..ConversationEntry::default() };
    let veerhaven = officer.register_conversation(&group).await.expect("registered").id;
    let source = Source::of_folder(&folder, Actor::Source, &url).await.expect("a source");
    Archive { folder, url, source, anna, bram, veerhaven, _directory: directory }
}

impl Archive {
    async fn read_out(&mut self, custodian: Hash, package: &Path) -> Outcome {
        let desk = Desk {
            custodian,
            operator: Field::Value("uitleesbalie".into()),
            device: Field::Value("zakelijke telefoon".into()),
            tool: "zegel 0.1.0".into(),
            time_zone: "Europe/Amsterdam".into(),
            date_order: None,
            secret: *self.folder.source_secret().expect("a secret"),
        };
        let order = Order { conversation: self.veerhaven, package: Package::open(package).expect("a package") };
        let skipped = [Skipped { title: "Familie".into(), reason: "private".into() }];
        let mut done = 0;
        let mut progress = |count, _| done = count;
        let outcomes = zegel_tools::import::readout(
            &mut self.source,
            &desk,
            vec![order],
            &skipped,
            || 1_700_000_000_000,
            &mut progress,
        );
        let mut outcomes = outcomes.await.expect("read out");
        let outcome = outcomes.pop().expect("one chat");
        assert_eq!(done, outcome.counts.new + outcome.counts.edited + outcome.counts.deleted);
        outcome
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_out_again_adds_only_what_is_new() {
    let mut archive = archive().await;
    let may = archive.read_out(archive.anna, &readout("anna-android-nl")).await;
    assert_eq!((may.counts.new, may.counts.known), (may.records, 0));
    let again = archive.read_out(archive.anna, &readout("anna-android-nl")).await;
    assert_eq!((again.counts.new, again.counts.known, again.counts.vanished), (0, may.records, 0));
    let june = archive.read_out(archive.anna, &readout("anna-android-nl-june")).await;
    assert_eq!((june.counts.new, june.counts.deleted, june.counts.vanished), (4, 1, 1), "{june:?}");
    assert!(june.counts.edited >= 1 && june.counts.known_otherwise >= 1, "{june:?}");
    let june_again = archive.read_out(archive.anna, &readout("anna-android-nl-june")).await;
    let counts = june_again.counts;
    assert_eq!((counts.new, counts.edited, counts.deleted, counts.vanished), (0, 0, 0, 0), "{june_again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_holders_are_two_captures_of_one_conversation() {
    let mut archive = archive().await;
    let anna = archive.read_out(archive.anna, &readout("anna-android-nl")).await;
    let bram = archive.read_out(archive.bram, &readout("bram-ios-nl")).await;
    assert_eq!((anna.counts.new, bram.counts.new), (anna.records, bram.records));
    let known = archive.source.known(archive.bram, archive.veerhaven).await.expect("known");
    // Every record and the manifest of the file.
    assert_eq!(known.next_conversation_seq, bram.records + 1);
    drop(archive.url);
}
