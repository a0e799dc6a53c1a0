//! A certificate authority and a server certificate for loopback: enough for one machine, and for nothing else.

use super::KeyError;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
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
    let ca_key = KeyPair::generate()?;
    let mut ca = CertificateParams::new(Vec::<String>::new())?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    ca.distinguished_name.push(DnType::CommonName, format!("zegel demonstration CA, {ministry}"));
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
