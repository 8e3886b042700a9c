//! Things that may be used once: authCodes, login states. A login takes them within this process first, and then among all processes.

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

/// Remembers which things are being used and which were used, for as long as they would be valid.
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

/// A thing that nobody else can take now. When this is dropped the thing is free again, unless it was marked as used.
pub struct Taken<'a, K: Thing> {
    once: &'a Once<K>,
    key: K,
}

impl<K: Thing> Once<K> {
    pub(super) fn new(used: Seen<K>) -> Self {
        Self { memory: Mutex::new(Memory { under_way: HashSet::new(), used }) }
    }

    /// What [`State::claim`] is to take for `key`. If this process dies while it holds the thing, that is free again after `taken_for`.
    pub fn wanted(&self, key: &K, taken_for: Duration) -> Wanted {
        let used = &self.memory.lock().used;
        Wanted { thing: used.table.thing(&json(key)), taken_for, ends_with_process: false, used_for: used.kept_for }
    }

    /// Takes `key` within this process.
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
    /// From now on the thing is used, even if the request that has taken it is cut off.
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

/// A thing to be taken among all processes.
#[derive(Debug, Clone)]
pub struct Wanted {
    thing: String,
    /// How long it stays taken at most: its process may hang or die.
    taken_for: Duration,
    /// Whether it is free again as soon as its process counts as ended, even if that is earlier.
    ends_with_process: bool,
    /// How long it stays used, once it is.
    used_for: Duration,
}

impl Wanted {
    /// The same thing, which is free again as soon as this process is known to have ended.
    pub fn until_this_process_ends(self) -> Self {
        Self { ends_with_process: true, ..self }
    }
}

/// What one login has taken among all processes. When this is dropped, all that was not marked as used is free again.
pub struct Reservation<'a> {
    /// None if nothing is taken in Redis: there is none, it is away, or it has refused.
    redis: Option<&'a Arc<Redis>>,
    owner: String,
    /// Each with whether it was used.
    things: Vec<(Wanted, AtomicBool)>,
    /// Whether one of the helping things was free.
    pub helps: bool,
}

impl State {
    /// Takes all of `needed`, and one of `helping` if one is free, among all processes. The error is the index of the first needed thing
    /// that cannot be taken, and why. While Redis is away, it is enough that the caller has taken them within this process before.
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
            // Redis may have taken the things although its answer was lost: they are given back like all others.
            Err(_) => Ok(reserved),
        }
    }
}

impl Reservation<'_> {
    /// How long giving things back is tried. By then the login is over, and nobody asks for its things again.
    const MATTERS: Duration = Duration::from_secs(60);

    /// Marks the thing at this index as used or not: first come the needed ones, then the one that helps.
    pub fn mark(&self, nth: usize, is_used: bool) {
        if let Some((_, used)) = self.things.get(nth) {
            used.store(is_used, Ordering::Relaxed);
        }
    }

    /// Stores in Redis what was used, for all processes to know. If Redis is away, that happens in the background when it is back. What was
    /// taken while it was away is not stored: DingTalk takes a code once, and the browser no longer has its state.
    pub async fn conclude(mut self) {
        if let Some((redis, settling)) = self.end() {
            redis.send_or_retry_in_background(Self::MATTERS, settling).await;
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
    /// The browser may have disconnected in the middle of the login.
    fn drop(&mut self) {
        if let Some((redis, settling)) = self.end() {
            redis.send_in_background(Self::MATTERS, settling);
        }
    }
}

/// The command that gives back what `owner` has taken. Each thing stays used for its time, or is free again at once if that is zero.
pub(super) fn settling(names: &Names, owner: &str, things: &[(String, Duration)]) -> Cmd {
    let settled = things.iter().map(|(thing, life)| (names.key(thing), life.as_millis() as u64));
    let (keys, lives): (Vec<_>, Vec<_>) = settled.unzip();
    script(SETTLE, &["string"], &keys, (owner, lives))
}

const TAKE: &str = include_str!("redis/lua/take.lua");
const SETTLE: &str = include_str!("redis/lua/settle.lua");
