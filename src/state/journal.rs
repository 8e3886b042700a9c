//! Stores records on a thread of its own. To give it a change does not wait; whoever must know that it is stored can wait for that.
//!
//! Changes that arrive during a commit go into the next one. A commit that fails is tried again until it succeeds.

use std::collections::HashMap;
use std::error::Error;
use std::iter::once;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::claim::{CODE_LIVES, LOGIN_STATE_LIVES};
use crate::dingtalk::Clock;
use crate::dingtalk::events::REMEMBERED;

/// The kinds of things that are stored, each with a table of its own. Their names are stored, too, in files and in Redis: none may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Table {
    /// AuthCodes that went out.
    Codes,
    /// States of logins that succeeded.
    LoginStates,
    /// Exchanges of an authCode in which a login kept its place in the line.
    Exchanges,
    /// Sessions that were ended, by their ids.
    EndedSessions,
    /// When all sessions of a person were ended.
    EndedPeople,
    /// When all sessions of an organisation were ended.
    EndedOrganisations,
    /// The latest suite ticket.
    SuiteTicket,
    /// Which organisations have authorised, stopped or removed the app.
    Organisations,
    /// Events that were handled.
    Events,
}

impl Table {
    /// The tables that every process must know. What belongs into the others is taken with `State::claim`, which asks Redis.
    pub(super) const FOLLOWED: [Self; 6] =
        [Self::EndedSessions, Self::EndedPeople, Self::EndedOrganisations, Self::SuiteTicket, Self::Organisations, Self::Events];

    /// The name of the thing with this `key`, which is JSON. Equal things have equal names.
    pub(super) fn thing(self, key: &str) -> String {
        format!("{self:?} {key}")
    }

    /// Whether the table is stored for good: it has one row, or a few that change.
    pub(super) fn lasts(self) -> bool {
        matches!(self, Self::SuiteTicket | Self::Organisations)
    }

    /// Whether it says which sessions were ended.
    pub(super) fn ends_sessions(self) -> bool {
        matches!(self, Self::EndedSessions | Self::EndedPeople | Self::EndedOrganisations)
    }

    /// How long a thing is remembered. No session lives longer than `lifetime`. An ended session is remembered for at least as long as any
    /// copy of its cookie could be valid, whichever process's clock it was written by.
    pub(super) fn kept_for(self, lifetime: Duration) -> Duration {
        const ALWAYS: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
        match self {
            Self::EndedSessions | Self::EndedPeople | Self::EndedOrganisations => lifetime + Clock::SKEW,
            Self::Events => REMEMBERED + Clock::SKEW,
            Self::SuiteTicket | Self::Organisations => ALWAYS,
            Self::Codes => CODE_LIVES,
            Self::LoginStates | Self::Exchanges => LOGIN_STATE_LIVES + Clock::SKEW,
        }
    }
}

/// A stored row, its key and value as JSON. The names of fields are short because there are many rows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    #[serde(rename = "t")]
    pub table: Table,
    #[serde(rename = "k")]
    pub key: String,
    #[serde(rename = "v")]
    pub value: String,
    /// When the row expires, in Unix milliseconds.
    #[serde(rename = "u")]
    pub until: u64,
}

/// `value` as JSON. That does not fail: we store numbers, texts and what consists of them.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl Record {
    /// The name of the thing that this record is about.
    pub fn thing(&self) -> String {
        self.table.thing(&self.key)
    }
}

/// A change is not stored, or not yet. It counts all the same while this process lives, and storing it is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the state cannot be kept at the moment")]
pub struct NotStored;

/// Clones share one thread. Dropping the last clone waits until all changes are stored, or one commit has failed.
#[derive(Clone)]
pub(super) struct Journal(
    /// None if nothing is to be stored.
    Option<Arc<Writer>>,
);

struct Writer {
    /// Taken when this is dropped, which ends the thread.
    orders: Option<Sender<Order>>,
    failing: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Where changes are stored: a file, or Redis.
pub(super) trait Store: Send + 'static {
    /// Stores all these changes. The caller logs the error, once until it succeeds again.
    fn save(&mut self, changes: &Changes) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// Things by name, each with its new record; None removes it.
pub(super) type Changes = HashMap<String, Option<Record>>;

enum Order {
    Change(String, Option<Record>),
    /// Report when all changes that were given before are stored.
    Tell(oneshot::Sender<()>),
    /// Try a failed commit again now: it may succeed.
    Try,
}

/// What goes in one commit.
#[derive(Default)]
struct Tray {
    changes: Changes,
    waiting: Vec<oneshot::Sender<()>>,
}

impl Journal {
    /// How long [`Journal::kept`] waits at most.
    const TIMEOUT: Duration = Duration::from_millis(500);

    /// A journal that stores nothing.
    pub fn none() -> Self {
        Self(None)
    }

    /// A journal whose thread stores changes with `store`.
    pub fn of(store: impl Store) -> std::io::Result<Self> {
        let (orders, ordered) = channel();
        let failing = Arc::new(AtomicBool::new(false));
        let is_failing = Arc::clone(&failing);
        let thread = thread::Builder::new().name("state".to_owned()).spawn(move || write(&ordered, &is_failing, store))?;
        Ok(Self(Some(Arc::new(Writer { orders: Some(orders), failing, thread: Some(thread) }))))
    }

    /// Has the thread store `record`, or remove `thing` if it is None. Does not wait.
    pub fn give(&self, thing: String, record: Option<Record>) {
        self.order(Order::Change(thing, record));
    }

    /// Tries a failed commit again now, since it may succeed.
    pub fn try_now(&self) {
        self.order(Order::Try);
    }

    /// Waits until all changes given before are stored; an error after half a second. The future holds no clone of the journal.
    pub fn kept(&self) -> impl Future<Output = Result<(), NotStored>> + Send + use<> {
        let told = self.0.is_some().then(|| {
            let (tell, told) = oneshot::channel();
            self.order(Order::Tell(tell));
            told
        });
        async move {
            let Some(told) = told else { return Ok(()) };
            match tokio::time::timeout(Self::TIMEOUT, told).await {
                Ok(Ok(())) => Ok(()),
                _ => Err(NotStored),
            }
        }
    }

    /// Whether the last commit failed.
    pub fn is_failing(&self) -> bool {
        self.0.as_ref().is_some_and(|writer| writer.failing.load(Ordering::Relaxed))
    }

    fn order(&self, order: Order) {
        if let Some(orders) = self.0.as_ref().and_then(|writer| writer.orders.as_ref()) {
            // The thread receives orders for as long as this sender lives.
            drop(orders.send(order));
        }
    }
}

impl Tray {
    fn put(&mut self, order: Order) {
        match order {
            Order::Change(thing, record) => drop(self.changes.insert(thing, record)),
            Order::Tell(told) => self.waiting.push(told),
            Order::Try => {}
        }
    }

    /// Waits a second before the next attempt, and takes orders meanwhile. False if the journal was dropped: there is no next attempt.
    fn rest(&mut self, orders: &Receiver<Order>) -> bool {
        const PAUSE: Duration = Duration::from_secs(1);
        let until = Instant::now() + PAUSE;
        loop {
            // Nobody waits for a commit that fails: dropping the senders is their error.
            self.waiting.clear();
            match orders.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Order::Try) | Err(RecvTimeoutError::Timeout) => return true,
                Ok(order) => self.put(order),
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }
}

fn write(orders: &Receiver<Order>, failing: &AtomicBool, mut store: impl Store) {
    while let Ok(first) = orders.recv() {
        let mut tray = Tray::default();
        once(first).chain(orders.try_iter()).for_each(|order| tray.put(order));
        let mut commit = |changes: &Changes| if changes.is_empty() { Ok(()) } else { try_save(&mut store, changes) };
        while let Err(error) = commit(&tray.changes) {
            if !failing.swap(true, Ordering::Relaxed) {
                tracing::error!(%error, "the state cannot be kept: it would be lost with this process. It is tried again every second");
            }
            if !tray.rest(orders) {
                return;
            }
        }
        if failing.swap(false, Ordering::Relaxed) {
            tracing::info!("the state is kept again");
        }
        for told in tray.waiting {
            // The receiver may have been dropped.
            let _ = told.send(());
        }
    }
}

/// Makes a panic an error: the database library panics at some damaged files. The thread goes on, since the disk may be repaired.
fn try_save(store: &mut impl Store, changes: &Changes) -> Result<(), Box<dyn Error + Send + Sync>> {
    catch_unwind(AssertUnwindSafe(|| store.save(changes)))
        .unwrap_or_else(|_| Err("storing it panicked: if it is a file, that may be damaged".into()))
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            // The thread logs its own failures.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Panics once, as the database library does at a damaged file.
    struct PanicsOnce(bool);

    impl Store for PanicsOnce {
        fn save(&mut self, _: &Changes) -> Result<(), Box<dyn Error + Send + Sync>> {
            assert!(std::mem::replace(&mut self.0, true), "length ≥ layout");
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_keeper_that_panics_is_tried_again_as_one_that_fails() {
        let journal = Journal::of(PanicsOnce(false)).unwrap();
        journal.give("a thing".to_owned(), None);
        assert_eq!((journal.kept().await, journal.is_failing()), (Err(NotStored), true));
        journal.try_now();
        assert_eq!((journal.kept().await, journal.is_failing()), (Ok(()), false));
    }
}
