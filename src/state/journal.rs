//! What is kept of things, and a thread of its own that keeps it: whoever gives it does not wait, and whoever must know that it is kept can.
//!
//! What comes while one commit is under way goes with the next. What could not be kept is tried again until it is.

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

use crate::dingtalk::Clock;
use crate::dingtalk::events::REMEMBERED;

/// What kind of thing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// AuthCodes that went out.
    Codes,
    /// States of logins that succeeded.
    LoginStates,
    /// Exchanges in which a login kept its order.
    Exchanges,
    /// Sessions that were ended, by their ids.
    EndedSessions,
    /// When all sessions of a person were ended.
    EndedPeople,
    /// When all sessions of an organisation were ended.
    EndedOrganisations,
    /// The one that counts.
    SuiteTicket,
    /// How the app stands with organisations.
    Organisations,
    /// Events that were heard.
    Events,
}

impl Table {
    /// What every process must know of. The others are taken, and known to whoever asks.
    pub(super) const FOLLOWED: [Self; 6] =
        [Self::EndedSessions, Self::EndedPeople, Self::EndedOrganisations, Self::SuiteTicket, Self::Organisations, Self::Events];

    /// The name of the thing with this key, as JSON. Equal things have equal names.
    pub(super) fn thing(self, key: &str) -> String {
        format!("{self:?} {key}")
    }

    /// Kept for good, since it is one thing or a few that change.
    pub(super) fn lasts(self) -> bool {
        matches!(self, Self::SuiteTicket | Self::Organisations)
    }

    /// How long a thing is remembered, by the life of what it is about: a code, or a session. An ended session is remembered for at least as
    /// long as any copy of its cookie could hold, by whichever clock that was written.
    pub(super) fn kept_for(self, life: Duration) -> Duration {
        const ALWAYS: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
        match self {
            Self::EndedSessions | Self::EndedPeople | Self::EndedOrganisations => life + Clock::SKEW,
            Self::Events => REMEMBERED + Clock::SKEW,
            Self::SuiteTicket | Self::Organisations => ALWAYS,
            Self::Codes | Self::LoginStates | Self::Exchanges => life,
        }
    }
}

/// What is kept of it, key and value as JSON. The names are short because there are many.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    #[serde(rename = "t")]
    pub table: Table,
    #[serde(rename = "k")]
    pub key: String,
    #[serde(rename = "v")]
    pub value: String,
    /// Unix milliseconds.
    #[serde(rename = "u")]
    pub until: u64,
}

/// As it is kept. What we keep are numbers, texts and lists of them, which all have a form in JSON.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl Record {
    /// Which thing it is of.
    pub fn thing(&self) -> String {
        self.table.thing(&self.key)
    }
}

/// What was given is not kept, or not yet. It counts all the same while this process lives, and is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the state cannot be kept at the moment")]
pub struct NotKept;

/// Clones share it. What was given is kept before the last of them is gone.
#[derive(Clone)]
pub(super) struct Journal(
    /// None where everything ends with the process anyway.
    Option<Arc<Writer>>,
);

struct Writer {
    /// Until it ends.
    orders: Option<Sender<Order>>,
    failing: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What keeps them.
pub(super) trait Keeper: Send + 'static {
    /// Keeps all these changes; that it fails is logged once, with what is said here of that.
    fn keep(&mut self, changes: &Changes) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// What becomes of things. None removes.
pub(super) type Changes = HashMap<String, Option<Record>>;

enum Order {
    Change(String, Option<Record>),
    /// Somebody waits until all that was given before is kept.
    Tell(oneshot::Sender<()>),
    /// What failed may succeed now.
    Try,
}

/// What goes in one commit.
#[derive(Default)]
struct Tray {
    changes: Changes,
    waiting: Vec<oneshot::Sender<()>>,
}

impl Journal {
    /// Nobody's answer waits longer.
    const PATIENCE: Duration = Duration::from_millis(500);

    /// Keeps nothing.
    pub fn none() -> Self {
        Self(None)
    }

    /// Has a thread of its own keep what comes.
    pub fn of(keeper: impl Keeper) -> std::io::Result<Self> {
        let ((orders, ordered), failing) = (channel(), Arc::new(AtomicBool::new(false)));
        let is_failing = Arc::clone(&failing);
        let thread = thread::Builder::new().name("state".to_owned()).spawn(move || write(&ordered, &is_failing, keeper))?;
        Ok(Self(Some(Arc::new(Writer { orders: Some(orders), failing, thread: Some(thread) }))))
    }

    /// Begins to keep `record`, or to forget `thing`.
    pub fn give(&self, thing: String, record: Option<Record>) {
        self.order(Order::Change(thing, record));
    }

    /// Says that what failed may succeed now.
    pub fn try_now(&self) {
        self.order(Order::Try);
    }

    /// Ends when all that was given before is kept, in half a second at most. What it returns is no clone.
    pub fn kept(&self) -> impl Future<Output = Result<(), NotKept>> + Send + use<> {
        let told = self.0.is_some().then(|| {
            let (tell, told) = oneshot::channel();
            self.order(Order::Tell(tell));
            told
        });
        async move {
            let Some(told) = told else { return Ok(()) };
            match tokio::time::timeout(Self::PATIENCE, told).await {
                Ok(Ok(())) => Ok(()),
                _ => Err(NotKept),
            }
        }
    }

    /// Whether the last commit failed.
    pub fn is_failing(&self) -> bool {
        self.0.as_ref().is_some_and(|writer| writer.failing.load(Ordering::Relaxed))
    }

    fn order(&self, order: Order) {
        if let Some(orders) = self.0.as_ref().and_then(|writer| writer.orders.as_ref()) {
            // It hears all orders before it ends.
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

    /// Lies for a second, and fills meanwhile. Whether there is any sense in trying again.
    fn rest(&mut self, orders: &Receiver<Order>) -> bool {
        const PAUSE: Duration = Duration::from_secs(1);
        let until = Instant::now() + PAUSE;
        loop {
            // Nobody waits for what fails.
            self.waiting.clear();
            match orders.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Order::Try) | Err(RecvTimeoutError::Timeout) => return true,
                Ok(order) => self.put(order),
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }
}

fn write(orders: &Receiver<Order>, failing: &AtomicBool, mut keeper: impl Keeper) {
    while let Ok(first) = orders.recv() {
        let mut tray = Tray::default();
        once(first).chain(orders.try_iter()).for_each(|order| tray.put(order));
        let mut keep = |changes: &Changes| if changes.is_empty() { Ok(()) } else { kept_by(&mut keeper, changes) };
        while let Err(error) = keep(&tray.changes) {
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
            // Whoever waited may have gone.
            let _ = told.send(());
        }
    }
}

/// The library panics at some files that are not as it left them. The thread goes on: a disk may be mended.
fn kept_by(keeper: &mut impl Keeper, changes: &Changes) -> Result<(), Box<dyn Error + Send + Sync>> {
    catch_unwind(AssertUnwindSafe(|| keeper.keep(changes))).unwrap_or_else(|_| Err("the file is not as it was left".into()))
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            // It logs its own failures.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the library does at a file that is not as it left it.
    struct PanicsOnce(bool);

    impl Keeper for PanicsOnce {
        fn keep(&mut self, _: &Changes) -> Result<(), Box<dyn Error + Send + Sync>> {
            assert!(std::mem::replace(&mut self.0, true), "length ≥ layout");
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_keeper_that_panics_is_tried_again_as_one_that_fails() {
        let journal = Journal::of(PanicsOnce(false)).unwrap();
        journal.give("a thing".to_owned(), None);
        assert_eq!((journal.kept().await, journal.is_failing()), (Err(NotKept), true));
        journal.try_now();
        assert_eq!((journal.kept().await, journal.is_failing()), (Ok(()), false));
    }
}
