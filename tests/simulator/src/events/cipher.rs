//! How an event that is pushed over HTTP, and the answer to it, are encrypted and signed.

use aes::Aes256;
use base64::Engine;
use base64::alphabet::STANDARD as LETTERS;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use cbc::{Decryptor, Encryptor};
use sha1::{Digest, Sha1};

/// The padding is PKCS#7 with a block of this length in bytes, twice that of AES. The key has the same length.
const BLOCK: usize = 32;
const RANDOM: usize = 16;
const LENGTH: usize = 4;

/// The callback token and the AES key of an app, and the owner in its messages: the clientId.
pub struct Cipher<'a> {
    token: &'a str,
    key: [u8; BLOCK],
    owner: &'a str,
}

/// What is wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Key,
    Signature,
    Base64,
    Padding,
    Length,
    Owner,
}

impl<'a> Cipher<'a> {
    pub fn new(token: &'a str, aes_key: &str, owner: &'a str) -> Result<Self, Fault> {
        // 43 letters are 258 bits, two more than the key has. In some published keys these two are not zero.
        let config = GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::RequireNone);
        let key = GeneralPurpose::new(&LETTERS, config).decode(aes_key).map_err(|_| Fault::Key)?;
        Ok(Self { token, key: key.try_into().map_err(|_| Fault::Key)?, owner })
    }

    pub fn encrypt(&self, message: &str, random: [u8; RANDOM]) -> String {
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
        let mut plain = [&random[..], &length.to_be_bytes(), message.as_bytes(), self.owner.as_bytes()].concat();
        let padding = BLOCK - plain.len() % BLOCK;
        // At most the length of a block, which fits into a byte.
        plain.extend(std::iter::repeat_n(padding as u8, padding));
        let length = plain.len();
        let encryptor = Encryptor::<Aes256>::new(&self.key.into(), &self.iv().into());
        // This does not fail: the padding has made it whole blocks.
        let encrypted = encryptor.encrypt_padded::<NoPadding>(&mut plain, length).map(<[u8]>::to_vec).unwrap_or_default();
        STANDARD.encode(encrypted)
    }

    pub fn decrypt(&self, encrypted: &str) -> Result<String, Fault> {
        let mut bytes = STANDARD.decode(encrypted).map_err(|_| Fault::Base64)?;
        let decryptor = Decryptor::<Aes256>::new(&self.key.into(), &self.iv().into());
        let plain = decryptor.decrypt_padded::<NoPadding>(&mut bytes).map_err(|_| Fault::Length)?;
        let padding = usize::from(*plain.last().ok_or(Fault::Length)?);
        let is_padding = (1..=BLOCK).contains(&padding) && plain.len() >= padding;
        let (plain, padded) = if is_padding { plain.split_at(plain.len() - padding) } else { return Err(Fault::Padding) };
        if padded.iter().any(|byte| usize::from(*byte) != padding) {
            return Err(Fault::Padding);
        }
        let length = plain.get(RANDOM..RANDOM + LENGTH).and_then(|length| length.try_into().ok()).map(u32::from_be_bytes);
        let rest = &plain[(RANDOM + LENGTH).min(plain.len())..];
        let length = length.map(|length| length as usize).filter(|length| *length <= rest.len()).ok_or(Fault::Length)?;
        let (message, owner) = rest.split_at(length);
        if owner != self.owner.as_bytes() {
            return Err(Fault::Owner);
        }
        String::from_utf8(message.to_vec()).map_err(|_| Fault::Length)
    }

    /// `msg_signature`
    pub fn signature(&self, timestamp: &str, nonce: &str, encrypted: &str) -> String {
        let mut parts = [self.token, timestamp, nonce, encrypted];
        parts.sort_unstable();
        hex::encode(Sha1::digest(parts.concat()))
    }

    /// Verifies and decrypts a signed message.
    pub fn open(&self, signature: &str, timestamp: &str, nonce: &str, encrypted: &str) -> Result<String, Fault> {
        if self.signature(timestamp, nonce, encrypted) != signature {
            return Err(Fault::Signature);
        }
        self.decrypt(encrypted)
    }

    fn iv(&self) -> [u8; 16] {
        let mut iv = [0; 16];
        iv.copy_from_slice(&self.key[..16]);
        iv
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Published {
        token: &'static str,
        aes_key: &'static str,
        owner: &'static str,
        timestamp: &'static str,
        nonce: &'static str,
        signature: &'static str,
        random: &'static [u8; 16],
        plain: &'static str,
        encrypted: &'static str,
    }

    /// From DingTalk's documentation and its own callback library.
    const PUBLISHED: [Published; 4] = [
        Published {
            token: "123456",
            aes_key: "1234567890123456789012345678901234567890123",
            owner: "dingsnotzck6pm5veliw",
            timestamp: "1614767836",
            nonce: "A7Co0cJLMzIDtMMI",
            signature: "9a95a004dd16f5c307e849b994173f76aa26e5eb",
            random: b"dICkEDLj0eb6yAbc",
            plain: "success",
            encrypted: "YvkvaGe4hQxd3VxRmEty0dVlnCOAqwf56xwTRHDHoOURqhalbmBJQk5FNcRk42Gl5T0YQXZNwpwWSm1xAFJ5ZA==",
        },
        Published {
            token: "123456",
            aes_key: "4g5j64qlyl3zvetqxz5jiocdr586fn2zvjpa8zls3ij",
            owner: "suite4xxxxxxxxxxxxxxx",
            timestamp: "1445827045067",
            nonce: "nEXhMP4r",
            signature: "5a65ceeef9aab2d149439f82dc191dd6c5cbe2c0",
            random: b"hU3bEfGZZewzhG5a",
            plain: r#"{"EventType":"check_create_suite_url","Random":"LPIdSnlF","TestSuiteKey":"suite4xxxxxxxxxxxxxxx"}"#,
            encrypted: "1a3NBxmCFwkCJvfoQ7WhJHB+iX3qHPsc9JbaDznE1i03peOk1LaOQoRz3+nlyGNhwmwJ3vDMG+OzrHMeiZI7gTRWVdUBmfxjZ8Ej23JVYa9VrYeJ5as7XM/ZpulX8NEQis44w53h1qAgnC3PRzM7Zc/D6Ibr0rgUathB6zRHP8PYrfgnNOS9PhSBdHlegK+AGGanfwjXuQ9+0pZcy0w9lQ==",
        },
        Published {
            token: "mryue",
            aes_key: "Yue0EfdN5900c1ce5cf6A152c63DDe1808a60c5ecd7",
            owner: "ding6ccabc44d2c8d38b",
            timestamp: "1608001896814",
            nonce: "WL4PK6yA",
            signature: "03044561471240d4a14bb09372dfcfd4fd0e40cb",
            random: b"l7Y3EcX2CU5w8av3",
            plain: r#"{"EventType":"check_url"}"#,
            encrypted: "0vJiX6vliEpwG3U45CtXqi+m8PXbQRARJ8p8BbDuD1EMTDf0jKpQ79QS93qEk7XHpP6u+oTTrd15NRPvNvmBKyDCYxxOK+HZeKju4yhELOFchzNukR+t8SB/qk4ROMu3",
        },
        Published {
            token: "tokenxxxx",
            aes_key: "o1w0aum42yaptlz8alnhwikjd3jenzt9cb9wmzptgus",
            owner: "dingxxxxxx",
            timestamp: "1605695694141",
            nonce: "WelUQl6bCqcBa2fM",
            signature: "f36f4ba5337d426c7d4bca0dbcb06b3ddc1388fc",
            random: b"WelUQl6bCqcBa2fM",
            plain: "success",
            encrypted: "X1VSe9cTJUMZu60d3kyLYTrBq5578ZRJtteU94wG0Q4Uk6E/wQYeJRIC0/UFW5Wkya1Ihz9oXAdLlyC9TRaqsQ==",
        },
    ];

    #[test]
    fn every_published_message_is_written_and_read() {
        for vector in PUBLISHED {
            let cipher = Cipher::new(vector.token, vector.aes_key, vector.owner).expect("a key");
            assert_eq!(cipher.encrypt(vector.plain, *vector.random), vector.encrypted);
            let opened = cipher.open(vector.signature, vector.timestamp, vector.nonce, vector.encrypted);
            assert_eq!(opened.as_deref(), Ok(vector.plain));
        }
    }

    #[test]
    fn a_message_of_any_length_comes_back() {
        let cipher = Cipher::new("token", PUBLISHED[0].aes_key, "owner").expect("a key");
        for length in 0..100 {
            let message = "ü".repeat(length);
            assert_eq!(cipher.decrypt(&cipher.encrypt(&message, [7; 16])), Ok(message));
        }
    }

    #[test]
    fn what_is_wrong_with_a_message_is_told_apart() {
        let [vector, ..] = PUBLISHED;
        let cipher = |token, owner| Cipher::new(token, vector.aes_key, owner).expect("a key");
        let open = |cipher: Cipher, encrypted| cipher.open(vector.signature, vector.timestamp, vector.nonce, encrypted);
        assert_eq!(open(cipher("other", vector.owner), vector.encrypted), Err(Fault::Signature));
        assert_eq!(open(cipher(vector.token, "dingother"), vector.encrypted), Err(Fault::Owner));
        let ours = cipher(vector.token, vector.owner);
        assert_eq!(ours.decrypt("!"), Err(Fault::Base64));
        assert_eq!(ours.decrypt("AAAA"), Err(Fault::Length));
        assert_eq!(ours.decrypt(&STANDARD.encode([0; 64])), Err(Fault::Padding));
        assert!(Cipher::new("token", "short", "owner").is_err());
    }
}
