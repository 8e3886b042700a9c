//! The keys that cookies are sealed with. The newest seals; the older ones still open.
//!
//! A sealed cookie is what the HTTP library calls a private one. Earlier versions had it make them, and sessions outlive an update.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::state::Sealer;

/// One key or more, newest first.
#[derive(Clone)]
pub struct SessionKeys {
    newest: Key,
    older: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    /// Other keys are derived from this half of it.
    signing: [u8; 32],
    /// Seals cookies with the other half.
    sealer: Sealer,
}

/// Why a text is not a list of keys. Never carries the text itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSessionKeys {
    /// Something else than hexadecimal digits and commas.
    #[error("it is not hexadecimal")]
    NotHex,
    /// Less than 64 bytes.
    #[error("a key is shorter than 64 bytes (128 hexadecimal digits)")]
    Short,
    /// Typed by hand rather than drawn by chance.
    #[error("a key is not random: it repeats itself")]
    Repeating,
}

impl SessionKeys {
    /// 64 random bytes have about 57 different values; fewer than 32 happen once in 10²⁰ keys.
    const MIN_DIFFERENT: usize = 32;

    /// Takes hexadecimal keys separated by commas, newest first.
    pub fn parse(text: &SecretString) -> Result<Self, InvalidSessionKeys> {
        let mut keys = text.expose_secret().split(',').map(|key| Self::parse_one(key.trim()));
        // `split` always yields one part at least.
        let newest = keys.next().unwrap_or(Err(InvalidSessionKeys::Short))?;
        Ok(Self { newest, older: keys.collect::<Result<_, _>>()? })
    }

    fn parse_one(text: &str) -> Result<Key, InvalidSessionKeys> {
        let bytes = hex::decode(text).map_err(|_| InvalidSessionKeys::NotHex)?;
        let (signing, rest) = bytes.split_first_chunk().ok_or(InvalidSessionKeys::Short)?;
        let sealing = rest.first_chunk().ok_or(InvalidSessionKeys::Short)?;
        let different: std::collections::HashSet<u8> = bytes.iter().copied().collect();
        let steps: std::collections::HashSet<u8> = bytes.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
        if different.len() < Self::MIN_DIFFERENT || steps.len() < Self::MIN_DIFFERENT {
            return Err(InvalidSessionKeys::Repeating);
        }
        Ok(Key { signing: *signing, sealer: Sealer::new(*sealing) })
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        1 + self.older.len()
    }

    /// Newest first.
    fn all(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.newest).chain(&self.older)
    }

    /// Keys for one other purpose, newest first.
    pub fn derived(&self, purpose: &str) -> Vec<[u8; 32]> {
        self.all().map(|key| mac(&key.signing, &[purpose.as_bytes()]).finalize().into_bytes().into()).collect()
    }

    /// The value of the cookie `name` that says `text`, which nobody else can read or write.
    pub(super) fn seal(&self, name: &str, text: &str) -> String {
        STANDARD.encode(self.newest.sealer.seal(name.as_bytes(), text.as_bytes()))
    }

    /// What the cookie `name` says, if one of the keys has sealed it.
    pub(super) fn open(&self, name: &str, value: &str) -> Option<String> {
        // Earlier versions of this app have escaped it.
        let sealed = STANDARD.decode(Cow::from(percent_decode_str(value))).ok()?;
        let opened = self.all().find_map(|key| key.sealer.open(name.as_bytes(), &sealed))?;
        String::from_utf8(opened).ok()
    }
}

pub(in crate::web) fn mac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    // HMAC takes keys of any length (RFC 2104, section 3); the type only shares its constructor with ciphers that do not.
    #[expect(clippy::expect_used)]
    let mut mac = Hmac::new_from_slice(key).expect("hmac takes any key");
    parts.iter().for_each(|part| mac.update(part));
    mac
}

impl std::fmt::Debug for SessionKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SessionKeys({})", self.count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SessionKeys, InvalidSessionKeys> {
        SessionKeys::parse(&text.to_owned().into())
    }

    #[test]
    fn a_key_is_64_random_bytes_in_hex() {
        let good = hex::encode(rand::random::<[[u8; 32]; 2]>().concat());
        assert!(parse(&good).is_ok());
        assert!(parse(&format!("{good}, {good}")).is_ok());
        let counting: String = (0u8..64).map(|byte| format!("{byte:02x}")).collect();
        for (bad, why) in [
            ("", InvalidSessionKeys::Short),
            ("change-me", InvalidSessionKeys::NotHex),
            (&good[..126], InvalidSessionKeys::Short),
            (&"00".repeat(64), InvalidSessionKeys::Repeating),
            (&"0123456789abcdef".repeat(8), InvalidSessionKeys::Repeating),
            (&counting, InvalidSessionKeys::Repeating),
            (&format!("{good},"), InvalidSessionKeys::Short),
        ] {
            assert_eq!(parse(bad).err(), Some(why), "{bad}");
        }
    }
}
