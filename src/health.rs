//! `dingtalk-h5 health`: asks the server on this machine whether it is alive, for images that have no other program to do so.

use std::time::Duration;

use anyhow::{Context, ensure};
use dingtalk_h5::server::Settings;

/// Shorter than the thirty seconds that container platforms give it.
const PATIENCE: Duration = Duration::from_secs(3);

/// Ends well when `GET /healthz` is answered.
pub async fn ask(server: &Settings) -> anyhow::Result<()> {
    // As for calls to DingTalk.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!("{}://{}/healthz", server.scheme(), server.near_address());
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        // It is shown for another name, and nothing is told to whoever shows it.
        .danger_accept_invalid_certs(true);
    let answer = client.build()?.get(&url).send().await.with_context(|| format!("no answer from {url}"))?;
    ensure!(answer.status() == 200, "{url} answers {}", answer.status());
    Ok(())
}
