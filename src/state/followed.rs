//! What every process must know of, such as which sessions were ended: changed here or learnt from the others, and looked up in memory.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::State;
use super::heard::Decisions;
use super::journal::{Journal, NotStored, Record, Table};
use super::remembered::{Remembered, Seen, Thing};
use crate::dingtalk::{Clock, CorpId, Moment, UserId};

/// Tells sessions apart.
pub type SessionId = u128;

/// The tables that every process follows, whichever process changes them.
pub(super) struct Tables {
    known: Mutex<Known>,
    pub journal: Journal,
}

/// The tables themselves.
pub(super) struct Known {
    pub ended_sessions: Seen<SessionId>,
    /// The sessions of a person that began before this moment have ended.
    pub ended_people: Remembered<(CorpId, UserId), Moment>,
    pub ended_organisations: Remembered<CorpId, Moment>,
    /// The ticket, with the time of its event in Unix milliseconds.
    pub suite_ticket: Remembered<(), (u64, String)>,
    pub organisations: Remembered<CorpId, Decisions>,
    pub events: Seen<[u8; 16]>,
}

impl Tables {
    /// Takes what was `found` at the start. Sessions live for `lifetime` at most.
    pub fn new(lifetime: Duration, found: &mut Vec<Record>, clock: &Clock, journal: Journal) -> Arc<Self> {
        let known = Known {
            ended_sessions: Seen::new(Table::EndedSessions, lifetime, found, clock, &journal),
            ended_people: Remembered::new(Table::EndedPeople, lifetime, found, clock, &journal),
            ended_organisations: Remembered::new(Table::EndedOrganisations, lifetime, found, clock, &journal),
            suite_ticket: Remembered::new(Table::SuiteTicket, lifetime, found, clock, &journal),
            organisations: Remembered::new(Table::Organisations, lifetime, found, clock, &journal),
            events: Seen::new(Table::Events, lifetime, found, clock, &journal),
        };
        Arc::new(Self { known: Mutex::new(known), journal })
    }

    /// Learns a record that another process has published. Returns whether it said all that is known of its thing.
    pub fn learn(&self, record: &Record) -> bool {
        let (mut known, later) = (self.known(), |known: &Moment, told: Moment| told.max(*known));
        match record.table {
            Table::EndedSessions => known.ended_sessions.learn(record, |_, ()| ()),
            Table::EndedPeople => known.ended_people.learn(record, later),
            Table::EndedOrganisations => known.ended_organisations.learn(record, later),
            Table::SuiteTicket => known.suite_ticket.learn(record, |known, told| told.max(known.clone())),
            Table::Organisations => known.organisations.learn(record, Decisions::and),
            Table::Events => known.events.learn(record, |_, ()| ()),
            Table::Codes | Table::LoginStates | Table::Exchanges => false,
        }
    }

    /// Gives everything to the journal again that is not stored, as `is_stored` says. In pieces: changes that come meanwhile go in
    /// between.
    pub async fn give_all(these: &Weak<Self>, is_stored: impl Fn(&str) -> bool + Sync) -> Result<(), NotStored> {
        Self::give_each(these, |known| &known.ended_sessions, &is_stored).await?;
        Self::give_each(these, |known| &known.ended_people, &is_stored).await?;
        Self::give_each(these, |known| &known.ended_organisations, &is_stored).await?;
        Self::give_each(these, |known| &known.suite_ticket, &is_stored).await?;
        Self::give_each(these, |known| &known.organisations, &is_stored).await?;
        Self::give_each(these, |known| &known.events, &is_stored).await
    }

    async fn give_each<K: Thing + Send + Sync, V: Serialize + DeserializeOwned>(
        these: &Weak<Self>,
        kind: fn(&Known) -> &Remembered<K, V>,
        is_stored: &(impl Fn(&str) -> bool + Sync),
    ) -> Result<(), NotStored> {
        const PIECE: usize = 500;
        let keys = these.upgrade().map(|tables| kind(&tables.known()).keys()).unwrap_or_default();
        for piece in keys.chunks(PIECE) {
            // The tables are not held while this waits: whoever drops their last owner waits for the journal to end.
            let kept = these.upgrade().map(|tables| {
                kind(&tables.known()).give_again(piece, is_stored);
                tables.journal.kept()
            });
            match kept {
                Some(kept) => kept.await?,
                None => break,
            }
        }
        Ok(())
    }

    pub fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock()
    }
}

impl State {
    /// Ends a session for good.
    pub fn end_session(&self, id: SessionId) {
        self.tables.known().ended_sessions.insert(id, ());
    }

    /// Ends the sessions of a person that began before then.
    pub fn end_sessions_of_person(&self, corp_id: CorpId, user_id: UserId, before: Moment) {
        later(&self.clock, &mut self.tables.known().ended_people, (corp_id, user_id), before);
    }

    /// The same of everybody in an organisation.
    pub fn end_sessions_of_organisation(&self, corp_id: CorpId, before: Moment) {
        later(&self.clock, &mut self.tables.known().ended_organisations, corp_id, before);
    }

    /// Whether a session was ended: alone, or with all those of its person or organisation.
    pub fn has_ended(&self, id: SessionId, corp_id: &CorpId, user_id: &UserId, began: Moment) -> bool {
        self.tables.known().ended_sessions.get(&id).is_some() || self.is_over(corp_id, user_id, began)
    }

    /// Whether a session of this person that began then would be over.
    pub fn is_over(&self, corp_id: &CorpId, user_id: &UserId, began: Moment) -> bool {
        let known = self.tables.known();
        let with_all = |before: Option<&Moment>| {
            before.is_some_and(|before| self.clock.is_before(began, *before) && !self.was_stored_ahead(*before, began))
        };
        with_all(known.ended_organisations.get(corp_id)) || with_all(known.ended_people.get(&(corp_id.clone(), user_id.clone())))
    }

    /// Whether the clock was ahead when `end` was stored in the file, so that it is yet to come, and `began` is a moment of this process,
    /// which has read it before. Otherwise nobody could log in until then. Sessions of earlier processes have ended all the same.
    fn was_stored_ahead(&self, end: Moment, began: Moment) -> bool {
        self.redis.is_none() && self.clock.age(end).is_none() && self.clock.has_made(began)
    }
}

/// Stores `before` unless a later moment is known: events may arrive in any order. One that is yet to come gives way, since it may not count
/// for what began here (see [`State::was_stored_ahead`]).
fn later<K: Thing>(clock: &Clock, ended: &mut Remembered<K, Moment>, key: K, before: Moment) {
    if ended.get(&key).is_none_or(|known| clock.is_before(*known, before) || clock.age(*known).is_none()) {
        ended.insert(key, before);
    }
}
