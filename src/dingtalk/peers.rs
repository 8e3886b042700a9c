//! What the client needs from outside: what the processes of one app share, so that together they look to DingTalk like one process, and
//! what is stored about the app's organisations.

use std::num::NonZeroUsize;
use std::time::Duration;

use futures_util::future::BoxFuture;
use secrecy::SecretString;

use super::pace::Sharing;
use super::refreshing::Lease;
use super::{AgentId, CorpId, Error, SuiteTicket};

/// A credential in the form in which it is passed on to other processes.
pub type Grant = Lease<SecretString>;

/// A credential that is needed.
#[derive(Debug)]
pub struct Needed {
    /// The credential's name, the same in all processes.
    pub name: String,
    /// The value that was rejected or doubted, which is not wanted again.
    pub unwanted: Option<SecretString>,
    /// No value is used for longer than this since it was first seen, however often it is granted again.
    pub oldest: Option<Duration>,
}

/// The processes that run the app, this one among them. The default methods are those of a process that runs alone, without a state.
pub trait Peers: Send + Sync + 'static {
    /// Waits until this process has read what the others have published, or until it has waited long enough.
    fn until_heard(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    /// The credential that one of the processes has, if it is fresh; else what `ask` brings, stored for all of them. Only one process
    /// asks at a time.
    fn credential<'a>(&'a self, _: Needed, ask: BoxFuture<'a, Result<Grant, Error>>) -> BoxFuture<'a, Result<Grant, Error>> {
        ask
    }

    /// How they share each limit at the moment.
    fn sharing(&self) -> Sharing {
        Sharing::Apart(NonZeroUsize::MIN)
    }

    /// Permits for calls that wait here, where the processes agree on each call. None: the others cannot be reached now.
    fn permits<'a>(&'a self, _: PermitRequest<'a>) -> BoxFuture<'a, Option<PermitAnswer>> {
        Box::pin(std::future::ready(None))
    }

    /// Reports what became of a permitted call, if it was not sent, was late or was refused. Nobody waits for this.
    fn note(&self, _line: &str, _permit: Permit, _used: PermitUse) {}
}

/// Calls that want to leave.
#[derive(Debug, Clone, Copy)]
pub struct PermitRequest<'a> {
    /// The name of their line: the organisation and the API.
    pub line: &'a str,
    /// How many they are.
    pub wanted: usize,
    /// How many may leave in a second, of all processes together.
    pub per_second: usize,
    /// When the first of them arrived, in Unix milliseconds.
    pub since: u64,
}

/// Whether they may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PermitAnswer {
    /// Now.
    Granted {
        /// How many of them.
        calls: usize,
        /// The number of the request.
        request: u64,
    },
    /// None yet.
    NotYet {
        /// How long to wait before asking again.
        wait: Duration,
        /// How many processes have calls that wait, this one among them.
        waiting_processes: usize,
    },
}

/// The permit of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit {
    /// The number of the request that it answers.
    pub request: u64,
    /// The index of the call among those that were permitted.
    pub nth: usize,
}

/// What became of a permitted call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PermitUse {
    /// It was not sent.
    NotSent,
    /// It may have reached DingTalk this much later than other calls do.
    Late(Duration),
    /// DingTalk refused it because there were too many calls; it may have been late too, by this much.
    Refused(Duration),
}

/// Stores what a third-party app learns about its organisations, from events and from calls. Its methods are called in the middle of
/// requests, so they must not wait for anything.
pub trait Authorisations: Send + Sync + 'static {
    /// The latest suite ticket: a newer one invalidates the one before ("Suite ticket push events").
    fn suite_ticket(&self) -> Option<SuiteTicket>;

    /// The organisations that are known to have the app, and have not stopped it.
    fn corp_ids(&self) -> Vec<CorpId>;

    /// How the app stands with an organisation.
    fn of(&self, corp_id: &CorpId) -> Authorisation;

    /// A call has shown that this organisation has authorised the app, and its AgentId there, if that was asked for. An event that has
    /// said something else takes precedence: the answer may be older.
    fn found(&self, corp_id: &CorpId, agent_id: Option<AgentId>);
}

/// How an app stands with an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorisation {
    /// Nothing is known. It may have authorised the app before this server received events: a call to DingTalk shows that.
    Unknown,
    /// Its people use the app.
    Granted {
        /// The app's AgentId there, if it is known.
        agent_id: Option<AgentId>,
        /// When it last authorised or restored the app, in Unix milliseconds: credentials from before that are worthless. 0 if no event
        /// has said so.
        since: u64,
    },
    /// Its administrator has stopped the app.
    Stopped,
    /// It has the app no longer.
    Relieved,
}
