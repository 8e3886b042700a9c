//! What every process must know of, such as which sessions were ended: changed here or learnt from the others, and looked up in memory.

use std::cmp::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::State;
use super::heard::Decisions;
use super::journal::{Journal, NotStored, Record, Table};
use super::remembered::{Learnt, Remembered, Seen, Thing};
use crate::dingtalk::{Clock, CorpId, Moment, UserId};

/// Tells sessions apart.
pub type SessionId = u128;

/// The tables that every process follows, whichever process changes them.
pub(super) struct Tables {
    known: Mutex<Known>,
    clock: Clock,
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
        Arc::new(Self { known: Mutex::new(known), clock: clock.clone(), journal })
    }

    /// Learns a record that another process has published.
    pub fn learn(&self, record: &Record) -> Learnt {
        let later = |known: &Moment, age, told| if against(&self.clock, told, (known, age)).is_gt() { told } else { *known };
        let mut known = self.known();
        match record.table {
            Table::EndedSessions => known.ended_sessions.learn(record, |_, _, ()| ()),
            Table::EndedPeople => known.ended_people.learn(record, later),
            Table::EndedOrganisations => known.ended_organisations.learn(record, later),
            Table::SuiteTicket => known.suite_ticket.learn(record, |known, _, told| told.max(known.clone())),
            Table::Organisations => known.organisations.learn(record, |known, _, told| known.and(told)),
            Table::Events => known.events.learn(record, |_, _, ()| ()),
            Table::Codes | Table::LoginStates | Table::Exchanges => Learnt::Nothing,
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
        insert_if_later(&self.clock, &mut self.tables.known().ended_people, (corp_id, user_id), before);
    }

    /// The same of everybody in an organisation.
    pub fn end_sessions_of_organisation(&self, corp_id: CorpId, before: Moment) {
        insert_if_later(&self.clock, &mut self.tables.known().ended_organisations, corp_id, before);
    }

    /// Whether a session was ended: alone, or with all those of its person or organisation.
    pub fn has_ended(&self, id: SessionId, corp_id: &CorpId, user_id: &UserId, began: Moment) -> bool {
        self.tables.known().ended_sessions.get(&id).is_some() || self.is_over(corp_id, user_id, began)
    }

    /// Whether a session of this person that began then would be over.
    pub fn is_over(&self, corp_id: &CorpId, user_id: &UserId, began: Moment) -> bool {
        let known = self.tables.known();
        let is_before = |end: End<'_>| against(&self.clock, began, end).is_lt();
        known.ended_organisations.get_with_age(corp_id).is_some_and(is_before)
            || known.ended_people.get_with_age(&(corp_id.clone(), user_id.clone())).is_some_and(is_before)
    }
}

/// When sessions ended, and for how long that has been known.
type End<'a> = (&'a Moment, Duration);

/// How `moment` compares with an end. An end that is yet to come was stored by a clock that was ahead: until then it counts from when it
/// was known, or nobody could log in. A `moment` that is yet to come counts as now.
fn against(clock: &Clock, moment: Moment, (end, known_for): End<'_>) -> Ordering {
    let now = clock.moment();
    let ended_ago = clock.age_at(now, *end).filter(|ago| !ago.is_zero()).unwrap_or(known_for);
    ended_ago.cmp(&clock.age_at(now, moment).unwrap_or_default())
}

/// Stores `before` unless a later moment is known: events may arrive in any order.
fn insert_if_later<K: Thing>(clock: &Clock, ended: &mut Remembered<K, Moment>, key: K, before: Moment) {
    if ended.get_with_age(&key).is_none_or(|known| against(clock, before, known).is_gt()) {
        ended.insert(key, before);
    }
}
