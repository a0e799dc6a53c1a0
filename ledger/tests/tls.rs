//! Transport: with a client authority, only its clients come in.

mod maker;

use maker::*;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};
use zegel_ledger::{Config, ConfigError, ServeError, Server};
use zegel_proto::v1::LogRequest;
use zegel_proto::v1::ledger_client::LedgerClient;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(fixture(name)).expect("a fixture")
}

fn config(site: &Site) -> Config {
    for name in ["server.pem", "server.key", "authority.pem"] {
        std::fs::write(site.path().join(name), text(name)).expect("copied");
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(site.path().join(name), mode).expect("its mode");
    }
    let tls = "[tls]\ncertificate = \"server.pem\"\nkey = \"server.key\"\nclient_ca = \"authority.pem\"\n[[log]]";
    Config::parse(&site.config_text().replace("[[log]]", tls), site.path()).expect("a configuration")
}

async fn code_over(channel: Result<Channel, tonic::transport::Error>) -> Option<tonic::Code> {
    let mut client = LedgerClient::new(channel.ok()?);
    client.get_checkpoint(LogRequest { origin: ORIGIN.into() }).await.err().map(|status| status.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_clients_of_the_authority_are_answered() {
    let site = Site::new();
    let server = Server::bind(config(&site)).await.expect("a ledger");
    let port = server.address().port();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let task = tokio::spawn(server.run(async move {
        let _ = stopped.await;
    }));
    let plain = Channel::from_shared(format!("http://127.0.0.1:{port}")).expect("an address");
    let secure = Channel::from_shared(format!("https://localhost:{port}")).expect("an address");
    let tls =
        ClientTlsConfig::new().ca_certificate(Certificate::from_pem(text("authority.pem"))).domain_name("localhost");
    let known = tls.clone().identity(Identity::from_pem(text("client.pem"), text("client.key")));
    // The ledger answers: there is no checkpoint yet. To the others it does not answer at all.
    let answered = code_over(secure.clone().tls_config(known).expect("a client").connect().await).await;
    assert_eq!(answered, Some(tonic::Code::FailedPrecondition));
    let stranger = code_over(secure.tls_config(tls).expect("a client").connect().await).await;
    assert_ne!(stranger, Some(tonic::Code::FailedPrecondition));
    let stranger = code_over(plain.connect().await).await;
    assert_ne!(stranger, Some(tonic::Code::FailedPrecondition));
    let _ = stop.send(());
    task.await.expect("no panic").expect("a good end");
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_a_server_key_that_others_can_read() {
    let site = Site::new();
    let config = config(&site);
    let path = site.path().join("server.key");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("its mode");
    let refused = Server::bind(config).await.err();
    let Some(ServeError::Config(refused)) = refused else { panic!("another reason: {refused:?}") };
    assert_eq!(refused, ConfigError::Key(zegel_keys::KeyError::TooOpen { path, mode: 0o644 }));
}
