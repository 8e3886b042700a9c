//! What outlives a request, and what requests must agree on: which authCodes and login states were used, which sessions were ended.
//!
//! It is looked up here and kept elsewhere: what is changed counts at once, and lasts when [`State::kept`] says so.

mod location; // Where it is kept.
mod once; // What may be used once.
mod followed; // What every process must know of, such as the sessions that were ended,
mod heard; // and what was heard of the app's organisations.
mod takeover; // What becomes of a file's when there are several processes.
mod remembered; // All that is remembered here, as long as it matters,
mod journal; // and kept, in one go with what comes at the same time,
mod sealing; // sealed,
mod database; // in a file,
mod redis; // or where other processes follow it.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::time::timeout;

use self::database::Database;
pub use self::followed::SessionId;
use self::followed::Tables;
use self::journal::{Journal, Record};
pub use self::journal::{NotKept, Table};
pub use self::location::{Location, Looked, Unread, Vitals};
pub use self::once::{Once, Reservation, Taken, Unavailable, Wanted};
use self::redis::{Redis, Teller};
use self::remembered::{Seen, Thing};
pub use self::sealing::{Sealer, SealingKeys, derived, mac};
use crate::dingtalk::events::Reaction;
use crate::dingtalk::{Answering, Clock, Departing, Departures, Error, Grant, Leave, Needed, Outcome, Peers, Sharing};

/// What all requests and processes must agree on.
pub struct State {
    tables: Arc<Tables>,
    /// Records whose table nobody has asked for yet: `once` takes them.
    found: Mutex<Vec<Record>>,
    clock: Clock,
    reaction: Mutex<Reaction>,
    /// Other processes, if there may be any.
    redis: Option<Arc<Redis>>,
    /// They are followed until this goes, after the journal, which tells them.
    _until: Option<oneshot::Sender<()>>,
}

impl State {
    /// Opens what was kept, and has a thread keep what comes. `app` is whose it is, so that two apps may share a place; no session lives longer
    /// than `lifetime`.
    pub fn open(location: &Location, app: &str, keys: SealingKeys, lifetime: Duration, clock: Clock) -> Result<Self, Unread> {
        let (mut found, mut shared) = (Vec::new(), None);
        let journal = match location {
            Location::Memory => Journal::none(),
            Location::File(path) => {
                let (database, records) = Database::open(path, keys, clock.unix_millis())?;
                found = records;
                Journal::of(database)?
            }
            Location::Redis(url) => {
                let (redis, until) = Redis::new(url.clone(), app, keys, clock.clone())?;
                shared = Some((Arc::clone(&redis), until));
                Journal::of(Teller { redis, lifetime })?
            }
        };
        let tables = Tables::new(lifetime, &mut found, &clock, journal);
        let (redis, _until) = shared.unzip();
        redis.iter().for_each(|redis| redis.follow(&tables));
        Ok(Self { tables, found: Mutex::new(found), clock, reaction: Mutex::default(), redis, _until })
    }

    /// From now on an event is heard when this is done about it, too. It may hold the client, which holds this state: see that it goes.
    pub fn react_with(&self, reaction: Reaction) {
        *self.reaction.lock() = reaction;
    }

    /// What may be used once, of one kind, and is then remembered for `kept_for`.
    pub fn once<K: Thing>(&self, table: Table, kept_for: Duration) -> Once<K> {
        // Other processes are not told of it but asked.
        let journal = if self.redis.is_some() { Journal::none() } else { self.tables.journal.clone() };
        Once::new(Seen::new(table, kept_for, &mut self.found.lock(), &self.clock, &journal))
    }

    /// A word that all processes have who share it, and nobody else; None if it is one process's, and while it cannot be shared.
    pub fn shared_word(&self) -> Option<String> {
        let session = self.redis.as_ref()?.link.session().ok()?;
        Some(hex::encode(session.names.of("who shares this")))
    }

    /// Ends when all changes until now are kept, so that a restart knows them; in half a second at most.
    pub async fn kept(&self) -> Result<(), NotKept> {
        self.tables.journal.kept().await
    }

    /// How it is.
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

    /// Ends when what other processes have told is known, or when that takes longer than anybody should wait. Whether it is.
    pub async fn is_followed(&self, patience: Duration) -> bool {
        match &self.redis {
            Some(redis) => timeout(patience, redis.link.until_up()).await.is_ok(),
            None => true,
        }
    }
}

/// How the state is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// Other processes may share it.
    pub shared: bool,
    /// What they tell is heard here, and they hear what is told here.
    pub reachable: bool,
    /// What they had told before this process began is known, or is no longer waited for.
    #[serde(skip)]
    pub began: bool,
    /// What was changed here outlives this process, as far as the place allows.
    pub kept: bool,
    /// So many share it, as was last seen.
    pub processes: NonZeroUsize,
}

impl Condition {
    /// What holds less than it should at the moment.
    pub fn weaker(self) -> Option<&'static str> {
        (self.shared && !self.reachable).then_some(
            "the shared state is away: until it is back, logouts and people who leave are known in this process only, and codes and login \
             states are taken once in each process",
        )
    }
}

impl Peers for State {
    fn are_heard(&self) -> Answering<'_, ()> {
        match &self.redis {
            Some(redis) => Box::pin(redis.link.begins()),
            None => Box::pin(std::future::ready(())),
        }
    }

    fn credential<'a>(&'a self, needed: Needed, ask: Answering<'a, Result<Grant, Error>>) -> Answering<'a, Result<Grant, Error>> {
        match &self.redis {
            Some(redis) => Box::pin(redis.credential(needed, ask)),
            None => ask,
        }
    }

    fn sharing(&self) -> Sharing {
        self.redis.as_ref().map_or(Sharing::Apart(NonZeroUsize::MIN), |redis| redis.sharing())
    }

    fn departures<'a>(&'a self, asking: Departing<'a>) -> Answering<'a, Option<Departures>> {
        Box::pin(async move { self.redis.as_ref()?.departures(asking).await })
    }

    fn note(&self, line: &str, leave: Leave, outcome: Outcome) {
        self.redis.iter().for_each(|redis| redis.note_departure(line.to_owned(), leave, outcome));
    }
}
