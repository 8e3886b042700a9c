//! How the simulator calls an app: as the people who open it, and as DingTalk that pushes events.

use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;

/// Time-out of a request: longer than an app lets anybody wait for an answer.
const PATIENCE: Duration = Duration::from_secs(40);

/// An HTTP client that follows no redirects and stores no cookies.
pub fn web_client() -> Client {
    // Only the first provider of a process is installed. If this fails, an earlier call or an app in this process has installed the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().redirect(Policy::none()).no_proxy().timeout(PATIENCE);
    // The app under test may well have a self-signed certificate, and nothing secret is sent to it.
    client.tls_danger_accept_invalid_certs(true).build().unwrap_or_default()
}
