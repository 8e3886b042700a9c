//! The stop of the server: how handlers learn of it, and the background work that it still waits for.

use std::future::poll_fn;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// Says when the server stops, and runs work that may outlast its request. A handler takes it as `Data<Stopping>`; for the app's tasks see
/// [`App::stopping`](super::App).
pub struct Stopping {
    began: watch::Sender<Option<Instant>>,
    background: Mutex<JoinSet<()>>,
    /// Runs that work. It is not the runtime of a worker, which ends with the worker's requests.
    runtime: Handle,
}

impl Stopping {
    /// Must be called in the runtime that is to run the work given to [`Stopping::waits_for`].
    #[expect(clippy::new_without_default, reason = "outside of a runtime there is none")]
    pub fn new() -> Self {
        Self { began: watch::Sender::new(None), background: Mutex::default(), runtime: Handle::current() }
    }

    /// Whether the server is about to stop.
    pub fn has_begun(&self) -> bool {
        self.began.borrow().is_some()
    }

    /// Returns when the server is told to stop. A response without an end, such as server-sent events, has to end then: otherwise the stop
    /// waits eight seconds for it.
    pub async fn begins(&self) {
        // This fails only when the sender is dropped, and `self` has it.
        drop(self.began.subscribe().wait_for(Option::is_some).await);
    }

    /// Runs `work` in the background, so that the request can be answered before `work` ends. A server that stops waits for it until eight
    /// seconds after the stop began, and then aborts it at an `.await`.
    pub fn waits_for(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut background = self.background.lock();
        while background.try_join_next().is_some() {}
        background.spawn_on(work, &self.runtime);
    }

    /// Says that the server stops: [`Stopping::begins`] returns.
    pub fn begin(&self) {
        self.began.send_replace(Some(Instant::now()));
    }

    /// Waits for the work given to [`Stopping::waits_for`], until `grace` after the stop began.
    pub async fn end(&self, grace: Duration) {
        let began = self.began.borrow().unwrap_or_else(Instant::now);
        // Meanwhile the work may itself add more work.
        let all = async { while poll_fn(|context| self.background.lock().poll_join_next(context)).await.is_some() {} };
        drop(timeout_at(began + grace, all).await);
        self.background.lock().abort_all();
    }
}
