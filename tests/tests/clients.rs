//! Tools behind a ledger that knows its clients: the right certificate works, another role's or none is told no.

use serde_json::Value;
use std::fs;
use std::path::Path;
use zegel_tests::gateway::{Gateway, Sidecar, custodian};
use zegel_tests::{ORIGIN, Stage, command};

const DENIED: &str = "this client may not make this call here";

/// Runs `zegel` on the key folder alone and gives what it printed.
fn zegel(stage: &Stage, arguments: &[&str]) -> String {
    let output = command("zegel").args(arguments).arg("--keys").arg(stage.keys()).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Makes certificates of actors of the key folder and gives their tables.
fn tables(stage: &Stage, actors: &[&str]) -> String {
    actors.iter().map(|actor| zegel(stage, &["key", "add-client", "--plain", "--name", actor])).collect()
}

/// From here on the ledger answers only whom these tables list.
fn close(stage: &mut Stage, tables: &str) {
    assert_eq!(stage.stop(), Some(0));
    let path = stage.keys().join("ledger.toml");
    let text = fs::read_to_string(&path).expect("a configuration");
    let open = text.split("[[log.client]]").next().expect("text").replace("client_ca = \"tls-ca.pem\"\n", "");
    fs::write(&path, open.replace("[tls]\n", "[tls]\nclient_ca = \"tls-ca.pem\"\n") + "\n" + tables).expect("written");
    stage.start();
}

fn ministry(stage: &Stage) -> Value {
    serde_json::from_slice(&fs::read(stage.keys().join("ministry.json")).expect("a file")).expect("JSON")
}

/// The tables with another actor for every certificate of theirs.
fn acting_as(tables: &str, actor: &str) -> String {
    let line =
        |line: &str| if line.starts_with("actor") { format!("actor = \"{actor}\"\n") } else { format!("{line}\n") };
    tables.lines().map(line).collect()
}

#[test]
fn a_load_shows_a_certificate_for_each_source_and_one_of_another_role_loads_nothing() {
    let mut stage = Stage::new();
    let own = tables(&stage, &["officer", "root"]);
    let shape = ["load", "--json", "--sources", "2", "--conversations", "8", "--custodians", "1", "--warm-up", "0"];
    let clients = stage.zegel(&["load", "--sources", "2", "--clients"]);
    let load =
        |stage: &Stage| stage.try_zegel(&[&shape[..], &["--batch", "8", "--events", "64", "--seconds", "20"]].concat());
    // The certificates of another role, and of nobody: not one event.
    let approver = ministry(&stage)["approver"].as_str().expect("an id").to_owned();
    for wrong in [acting_as(&clients, &approver), String::new()] {
        close(&mut stage, &[&own, "\n", &wrong].concat());
        let refused = load(&stage);
        let told = String::from_utf8_lossy(&refused.stdout).into_owned();
        assert!(refused.status.code() == Some(2) && told.contains(DENIED), "{told}");
    }
    close(&mut stage, &[&own, "\n", &clients].concat());
    let loaded = load(&stage);
    let told = String::from_utf8_lossy(&loaded.stdout);
    assert_eq!(loaded.status.code(), Some(0), "{told}");
    let report: Value = serde_json::from_str(&told).expect("one document");
    assert!(report["result"]["acknowledged_events"].as_u64() >= Some(64), "{report:#}");
    // An officer with the card of the root is no officer, and one without a card is not answered at all.
    let as_root = |extension: &str| {
        let file = |name: &str| stage.keys().join(format!("tls-{name}.{extension}"));
        fs::rename(file("officer"), file("aside")).expect("put aside");
        fs::copy(file("root"), file("officer")).expect("copied");
    };
    as_root("pem");
    as_root("key");
    let refused = stage.try_zegel(&["register", "custodian", "--name", "Anna"]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2) && told.contains(DENIED), "{told}");
    fs::remove_file(stage.keys().join("tls-officer.pem")).expect("removed");
    let refused = stage.try_zegel(&["register", "custodian", "--name", "Anna"]);
    assert_eq!(refused.status.code(), Some(3), "{}", String::from_utf8_lossy(&refused.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_shows_its_certificate_and_with_one_of_another_role_it_spools_and_says_so() {
    let mut stage = Stage::new();
    stage.keep_port();
    let anna = custodian(&stage, "Anna de Vries");
    let mut sidecar = Sidecar::new(&stage);
    let config = fs::read_to_string(sidecar.path("source.toml")).expect("a configuration");
    let actor = config.lines().find_map(|line| line.strip_prefix("actor = ")).expect("an actor").trim_matches('"');
    let folder = sidecar.path("log").display().to_string();
    let table =
        zegel(&stage, &["key", "add-client", "--plain", "--name", "gateway", "--actor", actor, "--out", &folder]);
    sidecar.configure("certificate = \"log/tls-gateway.pem\"\ncertificate_key = \"log/tls-gateway.key\"");
    let own = tables(&stage, &["officer"]);
    let officer = ministry(&stage)["officer"].as_str().expect("an id").to_owned();

    close(&mut stage, &[&own, "\n", &acting_as(&table, &officer)].concat());
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    let all: Vec<String> = (0..40).map(|number| format!("{number:05}")).collect();
    gateway.send_messages(&all).await;
    let standing = sidecar.stands("the ledger says no", |standing| !standing.finding.is_empty()).await;
    assert!(standing.waiting > 0, "{standing:?}");
    assert!(
        sidecar.told().contains(DENIED) || standing.finding.contains("refused"),
        "{standing:?}\n{}",
        sidecar.told()
    );
    assert!(gateway.told.receipted.is_empty());
    sidecar.kill();

    close(&mut stage, &[&own, "\n", &table].concat());
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    gateway.send_messages(&all).await;
    sidecar.stands("all is in the log", |standing| standing.waiting == 0).await;
    gateway.until_receipted(&all).await;
    let (_, lines) = zegel_tests::gateway::timeline(&stage, "Anna de Vries", "anna");
    assert_eq!(zegel_tests::gateway::texts(&lines).len(), 40, "each is there, and opens");
    assert!(Path::new(&folder).join("tls-gateway.key").exists());
}
