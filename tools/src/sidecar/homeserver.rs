//! The way to a homeserver: media that an event names, fetched as they are (client-server API v1.11, authenticated media), and the
//! rooms that a user is in, asked for in his name (application service API, identity assertion).
//!
//! https under authorities that are given, or plain on this machine. What is fetched is bounded by what an attachment may have,
//! before any of it is read. Not here: what becomes of it (`appservice`).

use super::SidecarError;
use super::pushed::Mxc;
use super::uploads::SIZE_MAX;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, HOST};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// How long the homeserver may take to answer, and between two pieces. It may have to ask another server first.
const PATIENCE: Duration = Duration::from_secs(60);

/// A homeserver that media are fetched from.
#[derive(Clone)]
pub struct Homeserver {
    /// Host and port, as a name that resolves.
    authority: String,
    /// By which it knows the application service (`as_token` of the registration).
    as_token: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl std::fmt::Debug for Homeserver {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The token stays out of every log.
        formatter.debug_struct("Homeserver").field("authority", &self.authority).finish_non_exhaustive()
    }
}

/// Bytes of an answer that says in which rooms a user is.
const ROOMS_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What became of a request.
pub(super) enum Fetched<T> {
    /// Here it is.
    There(T),
    /// It is not to be had, now or later; why.
    Gone(String),
}

/// Media on their way.
pub(super) struct Media {
    /// Bytes of the whole.
    pub(super) size: u64,
    body: Body,
}

enum Body {
    Fetched(Incoming),
    /// At hand; none once they were given.
    Given(Option<Bytes>),
}

impl Homeserver {
    /// Reads an address: `https://host[:port]` with the authorities that are believed, as PEM, or `http://` on this machine.
    ///
    /// # Errors
    /// [`SidecarError::Config`].
    pub fn new(url: &str, as_token: String, authorities: Option<&[u8]>) -> Result<Self, SidecarError> {
        let bad = |reason: &str| SidecarError::Config { path: url.into(), reason: reason.into() };
        let uri: Uri = url.parse().map_err(|_| bad("it is no URL"))?;
        let host = uri.host().ok_or_else(|| bad("it names no host"))?.to_owned();
        let authority = |port: u16| format!("{host}:{}", uri.port_u16().unwrap_or(port));
        match (uri.scheme_str(), authorities) {
            (Some("http"), _) if is_loopback(&host) => Ok(Self { authority: authority(80), as_token, tls: None }),
            (Some("http"), _) => Err(bad("plain http is for this machine only")),
            (Some("https"), None) => Err(bad("https wants --homeserver-ca, the authorities that are believed")),
            (Some("https"), Some(authorities)) => {
                let connector = connector(authorities).ok_or_else(|| bad("there is no authority in that PEM"))?;
                let bare = host.trim_matches(['[', ']']).to_owned();
                let name = ServerName::try_from(bare).map_err(|_| bad("its host is no name that a certificate has"))?;
                Ok(Self { authority: authority(443), as_token, tls: Some((connector, name)) })
            }
            _ => Err(bad("it is neither https nor http")),
        }
    }

    /// Asks for media. A failure may pass: the homeserver did not answer, or could not just now.
    pub(super) async fn fetch(&self, media: &Mxc) -> Result<Fetched<Media>, String> {
        let path = format!("/_matrix/client/v1/media/download/{}/{}", media.server, media.id);
        let response = match self.answer(&path).await? {
            Fetched::There(response) => response,
            Fetched::Gone(reason) => return Ok(Fetched::Gone(reason)),
        };
        let length = response.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        Ok(match length {
            None => Fetched::Gone(format!("{} does not say how many bytes they have", self.authority)),
            Some(size) if size > SIZE_MAX => {
                Fetched::Gone(format!("they have {size} bytes, at most {SIZE_MAX} are kept"))
            }
            Some(size) => Fetched::There(Media { size, body: Body::Fetched(response.into_body()) }),
        })
    }

    /// Asks in which rooms a user is. A failure may pass.
    pub(super) async fn rooms_of(&self, user: &str) -> Result<Fetched<Vec<String>>, String> {
        let path = format!("/_matrix/client/v3/joined_rooms?user_id={}", escaped(user));
        let response = match self.answer(&path).await? {
            Fetched::There(response) => response,
            Fetched::Gone(reason) => return Ok(Fetched::Gone(reason)),
        };
        let body = tokio::time::timeout(PATIENCE, Limited::new(response.into_body(), ROOMS_BYTES_MAX).collect()).await;
        let body = body.map_err(|_| format!("{} stopped in the middle of an answer", self.authority))?;
        let body = body.map_err(|reason| format!("{}: {reason}", self.authority))?.to_bytes();
        let found = serde_json::from_slice::<Value>(&body).ok();
        let rooms = found.as_ref().and_then(|found| found.get("joined_rooms")?.as_array());
        let rooms = rooms.and_then(|rooms| rooms.iter().map(|room| Some(room.as_str()?.to_owned())).collect());
        let malformed = || Fetched::Gone(format!("{} answered something that names no rooms", self.authority));
        Ok(rooms.map_or_else(malformed, Fetched::There))
    }

    /// What it answers to a question that it may answer.
    async fn answer(&self, path: &str) -> Result<Fetched<hyper::Response<Incoming>>, String> {
        let response = tokio::time::timeout(PATIENCE, self.ask(path)).await;
        let response = response.map_err(|_| format!("{} did not answer in time", self.authority))??;
        let status = response.status();
        if status.is_server_error() || matches!(status, StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS) {
            return Err(format!("{} answered {status}", self.authority));
        }
        let gone = || Fetched::Gone(format!("{} answered {status}", self.authority));
        Ok(if status == StatusCode::OK { Fetched::There(response) } else { gone() })
    }

    async fn ask(&self, path: &str) -> Result<hyper::Response<Incoming>, String> {
        let failed = |reason: &dyn ToString| format!("{}: {}", self.authority, reason.to_string());
        let stream = TcpStream::connect(self.authority.as_str()).await.map_err(|reason| failed(&reason))?;
        let mut sender = match &self.tls {
            None => begin(stream).await,
            Some((tls, name)) => {
                begin(tls.connect(name.clone(), stream).await.map_err(|reason| failed(&reason))?).await
            }
        }
        .map_err(|reason| failed(&reason))?;
        let request = Request::get(path)
            .header(HOST, &self.authority)
            .header(AUTHORIZATION, format!("Bearer {}", self.as_token))
            .body(Empty::new())
            .map_err(|reason| failed(&reason))?;
        sender.send_request(request).await.map_err(|reason| failed(&reason))
    }
}

impl Media {
    /// What is here already.
    pub(super) fn given(bytes: Vec<u8>) -> Self {
        Self { size: bytes.len() as u64, body: Body::Given(Some(bytes.into())) }
    }

    /// The next bytes; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, String> {
        let body = match &mut self.body {
            Body::Given(bytes) => return Ok(bytes.take()),
            Body::Fetched(body) => body,
        };
        loop {
            let frame = tokio::time::timeout(PATIENCE, body.frame()).await;
            let frame = frame.map_err(|_| "the homeserver stopped in the middle of media")?;
            match frame.transpose().map_err(|reason| reason.to_string())? {
                None => return Ok(None),
                Some(frame) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }
}

/// A user as it stands in a query: all but letters and digits by their bytes.
fn escaped(user: &str) -> String {
    let byte = |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte).into() } else { format!("%{byte:02X}") };
    user.bytes().map(byte).collect()
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn connector(authorities: &[u8]) -> Option<TlsConnector> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authorities) {
        roots.add(certificate.ok()?).ok()?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().ok()?;
    let config = config.with_root_certificates(Some(roots).filter(|roots| !roots.is_empty())?).with_no_client_auth();
    Some(TlsConnector::from(Arc::new(config)))
}

async fn begin<S>(stream: S) -> Result<SendRequest<Empty<Bytes>>, hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[test]
    fn plain_http_is_for_this_machine_only_and_https_wants_authorities() {
        let of = |url: &str| Homeserver::new(url, "geheim".into(), None);
        let found = of("http://127.0.0.1:8008").expect("on this machine");
        assert_eq!(found.authority, "127.0.0.1:8008");
        assert!(!format!("{found:?}").contains("geheim"));
        for (url, wanted) in [
            ("http://matrix.example.nl", "plain http is for this machine only"),
            ("https://matrix.example.nl", "https wants --homeserver-ca, the authorities that are believed"),
            ("ftp://localhost", "it is neither https nor http"),
            ("", "it is no URL"),
        ] {
            assert!(matches!(of(url), Err(SidecarError::Config { reason, .. }) if reason == wanted), "{url}");
        }
    }

    #[test]
    fn a_user_adds_nothing_to_the_question_in_which_he_stands() {
        assert_eq!(escaped("@anna:matrix.nl"), "%40anna%3Amatrix%2Enl");
        assert_eq!(escaped("@a&user_id=@b/é"), "%40a%26user%5Fid%3D%40b%2F%C3%A9");
    }

    #[tokio::test]
    async fn media_that_no_ledger_takes_once_they_are_encrypted_are_not_begun() {
        let (found, wanted) = tokio::join!(answered_with(SIZE_MAX + 1), answered_with(SIZE_MAX));
        let reason = format!("they have {} bytes, at most {SIZE_MAX} are kept", SIZE_MAX + 1);
        assert!(matches!(found, Fetched::Gone(why) if why == reason));
        assert!(matches!(wanted, Fetched::There(Media { size: SIZE_MAX, .. })));
    }

    /// What becomes of media whose server says that they have so many bytes.
    async fn answered_with(size: u64) -> Fetched<Media> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let answering = async {
            let (mut stream, _) = listener.accept().await.expect("asked");
            _ = stream.read(&mut [0; 4_096]).await.expect("a request");
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.expect("answered");
            stream
        };
        let homeserver = Homeserver::new(&url, "geheim".into(), None).expect("on this machine");
        let mxc = Mxc { server: "matrix.example.nl".into(), id: "film".into() };
        let (fetched, _stream) = tokio::join!(homeserver.fetch(&mxc), answering);
        fetched.expect("an answer")
    }
}
