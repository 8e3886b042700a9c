//! The HTTP server: which part of the simulator answers which path.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::{Server, ServiceResponse};
use actix_web::error::{InternalError, QueryPayloadError};
use actix_web::http::header::HOST;
use actix_web::middleware::ErrorHandlerResponse;
use actix_web::web::{Data, PayloadConfig, QueryConfig, to};
use actix_web::{App, Error, HttpRequest, HttpResponse, HttpServer};
use serde_json::json;
use url::Url;

use crate::tls::Identity;
use crate::world::Shared;
use crate::{client, console, control, events, login, upstream};

/// Largest body of a call to DingTalk, in bytes; enough for the largest file that can be sent.
const LARGEST_CALL: usize = 20 * 1024 * 1024;
/// Largest body, in bytes, of a request to `/control` (but for `/control/world`) or from the page's library.
pub const LARGEST_BODY: usize = 256 * 1024;
/// How many connections may wait to be accepted: a test opens a thousand at once.
const BACKLOG: u32 = 4_096;

/// Where the simulator listens.
#[derive(Debug, Default)]
pub struct Places {
    /// Listener for both API families and everything else. `None` is any free port of 127.0.0.1.
    pub main: Option<TcpListener>,
    /// Listener for the old API family, if that is to have an address of its own.
    pub old: Option<TcpListener>,
    /// Listener for everything over HTTPS.
    pub https: Option<TcpListener>,
}

/// Longer than a test, so that the server does not close an idle connection just when the client sends a request on it: no test is
/// about that race.
const IDLE_CONNECTION: Duration = Duration::from_secs(75);

/// Binds the server; it answers once it is awaited.
pub fn bind(places: Places, shared: Data<Shared>) -> io::Result<(Server, SocketAddr)> {
    let served = shared.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(served.clone())
            .app_data(PayloadConfig::new(LARGEST_CALL))
            .app_data(QueryConfig::default().error_handler(unreadable_query))
            .configure(client::mount)
            .configure(control::mount)
            .configure(console::mount)
            .configure(events::mount)
            .configure(login::mount)
            .default_service(to(upstream::answer))
    })
    .workers(1)
    .keep_alive(IDLE_CONNECTION)
    // The same time for the first request: when clients are in a rush, they open connections that they use only later.
    .client_request_timeout(IDLE_CONNECTION)
    .backlog(BACKLOG)
    .tcp_nodelay(true)
    .disable_signals();
    let mut server = match places.main {
        Some(listener) => server.listen(listener)?,
        None => server.bind(("127.0.0.1", 0))?,
    };
    if let Some(listener) = places.old {
        shared.world().setup.old = Some(listener.local_addr()?);
        server = server.listen(listener)?;
    }
    if let Some(listener) = places.https {
        let identity = Identity::make()?;
        shared.world().setup.authority = Some(identity.authority);
        server = server.listen_rustls_0_23(listener, identity.server)?;
    }
    let address = server.addrs().first().copied();
    let address = address.ok_or_else(|| io::Error::other("the server has no address"))?;
    Ok((server.run(), address))
}

/// The address at which this machine reaches a listener: loopback if it listens at every address (`0.0.0.0` or `::`).
#[must_use]
pub fn within_reach(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// The origin under which the caller reached the simulator.
pub fn origin(request: &HttpRequest) -> String {
    let scheme = if request.app_config().secure() { "https" } else { "http" };
    let is_authority = |host: &&str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte);
        !host.is_empty() && host.bytes().all(allowed)
    };
    match Some(authority(request)).filter(is_authority) {
        Some(host) => format!("{scheme}://{host}"),
        None => format!("{scheme}://{}", request.app_config().local_addr()),
    }
}

/// The WebSocket URL of Stream. It has the host by which the caller reached the simulator, or the simulator's own address if somebody
/// forwarded a plain HTTP call for one of DingTalk's hosts. It always has a port: the official library for Java knows no default.
pub fn stream(request: &HttpRequest) -> String {
    let (secure, here) = (request.app_config().secure(), request.app_config().local_addr());
    let scheme = if secure { "wss" } else { "ws" };
    let passed_on = !secure && host(request).contains(".dingtalk.");
    let named = Url::parse(&origin(request)).ok().filter(|_| !passed_on);
    let named = named.as_ref().and_then(|url| Some((url.host_str()?, url.port_or_known_default()?)));
    match named {
        Some((host, port)) => format!("{scheme}://{host}:{port}/connect"),
        None => format!("{scheme}://{here}/connect"),
    }
}

/// Whether a path is the simulator's own, and no API of DingTalk.
pub fn is_own(path: &str) -> bool {
    const PAGES: [&str; 9] = [
        "/",
        "/console.css",
        "/console.js",
        "/ca.pem",
        "/favicon.ico",
        "/dd.js",
        "/connect",
        "/oauth2/auth",
        "/oauth2/challenge.htm",
    ];
    PAGES.contains(&path) || matches!(path.split('/').nth(1), Some("client" | "control" | "avatar"))
}

/// The host that the caller named, without the port.
pub fn host(request: &HttpRequest) -> &str {
    let authority = authority(request);
    match authority.rsplit_once(':') {
        // The colons inside the brackets of an IPv6 address do not start a port.
        Some((host, port)) if !port.contains(']') => host,
        _ => authority,
    }
}

fn authority(request: &HttpRequest) -> &str {
    request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default()
}

/// 400 for a malformed request to one of the simulator's own paths, where no error format of DingTalk applies.
pub fn malformed(reason: &str) -> HttpResponse {
    HttpResponse::BadRequest().json(json!({"error": reason}))
}

/// 413 with a JSON error for a body that is too large.
pub fn too_large<B>(answer: ServiceResponse<B>) -> Result<ErrorHandlerResponse<B>, Error> {
    let refusal = HttpResponse::PayloadTooLarge().json(json!({"error": "the body is too large"}));
    Ok(ErrorHandlerResponse::Response(answer.into_response(refusal).map_into_right_body()))
}

/// 404 for a path or a method that the simulator's own parts do not have.
pub async fn nothing_here(request: HttpRequest) -> HttpResponse {
    let error = format!("the simulator has no {} {}", request.method(), request.path());
    HttpResponse::NotFound().json(json!({"error": error}))
}

fn unreadable_query(error: QueryPayloadError, _: &HttpRequest) -> Error {
    let answer = malformed(&error.to_string());
    InternalError::from_response(error, answer).into()
}
