//! The keys that cookies are sealed with. The newest seals; the older ones still open.
//!
//! A sealed cookie is encrypted and authenticated, in the format that the HTTP library calls private. Earlier versions had the library seal
//! them, and their sessions must stay valid after an update.

use std::borrow::Cow;
use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::state::{Sealer, derived, mac};

/// Newest first. There is always one, since splitting a text yields at least one part.
#[derive(Clone)]
pub struct SessionKeys(Vec<Key>);

#[derive(Clone)]
struct Key {
    /// The first 32 bytes: keys for other purposes are derived from them.
    signing: [u8; 32],
    /// Seals cookies with the next 32 bytes.
    sealer: Sealer,
}

const NOT_HEX: &str = "it is not hexadecimal";
const SHORT: &str = "a key is shorter than 64 bytes (128 hexadecimal digits)";
/// Such a key was typed by hand, not generated.
const REPEATING: &str = "a key is not random: it repeats itself";

impl SessionKeys {
    /// 64 random bytes have about 57 different values; fewer than 32 happen once in 10²⁰ keys.
    const MIN_DIFFERENT: usize = 32;

    /// Takes hexadecimal keys separated by commas, newest first. An error never carries the text itself.
    pub fn parse(text: &SecretString) -> Result<Self, &'static str> {
        let keys = text.expose_secret().split(',').map(|key| Self::parse_one(key.trim()));
        keys.collect::<Result<_, _>>().map(Self)
    }

    fn parse_one(text: &str) -> Result<Key, &'static str> {
        let bytes = hex::decode(text).map_err(|_| NOT_HEX)?;
        let (signing, rest) = bytes.split_first_chunk().ok_or(SHORT)?;
        let sealing = rest.first_chunk().ok_or(SHORT)?;
        let different: HashSet<u8> = bytes.iter().copied().collect();
        let steps: HashSet<u8> = bytes.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
        if different.len() < Self::MIN_DIFFERENT || steps.len() < Self::MIN_DIFFERENT {
            return Err(REPEATING);
        }
        Ok(Key { signing: *signing, sealer: Sealer::new(*sealing) })
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Keys for one other purpose, newest first.
    pub fn derived(&self, purpose: &str) -> Vec<[u8; 32]> {
        self.0.iter().map(|key| derived(&key.signing, purpose.as_bytes())).collect()
    }

    /// A proof that this server issued `what` to the holder of `to`, so that the server need not store it. `what` is readable in it. Every
    /// `to` of one `purpose` must have the same length: otherwise two inputs could be joined to the same bytes.
    pub(in crate::web) fn prove(&self, purpose: &str, to: &str, what: &impl Serialize) -> String {
        let said = serde_json::to_vec(what).unwrap_or_default();
        let seal = mac(&self.derived(purpose)[0], &[to.as_bytes(), &said]).finalize().into_bytes();
        hex::encode([&seal[..], &said].concat())
    }

    /// What this server issued to the holder of `to`, if `proof` was made with one of the keys.
    pub(in crate::web) fn proved<T: DeserializeOwned>(&self, purpose: &str, to: &str, proof: &str) -> Option<T> {
        let proof = hex::decode(proof).ok()?;
        let (seal, said) = proof.split_first_chunk::<32>()?;
        self.derived(purpose).into_iter().find(|key| mac(key, &[to.as_bytes(), said]).verify_slice(seal).is_ok())?;
        serde_json::from_slice(said).ok()
    }

    /// The value of the cookie `name` with `what` in it, which nobody without the key can read or forge.
    pub(super) fn seal(&self, name: &str, what: &impl Serialize) -> String {
        let said = serde_json::to_vec(what).unwrap_or_default();
        STANDARD.encode(self.0[0].sealer.seal(name.as_bytes(), &said))
    }

    /// The content of the cookie `name`, if one of the keys sealed it.
    pub(super) fn open<T: DeserializeOwned>(&self, name: &str, value: &str) -> Option<T> {
        // Earlier versions of this app percent-encoded the value. To look for that first would cost 3 % of an answer.
        let unescaped = || STANDARD.decode(Cow::from(percent_decode_str(value)));
        let sealed = STANDARD.decode(value).or_else(|_| unescaped()).ok()?;
        let opened = self.0.iter().find_map(|key| key.sealer.open(name.as_bytes(), &sealed))?;
        serde_json::from_slice(&opened).ok()
    }
}

impl std::fmt::Debug for SessionKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SessionKeys({})", self.count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> SessionKeys {
        parse(&hex::encode(rand::random::<[[u8; 32]; 2]>().concat())).unwrap()
    }

    #[test]
    fn what_was_said_to_one_browser_for_one_purpose_is_proven_for_no_other() {
        let (keys, said) = (keys(), ["ding1a2b"]);
        let proof = keys.prove("purpose", "one browser", &said);
        let proved = |keys: &SessionKeys, purpose: &str, to: &str, proof: &str| keys.proved::<[String; 1]>(purpose, to, proof);
        assert_eq!(proved(&keys, "purpose", "one browser", &proof), Some(said.map(str::to_owned)));
        assert_eq!(proved(&keys, "purpose", "another one", &proof), None);
        assert_eq!(proved(&keys, "another", "one browser", &proof), None);
        assert_eq!(proved(&self::keys(), "purpose", "one browser", &proof), None);
        for nth in 0..proof.len() {
            let mut forged = proof.clone();
            forged.replace_range(nth..=nth, if &proof[nth..=nth] == "0" { "1" } else { "0" });
            assert_eq!(proved(&keys, "purpose", "one browser", &forged), None, "{nth}");
        }
        for malformed in ["", "00", &proof[2..], &format!("{proof}00"), "proof"] {
            assert_eq!(proved(&keys, "purpose", "one browser", malformed), None, "{malformed}");
        }
    }

    fn parse(text: &str) -> Result<SessionKeys, &'static str> {
        SessionKeys::parse(&text.to_owned().into())
    }

    #[test]
    fn a_key_is_64_random_bytes_in_hex() {
        let good = hex::encode(rand::random::<[[u8; 32]; 2]>().concat());
        assert!(parse(&good).is_ok());
        assert!(parse(&format!("{good}, {good}")).is_ok());
        let counting: String = (0u8..64).map(|byte| format!("{byte:02x}")).collect();
        for (bad, why) in [
            ("", SHORT),
            ("change-me", NOT_HEX),
            (&good[..126], SHORT),
            (&"00".repeat(64), REPEATING),
            (&"0123456789abcdef".repeat(8), REPEATING),
            (&counting, REPEATING),
            (&format!("{good},"), SHORT),
        ] {
            assert_eq!(parse(bad).err(), Some(why), "{bad}");
        }
    }
}
