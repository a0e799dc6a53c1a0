//! What a ledger exposes is what its specification lists: one port with two services, and that of its tiles if it has them.

use std::fs;
use zegel_tests::{Stage, listening_ports};

#[test]
fn the_ledger_listens_on_one_port_and_no_other() {
    let stage = Stage::new();
    let url = stage.url();
    let port: u16 = url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    assert_eq!(listening_ports(stage.ledger_pid()), [port]);
}

#[test]
fn a_ledger_whose_log_has_tiles_listens_on_their_port_too() {
    let mut stage = Stage::new();
    assert_eq!(stage.stop(), Some(0));
    let path = stage.keys().join("ledger.toml");
    let config = fs::read_to_string(&path).expect("a configuration");
    fs::write(&path, config + "[log.tiles]\nlisten = \"127.0.0.1:0\"\nopen = true\n").expect("written");
    stage.start();
    let log = stage.log();
    let tiles = log.split("tiles at https://127.0.0.1:").nth(1).and_then(|rest| rest.split('/').next());
    let port = |text: &str| text.parse::<u16>().expect("a port");
    let mut wanted = [port(stage.url().rsplit(':').next().expect("a port")), port(tiles.expect("the log says where"))];
    wanted.sort_unstable();
    assert_eq!(listening_ports(stage.ledger_pid()), wanted);
}

#[test]
fn the_ledger_stops_cleanly_when_asked_and_goes_on_where_it_was() {
    let mut stage = Stage::new();
    stage.zegel(&["register", "custodian", "--name", "Anna de Vries", "--account", "whatsapp:+31611111111:business"]);
    assert_eq!(stage.stop(), Some(0));
    stage.check();
    stage.start();
    stage.zegel(&["register", "conversation", "--title", "Dossier Veerhaven", "--channel", "whatsapp"]);
}

/// What a release answers to: every RPC, by name. Adding one is a decision, made here.
const RPCS: [&str; 20] = [
    "Append",
    "AppendStream",
    "PutBlob",
    "BlobStat",
    "GetBlob",
    "Known",
    "GetSourceHead",
    "GetRegistry",
    "GetCheckpoint",
    "GetReceipt",
    "GetConsistencyProof",
    "ReadEntries",
    "ReadAudit",
    "ReadStream",
    "Snapshot",
    "ExportEvidence",
    "Replicate",
    "Erase",
    "ReadEnvelopes",
    "RewrapEnvelopes",
];

#[test]
fn the_service_has_the_calls_of_its_list_and_the_ledger_adds_only_health() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = |path: &str| fs::read_to_string(root.join(path)).expect("a file");
    let proto = text("proto/zegel/v1/ledger.proto");
    let names = proto.lines().filter_map(|line| line.trim().strip_prefix("rpc ")?.split('(').next());
    assert_eq!(names.collect::<Vec<_>>(), RPCS);
    let server = text("ledger/src/server.rs");
    let added = server.matches(".add_service(").count();
    assert_eq!(added, 2, "the ledger's own service and the standard health service, and no reflection");
}
