//! What outlives a request, and what requests must agree on: which authCodes and login states were used, which sessions were ended.
//!
//! It is looked up here and kept elsewhere: what is changed counts at once, and lasts when [`State::kept`] says so.

mod location; // Where it is kept.
mod once; // What may be used once.
mod followed; // What every process must know of:
mod ended; // which sessions were ended,
mod heard; // what was heard of the app's organisations.
mod takeover; // What becomes of a file's when there are several processes.
mod remembered; // All that is remembered here, as long as it matters,
mod record; // written down,
mod journal; // and kept, in one go with what comes at the same time,
mod sealing; // sealed,
mod database; // in a file,
mod redis; // or where other processes follow it.
mod looked; // What can be seen of all that from outside.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use secrecy::SecretString;
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::time::timeout;

use self::database::Database;
pub use self::database::{Refused, Unread};
pub use self::ended::{Lives, SessionId};
use self::followed::Tables;
use self::journal::Journal;
pub use self::journal::NotKept;
pub use self::location::Location;
pub use self::looked::Looked;
pub use self::once::{Once, Taken, Unavailable};
use self::record::Record;
pub use self::record::Table;
pub use self::redis::{Claim, Vitals, Wanted};
use self::redis::{Redis, Teller};
use self::remembered::{Seen, Thing};
pub use self::sealing::{Sealer, SealingKeys};
pub use self::takeover::NotTakenOver;
use crate::dingtalk::events::Reaction;
use crate::dingtalk::{Answering, Clock, Departing, Departures, Error, Grant, Leave, Needed, Outcome, Peers, Sharing};

/// What all requests and processes must agree on.
pub struct State {
    tables: Arc<Tables>,
    /// Until somebody asks for it.
    found: Mutex<Vec<Record>>,
    clock: Clock,
    reaction: Reaction,
    /// Other processes, if there may be any.
    redis: Option<Arc<Redis>>,
    /// They are followed until this goes, after the journal, which tells them.
    _until: Option<oneshot::Sender<()>>,
}

impl State {
    /// Opens what was kept, and has a thread keep what comes. `app` is whose it is, so that two apps may share a place.
    pub fn open(location: &Location, app: &str, keys: SealingKeys, lives: Lives, clock: Clock) -> Result<Self, Refused> {
        let open = match location {
            Location::Memory => Ok(Self::of_process(Vec::new(), Journal::none(), lives, clock)),
            Location::File(path) => Self::in_file(path, keys, lives, clock),
            Location::Redis(url) => Self::shared(url, app, keys, lives, clock),
        };
        open.map_err(|why| why.of(location))
    }

    fn of_process(mut found: Vec<Record>, journal: Journal, lives: Lives, clock: Clock) -> Self {
        let tables = Tables::new(lives, &mut found, &clock, journal);
        Self { tables, found: Mutex::new(found), clock, reaction: Reaction::default(), redis: None, _until: None }
    }

    fn in_file(file: &Path, keys: SealingKeys, lives: Lives, clock: Clock) -> Result<Self, Unread> {
        let now = clock.unix_millis();
        let (mut database, found) = Database::open(file, keys, now)?;
        // At once, since nobody can wait for them later.
        database.commit(&found.changes).map_err(Unread::unusable)?;
        let journal = Journal::of(database).map_err(Unread::Unusable)?;
        Ok(Self::of_process(found.records, journal, lives, clock))
    }

    fn shared(url: &SecretString, app: &str, keys: SealingKeys, lives: Lives, clock: Clock) -> Result<Self, Unread> {
        let (redis, until) = Redis::new(url, app, keys, clock.clone()).map_err(Unread::Unusable)?;
        let journal = Journal::of(Teller { redis: Arc::clone(&redis), lives }).map_err(Unread::Unusable)?;
        let tables = Tables::new(lives, &mut Vec::new(), &clock, journal);
        redis.follow(&tables);
        let (found, reaction) = (Mutex::default(), Reaction::default());
        Ok(Self { tables, found, clock, reaction, redis: Some(redis), _until: Some(until) })
    }

    /// The same, and an event is heard when the app is done about it, too.
    pub fn reacting(self, reaction: Reaction) -> Self {
        Self { reaction, ..self }
    }

    /// What may be used once, of one kind, and is then remembered for `kept_for`.
    pub fn once<K: Thing>(&self, table: Table, kept_for: Duration) -> Once<K> {
        let mut found = self.found.lock();
        Once::new(table, kept_for, Seen::new(table, kept_for, &mut found, &self.clock, &self.tables.journal))
    }

    /// A word that all processes have who share it, and nobody else; None if it is one process's, and while it cannot be shared.
    pub fn shared_word(&self) -> Option<String> {
        self.redis.as_ref()?.shared_word()
    }

    /// Ends when all changes until now are kept, so that a restart knows them; in half a second at most.
    pub async fn kept(&self) -> Result<(), NotKept> {
        self.tables.journal.kept().await
    }

    /// How it is.
    pub fn standing(&self) -> Standing {
        let redis = self.redis.as_ref();
        Standing {
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
            Some(redis) => timeout(patience, redis.link.is_back()).await.is_ok(),
            None => true,
        }
    }
}

/// How the state is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Standing {
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

impl Standing {
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
        match &self.redis {
            Some(redis) => Box::pin(redis.departures(asking)),
            None => Box::pin(std::future::ready(None)),
        }
    }

    fn note(&self, line: &str, leave: Leave, outcome: Outcome) {
        self.redis.iter().for_each(|redis| redis.note_departure(line.to_owned(), leave, outcome));
    }
}
