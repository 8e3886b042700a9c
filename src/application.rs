//! Puts the rings together and serves them.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web as actix};
use anyhow::Context;

use crate::app;
use crate::capacity::Capacity;
use crate::dingtalk::{self, Clock, Observer, Organisation};
use crate::settings::Settings;
use crate::web::{
    self, Connections, CookiePolicy, Headers, LoginLimiter, LoginStates, Metrics, Readiness, Sessions, SignedPages, SpentCodes,
    Web,
};

/// How long load balancers are told before the server stops.
const NOTICE: Duration = Duration::from_secs(1);

/// Seconds that requests in flight may take when the server stops: with the notice before, it is over in less than ten.
const LAST_REQUESTS: u64 = 7;

/// How long the head of a request may take.
const HEAD_PATIENCE: Duration = Duration::from_secs(5);

/// How long a client may take none of its answer, where the system can be told.
#[cfg(target_os = "linux")]
const READING_PATIENCE: Duration = Duration::from_secs(20);

/// The server, listening but not yet answering.
pub struct Application {
    server: Server,
    port: u16,
    metrics: Option<MetricsListener>,
    web: actix::Data<Web>,
}

/// What answers METRICS_ADDR: a server of its own, so that no mistake in a route or a proxy shows it to the world.
struct MetricsListener {
    server: Server,
    address: SocketAddr,
}

impl Application {
    /// Everything that can fail at start fails here. No call is made to DingTalk yet.
    pub fn build(listener: TcpListener, settings: Settings, clock: Clock) -> anyhow::Result<Self> {
        prepare(&listener)?;
        let port = listener.local_addr().context("the listener has no address")?.port();
        let metrics_addr = settings.metrics_addr;
        let tls = settings
            .tls
            .clone()
            .map(|files| files.server_config(clock.clone()))
            .transpose()?;
        let capacity = Capacity::of_this_process();
        let web = actix::Data::new(state(settings, capacity, clock)?);
        let metrics = metrics_addr
            .map(|address| MetricsListener::open(address, web.clone()))
            .transpose()?;
        let web_of_workers = web.clone();
        let web_of_connections = web.clone();
        let server = HttpServer::new(move || {
            let web = web_of_workers.clone();
            App::new()
                .app_data(web.clone())
                .wrap(from_fn(web::boundary))
                .configure(web::public_routes)
                .service(
                    actix::scope("")
                        .wrap(from_fn(web::clear_worthless))
                        .wrap(web.sessions.middleware())
                        .configure(web::session_routes)
                        .configure(app::routes),
                )
                .default_service(actix::to(web::route::nothing))
        })
        .workers(capacity.workers)
        .max_connections(capacity.connections_per_worker)
        // Of TLS, at a time: whoever connects and says nothing must not keep the others from their handshakes.
        .max_connection_rate(capacity.connections_per_worker)
        .on_connect(move |_, connection| drop(connection.insert(web_of_connections.connections.enter())))
        .tcp_nodelay(true)
        .client_request_timeout(HEAD_PATIENCE)
        .disable_signals()
        .shutdown_timeout(LAST_REQUESTS)
        .tls_handshake_timeout(HEAD_PATIENCE);
        let server = match tls {
            Some(config) => server.listen_rustls_0_23(listener, config)?,
            None => server.listen(listener)?,
        };
        let server = server.run();
        Ok(Self {
            server,
            port,
            metrics,
            web,
        })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where the metrics are, if they are anywhere.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|metrics| metrics.address)
    }

    /// Answers until `stop` ends. Then `/readyz` says no for a second, so that a load balancer sends nobody else, and after that no more
    /// connections are taken and the requests in flight may end: seven seconds at most.
    pub async fn run_until_stopped(self, stop: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
        let (server, web) = (self.server.handle(), self.web);
        tokio::spawn(async move {
            stop.await;
            web.readiness.stop();
            tokio::time::sleep(NOTICE).await;
            server.stop(true).await;
        });
        let metrics = self
            .metrics
            .map(|metrics| (metrics.server.handle(), tokio::spawn(metrics.server)));
        let ended = self.server.await;
        if let Some((metrics, _)) = metrics {
            metrics.stop(false).await;
        }
        ended
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

impl MetricsListener {
    fn open(address: SocketAddr, web: actix::Data<Web>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).with_context(|| format!("cannot listen on METRICS_ADDR {address}"))?;
        let address = listener.local_addr().context("the listener has no address")?;
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web.clone())
                .wrap(from_fn(web::boundary))
                .configure(web::metrics_routes)
                .default_service(actix::to(web::route::nothing))
        })
        .workers(1)
        .client_request_timeout(HEAD_PATIENCE)
        .disable_signals()
        .listen(listener)?
        .run();
        Ok(Self { server, address })
    }
}

fn state(settings: Settings, capacity: Capacity, clock: Clock) -> anyhow::Result<Web> {
    let cookies = CookiePolicy {
        secure: settings.public_url.is_https(),
        embedded: settings.embedded,
    };
    if !cookies.secure {
        tracing::warn!("PUBLIC_URL is plain http: cookies go without Secure and the __Host- prefix");
    }
    for name in &settings.exposed_secrets {
        tracing::warn!("every user of this machine can read the file of {name}: chmod o-r");
    }
    let local_dingtalk = settings.local_dingtalk();
    if !settings.calls_the_real_dingtalk() {
        tracing::warn!(api = %settings.api_url, oapi = %settings.oapi_url, "calling another DingTalk than the real one");
    }
    let client_id = settings.credentials.client_id.clone();
    let metrics = Metrics::new().context("the metrics do not fit together")?;
    let observer: Arc<dyn Observer> = metrics.clone();
    Ok(Web {
        dingtalk: Organisation::new(
            dingtalk::Settings {
                credentials: settings.credentials,
                corp_id: settings.corp_id.clone(),
                agent_id: settings.agent_id.clone(),
                api_url: settings.api_url,
                oapi_url: settings.oapi_url,
            },
            clock.clone(),
            observer,
        )
        .context("cannot make an HTTPS client")?,
        client_id,
        agent_id: settings.agent_id,
        jsapi_digest: settings.jsapi_digest,
        jsapi_list: app::JSAPI_LIST,
        signature_clinic: settings.signature_clinic,
        words: |language| &app::words::of(language).plumbing,
        signed_pages: SignedPages::new(clock.clone()),
        connections: Connections::new(capacity.connections()),
        metrics,
        readiness: Readiness::new(clock.clone()),
        explains_refusals: local_dingtalk.is_some(),
        login_states: LoginStates::new(&settings.session_keys, cookies, clock.clone()),
        login_limiter: LoginLimiter::new(settings.login_rates),
        codes: SpentCodes::new(clock.clone()),
        trusted_proxies: settings.trusted_proxies,
        headers: Headers::new(
            &settings.public_url,
            &settings.jsapi_script_url,
            cookies,
            local_dingtalk.as_ref(),
        ),
        sessions: Sessions::new(
            settings.session_keys,
            cookies,
            settings.session_idle,
            settings.session_lifetime,
            settings.corp_id.clone(),
            clock.clone(),
        ),
        corp_id: settings.corp_id,
        public_url: settings.public_url,
        jsapi_script_url: settings.jsapi_script_url,
        clock,
    })
}
