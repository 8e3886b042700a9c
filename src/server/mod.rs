//! What the HTTP library does not bound. Skip this at first reading; delete it behind a proxy that does all of it.

mod connection; // One connection, one request at a time.
mod request; // What the head of a request may look like.
mod stalls; // How many connections are taken at once, and which of them give way.
mod tls; // The certificate, when no proxy in front has it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_http::{Request, ServiceConfig};
use actix_server::{GracefulShutdownSignal, Server};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, fn_factory, fn_service};
use actix_web::App;
use actix_web::dev::{AppConfig, ServiceRequest, ServiceResponse};
use arc_swap::ArcSwap;
use ipnet::IpNet;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use self::connection::{HEAD_TIMEOUT, SEND_TIMEOUT, Stream, serve};
pub use self::request::bounds;
pub use self::stalls::Capacity;
use self::stalls::Stalls;
pub use self::tls::{TlsFiles, UnusableTls};

/// How long requests in flight may take when the server stops.
pub const LAST_REQUESTS: Duration = Duration::from_secs(7);

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

impl Settings {
    /// The address at which this machine reaches the server: loopback, if it listens on all addresses. On a machine that accepts IPv6
    /// sockets but has no IPv6 address, that is loopback of IPv4.
    pub fn near_address(&self) -> SocketAddr {
        let mut address = self.app_addr;
        let has_v6 = || UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
        match address.ip() {
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) if has_v6() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            all if all.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            _ => {}
        }
        address
    }

    /// The scheme of its URL there.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

/// A server that listens and does not answer yet.
pub struct Listening {
    server: Server,
    stalls: Arc<Stalls>,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Listening {
    /// `app` makes the application of each worker, with [`bounds`] as the middleware in front of its handlers. Each of the `proxies` stands
    /// for many clients. Call it in the runtime that the server will run in.
    pub fn open<F, T>(
        listener: TcpListener,
        tls: Option<TlsFiles>,
        capacity: Capacity,
        proxies: Vec<IpNet>,
        app: F,
    ) -> anyhow::Result<Self>
    where
        F: Fn() -> App<T> + Send + Clone + 'static,
        T: ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = actix_web::Error, InitError = ()>
            + 'static,
    {
        prepare(&listener)?;
        let address = listener.local_addr()?;
        let stalls = Stalls::within(capacity, proxies);
        let tls = tls.map(TlsFiles::serve).transpose()?;
        let server = Server::build()
            .workers(capacity.workers)
            .max_concurrent_connections(capacity.connections_per_worker)
            .disable_signals()
            .shutdown_timeout(LAST_REQUESTS.as_secs());
        let everybody = Arc::clone(&stalls);
        let stopping = server.graceful_shutdown_signal();
        let worker = move || {
            let (stalls, tls, stopping) = (Arc::clone(&everybody), tls.clone(), stopping.clone());
            let app = app().into_factory().new_service(AppConfig::default());
            async move {
                let worker = Rc::new(Worker { stalls, tls, config: ServiceConfig::default(), stopping, app: app.await? });
                Ok::<_, ()>(fn_service(move |stream| Rc::clone(&worker).take(stream)))
            }
        };
        let server = server.listen("http", listener, move || fn_factory(worker.clone()))?;
        Ok(Self { server: server.run(), stalls, address })
    }

    /// Answers requests until `stop` ends, and for `notice` after it, in which each response is the last one of its connection. Then no
    /// more connections are accepted, and the requests in flight may end within [`LAST_REQUESTS`].
    pub async fn run_until(self, stop: impl Future<Output = ()> + Send + 'static, notice: Duration) -> io::Result<()> {
        let (server, stalls) = (self.server.handle(), Arc::clone(&self.stalls));
        tokio::spawn(async move {
            stop.await;
            stalls.stops.store(true, Ordering::Relaxed);
            sleep(notice).await;
            server.stop(true).await;
        });
        tokio::select! {
            ended = self.server => ended,
            never = self.stalls.make_room() => match never {},
        }
    }
}

/// Sets socket options that the standard library cannot set. Accepted connections inherit them.
fn prepare(listener: &TcpListener) -> io::Result<()> {
    // The queue of 128 is full at once when a company comes in; a client that finds it full tries again a second later.
    const QUEUE: i32 = 1024;
    // The system's buffer of a connection, for each direction. By default it grows to megabytes.
    const BUFFER: usize = 32 * 1024;
    rustix::net::listen(listener, QUEUE)?;
    rustix::net::sockopt::set_socket_send_buffer_size(listener, BUFFER)?;
    rustix::net::sockopt::set_socket_recv_buffer_size(listener, BUFFER)?;
    // When a connection is closed, the system would wait for ever for the client to receive what is left in that buffer. This limit counts
    // all of a slow time together: a client that receives too little is cut off by this server before.
    #[cfg(target_os = "linux")]
    rustix::net::sockopt::set_tcp_user_timeout(listener, 3 * SEND_TIMEOUT.as_millis() as u32)?;
    Ok(())
}

/// What each thread answers with.
struct Worker<S> {
    stalls: Arc<Stalls>,
    tls: Option<Arc<ArcSwap<ServerConfig>>>,
    config: ServiceConfig,
    stopping: GracefulShutdownSignal,
    app: S,
}

impl<S> Worker<S>
where
    S: Service<Request, Response = ServiceResponse, Error = actix_web::Error>,
{
    /// Answers the requests of a new connection, after the TLS handshake if there is one.
    async fn take(self: Rc<Self>, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let peer = stream.peer_addr()?;
        let seat = self.stalls.seat(peer.ip());
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(stream),
            Some(tls) => {
                let handshake = TlsAcceptor::from(tls.load_full()).accept(stream);
                Box::new(timeout(HEAD_TIMEOUT, seat.stalling(handshake)).await??)
            }
        };
        serve(stream, peer, &seat, self.config.clone(), &self.app, self.stopping.notified()).await
    }
}
