//! Sessions that were ended: by themselves, with all of their person, with all of their organisation.

use std::time::Duration;

use super::State;
use super::remembered::{Remembered, Thing};
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

    /// Whether a session was ended, by whatever.
    pub fn has_ended(&self, id: SessionId, corp_id: &CorpId, user_id: &UserId, began: Moment) -> bool {
        self.tables.known().ended_sessions.get(&id).is_some() || self.is_over(corp_id, user_id, began)
    }

    /// Whether a session of this person that began then would be over.
    pub fn is_over(&self, corp_id: &CorpId, user_id: &UserId, began: Moment) -> bool {
        let known = self.tables.known();
        let with_all = |before: Option<&Moment>| before.is_some_and(|before| self.clock.is_before(began, *before));
        with_all(known.ended_organisations.get(corp_id))
            || !known.ended_people.is_empty() && with_all(known.ended_people.get(&(corp_id.clone(), user_id.clone())))
    }
}

/// What was said first may be heard last.
fn later<K: Thing>(clock: &Clock, ended: &mut Remembered<K, Moment>, key: K, before: Moment) {
    if ended.get(&key).is_none_or(|known| clock.is_before(*known, before)) {
        ended.insert(key, before);
    }
}
