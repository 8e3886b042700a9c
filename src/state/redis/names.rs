//! What our things are called in Redis. A name tells nothing to whoever reads it: it is made with a secret that lies there too, sealed. So it
//! stays the same while session keys come and go, and another secret tells that everything else is another, too.

use super::super::sealing::{Name, Opened, SealingKeys, name};
use super::link::Away;

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

    /// Opens what lies there, and says whether the newest key has sealed it. None: it is junk, or was once ours and is broken, and whoever has
    /// something better may put that there.
    pub fn open(prefix: &str, keys: &SealingKeys, sealed: &[u8]) -> Result<Option<(Self, bool)>, Away> {
        const FOREIGN: &str =
            "another SESSION_KEY, or a later version of this app, has sealed what lies there: give all processes the same keys";
        match keys.open_framed(&SECRET, sealed) {
            Opened::Good { plain, is_newest } => {
                Ok(plain.try_into().ok().map(|secret| (Self { prefix: prefix.to_owned(), secret }, is_newest)))
            }
            Opened::Broken => Ok(None),
            Opened::Foreign => Err(Away(FOREIGN.to_owned())),
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

    /// The name of one thing.
    pub fn of(&self, thing: &[u8]) -> Name {
        name(&self.secret, thing)
    }

    /// The key that it lies under.
    pub fn key(&self, thing: &[u8]) -> String {
        format!("{}{}", self.prefix, hex::encode(self.of(thing)))
    }
}
