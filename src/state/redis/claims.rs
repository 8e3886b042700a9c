//! Things that may be used once, taken over all processes.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::Pipeline;

use super::super::record::Key;
use super::super::{State, Unavailable};
use super::link::Away;
use super::names::Names;
use super::{Redis, scripts};

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

    fn end(&mut self) -> Option<(Arc<Redis>, impl Fn(&Names) -> Pipeline + Send + Sync + 'static)> {
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
            let mut take = scripts::run(scripts::TAKE, &keys(names, things));
            let lives: Vec<_> = things.iter().map(|thing| thing.taken_for.as_millis() as u64).collect();
            take.arg(owner).arg(count).arg(lives);
            take
        };
        let (answer,) = self.link.ask(question).await?;
        Ok(answer)
    }

    /// Says that these were used, whoever had taken them.
    pub async fn note_used(&self, things: &[Wanted]) -> Result<(), Away> {
        self.link.ask(|names| settling(names, "", things, &vec![true; things.len()])).await
    }
}

/// Says which of the things that `owner` had taken were used; the others are free again.
fn settling(names: &Names, owner: &str, things: &[Wanted], used: &[bool]) -> Pipeline {
    let mut settle = scripts::run(scripts::SETTLE, &keys(names, things));
    let life = |(thing, is_used): (&Wanted, &bool)| if *is_used { thing.used_for.as_millis() as u64 } else { 0 };
    settle.arg(owner).arg(things.iter().zip(used).map(life).collect::<Vec<_>>()).ignore();
    settle
}

fn keys(names: &Names, things: &[Wanted]) -> Vec<String> {
    things.iter().map(|thing| names.key(&thing.key.to_bytes())).collect()
}
