//! Things that may be used once, taken over all processes.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::Cmd;

use super::super::record::Key;
use super::super::{State, Unavailable};
use super::link::Away;
use super::names::Names;
use super::{Redis, script};

/// A thing to be taken.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub(in crate::state) key: Key,
    /// Whoever dies with it keeps it for so long.
    pub(in crate::state) taken_for: Duration,
    /// Once used it stays used for so long.
    pub(in crate::state) used_for: Duration,
}

/// What one login has taken. When this goes, what was not marked as used is free again.
pub struct Claim<'a> {
    /// None where no other process could take it, or none can be asked.
    redis: Option<&'a Arc<Redis>>,
    owner: String,
    things: Vec<Wanted>,
    used: Vec<AtomicBool>,
    /// One of those that help was free.
    pub helps: bool,
}

impl State {
    /// Takes all of `needed`, and one of `helping` if one is free, from all processes; the first of the needed that cannot be had is the error.
    /// While they cannot agree, this process's own memory has to do: whoever calls this has asked that before.
    pub async fn claim(&self, needed: Vec<Wanted>, helping: Vec<Wanted>) -> Result<Claim<'_>, (usize, Unavailable)> {
        let redis = self.redis.as_ref().filter(|redis| redis.link.is_up());
        let (owner, count, things) = (hex::encode(rand::random::<[u8; 16]>()), needed.len(), [needed, helping].concat());
        let used = things.iter().map(|_| AtomicBool::new(false)).collect();
        let mut claim = Claim { redis, owner, things, used, helps: true };
        let Some(redis) = redis else { return Ok(claim) };
        match redis.take(&claim.owner, &claim.things, count).await {
            Ok((0, helping)) => {
                let helping = helping.checked_sub(1).and_then(|nth| claim.things.get(nth)).cloned();
                claim.things.truncate(count);
                claim.helps = helping.is_some();
                claim.things.extend(helping);
                Ok(claim)
            }
            Ok((refused, _)) => {
                claim.redis = None;
                let why = if refused > 0 { Unavailable::Used } else { Unavailable::UnderWay };
                Err((refused.unsigned_abs() as usize - 1, why))
            }
            // They may be taken although nobody heard of it: they are given back like all others.
            Err(_) => Ok(claim),
        }
    }
}

impl Claim<'_> {
    /// A login is over by then, and nobody asks for its things again.
    const MATTERS: Duration = Duration::from_secs(60);

    /// Whether the thing of this number, of the needed and then the one that helps, is used.
    pub fn mark(&self, nth: usize, is_used: bool) {
        self.used.iter().skip(nth).take(1).for_each(|used| used.store(is_used, Ordering::Relaxed));
    }

    /// Ends when all processes know what was used, or cannot be told now: then they are when they can.
    pub async fn settle(mut self) {
        if let Some((redis, settling)) = self.end() {
            redis.ask_now_or_behind(Self::MATTERS, settling).await;
        }
    }

    fn end(&mut self) -> Option<(Arc<Redis>, impl Fn(&Names) -> Cmd + Send + Sync + 'static)> {
        let redis = Arc::clone(self.redis.take()?);
        let (owner, things) = (mem::take(&mut self.owner), mem::take(&mut self.things));
        let used: Vec<_> = self.used.iter().map(|used| used.load(Ordering::Relaxed)).collect();
        Some((redis, move |names: &Names| settling(names, &owner, &things, &used)))
    }
}

impl Drop for Claim<'_> {
    /// The browser went away in the middle.
    fn drop(&mut self) {
        if let Some((redis, settling)) = self.end() {
            redis.ask_behind(Self::MATTERS, settling);
        }
    }
}

impl Redis {
    /// Takes the first `count` of `things`, or none, and one of the others if one is free. What it answers is told in the script.
    async fn take(&self, owner: &str, things: &[Wanted], count: usize) -> Result<(i64, usize), Away> {
        let question = |names: &Names| {
            let lives: Vec<_> = things.iter().map(|thing| thing.taken_for.as_millis() as u64).collect();
            script(TAKE, &keys(names, things), (owner, count, lives))
        };
        self.link.ask(question).await
    }

    /// Says that these were used, whoever had taken them.
    pub async fn note_used(&self, things: &[Wanted]) -> Result<(), Away> {
        self.link.ask(|names| settling(names, "", things, &vec![true; things.len()])).await
    }
}

/// Says which of the things that `owner` had taken were used; the others are free again.
fn settling(names: &Names, owner: &str, things: &[Wanted], used: &[bool]) -> Cmd {
    let life = |(thing, is_used): (&Wanted, &bool)| if *is_used { thing.used_for.as_millis() as u64 } else { 0 };
    script(SETTLE, &keys(names, things), (owner, things.iter().zip(used).map(life).collect::<Vec<_>>()))
}

fn keys(names: &Names, things: &[Wanted]) -> Vec<String> {
    things.iter().map(|thing| names.key(thing.key.to_bytes())).collect()
}

/// Takes things that may be used once: all that are needed, or none; of those that only help, one.
///
/// ARGV: who takes them, how many are needed, then the life of each in milliseconds. KEYS: the needed ones first.
/// Answers the number of a needed one that cannot be taken, negative when it is only under way; else 0 and the number of the helping one.
const TAKE: &str = r"
local me, needed = ARGV[1], tonumber(ARGV[2])
for _, key in ipairs(KEYS) do keep_only('string', key) end
for nth = 1, needed do
  local taken = redis.call('GET', KEYS[nth])
  if taken and taken ~= me then return {taken == 'used' and nth or -nth, 0} end
end
for nth = 1, needed do redis.call('SET', KEYS[nth], me, 'PX', ARGV[nth + 2]) end
for nth = needed + 1, #KEYS do
  local taken = redis.call('GET', KEYS[nth])
  if not taken or taken == me then
    redis.call('SET', KEYS[nth], me, 'PX', ARGV[nth + 2])
    return {0, nth}
  end
end
return {0, 0}";

/// Says what became of what was taken. ARGV: who had taken it, then for each key its life as a used one, or 0 if it was not used.
const SETTLE: &str = r"
for nth, key in ipairs(KEYS) do
  local there, life = redis.call('GET', key), tonumber(ARGV[nth + 1])
  if life > 0 then redis.call('SET', key, 'used', 'PX', life)
  elseif there == ARGV[1] then redis.call('UNLINK', key) end
end
return 0";
