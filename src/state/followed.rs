//! What every process must know of: changed here or learnt from the others, and looked up in memory.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::ended::{Lives, SessionId};
use super::heard::Decisions;
use super::journal::Journal;
use super::record::{Record, Table};
use super::remembered::{Remembered, Seen};
use crate::dingtalk::{Clock, CorpId, Moment, UserId};

/// What is followed, wherever it happens.
pub(super) struct Tables {
    known: Mutex<Known>,
    pub journal: Journal,
}

/// All that is known of it.
pub(super) struct Known {
    pub ended_sessions: Seen<SessionId>,
    /// Sessions of theirs that began before then have ended.
    pub ended_people: Remembered<(CorpId, UserId), Moment>,
    pub ended_organisations: Remembered<CorpId, Moment>,
    /// With the time from which it counts.
    pub suite_ticket: Remembered<(), (u64, String)>,
    pub organisations: Remembered<CorpId, Decisions>,
    pub events: Seen<[u8; 16]>,
}

impl Tables {
    pub fn new(lives: Lives, found: &mut Vec<Record>, clock: &Clock, journal: Journal) -> Arc<Self> {
        let known = Known {
            ended_sessions: Seen::followed(Table::EndedSessions, lives, found, clock, &journal),
            ended_people: Remembered::followed(Table::EndedPeople, lives, found, clock, &journal),
            ended_organisations: Remembered::followed(Table::EndedOrganisations, lives, found, clock, &journal),
            suite_ticket: Remembered::followed(Table::SuiteTicket, lives, found, clock, &journal),
            organisations: Remembered::followed(Table::Organisations, lives, found, clock, &journal),
            events: Seen::followed(Table::Events, lives, found, clock, &journal),
        };
        Arc::new(Self { known: Mutex::new(known), journal })
    }

    /// Learns what another process has told.
    pub fn learn(&self, record: &Record) {
        let (mut known, later) = (self.known(), |known: &Moment, told: Moment| told.max(*known));
        match record.table {
            Table::EndedSessions => known.ended_sessions.learn(record, |_, ()| ()),
            Table::EndedPeople => known.ended_people.learn(record, later),
            Table::EndedOrganisations => known.ended_organisations.learn(record, later),
            Table::SuiteTicket => known.suite_ticket.learn(record, |known, told| told.max(known.clone())),
            Table::Organisations => known.organisations.learn(record, Decisions::and),
            Table::Events => known.events.learn(record, |_, ()| ()),
            Table::Codes | Table::LoginStates | Table::Exchanges => {}
        }
    }

    /// Gives everything to the journal again.
    pub fn give_all(&self) {
        let known = self.known();
        known.ended_sessions.give_all();
        known.ended_people.give_all();
        known.ended_organisations.give_all();
        known.suite_ticket.give_all();
        known.organisations.give_all();
        known.events.give_all();
    }

    pub fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock()
    }
}
