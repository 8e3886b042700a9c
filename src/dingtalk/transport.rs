//! Sends one HTTP request and reads its answer: bounded in time and size, without redirects, and through a proxy where one is set.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::header::{CONNECTION, CONTENT_TYPE, DATE, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use reqwest::{Request, Upgraded};
use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::Handle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use url::Url;

use super::answer::Answer;
use super::error::NO_CONNECTION;
use super::identifiers::is_plain;
use super::{Call, Error, Kind, NoConnection};

/// The most bytes that are read of any answer. Lists of a whole company's people, as an app's own calls bring them, have some hundred
/// KiB.
const MAX_ANSWER: usize = 2 * 1024 * 1024;

/// The most bytes that are read of any WebSocket message. An event has a few hundred, or more if it names many people. One that is too
/// large is never acknowledged, so it comes again and again.
const MAX_MESSAGE: usize = 1024 * 1024;

/// The HTTP client for DingTalk: no redirects, no Referer, no proxy but the one that is set, no decompression (so a small answer
/// cannot unfold into a large one), and one deadline over connecting, sending and reading.
pub(super) struct Transport {
    http: reqwest::Client,
    proxy: Option<Proxy>,
    /// How many calls may still be made; in effect unlimited, unless [`super::DingTalk::limit_to`] was called.
    pub left: AtomicU64,
    /// Connections live in the runtime that opened them, and requests share connections. In a server whose workers each have a
    /// runtime, one that stops would tear the connections of the others; so all of them are made in this one.
    runtime: Handle,
}

impl Transport {
    /// Must be called in the runtime that is to carry the connections.
    pub fn new(proxy: Option<Proxy>) -> Result<Self, reqwest::Error> {
        // Two providers in one process would make rustls panic; whoever installed one first has chosen.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(3))
            .timeout(Duration::from_secs(5))
            // Gateways close idle connections, many after a minute. A call that is sent while its connection is being closed is lost, and
            // its authCode with it.
            .pool_idle_timeout(Duration::from_secs(10))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .user_agent(concat!("dingtalk-h5/", env!("CARGO_PKG_VERSION")));
        let http = match &proxy {
            Some(proxy) => http.proxy(reqwest::Proxy::https(proxy.url.expose_secret())?),
            None => http,
        };
        Ok(Self { http: http.build()?, proxy, left: AtomicU64::new(u64::MAX), runtime: Handle::current() })
    }

    /// Runs `make` in the runtime of the connections: what it makes lives there.
    pub fn within<T>(&self, make: impl FnOnce() -> T) -> T {
        let _runtime = self.runtime.enter();
        make()
    }

    /// Sends `request` and reads the whole answer, even if whoever asked for it goes away meanwhile.
    pub async fn send(&self, call: Call, request: Request) -> Result<Answer, Error> {
        if self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err() {
            return Err(Error::new(call, Kind::Interrupted, "no more calls are allowed here"));
        }
        let failed = self.failing(call, request.url());
        let http = self.http.clone();
        let exchange = self.runtime.spawn(async move {
            let mut response = http.execute(request).await.map_err(&failed)?;
            let date = response.headers().get(DATE).and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
            let status = response.status().as_u16();
            let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.as_bytes().split(|byte| *byte == b';').next());
            let is_json = kind.is_some_and(|kind| kind.trim_ascii().eq_ignore_ascii_case(b"application/json"));
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(&failed)? {
                if body.len() + chunk.len() > MAX_ANSWER {
                    let said = format!("status {status}: the answer is too large");
                    return Err(Error::new(call, Kind::Unintelligible(status), said));
                }
                body.extend_from_slice(&chunk);
            }
            Ok(Answer { status, is_json, date, body })
        });
        exchange.await.unwrap_or_else(|_| Err(Error::interrupted(call)))
    }

    /// Opens a WebSocket (RFC 6455, section 4.1), which lives in the runtime that this is called in.
    pub async fn web_socket(&self, call: Call, url: Url) -> Result<WebSocketStream<Upgraded>, Error> {
        let failed = self.failing(call, &url);
        let key = generate_key();
        let request = self.http.get(url).header(CONNECTION, "Upgrade").header(UPGRADE, "websocket");
        let request = request.header(SEC_WEBSOCKET_VERSION, "13").header(SEC_WEBSOCKET_KEY, &key);
        let answer = request.send().await.map_err(&failed)?;
        let accepted =
            answer.headers().get(SEC_WEBSOCKET_ACCEPT).is_some_and(|accept| *accept == derive_accept_key(key.as_bytes()));
        let status = answer.status().as_u16();
        if status != 101 || !accepted {
            return Err(Error::new(call, Kind::Unintelligible(status), format!("status {status} instead of a WebSocket")));
        }
        let connection = answer.upgrade().await.map_err(failed)?;
        let config = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
        // Otherwise answers to pings would pile up while the other side takes nothing.
        let config = config.max_write_buffer_size(2 * MAX_MESSAGE);
        Ok(WebSocketStream::from_raw_socket(connection, Role::Client, Some(config)).await)
    }

    /// Turns a network error on the way to `url` into an [`Error`] with a text for people.
    fn failing(&self, call: Call, url: &Url) -> impl Fn(reqwest::Error) -> Error + use<> {
        let host = url.authority().to_owned();
        let proxy = self.proxy.as_ref().filter(|_| url.scheme() == "https").map(Proxy::to_string);
        move |error| {
            // The URL has the access_token in it.
            let error = error.without_url();
            let (kind, said) = match (error.is_connect(), error.is_timeout()) {
                (true, _) => {
                    let (why, cause) = why_no_connection(&error, proxy.as_deref());
                    (Kind::NotSent(why), format!("{NO_CONNECTION}{host}: {cause}"))
                }
                (false, true) => (Kind::AnswerLost, format!("the answer of {host} was lost: it took too long")),
                (false, false) => (Kind::AnswerLost, format!("the answer of {host} was lost: {}", root(&error))),
            };
            Error { source: Some(Arc::new(error)), ..Error::new(call, kind, said) }
        }
    }
}

fn why_no_connection(error: &reqwest::Error, proxy: Option<&str>) -> (NoConnection, String) {
    if let Some(cause) = causes(error).find(|cause| cause.is::<rustls::Error>()) {
        return (NoConnection::Tls, format!("TLS: {}", line(cause)));
    }
    // Until the TLS handshake, only the proxy was spoken to: any other error is the proxy's.
    if let Some(proxy) = proxy {
        let wants_login = causes(error).any(|cause| cause.to_string().ends_with("proxy authorization required"));
        let why = if wants_login { NoConnection::ProxyLogin } else { NoConnection::Proxy };
        return (why, format!("the proxy {proxy}: {}", root(error)));
    }
    if error.is_dns() {
        return (NoConnection::NameNotFound, format!("name not found ({})", root(error)));
    }
    let is_refusal = |io: &io::Error| io.kind() == io::ErrorKind::ConnectionRefused;
    if causes(error).any(|cause| cause.downcast_ref().is_some_and(is_refusal)) {
        return (NoConnection::Refused, "connection refused".to_owned());
    }
    let why = if error.is_timeout() { NoConnection::TimedOut } else { NoConnection::Other };
    (why, root(error))
}

/// The causes of an error, from the nearest to the root.
pub(crate) fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&cause| {
        // The `source` of an I/O error skips the error that it wraps: it is that error's source.
        let wrapped = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|wrapped| wrapped as &(dyn StdError + 'static)).or_else(|| cause.source())
    })
}

/// The root cause of an error, in one line.
pub(crate) fn root(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "nobody answers in time".to_owned();
    }
    causes(error).last().map_or_else(|| line(error), line)
}

fn line(error: &dyn StdError) -> String {
    error.to_string().chars().filter(|c| is_plain(*c)).take(200).collect()
}

/// An HTTP proxy that opens tunnels (CONNECT). Only TLS goes through it: calls without TLS, which go to this very machine alone, are made
/// directly.
#[derive(Clone)]
pub struct Proxy {
    url: SecretString,
    host: String,
}

impl Proxy {
    /// Takes `http://host:port`, with a user name and a password before the host if the proxy asks for them.
    pub fn parse(text: &SecretString) -> Result<Self, &'static str> {
        let url = Url::parse(text.expose_secret()).ok().filter(|url| url.scheme() == "http");
        let url =
            url.ok_or("it is not http://host:port, or http://user:password@host:port with what is special in them encoded")?;
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err("it has more than user name, password, host and port");
        }
        let port = url.port_or_known_default().unwrap_or_default();
        let host = format!("{}:{port}", url.host_str().unwrap_or_default());
        Ok(Self { url: String::from(url).into(), host })
    }
}

/// Host and port.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    async fn failed(url: &str) -> Error {
        let request = Request::new(reqwest::Method::POST, url.parse().unwrap());
        Transport::new(None).unwrap().send(Call::ACCESS_TOKEN, request).await.err().unwrap()
    }

    #[tokio::test]
    async fn an_error_of_the_network_names_the_host_and_the_cause_and_says_what_to_check() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let plain = TcpListener::bind("127.0.0.1:0").unwrap();
        let no_tls = plain.local_addr().unwrap();
        std::thread::spawn(move || plain.accept().unwrap().0.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
        let nowhere = "dingtalk.invalid";
        for (url, why, said) in [
            (format!("http://{free}"), NoConnection::Refused, format!("{free}: connection refused")),
            (format!("https://{no_tls}"), NoConnection::Tls, format!("{no_tls}: TLS: ")),
            (format!("https://{nowhere}"), NoConnection::NameNotFound, format!("{nowhere}: name not found")),
        ] {
            let error = failed(&format!("{url}/v1.0?access_token=secret")).await;
            let text = error.to_string();
            assert_eq!(error.kind, Kind::NotSent(why), "{text}");
            assert!(text.starts_with(&format!("/v1.0/oauth2/accessToken: no connection to {said}")), "{text}");
            assert!(error.fix().is_some() && !error.misconfigured());
            assert!(!format!("{error:?}").contains("secret"));
        }
    }

    #[test]
    fn a_proxy_is_shown_without_its_password() {
        let parse = |text: &str| Proxy::parse(&text.into());
        let proxy = parse("http://user:canary@proxy.example:3128").unwrap();
        assert_eq!((proxy.to_string(), format!("{proxy:?}")), ("proxy.example:3128".into(), "Proxy(proxy.example:3128)".into()));
        assert_eq!(parse("http://10.0.0.1").unwrap().to_string(), "10.0.0.1:80");
        for wrong in
            ["proxy.example:3128", "socks5://proxy.example", "https://proxy.example", "http://", "http://a/b", "http://a?b"]
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
