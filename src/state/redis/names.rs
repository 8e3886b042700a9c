//! What our things are called in Redis. A name tells nothing to whoever reads it: it is made with a secret that lies there too, sealed. So it
//! stays the same while session keys come and go, and another secret tells that everything else is another, too.

use redis::aio::MultiplexedConnection;

use super::super::sealing::{Name, Opened, name};
use super::link::{Away, answer};
use super::{Redis, script};

/// Makes names.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::state) struct Names {
    /// All keys of one app begin with it.
    prefix: String,
    secret: [u8; 32],
}

/// What the secret is sealed for.
const SECRET: Name = *b"names of an app\0";

impl Names {
    /// The name of one thing.
    pub fn of(&self, thing: impl AsRef<[u8]>) -> Name {
        name(&self.secret, thing.as_ref())
    }

    /// The key that it lies under.
    pub fn key(&self, thing: impl AsRef<[u8]>) -> String {
        format!("{}{}", self.prefix, hex::encode(self.of(thing)))
    }
}

impl Redis {
    /// Where the secret lies.
    pub(super) fn place_of_names(&self) -> String {
        format!("{}names", self.prefix)
    }

    /// Opens what lies there, and says whether the newest key has sealed it. None: it is junk, or was once ours and is broken, and whoever has
    /// something better may put that there.
    pub(super) fn open_names(&self, sealed: &[u8]) -> Result<Option<(Names, bool)>, Away> {
        const FOREIGN: &str =
            "another SESSION_KEY, or a later version of this app, has sealed what lies there: give all processes the same keys";
        let names = |secret| Names { prefix: self.prefix.clone(), secret };
        match self.keys.open_framed(&SECRET, sealed) {
            Opened::Good { plain, is_newest } => Ok(plain.try_into().ok().map(|secret| (names(secret), is_newest))),
            Opened::Broken => Ok(None),
            Opened::Foreign => Err(Away(FOREIGN)),
        }
    }

    /// The names that lie there, or new ones if there are none that anybody could use.
    pub(super) async fn agree_on_names(&self, commands: &mut MultiplexedConnection) -> Result<Names, Away> {
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
        answer(commands, &script(REPLACE, &[self.place_of_names()], (old, new))).await
    }
}

/// KEYS: where; ARGV: what was found there, what is to be there.
const REPLACE: &str = r"
keep_only('string', KEYS[1])
local there = redis.call('GET', KEYS[1]) or ''
if there == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2]) end
return redis.call('GET', KEYS[1]) or ''";
