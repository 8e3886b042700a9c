//! HTTPS with a certificate authority of the simulator's own. Its private key is never stored, and it can sign certificates for DingTalk's
//! hosts and this machine only.

use std::io;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::PrivateKeyDer;

const DOMAINS: [&str; 3] = ["dingtalk.com", "dingtalk.io", "localhost"];
const NAMES: [&str; 9] = [
    "api.dingtalk.com",
    "oapi.dingtalk.com",
    "login.dingtalk.com",
    "api.dingtalk.io",
    "oapi.dingtalk.io",
    "login.dingtalk.io",
    "localhost",
    "127.0.0.1",
    "::1",
];

/// The server's certificate with its key, and the authority's certificate, which callers have to trust.
pub struct Identity {
    pub server: ServerConfig,
    /// The authority's certificate, as PEM.
    pub authority: String,
}

impl Identity {
    /// Makes a new authority and a server certificate signed by it; called at each start.
    pub fn make() -> io::Result<Self> {
        let (authority, issuer) = authority().map_err(io::Error::other)?;
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let leaf = leaf(&key, &issuer).map_err(io::Error::other)?;
        let server = ServerConfig::builder_with_provider(default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .map_err(io::Error::other)?;
        Ok(Self { server, authority })
    }
}

fn authority() -> Result<(String, Issuer<'static, KeyPair>), rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "A simulated DingTalk, not DingTalk");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let domains = DOMAINS.map(|domain| GeneralSubtree::DnsName(domain.to_owned()));
    let loopback = [
        GeneralSubtree::IpAddress(CidrSubnet::V4([127, 0, 0, 0], [255, 0, 0, 0])),
        GeneralSubtree::IpAddress(CidrSubnet::V6([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], [255; 16])),
    ];
    let permitted_subtrees = domains.into_iter().chain(loopback).collect();
    params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), Issuer::new(params, key)))
}

/// The server's certificate. Strict callers, such as Python since 3.13, require the authority key identifier and the key usages.
fn leaf(key: &KeyPair, issuer: &Issuer<'_, KeyPair>) -> Result<Certificate, rcgen::Error> {
    let mut params = CertificateParams::new(NAMES.map(str::to_owned).to_vec())?;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.signed_by(key, issuer)
}
