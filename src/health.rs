//! `dingtalk-h5 health`: asks the server on this machine whether it is alive, for images that have no other program to do so.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use anyhow::{Context, ensure};
use dingtalk_h5::server::Settings;

/// Shorter than the thirty seconds that container platforms give it.
const PATIENCE: Duration = Duration::from_secs(3);

/// Ends well when `GET /healthz` is answered.
pub async fn ask(server: &Settings) -> anyhow::Result<()> {
    // As for calls to DingTalk.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut address = server.app_addr;
    // Who listens everywhere listens on loopback.
    match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    let scheme = if server.tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{address}/healthz");
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
