//! What the HTTP library does not bound.

use std::net::SocketAddr;

use crate::tls::TlsFiles;

/// Where the server listens.
#[derive(Debug, Clone)]
pub struct Settings {
    /// APP_ADDR
    pub app_addr: SocketAddr,
    /// TLS_CERT and TLS_KEY
    pub tls: Option<TlsFiles>,
    /// METRICS_ADDR
    pub metrics_addr: Option<SocketAddr>,
}
