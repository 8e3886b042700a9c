//! What several processes of one app share, in Redis or Valkey, 6.2 or later.
//!
//! Pages and signatures look up all they need in memory, which follows Redis; they wait for Redis only when a credential has to be fetched.
//! It may be away at any moment:
//!
//! | what | while Redis is away | why |
//! | --- | --- | --- |
//! | pages, signatures | as ever, from cookie and memory | nobody is locked out by a cache |
//! | an authCode is used once | once in each process: fails open | DingTalk itself takes it once |
//! | a login state is used once | once in each process: fails open | it is bound to its browser and useless without a fresh code |
//! | a session ends | here at once, elsewhere when Redis is back: fails open | a company that cannot work is worse than a stolen and logged-out cookie for the time of an outage; `/readyz` and `state_reachable` show it |
//! | an event is acknowledged | no: fails closed | DingTalk sends it again |
//! | access_tokens, tickets | each process its own | one call each; an invalidated token is replaced when it is rejected |
//! | the pace of calls | each process its part of the limit | nobody is refused |
//!
//! Logouts that a process could not publish are lost if it ends while Redis is away.
//!
//! The scripts that Redis runs atomically are in `lua/`. Each says what it is given and what it answers.

mod link; // The connection, up or away.
mod follower; // Keeps it up, and reads what other processes publish.
mod log; // How changes are published to all processes, and read.
mod credentials; // How one process renews a credential for all.
mod pace; // How calls of all processes share DingTalk's limit.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, ToRedisArgs};
use secrecy::SecretString;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::time::timeout;

use self::link::Link;
pub(super) use self::link::{Away, answer, connect};
pub(super) use self::log::Publisher;
use super::sealing::{Name, Opened, SealingKeys, name};
use crate::dingtalk::Clock;

/// What this process shares with the others, and how.
pub(super) struct Redis {
    url: SecretString,
    /// What all keys of this app begin with. The braces put them on the same node of a cluster.
    prefix: String,
    keys: SealingKeys,
    /// How long a session of this process lives at most.
    lifetime: Duration,
    /// The same of all processes, in milliseconds.
    longest_life: AtomicU64,
    clock: Clock,
    pub link: Link,
    /// The random name of this process.
    me: String,
    /// How many processes there were as last seen; 0 before the first answer.
    processes: AtomicUsize,
    /// Whether the log says already that the clock of Redis differs: it says so once.
    skew_told: AtomicBool,
    /// It has a thread of its own, since it must go on while other threads block on it.
    runtime: Handle,
}

impl Redis {
    /// How many processes are assumed before Redis has answered how many there are.
    const UNHEARD_OF: NonZeroUsize = NonZeroUsize::new(2).unwrap();

    /// Does not connect yet: [`Redis::follow`] does. The thread, and all that runs on it, ends when the returned sender is dropped.
    pub fn new(
        url: SecretString,
        app: &str,
        keys: SealingKeys,
        lifetime: Duration,
        clock: Clock,
    ) -> io::Result<(Arc<Self>, oneshot::Sender<()>)> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let redis = Self {
            url,
            prefix: format!("{{dingtalk-h5:{app}}}:"),
            keys,
            lifetime,
            longest_life: AtomicU64::new(lifetime.as_millis() as u64),
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

    /// Sends a command now. If that fails, it is sent again when Redis is back, in the background and for as long as it `matters`.
    pub async fn send_or_retry_in_background(
        self: &Arc<Self>,
        matters: Duration,
        question: impl Fn(&Names) -> Cmd + Send + Sync + 'static,
    ) {
        if self.link.ask::<()>(&question).await.is_err() {
            self.send_in_background(matters, question);
        }
    }

    /// Sends a command in the background: now or when Redis is back, for as long as it `matters`.
    pub fn send_in_background(self: &Arc<Self>, matters: Duration, question: impl Fn(&Names) -> Cmd + Send + Sync + 'static) {
        let redis = Arc::clone(self);
        let send = async move {
            while redis.link.ask::<()>(&question).await.is_err() {
                redis.link.until_up().await;
            }
        };
        // A timer belongs to the runtime that it is made in: that of the caller ends before this one.
        self.runtime.spawn(async move { timeout(matters, send).await });
    }

    /// A new name for an owner of locks or taken things. It begins with the name of this process.
    pub fn owner(&self) -> String {
        format!("{} {}", self.me, hex::encode(rand::random::<[u8; 16]>()))
    }

    /// How long a session of any process lives at most.
    fn longest_life(&self) -> Duration {
        Duration::from_millis(self.longest_life.load(Ordering::Relaxed))
    }

    /// How many processes there were as last seen.
    pub fn processes(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.processes.load(Ordering::Relaxed)).unwrap_or(Self::UNHEARD_OF)
    }
}

/// The names of our things in Redis. They reveal nothing: each is made with a secret, which is stored in Redis as well, sealed. So names
/// stay the same when session keys change, and another secret means that all other data was replaced, too.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Names {
    /// All keys of one app begin with it.
    prefix: String,
    secret: [u8; 32],
}

/// The name under which the secret is sealed.
const SECRET: Name = *b"names of an app\0";

impl Names {
    /// The name of one thing.
    pub fn of(&self, thing: &str) -> Name {
        name(&self.secret, thing)
    }

    /// The Redis key of one thing.
    pub fn key(&self, thing: &str) -> String {
        format!("{}{}", self.prefix, hex::encode(self.of(thing)))
    }

    /// The key of the set of processes that are alive.
    pub fn processes(&self) -> String {
        self.key("processes")
    }
}

impl Redis {
    /// The key of the secret.
    fn place_of_names(&self) -> String {
        format!("{}names", self.prefix)
    }

    /// Opens the stored secret, and says whether the newest key has sealed it. None: nothing is stored, or junk, or something broken, and
    /// it may be overwritten. An error: others have sealed it, and it must be left alone.
    fn open_names(&self, sealed: &[u8]) -> Result<Option<(Names, bool)>, Away> {
        const FOREIGN: &str = "another SESSION_KEY, or a later version of this app, has sealed what lies there: give all processes the same keys, \
                               and put the key that it was sealed with behind a new one, for one start at least";
        let names = |secret| Names { prefix: self.prefix.clone(), secret };
        match self.keys.open_framed(&SECRET, sealed) {
            Opened::Good { plain, is_newest } => Ok(plain.try_into().ok().map(|secret| (names(secret), is_newest))),
            Opened::Broken => Ok(None),
            Opened::Foreign => Err(Away(FOREIGN)),
        }
    }

    /// Writes an entry and removes it, and opens the names if there are any.
    pub async fn try_out(&self) -> Result<(), Away> {
        // Without `library.lua`, which would delete what is of another type.
        let mut trial = redis::cmd("EVAL");
        trial.arg(TRIAL).arg(2).arg(self.place_of_names()).arg(format!("{}trial", self.prefix));
        let sealed: Option<Vec<u8>> = answer(&mut connect(&self.url).await?, &trial).await?;
        self.open_names(&sealed.unwrap_or_default()).map(drop)
    }

    /// The names made with the stored secret, or with a new one if none is stored that could be opened.
    async fn agree_on_names(&self, commands: &mut MultiplexedConnection) -> Result<Names, Away> {
        const NOWHERE: &[u8] = b"\0";
        let mut found = self.replace_names(commands, NOWHERE, NOWHERE).await?;
        for _ in 0..3 {
            let mine = match self.open_names(&found)? {
                Some((names, true)) => return Ok(names),
                Some((names, false)) => names,
                None => Names { prefix: self.prefix.clone(), secret: rand::random() },
            };
            let sealed = self.keys.seal_framed(&SECRET, &mine.secret);
            found = self.replace_names(commands, &found, &sealed).await?;
        }
        Err(Away("several processes keep replacing the secret of the names of keys"))
    }

    /// Replaces `old` with `new` if `old` is still stored. Returns what is stored then.
    async fn replace_names(&self, commands: &mut MultiplexedConnection, old: &[u8], new: &[u8]) -> Result<Vec<u8>, Away> {
        answer(commands, &script(REPLACE, &["string"], &[self.place_of_names()], (old, new))).await
    }
}

const LIBRARY: &str = include_str!("lua/library.lua");
const REPLACE: &str = include_str!("lua/replace.lua");
const TRIAL: &str = include_str!("lua/trial.lua");

/// The command with which Redis runs `script` atomically. `kinds` are the types of the values under `keys`, in the same order; the last one
/// is also that of all further keys.
pub(super) fn script(script: &str, kinds: &[&str], keys: &[String], args: impl ToRedisArgs) -> Cmd {
    let mut eval = redis::cmd("EVAL");
    let script = format!("local kinds = {{'{}'}}\n{LIBRARY}\n{script}", kinds.join("', '"));
    eval.arg(script).arg(keys.len()).arg(keys).arg(args);
    eval
}
