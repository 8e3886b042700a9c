//! The app at DingTalk, and the organisations that have it.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use governor::DefaultDirectRateLimiter;
use parking_lot::Mutex;
use reqwest::{Method, Request};
use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::answer_cache::AnswerCache;
use super::api::Api;
use super::events::StreamState;
use super::grant::look_ups;
use super::transport::Transport;
use super::{
    AccessToken, AppKind, Authorisation, Authorisations, BreakerState, Call, Clock, CorpId, CredentialState, Credentials, Error,
    Kind, Observer, Organisation, Peers, Settings, SuiteTicket, Waiting,
};

/// The app. Clones share everything.
#[derive(Clone)]
pub struct DingTalk {
    pub(super) app: Arc<App>,
    /// The organisations whose people use a third-party app. Each entry is made when it is first needed, and dropped when it has not been
    /// used for a while.
    organisations: Arc<Mutex<HashMap<CorpId, Entry>>>,
    home: Option<Organisation>,
}

/// What all organisations of the app share.
pub(super) struct App {
    pub kind: AppKind,
    pub credentials: Credentials,
    pub authorisations: Arc<dyn Authorisations>,
    pub peers: Arc<dyn Peers>,
    pub api: Api,
    pub answer_cache: AnswerCache,
    pub look_ups: DefaultDirectRateLimiter,
    pub calls_per_second: NonZeroU32,
    /// Whether Stream is connected, and since when; None while Stream is not used.
    pub stream: Mutex<Option<(bool, Instant)>>,
}

/// The state of the client, for `/readyz` and the metrics.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DingTalkState {
    /// Whether calls go out.
    pub breaker: BreakerState,
    /// Whether they are answered.
    pub reachable: bool,
    /// The state of the Stream connection; None while Stream is not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamState>,
}

impl App {
    /// Calls `ask` with the latest suite ticket. If that ticket is refused and a newer one has arrived meanwhile, calls it once more with
    /// the newer one.
    pub async fn by_suite_ticket<T, F: Future<Output = Result<T, Error>>>(
        &self,
        call: Call,
        ask: impl Fn(SuiteTicket) -> F,
    ) -> Result<T, Error> {
        let latest = || self.authorisations.suite_ticket();
        let ticket = latest().ok_or_else(|| Error::new(call, Kind::SuiteTicket, "no suite ticket has come yet"))?;
        match ask(ticket.clone()).await {
            Err(error) if error.kind == Kind::SuiteTicket => match latest().filter(|newer| *newer != ticket) {
                Some(newer) => ask(newer).await,
                None => Err(error),
            },
            answer => answer,
        }
    }

    /// When the organisation last authorised the app; None while nothing is known of it. The error says why its people cannot use the
    /// app.
    fn authorised(&self, corp_id: &CorpId) -> Result<Option<u64>, Error> {
        let error = match self.authorisations.of(corp_id) {
            Authorisation::Unknown => return Ok(None),
            Authorisation::Granted { since, .. } => return Ok(Some(since)),
            Authorisation::Stopped => {
                Error::new(Call::CORP_ACCESS_TOKEN, Kind::AppStopped, "the organisation has stopped the app")
            }
            Authorisation::Relieved => not_authorised("the organisation has the app no longer"),
        };
        Err(error.naming(corp_id))
    }
}

impl DingTalk {
    /// Makes no call until a credential is needed. Must be called in the runtime that is to carry the connections.
    pub fn new(
        settings: Settings,
        state: Arc<impl Authorisations + Peers>,
        clock: Clock,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, reqwest::Error> {
        let transport = Transport::new(settings.proxy)?;
        let authorisations = Arc::clone(&state);
        let app = Arc::new(App {
            kind: settings.kind,
            credentials: settings.credentials,
            authorisations,
            peers: state,
            api: Api::new(settings.api_url, settings.oapi_url, transport, clock.clone(), observer),
            answer_cache: AnswerCache::new(clock),
            look_ups: look_ups(),
            calls_per_second: settings.calls_per_second,
            stream: Mutex::default(),
        });
        let home = app.kind.home().map(|home| Organisation::new(Arc::clone(&app), home.corp_id.clone()));
        Ok(Self { app, organisations: Arc::default(), home })
    }

    /// The one organisation that has the app; None for a third-party app.
    pub fn home(&self) -> Option<&Organisation> {
        self.home.as_ref()
    }

    /// An organisation that has the app, or may have it: for an unknown organisation, the first call that needs a token shows whether it
    /// has. An error if it is known not to have the app.
    pub fn organisation(&self, corp_id: &CorpId) -> Result<Organisation, Error> {
        match &self.home {
            Some(home) if home.corp_id() == corp_id => return Ok(home.clone()),
            Some(_) => return Err(not_authorised("it is the app of another organisation")),
            None => {}
        }
        let since = self.app.authorised(corp_id)?;
        let now = self.app.api.clock.now();
        let mut held = self.organisations.lock();
        // Credentials and refusals from before the last authorisation are worthless. None counts as 0, so that an entry stays when a call
        // has shown that its organisation has the app.
        if held.get(corp_id).is_none_or(|entry| entry.since.unwrap_or(0) != since.unwrap_or(0)) {
            held.remove(corp_id);
            make_room(&mut held, since.is_some(), now);
        }
        let make = || Organisation::new(Arc::clone(&self.app), corp_id.clone());
        let new = || Entry { organisation: self.app.api.transport.within(make), since, last_used: now };
        let entry = held.entry(corp_id.clone()).or_insert_with(new);
        entry.since = since;
        entry.last_used = now;
        Ok(entry.organisation.clone())
    }

    /// Whether the people of an organisation may use the app, as far as is known without a call to DingTalk. The error says why not.
    pub fn admits(&self, corp_id: &CorpId) -> Result<(), Error> {
        match self.home {
            Some(_) => Ok(()),
            None => self.app.authorised(corp_id).map(drop),
        }
    }

    /// The present state of the client, without secrets.
    pub fn state(&self) -> DingTalkState {
        let api = &self.app.api;
        let now = api.clock.now();
        let for_seconds = |since| now.saturating_duration_since(since).as_secs();
        let stream = self.app.stream.lock().map(|(connected, since)| StreamState { connected, for_seconds: for_seconds(since) });
        DingTalkState { breaker: api.breaker.shows(now), reachable: !api.reach.is_lost(), stream }
    }

    /// The CorpIds of all organisations that are known to have the app: the only one, or those that have authorised a third-party app and
    /// have not stopped it, whether or not anybody there uses it. Waits until this process has read what others know.
    pub async fn corp_ids(&self) -> Vec<CorpId> {
        if let Some(home) = &self.home {
            return vec![home.corp_id().clone()];
        }
        self.app.peers.until_heard().await;
        self.app.authorisations.corp_ids()
    }

    /// The organisations whose people have used the app lately, without those that have not yet proved that they have it.
    pub fn organisations(&self) -> Vec<Organisation> {
        let used = self.organisations.lock();
        let known = used.values().filter(|entry| entry.has_app()).map(|entry| &entry.organisation);
        self.home.iter().chain(known).cloned().collect()
    }

    /// Whether people can log in, by the outcome of the last calls, or of a probe if those leave a doubt. An app with one organisation
    /// needs its access_token for that, a third-party app its suite ticket: the trouble of one organisation is not that of all others.
    pub async fn can_log_in(&self) -> bool {
        let token = match &self.home {
            Some(home) => match home.access_token().await {
                Ok(token) => Some(token),
                Err(_) => return false,
            },
            None if self.app.authorisations.suite_ticket().is_none() => return false,
            None => None,
        };
        self.app.api.probe_logins(token.as_deref()).await;
        let DingTalkState { breaker, reachable, .. } = self.state();
        reachable && self.app.api.reach.was_answered() && breaker != BreakerState::Open
    }

    /// How many calls wait for their turn, by the name of the call, summed over all organisations. `per_second` is not a sum: it is that
    /// of one organisation.
    pub fn waiting(&self) -> Vec<(&'static str, Waiting)> {
        let mut all: BTreeMap<&'static str, Waiting> = BTreeMap::new();
        for (call, waiting) in self.organisations().iter().flat_map(Organisation::waiting) {
            let sum = all.entry(call).or_default();
            *sum = Waiting { calls: sum.calls + waiting.calls, per_second: sum.per_second.max(waiting.per_second) };
        }
        all.into_iter().collect()
    }

    /// After `at`, no call waits for its turn any more: the program is about to stop.
    pub fn end_turns(&self, at: tokio::time::Instant) {
        self.app.api.last_turns.send_replace(Some(at));
    }
}

fn not_authorised(why: &str) -> Error {
    Error::new(Call::CORP_ACCESS_TOKEN, Kind::NotAuthorised, why)
}

/// An organisation whose people use a third-party app.
struct Entry {
    organisation: Organisation,
    /// When the organisation last authorised the app: 0 if that is known only from a call, None if nothing is known of it.
    since: Option<u64>,
    last_used: Instant,
}

impl Entry {
    /// The lifetime of an access_token: an entry that was unused for longer holds nothing worth keeping.
    const IDLE: Duration = Duration::from_secs(2 * 60 * 60);
    const MOST: usize = 10_000;
    const MOST_MADE_UP: usize = 500;

    /// Whether the organisation is known to have the app, or was granted an access_token.
    fn has_app(&self) -> bool {
        self.since.is_some() || self.organisation.state().access_token != CredentialState::Empty
    }
}

/// Drops idle entries. While there are still too many with the same `has_app`, drops the least recently used of them. Organisations that
/// have the app and those that only may have it are limited separately, so that made-up corpIds evict only each other.
fn make_room(held: &mut HashMap<CorpId, Entry>, has_app: bool, now: Instant) {
    held.retain(|_, entry| now < entry.last_used + Entry::IDLE);
    let most = if has_app { Entry::MOST } else { Entry::MOST_MADE_UP };
    let is_alike = |entry: &Entry| entry.has_app() == has_app;
    while held.values().filter(|entry| is_alike(entry)).count() >= most
        && let Some((longest, _)) = held.iter().filter(|(_, entry)| is_alike(entry)).min_by_key(|(_, entry)| entry.last_used)
    {
        let longest = longest.clone();
        held.remove(&longest);
    }
}

/// Used only by doctor: the command, and the checks at the start of `serve`. None of it changes anything at DingTalk.
impl DingTalk {
    /// Makes at most `calls` calls from now on, retries included.
    pub fn limit_to(&self, calls: u32) {
        self.app.api.transport.left.store(calls.into(), Ordering::Relaxed);
    }

    /// By how many seconds DingTalk's clock is ahead of this machine's, by the last answer that had a `Date` header.
    pub fn clock_ahead(&self) -> Option<i64> {
        *self.app.api.ahead.lock()
    }

    /// Whether DingTalk reads `probe`, a call that asks for nothing. A refusal because something is missing in it is the answer hoped for.
    pub async fn answers(&self, probe: Call, token: Option<&AccessToken>) -> Result<(), Error> {
        match self.app.api.send::<Value>(&probe.into(), token, &Value::Null).await {
            Err(Error { kind: Kind::CodeRejected | Kind::Credentials | Kind::Unexpected, .. }) => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// The host at which DingTalk would open Stream. No connection is opened: a second one would take some of the app's events.
    pub async fn stream_host(&self) -> Result<Url, Error> {
        let mut host = self.stream_address().await?;
        host.set_path("/");
        // The query has the ticket that would open the connection.
        host.set_query(None);
        Ok(host)
    }

    /// Whether `host` can be connected to, by the route that Stream would take. How such a host answers a plain request, if at all, is
    /// not known, so any outcome after connecting counts as success.
    pub async fn reaches(&self, host: Url) -> Result<(), Error> {
        match self.app.api.transport.send(Call::STREAM_HOST, Request::new(Method::GET, host)).await {
            Err(error) if matches!(error.kind, Kind::NotSent(_) | Kind::Interrupted) => Err(error),
            _ => Ok(()),
        }
    }
}
