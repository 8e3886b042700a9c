//! Things that may be used once: authCodes, login states. They are taken from this process, and then from all of them.

use std::collections::HashSet;
use std::iter::once;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use redis::Cmd;

use super::State;
use super::journal::json;
use super::redis::{Names, Redis, script};
use super::remembered::{Seen, Thing};

/// Remembers what is being used and what was used, for as long as it would be good.
pub struct Once<K> {
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
    pub(super) fn new(used: Seen<K>) -> Self {
        Self { memory: Mutex::new(Memory { under_way: HashSet::new(), used }) }
    }

    /// What other processes are asked for `key`. If this process dies with it, it is free again after `taken_for`.
    pub fn wanted(&self, key: &K, taken_for: Duration) -> Wanted {
        let used = &self.memory.lock().used;
        Wanted { thing: used.table.thing(&json(key)), taken_for, ends_with_process: false, used_for: used.kept_for }
    }

    /// Takes `key` for oneself.
    pub fn take(&self, key: K) -> Result<Taken<'_, K>, Unavailable> {
        let mut memory = self.memory.lock();
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

/// A thing to be taken from all processes.
#[derive(Debug, Clone)]
pub struct Wanted {
    thing: String,
    /// Whoever dies with it keeps it for so long,
    taken_for: Duration,
    /// unless it is free again when the process is gone that took it.
    ends_with_process: bool,
    /// Once used it stays used for so long.
    used_for: Duration,
}

impl Wanted {
    /// The same of what is free again as soon as this process is known to be gone.
    pub fn until_this_process_ends(self) -> Self {
        Self { ends_with_process: true, ..self }
    }
}

/// What one login has taken. When this goes, what was not marked as used is free again.
pub struct Reservation<'a> {
    /// None where no other process could take it, or none can be asked.
    redis: Option<&'a Arc<Redis>>,
    owner: String,
    /// Each with whether it was used.
    things: Vec<(Wanted, AtomicBool)>,
    /// One of those that help was free.
    pub helps: bool,
}

impl State {
    /// Takes all of `needed`, and one of `helping` if one is free, from all processes; the first of the needed that cannot be had is the error.
    /// While they cannot agree, this process's own memory has to do: whoever calls this has asked that before.
    pub async fn claim(&self, needed: Vec<Wanted>, helping: Vec<Wanted>) -> Result<Reservation<'_>, (usize, Unavailable)> {
        let redis = self.redis.as_ref().filter(|redis| redis.link.is_up());
        let (owner, count) = (redis.map(|redis| redis.owner()).unwrap_or_default(), needed.len());
        let things = needed.into_iter().chain(helping).map(|wanted| (wanted, AtomicBool::new(false))).collect();
        let mut reserved = Reservation { redis, owner, things, helps: true };
        let Some(redis) = redis else { return Ok(reserved) };
        let question = |names: &Names| {
            let things = || reserved.things.iter().map(|(wanted, _)| wanted);
            let keys = once(names.processes()).chain(things().map(|wanted| names.key(&wanted.thing)));
            let lives = things().map(|wanted| (wanted.taken_for.as_millis() as u64, wanted.ends_with_process));
            script(TAKE, &["zset", "string"], &keys.collect::<Vec<_>>(), (&reserved.owner, count, lives.collect::<Vec<_>>()))
        };
        match redis.link.ask(question).await {
            Ok((0, helping)) => {
                let helping = usize::checked_sub(helping, 1).map(|nth| reserved.things.swap_remove(nth));
                reserved.helps = helping.is_some();
                reserved.things.truncate(count);
                reserved.things.extend(helping);
                Ok(reserved)
            }
            Ok((refused, _)) => {
                reserved.redis = None;
                let why = if refused > 0_i64 { Unavailable::Used } else { Unavailable::UnderWay };
                Err((refused.unsigned_abs() as usize - 1, why))
            }
            // They may be taken although nobody heard of it: they are given back like all others.
            Err(_) => Ok(reserved),
        }
    }
}

impl Reservation<'_> {
    /// A login is over by then, and nobody asks for its things again.
    const MATTERS: Duration = Duration::from_secs(60);

    /// Whether the thing of this number, of the needed and then the one that helps, is used.
    pub fn mark(&self, nth: usize, is_used: bool) {
        self.things.iter().skip(nth).take(1).for_each(|(_, used)| used.store(is_used, Ordering::Relaxed));
    }

    /// Ends when all processes know what was used, or cannot be told now: then they are when they can. Of what was taken while they could not
    /// agree they are told nothing: DingTalk takes a code once, and the browser has its state no more.
    pub async fn conclude(mut self) {
        if let Some((redis, settling)) = self.end() {
            redis.ask_now_or_behind(Self::MATTERS, settling).await;
        }
    }

    fn end(&mut self) -> Option<(Arc<Redis>, impl Fn(&Names) -> Cmd + Send + Sync + 'static)> {
        let redis = Arc::clone(self.redis.take()?);
        let owner = mem::take(&mut self.owner);
        let settled = |(wanted, used): (Wanted, AtomicBool)| {
            let life = if used.into_inner() { wanted.used_for } else { Duration::ZERO };
            (wanted.thing, life)
        };
        let things: Vec<_> = self.things.drain(..).map(settled).collect();
        Some((redis, move |names: &Names| settling(names, &owner, &things)))
    }
}

impl Drop for Reservation<'_> {
    /// The browser went away in the middle.
    fn drop(&mut self) {
        if let Some((redis, settling)) = self.end() {
            redis.ask_behind(Self::MATTERS, settling);
        }
    }
}

/// Says what became of what `owner` had taken: how long each thing stays used, or that it is free again at once.
pub(super) fn settling(names: &Names, owner: &str, things: &[(String, Duration)]) -> Cmd {
    let settled = things.iter().map(|(thing, life)| (names.key(thing), life.as_millis() as u64));
    let (keys, lives): (Vec<_>, Vec<_>) = settled.unzip();
    script(SETTLE, &["string"], &keys, (owner, lives))
}

const TAKE: &str = include_str!("redis/lua/take.lua");
const SETTLE: &str = include_str!("redis/lua/settle.lua");
