//! Credentials that one process renews for all.

use std::sync::Arc;
use std::time::Duration;

use redis::Cmd;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, interval, sleep};

use super::super::sealing::{Name, Opened};
use super::link::{Away, Link};
use super::{Names, Redis, script};
use crate::dingtalk::{Answering, Error, Grant, Needed};

/// A credential as it lies there, sealed.
#[derive(Serialize, Deserialize)]
struct Kept {
    value: String,
    /// In milliseconds, from when it was granted.
    life: u64,
    is_replaced: bool,
    /// Unix milliseconds, by the clock of Redis.
    granted: u64,
    first_seen: u64,
}

impl Kept {
    /// What was granted `now`, and is no older than `oldest` however often it was granted `before`. One that is granted again after that
    /// begins anew, as it does in a process that is alone.
    fn of(grant: &mut Grant, before: Option<Self>, oldest: Option<Duration>, now: u64) -> Self {
        let same = before.filter(|before| before.value == grant.value.expose_secret());
        let seen_ago = same.map(|before| Duration::from_millis(now.saturating_sub(before.first_seen)));
        if let Some(seen_ago) = seen_ago.filter(|seen_ago| oldest.is_none_or(|oldest| *seen_ago < oldest)) {
            grant.seen_ago = seen_ago;
        }
        let life = oldest.map_or(grant.life, |oldest| grant.life.min(oldest.saturating_sub(grant.seen_ago)));
        Self {
            value: grant.value.expose_secret().to_owned(),
            life: life.as_millis() as u64,
            is_replaced: grant.is_replaced,
            granted: now,
            first_seen: now.saturating_sub(grant.seen_ago.as_millis() as u64),
        }
    }
}

/// What was found in one's place.
enum Looked {
    Fresh(Grant),
    /// One is to be asked for. What was there before may be the same as what comes.
    Due(Option<Kept>),
    /// It is not ours to touch.
    Foreign,
}

impl Redis {
    /// A process that is killed while it asks holds the others up for so long; one that lives prolongs it.
    const LOCK: Duration = Duration::from_secs(3);
    /// Then whoever waits asks without the lock: a call, with its turn, takes no longer unless DingTalk refuses one after the other.
    const PATIENCE: Duration = Duration::from_secs(9);

    /// The credential that some process has, if it is fresh; else what `ask` brings.
    pub async fn credential(self: &Arc<Self>, needed: Needed, ask: Answering<'_, Result<Grant, Error>>) -> Result<Grant, Error> {
        let (owner, gives_up) = (self.owner(), Instant::now() + Self::PATIENCE);
        let mut back_by = Instant::now() + Link::PATIENCE;
        loop {
            match self.look(&needed, &owner).await {
                Ok((true, Looked::Due(before))) => return self.renew(needed, owner, before, ask).await,
                // Somebody else asks for a new one.
                Ok((false, Looked::Due(_))) if Instant::now() < gives_up => {
                    sleep(Duration::from_millis(40 + rand::random::<u64>() % 40)).await;
                    back_by = Instant::now() + Link::PATIENCE;
                }
                // A call of one's own may end what all others hold.
                Err(_) if self.link.is_back_by(back_by).await => {}
                looked => {
                    // It may be locked although nobody heard of it.
                    self.ask_behind(Self::LOCK, move |names| unlocking(names, &needed.name, &owner, &[], Duration::ZERO));
                    return match looked {
                        Ok((_, Looked::Fresh(grant))) => Ok(grant),
                        // Whatever it is that holds it up, this process can ask for one of its own.
                        _ => ask.await,
                    };
                }
            }
        }
    }

    /// Locks it, too, unless somebody else has. Whether nobody has, and what was found.
    async fn look(&self, needed: &Needed, owner: &str) -> Result<(bool, Looked), Away> {
        let life = Self::LOCK.as_millis() as u64;
        let (is_mine, sealed): (bool, Vec<u8>) =
            self.link.ask(|names| script(LOOK, &["string"], &places(names, &needed.name), (owner, life))).await?;
        Ok((is_mine, self.judge(needed, &sealed)))
    }

    fn judge(&self, Needed { name, unwanted, .. }: &Needed, sealed: &[u8]) -> Looked {
        let kept = match self.keys.open_framed(&sealed_for(name), sealed) {
            Opened::Foreign => return Looked::Foreign,
            Opened::Broken => None,
            Opened::Good { plain, .. } => serde_json::from_slice::<Kept>(&plain).ok(),
        };
        let Some(kept) = kept else { return Looked::Due(None) };
        let now = self.clock.unix_millis();
        let ago = |then: u64| Duration::from_millis(now.saturating_sub(then));
        let (life, granted_ago) = (Duration::from_millis(kept.life), ago(kept.granted));
        // Another process may have judged it due already: whoever comes first renews it.
        let fresh_for = if kept.is_replaced { life } else { life.mul_f64(0.85) };
        if granted_ago >= fresh_for || unwanted.as_ref().is_some_and(|unwanted| unwanted.expose_secret() == kept.value) {
            return Looked::Due(Some(kept));
        }
        let seen_ago = ago(kept.first_seen);
        Looked::Fresh(Grant { value: kept.value.into(), life, is_replaced: kept.is_replaced, granted_ago, seen_ago })
    }

    /// Asks, keeps the lock meanwhile, and leaves what comes to all. The lock goes in any case: whoever waits for it would otherwise wait
    /// until it runs out, and then ask for one more.
    async fn renew(
        self: &Arc<Self>,
        Needed { name, oldest, .. }: Needed,
        owner: String,
        before: Option<Kept>,
        mut ask: Answering<'_, Result<Grant, Error>>,
    ) -> Result<Grant, Error> {
        let mut again = interval(Self::LOCK / 3);
        let args = (&owner, Self::LOCK.as_millis() as u64);
        let keep = |names: &Names| script(KEEP_LOCK, &["string"], &places(names, &name), args);
        let mut granted = loop {
            tokio::select! {
                granted = &mut ask => break granted,
                _ = again.tick() => drop(self.link.ask::<()>(keep).await),
            }
        };
        let (sealed, life) = match &mut granted {
            Ok(grant) => {
                let kept = Kept::of(grant, before, oldest, self.clock.unix_millis());
                let plain = serde_json::to_vec(&kept).unwrap_or_default();
                (self.keys.seal_framed(&sealed_for(&name), &plain), Duration::from_millis(kept.life))
            }
            Err(_) => (Vec::new(), Duration::ZERO),
        };
        self.ask_now_or_behind(Self::LOCK, move |names| unlocking(names, &name, &owner, &sealed, life)).await;
        granted
    }
}

/// Lets the lock go, and leaves what was `sealed` there if it is anything.
fn unlocking(names: &Names, name: &str, owner: &str, sealed: &[u8], life: Duration) -> Cmd {
    script(UNLOCK, &["string"], &places(names, name), (owner, sealed, life.as_millis().max(1) as u64))
}

/// Where a credential lies, and its lock.
fn places(names: &Names, name: &str) -> [String; 2] {
    [format!("credential {name}"), format!("lock of {name}")].map(|thing| names.key(&thing))
}

/// A value that is moved to another name, and so to another organisation, does not open there.
fn sealed_for(name: &str) -> Name {
    let mut of = Name::default();
    of.copy_from_slice(&Sha256::digest(name)[..16]);
    of
}

const LOOK: &str = include_str!("lua/look.lua");
const KEEP_LOCK: &str = include_str!("lua/keep_lock.lua");
const UNLOCK: &str = include_str!("lua/unlock.lua");

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    #[test]
    fn what_is_granted_again_keeps_its_age_and_lives_to_its_day_s_end_and_begins_anew_after_that() {
        const HOUR: u64 = 60 * 60 * 1000;
        let (day, now) = (Duration::from_millis(24 * HOUR), 1_000 * HOUR);
        for (value, seen_ago, life_left, seen_then) in [
            ("same", 3 * HOUR, 2 * HOUR, now - 3 * HOUR),
            ("same", 23 * HOUR, HOUR, now - 23 * HOUR),
            ("same", 24 * HOUR, 2 * HOUR, now),
            ("another", 23 * HOUR, 2 * HOUR, now),
        ] {
            let granted = |value: &str| Grant::new(SecretString::from(value), Duration::from_millis(2 * HOUR)).unwrap();
            let first = Kept::of(&mut granted("same"), None, Some(day), now - seen_ago);
            let kept = Kept::of(&mut granted(value), Some(first), Some(day), now);
            assert_eq!((kept.life, kept.first_seen), (life_left, seen_then), "{value}, first seen {} h ago", seen_ago / HOUR);
        }
    }
}
