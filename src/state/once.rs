//! Things that may be used once: authCodes, login states.

use std::collections::HashSet;
use std::time::Duration;

use parking_lot::Mutex;

use super::Wanted;
use super::record::{Key, Table};
use super::remembered::{Seen, Thing};

/// Remembers what is being used and what was used, for as long as it would be good.
pub struct Once<K> {
    table: Table,
    kept_for: Duration,
    memory: Mutex<Memory<K>>,
}

struct Memory<K> {
    under_way: HashSet<K>,
    used: Seen<K>,
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
pub struct Taken<'a, K: Thing> {
    once: &'a Once<K>,
    key: K,
}

impl<K: Thing> Once<K> {
    pub(super) fn new(table: Table, kept_for: Duration, used: Seen<K>) -> Self {
        Self { table, kept_for, memory: Mutex::new(Memory { under_way: HashSet::new(), used }) }
    }

    /// What other processes are asked for `key`. If this process dies with it, it is free again after `taken_for`.
    pub fn wanted(&self, key: &K, taken_for: Duration) -> Wanted {
        Wanted { key: Key::of(self.table, key), taken_for, used_for: self.kept_for }
    }

    /// Takes `key` for oneself.
    pub fn take(&self, key: K) -> Result<Taken<'_, K>, Unavailable> {
        let mut memory = self.memory.lock();
        memory.used.forget_old();
        if memory.under_way.contains(&key) {
            return Err(Unavailable::UnderWay);
        }
        if memory.used.get(&key).is_some() {
            return Err(Unavailable::Used);
        }
        memory.under_way.insert(key.clone());
        Ok(Taken { once: self, key })
    }

    /// Whether `key` was used.
    pub fn was_used(&self, key: &K) -> bool {
        self.memory.lock().used.get(key).is_some()
    }
}

impl<K: Thing> Taken<'_, K> {
    /// From now on it is used, whatever becomes of whoever has it.
    pub fn mark_used(&self) {
        self.once.memory.lock().used.insert(self.key.clone(), ());
    }

    /// It was not used after all.
    pub fn mark_unused(&self) {
        self.once.memory.lock().used.remove(&self.key);
    }
}

impl<K: Thing> Drop for Taken<'_, K> {
    fn drop(&mut self) {
        self.once.memory.lock().under_way.remove(&self.key);
    }
}
