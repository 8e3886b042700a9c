//! The HTTP server: which part of the simulator answers which path.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::error::{InternalError, QueryPayloadError};
use actix_web::http::header::HOST;
use actix_web::web::{Data, PayloadConfig, QueryConfig, to};
use actix_web::{App, Error, HttpRequest, HttpResponse, HttpServer};
use serde_json::json;

use crate::world::Shared;
use crate::{client, console, control, events, upstream};

const LARGEST_BODY: usize = 256 * 1024;
/// Room for a test's thousand connections at once.
const BACKLOG: u32 = 4_096;

/// Where the server listens.
pub enum Place {
    /// Any free port of this machine.
    AnyPort,
    Listener(TcpListener),
}

/// Longer than a test: who is closing a connection while the other one uses it is left to chance, and no test is about that.
const IDLE_CONNECTION: Duration = Duration::from_secs(75);

/// Binds the server; it answers once it is awaited.
pub fn bind(place: Place, shared: Data<Shared>) -> io::Result<(Server, SocketAddr)> {
    let server = HttpServer::new(move || {
        App::new()
            .app_data(shared.clone())
            .app_data(PayloadConfig::new(LARGEST_BODY))
            .app_data(QueryConfig::default().error_handler(unreadable_query))
            .configure(client::mount)
            .configure(control::mount)
            .configure(console::mount)
            .configure(events::mount)
            .default_service(to(upstream::answer))
    })
    .workers(1)
    .keep_alive(IDLE_CONNECTION)
    .backlog(BACKLOG)
    .tcp_nodelay(true)
    .disable_signals();
    let server = match place {
        Place::AnyPort => server.bind(("127.0.0.1", 0))?,
        Place::Listener(listener) => server.listen(listener)?,
    };
    let address = server.addrs().first().copied();
    let address = address.ok_or_else(|| io::Error::other("the server has no address"))?;
    Ok((server.run(), address))
}

/// The origin under which the caller reached the simulator.
pub fn origin(request: &HttpRequest) -> String {
    let is_authority = |host: &&str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte);
        !host.is_empty() && host.bytes().all(allowed)
    };
    let named = request.headers().get(HOST);
    let named = named.and_then(|host| host.to_str().ok()).filter(is_authority);
    match named {
        Some(host) => format!("http://{host}"),
        None => format!("http://{}", request.app_config().local_addr()),
    }
}

/// 400 for a request that is not DingTalk's to refuse.
pub fn malformed(reason: &str) -> HttpResponse {
    HttpResponse::BadRequest().json(json!({"error": reason}))
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
