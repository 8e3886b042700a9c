//! What our things are called in Redis. A name tells nothing to whoever reads it: it is made with a secret that lies there too, sealed. So it
//! stays the same while session keys come and go, and another secret tells that everything else is another, too.

use redis::Pipeline;

use super::super::sealing::{Name, Opened, SealingKeys, name};
use super::scripts;

/// Makes names.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Names {
    /// All keys of one app begin with it. The braces keep them together in a cluster.
    prefix: String,
    secret: [u8; 32],
}

/// What the secret is sealed for.
const SECRET: Name = *b"names of an app\0";

impl Names {
    /// Where the secret lies.
    pub fn place(prefix: &str) -> String {
        format!("{prefix}names")
    }

    /// Opens what lies there. What was once ours and is broken is replaced, and so is junk: see [`Found`].
    pub fn open(prefix: &str, keys: &SealingKeys, sealed: &[u8]) -> Found {
        match keys.open_framed(&SECRET, sealed) {
            Opened::Good { plain, is_newest } => match <[u8; 32]>::try_from(plain) {
                Ok(secret) => Found::Ours(Self { prefix: prefix.to_owned(), secret }, is_newest),
                Err(_) => Found::Broken,
            },
            Opened::Broken => Found::Broken,
            Opened::Foreign => Found::Foreign,
        }
    }

    /// Others, that nobody has heard of.
    pub fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), secret: rand::random() }
    }

    /// As they lie there.
    pub fn sealed(&self, keys: &SealingKeys) -> Vec<u8> {
        keys.seal_framed(&SECRET, &self.secret)
    }

    /// Puts `new` where `old` is, if it is still there.
    pub fn replace(prefix: &str, old: &[u8], new: &[u8]) -> Pipeline {
        let mut replace = scripts::run(scripts::REPLACE, &[Self::place(prefix)]);
        replace.arg(old).arg(new);
        replace
    }

    /// The name of one thing.
    pub fn of(&self, thing: &[u8]) -> Name {
        name(&self.secret, thing)
    }

    /// The key that it lies under.
    pub fn key(&self, thing: &[u8]) -> String {
        format!("{}{}", self.prefix, hex::encode(self.of(thing)))
    }
}

/// What lies where the secret should be.
pub(super) enum Found {
    /// It, and whether the newest key has sealed it.
    Ours(Names, bool),
    /// Something that nobody can use.
    Broken,
    /// What another key has sealed, or a later version of this app: not ours to touch.
    Foreign,
}
