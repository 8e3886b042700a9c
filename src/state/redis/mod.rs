//! What several processes of one app share, in Redis or Valkey, 6.2 or later.
//!
//! Pages and signatures never ask it: what they need is followed and looked up in memory. It may be away at any moment, and each use of
//! it says what happens then.
//!
//! | what | while Redis is away | why |
//! | --- | --- | --- |
//! | pages, signatures | as ever, from cookie and memory | nobody is locked out by a cache |
//! | an authCode is used once | once in each process: open | DingTalk itself takes it once |
//! | a login state is used once | once in each process: open | it is bound to its browser and useless without a fresh code |
//! | a session ends | here at once, elsewhere when Redis is back: open | a company that cannot work is worse than a stolen and logged-out cookie for the time of an outage; `/readyz` and `state_reachable` show it |
//! | an event is acknowledged | no: closed | DingTalk sends it again |
//! | access_tokens, tickets | each process its own | one call each; a token that kills another is replaced when it is rejected |
//! | the pace of calls | each process its part of the limit | nobody is refused |
//!
//! A process that ends while Redis is away takes the logouts with it that it could not deliver.

mod names; // What our things are called there.
mod link; // The connection, there or not,
mod follower; // kept up, and everything followed through it.
mod log; // How changes are told to all,
mod claims; // how things are taken once,
mod credentials; // how one renews for all,
mod pace; // and how calls leave in turn.
mod vitals; // What can be seen of it from outside.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use redis::io::tcp::TcpSettings;
use redis::{Client, Cmd, IntoConnectionInfo, ToRedisArgs};
use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::time::timeout;

pub use self::claims::{Claim, Wanted};
use self::follower::Follower;
use self::link::Link;
pub(super) use self::log::Teller;
use self::names::Names;
pub use self::vitals::Vitals;
use super::followed::Tables;
use super::sealing::SealingKeys;
use crate::dingtalk::Clock;

/// This process among the others.
pub(super) struct Redis {
    client: Client,
    /// All keys of one app begin with it. The braces keep them together in a cluster.
    prefix: String,
    keys: SealingKeys,
    clock: Clock,
    pub link: Link,
    /// Which of the processes this is.
    me: String,
    /// So many were there when it was asked last; 0 before.
    processes: AtomicUsize,
    /// That its clock is another, which is told once.
    skew_told: AtomicBool,
    /// On a thread of its own, since it must go on while all others wait for it.
    runtime: Handle,
}

impl Redis {
    /// One that has not heard of others is taken for one of so many.
    const UNHEARD_OF: NonZeroUsize = NonZeroUsize::new(2).unwrap();

    /// Nothing is asked yet: [`Redis::follow`] begins it. All that it does ends with what comes beside it.
    pub fn new(url: &SecretString, app: &str, keys: SealingKeys, clock: Clock) -> io::Result<(Arc<Self>, oneshot::Sender<()>)> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let redis = Self {
            client: client(url).map_err(io::Error::other)?,
            prefix: format!("{{dingtalk-h5:{app}}}:"),
            keys,
            clock,
            link: Link::new(),
            me: hex::encode(rand::random::<[u8; 8]>()),
            processes: AtomicUsize::new(0),
            skew_told: AtomicBool::new(false),
            runtime: runtime.handle().clone(),
        };
        let (until, ends) = oneshot::channel();
        thread::Builder::new().name("redis".to_owned()).spawn(move || drop(runtime.block_on(ends)))?;
        Ok((Arc::new(redis), until))
    }

    /// Keeps the connection up from now on, and has `tables` learn what other processes tell.
    pub fn follow(self: &Arc<Self>, tables: &Arc<Tables>) {
        self.runtime.spawn(Follower::new(Arc::clone(self), Arc::downgrade(tables)).run());
    }

    /// What tells those who share this from all others.
    pub fn shared_word(&self) -> Option<String> {
        self.link.session().ok().map(|session| hex::encode(session.names.of("who shares this")))
    }

    /// Asks now, or as soon as it is there if that is within the time for which it matters: nobody waits for that.
    async fn ask_now_or_behind(self: &Arc<Self>, matters: Duration, question: impl Fn(&Names) -> Cmd + Send + Sync + 'static) {
        if self.link.ask::<()>(&question).await.is_err() {
            self.ask_behind(matters, question);
        }
    }

    /// Asks as soon as it is there, if that is within the time for which it matters, and nobody waits for it.
    fn ask_behind(self: &Arc<Self>, matters: Duration, question: impl Fn(&Names) -> Cmd + Send + Sync + 'static) {
        let redis = Arc::clone(self);
        self.runtime.spawn(timeout(matters, async move {
            while redis.link.ask::<()>(&question).await.is_err() {
                redis.link.is_back().await;
            }
        }));
    }

    /// How many processes there were when it was asked last.
    pub fn processes(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.processes.load(Ordering::Relaxed)).unwrap_or(Self::UNHEARD_OF)
    }
}

fn client(url: &SecretString) -> Result<Client, redis::RedisError> {
    // Small questions must not wait for the answers to others.
    let tcp = TcpSettings::default().set_nodelay(true);
    Client::open(url.expose_secret().into_connection_info()?.set_tcp_settings(tcp))
}

/// What scripts have in common: whatever of another type lies under one of our keys is junk, and the time is that of Redis.
const LIBRARY: &str = r"
local function keep_only(kind, key)
  local there = redis.call('TYPE', key).ok
  if there ~= kind and there ~= 'none' then redis.call('UNLINK', key) end
end
local function milliseconds()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end";

/// A question that Redis answers in one step, by running `script`.
fn script(script: &str, keys: &[String], args: impl ToRedisArgs) -> Cmd {
    let mut eval = redis::cmd("EVAL");
    eval.arg([LIBRARY, script].concat()).arg(keys.len()).arg(keys).arg(args);
    eval
}
