//! The server stops: who hears of it, and what it still waits for.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// The end of the server. A handler takes it as `Data<Stopping>`.
pub struct Stopping {
    began: watch::Sender<Option<Instant>>,
    left: Mutex<JoinSet<()>>,
    /// Not that of a worker, which ends with its requests.
    runtime: Handle,
}

impl Stopping {
    /// Must be called in the runtime that is to carry what requests leave.
    #[expect(clippy::new_without_default, reason = "outside of a runtime there is none")]
    pub fn new() -> Self {
        Self { began: watch::Sender::new(None), left: Mutex::default(), runtime: Handle::current() }
    }

    /// Whether the server is about to stop.
    pub fn has_begun(&self) -> bool {
        self.began.borrow().is_some()
    }

    /// Ends when the server is told to stop. An answer that would go on for as long as somebody listens ends then, too: otherwise the stop
    /// waits eight seconds for it.
    pub async fn begins(&self) {
        // The sender is this very one.
        drop(self.began.subscribe().wait_for(Option::is_some).await);
    }

    /// Does `work` after the request has been answered. A server that stops waits for it until eight seconds after it was told to, and then
    /// cuts it off where it waits.
    pub fn waits_for(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut left = self.left.lock();
        while left.try_join_next().is_some() {}
        left.spawn_on(work, &self.runtime);
    }

    /// The server is told to stop.
    pub fn begin(&self) {
        self.began.send_replace(Some(Instant::now()));
    }

    /// Waits for what requests have left, until so long after the beginning.
    pub async fn end(&self, grace: Duration) {
        let began = self.began.borrow().unwrap_or_else(Instant::now);
        let last = async {
            loop {
                let mut left = std::mem::take(&mut *self.left.lock());
                if left.is_empty() {
                    break;
                }
                // It may leave something itself.
                while left.join_next().await.is_some() {}
            }
        };
        drop(timeout_at(began + grace, last).await);
    }
}
