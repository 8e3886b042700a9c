//! What a third-party app learns about its organisations from events, and from asking.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{AgentId, CorpId, SuiteTicket};

/// The memory of that. It is asked in the middle of requests, so it answers at once.
pub trait Authorisations: Send + Sync + 'static {
    /// The latest suite ticket: a newer one is the end of the one before ("Suite ticket push events").
    fn suite_ticket(&self) -> Option<SuiteTicket>;

    /// How the app stands with an organisation.
    fn of(&self, corp_id: &CorpId) -> Authorisation;

    /// DingTalk says that this organisation has authorised the app, which is called so there if that was asked. For one of which something
    /// else was heard that is no news: the answer may be older.
    fn found(&self, corp_id: &CorpId, agent_id: Option<AgentId>);
}

/// How an app stands with an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorisation {
    /// Nothing was heard. It may have authorised the app before anybody listened: asking tells.
    Unknown,
    /// Its people use the app.
    Granted {
        /// What the app is called there, if it is known.
        agent_id: Option<AgentId>,
        /// Another number each time that it authorises or restores the app: what was held before is worth nothing then.
        turn: u64,
    },
    /// Its administrator has stopped the app.
    Stopped,
    /// It has the app no longer.
    Relieved,
}

/// Lost when the program ends.
#[derive(Default)]
pub struct InMemory(Mutex<Heard>);

#[derive(Default)]
struct Heard {
    suite_ticket: Option<SuiteTicket>,
    organisations: HashMap<CorpId, Authorisation>,
}

impl InMemory {
    /// A suite ticket has come.
    pub fn hear_suite_ticket(&self, ticket: SuiteTicket) {
        self.heard().suite_ticket = Some(ticket);
    }

    /// An organisation has decided about the app.
    pub fn hear(&self, corp_id: CorpId, authorisation: Authorisation) {
        self.heard().organisations.insert(corp_id, authorisation);
    }

    /// Whole even if a holder panicked: nothing is changed that could be half done.
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Authorisations for InMemory {
    fn suite_ticket(&self) -> Option<SuiteTicket> {
        self.heard().suite_ticket.clone()
    }

    fn of(&self, corp_id: &CorpId) -> Authorisation {
        self.heard().organisations.get(corp_id).cloned().unwrap_or(Authorisation::Unknown)
    }

    fn found(&self, corp_id: &CorpId, agent_id: Option<AgentId>) {
        let mut heard = self.heard();
        match heard.organisations.get_mut(corp_id) {
            None | Some(Authorisation::Unknown) => {
                heard.organisations.insert(corp_id.clone(), Authorisation::Granted { agent_id, turn: 0 });
            }
            Some(Authorisation::Granted { agent_id: known, .. }) => *known = agent_id.or(known.take()),
            Some(Authorisation::Stopped | Authorisation::Relieved) => {}
        }
    }
}
