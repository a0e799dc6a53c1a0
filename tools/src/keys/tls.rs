//! A certificate authority, a server certificate for loopback, and certificates by which a ledger knows its clients.
//!
//! Enough for one machine; in earnest the authority is the ministry's own.

use super::KeyError;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use zegel_verifier::hash::{Hash, sha256};
use zeroize::Zeroizing;

/// Certificates in PEM, keys in PKCS#8 DER.
pub(super) struct LoopbackTls {
    pub(super) ca: String,
    pub(super) ca_key: Zeroizing<Vec<u8>>,
    pub(super) server: String,
    pub(super) server_key: Zeroizing<Vec<u8>>,
}

pub(super) fn create(ministry: &str) -> Result<LoopbackTls, KeyError> {
    make(ministry).map_err(|reason| KeyError::Certificate { reason: reason.to_string() })
}

fn make(ministry: &str) -> Result<LoopbackTls, rcgen::Error> {
    let (ca, ca_key) = (authority(ministry)?, KeyPair::generate()?);
    let ca_pem = ca.self_signed(&ca_key)?.pem();

    let server_key = KeyPair::generate()?;
    let names = ["localhost", "127.0.0.1", "::1"].map(String::from).to_vec();
    let mut server = CertificateParams::new(names)?;
    server.distinguished_name.push(DnType::CommonName, "zegel-ledger on this machine");
    let server_pem = server.signed_by(&server_key, &Issuer::from_params(&ca, &ca_key))?.pem();
    Ok(LoopbackTls {
        ca: ca_pem,
        ca_key: Zeroizing::new(ca_key.serialize_der()),
        server: server_pem,
        server_key: Zeroizing::new(server_key.serialize_der()),
    })
}

/// The authority of a ministry: the same name each time, so that its key is all that has to be kept.
fn authority(ministry: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut ca = CertificateParams::new(Vec::<String>::new())?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    ca.distinguished_name.push(DnType::CommonName, format!("zegel demonstration CA, {ministry}"));
    Ok(ca)
}

/// A client's certificate in PEM, its SHA-256, and its key in PKCS#8 DER.
pub(super) struct ClientTls {
    pub(super) certificate: String,
    pub(super) fingerprint: Hash,
    pub(super) key: Zeroizing<Vec<u8>>,
}

/// Signs a certificate for a client with the key of the ministry's authority.
pub(super) fn client(ministry: &str, ca_key: &[u8], name: &str) -> Result<ClientTls, KeyError> {
    let make = || {
        let (ca, ca_key) = (authority(ministry)?, KeyPair::try_from(ca_key)?);
        let key = KeyPair::generate()?;
        let mut client = CertificateParams::new(Vec::<String>::new())?;
        client.distinguished_name.push(DnType::CommonName, name);
        let signed = client.signed_by(&key, &Issuer::from_params(&ca, &ca_key))?;
        let key = Zeroizing::new(key.serialize_der());
        Ok(ClientTls { certificate: signed.pem(), fingerprint: sha256(&[signed.der()]), key })
    };
    make().map_err(|reason: rcgen::Error| KeyError::Certificate { reason: reason.to_string() })
}
