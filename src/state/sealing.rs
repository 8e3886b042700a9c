//! What lies in a file says nothing to whoever reads it, and nobody else can write any of it.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The name of a row: it tells what the row holds to nobody without the key.
pub(super) type Name = [u8; 16];

/// Keys for the rows of a file, newest first. The newest seals, each opens.
#[derive(Clone)]
pub struct SealingKeys(Vec<SealingKey>);

#[derive(Clone)]
struct SealingKey {
    id: [u8; 4],
    naming: [u8; 32],
    cipher: Aes256Gcm,
}

/// What became of opening what several processes can reach.
pub(super) enum Opened {
    Good {
        plain: Vec<u8>,
        is_newest: bool,
    },
    /// It is nothing, or nobody's any more: whoever has something better may put that there.
    Broken,
    /// A later version of this app has written it, or one with a key that is not known here. It must be left alone.
    Foreign,
}

/// By chance for each sealing, so that no two are ever the same: a key is good for 2³² of them (NIST SP 800-38D, 8.3).
const NONCE: usize = 12;

/// What stands before the version of the form, the key's id, and what it has sealed.
const FRAME: &[u8] = b"dh5";
const VERSION: u8 = 1;

impl SealingKeys {
    /// One key at least, newest first, each for this purpose only.
    pub fn new(keys: impl IntoIterator<Item = [u8; 32]>) -> Self {
        let key = |key: [u8; 32]| {
            let [a, b, c, d, ..] = mac(&key, b"id");
            SealingKey { id: [a, b, c, d], naming: mac(&key, b"names"), cipher: Aes256Gcm::new(&mac(&key, b"values").into()) }
        };
        Self(keys.into_iter().map(key).collect())
    }

    /// What the row of `key` is called.
    pub(super) fn name(&self, key: &[u8]) -> Name {
        name(&self.0[0].naming, key)
    }

    /// Seals what the row `name` holds.
    pub(super) fn seal(&self, name: &Name, row: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE] = rand::random();
        let sealed = self.0[0].cipher.encrypt(&nonce.into(), Payload { msg: row, aad: name });
        // It fails for rows of 64 GiB only; what is empty opens as nothing.
        [&nonce[..], &sealed.unwrap_or_default()].concat()
    }

    /// The same with what tells other processes whether they can open it.
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
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        let open = |key: &SealingKey| key.cipher.decrypt(nonce.into(), Payload { msg: sealed, aad: name }).ok();
        self.0.iter().enumerate().find_map(|(nth, key)| open(key).map(|row| (row, nth == 0)))
    }
}

/// What `thing` is called by whoever has this key.
pub(super) fn name(key: &[u8; 32], thing: &[u8]) -> Name {
    let mut name = Name::default();
    name.copy_from_slice(&mac(key, thing)[..16]);
    name
}

/// HMAC with SHA-256.
fn mac(key: &[u8; 32], of: &[u8]) -> [u8; 32] {
    // HMAC takes keys of any length (RFC 2104, section 3); the type only shares its constructor with ciphers that do not.
    #[expect(clippy::expect_used)]
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).expect("hmac takes any key");
    mac.update(of);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_opens_under_its_own_name_and_the_key_that_sealed_it() {
        let (old, new, other) = (rand::random(), rand::random(), rand::random());
        let before = SealingKeys::new([old]);
        let name = before.name(b"code 1");
        let sealed = before.seal(&name, b"what it holds");
        assert_ne!(sealed, before.seal(&name, b"what it holds"));
        let after = SealingKeys::new([new, old]);
        assert_eq!(before.open(&name, &sealed), Some((b"what it holds".to_vec(), true)));
        assert_eq!(after.open(&name, &sealed), Some((b"what it holds".to_vec(), false)));
        assert_ne!(after.name(b"code 1"), name);
        assert_eq!(SealingKeys::new([other]).open(&name, &sealed), None);
        assert_eq!(before.open(&before.name(b"code 2"), &sealed), None);
        for nth in 0..sealed.len() {
            let mut forged = sealed.clone();
            forged[nth] ^= 1;
            assert_eq!(before.open(&name, &forged), None, "{nth}");
        }
    }
}
