//! A landing zone in which content stays for longer than its policy allows: the ledger says so until it was purged.

mod maker;

use maker::*;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use zegel_ledger::{Config, Faults, Server, Step};
use zegel_proto::print;
use zegel_proto::v1::*;

/// Entries are stamped two hours ago.
struct TwoHoursAgo;

impl Faults for TwoHoursAgo {
    fn before(&self, _: Step) -> Result<(), String> {
        Ok(())
    }

    fn now_ms(&self) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        (now - Duration::from_secs(7_200)).as_millis() as u64
    }
}

async fn start(site: &Site) -> (Running, SocketAddr, SocketAddr) {
    let text = format!("metrics = \"127.0.0.1:0\"\n{}", site.config_text());
    let config = Config::parse(&text, site.path()).expect("a configuration");
    let server = Server::bind_with(config, Arc::new(TwoHoursAgo)).await.expect("a ledger");
    let (address, metrics) = (server.address(), server.metrics_address().expect("metrics"));
    (Running::of(server).await, address, metrics)
}

async fn is_overdue(metrics: SocketAddr) -> bool {
    let mut stream = tokio::net::TcpStream::connect(metrics).await.expect("a connection");
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await.expect("asked");
    let mut page = String::new();
    stream.read_to_string(&mut page).await.expect("an answer");
    page.contains(&format!("zegel_landing_zone_overdue{{origin=\"{ORIGIN}\"}} 1"))
}

/// Waits until the health service says this.
async fn becomes(address: SocketAddr, wanted: ServingStatus) {
    let channel = tonic::transport::Channel::from_shared(format!("http://{address}")).expect("an address");
    let mut client = HealthClient::new(channel.connect().await.expect("a connection"));
    for _ in 0..1_000 {
        let request = HealthCheckRequest { service: "zegel.v1.Custody".into() };
        if client.check(request).await.is_ok_and(|answer| answer.into_inner().status() == wanted) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never {wanted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn content_that_is_not_purged_in_time_is_an_alarm_until_it_is() {
    let site = Site::new();
    let (ledger, address, metrics) = start(&site).await;
    let mut world = World::on(site, ledger).await;
    world.chat(0, 3, MONTH).await;
    becomes(address, ServingStatus::Serving).await;
    assert!(!is_overdue(metrics).await, "without the policy it is no landing zone");
    let policy = |value: &str| {
        let policy = PolicySet { name: "landing_zone_max_hours".into(), value: value.into() };
        public(EventKind::PolicySet, print(&policy).expect("prints"))
    };
    for (value, overdue) in [("3", false), ("1", true), ("01", false), ("1", true)] {
        let request = world.officer.batch(&[policy(value)]);
        world.ledger.append(request).await.expect("set");
        assert_eq!(is_overdue(metrics).await, overdue, "{value}");
    }
    becomes(address, ServingStatus::NotServing).await;
    // Also of a ledger that begins with it.
    world.ledger.stop().await;
    let (ledger, address, metrics) = start(&world.place).await;
    world.ledger = ledger;
    assert!(is_overdue(metrics).await);
    becomes(address, ServingStatus::NotServing).await;
    // Nothing is said to be purged before an order was carried out.
    let purged = sealed(world.officer.actor, header(EventKind::CustodyPurged));
    let refused = world.ledger.append(world.officer.clone().batch(std::slice::from_ref(&purged))).await;
    let said = refused.expect_err("nothing was erased").message().to_owned();
    assert!(said.contains("no order to end any was carried out here"), "{said}");
    let approver = Author::new("approver");
    let registered = world.root.batch(&[actor_registered(&approver, Role::Approver), key_added(&approver)]);
    world.ledger.append(registered).await.expect("registered");
    let officer = world.officer.clone();
    let erase = async |world: &mut World, places: &[(u64, u32)]| {
        let request = EraseRequest { origin: ORIGIN.into(), order: order(places, None, &[&officer, &approver]) };
        world.ledger.client.erase(request).await.expect("erased").into_inner().events
    };
    // Two of three, then the third; one that comes in between stays. That something was purged is sealed, and may be about anything: what counts is what is here.
    assert_eq!(erase(&mut world, &[(2, 0), (2, 2)]).await, 2);
    let request = world.officer.batch(&[purged]);
    world.ledger.append(request).await.expect("logged");
    assert!(is_overdue(metrics).await);
    let other = world.chat(3, 1, MONTH).await.index;
    assert_eq!(erase(&mut world, &[(2, 1)]).await, 1);
    assert!(is_overdue(metrics).await);
    assert_eq!(erase(&mut world, &[(other, 0)]).await, 1);
    assert!(!is_overdue(metrics).await);
    becomes(address, ServingStatus::Serving).await;
    world.ledger.stop().await;
    let (ledger, _, metrics) = start(&world.place).await;
    world.ledger = ledger;
    assert!(!is_overdue(metrics).await, "what has gone is not found again");
    world.chat(4, 1, MONTH).await;
    assert!(is_overdue(metrics).await);
    world.ledger.stop().await;
}
