//! What the client leaves to others: what the processes that run one app share, so that together they are to DingTalk what one would be,
//! and what they know of its organisations.

use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::time::Duration;

use secrecy::SecretString;

use super::pace::Sharing;
use super::refreshing::Lease;
use super::{AgentId, CorpId, Error, SuiteTicket};

/// What an answer takes.
pub type Answering<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A credential, for whoever hands it on to other processes.
pub type Grant = Lease<SecretString>;

/// A credential that is needed.
#[derive(Debug)]
pub struct Needed {
    /// What all processes call it.
    pub name: String,
    /// One that is not wanted back.
    pub unwanted: Option<SecretString>,
    /// No value is used for longer than that, however often it is granted again.
    pub oldest: Option<Duration>,
}

/// The processes that run the app, this one among them. One that is alone has nothing to agree on.
pub trait Peers: Send + Sync + 'static {
    /// Ends when it is known what the others have told, or when that is no longer waited for.
    fn are_heard(&self) -> Answering<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    /// The credential that one of them has, if it is fresh. Else what `ask` brings, for all of them: only one asks at a time.
    fn credential<'a>(&'a self, _: Needed, ask: Answering<'a, Result<Grant, Error>>) -> Answering<'a, Result<Grant, Error>> {
        ask
    }

    /// How they share each limit at the moment.
    fn sharing(&self) -> Sharing {
        Sharing::Apart(NonZeroUsize::MIN)
    }

    /// How many of the calls that wait here may leave now, where they agree on that. None: nobody can be asked at the moment.
    fn departures<'a>(&'a self, _: Departing<'a>) -> Answering<'a, Option<Departures>> {
        Box::pin(std::future::ready(None))
    }

    /// Says what became of a call that was let leave, when that is not what was expected of it. Nobody waits for this.
    fn note(&self, _line: &str, _leave: Leave, _outcome: Outcome) {}
}

/// Calls that would leave.
#[derive(Debug, Clone, Copy)]
pub struct Departing<'a> {
    /// Of which API, and of whose calls.
    pub line: &'a str,
    /// So many.
    pub wanted: usize,
    /// So many may leave in a second, all processes together.
    pub per_second: usize,
    /// When the first of them arrived, in Unix milliseconds.
    pub since: u64,
}

/// What they may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departures {
    /// So many leave now, by the leaves of this number.
    Now(usize, u64),
    /// None yet: ask again after this.
    After {
        /// So long.
        wait: Duration,
        /// So many processes have calls that wait, this one among them.
        waiting: usize,
    },
}

/// One call's leave to go: the number of the question, and which of those it was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leave(pub u64, pub usize);

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It did not go.
    Stayed,
    /// DingTalk may have seen it so much later than others.
    Late(Duration),
    /// DingTalk has refused it, since there were too many; it may have been late, too.
    Refused(Duration),
}

/// The memory of what a third-party app learns about its organisations, from events and from asking. It is asked in the middle of requests,
/// so it answers at once.
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
        /// When it last authorised or restored the app, in Unix milliseconds: what was held before is worth nothing. 0 if neither was heard.
        since: u64,
    },
    /// Its administrator has stopped the app.
    Stopped,
    /// It has the app no longer.
    Relieved,
}
