//! One request, one answer: bounded in time and size, going nowhere but to the address it was given.

use std::sync::Arc;
use std::time::Duration;

use reqwest::RequestBuilder;
use reqwest::header::CONTENT_TYPE;
use tokio::runtime::Handle;
use url::Url;

use super::error::Cause;

/// The most that is read of any answer. The largest real one, user details, is a few KiB.
const MAX_ANSWER: usize = 64 * 1024;

/// An answer, read to its end.
pub(super) struct Answer {
    pub status: u16,
    /// Whether it says that it is JSON, as all of DingTalk's answers do (contract 0.1).
    pub is_json: bool,
    pub body: Vec<u8>,
}

/// The HTTP client for DingTalk: no redirects, no Referer, no proxy from the environment, no decompression (so a small answer
/// cannot unfold into a large one), and one deadline over connecting, sending and reading.
pub(super) struct Transport {
    http: reqwest::Client,
    /// Connections live in the runtime that opened them, and requests share connections. In a server whose workers each have a
    /// runtime, one that stops would tear the connections of the others; so all of them are made in this one.
    runtime: Handle,
}

impl Transport {
    /// Must be called in the runtime that is to carry the connections.
    pub fn new() -> Result<Self, reqwest::Error> {
        // Two providers in one process would make rustls panic; whoever installed one first has chosen.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(3))
            .timeout(Duration::from_secs(5))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .user_agent(concat!("dingtalk-h5/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            http,
            runtime: Handle::current(),
        })
    }

    /// Begins a POST, which is all that DingTalk's API needs.
    pub fn post(&self, url: Url) -> RequestBuilder {
        self.http.post(url)
    }

    /// Sends `request` and reads the whole answer, even if whoever asked for it goes away meanwhile.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, Cause> {
        self.runtime.spawn(exchange(request)).await.unwrap_or(Err(Cause::Interrupted))
    }
}

async fn exchange(request: RequestBuilder) -> Result<Answer, Cause> {
    let mut response = request.send().await.map_err(|error| {
        // The URL has the access_token in it.
        let error = error.without_url();
        if error.is_connect() || error.is_builder() {
            Cause::NotSent(Arc::new(error))
        } else {
            Cause::AnswerLost(Arc::new(error))
        }
    })?;
    let status = response.status().as_u16();
    let is_json = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| is_json(kind.as_bytes()));
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| Cause::AnswerLost(Arc::new(error.without_url())))?
    {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(Cause::Unintelligible {
                status,
                reason: "the answer is too large",
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, is_json, body })
}

fn is_json(content_type: &[u8]) -> bool {
    const JSON: &[u8] = b"application/json";
    let (kind, parameters) = content_type.split_at(content_type.len().min(JSON.len()));
    kind.eq_ignore_ascii_case(JSON) && matches!(parameters.trim_ascii_start().first(), None | Some(b';'))
}
