//! A credential that renews itself.
//!
//! ```text
//!            renewed                 90 % of its life          its end
//!   empty ───────────▶ fresh ───────────────────────▶ due ───────────────▶ expired
//!     ▲                  ▲       answered at once, │                          │
//!     │ rejected         └──── renewed behind ─────┘       waits for the one  │
//!     └─ (this value only)                                 renewal in flight ─┘
//! ```
//!
//! Reading a fresh value waits for nobody. However many callers need a renewal, one is made, in a task of its own: the request that
//! started it may vanish without hurting the others.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use parking_lot::{Mutex, MutexGuard};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::{Call, Clock, Error, Kind};

/// A credential, and how long it is valid.
#[derive(Debug)]
pub struct Lease<T> {
    /// What DingTalk has granted.
    pub value: T,
    /// How long the value is valid, from when it was granted.
    pub life: Duration,
    /// If true, fetching again does not renew this value but brings another one, which may invalidate this one. So it is used until it
    /// expires.
    pub rotates: bool,
    /// How long ago the value was granted or renewed.
    pub granted_ago: Duration,
    /// How long ago the value was first seen, which may be before it was last renewed.
    pub seen_ago: Duration,
}

impl<T> Lease<T> {
    /// DingTalk grants two hours; more is not believed.
    const LONGEST: Duration = Duration::from_secs(7200);
    /// Beyond a day it is not a lifetime but a mistake.
    const ABSURD: Duration = Duration::from_secs(24 * 60 * 60);

    /// None when `life` is zero or absurd; two hours at most otherwise.
    pub fn new(value: T, life: Duration) -> Option<Self> {
        (!life.is_zero() && life <= Self::ABSURD).then(|| Self {
            value,
            life: life.min(Self::LONGEST),
            rotates: false,
            granted_ago: Duration::ZERO,
            seen_ago: Duration::ZERO,
        })
    }
}

/// How far a credential is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CredentialState {
    /// None was fetched yet, or it was rejected.
    Empty,
    /// Valid.
    Fresh,
    /// Valid, and about to be renewed.
    Due,
    /// No longer valid.
    Expired,
}

type Fetching<T> = Pin<Box<dyn Future<Output = Result<Lease<T>, Error>> + Send>>;
type Outcome<T> = Result<Arc<T>, Error>;
/// What a renewal brings, once it is over.
type Awaited<T> = watch::Receiver<Option<Outcome<T>>>;

/// Holds one credential and renews it by `fetch`.
pub struct Refreshing<T> {
    held: ArcSwapOption<Held<T>>,
    renewal: Mutex<Renewal<T>>,
    /// Fetches the credential. Its argument is the value that was rejected or doubted, if there is one, and is not wanted again.
    fetch: Box<dyn Fn(Option<Arc<T>>) -> Fetching<T> + Send + Sync>,
    /// After this age the value is fetched anew even if it was renewed in between.
    oldest: Option<Duration>,
    clock: Clock,
    call: Call,
    /// Renewals run in this runtime, not in that of the caller.
    runtime: Handle,
}

struct Held<T> {
    value: Arc<T>,
    first_seen: Instant,
    granted: Instant,
    due: Instant,
    expires: Instant,
    /// As [`Lease::rotates`].
    rotates: bool,
}

struct Renewal<T> {
    in_flight: Option<Awaited<T>>,
    /// The value that was rejected while the renewal was in flight. If the renewal brings it again, it was fetched before the rejection, and
    /// the renewal is repeated.
    rejected: Option<Arc<T>>,
    /// The last value that was rejected or doubted, until something is fetched: the next fetch does not take it over from other processes.
    unwanted: Option<Arc<T>>,
    /// How many values in a row with `rotates` were rejected young.
    died_young: u32,
    failed: Option<Failed>,
}

struct Failed {
    times: u32,
    error: Error,
    not_again_before: Instant,
}

impl<T> Renewal<T> {
    const YOUNG: Duration = Duration::from_secs(60);

    /// The last failure, while it is too early to try again.
    fn rests(&self, now: Instant) -> Option<&Failed> {
        self.failed.as_ref().filter(|failed| now < failed.not_again_before)
    }

    /// Two servers whose values invalidate each other would replace them in turn without end: from the second early rejection on, each
    /// server waits.
    fn note_death(&mut self, held: &Held<T>, now: Instant, call: Call) {
        let is_young = held.rotates && now < held.granted + Self::YOUNG;
        self.died_young = if is_young { self.died_young + 1 } else { 0 };
        if self.died_young > 1 {
            let times = self.died_young - 1;
            let error = Error::new(call, Kind::TokenRejected, "rejected again, a moment after it was granted");
            self.failed = Some(Failed { times, error, not_again_before: now + backoff(times) });
        }
    }
}

impl<T: PartialEq + Send + Sync + 'static> Refreshing<T> {
    /// Empty: the first caller makes it fetch. Must be called in the runtime that is to carry the renewals.
    pub fn new<F, R>(call: Call, clock: Clock, oldest: Option<Duration>, fetch: F) -> Arc<Self>
    where
        F: Fn(Option<Arc<T>>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Lease<T>, Error>> + Send + 'static,
    {
        let renewal = Renewal { in_flight: None, rejected: None, unwanted: None, died_young: 0, failed: None };
        Arc::new(Self {
            held: ArcSwapOption::empty(),
            renewal: Mutex::new(renewal),
            fetch: Box::new(move |unwanted| Box::pin(fetch(unwanted))),
            oldest,
            clock,
            call,
            runtime: Handle::current(),
        })
    }

    /// The credential: the held one while it lives, else the one that the present renewal brings.
    pub async fn get(self: &Arc<Self>) -> Outcome<T> {
        let now = self.clock.now_with_sleep();
        if let Some(held) = self.alive(now) {
            if now >= held.due {
                self.renew(now);
            }
            return Ok(Arc::clone(&held.value));
        }
        let outcome = self.renew(now).wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone());
        outcome.unwrap_or_else(|| Err(Error::interrupted(self.call)))
    }

    /// Says that DingTalk no longer accepts `value`. It is dropped only if it is still the held one, so that two hundred requests
    /// that fail together cause one renewal.
    pub fn reject(&self, value: &Arc<T>) {
        let now = self.clock.now_with_sleep();
        let mut renewal = self.renewal.lock();
        if let Some(held) = self.held.load_full().filter(|held| Arc::ptr_eq(&held.value, value)) {
            self.held.store(None);
            renewal.unwanted = Some(Arc::clone(value));
            renewal.rejected = renewal.in_flight.is_some().then(|| Arc::clone(value));
            renewal.note_death(&held, now, self.call);
        }
    }

    /// Says that `value` may no longer be valid, on the word of a caller who may be wrong. If it is still the held one, it is renewed at
    /// once, and used until then. A value with `rotates` is left alone.
    pub fn doubt(self: &Arc<Self>, value: &Arc<T>) {
        let now = self.clock.now_with_sleep();
        let mut renewal = self.renewal.lock();
        let is_held = |held: Arc<Held<T>>| Arc::ptr_eq(&held.value, value) && !held.rotates;
        if self.held.load_full().is_some_and(is_held) && renewal.in_flight.is_none() && renewal.rests(now).is_none() {
            renewal.unwanted = Some(Arc::clone(value));
            self.start(renewal);
        }
    }

    /// The held value, valid or not.
    pub fn held(&self) -> Option<Arc<T>> {
        self.held.load_full().map(|held| Arc::clone(&held.value))
    }

    /// How long ago the held value was granted or renewed.
    pub fn age(&self) -> Option<Duration> {
        let held = self.held.load_full()?;
        Some(self.clock.now_with_sleep().saturating_duration_since(held.granted))
    }

    /// How far the held credential is in its life.
    pub fn state(&self) -> CredentialState {
        let now = self.clock.now_with_sleep();
        match self.held.load().as_ref() {
            None => CredentialState::Empty,
            Some(held) if now >= held.expires => CredentialState::Expired,
            Some(held) if now >= held.due => CredentialState::Due,
            Some(_) => CredentialState::Fresh,
        }
    }

    fn alive(&self, now: Instant) -> Option<Arc<Held<T>>> {
        self.held.load_full().filter(|held| now < held.expires)
    }

    /// Joins the renewal in flight, or starts one unless the last has just failed.
    fn renew(self: &Arc<Self>, now: Instant) -> Awaited<T> {
        let over = |outcome| watch::channel(Some(outcome)).1;
        let renewal = self.renewal.lock();
        if let Some(in_flight) = &renewal.in_flight {
            return in_flight.clone();
        }
        // Another caller's renewal may have ended between our look at `held` and the lock.
        if let Some(held) = self.alive(now).filter(|held| now < held.due) {
            return over(Ok(Arc::clone(&held.value)));
        }
        if let Some(failed) = renewal.rests(now) {
            return over(Err(failed.error.clone()));
        }
        self.start(renewal)
    }

    fn start(self: &Arc<Self>, mut renewal: MutexGuard<'_, Renewal<T>>) -> Awaited<T> {
        let (done, in_flight) = watch::channel(None);
        renewal.in_flight = Some(in_flight.clone());
        let this = Arc::clone(self);
        self.runtime.spawn(async move {
            let outcome = loop {
                let fetching = Arc::clone(&this);
                let unwanted = this.renewal.lock().unwanted.clone();
                // In a task of its own, so that not even a panic in `fetch` leaves everybody waiting.
                let fetched = this.runtime.spawn(async move { (fetching.fetch)(unwanted).await }).await;
                if let Some(outcome) = this.conclude(fetched.unwrap_or_else(|_| Err(Error::interrupted(this.call)))) {
                    break outcome;
                }
            };
            done.send_replace(Some(outcome));
        });
        in_flight
    }

    /// None if the fetch brought the very value that was rejected meanwhile: it began before the rejection, so it must be repeated.
    fn conclude(&self, fetched: Result<Lease<T>, Error>) -> Option<Outcome<T>> {
        let mut renewal = self.renewal.lock();
        if let (Ok(lease), Some(rejected)) = (&fetched, renewal.rejected.take())
            && lease.value == *rejected
        {
            return None;
        }
        renewal.in_flight = None;
        let now = self.clock.now_with_sleep();
        Some(match fetched {
            Ok(lease) => {
                renewal.unwanted = None;
                if let Some(failed) = renewal.failed.take() {
                    tracing::info!(call = %self.call, tries = failed.times, "a credential was renewed at last");
                }
                let held = Arc::new(self.hold(lease, now));
                self.held.store(Some(Arc::clone(&held)));
                Ok(Arc::clone(&held.value))
            }
            Err(error) => {
                let times = renewal.failed.as_ref().map_or(1, |failed| failed.times + 1);
                renewal.failed = Some(Failed { times, error: error.clone(), not_again_before: now + error.rest(backoff(times)) });
                // Logged at the first failure only. Each request that fails because of it is logged with the reason.
                if times == 1 {
                    let still_valid = self.alive(now).is_some();
                    tracing::warn!(%error, fix = error.fix(), still_valid, "a credential cannot be renewed");
                }
                Err(error)
            }
        })
    }

    /// A value that came back unchanged keeps its `Arc`, so that a caller who still uses it can reject it, and keeps its age.
    fn hold(&self, lease: Lease<T>, now: Instant) -> Held<T> {
        let ago = |ago: Duration| now.checked_sub(ago).unwrap_or(now);
        let (granted, seen) = (ago(lease.granted_ago), ago(lease.seen_ago));
        let before = self.held.load_full().filter(|held| *held.value == lease.value);
        let (value, first_seen) = match before {
            Some(held) if self.oldest.is_none_or(|oldest| now < held.first_seen + oldest) => {
                (Arc::clone(&held.value), held.first_seen.min(seen))
            }
            _ => (Arc::new(lease.value), seen),
        };
        let cap = self.oldest.map(|oldest| (first_seen + oldest).saturating_duration_since(granted));
        let life = cap.map_or(lease.life, |cap| lease.life.min(cap));
        let due = if lease.rotates { life } else { due_after(life) };
        Held { value, first_seen, granted, due: granted + due, expires: granted + life, rotates: lease.rotates }
    }
}

/// One second, doubled with each failure up to half a minute, and up to a quarter less by chance.
fn backoff(failures: u32) -> Duration {
    let full = Duration::from_secs(1 << failures.saturating_sub(1).min(5)).min(Duration::from_secs(30));
    full.mul_f64(1.0 - rand::random::<f64>() * 0.25)
}

/// A renewal begins this long before the value expires: it may take two calls, and a call may take five seconds.
const LEAD: Duration = Duration::from_secs(10);

/// How much of `life` passes before a renewal: 90 %, less up to 5 % so that many servers do not renew at the same time. A tenth of a
/// short life is too short for a renewal: there it is [`LEAD`] before the end, but not before half of the life.
fn due_after(life: Duration) -> Duration {
    let usual = life.mul_f64(0.90 - rand::random::<f64>() * 0.05);
    usual.min(life.saturating_sub(LEAD).max(life / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_due_when_there_is_still_time_to_renew_it() {
        for seconds in [1, 3, 5, 12, 20, 60, 7200] {
            let life = Duration::from_secs(seconds);
            let due = due_after(life);
            assert!(life - due >= LEAD.min(life / 2), "{life:?}: due after {due:?}");
            assert!(due >= life / 2, "{life:?}: due after {due:?}");
        }
        assert!(due_after(Duration::from_secs(7200)) >= Duration::from_secs(6120), "a long life is used");
    }

    #[test]
    fn lifetimes_are_two_hours_at_most_and_absurd_ones_refused() {
        assert!(Lease::new((), Duration::ZERO).is_none());
        assert!(Lease::new((), Duration::from_secs(u64::MAX)).is_none());
        for (said, life) in [(1, 1), (299, 299), (7199, 7199), (7201, 7200), (86_400, 7200)] {
            assert_eq!(Lease::new((), Duration::from_secs(said)).unwrap().life, Duration::from_secs(life));
        }
    }
}
