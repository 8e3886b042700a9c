//! What outlives a request, and what requests must agree on: which authCodes and login states were used, which sessions were ended.
//!
//! It is looked up in memory and stored elsewhere: a change counts at once, and is stored when `State::kept` says so.

mod location; // Where state is stored: STATE_URL.
mod claim; // What a login uses up: its authCode and its state.
mod followed; // What every process must know, such as which sessions were ended.
mod heard; // What events say of the app's organisations.
mod takeover; // Copies the state of a file to Redis.
mod remembered; // Tables in memory, whose rows expire.
mod journal; // Stores changes, several in one commit:
mod sealing; // encrypted,
mod database; // in a file,
mod redis; // or in Redis, where other processes read them.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use self::claim::Claims;
pub use self::claim::{Claim, CodeId, LOGIN_STATE_LIVES, LoginStateId, Unavailable};
use self::database::Database;
pub use self::followed::SessionId;
use self::followed::Tables;
use self::journal::Journal;
pub use self::journal::NotStored;
use self::journal::Table;
pub use self::location::{Location, StorageStatus, Unread, Vitals};
use self::redis::{Away, Publisher, Redis};
use self::remembered::Remembered;
pub use self::sealing::{Sealer, SealingKeys, derived, mac};
use crate::dingtalk::events::Reaction;
use crate::dingtalk::{Clock, Error, Grant, Needed, Peers, Permit, PermitAnswer, PermitRequest, PermitUse, Sharing};

/// What all requests and processes must agree on.
pub struct State {
    tables: Arc<Tables>,
    claims: Mutex<Claims>,
    clock: Clock,
    reaction: Mutex<Reaction>,
    /// When events that do not say when they happened first came to this process, in Unix milliseconds.
    undated: Mutex<Remembered<[u8; 16], u64>>,
    /// What is shared with other processes; None with `memory:` and `file:`.
    redis: Option<Arc<Redis>>,
    /// Redis is followed until this is dropped: after `tables`, whose journal still publishes changes when it is dropped.
    _until: Option<oneshot::Sender<()>>,
}

impl State {
    /// Reads the stored state and, unless it is `memory:`, starts a thread that stores changes. `app` names the app, so that two may share
    /// one Redis; no session lives longer than `lifetime`.
    pub fn open(location: &Location, app: &str, keys: SealingKeys, lifetime: Duration, clock: Clock) -> Result<Self, Unread> {
        let mut found = Vec::new();
        let mut shared = None;
        let journal = match location {
            Location::Memory => Journal::none(),
            Location::File(path) => {
                let (database, records) = Database::open(path, keys, clock.unix_millis())?;
                found = records;
                Journal::of(database)?
            }
            Location::Redis(url) => {
                let (redis, until) = Redis::new(url.clone(), app, keys, lifetime, clock.clone())?;
                shared = Some((Arc::clone(&redis), until));
                Journal::of(Publisher(redis))?
            }
        };
        let tables = Tables::new(lifetime, &mut found, &clock, journal);
        // With Redis they need not be published: [`State::claim`] takes them there.
        let of_claims = if shared.is_some() { Journal::none() } else { tables.journal.clone() };
        let claims = Claims::new(lifetime, &mut found, &clock, &of_claims);
        let undated = Remembered::new(Table::Events, lifetime, &mut Vec::new(), &clock, &Journal::none());
        let (redis, _until) = shared.unzip();
        if let Some(redis) = &redis {
            redis.follow(&tables);
        }
        Ok(Self {
            tables,
            claims: Mutex::new(claims),
            clock,
            reaction: Mutex::default(),
            undated: Mutex::new(undated),
            redis,
            _until,
        })
    }

    /// From now on an event is acknowledged only if `reaction` succeeded, too. It may hold the client, which holds this state: replace it
    /// in the end.
    pub fn react_with(&self, reaction: Reaction) {
        *self.reaction.lock() = reaction;
    }

    /// A word that only the processes that share this state can compute. None if it is not shared, and while Redis is away.
    pub fn shared_word(&self) -> Option<String> {
        let session = self.redis.as_ref()?.link.session().ok()?;
        Some(hex::encode(session.names.of("who shares this")))
    }

    /// Waits until all changes made so far are stored, so that they survive a restart. After half a second it is an error.
    pub async fn kept(&self) -> Result<(), NotStored> {
        self.tables.journal.kept().await
    }

    /// The same, for callers that can wait `within`: a failure that ends meanwhile is none.
    pub async fn kept_within(&self, within: Duration) -> Result<(), NotStored> {
        const PAUSE: Duration = Duration::from_millis(100);
        let kept = async {
            while self.kept().await.is_err() {
                sleep(PAUSE).await;
            }
        };
        timeout(within, kept).await.map_err(|_| NotStored)
    }

    /// Says that this process ends now, so that it does not count among those that share the state.
    pub async fn sign_off(&self) {
        if let Some(redis) = &self.redis {
            redis.sign_off().await;
        }
    }

    /// The condition of the state at the moment.
    pub fn condition(&self) -> Condition {
        let redis = self.redis.as_ref();
        Condition {
            shared: redis.is_some(),
            reachable: redis.is_none_or(|redis| redis.link.is_up()),
            began: redis.is_none_or(|redis| redis.link.has_begun()),
            kept: !self.tables.journal.is_failing(),
            processes: redis.map_or(NonZeroUsize::MIN, |redis| redis.processes()),
        }
    }

    /// Waits until all that other processes have published has been read, for `within` at most. Returns whether it has.
    pub async fn is_followed(&self, within: Duration) -> bool {
        match &self.redis {
            Some(redis) => timeout(within, redis.link.until_up()).await.is_ok(),
            None => true,
        }
    }

    /// Why Redis cannot be used now, in words for people; None if it can, or there is none.
    pub fn why_away(&self) -> Option<&'static str> {
        self.redis.as_ref()?.link.session().err().map(|Away(why)| why)
    }
}

/// The condition of the state, as `/readyz` reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// Other processes may share it.
    pub shared: bool,
    /// Changes reach the other processes, and theirs are read here. True if the state is not shared.
    pub reachable: bool,
    /// What other processes had published before this one started has been read, or is no longer waited for.
    #[serde(skip)]
    pub began: bool,
    /// Changes made here are being stored, so that they outlive this process as far as the location allows.
    pub kept: bool,
    /// How many processes share the state, as last seen.
    pub processes: NonZeroUsize,
}

impl Condition {
    /// Which guarantees are weaker than they should be at the moment, in words for people; None if none is.
    pub fn weaker(self) -> Option<&'static str> {
        const AWAY: &str = "the shared state is away: until it is back, logouts and people who leave are known in this process only, and \
                            codes and login states are taken once in each process";
        const NOT_KEPT: &str = "changes cannot be stored: a restart would forget logouts. The log says why";
        let not_kept = (!self.kept).then_some(NOT_KEPT);
        (self.shared && !self.reachable).then_some(AWAY).or(not_kept)
    }
}

impl Peers for State {
    fn until_heard(&self) -> BoxFuture<'_, ()> {
        match &self.redis {
            Some(redis) => Box::pin(redis.link.begins()),
            None => Box::pin(std::future::ready(())),
        }
    }

    fn credential<'a>(&'a self, needed: Needed, ask: BoxFuture<'a, Result<Grant, Error>>) -> BoxFuture<'a, Result<Grant, Error>> {
        match &self.redis {
            Some(redis) => Box::pin(redis.credential(needed, ask)),
            None => ask,
        }
    }

    fn sharing(&self) -> Sharing {
        self.redis.as_ref().map_or(Sharing::Apart(NonZeroUsize::MIN), |redis| redis.sharing())
    }

    fn permits<'a>(&'a self, asking: PermitRequest<'a>) -> BoxFuture<'a, Option<PermitAnswer>> {
        Box::pin(async move { self.redis.as_ref()?.permits(asking).await })
    }

    fn note(&self, line: &str, permit: Permit, used: PermitUse) {
        if let Some(redis) = &self.redis {
            redis.note_permit(line.to_owned(), permit, used);
        }
    }
}
