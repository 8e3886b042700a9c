//! Requests to anything but DingTalk: bounded in time and size, without a proxy, not following redirects.

use std::time::Duration;

use reqwest::header::LOCATION;
use reqwest::{Client, ClientBuilder, Response, redirect};

use crate::dingtalk::Clock;
use crate::web::SessionKeys;
use crate::web::introduction::{HEADER, Introduction, Question};

const MOST: usize = 64 * 1024;

/// A client that opens a connection for each request.
pub fn client() -> ClientBuilder {
    // The same crypto provider as for calls to DingTalk.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .connect_timeout(Duration::from_secs(3))
        .timeout(Duration::from_secs(4))
        .redirect(redirect::Policy::none())
        .no_proxy()
        .pool_max_idle_per_host(0)
}

/// A response to the question which server answers at a URL.
pub struct Answer {
    pub status: u16,
    pub location: Option<String>,
    /// The server's introduction, if it proves that the server has SESSION_KEY.
    pub introduction: Option<Introduction>,
}

/// Asks who answers at `url`.
pub async fn who_is(client: &Client, url: &str, keys: &SessionKeys, clock: &Clock) -> Result<Answer, reqwest::Error> {
    let question = Question::new(keys, clock);
    let response = client.get(url).header(HEADER, &question.header).header("x-forwarded-for", CLAIMED).send().await?;
    let text = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (status, proof, location) = (response.status().as_u16(), text(HEADER), text(LOCATION.as_str()));
    let body = body(response).await?;
    Ok(Answer { status, location, introduction: question.believe(proof.as_deref(), &body) })
}

/// The client address that we claim in X-Forwarded-For. It is nobody's (RFC 5737).
pub const CLAIMED: &str = "192.0.2.66";

/// Reads the beginning of a body: no more once it has 64 KiB.
pub async fn body(mut response: Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await?.filter(|_| body.len() < MOST) {
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
