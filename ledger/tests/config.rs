//! What a configuration may say.

mod maker;

use maker::*;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use zegel_keys::KeyError;
use zegel_ledger::{Config, ConfigError, NoFaults, ServeError};

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("/etc/zegel"))
}

#[test]
fn paths_begin_at_the_folder_of_the_file() {
    let site = Site::new();
    let config = parse(&site.config_text()).expect("a configuration");
    assert_eq!(config.logs[0].store, Path::new("/etc/zegel/store"));
    let absolute = site.config_text().replace("\"store\"", "\"/var/lib/zegel\"");
    assert_eq!(parse(&absolute).expect("a configuration").logs[0].store, Path::new("/var/lib/zegel"));
}

#[test]
fn refuses_keys_that_are_not_known_and_logs_that_share() {
    let text = Site::new().config_text();
    let refused = parse(&format!("surplus = 1\n{text}"));
    assert!(matches!(refused, Err(ConfigError::Malformed { .. })), "{refused:?}");
    let log = text.split_once("[[log]]").expect("a log").1;
    let twice = |log: &str| parse(&format!("{text}[[log]]{log}")).map(|_| ());
    let wrong = |what, found: &str| Err(ConfigError::Twice { what, found: found.into() });
    assert_eq!(twice(log), wrong("origin", ORIGIN));
    let other = log.replace(&format!("origin = \"{ORIGIN}\""), "origin = \"other\"");
    assert_eq!(twice(&other), wrong("store", "/etc/zegel/store"));
    assert_eq!(twice(&other.replace("\"store\"", "\"s\"")), wrong("guard", "/etc/zegel/guard"));
    let other = other.replace("\"store\"", "\"s\"").replace("\"guard\"", "\"g\"");
    assert_eq!(twice(&other), Err(ConfigError::RootKey { origin: "other".into() }));
    // Copies of two logs in one folder take the place of each other, and so do their receipts.
    let root = zegel_verifier::note::VerifierKey::parse(log.split('"').nth(3).expect("its root key")).expect("a key");
    let root = zegel_verifier::note::VerifierKey::new("other", zegel_verifier::note::TYPE_ED25519, *root.key());
    let other = other.replace(log.split('"').nth(3).expect("its root key"), &root.expect("a key").print());
    let share = |one: &str, two: &str| parse(&format!("{text}{one}[[log]]{other}{two}")).map(|_| ());
    let backup = |folder: &str| format!("[log.backup]\nfolder = \"{folder}\"\n");
    let archive = |folder: &str| {
        format!(
            "[log.follow]\nprimary = \"http://localhost:1\"\n\
             [log.follow.archive]\nname = \"a\"\nkey = \"a.key\"\nreceipts = \"{folder}\"\n"
        )
    };
    assert_eq!(share(&backup("b"), &backup("c")), Ok(()));
    assert_eq!(share(&backup("b"), ""), Ok(()));
    assert_eq!(share(&backup("b"), &backup("./b/")), wrong("backup folder", "/etc/zegel/b"));
    assert_eq!(share(&archive("r"), &archive("s")), Ok(()));
    assert_eq!(share(&archive("r"), &archive("r")), wrong("folder of receipts", "/etc/zegel/r"));
    let inside = parse(&text.replace("\"guard\"", "\"store/guard\"")).map(|_| ());
    let (guard, store) = ("/etc/zegel/store/guard".into(), "/etc/zegel/store".into());
    assert_eq!(inside, Err(ConfigError::GuardInStore { guard, store }));
}

#[tokio::test]
async fn refuses_a_key_file_that_others_can_read() {
    let site = Site::new();
    let path = site.path().join("log.pem");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("its mode");
    let Err(ServeError::Config(refused)) = site.bind(Arc::new(NoFaults)).await else { panic!("it opened") };
    assert_eq!(refused, ConfigError::Key(KeyError::TooOpen { path: path.clone(), mode: 0o640 }));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("its mode");
    std::fs::write(&path, "no key").expect("written");
    let Err(ServeError::Config(refused)) = site.bind(Arc::new(NoFaults)).await else { panic!("it opened") };
    let wanted = "an Ed25519 key in PKCS#8 PEM, or a pkcs11: URI";
    assert_eq!(refused, ConfigError::Key(KeyError::Malformed { path, wanted }));
}

#[test]
fn the_example_reads() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ledger.example.toml");
    let text = std::fs::read_to_string(path).expect("the example");
    let key = ed25519_key_of_the_example();
    let config = parse(&text).unwrap_or_else(|reason| panic!("{reason}; its root key would be {key}"));
    assert!(config.tls.is_some_and(|tls| tls.client_ca.is_some()));
    assert_eq!(config.logs.len(), 1);
}

/// What to write there, should it ever be wrong.
fn ed25519_key_of_the_example() -> String {
    let key = maker::key("root").verifying_key().to_bytes();
    zegel_verifier::note::VerifierKey::new(ORIGIN, zegel_verifier::note::TYPE_ED25519, key).expect("a key").print()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_serves_several_ministries_and_says_that_it_is_well() {
    let site = Site::new();
    let root = maker::key("root").verifying_key().to_bytes();
    let other =
        zegel_verifier::note::VerifierKey::new("other", zegel_verifier::note::TYPE_ED25519, root).expect("a key");
    let text = format!(
        "{}[[log]]\norigin = \"other\"\nroot_key = \"{}\"\nstore = \"o\"\nguard = \"g\"\nlog_key = \"log.pem\"\n",
        site.config_text(),
        other.print()
    );
    let config = Config::parse(&text, site.path()).expect("a configuration");
    let server = zegel_ledger::Server::bind(config).await.expect("a ledger");
    let address = server.address();
    let mut ledger = Running::of(server).await;
    let mut root = Author::new("root");
    ledger.append(root.batch(&genesis_events(&[]))).await.expect("genesis of the one");
    for (origin, code) in [("other", tonic::Code::FailedPrecondition), ("third", tonic::Code::NotFound)] {
        let request = zegel_proto::v1::LogRequest { origin: origin.into() };
        assert_eq!(ledger.client.get_checkpoint(request).await.expect_err("no checkpoint").code(), code);
    }
    let mut elsewhere = root.try_batch(&genesis_events(&[])[1..2]);
    elsewhere.origin = "other".into();
    ledger.refused(elsewhere, tonic::Code::InvalidArgument, "the batch is for log").await;
    let channel = tonic::transport::Channel::from_shared(format!("http://{address}")).expect("an address");
    let mut health = tonic_health::pb::health_client::HealthClient::new(channel.connect().await.expect("a connection"));
    let request = tonic_health::pb::HealthCheckRequest { service: "zegel.v1.Ledger".into() };
    let status = health.check(request).await.expect("an answer").into_inner().status;
    assert_eq!(status, tonic_health::pb::health_check_response::ServingStatus::Serving as i32);
    drop(health);
    ledger.stop().await;
}
