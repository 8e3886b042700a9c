//! How the simulator calls an app: as the people who open it, and as DingTalk that pushes events.

use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;

/// Longer than an app lets anybody wait for an answer.
const PATIENCE: Duration = Duration::from_secs(40);

/// A client that follows nothing and keeps no cookies.
pub fn web_client() -> Client {
    // The first one in the process counts; an app in the same process has installed the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().redirect(Policy::none()).no_proxy().timeout(PATIENCE);
    // The app under test may well have a certificate of its own making, and nothing secret is told to it.
    client.tls_danger_accept_invalid_certs(true).build().unwrap_or_default()
}
