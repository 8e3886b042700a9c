//! Puts the rings together and serves them.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::middleware::from_fn;
use actix_web::{App, web as actix};
use anyhow::Context;
use tokio::sync::oneshot;

use crate::app;
use crate::dingtalk::{Client, Clock, Observer};
use crate::server::{self, Capacity, Listening, TlsFiles};
use crate::settings::Settings;
use crate::telemetry;
use crate::web::{
    self, CookiePolicy, Headers, LoginLimiter, LoginStates, Metrics, Readiness, Sessions, SignedPages, SpentCodes, Web,
};

/// How long load balancers are told before the server stops. It is over in less than ten seconds, the last requests included.
const NOTICE: Duration = Duration::from_secs(1);

/// The server, listening but not yet answering.
pub struct Application {
    pages: Listening,
    /// What answers METRICS_ADDR: a server of its own, so that no mistake in a route or a proxy shows it to the world.
    metrics: Option<Listening>,
    web: actix::Data<Web>,
}

impl Application {
    /// Everything that can fail at start fails here. No call is made to DingTalk yet.
    pub fn build(listener: TcpListener, settings: Settings, clock: Clock) -> anyhow::Result<Self> {
        let (tls, metrics_addr) = (settings.tls.clone(), settings.metrics_addr);
        let web = actix::Data::new(state(settings, clock)?);
        Ok(Self {
            pages: listen_for_pages(listener, tls, web.clone())?,
            metrics: metrics_addr
                .map(|address| listen_for_metrics(address, web.clone()))
                .transpose()?,
            web,
        })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.pages.address().port()
    }

    /// Where the metrics are, if they are anywhere.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(Listening::address)
    }

    /// Answers until `stop` ends. Then `/readyz` says no for a second, so that a load balancer sends nobody else, and after that no more
    /// connections are taken and the requests in flight may end.
    pub async fn run_until_stopped(self, stop: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
        let (_until_the_end, the_end) = oneshot::channel::<()>();
        if let Some(metrics) = self.metrics {
            tokio::spawn(metrics.run_until(async { drop(the_end.await) }));
        }
        let web = self.web;
        let stopping = async move {
            stop.await;
            web.readiness.stop();
            tokio::time::sleep(NOTICE).await;
        };
        self.pages.run_until(stopping).await
    }
}

fn listen_for_pages(listener: TcpListener, tls: Option<TlsFiles>, web: actix::Data<Web>) -> anyhow::Result<Listening> {
    Listening::open(listener, tls, Capacity::of_this_process(), move || {
        App::new()
            .app_data(web.clone())
            .wrap(from_fn(server::bounds))
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
}

fn listen_for_metrics(address: SocketAddr, web: actix::Data<Web>) -> anyhow::Result<Listening> {
    let listener = TcpListener::bind(address).with_context(|| format!("cannot listen on METRICS_ADDR {address}"))?;
    Listening::open(listener, None, Capacity::FEW, move || {
        App::new()
            .app_data(web.clone())
            .wrap(from_fn(server::bounds))
            .wrap(from_fn(web::boundary))
            .configure(web::metrics_routes)
            .default_service(actix::to(web::route::nothing))
    })
}

fn state(settings: Settings, clock: Clock) -> anyhow::Result<Web> {
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
    let metrics = Metrics::new(telemetry::lines_lost).context("the metrics do not fit together")?;
    let observer: Arc<dyn Observer> = metrics.clone();
    Ok(Web {
        dingtalk: Client::new(
            settings.credentials,
            settings.api_url,
            settings.oapi_url,
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
