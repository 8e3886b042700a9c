//! The app at DingTalk, and the organisations that have it.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use governor::DefaultDirectRateLimiter;
use serde::Serialize;

use super::api::Api;
use super::events::{StreamLink, StreamState};
use super::grant::look_ups;
use super::kept::KeptAnswers;
use super::organisations::Organisations;
use super::transport::Transport;
use super::{
    AppKind, Authorisation, Authorisations, BreakerState, Call, Clock, CorpId, Credentials, Error, Kind, Observer, Organisation,
    Peers, Settings, SuiteTicket, Waiting,
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
    /// The latest suite ticket, which `call` needs.
    pub fn suite_ticket(&self, call: Call) -> Result<SuiteTicket, Error> {
        let missing = || Error::new(call, Kind::SuiteTicket, "no suite ticket has come yet");
        self.authorisations.suite_ticket().ok_or_else(missing)
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
        let (kept, look_ups) = (KeptAnswers::new(clock.clone()), look_ups());
        let (authorisations, peers) = (Arc::clone(&state), state);
        let stream = StreamLink::default();
        let app = Arc::new(App { kind, credentials, authorisations, peers, api, kept, look_ups, calls_per_second, stream });
        let home = app.kind.home().cloned();
        let home = home.map(|home| Organisation::new(Arc::clone(&app), home.corp_id));
        Ok(Self { app, organisations: Arc::new(Organisations::new(clock)), home })
    }

    /// The organisation that has the app, if it is one and always the same.
    pub fn home(&self) -> Option<&Organisation> {
        self.home.as_ref()
    }

    /// An organisation that has the app, or may have it: of one of which nothing was heard, the first call that needs a token tells.
    pub fn organisation(&self, corp_id: &CorpId) -> Result<Organisation, Error> {
        if let Some(home) = &self.home {
            return if home.corp_id() == corp_id {
                Ok(home.clone())
            } else {
                Err(not_authorised("it is the app of another organisation"))
            };
        }
        let turn = match self.app.authorisations.of(corp_id) {
            Authorisation::Unknown => None,
            Authorisation::Granted { turn, .. } => Some(turn),
            Authorisation::Stopped => {
                return Err(Error::new(Call::CORP_ACCESS_TOKEN, Kind::AppStopped, "the organisation has stopped the app"));
            }
            Authorisation::Relieved => return Err(not_authorised("the organisation has the app no longer")),
        };
        let new = || Organisation::new(Arc::clone(&self.app), corp_id.clone());
        Ok(self.organisations.get(corp_id, turn, || self.app.api.transport.within(new)))
    }

    /// Why the people of an organisation cannot use the app, as far as it is known without asking.
    pub fn admits(&self, corp_id: &CorpId) -> Result<(), Error> {
        match self.home.is_none().then(|| self.app.authorisations.of(corp_id)) {
            Some(Authorisation::Stopped | Authorisation::Relieved) => self.organisation(corp_id).map(drop),
            _ => Ok(()),
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
