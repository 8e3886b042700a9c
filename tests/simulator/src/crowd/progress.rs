//! The progress of a crowd.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};

use super::visitor::Failure;

/// How many people of a crowd have come, have logged in or have failed.
#[derive(Debug)]
pub struct Progress {
    people: usize,
    arrived: AtomicUsize,
    logged_in: AtomicUsize,
    failures: Mutex<BTreeMap<String, usize>>,
    /// How many calls the rate limit had refused before the crowd came.
    refused_before: u64,
    began: Instant,
    ended: OnceLock<Instant>,
}

impl Progress {
    pub fn new(people: usize, refused_before: u64) -> Self {
        Self {
            people,
            arrived: AtomicUsize::new(0),
            logged_in: AtomicUsize::new(0),
            failures: Mutex::default(),
            refused_before,
            began: Instant::now(),
            ended: OnceLock::new(),
        }
    }

    pub fn arrives(&self) {
        self.arrived.fetch_add(1, Ordering::Relaxed);
    }

    pub fn ends(&self, login: Result<(), Failure>) {
        match login {
            Ok(()) => {
                self.logged_in.fetch_add(1, Ordering::Relaxed);
            }
            Err(failure) => {
                *self.failures.lock().unwrap_or_else(PoisonError::into_inner).entry(failure.to_string()).or_default() += 1
            }
        }
        if self.logged_in.load(Ordering::Relaxed) + self.failed() == self.people {
            self.ended.get_or_init(Instant::now);
        }
    }

    pub fn is_over(&self) -> bool {
        self.ended.get().is_some()
    }

    fn failed(&self) -> usize {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    pub fn state(&self, refused: u64) -> Value {
        let [arrived, logged_in] = [&self.arrived, &self.logged_in].map(|count| count.load(Ordering::Relaxed));
        let failed = self.failed();
        let until = self.ended.get().copied().unwrap_or_else(Instant::now);
        json!({
            "people": self.people,
            "coming": self.people - arrived,
            "waiting": arrived.saturating_sub(logged_in + failed),
            "in": logged_in,
            "failed": failed,
            "failures": *self.failures.lock().unwrap_or_else(PoisonError::into_inner),
            "refusedCalls": refused.saturating_sub(self.refused_before),
            "seconds": until.duration_since(self.began).as_secs(),
            "over": self.is_over(),
        })
    }
}
