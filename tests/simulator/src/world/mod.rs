//! Everything the simulated DingTalk knows, in one value behind one lock.

mod clock;
mod codes;
mod credentials;
mod people;

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

pub use clock::{Clock, Millis, millis, real_now};
pub use codes::Codes;
pub use credentials::{AccessToken, Credential, JsapiTicket};
pub use people::{Person, SEEDED};

use crate::ledger::Ledger;
use crate::upstream::{Faults, Limits};

/// The registration of the app under test, as the developer console would show it.
#[derive(Debug, Clone, Copy)]
pub struct App {
    /// The organisation that the app belongs to.
    pub corp_id: &'static str,
    /// Formerly AppKey.
    pub client_id: &'static str,
    /// Formerly AppSecret.
    pub client_secret: &'static str,
    /// What `dd.config` calls the app.
    pub agent_id: &'static str,
    /// The name shown to people.
    pub name: &'static str,
}

/// The one app that is registered.
pub const APP: App = App {
    corp_id: "dingsimulator0001",
    client_id: "dingsimulatedapp1",
    client_secret: "simulated-secret-not-for-production",
    agent_id: "1000000001",
    name: "Demo H5 app",
};

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

/// The state of the simulated DingTalk.
#[derive(Debug, Default)]
pub struct World {
    pub clock: Clock,
    pub app_url: Option<String>,
    pub signed_in: SignedIn,
    pub client: Client,
    pub access_token: AccessToken,
    pub jsapi_ticket: JsapiTicket,
    pub codes: Codes,
    pub faults: Faults,
    pub limits: Limits,
    pub ledger: Ledger,
}

/// Who is signed in to the simulated client; always one of the seeded people.
#[derive(Debug, Clone, Copy)]
pub struct SignedIn(pub &'static Person);

impl Default for SignedIn {
    fn default() -> Self {
        Self(&SEEDED[0])
    }
}

impl World {
    /// Back to the seeded world; what it was set up with stays: the whereabouts of the app under test, and DingTalk's limit.
    pub fn reset(&mut self) {
        let mut limits = std::mem::take(&mut self.limits);
        limits.reset();
        *self = Self { app_url: self.app_url.take(), limits, ..Self::default() };
    }

    pub fn now(&self) -> Millis {
        self.clock.now()
    }

    /// Whom a request of the client means: the named person, or the one who is signed in.
    pub fn person(&self, user_id: Option<&str>) -> Option<&'static Person> {
        user_id.map_or(Some(self.signed_in.0), Person::find)
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
