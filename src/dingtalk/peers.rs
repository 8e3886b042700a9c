//! What the processes that run one app share, so that together they are to DingTalk what one would be.

use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::time::Duration;

use secrecy::SecretString;

use super::Error;
use super::lease::Lease;

/// What an answer takes.
pub type Answering<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A credential, for whoever hands it on to other processes.
pub type Grant = Lease<SecretString>;

/// The processes that run the app, this one among them. One that is alone has nothing to agree on.
pub trait Peers: Send + Sync + 'static {
    /// The credential of this name that one of them has, if it is fresh and not `unwanted`. Else what `ask` brings, for all of them: only one
    /// asks at a time.
    fn credential<'a>(
        &'a self,
        _name: String,
        _unwanted: Option<SecretString>,
        ask: Answering<'a, Result<Grant, Error>>,
    ) -> Answering<'a, Result<Grant, Error>> {
        ask
    }

    /// Into how many parts each limit is divided, of which one is this process's, while they cannot agree. None: they can, by
    /// [`Peers::departures`].
    fn apart(&self) -> Option<NonZeroUsize> {
        Some(NonZeroUsize::MIN)
    }

    /// How many of the calls that wait here may leave now. None: nobody can be asked at the moment.
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
    After(Duration),
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
