//! Things that may be used once, over all processes.

use std::sync::Arc;

use super::super::{Unavailable, Wanted};
use super::link::{Away, Link};
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

    /// The same when nobody waits for it any more.
    pub fn settle_behind(&self, taken: Taken, used: Vec<bool>) {
        let link = Arc::clone(&self.link);
        self.spawn(async move { settle(&link, &taken, &used).await });
    }

    /// Says that these were used, whoever had taken them.
    pub async fn note_used(&self, things: Vec<Wanted>) -> Result<(), Away> {
        let used = vec![true; things.len()];
        tell(&self.link, &Taken { owner: String::new(), things, helps: false }, &used).await
    }

    /// Says which of the things were used; the others are free again. If it is away, their time runs out.
    pub async fn settle(&self, taken: &Taken, used: &[bool]) {
        settle(&self.link, taken, used).await;
    }
}

async fn settle(link: &Link, taken: &Taken, used: &[bool]) {
    // The follower has logged that it is away.
    drop(tell(link, taken, used).await);
}

async fn tell(link: &Link, taken: &Taken, used: &[bool]) -> Result<(), Away> {
    let question = |names: &Names| {
        let mut settle = scripts::run(scripts::SETTLE, &keys(names, &taken.things));
        let life = |(thing, is_used): (&Wanted, &bool)| if *is_used { thing.used_for.as_millis() as u64 } else { 0 };
        settle.arg(&taken.owner).arg(taken.things.iter().zip(used).map(life).collect::<Vec<_>>()).ignore();
        settle
    };
    link.ask(question).await
}

fn keys(names: &Names, things: &[Wanted]) -> Vec<String> {
    things.iter().map(|thing| names.key(&thing.key.to_bytes())).collect()
}
