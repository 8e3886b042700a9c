//! What the server gives out and takes back without keeping it: a seal proves that it is its own.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::web::session::SessionKeys;

/// Keys for one purpose, derived from the session's. The newest seals, each opens.
pub(super) struct Seals {
    /// One at least, newest first.
    keys: Vec<[u8; 32]>,
}

impl Seals {
    pub fn new(keys: &SessionKeys, purpose: &[u8]) -> Self {
        Self { keys: keys.all().map(|key| mac(key.signing(), &[purpose]).finalize().into_bytes().into()).collect() }
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

fn mac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    // HMAC takes keys of any length (RFC 2104, section 3); the type only shares its constructor with ciphers that do not.
    #[expect(clippy::expect_used)]
    let mut mac = Hmac::new_from_slice(key).expect("hmac takes any key");
    parts.iter().for_each(|part| mac.update(part));
    mac
}
