//! Things that may be used once: authCodes, login states, sessions that were logged out.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Remembers what is being used and what was used, for as long as it would be good.
pub struct Once<K> {
    memory: Mutex<Memory<K>>,
    kept_for: Duration,
}

struct Memory<K> {
    uses: HashMap<K, Use>,
    /// In the order of their expiry, since all are kept equally long.
    spent: VecDeque<(Instant, K)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Use {
    UnderWay,
    Spent,
}

/// Why something cannot be used now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Somebody is using it at this moment.
    UnderWay,
    /// It was used.
    Spent,
}

/// The right to use one thing. When it goes, the thing is free again, unless it was spent.
pub struct Claim<'a, K: Copy + Eq + Hash> {
    once: &'a Once<K>,
    key: K,
}

impl<K: Copy + Eq + Hash> Once<K> {
    /// Remembers each thing for `kept_for` after it was spent.
    pub fn new(kept_for: Duration) -> Self {
        Self {
            memory: Mutex::new(Memory {
                uses: HashMap::new(),
                spent: VecDeque::new(),
            }),
            kept_for,
        }
    }

    /// Takes `key` for oneself.
    pub fn claim(&self, key: K, now: Instant) -> Result<Claim<'_, K>, Taken> {
        let mut memory = self.memory();
        memory.forget_expired(now);
        match memory.uses.get(&key) {
            Some(Use::UnderWay) => Err(Taken::UnderWay),
            Some(Use::Spent) => Err(Taken::Spent),
            None => {
                memory.uses.insert(key, Use::UnderWay);
                Ok(Claim { once: self, key })
            }
        }
    }

    /// Marks `key` as used, whoever has it.
    pub fn spend(&self, key: K, now: Instant) {
        let mut memory = self.memory();
        memory.forget_expired(now);
        if memory.uses.insert(key, Use::Spent) != Some(Use::Spent) {
            memory.spent.push_back((now + self.kept_for, key));
        }
    }

    /// Whether `key` was used.
    pub fn is_spent(&self, key: &K) -> bool {
        self.memory().uses.get(key) == Some(&Use::Spent)
    }

    /// Each change under this lock is complete in itself, so it is whole even if a holder panicked.
    fn memory(&self) -> MutexGuard<'_, Memory<K>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash> Memory<K> {
    fn forget_expired(&mut self, now: Instant) {
        while self.spent.front().is_some_and(|(expires, _)| *expires <= now) {
            if let Some((_, key)) = self.spent.pop_front() {
                self.uses.remove(&key);
            }
        }
    }
}

impl<K: Copy + Eq + Hash> Drop for Claim<'_, K> {
    fn drop(&mut self) {
        let mut memory = self.once.memory();
        if memory.uses.get(&self.key) == Some(&Use::UnderWay) {
            memory.uses.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_claimed_is_taken_until_the_claim_goes() {
        let (once, now) = (Once::new(Duration::from_secs(300)), Instant::now());
        let claim = once.claim(1, now).ok();
        assert_eq!(once.claim(1, now).err(), Some(Taken::UnderWay));
        drop(claim);
        assert!(once.claim(1, now).is_ok());
    }

    #[test]
    fn what_is_spent_stays_spent_for_its_time_and_is_then_forgotten() {
        let (once, now) = (Once::new(Duration::from_secs(300)), Instant::now());
        let claim = once.claim(1, now);
        once.spend(1, now);
        drop(claim);
        let later = now + Duration::from_secs(299);
        assert_eq!(once.claim(1, later).err(), Some(Taken::Spent));
        assert!(once.claim(1, now + Duration::from_secs(300)).is_ok());
        assert!(once.memory().spent.is_empty());
    }
}
