//! How people get in and what pages may do.

use std::time::Duration;

use ipnet::IpNet;
use url::Url;

use super::SessionKeys;
use crate::dingtalk::{Digest, Origin};

/// What the plumbing between browser and DingTalk must know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// PUBLIC_URL
    pub public_url: Origin,
    /// JSAPI_SCRIPT_URL
    pub jsapi_script_url: Url,
    /// JSAPI_DIGEST
    pub jsapi_digest: Digest,
    /// SESSION_KEY
    pub session_keys: SessionKeys,
    /// SESSION_IDLE
    pub session_idle: Duration,
    /// SESSION_LIFETIME
    pub session_lifetime: Duration,
    /// TRUSTED_PROXIES
    pub trusted_proxies: Vec<IpNet>,
    /// EMBEDDED
    pub embedded: bool,
    /// SIGNATURE_CLINIC
    pub signature_clinic: bool,
    /// How long a login waits for its turn before it has to post again. Not settable from outside: pages and proxies wait longer.
    pub login_patience: Duration,
}
