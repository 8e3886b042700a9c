//! Puts the rings together and serves them.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{App, web as actix};
use anyhow::Context;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::app;
use crate::dingtalk::events::{Callback, Reaction};
use crate::dingtalk::{Clock, DingTalk, Events};
use crate::server::{self, Capacity, Listening};
use crate::settings::Settings;
use crate::state::{Location, SealingKeys, State};
use crate::telemetry;
use crate::web::{self, Headers, Introductions, Metrics, Readiness, Reports, Routes, Site, Stopping};

/// For how long the server answers `/healthz` and `/readyz` with no before it stops, so that load balancers notice.
const NOTICE: Duration = Duration::from_secs(1);
/// Once the server is told to stop, a login in line is still exchanged if its turn comes within this time: the exchange takes up to five
/// seconds, and the server ends after eight. The pages of the others are told to post again, and keep their place with the next process.
const LAST_TURNS: Duration = Duration::from_secs(3);

/// Why there is no client for HTTPS.
pub const NO_CLIENT: &str = "cannot make an HTTPS client: is the package ca-certificates installed, or SSL_CERT_FILE set?";

/// The server, listening but not yet answering.
pub struct Application {
    server: Listening,
    metrics: Option<Listening>,
    stopping: Data<Stopping>,
    dingtalk: DingTalk,
    state: Data<State>,
    events: Events,
    tasks: JoinSet<()>,
}

impl Application {
    /// Builds the app of `src/app`. Everything that can fail at start fails here. The plumbing does not call DingTalk yet; the app may.
    pub async fn build(listener: TcpListener, settings: Settings, clock: Clock) -> anyhow::Result<Self> {
        let of_app = settings.app.clone();
        let time = clock.clone();
        Self::of(async |dingtalk| app::build(of_app, time, dingtalk).await, listener, settings, clock).await
    }

    /// The same with another app, such as one that a test defines.
    pub async fn of(
        app: impl AsyncFnOnce(DingTalk) -> anyhow::Result<web::App>,
        listener: TcpListener,
        settings: Settings,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        warn(&settings);
        let Settings { dingtalk: dingtalk_settings, web, .. } = &settings;
        let local_dingtalk = dingtalk_settings.local_origin();

        let metrics = Metrics::new(telemetry::lines_lost).context("two metrics have the same name")?;
        let state = Data::new(state_of(&settings, clock.clone())?);

        let dingtalk = DingTalk::new(dingtalk_settings.clone(), state.clone().into_inner(), clock.clone(), metrics.clone())
            .context(NO_CLIENT)?;
        let mut app = app(dingtalk.clone()).await.context("the app cannot be built")?;
        if app.reaction.is_any() && matches!(dingtalk_settings.events, Events::Off) {
            tracing::warn!("the app reacts to events, but receives none: DINGTALK_EVENTS is off");
        }
        state.react_with(std::mem::take(&mut app.reaction));
        let tasks = std::mem::take(&mut app.tasks);

        let stopping = app.stopping.take().unwrap_or_else(|| Data::new(Stopping::new()));
        let readiness = Data::<Readiness>::default();
        let headers =
            Headers::new(web, local_dingtalk.as_ref(), &app).context("its pages cannot be allowed what the app asks for")?;
        let headers = Data::new(headers);
        let app_routes = Arc::clone(&app.routes);
        let client_id = dingtalk_settings.credentials.client_id.clone();
        let site = Data::new(Site::new(app, client_id, web.clone(), clock.clone()));
        let callback = Callback::of(dingtalk_settings, clock.clone()).map(Data::new);
        let introductions = Data::new(Introductions::new(site.clone(), state.clone()));
        let reports = Data::new(Reports::new(local_dingtalk.is_some()));

        let metrics = Data::from(metrics);
        let share = {
            let (state, stopping, dingtalk) = (state.clone(), stopping.clone(), Data::new(dingtalk.clone()));
            move |config: &mut ServiceConfig| {
                config.app_data(dingtalk.clone()).app_data(metrics.clone());
                config.app_data(readiness.clone()).app_data(stopping.clone());
                config.app_data(headers.clone()).app_data(site.clone());
                config.app_data(reports.clone()).app_data(state.clone());
            }
        };
        let answering = |routes: Routes| {
            let share = share.clone();
            move || {
                App::new()
                    .configure(&share)
                    .wrap(from_fn(server::bounds))
                    .wrap(from_fn(web::boundary))
                    .default_service(actix::to(web::route::nothing))
                    .configure(|config| routes(config))
            }
        };
        let for_watchers = answering(Arc::new(web::metrics::routes));
        let for_everybody = answering(Arc::new(move |config| {
            config.app_data(introductions.clone()).configure(web::routes);
            if let Some(callback) = &callback {
                config.app_data(callback.clone()).configure(web::events::routes);
            }
            app_routes(config);
        }));
        let proxies = web.trusted_proxies.clone();
        let watched = |address: SocketAddr| {
            let listener = TcpListener::bind(address).with_context(|| format!("cannot listen on METRICS_ADDR {address}"))?;
            Listening::open(listener, None, Capacity::FEW, proxies.clone(), for_watchers)
        };
        Ok(Self {
            server: Listening::open(listener, settings.server.tls, Capacity::of_this_process(), proxies.clone(), for_everybody)?,
            metrics: settings.server.metrics_addr.map(watched).transpose()?,
            stopping,
            dingtalk,
            state,
            events: settings.dingtalk.events,
            tasks,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// The address that serves `/metrics`, if METRICS_ADDR is set.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|metrics| metrics.address)
    }

    /// The client for DingTalk that all requests share.
    pub fn dingtalk(&self) -> DingTalk {
        self.dingtalk.clone()
    }

    /// The state that all requests share: used codes, ended sessions, events.
    pub fn state(&self) -> Arc<State> {
        Data::clone(&self.state).into_inner()
    }

    /// Serves until `stop` completes. Then `/healthz` and `/readyz` say no for a second, so that a load balancer sends nobody else. After
    /// that no more connections are accepted, and the requests in flight may finish; then the work that they left to
    /// [`Stopping::waits_for`] may finish. At last the app's own tasks are aborted.
    pub async fn run_until_stopped(self, stop: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
        let Self { server, metrics, stopping, dingtalk, state, events, mut tasks } = self;
        let (_until_the_end, the_end) = oneshot::channel::<()>();
        if let Some(metrics) = metrics {
            tokio::spawn(metrics.run_until(async { drop(the_end.await) }, Duration::ZERO));
        }
        let mut listening = JoinSet::new();
        if let Events::Stream(silence) = events {
            let (dingtalk, state) = (dingtalk.clone(), state.clone());
            listening.spawn(async move { dingtalk.listen(state.get_ref(), silence).await });
        }
        let begins = stopping.clone();
        let stop = async move {
            stop.await;
            begins.begin();
            listening.abort_all();
            dingtalk.end_turns(Instant::now() + LAST_TURNS);
        };
        let ended = server.run_until(stop, NOTICE).await;
        stopping.end(NOTICE + server::LAST_REQUESTS).await;
        tasks.shutdown().await;
        state.sign_off().await;
        // The state holds the app's reaction, which may hold the client, which holds the state: this breaks the cycle.
        state.react_with(Reaction::default());
        ended
    }
}

/// Opens the state of the app that these settings are for, at STATE_URL.
pub fn state_of(settings: &Settings, clock: Clock) -> anyhow::Result<State> {
    let app = settings.dingtalk.credentials.client_id.as_str();
    State::open(&settings.state, app, sealing_keys(settings), settings.web.session_lifetime, clock)
        .with_context(|| format!("STATE_URL cannot be used: {}", settings.state))
}

/// The keys that the state is sealed with, derived from SESSION_KEY.
pub fn sealing_keys(settings: &Settings) -> SealingKeys {
    let app = settings.dingtalk.credentials.client_id.as_str();
    SealingKeys::new(settings.web.session_keys.derived(&["state of ", app].concat()))
}

/// Logs which settings deserve a second look although the server starts with them.
fn warn(settings: &Settings) {
    for doubt in settings.doubts() {
        tracing::warn!("{}", doubt.english);
    }
    let dingtalk = &settings.dingtalk;
    let is_shared = matches!(settings.state, Location::Redis(_));
    if !matches!(dingtalk.events, Events::Off) && !is_shared {
        tracing::info!(state = %settings.state, "each event reaches one process only: with this STATE_URL, run no second one");
    }
    if !dingtalk.is_real() {
        tracing::warn!(api = %dingtalk.api_url, oapi = %dingtalk.oapi_url, "calling another DingTalk than the real one");
    }
}
