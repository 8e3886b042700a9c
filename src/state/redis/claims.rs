//! Things that may be used once, over all processes.

use std::sync::Arc;

use super::super::{Unavailable, Wanted};
use super::link::Away;
use super::names::Names;
use super::{Redis, scripts};

/// Things that were taken, by whom.
pub(in crate::state) struct Taken {
    owner: String,
    things: Vec<Wanted>,
    /// One of those that help was free.
    pub helps: bool,
}

impl Redis {
    /// Takes all of `needed` or none, and one of `helping` if one is free.
    pub async fn take(&self, needed: Vec<Wanted>, helping: Vec<Wanted>) -> Result<Result<Taken, (usize, Unavailable)>, Away> {
        let (owner, count, mut things) = (hex::encode(rand::random::<[u8; 16]>()), needed.len(), needed);
        things.extend(helping);
        let question = |names: &Names| {
            let mut take = scripts::run(scripts::TAKE, &keys(names, &things));
            let lives: Vec<_> = things.iter().map(|thing| thing.taken_for.as_millis() as u64).collect();
            take.arg(&owner).arg(count).arg(lives);
            take
        };
        let ((refused, helping),): ((i64, usize),) = self.link.ask(question).await?;
        if refused != 0 {
            let why = if refused > 0 { Unavailable::Used } else { Unavailable::UnderWay };
            return Ok(Err((refused.unsigned_abs() as usize - 1, why)));
        }
        let helping = helping.checked_sub(1).and_then(|nth| things.get(nth)).cloned();
        things.truncate(count);
        let helps = helping.is_some();
        things.extend(helping);
        Ok(Ok(Taken { owner, things, helps }))
    }

    /// Says which of the things were used; the others are free again. If it is away, their time runs out.
    pub async fn settle(&self, taken: &Taken, used: &[bool]) {
        // The follower has logged that it is away.
        drop(self.tell(taken, used).await);
    }

    /// The same when nobody waits for it any more.
    pub fn settle_behind(self: &Arc<Self>, taken: Taken, used: Vec<bool>) {
        let redis = Arc::clone(self);
        self.runtime.spawn(async move { redis.settle(&taken, &used).await });
    }

    /// Says that these were used, whoever had taken them.
    pub async fn note_used(&self, things: Vec<Wanted>) -> Result<(), Away> {
        let used = vec![true; things.len()];
        self.tell(&Taken { owner: String::new(), things, helps: false }, &used).await
    }

    async fn tell(&self, taken: &Taken, used: &[bool]) -> Result<(), Away> {
        let question = |names: &Names| {
            let mut settle = scripts::run(scripts::SETTLE, &keys(names, &taken.things));
            let life = |(thing, is_used): (&Wanted, &bool)| if *is_used { thing.used_for.as_millis() as u64 } else { 0 };
            settle.arg(&taken.owner).arg(taken.things.iter().zip(used).map(life).collect::<Vec<_>>()).ignore();
            settle
        };
        self.link.ask(question).await
    }
}

fn keys(names: &Names, things: &[Wanted]) -> Vec<String> {
    things.iter().map(|thing| names.key(&thing.key.to_bytes())).collect()
}
