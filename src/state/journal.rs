//! Keeps what it is given, on a thread of its own: whoever gives it does not wait, and whoever must know that it is kept can.
//!
//! What comes while one commit is under way goes with the next. What could not be kept is tried again until it is.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

use super::record::{Key, Record};

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
    desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
}

/// What keeps them.
pub(super) trait Keeper: Send + 'static {
    /// Keeps all these changes; that it fails is logged once, with what is said here of that.
    fn keep(&mut self, changes: &Changes) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// Where changes lie until they are kept.
struct Desk {
    tray: Mutex<Tray>,
    more: Condvar,
    progress: watch::Sender<Progress>,
}

#[derive(Default)]
struct Tray {
    /// None removes.
    changes: Changes,
    given: u64,
    /// What failed is tried again without a pause.
    now: bool,
    closing: bool,
}

/// What becomes of things. None removes.
pub(super) type Changes = HashMap<Key, Option<Record>>;

#[derive(Clone, Copy, Default)]
struct Progress {
    kept: u64,
    failing: bool,
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
        let desk = Arc::new(Desk { tray: Mutex::default(), more: Condvar::new(), progress: watch::Sender::default() });
        let writer = Arc::clone(&desk);
        let thread = thread::Builder::new().name("state".to_owned()).spawn(move || write(&writer, keeper))?;
        Ok(Self(Some(Arc::new(Writer { desk, thread: Some(thread) }))))
    }

    /// Begins to keep `record`, or to forget what `key` is.
    pub fn give(&self, key: Key, record: Option<Record>) {
        let Some(Writer { desk, .. }) = self.0.as_deref() else { return };
        let mut tray = desk.tray.lock();
        tray.changes.insert(key, record);
        tray.given += 1;
        drop(tray);
        desk.more.notify_one();
    }

    /// Says that what failed may succeed now.
    pub fn try_now(&self) {
        let Some(Writer { desk, .. }) = self.0.as_deref() else { return };
        desk.tray.lock().now = true;
        desk.more.notify_one();
    }

    /// Ends when all that was given before is kept, in half a second at most.
    pub async fn kept(&self) -> Result<(), NotKept> {
        let Some(Writer { desk, .. }) = self.0.as_deref() else { return Ok(()) };
        let (given, mut progress) = (desk.tray.lock().given, desk.progress.subscribe());
        let kept = progress.wait_for(|progress| progress.kept >= given || progress.failing);
        match tokio::time::timeout(Self::PATIENCE, kept).await {
            Ok(Ok(progress)) if progress.kept >= given => Ok(()),
            _ => Err(NotKept),
        }
    }

    /// Whether the last commit failed.
    pub fn is_failing(&self) -> bool {
        self.0.as_ref().is_some_and(|writer| writer.desk.progress.borrow().failing)
    }
}

impl Desk {
    /// All that lies there, when something does. None at the end.
    fn next(&self) -> Option<(Changes, u64)> {
        let waits = |tray: &mut Tray| tray.changes.is_empty() && !tray.closing;
        let mut tray = self.tray.lock();
        self.more.wait_while(&mut tray, waits);
        let changes = std::mem::take(&mut tray.changes);
        (!changes.is_empty()).then_some((changes, tray.given))
    }

    /// Puts back what was not kept, unless it has changed again, and waits a second. Whether there is any sense in trying again.
    fn put_back(&self, changes: Changes) -> bool {
        const PAUSE: Duration = Duration::from_secs(1);
        let mut tray = self.tray.lock();
        for (key, record) in changes {
            tray.changes.entry(key).or_insert(record);
        }
        tray.now = false;
        let waits = |tray: &mut Tray| !tray.closing && !tray.now;
        self.more.wait_while_for(&mut tray, waits, PAUSE);
        !tray.closing
    }
}

fn write(desk: &Desk, mut keeper: impl Keeper) {
    while let Some((changes, given)) = desk.next() {
        match keeper.keep(&changes) {
            Ok(()) => {
                let was = desk.progress.send_replace(Progress { kept: given, failing: false });
                if was.failing {
                    tracing::info!("the state is kept again");
                }
            }
            Err(error) => {
                let said_before = desk.progress.borrow().failing;
                desk.progress.send_modify(|progress| progress.failing = true);
                if !said_before {
                    tracing::error!(%error, "the state cannot be kept: it would be lost with this process. It is tried again every second");
                }
                if !desk.put_back(changes) {
                    return;
                }
            }
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.desk.tray.lock().closing = true;
        self.desk.more.notify_one();
        if let Some(thread) = self.thread.take() {
            // It logs its own failures.
            drop(thread.join());
        }
    }
}
