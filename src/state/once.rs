//! Things that may be used once: authCodes, login states, sessions.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Remembers what is being used and what was used, for as long as it would be good.
pub struct Once<K> {
    memory: Mutex<Memory<K>>,
    kept_for: Duration,
}

struct Memory<K> {
    under_way: HashSet<K>,
    /// Until when each is remembered.
    used: HashMap<K, Instant>,
    /// In the order in which they are forgotten, since all are kept equally long.
    forgotten_at: VecDeque<(Instant, K)>,
}

/// Why something cannot be taken now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unavailable {
    /// Somebody is using it at this moment.
    UnderWay,
    /// It was used.
    Used,
}

/// One thing, in one pair of hands. When this goes, the thing is free again, unless it was marked as used.
pub struct Taken<'a, K: Copy + Eq + Hash> {
    once: &'a Once<K>,
    key: K,
}

impl<K: Copy + Eq + Hash> Once<K> {
    /// Remembers each thing for `kept_for` after it was used.
    pub fn new(kept_for: Duration) -> Self {
        Self {
            memory: Mutex::new(Memory { under_way: HashSet::new(), used: HashMap::new(), forgotten_at: VecDeque::new() }),
            kept_for,
        }
    }

    /// Takes `key` for oneself.
    pub fn take(&self, key: K, now: Instant) -> Result<Taken<'_, K>, Unavailable> {
        let mut memory = self.memory();
        memory.forget(now);
        if memory.under_way.contains(&key) {
            return Err(Unavailable::UnderWay);
        }
        if memory.used.contains_key(&key) {
            return Err(Unavailable::Used);
        }
        memory.under_way.insert(key);
        Ok(Taken { once: self, key })
    }

    /// Marks `key` as used, whoever has it.
    pub fn mark_used(&self, key: K, now: Instant) {
        let mut memory = self.memory();
        memory.forget(now);
        let until = now + self.kept_for;
        if let Entry::Vacant(unused) = memory.used.entry(key) {
            unused.insert(until);
            memory.forgotten_at.push_back((until, key));
        }
    }

    /// Whether `key` was used.
    pub fn was_used(&self, key: &K) -> bool {
        self.memory().used.contains_key(key)
    }

    /// Each change under this lock is complete in itself, so it is whole even if a holder panicked.
    fn memory(&self) -> MutexGuard<'_, Memory<K>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash> Memory<K> {
    fn forget(&mut self, now: Instant) {
        while self.forgotten_at.front().is_some_and(|(at, _)| *at <= now) {
            // It may have been freed, and used again later.
            if let Some((at, key)) = self.forgotten_at.pop_front()
                && self.used.get(&key) == Some(&at)
            {
                self.used.remove(&key);
            }
        }
    }
}

impl<K: Copy + Eq + Hash> Taken<'_, K> {
    /// From now on it is used, whatever becomes of whoever has it.
    pub fn mark_used(&self, now: Instant) {
        self.once.mark_used(self.key, now);
    }

    /// It was not used after all.
    pub fn mark_unused(&self) {
        self.once.memory().used.remove(&self.key);
    }
}

impl<K: Copy + Eq + Hash> Drop for Taken<'_, K> {
    fn drop(&mut self) {
        self.once.memory().under_way.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT_FOR: Duration = Duration::from_secs(300);

    #[test]
    fn what_is_taken_is_under_way_until_it_is_let_go() {
        let (once, now) = (Once::new(KEPT_FOR), Instant::now());
        let taken = once.take(1, now).ok();
        assert_eq!(once.take(1, now).err(), Some(Unavailable::UnderWay));
        drop(taken);
        assert!(once.take(1, now).is_ok());
    }

    #[test]
    fn what_was_not_used_after_all_is_free_and_when_used_later_is_remembered_from_then() {
        let (once, now) = (Once::new(KEPT_FOR), Instant::now());
        let taken = once.take(1, now).unwrap();
        taken.mark_used(now);
        taken.mark_unused();
        drop(taken);
        let later = now + Duration::from_secs(200);
        once.take(1, later).unwrap().mark_used(later);
        assert_eq!(once.take(1, now + KEPT_FOR).err(), Some(Unavailable::Used));
        assert!(once.take(1, later + KEPT_FOR).is_ok());
    }

    #[test]
    fn what_was_used_stays_used_for_its_time_and_is_then_forgotten() {
        let (once, now) = (Once::new(KEPT_FOR), Instant::now());
        let taken = once.take(1, now).unwrap();
        taken.mark_used(now);
        assert_eq!(once.take(1, now).err(), Some(Unavailable::UnderWay));
        drop(taken);
        let later = now + Duration::from_secs(299);
        assert_eq!(once.take(1, later).err(), Some(Unavailable::Used));
        assert!(once.take(1, now + KEPT_FOR).is_ok());
        assert!(once.memory().forgotten_at.is_empty());
    }
}
