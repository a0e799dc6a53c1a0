//! Who may read which log: TLS, and certificates of clients.
//!
//! A listener admits a client whose certificate one of its authorities signed, and without a certificate only if one of its
//! logs is open. Which logs he then finds is asked of the authority of each. The names of the authorities are not sent
//! in the handshake: they would tell who else is here.

use super::Site;
use crate::config::{ConfigError, TilesConfig, TlsConfig, read, read_secret};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use std::path::Path;
use std::sync::Arc;
use thiserror::Error;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use tokio_rustls::rustls::{Error as TlsError, RootCertStore, ServerConfig};

/// Why a transport cannot be set up.
#[derive(Debug, Error)]
pub enum AccessError {
    /// A file.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Not a certificate, or not a key.
    #[error("{path} holds no {wanted} in PEM that can be used")]
    Pem {
        /// The file.
        path: String,
        /// "certificate" or "private key".
        wanted: &'static str,
    },
    /// What TLS says of them.
    #[error("TLS: {0}")]
    Tls(TlsError),
    /// What TLS says of the authorities.
    #[error("the authorities of clients: {0}")]
    Authority(VerifierBuilderError),
}

/// Who reads a log.
pub(crate) enum Access {
    /// Whoever reaches the address.
    Open,
    /// Those whose certificate its authority signed.
    Certificate { roots: Vec<CertificateDer<'static>>, verifier: Arc<dyn ClientCertVerifier> },
}

impl Access {
    /// As the configuration says.
    pub(crate) fn of(tiles: &TilesConfig) -> Result<Self, AccessError> {
        let Some(authority) = &tiles.client_ca else { return Ok(Self::Open) };
        let roots = certificates(authority)?;
        Ok(Self::Certificate { verifier: verifier_of(&roots, Unknown::Refused)?, roots })
    }

    /// Whether a client with this chain (its own certificate first; none without one) reads the log.
    pub(super) fn admits(&self, chain: &[CertificateDer<'_>]) -> bool {
        match (self, chain) {
            (Self::Open, _) => true,
            (Self::Certificate { .. }, []) => false,
            (Self::Certificate { verifier, .. }, [own, others @ ..]) => {
                verifier.verify_client_cert(own, others, UnixTime::now()).is_ok()
            }
        }
    }
}

/// What becomes of a client without a certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unknown {
    Refused,
    Admitted,
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn verifier_of(
    roots: &[CertificateDer<'static>],
    unknown: Unknown,
) -> Result<Arc<dyn ClientCertVerifier>, AccessError> {
    let mut store = RootCertStore::empty();
    roots.iter().try_for_each(|root| store.add(root.clone())).map_err(AccessError::Tls)?;
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider()).clear_root_hint_subjects();
    let builder = if unknown == Unknown::Admitted { builder.allow_unauthenticated() } else { builder };
    builder.build().map_err(AccessError::Authority)
}

/// TLS of the service: a client shows a certificate if there is an authority for them.
pub(crate) fn service_tls(tls: &TlsConfig) -> Result<TlsAcceptor, AccessError> {
    let roots = tls.client_ca.as_deref().map(certificates).transpose()?.unwrap_or_default();
    acceptor_of(tls, &roots, Unknown::Refused, b"h2")
}

/// TLS of a listener for these logs.
pub(super) fn acceptor(tls: &TlsConfig, sites: &[Arc<Site>]) -> Result<TlsAcceptor, AccessError> {
    let roots: Vec<CertificateDer<'static>> = sites.iter().flat_map(|site| site.access.roots()).cloned().collect();
    let has_open = sites.iter().any(|site| matches!(site.access, Access::Open));
    let unknown = if has_open { Unknown::Admitted } else { Unknown::Refused };
    acceptor_of(tls, &roots, unknown, b"http/1.1")
}

fn acceptor_of(
    tls: &TlsConfig,
    roots: &[CertificateDer<'static>],
    unknown: Unknown,
    protocol: &[u8],
) -> Result<TlsAcceptor, AccessError> {
    let chain = certificates(&tls.certificate)?;
    let unusable = |_| AccessError::Pem { path: tls.key.display().to_string(), wanted: "private key" };
    let key = PrivateKeyDer::from_pem_slice(read_secret(&tls.key)?.as_bytes()).map_err(unusable)?;
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.map_err(AccessError::Tls)?;
    let builder = match roots {
        [] => builder.with_no_client_auth(),
        _ => builder.with_client_cert_verifier(verifier_of(roots, unknown)?),
    };
    let mut server = builder.with_single_cert(chain, key).map_err(AccessError::Tls)?;
    server.alpn_protocols = vec![protocol.to_vec()];
    Ok(TlsAcceptor::from(Arc::new(server)))
}

impl Access {
    fn roots(&self) -> &[CertificateDer<'static>] {
        match self {
            Self::Open => &[],
            Self::Certificate { roots, .. } => roots,
        }
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, AccessError> {
    let unusable = || AccessError::Pem { path: path.display().to_string(), wanted: "certificate" };
    let text = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    found.ok().filter(|found| !found.is_empty()).ok_or_else(unusable)
}
