//! Things that are remembered equally long: here, where they are looked up, and in the journal, so that a restart knows them.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::journal::{Journal, Record, Table, json};
use crate::dingtalk::Clock;

/// What a thing can be told from others by.
pub trait Thing: Clone + Eq + Hash + Serialize + DeserializeOwned {}

impl<K: Clone + Eq + Hash + Serialize + DeserializeOwned> Thing for K {}

/// What is known of things.
pub(super) struct Remembered<K, V> {
    pub table: Table,
    known: HashMap<K, (V, Instant)>,
    /// When what may be forgotten is next looked for.
    forgets_at: Instant,
    pub kept_for: Duration,
    clock: Clock,
    journal: Journal,
}

impl<K: Thing, V: Serialize + DeserializeOwned> Remembered<K, V> {
    /// Things that live for `life`. Takes what was `found` of `table` at the start.
    pub fn new(table: Table, life: Duration, found: &mut Vec<Record>, clock: &Clock, journal: &Journal) -> Self {
        let (clock, journal, kept_for, forgets_at) = (clock.clone(), journal.clone(), table.kept_for(life), clock.now());
        let mut new = Self { table, known: HashMap::new(), forgets_at, kept_for, clock, journal };
        let ours: Vec<_> = found.extract_if(.., |record| record.table == table).collect();
        new.known = ours.iter().filter_map(|record| new.read(record)).collect();
        new
    }

    /// What a record says, if it matters. Whatever time it was to be kept, it is not kept longer than from now on.
    fn read(&self, record: &Record) -> Option<(K, (V, Instant))> {
        let left = Duration::from_millis(record.until.saturating_sub(self.clock.unix_millis())).min(self.kept_for);
        let (key, value) = (serde_json::from_str(&record.key).ok()?, serde_json::from_str(&record.value).ok()?);
        (!left.is_zero()).then(|| (key, (value, self.clock.now() + left)))
    }

    pub fn get(&self, key: &K) -> Option<&V> {
        self.known.get(key).filter(|(_, until)| *until > self.clock.now()).map(|(value, _)| value)
    }

    pub fn insert(&mut self, key: K, value: V) {
        self.forget_old();
        self.give(&key, &value, self.kept_for);
        self.known.insert(key, (value, self.clock.now() + self.kept_for));
    }

    /// Learns what another process has kept, and says so again if it knows more: what both know is what `merged` makes of it. Whether no
    /// more than that is known.
    pub fn learn(&mut self, record: &Record, merged: impl FnOnce(&V, V) -> V) -> bool
    where
        V: Clone + PartialEq,
    {
        let Some((key, (told, told_until))) = self.read(record) else { return false };
        let (value, until) = match self.known.get(&key) {
            Some((known, until)) => (merged(known, told.clone()), told_until.max(*until)),
            None => (told.clone(), told_until),
        };
        let is_all = value == told;
        if is_all {
            self.forget_old();
            self.known.insert(key, (value, until));
        } else {
            self.insert(key, value);
        }
        is_all
    }

    /// What is known of.
    pub fn keys(&self) -> Vec<K> {
        self.known.keys().cloned().collect()
    }

    /// Gives these to the journal again that still matter and do not lie there.
    pub fn give_again(&self, keys: &[K], lies_there: impl Fn(&str) -> bool) {
        let now = self.clock.now();
        let matters = |key: &K, until: Instant| until > now && !lies_there(&self.table.thing(&json(key)));
        for (key, (value, until)) in keys.iter().filter_map(|key| self.known.get_key_value(key)) {
            if matters(key, *until) {
                self.give(key, value, *until - now);
            }
        }
    }

    fn give(&self, key: &K, value: &V, left: Duration) {
        let until = self.clock.unix_millis().saturating_add(left.as_millis() as u64);
        let record = Record { table: self.table, key: json(key), value: json(value), until };
        self.journal.give(record.thing(), Some(record));
    }

    pub fn remove(&mut self, key: &K) {
        if self.known.remove(key).is_some() {
            self.journal.give(self.table.thing(&json(key)), None);
        }
    }

    /// Forgets what has been remembered for its time. Until it is looked for again, some of that lies there, and is told to nobody.
    fn forget_old(&mut self) {
        let now = self.clock.now();
        if now < self.forgets_at {
            return;
        }
        self.forgets_at = now + self.kept_for / 16;
        let old = self.known.iter().filter(|(_, (_, until))| *until <= now).map(|(key, _)| key.clone());
        old.collect::<Vec<_>>().iter().for_each(|key| self.remove(key));
    }
}

/// For things of which only is known that they are there.
pub(super) type Seen<K> = Remembered<K, ()>;

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn what_is_told_again_and_again_takes_no_more_room() {
        let now = (Instant::now(), SystemTime::now());
        let clock = Clock::reading(move || now);
        let lifetime = Duration::from_secs(28800);
        for table in [Table::Organisations, Table::EndedSessions] {
            let mut remembered = Seen::<u8>::new(table, lifetime, &mut Vec::new(), &clock, &Journal::none());
            for nth in 0..100 {
                // The clocks of those who tell it differ a little.
                let until = clock.unix_millis() + 60_000 + if table.lasts() { nth } else { 0 };
                let told = Record { table, key: json(&1), value: json(&()), until };
                remembered.learn(&told, |_, ()| ());
            }
            assert_eq!(remembered.known.len(), 1, "{table:?}");
        }
    }
}
