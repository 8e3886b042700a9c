//! What the HTTP library does not bound. Skip this at first reading; delete it behind a proxy that does all of it.

/// One connection, one request at a time.
mod connection;
/// What the head of a request may look like.
mod request;
/// How many connections are taken at once, and which of them give way.
mod stalls;
/// The certificate, when no proxy in front has it.
mod tls;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_http::{Request, ServiceConfig};
use actix_server::{GracefulShutdownSignal, Server};
use actix_service::{Service, ServiceFactory, fn_factory, fn_service, map_config};
use actix_web::App;
use actix_web::dev::{AppConfig, ServiceRequest, ServiceResponse};
use ipnet::IpNet;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use self::connection::{HEAD_PATIENCE, Stream, TAKING_PATIENCE, serve};
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
    /// Where this machine reaches the server: one that listens everywhere listens on loopback. On a machine that has no address of IPv6
    /// but takes its sockets, that is IPv4's.
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

    /// What it speaks there.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

/// A server that listens and does not answer yet.
pub struct Listening {
    server: Server,
    stalls: Arc<Stalls>,
    address: SocketAddr,
}

impl Listening {
    /// `app` makes what each worker answers with, [`bounds`] in front of whatever answers. Each of the `proxies` stands for many
    /// clients. Needs the runtime that it will run in.
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
        let (everybody, stopping) = (Arc::clone(&stalls), server.graceful_shutdown_signal());
        let server = server.listen("http", listener, move || {
            let (stalls, tls, stopping) = (Arc::clone(&everybody), tls.clone(), stopping.clone());
            let app = map_config(app(), |()| AppConfig::default());
            fn_factory(move || {
                let (stalls, tls, stopping, app) = (Arc::clone(&stalls), tls.clone(), stopping.clone(), app.new_service(()));
                async move {
                    let worker = Rc::new(Worker { stalls, tls, config: ServiceConfig::default(), stopping, app: app.await? });
                    Ok::<_, ()>(fn_service(move |stream| Rc::clone(&worker).take(stream)))
                }
            })
        })?;
        Ok(Self { server: server.run(), stalls, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` ends, and for so long after it, in which each answer is the last of its connection. Then it takes no more
    /// connections, and the requests in flight may end.
    pub async fn run_until(self, stop: impl Future<Output = ()> + Send + 'static, notice: Duration) -> io::Result<()> {
        let (server, stops) = (self.server.handle(), Arc::clone(&self.stalls.stops));
        tokio::spawn(async move {
            stop.await;
            stops.store(true, Ordering::Relaxed);
            sleep(notice).await;
            server.stop(true).await;
        });
        tokio::select! {
            ended = self.server => ended,
            never = self.stalls.make_room() => match never {},
        }
    }
}

/// Tells the system what the standard library does not. Accepted connections inherit it.
fn prepare(listener: &TcpListener) -> io::Result<()> {
    // Its queue of 128 is full at once when a company comes in; those who find no place try again a second later.
    const QUEUE: i32 = 1024;
    // What the system keeps of a connection, each way. By itself it grows to megabytes.
    const BUFFER: usize = 32 * 1024;
    rustix::net::listen(listener, QUEUE)?;
    rustix::net::sockopt::set_socket_send_buffer_size(listener, BUFFER)?;
    rustix::net::sockopt::set_socket_recv_buffer_size(listener, BUFFER)?;
    // And the system waits for ever for a client to take what is left of that when the connection is closed. It counts all of a slow time
    // together: whoever takes too little is ended here before.
    #[cfg(target_os = "linux")]
    rustix::net::sockopt::set_tcp_user_timeout(listener, 3 * TAKING_PATIENCE.as_millis() as u32)?;
    Ok(())
}

/// What each thread answers with.
struct Worker<S> {
    stalls: Arc<Stalls>,
    tls: Option<TlsAcceptor>,
    config: ServiceConfig,
    stopping: GracefulShutdownSignal,
    app: S,
}

impl<S> Worker<S>
where
    S: Service<Request, Response = ServiceResponse, Error = actix_web::Error>,
{
    /// Lets a client in, after the handshake if there is one, and answers it.
    async fn take(self: Rc<Self>, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let peer = stream.peer_addr()?;
        let seat = self.stalls.seat(peer.ip());
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(stream),
            Some(tls) => Box::new(timeout(HEAD_PATIENCE, seat.stalling(tls.accept(stream))).await??),
        };
        serve(stream, peer, &seat, self.config.clone(), &self.app, self.stopping.notified()).await
    }
}
