//! Everything the simulated DingTalk knows, in one value behind one lock.

mod apps;
mod clock;
mod codes;
mod credential;
mod decisions;
mod definition;
mod grants;
mod notifications;
mod organisation;
mod people;
mod seed;
mod suite_tickets;
mod tickets;
mod tokens;
mod user_tokens;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::random;
use serde::{Deserialize, Serialize};
use url::Url;
use url::form_urlencoded::byte_serialize;

pub use apps::{Kind, Registered, Standing};
pub use clock::{Clock, Millis, millis, real_now};
pub use codes::Codes;
pub use credential::{Credential, Life};
pub use decisions::Decision;
pub use definition::Definition;
pub use grants::Grants;
pub use notifications::{Notification, Notifications};
pub use organisation::{Department, Organisation, ROOT};
pub use people::Person;
pub use seed::{App, CUSTOM, INTERNAL, SEEDED, THIRD_PARTY};
pub use suite_tickets::SuiteTickets;
pub use tickets::Tickets;
pub use tokens::{Holder, Tokens};
pub use user_tokens::{OnBehalf, UserTokens};

use crate::crowd::Progress;
use crate::events::{Outbox, Subscribers};
use crate::ledger::Ledger;
use crate::upstream::{Faults, MadeUpAnswers, Paces};

/// What the simulated client does when a page asks it for an authCode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answers {
    /// It hands out a code.
    #[default]
    Normal,
    /// It neither answers nor fails.
    Never,
    /// It answers with an error.
    Refuses,
}

/// How the simulated client behaves.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Client {
    /// Its answer to a request for an authCode.
    pub answers: Answers,
    /// The page runs in an ordinary browser: `dd.env.platform` is `notInDingTalk`.
    pub outside: bool,
}

/// What the world was set up with, and keeps through a reset.
#[derive(Debug, Clone)]
pub struct Setup {
    pub definition: Definition,
    /// The URL of the app under test.
    pub app_url: Option<String>,
    /// The clientId of the app under test.
    pub under_test: String,
    /// The certificate that callers over HTTPS have to trust.
    pub authority: Option<String>,
    /// The address of the old API family, if it has one of its own.
    pub old: Option<SocketAddr>,
    /// How many calls of one API are accepted from one app in a second; `None` is no limit.
    pub calls_per_second: Option<u32>,
}

/// The state of the simulated DingTalk.
#[derive(Debug)]
pub struct World {
    /// Tells worlds apart: a random number at the start, and the next number after each reset.
    pub number: u64,
    pub setup: Setup,
    pub clock: Clock,
    pub organisations: Vec<Organisation>,
    pub apps: Vec<Registered>,
    pub client: Client,
    pub tokens: Tokens,
    pub tickets: Tickets,
    /// The suite_access_tokens, which are for an app itself, not for an organisation.
    pub suite_tokens: Tokens,
    pub suite_tickets: SuiteTickets,
    pub codes: Codes,
    /// The codes of the login page outside the client. They are not valid as authCodes, nor the other way round.
    pub browser_codes: Codes,
    pub user_tokens: UserTokens,
    /// The codes of administrators who come from the admin console.
    pub sso_codes: Codes,
    pub sso_tokens: Tokens,
    /// The temporary codes that third-party apps were sent with an authorisation, in the older way.
    pub temporary_codes: HashMap<String, Holder>,
    pub notifications: Notifications,
    pub faults: Faults,
    pub made_up: MadeUpAnswers,
    pub paces: Paces,
    pub ledger: Ledger,
    pub subscribers: Subscribers,
    pub outbox: Outbox,
    /// The last crowd, whose people may still be logging in.
    pub crowd: Option<Arc<Progress>>,
}

impl World {
    fn new(setup: Setup, subscribers: Subscribers, outbox: Outbox) -> Self {
        let Definition { organisations, apps } = setup.definition.clone();
        let mut world = Self {
            // 32 bits, which JavaScript reads exactly.
            number: random::<u32>().into(),
            setup,
            clock: Clock::default(),
            organisations,
            apps,
            client: Client::default(),
            tokens: Tokens::default(),
            tickets: Tickets::default(),
            suite_tokens: Tokens::default(),
            suite_tickets: SuiteTickets::default(),
            codes: Codes::default(),
            browser_codes: Codes::default(),
            user_tokens: UserTokens::default(),
            sso_codes: Codes::default(),
            sso_tokens: Tokens::default(),
            temporary_codes: HashMap::new(),
            notifications: Notifications::default(),
            faults: Faults::default(),
            made_up: MadeUpAnswers::default(),
            paces: Paces::default(),
            ledger: Ledger::default(),
            subscribers,
            outbox,
            crowd: None,
        };
        world.renew_suite_tickets();
        world
    }

    /// Starts again from the beginning. The setup stays, and so do Stream connections, unless they are frozen.
    pub fn reset(&mut self) {
        self.subscribers.lose_frozen();
        // The test that set these URLs is over by now, and events of the next test must not be pushed to them.
        self.subscribers.forget_addresses();
        let (listening, outbox) = (std::mem::take(&mut self.subscribers), self.outbox.emptied());
        *self = Self { number: self.number + 1, ..Self::new(self.setup.clone(), listening, outbox) };
    }

    pub fn now(&self) -> Millis {
        self.clock.now()
    }

    pub fn organisation(&self, corp_id: &str) -> Option<&Organisation> {
        self.organisations.iter().find(|organisation| organisation.corp_id == corp_id)
    }

    pub fn organisation_mut(&mut self, corp_id: &str) -> Option<&mut Organisation> {
        self.organisations.iter_mut().find(|organisation| organisation.corp_id == corp_id)
    }

    pub fn app(&self, client_id: &str) -> Option<&Registered> {
        self.apps.iter().find(|app| app.client_id == client_id)
    }

    /// The app under test; the first app if this world has no such app.
    pub fn under_test(&self) -> Option<&Registered> {
        self.app(&self.setup.under_test).or(self.apps.first())
    }

    /// The organisation that is meant when none is named: the one that the app under test belongs to, or the first that it may have.
    pub fn first_corp_id(&self) -> &str {
        let of_the_app = self.under_test().and_then(|app| app.installations.keys().next());
        of_the_app.map_or("", String::as_str)
    }

    /// The URL at which people of an organisation open the app under test, if the organisation can have it. DingTalk replaces the
    /// placeholder in the registered URL with the corpId, or adds the corpId to a URL without one.
    pub fn home(&self, corp_id: &str) -> Option<Url> {
        const PLACE: &str = "$CORPID$";
        self.under_test()?.installations.get(corp_id)?;
        let registered = self.setup.app_url.as_deref()?;
        let encoded: String = byte_serialize(corp_id.as_bytes()).collect();
        let mut home = Url::parse(&registered.replace(PLACE, &encoded)).ok()?;
        if !registered.contains(PLACE) {
            home.query_pairs_mut().append_pair("corpid", corp_id);
        }
        Some(home)
    }

    /// What an app may do at an organisation that has it.
    pub fn grants(&self, holder: &Holder) -> Option<&Grants> {
        Some(&self.app(&holder.client_id)?.at(&holder.corp_id)?.grants)
    }

    /// Whether an app has a permission at an organisation.
    pub fn may(&self, holder: &Holder, scope: &str) -> bool {
        self.grants(holder).is_none_or(|grants| grants.has(scope))
    }

    /// Whether a person is in an app's visible range at an organisation.
    pub fn sees(&self, holder: &Holder, user_id: &str) -> bool {
        self.grants(holder).is_none_or(|grants| grants.sees(user_id))
    }

    pub fn person(&self, corp_id: &str, user_id: &str) -> Option<&Arc<Person>> {
        self.organisation(corp_id)?.person(user_id)
    }
}

impl Default for World {
    fn default() -> Self {
        let setup = Setup {
            definition: Definition::seeded(),
            app_url: None,
            under_test: INTERNAL.client_id.to_owned(),
            authority: None,
            old: None,
            calls_per_second: None,
        };
        Self::new(setup, Subscribers::default(), Outbox::default())
    }
}

/// The world as the server's handlers and the test's handle share it.
#[derive(Debug, Default)]
pub struct Shared(Mutex<World>);

impl Shared {
    /// Locks the world for one short, synchronous step.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
