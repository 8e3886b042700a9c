//! Things that are remembered for the same time: in memory, where they are looked up, and in the journal, so that they survive a restart.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::journal::{Journal, Record, Table, json};
use crate::dingtalk::Clock;

/// A key that identifies a thing.
pub trait Thing: Clone + Eq + Hash + Serialize + DeserializeOwned {}

impl<K: Clone + Eq + Hash + Serialize + DeserializeOwned> Thing for K {}

/// What a record of another process has said.
#[derive(Debug)]
pub(super) enum Learnt {
    /// It cannot be read, or has expired.
    Nothing,
    /// All that is known of its thing.
    All,
    /// Less than is known. This record says all.
    Less(Record),
}

/// When something expires, by both clocks.
#[derive(Clone, Copy)]
struct Until {
    monotonic: Instant,
    unix_ms: u64,
}

impl Until {
    fn later(self, other: Self) -> Self {
        Self { monotonic: self.monotonic.max(other.monotonic), unix_ms: self.unix_ms.max(other.unix_ms) }
    }
}

/// A table in memory: for each key a value, and when it expires.
pub(super) struct Remembered<K, V> {
    pub table: Table,
    known: HashMap<K, (V, Until)>,
    /// When expired things are next removed.
    forgets_at: Instant,
    pub kept_for: Duration,
    clock: Clock,
    journal: Journal,
}

impl<K: Thing, V: Serialize + DeserializeOwned> Remembered<K, V> {
    /// No session lives longer than `lifetime`. Takes the records of this `table` out of those that were `found` at the start.
    pub fn new(table: Table, lifetime: Duration, found: &mut Vec<Record>, clock: &Clock, journal: &Journal) -> Self {
        let mut new = Self {
            table,
            known: HashMap::new(),
            forgets_at: clock.now(),
            kept_for: table.kept_for(lifetime),
            clock: clock.clone(),
            journal: journal.clone(),
        };
        let ours: Vec<_> = found.extract_if(.., |record| record.table == table).collect();
        new.known = ours.iter().filter_map(|record| new.read(record)).collect();
        new
    }

    /// The key, value and expiry of a record, if it can be read and has not expired. Whatever the record says, it is `kept_for` from now at
    /// the latest by the monotonic clock.
    fn read(&self, record: &Record) -> Option<(K, (V, Until))> {
        let left = Duration::from_millis(record.until.saturating_sub(self.clock.unix_millis())).min(self.kept_for);
        let (key, value) = (serde_json::from_str(&record.key).ok()?, serde_json::from_str(&record.value).ok()?);
        let until = Until { monotonic: self.clock.now() + left, unix_ms: record.until };
        (!left.is_zero()).then_some((key, (value, until)))
    }

    /// What is known of `key`.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.get_with_age(key).map(|(value, _)| value)
    }

    /// The same, and for how long it has been known, here or where it was stored.
    pub fn get_with_age(&self, key: &K) -> Option<(&V, Duration)> {
        self.known.get(key).filter(|(_, until)| !self.is_past(*until)).map(|(value, until)| (value, self.age(*until)))
    }

    pub fn insert(&mut self, key: K, value: V) {
        self.forget_old();
        let unix_ms = self.clock.unix_millis().saturating_add(self.kept_for.as_millis() as u64);
        let until = Until { monotonic: self.clock.now() + self.kept_for, unix_ms };
        self.give(&key, &value, until);
        self.known.insert(key, (value, until));
    }

    /// A session of a time when the clock was ahead is valid again once that time has come. So what has ended must be remembered by both
    /// clocks.
    fn is_past(&self, until: Until) -> bool {
        let counts_on = || self.table.ends_sessions() && until.unix_ms > self.clock.unix_millis();
        until.monotonic <= self.clock.now() && !counts_on()
    }

    fn age(&self, until: Until) -> Duration {
        self.kept_for.saturating_sub(self.left(until))
    }

    fn left(&self, until: Until) -> Duration {
        until.monotonic.saturating_duration_since(self.clock.now())
    }

    /// Learns a record of another process; `merged` makes one value of the known one, its age and the record's.
    pub fn learn(&mut self, record: &Record, merged: impl FnOnce(&V, Duration, V) -> V) -> Learnt
    where
        V: Clone + PartialEq,
    {
        let Some((key, (told, told_until))) = self.read(record) else { return Learnt::Nothing };
        self.forget_old();
        let (value, until) = match self.known.get(&key) {
            Some((known, until)) => (merged(known, self.age(*until), told.clone()), told_until.later(*until)),
            None => (told.clone(), told_until),
        };
        let learnt = if value == told { Learnt::All } else { Learnt::Less(self.record(&key, &value, until)) };
        self.known.insert(key, (value, until));
        learnt
    }

    /// The keys of all things in the table.
    pub fn keys(&self) -> Vec<K> {
        self.known.keys().cloned().collect()
    }

    /// Gives the things with these keys to the journal again, without those that have expired and those of which `is_stored` says that they
    /// are stored.
    pub fn give_again(&self, keys: &[K], is_stored: impl Fn(&str) -> bool) {
        let matters = |key: &K, until: Until| !self.is_past(until) && !is_stored(&self.table.thing(&json(key)));
        for (key, (value, until)) in keys.iter().filter_map(|key| self.known.get_key_value(key)) {
            if matters(key, *until) {
                self.give(key, value, *until);
            }
        }
    }

    fn give(&self, key: &K, value: &V, until: Until) {
        let record = self.record(key, value, until);
        self.journal.give(record.thing(), Some(record));
    }

    fn record(&self, key: &K, value: &V, until: Until) -> Record {
        // The clock that says more counts: the time of day may have been set since.
        let until_by_now = self.clock.unix_millis().saturating_add(self.left(until).as_millis() as u64);
        Record { table: self.table, key: json(key), value: json(value), until: until_by_now.max(until.unix_ms) }
    }

    pub fn remove(&mut self, key: &K) {
        if self.known.remove(key).is_some() {
            self.journal.give(self.table.thing(&json(key)), None);
        }
    }

    /// Removes expired things, from time to time. Until then they take room, but `get` does not return them.
    fn forget_old(&mut self) {
        let now = self.clock.now();
        if now < self.forgets_at {
            return;
        }
        self.forgets_at = now + self.kept_for / 16;
        let old = self.known.iter().filter(|(_, (_, until))| self.is_past(*until)).map(|(key, _)| key.clone());
        old.collect::<Vec<_>>().iter().for_each(|key| self.remove(key));
    }
}

/// A table of keys without values.
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
                // The clocks of the processes that publish it differ a little.
                let until = clock.unix_millis() + 60_000 + if table.lasts() { nth } else { 0 };
                let told = Record { table, key: json(&1), value: json(&()), until };
                remembered.learn(&told, |_, _, ()| ());
            }
            assert_eq!(remembered.known.len(), 1, "{table:?}");
        }
    }
}
