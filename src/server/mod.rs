//! What the HTTP library does not bound. Skip this at first reading; delete it behind a proxy that does all of it.

/// How many connections are taken at once.
mod capacity;
/// How many are open, and when to let go of them.
mod connections;
/// What the head of a request may look like.
mod request_head;
/// The certificate, when no proxy in front has it.
mod tls;
/// What becomes of a connection when the body of a request is not read to its end.
mod unread_body;

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Server, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::middleware::Next;
use actix_web::{App, HttpServer};

pub use self::capacity::Capacity;
use self::connections::{Connection, Connections};
pub use self::tls::{TlsFiles, UnusableTls};
use self::unread_body::LastBody;

/// How long the head of a request may take, and a TLS handshake.
const HEAD_PATIENCE: Duration = Duration::from_secs(5);

/// How long a client may take none of its answer, where the system can be told.
#[cfg(target_os = "linux")]
const READING_PATIENCE: Duration = Duration::from_secs(20);

/// Seconds that requests in flight may take when the server stops.
const LAST_REQUESTS: u64 = 7;

/// Where the server listens.
#[derive(Debug, Clone)]
pub struct Settings {
    /// APP_ADDR
    pub app_addr: SocketAddr,
    /// TLS_CERT and TLS_KEY
    pub tls: Option<TlsFiles>,
    /// METRICS_ADDR
    pub metrics_addr: Option<SocketAddr>,
}

/// A server that listens and does not answer yet.
pub struct Listening {
    server: Server,
    address: SocketAddr,
}

impl Listening {
    /// `app` makes what each worker answers with; its innermost middleware is [`bounds`]. Needs the runtime that it will run in.
    pub fn open<F, T>(listener: TcpListener, tls: Option<TlsFiles>, capacity: Capacity, app: F) -> anyhow::Result<Self>
    where
        F: Fn() -> App<T> + Send + Clone + 'static,
        T: ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = actix_web::Error, InitError = ()>
            + 'static,
    {
        prepare(&listener)?;
        let address = listener.local_addr()?;
        let connections = Connections::within(capacity);
        let server = HttpServer::new(app)
            .workers(capacity.workers)
            .max_connections(capacity.connections_per_worker)
            // Of TLS, at a time: whoever connects and says nothing must not keep the others from their handshakes.
            .max_connection_rate(capacity.connections_per_worker)
            .on_connect(move |_, connection| {
                connection.insert(connections.one_more());
                connection.insert(LastBody::default());
            })
            .tcp_nodelay(true)
            // Whoever goes away while a login waits gives its place up.
            .h1_allow_half_closed(false)
            .client_request_timeout(HEAD_PATIENCE)
            .tls_handshake_timeout(HEAD_PATIENCE)
            .disable_signals()
            .shutdown_timeout(LAST_REQUESTS);
        let server = match tls {
            Some(files) => server.listen_rustls_0_23(listener, files.serve()?)?,
            None => server.listen(listener)?,
        };
        Ok(Self { server: server.run(), address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` ends. Then it takes no more connections, and the requests in flight may end.
    pub async fn run_until(self, stop: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
        let server = self.server.handle();
        tokio::spawn(async move {
            stop.await;
            server.stop(true).await;
        });
        self.server.await
    }
}

/// Tells the system what the standard library does not.
fn prepare(listener: &TcpListener) -> std::io::Result<()> {
    // Its queue of 128 is full at once when a company comes in; those who find no place try again a second later.
    const QUEUE: i32 = 1024;
    rustix::net::listen(listener, QUEUE)?;
    // The HTTP library waits for ever for a client to take its answer. Accepted connections inherit this.
    #[cfg(target_os = "linux")]
    rustix::net::sockopt::set_tcp_user_timeout(listener, READING_PATIENCE.as_millis() as u32)?;
    Ok(())
}

/// Middleware that bounds one request. What it refuses is an error with a status, as the HTTP library's own are: whoever stands
/// outside of it gives it words.
pub async fn bounds(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    unread_body::keep_wanted(&mut request);
    let mut response = match request_head::check(&request) {
        Ok(()) => next.call(request).await?.map_into_boxed_body(),
        Err(refusal) => request.error_response(refusal),
    };
    if response.request().conn_data().is_some_and(Connection::is_one_of_many) {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}
