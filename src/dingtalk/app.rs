//! The app at DingTalk, and the organisations that have it.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use governor::DefaultDirectRateLimiter;
use parking_lot::Mutex;
use reqwest::{Method, Request};
use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::api::{Api, Proof};
use super::events::{StreamLink, StreamState};
use super::grant::look_ups;
use super::kept::KeptAnswers;
use super::transport::Transport;
use super::{
    AccessToken, AppKind, Authorisation, Authorisations, BreakerState, Call, Clock, CorpId, CredentialState, Credentials, Error,
    Kind, Observer, Organisation, Peers, Settings, SuiteTicket, Waiting,
};

/// The app. Clones share everything.
#[derive(Clone)]
pub struct DingTalk {
    pub(super) app: Arc<App>,
    organisations: Arc<Organisations>,
    home: Option<Organisation>,
}

/// What all organisations of the app share.
pub(super) struct App {
    pub kind: AppKind,
    pub credentials: Credentials,
    pub authorisations: Arc<dyn Authorisations>,
    pub peers: Arc<dyn Peers>,
    pub api: Api,
    pub kept: KeptAnswers,
    pub look_ups: DefaultDirectRateLimiter,
    pub calls_per_second: NonZeroU32,
    pub stream: StreamLink,
}

/// For whoever watches.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DingTalkState {
    /// Whether calls go out.
    pub breaker: BreakerState,
    /// Whether they are answered.
    pub reachable: bool,
    /// Whether DingTalk can tell of events, if it is listened to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamState>,
}

impl App {
    /// Makes `call` by the latest suite ticket. A newer one that comes meanwhile is the end of this one: then once more by that.
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

    /// When an organisation last authorised the app; nothing while none was heard of. Or why its people cannot use the app.
    fn authorised(&self, corp_id: &CorpId) -> Result<Option<u64>, Error> {
        match self.authorisations.of(corp_id) {
            Authorisation::Unknown => Ok(None),
            Authorisation::Granted { since, .. } => Ok(Some(since)),
            Authorisation::Stopped => {
                Err(Error::new(Call::CORP_ACCESS_TOKEN, Kind::AppStopped, "the organisation has stopped the app"))
            }
            Authorisation::Relieved => Err(not_authorised("the organisation has the app no longer")),
        }
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
        let Settings { kind, credentials, api_url, oapi_url, proxy, calls_per_second, .. } = settings;
        let transport = Transport::new(proxy)?;
        let api = Api::new((api_url, oapi_url), transport, clock.clone(), observer);
        let (kept, look_ups) = (KeptAnswers::new(clock), look_ups());
        let (authorisations, peers) = (Arc::clone(&state), state);
        let stream = StreamLink::default();
        let app = Arc::new(App { kind, credentials, authorisations, peers, api, kept, look_ups, calls_per_second, stream });
        let home = app.kind.home().cloned();
        let home = home.map(|home| Organisation::new(Arc::clone(&app), home.corp_id));
        Ok(Self { app, organisations: Arc::default(), home })
    }

    /// The organisation that has the app, if it is one and always the same.
    pub fn home(&self) -> Option<&Organisation> {
        self.home.as_ref()
    }

    /// An organisation that has the app, or may have it: of one of which nothing was heard, the first call that needs a token tells.
    pub fn organisation(&self, corp_id: &CorpId) -> Result<Organisation, Error> {
        match &self.home {
            Some(home) if home.corp_id() == corp_id => Ok(home.clone()),
            Some(_) => Err(not_authorised("it is the app of another organisation")),
            None => {
                let since = self.app.authorised(corp_id)?;
                let api = &self.app.api;
                let new = || api.transport.within(|| Organisation::new(Arc::clone(&self.app), corp_id.clone()));
                Ok(self.organisations.get(corp_id, since, api.clock.now(), new))
            }
        }
    }

    /// Why the people of an organisation cannot use the app, as far as it is known without asking.
    pub fn admits(&self, corp_id: &CorpId) -> Result<(), Error> {
        match self.home {
            Some(_) => Ok(()),
            None => self.app.authorised(corp_id).map(drop),
        }
    }

    /// What is held and done at the moment. Nothing of it is secret.
    pub fn state(&self) -> DingTalkState {
        let (api, now) = (&self.app.api, self.app.api.clock.now());
        DingTalkState { breaker: api.breaker.shows(now), reachable: !api.reach.is_lost(), stream: self.app.stream.state(now) }
    }

    /// The organisations whose people have used the app lately, those that have not proved to have it aside.
    pub fn organisations(&self) -> Vec<Organisation> {
        self.home.clone().map_or_else(|| self.organisations.all_known(), |home| vec![home])
    }

    /// Whether people can be logged in, as the last calls tell; if they do not, as one more does. A third-party app needs its suite ticket
    /// for that; one organisation's trouble is not all the others'.
    pub async fn can_log_in(&self) -> bool {
        let token = match &self.home {
            Some(home) => match home.access_token().await {
                Ok(token) => Some(token),
                Err(_) => return false,
            },
            None if self.app.authorisations.suite_ticket().is_none() => return false,
            None => None,
        };
        self.app.api.look(token.as_deref()).await;
        let DingTalkState { breaker, reachable, .. } = self.state();
        reachable && self.app.api.reach.was_answered() && breaker != BreakerState::Open
    }

    /// What waits for its turn, by the names of the calls; how many calls may leave in a second is that of one organisation.
    pub fn waiting(&self) -> Vec<(&'static str, Waiting)> {
        let mut all: BTreeMap<&'static str, Waiting> = BTreeMap::new();
        for (call, waiting) in self.organisations().iter().flat_map(Organisation::waiting) {
            let sum = all.entry(call).or_default();
            *sum = Waiting { calls: sum.calls + waiting.calls, per_second: sum.per_second.max(waiting.per_second) };
        }
        all.into_iter().collect()
    }

    /// No call waits for its turn beyond then: the program is about to stop.
    pub fn end_turns(&self, at: tokio::time::Instant) {
        self.app.api.last_turns.send_replace(Some(at));
    }
}

fn not_authorised(why: &str) -> Error {
    Error::new(Call::CORP_ACCESS_TOKEN, Kind::NotAuthorised, why)
}

/// The organisations whose people use a third-party app: each made when it is first needed, and dropped when nobody has come for a while.
/// Those that have the app, and those that may have it: corpIds that somebody made up push only each other out.
#[derive(Default)]
struct Organisations {
    held: Mutex<HashMap<CorpId, Entry>>,
}

struct Entry {
    organisation: Organisation,
    /// When it last authorised the app; nothing while none was heard of.
    since: Option<u64>,
    last_used: Instant,
}

impl Organisations {
    const MOST: usize = 10_000;
    const MOST_MADE_UP: usize = 500;
    /// As long as an access_token lives: after that there is nothing left that would be worth keeping.
    const IDLE: Duration = Duration::from_secs(2 * 60 * 60);

    /// The organisation that has authorised the app `since` then; that it has done so may be known by asking alone.
    fn get(&self, corp_id: &CorpId, since: Option<u64>, now: Instant, make: impl FnOnce() -> Organisation) -> Organisation {
        let mut held = self.held.lock();
        // What was granted or refused before its last authorisation is worth nothing. One of which no authorisation was heard has 0.
        if held.get(corp_id).is_none_or(|entry| entry.since.unwrap_or(0) != since.unwrap_or(0)) {
            held.remove(corp_id);
            make_room(&mut held, since.is_some(), now);
        }
        let entry = held.entry(corp_id.clone());
        let entry = entry.or_insert_with(|| Entry { organisation: make(), since, last_used: now });
        (entry.since, entry.last_used) = (since, now);
        entry.organisation.clone()
    }

    /// Those that have the app, or have proved it.
    fn all_known(&self) -> Vec<Organisation> {
        self.held.lock().values().filter(|entry| entry.has_app()).map(|entry| entry.organisation.clone()).collect()
    }
}

impl Entry {
    /// It was heard of, or a token was granted.
    fn has_app(&self) -> bool {
        self.since.is_some() || self.organisation.state().access_token != CredentialState::Empty
    }
}

/// Drops the idle; and while there are too many all the same, of its own sort, whoever has not come for longest.
fn make_room(held: &mut HashMap<CorpId, Entry>, has_app: bool, now: Instant) {
    held.retain(|_, entry| now < entry.last_used + Organisations::IDLE);
    let most = if has_app { Organisations::MOST } else { Organisations::MOST_MADE_UP };
    while let Some(corp_id) = one_too_many(held, has_app, most) {
        held.remove(&corp_id);
    }
}

fn one_too_many(held: &HashMap<CorpId, Entry>, has_app: bool, most: usize) -> Option<CorpId> {
    let alike = || held.iter().filter(|(_, entry)| entry.has_app() == has_app);
    let longest = || alike().min_by_key(|(_, entry)| entry.last_used).map(|(corp_id, _)| corp_id.clone());
    (alike().count() >= most).then(longest).flatten()
}

/// What an examination of the app asks, and nothing else does. None of it changes anything at DingTalk.
impl DingTalk {
    /// Makes so many calls from now on, with all repetitions, and no more.
    pub fn limit_to(&self, calls: u32) {
        self.app.api.transport.limit_to(calls);
    }

    /// By how many seconds DingTalk's clock was ahead of this one in the last answer that told.
    pub fn clock_ahead(&self) -> Option<i64> {
        *self.app.api.ahead.lock()
    }

    /// Whether DingTalk would look at the code of a login.
    pub async fn takes_logins(&self, token: &AccessToken) -> Result<(), Error> {
        answered(self.app.api.send(&Call::LOGIN_PROBE.into(), Proof::Token(token), &Value::Null).await)
    }

    /// Whether the API of `probe` answers at all.
    pub async fn answers(&self, probe: Call) -> Result<(), Error> {
        answered(self.app.api.send(&probe.into(), Proof::Body, &Value::Null).await)
    }

    /// At which host DingTalk would open Stream. It is not opened: another one would take events.
    pub async fn stream_host(&self) -> Result<Url, Error> {
        let mut host = self.stream_address().await?;
        host.set_path("/");
        // There is what would open it.
        host.set_query(None);
        Ok(host)
    }

    /// Whether a connection comes about there, by the way that Stream would go. How such a host answers a request, if it does, is not known.
    pub async fn reaches(&self, host: Url) -> Result<(), Error> {
        match self.app.api.transport.send(Call::STREAM_HOST, Request::new(Method::GET, host)).await {
            Err(error) if matches!(error.kind, Kind::NotSent(_) | Kind::Interrupted) => Err(error),
            _ => Ok(()),
        }
    }
}

/// That something is missing in the call is the answer hoped for.
fn answered(answer: Result<Value, Error>) -> Result<(), Error> {
    match answer {
        Err(Error { kind: Kind::CodeRejected | Kind::Credentials | Kind::Unexpected, .. }) => Ok(()),
        answer => answer.map(drop),
    }
}
