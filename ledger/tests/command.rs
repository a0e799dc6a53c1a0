//! The command: exit codes, the ready file, the end on SIGTERM.

mod maker;

use maker::*;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use zegel_ledger::{Config, Faults, Step};
use zegel_proto::v1::ledger_client::LedgerClient;
use zegel_proto::v1::{ConsistencyProofRequest, Role};

fn ledger() -> Command {
    Command::new(env!("CARGO_BIN_EXE_zegel-ledger"))
}

fn code(command: &mut Command) -> Option<i32> {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("it runs").code()
}

#[tokio::test(flavor = "multi_thread")]
async fn serves_until_sigterm_and_then_checks_clean() {
    let site = Site::new();
    let config = site.path().join("ledger.toml");
    std::fs::write(&config, site.config_text()).expect("written");
    let ready = site.path().join("ready");
    let mut serve = ledger();
    serve.arg("serve").arg("--config").arg(&config).arg("--ready-file").arg(&ready).env_remove("RUST_LOG");
    let mut process = serve.stderr(Stdio::piped()).spawn().expect("it runs");
    let mut lines = BufReader::new(process.stderr.take().expect("stderr")).lines();
    let line =
        lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("draining") || line.contains("listening on")));
    let line = line.expect("a line").expect("text");
    // The line comes just before the file: the next connection decides, not the clock.
    let address = line.rsplit(' ').next().expect("an address").to_owned();
    let mut client = LedgerClient::connect(format!("http://{address}")).await.expect("a connection");
    let mut root = Author::new("root");
    client.append(root.batch(&genesis_events(&[]))).await.expect("genesis");
    assert_eq!(std::fs::read_to_string(&ready).expect("a ready file"), format!("{address}\n"));
    drop(client);
    // A second process may not open the same store.
    assert_eq!(code(ledger().arg("check").arg("--config").arg(&config)), Some(2));
    assert!(Command::new("kill").arg(process.id().to_string()).status().expect("kill runs").success());
    assert_eq!(process.wait().expect("it ended").code(), Some(0));
    let json = ledger().arg("check").arg("--json").arg("--config").arg(&config).output().expect("it runs");
    assert_eq!(json.status.code(), Some(0));
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("one document");
    assert_eq!(json, serde_json::json!({"entries": 1, "events": 5, "findings": []}));
    assert_eq!(code(ledger().arg("rebuild").arg("--config").arg(&config)), Some(0));
    std::fs::remove_file(site.path().join("guard")).expect("removed");
    assert_eq!(code(ledger().arg("check").arg("--config").arg(&config)), Some(1));
    assert_eq!(code(ledger().arg("serve").arg("--config").arg(&config)), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_survives_a_kill_in_the_middle() {
    let site = Site::new();
    let config = site.path().join("ledger.toml");
    std::fs::write(&config, site.config_text()).expect("written");
    let mut serve = ledger();
    serve.arg("serve").arg("--config").arg(&config).env_remove("RUST_LOG");
    let mut process = serve.stderr(Stdio::piped()).spawn().expect("it runs");
    let mut lines = BufReader::new(process.stderr.take().expect("stderr")).lines();
    let line = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("listening on")));
    let address = line.expect("a line").expect("text").rsplit(' ').next().expect("an address").to_owned();
    let mut client = LedgerClient::connect(format!("http://{address}")).await.expect("a connection");
    let (mut root, mut officer) = (Author::new("root"), Author::new("officer"));
    client.append(root.batch(&genesis_events(&[]))).await.expect("genesis");
    let requests: Vec<_> = (0..2_000)
        .map(|number| {
            let event = custodian_registered(&officer, maker::id(&format!("custodian {number}")));
            officer.batch(&[event])
        })
        .collect();
    let mut answers = client.append_stream(tokio_stream::iter(requests.clone())).await.expect("a stream").into_inner();
    let mut last = None;
    for _ in 0..100 {
        last = answers.message().await.expect("an answer").expect("an answer").receipt;
    }
    process.kill().expect("killed");
    process.wait().expect("it ended");
    while let Ok(Some(answer)) = answers.message().await {
        last = answer.receipt;
    }
    let receipt = last.expect("a receipt");
    let before = check_receipt(&receipt);
    let mut running = site.start().await;
    let now = running.checkpoint().await;
    assert!(now.size() >= before.size());
    let request = ConsistencyProofRequest { origin: ORIGIN.into(), from_size: before.size(), to_size: now.size() };
    let proof = running.client.get_consistency_proof(request).await.expect("a proof").into_inner();
    assert_eq!(now.check_extends(&before, &hashes(&proof.hashes)), Ok(()));
    // Sent again from the first: what was logged gets its receipt, the rest is taken.
    let again = running.client.append_stream(tokio_stream::iter(requests)).await.expect("a stream").into_inner();
    let again: Vec<_> = tokio_stream::StreamExt::collect(again).await;
    assert_eq!(again.iter().filter(|answer| answer.is_ok()).count(), 2_000);
    assert_eq!(running.checkpoint().await.size(), 2_001);
    running.stop().await;
    assert_eq!(zegel_ledger::check(&site.config()).expect("a report").findings, []);
}

/// Stops when the keys have gone.
struct StopBehindKeys;

impl Faults for StopBehindKeys {
    fn before(&self, _step: Step) -> Result<(), String> {
        Ok(())
    }

    fn after(&self, step: Step) -> Result<(), String> {
        if step == Step::EraseKeys { Err("stopped".into()) } else { Ok(()) }
    }
}

/// What a ledger says until it listens.
fn said_at_opening(config: &std::path::Path) -> Vec<String> {
    let mut serve = ledger();
    serve.arg("serve").arg("--config").arg(config).env_remove("RUST_LOG");
    let mut process = serve.stderr(Stdio::piped()).spawn().expect("it runs");
    let lines = BufReader::new(process.stderr.take().expect("stderr")).lines().map_while(Result::ok);
    let said = lines.take_while(|line| !line.contains("listening on")).collect();
    process.kill().expect("killed");
    process.wait().expect("it ended");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_was_killed_in_an_erasure_says_so_until_the_order_was_handed_over_again() {
    let mut world = World::new().await;
    let approver = Author::new("approver");
    let registered = world.root.batch(&[actor_registered(&approver, Role::Approver), key_added(&approver)]);
    world.ledger.append(registered).await.expect("registered");
    let entry = world.chat(0, 2, MONTH).await.index;
    world.ledger.stop().await;
    let (path, text) = (world.place.path().join("ledger.toml"), world.place.config_text());
    std::fs::write(&path, &text).expect("written");
    let config = Config::parse(&text, world.place.path()).expect("a configuration");
    let order = order(&[(entry, 1)], None, &[&world.officer, &approver]);
    let says_so = || {
        said_at_opening(&path)
            .iter()
            .filter(|line| line.contains("an erasure was broken off"))
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(says_so(), Vec::<String>::new());
    zegel_ledger::erase_with(&config, &order, Arc::new(StopBehindKeys)).expect_err("stopped");
    for _ in 0..2 {
        let said = says_so();
        let name = zegel_verifier::hash::sha256(&[order.as_bytes()]).to_string();
        assert!(matches!(&said[..], [line] if line.contains(&name)), "{said:?}");
    }
    assert_eq!(zegel_ledger::erase(&config, &order).expect("erased").events, 1);
    assert_eq!(says_so(), Vec::<String>::new());
}

#[test]
fn usage_is_three_and_a_bad_configuration_is_two() {
    assert_eq!(code(ledger().arg("serve")), Some(3));
    assert_eq!(code(ledger().arg("nothing")), Some(3));
    assert_eq!(code(ledger().arg("check").arg("--config").arg("/nowhere/ledger.toml")), Some(2));
}
