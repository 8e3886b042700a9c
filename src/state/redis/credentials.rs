//! Credentials that one process renews for all.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use redis::Cmd;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, interval, sleep};

use super::super::sealing::{Name, Opened};
use super::link::{Away, Link};
use super::{Names, Redis, script};
use crate::dingtalk::{Clock, Error, Grant, Needed};

/// A credential as it is stored in Redis, where it is sealed.
#[derive(Serialize, Deserialize)]
struct StoredCredential {
    value: String,
    /// In milliseconds, from when it was granted.
    life: u64,
    /// Stored by the name that earlier versions know.
    #[serde(rename = "is_replaced")]
    rotates: bool,
    /// Unix milliseconds, by the clock of Redis.
    granted: u64,
    first_seen: u64,
}

impl StoredCredential {
    /// A credential that was granted `now`. If it has the same value as `before`, it keeps the age of that, and lives at most until it is
    /// `oldest` old. A value that is granted again after that counts as new, as it does in a process that is alone.
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
            rotates: grant.rotates,
            granted: now,
            first_seen: now.saturating_sub(grant.seen_ago.as_millis() as u64),
        }
    }
}

/// What was found where a credential is stored.
enum Lookup {
    Fresh(Grant),
    /// A credential has to be fetched, and the lock is ours. The one that was stored before, if any, may have the same value.
    Due(Option<StoredCredential>),
    /// Another process is fetching one.
    DueElsewhere,
    /// Another version, or an unknown key, has written it: it must be left alone.
    Foreign,
}

impl Redis {
    /// The life of a lock. A process prolongs its lock while it fetches. If it is killed meanwhile, the others wait for so long.
    const LOCK: Duration = Duration::from_secs(3);
    /// How long a process waits for a credential that another one fetches, before it fetches one for itself. A fetch, with its wait for a
    /// turn, takes longer only if DingTalk refuses call after call.
    const LONGEST_WAIT: Duration = Duration::from_secs(9);

    /// The credential that is stored in Redis, if it is fresh; else the one that `ask` fetches.
    pub async fn credential(self: &Arc<Self>, needed: Needed, ask: BoxFuture<'_, Result<Grant, Error>>) -> Result<Grant, Error> {
        let owner = self.owner();
        let gives_up = Instant::now() + Self::LONGEST_WAIT;
        let mut back_by = Instant::now() + Link::TIMEOUT;
        loop {
            match self.look(&needed, &owner).await {
                Ok(Lookup::Due(before)) => return self.renew(needed, owner, before, ask).await,
                Ok(Lookup::DueElsewhere) if Instant::now() < gives_up => {
                    sleep(Duration::from_millis(rand::random_range(40..80))).await;
                    back_by = Instant::now() + Link::TIMEOUT;
                }
                // Waits for Redis: a credential that this process fetches alone may invalidate the one that all others hold.
                Err(_) if self.link.is_back_by(back_by).await => {}
                found => {
                    // The lock may be ours although the answer was lost.
                    self.send_in_background(Self::LOCK, move |names| unlocking(names, &needed.name, &owner, &[], Duration::ZERO));
                    return match found {
                        Ok(Lookup::Fresh(grant)) => Ok(grant),
                        // Whatever the reason is, this process can fetch a credential for itself.
                        _ => ask.await,
                    };
                }
            }
        }
    }

    /// Reads the stored credential, and locks it unless another process has.
    async fn look(&self, needed: &Needed, owner: &str) -> Result<Lookup, Away> {
        let life = Self::LOCK.as_millis() as u64;
        let (is_mine, sealed): (bool, Vec<u8>) =
            self.link.ask(|names| script(LOOK, &["string"], &places(names, &needed.name), (owner, life))).await?;
        Ok(match self.judge(needed, &sealed) {
            Lookup::Due(_) if !is_mine => Lookup::DueElsewhere,
            found => found,
        })
    }

    fn judge(&self, Needed { name, unwanted, .. }: &Needed, sealed: &[u8]) -> Lookup {
        let stored = match self.keys.open_framed(&sealed_for(name), sealed) {
            Opened::Foreign => return Lookup::Foreign,
            Opened::Broken => None,
            Opened::Good { plain, .. } => serde_json::from_slice::<StoredCredential>(&plain).ok(),
        };
        let Some(stored) = stored else { return Lookup::Due(None) };
        let now = self.clock.unix_millis();
        let ago = |then: u64| Duration::from_millis(now.saturating_sub(then));
        let life = Duration::from_millis(stored.life);
        let granted_ago = ago(stored.granted);
        // Processes find a credential due at 85 to 90 % of its life: the first one that asks renews it.
        let fresh_for = if stored.rotates { life } else { life.mul_f64(0.85) };
        // The clock of Redis was ahead, so that nothing says how old it is.
        let is_ahead = stored.granted > now + Clock::SKEW.as_millis() as u64;
        if is_ahead
            || granted_ago >= fresh_for
            || unwanted.as_ref().is_some_and(|unwanted| unwanted.expose_secret() == stored.value)
        {
            return Lookup::Due(Some(stored));
        }
        let seen_ago = ago(stored.first_seen);
        Lookup::Fresh(Grant { value: stored.value.into(), life, rotates: stored.rotates, granted_ago, seen_ago })
    }

    /// Fetches a credential, prolongs the lock meanwhile, and stores the result for all. The lock is released in any case: those who wait
    /// for it would otherwise wait until it expires, and then fetch one more.
    async fn renew(
        self: &Arc<Self>,
        Needed { name, oldest, .. }: Needed,
        owner: String,
        before: Option<StoredCredential>,
        mut ask: BoxFuture<'_, Result<Grant, Error>>,
    ) -> Result<Grant, Error> {
        let mut granted = tokio::select! {
            granted = &mut ask => granted,
            never = self.prolong(&name, &owner) => match never {},
        };
        let (sealed, life) = match &mut granted {
            Ok(grant) => {
                let stored = StoredCredential::of(grant, before, oldest, self.clock.unix_millis());
                let plain = serde_json::to_vec(&stored).unwrap_or_default();
                (self.keys.seal_framed(&sealed_for(&name), &plain), Duration::from_millis(stored.life))
            }
            Err(_) => (Vec::new(), Duration::ZERO),
        };
        self.send_or_retry_in_background(Self::LOCK, move |names| unlocking(names, &name, &owner, &sealed, life)).await;
        granted
    }

    /// Prolongs the lock now and again, until this is dropped.
    async fn prolong(&self, name: &str, owner: &str) -> Infallible {
        let mut again = interval(Self::LOCK / 3);
        let args = (owner, Self::LOCK.as_millis() as u64);
        loop {
            again.tick().await;
            // If that fails, the next attempt may succeed, or the lock expires.
            let _ = self.link.ask::<()>(|names| script(KEEP_LOCK, &["string"], &places(names, name), args)).await;
        }
    }
}

/// Releases the lock, and stores `sealed` unless that is empty.
fn unlocking(names: &Names, name: &str, owner: &str, sealed: &[u8], life: Duration) -> Cmd {
    script(UNLOCK, &["string"], &places(names, name), (owner, sealed, life.as_millis().max(1) as u64))
}

/// The keys of a credential and of its lock.
fn places(names: &Names, name: &str) -> [String; 2] {
    [format!("credential {name}"), format!("lock of {name}")].map(|thing| names.key(&thing))
}

/// The name for which a credential is sealed. Moved to another key, such as that of another organisation, it does not open.
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
            let first = StoredCredential::of(&mut granted("same"), None, Some(day), now - seen_ago);
            let stored = StoredCredential::of(&mut granted(value), Some(first), Some(day), now);
            assert_eq!((stored.life, stored.first_seen), (life_left, seen_then), "{value}, first seen {} h ago", seen_ago / HOUR);
        }
    }
}
