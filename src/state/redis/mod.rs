//! What several processes of one app share, in Redis or Valkey, 6.2 or later.
//!
//! Pages and signatures never ask it, but for a credential that has to be fetched: what they need is followed and looked up in memory. It may
//! be away at any moment, and each use of it says what happens then.
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
//!
//! What Redis does in one step stands in `lua/`, each script with what it is given and answers.

mod link; // The connection, there or not,
mod follower; // and kept up.
mod log; // How changes are told to all, and learnt,
mod credentials; // how one renews for all,
mod pace; // and how calls leave in turn.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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
pub(super) use self::log::Teller;
use super::sealing::{Name, Opened, SealingKeys, name};
use crate::dingtalk::Clock;

/// This process among the others.
pub(super) struct Redis {
    url: SecretString,
    /// Of all keys of one app. The braces keep them together in a cluster.
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

    /// Nothing is asked yet: [`Redis::follow`] begins that. All that it does ends with what comes beside it.
    pub fn new(url: SecretString, app: &str, keys: SealingKeys, clock: Clock) -> io::Result<(Arc<Self>, oneshot::Sender<()>)> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let redis = Self {
            url,
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

    /// Asks now, or as soon as it is there if that is within the time for which it matters: nobody waits for that.
    pub async fn ask_now_or_behind(
        self: &Arc<Self>,
        matters: Duration,
        question: impl Fn(&Names) -> Cmd + Send + Sync + 'static,
    ) {
        if self.link.ask::<()>(&question).await.is_err() {
            self.ask_behind(matters, question);
        }
    }

    /// Asks as soon as it is there, if that is within the time for which it matters, and nobody waits for it.
    pub fn ask_behind(self: &Arc<Self>, matters: Duration, question: impl Fn(&Names) -> Cmd + Send + Sync + 'static) {
        let redis = Arc::clone(self);
        self.runtime.spawn(timeout(matters, async move {
            while redis.link.ask::<()>(&question).await.is_err() {
                redis.link.until_up().await;
            }
        }));
    }

    /// A name for whoever takes something there, which begins with that of this process.
    pub fn owner(&self) -> String {
        format!("{} {}", self.me, hex::encode(rand::random::<[u8; 16]>()))
    }

    /// How many processes there were when it was asked last.
    pub fn processes(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.processes.load(Ordering::Relaxed)).unwrap_or(Self::UNHEARD_OF)
    }
}

/// What our things are called there. A name tells nothing to whoever reads it: it is made with a secret that lies there too, sealed. So it
/// stays the same while session keys come and go, and another secret tells that everything else is another, too.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Names {
    /// All keys of one app begin with it.
    prefix: String,
    secret: [u8; 32],
}

/// What the secret is sealed for.
const SECRET: Name = *b"names of an app\0";

impl Names {
    /// The name of one thing.
    pub fn of(&self, thing: &str) -> Name {
        name(&self.secret, thing)
    }

    /// The key that it lies under.
    pub fn key(&self, thing: &str) -> String {
        format!("{}{}", self.prefix, hex::encode(self.of(thing)))
    }

    /// Where the processes are that were heard of lately.
    pub fn processes(&self) -> String {
        self.key("processes")
    }
}

impl Redis {
    /// Where the secret lies.
    fn place_of_names(&self) -> String {
        format!("{}names", self.prefix)
    }

    /// Opens what lies there, and says whether the newest key has sealed it. None: it is junk, or was once ours and is broken, and whoever has
    /// something better may put that there.
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

    /// The names that lie there, or new ones if there are none that anybody could use.
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
        Err(Away("its names keep changing"))
    }

    /// Puts `new` where `old` is, if it is still there. What is there then.
    async fn replace_names(&self, commands: &mut MultiplexedConnection, old: &[u8], new: &[u8]) -> Result<Vec<u8>, Away> {
        answer(commands, &script(REPLACE, &["string"], &[self.place_of_names()], (old, new))).await
    }
}

const LIBRARY: &str = include_str!("lua/library.lua");
const REPLACE: &str = include_str!("lua/replace.lua");

/// A question that Redis answers in one step, by running `script`. Under each of the `keys` lies something of the kind that stands in its
/// place, or of the last kind.
pub(super) fn script(script: &str, kinds: &[&str], keys: &[String], args: impl ToRedisArgs) -> Cmd {
    let mut eval = redis::cmd("EVAL");
    let script = format!("local kinds = {{'{}'}}\n{LIBRARY}\n{script}", kinds.join("', '"));
    eval.arg(script).arg(keys.len()).arg(keys).arg(args);
    eval
}
