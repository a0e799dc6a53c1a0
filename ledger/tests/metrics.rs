//! What a ledger tells of itself, and that the dashboard asks for nothing else.

mod maker;

use maker::*;
use std::collections::BTreeSet;
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::Code;
use zegel_ledger::{Config, Server};

async fn page(address: std::net::SocketAddr) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await.expect("asked");
    let mut page = String::new();
    stream.read_to_string(&mut page).await.expect("an answer");
    page
}

/// Words of a text that name a metric.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("zegel_")).map(String::from).collect()
}

/// The value of a sample; its labels are in the order in which they are told.
fn value(page: &str, sample: &str) -> f64 {
    let line = page.lines().find(|line| line.starts_with(sample)).unwrap_or_else(|| panic!("no {sample} in:\n{page}"));
    line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_asks_only_for_metrics_that_are_told() {
    let site = Site::new();
    let text = format!("metrics = \"127.0.0.1:0\"\n{}", site.config_text());
    let config = Config::parse(&text, site.path()).expect("a configuration");
    let server = Server::bind(config).await.expect("a ledger");
    let address = server.metrics_address().expect("an address");
    let ledger = Running::of(server).await;
    let mut world = World::on(site, ledger).await;
    world.chat(0, 20, MONTH).await;
    world.ledger.snapshot().await;
    let ahead = world.source.try_batch(&world.source.messages(&world.capture, 30, 1, MONTH));
    world.ledger.refused(ahead, Code::FailedPrecondition, "conversation_seq is 30").await;
    let page = page(address).await;
    let of = format!("{{origin=\"{ORIGIN}\"");
    assert_eq!(value(&page, &format!("zegel_appends_total{of}")), 3.0);
    assert_eq!(value(&page, &format!("zegel_events_total{of}")), 29.0);
    assert_eq!(value(&page, &format!("zegel_tree_size{of}")), 4.0);
    assert_eq!(value(&page, &format!("zegel_refusals_total{of},reason=\"ConversationSeq\"")), 1.0);
    assert!(value(&page, &format!("zegel_stage_seconds_count{of},stage=\"admission\"")) >= 4.0);
    let told = named(&page);
    let dashboard = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("grafana.json"));
    let asked = named(&dashboard.expect("a dashboard"));
    assert_eq!(asked.difference(&told).collect::<Vec<_>>(), Vec::<&String>::new());
    assert!(asked.len() > 12, "{asked:?}");
    world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_key_there_is_no_second_port() {
    let site = Site::new();
    let server = Server::bind(site.config()).await.expect("a ledger");
    assert_eq!(server.metrics_address(), None);
}
