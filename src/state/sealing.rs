//! Seals what is stored outside of the app, in a file, in Redis or in a browser: without the key nobody can read or forge it.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Seals with one key (AES-256-GCM).
#[derive(Clone)]
pub struct Sealer(Aes256Gcm);

/// The name of a row. Without the key it reveals nothing of what the row holds.
pub(super) type Name = [u8; 16];

/// Keys for what is kept in a file or in Redis, newest first. The newest seals, each opens.
#[derive(Clone)]
pub struct SealingKeys(Vec<SealingKey>);

#[derive(Clone)]
struct SealingKey {
    id: [u8; 4],
    naming: [u8; 32],
    sealer: Sealer,
}

/// The result of opening a value that several processes can write.
pub(super) enum Opened {
    Good {
        plain: Vec<u8>,
        is_newest: bool,
    },
    /// It is empty, junk or broken, and may be overwritten.
    Broken,
    /// A later version of this app has written it, or one with a key that is not known here. It must be left alone.
    Foreign,
}

/// The length of a nonce in bytes. Nonces are random, and no two are the same for up to 2³² sealings with one key (NIST SP 800-38D, 8.3).
const NONCE: usize = 12;

/// The first bytes of a framed value. After them come the version of the format, the key's id, and what the key has sealed.
const FRAME: &[u8] = b"dh5";
const VERSION: u8 = 1;

impl Sealer {
    /// Seals with `key`, which must not be used for anything else.
    pub fn new(key: [u8; 32]) -> Self {
        Self(Aes256Gcm::new(&key.into()))
    }

    /// Encrypts `plain`. It opens only with the same key and under the same `name`.
    pub fn seal(&self, name: &[u8], plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE] = rand::random();
        let sealed = self.0.encrypt(&nonce.into(), Payload { msg: plain, aad: name });
        // Encryption fails for 64 GiB only. Then the result is the nonce alone, which does not open.
        [&nonce[..], &sealed.unwrap_or_default()].concat()
    }

    /// Decrypts what was sealed with this key under this name. None if it was not.
    pub fn open(&self, name: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        self.0.decrypt(nonce.into(), Payload { msg: sealed, aad: name }).ok()
    }
}

impl SealingKeys {
    /// One key at least, newest first, each for this purpose only.
    pub fn new(keys: impl IntoIterator<Item = [u8; 32]>) -> Self {
        let key = |key: [u8; 32]| {
            let [a, b, c, d, ..] = derived(&key, b"id");
            SealingKey { id: [a, b, c, d], naming: derived(&key, b"names"), sealer: Sealer::new(derived(&key, b"values")) }
        };
        Self(keys.into_iter().map(key).collect())
    }

    /// The name of the row of `thing`.
    pub(super) fn name(&self, thing: &str) -> Name {
        name(&self.0[0].naming, thing)
    }

    /// Seals what the row `name` holds.
    pub(super) fn seal(&self, name: &Name, row: &[u8]) -> Vec<u8> {
        self.0[0].sealer.seal(name, row)
    }

    /// Seals in the same way, behind a frame that tells other processes whether they can open it.
    pub(super) fn seal_framed(&self, name: &Name, plain: &[u8]) -> Vec<u8> {
        [FRAME, &[VERSION], &self.0[0].id, &self.seal(name, plain)].concat()
    }

    /// Opens what [`SealingKeys::seal_framed`] has made, here or elsewhere.
    pub(super) fn open_framed(&self, name: &Name, framed: &[u8]) -> Opened {
        let Some((version, rest)) = framed.strip_prefix(FRAME).and_then(<[u8]>::split_first) else { return Opened::Broken };
        let Some((id, sealed)) = rest.split_first_chunk::<4>() else { return Opened::Broken };
        if *version != VERSION || self.0.iter().all(|key| key.id != *id) {
            return Opened::Foreign;
        }
        self.open(name, sealed).map_or(Opened::Broken, |(plain, is_newest)| Opened::Good { plain, is_newest })
    }

    /// What the row `name` holds, and whether the newest key has sealed it. None if none of them has.
    pub(super) fn open(&self, name: &Name, sealed: &[u8]) -> Option<(Vec<u8>, bool)> {
        self.0.iter().enumerate().find_map(|(nth, key)| key.sealer.open(name, sealed).map(|row| (row, nth == 0)))
    }
}

/// The name of `thing`, made with this key.
pub(super) fn name(key: &[u8; 32], thing: &str) -> Name {
    let mut name = Name::default();
    name.copy_from_slice(&derived(key, thing.as_bytes())[..16]);
    name
}

/// A key for this purpose only, made of another.
pub fn derived(key: &[u8], purpose: &[u8]) -> [u8; 32] {
    mac(key, &[purpose]).finalize().into_bytes().into()
}

/// HMAC with SHA-256 over all these parts: it proves that somebody with this key wrote them.
pub fn mac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    // HMAC takes keys of any length (RFC 2104, section 3); the type only shares its constructor with ciphers that do not.
    #[expect(clippy::expect_used)]
    let mut mac = Hmac::new_from_slice(key).expect("hmac takes any key");
    parts.iter().for_each(|part| mac.update(part));
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_opens_under_its_own_name_and_the_key_that_sealed_it() {
        let (old, new, other) = (rand::random(), rand::random(), rand::random());
        let before = SealingKeys::new([old]);
        let name = before.name("code 1");
        let sealed = before.seal(&name, b"what it holds");
        assert_ne!(sealed, before.seal(&name, b"what it holds"));
        let after = SealingKeys::new([new, old]);
        assert_eq!(before.open(&name, &sealed), Some((b"what it holds".to_vec(), true)));
        assert_eq!(after.open(&name, &sealed), Some((b"what it holds".to_vec(), false)));
        assert_ne!(after.name("code 1"), name);
        assert_eq!(SealingKeys::new([other]).open(&name, &sealed), None);
        assert_eq!(before.open(&before.name("code 2"), &sealed), None);
        for nth in 0..sealed.len() {
            let mut forged = sealed.clone();
            forged[nth] ^= 1;
            assert_eq!(before.open(&name, &forged), None, "{nth}");
        }
    }
}
