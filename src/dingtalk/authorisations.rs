//! What a third-party app learns about its organisations from events, and from asking.

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
