//! What a configuration may say.

mod maker;

use maker::*;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
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
    assert_eq!(refused, ConfigError::KeyMode { path: path.clone(), mode: 0o640 });
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("its mode");
    std::fs::write(&path, "no key").expect("written");
    let Err(ServeError::Config(refused)) = site.bind(Arc::new(NoFaults)).await else { panic!("it opened") };
    assert_eq!(refused, ConfigError::KeyForm { path });
}
