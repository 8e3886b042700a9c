//! The types for concurrency that `Refreshing` uses, as the model checker has them: before each use of one, any other task may go on.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, ready};

pub use shuttle::sync::MutexGuard;

/// A mutex that no panic poisons.
pub struct Mutex<T>(shuttle::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads and writes happen one after the other, in an order that the checker chooses.
pub struct ArcSwapOption<T>(Mutex<Option<Arc<T>>>);

impl<T> ArcSwapOption<T> {
    pub fn empty() -> Self {
        Self(Mutex::new(None))
    }

    pub fn load(&self) -> Option<Arc<T>> {
        self.0.lock().clone()
    }

    pub fn load_full(&self) -> Option<Arc<T>> {
        self.load()
    }

    pub fn store(&self, value: Option<Arc<T>>) {
        *self.0.lock() = value;
    }
}

/// Runs tasks as a runtime does: a panic ends the task it happens in and nothing else.
pub struct Handle;

impl Handle {
    pub fn current() -> Self {
        Self
    }

    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let mut future = Box::pin(future);
        JoinHandle(shuttle::future::spawn(poll_fn(move |context| {
            match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
                Ok(poll) => poll.map(Some),
                Err(_) => Poll::Ready(None),
            }
        })))
    }
}

pub struct JoinHandle<T>(shuttle::future::JoinHandle<Option<T>>);

/// The task panicked or was aborted.
pub struct Gone;

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, Gone>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let ended = ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(ended.ok().flatten().ok_or(Gone))
    }
}
