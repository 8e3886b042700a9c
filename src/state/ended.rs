//! Sessions that were ended: by themselves, with all of their person, with all of their organisation.

use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::journal::Journal;
use super::record::{Found, Record, Table};
use super::remembered::{Remembered, Seen};
use crate::dingtalk::{Clock, CorpId, Moment, UserId};

/// Tells sessions apart.
pub type SessionId = u128;

/// How long sessions live.
#[derive(Debug, Clone, Copy)]
pub struct Lives {
    /// When nobody uses them.
    pub idle: Duration,
    /// At most.
    pub lifetime: Duration,
}

/// What is known of sessions that were ended.
pub(super) struct Ended {
    memory: Mutex<Memory>,
    clock: Clock,
}

struct Memory {
    sessions: Seen<SessionId>,
    /// Those that began before then have ended.
    people: Remembered<(CorpId, UserId), Moment>,
    organisations: Remembered<CorpId, Moment>,
}

impl Ended {
    pub fn new(lives: Lives, found: &mut Found, clock: &Clock, journal: &Journal) -> Self {
        let memory = Memory {
            sessions: Seen::followed(Table::EndedSessions, lives, found, clock, journal),
            people: Remembered::followed(Table::EndedPeople, lives, found, clock, journal),
            organisations: Remembered::followed(Table::EndedOrganisations, lives, found, clock, journal),
        };
        Self { memory: Mutex::new(memory), clock: clock.clone() }
    }

    pub fn end(&self, id: SessionId) {
        self.memory().sessions.insert(id, ());
    }

    /// Ends the sessions of a person that began before then.
    pub fn end_person(&self, corp_id: CorpId, user_id: UserId, before: Moment) {
        self.later(&mut self.memory().people, (corp_id, user_id), before);
    }

    /// The same of everybody in an organisation.
    pub fn end_organisation(&self, corp_id: CorpId, before: Moment) {
        self.later(&mut self.memory().organisations, corp_id, before);
    }

    /// What was said first may be heard last.
    fn later<K>(&self, ended: &mut Remembered<K, Moment>, key: K, before: Moment)
    where
        K: Clone + Eq + Hash + Serialize + DeserializeOwned,
    {
        if ended.get(&key).is_none_or(|known| self.clock.is_before(*known, before)) {
            ended.insert(key, before);
        }
    }

    /// Learns what ended elsewhere.
    pub fn learn(&self, record: &Record) {
        let (mut memory, later) = (self.memory(), |known: &Moment, told: Moment| told.max(*known));
        match record.table {
            Table::EndedSessions => memory.sessions.learn(record, |_, ()| ()),
            Table::EndedPeople => memory.people.learn(record, later),
            Table::EndedOrganisations => memory.organisations.learn(record, later),
            _ => {}
        }
    }

    /// Gives everything to the journal again.
    pub fn give_all(&self) {
        let memory = self.memory();
        memory.sessions.give_all();
        memory.people.give_all();
        memory.organisations.give_all();
    }

    pub fn has_ended(&self, id: SessionId, corp_id: &CorpId, user_id: &UserId, began: Moment) -> bool {
        self.memory().sessions.get(&id).is_some() || self.is_over(corp_id, user_id, began)
    }

    pub fn is_over(&self, corp_id: &CorpId, user_id: &UserId, began: Moment) -> bool {
        let memory = self.memory();
        let with_all = |before: Option<&Moment>| before.is_some_and(|before| self.clock.is_before(began, *before));
        !memory.organisations.is_empty() && with_all(memory.organisations.get(corp_id))
            || !memory.people.is_empty() && with_all(memory.people.get(&(corp_id.clone(), user_id.clone())))
    }

    /// Each change under this lock is complete in itself, so it is whole even if a holder panicked.
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
