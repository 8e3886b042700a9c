//! Things that may be used once, taken over all processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::record::Key;
use super::redis::{Redis, Taken};
use super::{State, Unavailable};

/// A thing to be taken.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub(super) key: Key,
    /// Whoever dies with it keeps it for so long.
    pub(super) taken_for: Duration,
    /// Once used it stays used for so long.
    pub(super) used_for: Duration,
}

/// What one login has taken. When this goes, what was not marked as used is free again.
pub struct Claim<'a> {
    /// None where no other process could take it, or none can be asked.
    taken: Option<(&'a Arc<Redis>, Taken)>,
    used: Vec<AtomicBool>,
    /// One of those that help was free.
    pub helps: bool,
}

impl State {
    /// Takes all of `needed`, and one of `helping` if one is free, from all processes; the first of the needed that cannot be had is the error.
    /// While they cannot agree, this process's own memory has to do: whoever calls this has asked that before.
    pub async fn claim(&self, needed: Vec<Wanted>, helping: Vec<Wanted>) -> Result<Claim<'_>, (usize, Unavailable)> {
        let used = needed.iter().chain(&helping).map(|_| AtomicBool::new(false)).collect();
        let Some(redis) = &self.redis else { return Ok(Claim { taken: None, used, helps: true }) };
        match redis.take(needed, helping).await {
            Ok(taken) => taken.map(|taken| Claim { helps: taken.helps, taken: Some((redis, taken)), used }),
            Err(_) => Ok(Claim { taken: None, used, helps: true }),
        }
    }
}

impl Claim<'_> {
    /// Whether the thing of this number, of the needed and then the one that helps, is used.
    pub fn mark(&self, nth: usize, is_used: bool) {
        self.used.iter().skip(nth).take(1).for_each(|used| used.store(is_used, Ordering::Relaxed));
    }

    /// Ends when all processes know what was used, or cannot be told.
    pub async fn settle(mut self) {
        if let Some((redis, taken)) = self.taken.take() {
            redis.settle(&taken, &self.used()).await;
        }
    }

    fn used(&self) -> Vec<bool> {
        self.used.iter().map(|used| used.load(Ordering::Relaxed)).collect()
    }
}

impl Drop for Claim<'_> {
    /// The browser went away in the middle.
    fn drop(&mut self) {
        if let Some((redis, taken)) = self.taken.take() {
            redis.settle_behind(taken, self.used());
        }
    }
}
