//! What outlives a request, and what requests must agree on: which authCodes and login states were used, which sessions were ended.
//!
//! It is looked up here and kept elsewhere: what is changed counts at once, and lasts when [`State::kept`] says so.

mod location; // Where it is kept.
mod once; // What may be used once.
mod ended; // Which sessions were ended.
mod heard; // What was heard of the app's organisations.
mod remembered; // Both are remembered here, as long as they matter,
mod record; // written down,
mod journal; // and kept, in one go with what comes at the same time,
mod sealing; // sealed,
mod database; // in memory or in a file.
mod looked; // What can be seen of all that from outside.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use self::database::{Changes, Database, Rows};
pub use self::database::{Refused, Unread};
use self::ended::Ended;
pub use self::ended::{Lives, SessionId};
use self::heard::Heard;
use self::journal::Journal;
pub use self::journal::NotKept;
pub use self::location::Location;
pub use self::looked::Looked;
pub use self::once::{Once, Taken, Thing, Unavailable};
pub use self::record::Table;
use self::record::{Found, Key, Record};
use self::remembered::Seen;
pub use self::sealing::SealingKeys;
use crate::dingtalk::{Clock, CorpId, Moment, UserId};

/// What all requests and processes must agree on.
pub struct State {
    ended: Ended,
    heard: Heard,
    /// Until somebody asks for it.
    found: Mutex<Found>,
    clock: Clock,
    journal: Journal,
}

impl State {
    /// Opens what was kept, and has a thread keep what comes.
    pub fn open(location: &Location, keys: SealingKeys, lives: Lives, clock: Clock) -> Result<Self, Refused> {
        let now = clock.unix_millis();
        let (database, (mut found, changes)) = Database::open(location, |rows| opened(rows, &keys, now))?;
        let journal = Journal::of(database, keys, changes).map_err(|why| why.of(location))?;
        let ended = Ended::new(lives, &mut found, &clock, &journal);
        let heard = Heard::new(&mut found, &clock, &journal);
        Ok(Self { ended, heard, found: Mutex::new(found), clock, journal })
    }

    /// What may be used once, of one kind, and is then remembered for `kept_for`.
    pub fn once<K: Thing>(&self, table: Table, kept_for: Duration) -> Once<K> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner).take(table);
        Once::new(Seen::new(table, kept_for, found, self.clock.clone(), self.journal.clone()))
    }

    /// Ends a session for good.
    pub fn end_session(&self, id: SessionId) {
        self.ended.end(id);
    }

    /// Ends the sessions of a person that began before then.
    pub fn end_sessions_of_person(&self, corp_id: CorpId, user_id: UserId, before: Moment) {
        self.ended.end_person(corp_id, user_id, before);
    }

    /// The same of everybody in an organisation.
    pub fn end_sessions_of_organisation(&self, corp_id: CorpId, before: Moment) {
        self.ended.end_organisation(corp_id, before);
    }

    /// Whether a session was ended, by whatever.
    pub fn has_ended(&self, id: SessionId, corp_id: &CorpId, user_id: &UserId, began: Moment) -> bool {
        self.ended.has_ended(id, corp_id, user_id, began)
    }

    /// Whether a session of this person that began then would be over.
    pub fn is_over(&self, corp_id: &CorpId, user_id: &UserId, began: Moment) -> bool {
        self.ended.is_over(corp_id, user_id, began)
    }

    /// Ends when all changes until now are kept, so that a restart knows them; in half a second at most.
    pub async fn kept(&self) -> Result<(), NotKept> {
        self.journal.kept().await
    }

    /// Whether changes cannot be kept at the moment.
    pub fn is_failing(&self) -> bool {
        self.journal.is_failing()
    }
}

/// Opens the rows that still matter, and what is to be changed about them: what an older key has sealed is sealed anew.
fn opened(rows: Rows, keys: &SealingKeys, now: u64) -> Result<(Found, Changes), Unread> {
    let (mut found, mut changes) = (Found::default(), Changes::new());
    for (name, row) in rows {
        let (row, is_newest) = keys.open(&name, &row).ok_or(Unread::Foreign)?;
        let record: Record = serde_json::from_slice(&row).map_err(|_| Unread::Newer)?;
        let matters = record.until > now;
        if !matters || !is_newest {
            changes.push((name, None));
        }
        if matters && !is_newest {
            let name = keys.name(&Key::of(record.table, &record.key).to_bytes());
            changes.push((name, Some(keys.seal(&name, &row))));
        }
        if matters {
            found.add(record);
        }
    }
    Ok((found, changes))
}
