//! What the server gives out and takes back without keeping it: a seal proves that it is its own.

use hmac::Mac;

use crate::web::session::{SessionKeys, mac};

/// Keys for one purpose, derived from the session's. The newest seals, each opens.
pub(super) struct Seals {
    /// One at least, newest first.
    keys: Vec<[u8; 32]>,
}

impl Seals {
    pub fn new(keys: &SessionKeys, purpose: &str) -> Self {
        Self { keys: keys.derived(purpose) }
    }

    /// All `parts` but the last have a fixed length: no two inputs run together to the same bytes.
    pub fn seal(&self, parts: &[&[u8]]) -> [u8; 32] {
        mac(&self.keys[0], parts).finalize().into_bytes().into()
    }

    /// Whether `seal` was made for `parts`.
    pub fn is_genuine(&self, parts: &[&[u8]], seal: &[u8]) -> bool {
        self.keys.iter().any(|key| mac(key, parts).verify_slice(seal).is_ok())
    }
}
