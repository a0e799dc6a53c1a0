//! The line to one witness: HTTP/1.1, kept open between requests; https, or plain on this machine.
//!
//! An answer is read up to a limit. A request that fails on a line that had been open is sent once more on a new one: a
//! witness may be asked the same again without harm. Not here: what is asked, and how long an answer may take (`ask`).

use crate::config::{ConfigError, read};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use zegel_verifier::trust::Witness;

/// Bytes of an answer: some signature lines.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum LineError {
    /// TCP or TLS.
    #[error("cannot be reached at {authority}: {reason}")]
    Connect {
        /// Host and port.
        authority: String,
        /// What the system says.
        reason: String,
    },
    /// HTTP.
    #[error("the exchange broke: {reason}")]
    Http {
        /// What the library says.
        reason: String,
    },
}

/// What a witness said.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) media_type: String,
    pub(super) body: String,
}

/// Certificates that are believed of witnesses.
pub(super) fn authorities(path: &Path) -> Result<TlsConnector, ConfigError> {
    let none = || ConfigError::Authorities { path: path.into() };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(read(path)?.as_bytes()) {
        roots.add(certificate.map_err(|_| none())?).map_err(|_| none())?;
    }
    if roots.is_empty() {
        return Err(none());
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().map_err(|_| none())?;
    Ok(TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth())))
}

/// Where a witness is asked.
#[derive(Clone)]
struct Address {
    /// Host and port, as a name that resolves.
    authority: String,
    /// Path of the witness, without a slash at its end.
    prefix: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Address {
    fn parse(witness: &Witness, tls: Option<&TlsConnector>) -> Result<Self, ConfigError> {
        let url = witness.url.clone().unwrap_or_default();
        let bad = |reason| ConfigError::WitnessUrl { name: witness.name.clone(), url: url.clone(), reason };
        let uri: Uri = url.parse().map_err(|_| bad("it is no URL"))?;
        let host = uri.host().ok_or_else(|| bad("it names no host"))?.to_owned();
        if uri.query().is_some() {
            return Err(bad("it has a query"));
        }
        let prefix = uri.path().trim_end_matches('/').to_owned();
        let of = |port: u16| format!("{host}:{}", uri.port_u16().unwrap_or(port));
        match (uri.scheme_str(), tls) {
            (Some("http"), _) if is_loopback(&host) => Ok(Self { authority: of(80), prefix, tls: None }),
            (Some("http"), _) => Err(bad("plain http is for this machine only")),
            (Some("https"), None) => Err(bad("https wants `ca`, the authorities that are believed")),
            (Some("https"), Some(tls)) => {
                let bare = host.trim_matches(['[', ']']).to_owned();
                let name = ServerName::try_from(bare).map_err(|_| bad("its host is no name that a certificate has"))?;
                Ok(Self { authority: of(443), prefix, tls: Some((tls.clone(), name)) })
            }
            _ => Err(bad("it is neither https nor http")),
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// What is asked for.
struct Asked {
    method: Method,
    path: String,
}

/// A line that is opened when it is needed.
pub(super) struct Line {
    address: Address,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Line {
    /// A line that is not open yet.
    pub(super) fn new(witness: &Witness, tls: Option<&TlsConnector>) -> Result<Self, ConfigError> {
        Ok(Self { address: Address::parse(witness, tls)?, sender: None })
    }

    /// Asks for a cosignature and reads the answer.
    pub(super) async fn post(&mut self, body: &[u8]) -> Result<Answer, LineError> {
        let path = format!("{}/add-checkpoint", self.address.prefix);
        self.ask(Asked { method: Method::POST, path }, body).await
    }

    /// Asks for something that lies below the witness's address.
    pub(super) async fn get(&mut self, path: &str) -> Result<Answer, LineError> {
        let path = format!("{}{path}", self.address.prefix);
        self.ask(Asked { method: Method::GET, path }, b"").await
    }

    async fn ask(&mut self, what: Asked, body: &[u8]) -> Result<Answer, LineError> {
        if let Some(mut sender) = self.sender.take()
            && let Ok(answer) = self.send(&mut sender, &what, body).await
        {
            self.sender = Some(sender);
            return Ok(answer);
        }
        let mut sender = self.connect().await?;
        let answer = self.send(&mut sender, &what, body).await?;
        self.sender = Some(sender);
        Ok(answer)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, LineError> {
        let authority = &self.address.authority;
        let failed =
            |reason: std::io::Error| LineError::Connect { authority: authority.clone(), reason: reason.to_string() };
        let stream = TcpStream::connect(authority.as_str()).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        match &self.address.tls {
            None => begin(stream).await,
            Some((tls, name)) => begin(tls.connect(name.clone(), stream).await.map_err(failed)?).await,
        }
    }

    async fn send(
        &self,
        sender: &mut SendRequest<Full<Bytes>>,
        what: &Asked,
        body: &[u8],
    ) -> Result<Answer, LineError> {
        let failed = |reason: &dyn ToString| LineError::Http { reason: reason.to_string() };
        sender.ready().await.map_err(|reason| failed(&reason))?;
        let request = Request::builder()
            .method(what.method.clone())
            .uri(&what.path)
            .header(HOST, &self.address.authority)
            .body(Full::new(Bytes::copy_from_slice(body)))
            .map_err(|reason| failed(&reason))?;
        let response = sender.send_request(request).await.map_err(|reason| failed(&reason))?;
        let status = response.status().as_u16();
        let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.unwrap_or_default().to_owned();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|reason| failed(&reason))?.to_bytes();
        Ok(Answer { status, media_type, body: String::from_utf8_lossy(&body).into_owned() })
    }
}

/// Begins HTTP on a stream; what drives it ends with the line.
async fn begin<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, LineError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) =
        handshake(TokioIo::new(stream)).await.map_err(|reason| LineError::Http { reason: reason.to_string() })?;
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use super::*;
    use zegel_verifier::note::{TYPE_COSIGNATURE, VerifierKey};

    fn address(url: &str) -> Result<(String, String), ConfigError> {
        let key = VerifierKey::new("w.example", TYPE_COSIGNATURE, [7; 32]).expect("a name");
        let url = Some(url.to_owned()).filter(|url| !url.is_empty());
        let witness = Witness { name: "w".into(), key, is_auditor: false, url };
        Address::parse(&witness, None).map(|address| (address.authority, address.prefix))
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        let path = String::from("/prefix");
        assert_eq!(address("http://127.0.0.1:81/prefix/"), Ok(("127.0.0.1:81".into(), path.clone())));
        assert_eq!(address("http://localhost/prefix"), Ok(("localhost:80".into(), path)));
        let refused = |url: &str, reason| Err(ConfigError::WitnessUrl { name: "w".into(), url: url.into(), reason });
        for url in ["http://192.0.2.1/", "http://127.0.0.1.example.org/", "http://localhost.example.org/"] {
            assert_eq!(address(url), refused(url, "plain http is for this machine only"));
        }
        let url = "https://witness.example.org/";
        assert_eq!(address(url), refused(url, "https wants `ca`, the authorities that are believed"));
        assert_eq!(address(""), refused("", "it is no URL"));
        assert_eq!(address("ftp://localhost/"), refused("ftp://localhost/", "it is neither https nor http"));
    }
}
