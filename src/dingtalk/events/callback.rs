//! Events over HTTP: DingTalk's call to this server, and the answer that it waits for. Both are signed and encrypted.

use std::fmt;

use aes::Aes256;
use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

use super::super::{Clock, Events, Settings};
use super::event::millis;
use super::{Event, REMEMBERED};

/// Reads calls and writes answers.
pub struct Callback {
    cipher: Cipher,
    /// The owners whose messages are accepted: the Client ID for those of the app, the CorpId for those that an organisation registered
    /// for.
    owners: Vec<String>,
    clock: Clock,
}

/// The parameters of a call. DingTalk's own samples spell them in two ways.
#[derive(Deserialize)]
pub struct CallbackCall {
    msg_signature: Option<String>,
    signature: Option<String>,
    #[serde(alias = "timeStamp")]
    timestamp: String,
    nonce: String,
}

#[derive(Deserialize)]
struct Body {
    encrypt: String,
}

/// A call that was understood.
#[derive(Debug)]
pub struct Heard {
    /// What happened.
    pub events: Vec<Event>,
    /// The answer that acknowledges the call.
    pub answer: Value,
}

impl Callback {
    /// For the app of these settings; None if its events do not come over HTTP.
    pub fn of(Settings { credentials, kind, events, .. }: &Settings, clock: Clock) -> Option<Self> {
        let Events::Http(cipher) = events else { return None };
        let home = kind.home().map(|home| home.corp_id.as_str());
        let owners = [Some(credentials.client_id.as_str()), home].into_iter().flatten().map(str::to_owned).collect();
        Some(Self { cipher: cipher.clone(), owners, clock })
    }

    /// The signature of a call, if there is one and the call's timestamp is acceptable. The error is for the log: the caller learns
    /// nothing of it.
    pub fn admit<'a>(&self, call: &'a CallbackCall) -> Result<&'a str, &'static str> {
        let signature = call.msg_signature.as_deref().or(call.signature.as_deref()).ok_or("it is not signed")?;
        let now = self.clock.machine_millis();
        let (oldest, newest) = (now.saturating_sub(REMEMBERED.as_millis() as u64), now + Clock::SKEW.as_millis() as u64);
        let is_timely = millis(&call.timestamp).is_some_and(|made| (oldest..=newest).contains(&made));
        is_timely
            .then_some(signature)
            .ok_or("it was made a day ago, or is dated ahead of this machine's clock, which may be slow")
    }

    /// Understands a call, if it is DingTalk's and for this app.
    pub fn hear(&self, call: &CallbackCall, body: &[u8]) -> Result<Heard, &'static str> {
        const NO_CALL: &str = "it is not a call of DingTalk's";
        let signature = self.admit(call)?;
        let Body { encrypt } = serde_json::from_slice(body).map_err(|_| NO_CALL)?;
        if !self.cipher.is_signed(signature, &call.timestamp, &call.nonce, &encrypt) {
            return Err("its signature is wrong: if it came from DingTalk, compare DINGTALK_EVENT_TOKEN with the console");
        }
        let unreadable = "it cannot be decrypted: compare DINGTALK_EVENT_AES_KEY with the console";
        let (message, owner) = self.cipher.decrypt(&encrypt).ok_or(unreadable)?;
        if !self.owners.contains(&owner) {
            return Err("it is for another app");
        }
        let events = Event::all_in(&message).ok_or(NO_CALL)?;
        let answer = self.answer("success", &owner);
        Ok(Heard { events, answer })
    }

    /// A call as DingTalk's console makes it to check the address.
    pub fn url_check(&self) -> Value {
        self.answer(r#"{"EventType":"check_url"}"#, self.owners.first().map_or("", String::as_str))
    }

    /// Whether `answer` acknowledges a call.
    pub fn acknowledges(&self, answer: &[u8]) -> bool {
        let told = serde_json::from_slice::<Body>(answer).ok().and_then(|body| self.cipher.decrypt(&body.encrypt));
        told.is_some_and(|(word, _)| word == "success")
    }

    fn answer(&self, word: &str, owner: &str) -> Value {
        let timestamp = self.clock.machine_millis().to_string();
        let nonce = hex::encode(rand::random::<[u8; 8]>());
        let encrypt = self.cipher.encrypt(rand::random(), word, owner);
        let signature = self.cipher.signature(&timestamp, &nonce, &encrypt);
        json!({"msg_signature": signature, "timeStamp": timestamp, "nonce": nonce, "encrypt": encrypt})
    }
}

/// Of the 43 characters of a key the last one has bits to spare, and DingTalk's own keys do not leave them zero.
const LENIENT: GeneralPurpose = GeneralPurpose::new(&ALPHABET, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// The block size of the padding (PKCS #7, but for blocks of 32 bytes).
const BLOCK: usize = 32;
const RANDOM: usize = 16;

/// What the developer console and the app share about messages: how they are signed and encrypted ("Event subscription: encryption and
/// decryption").
#[derive(Clone)]
pub struct Cipher {
    token: SecretString,
    key: [u8; 32],
}

impl Cipher {
    /// Takes the token and the AES key as the console shows them.
    pub fn new(token: SecretString, aes_key: &SecretString) -> Result<Self, &'static str> {
        let text = aes_key.expose_secret();
        let well_formed = text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let bytes = well_formed.then(|| LENIENT.decode(format!("{text}="))).and_then(Result::ok);
        let key = bytes.and_then(|bytes| bytes.try_into().ok()).ok_or("it is not 43 letters and digits")?;
        Ok(Self { token, key })
    }

    /// The digest over all parts, sorted by their bytes.
    fn signature(&self, timestamp: &str, nonce: &str, encrypted: &str) -> String {
        let mut parts = [self.token.expose_secret(), timestamp, nonce, encrypted];
        parts.sort_unstable();
        hex::encode(Sha1::digest(parts.concat()))
    }

    /// Compares in constant time.
    fn is_signed(&self, signature: &str, timestamp: &str, nonce: &str, encrypted: &str) -> bool {
        self.signature(timestamp, nonce, encrypted).as_bytes().ct_eq(signature.as_bytes()).into()
    }

    /// A message and its owner.
    fn decrypt(&self, encrypted: &str) -> Option<(String, String)> {
        let mut bytes = STANDARD.decode(encrypted).ok()?;
        let decryptor = cbc::Decryptor::<Aes256>::new(&self.key.into(), self.iv().into());
        let plain = decryptor.decrypt_padded::<NoPadding>(&mut bytes).ok()?;
        let padding = usize::from(*plain.last()?);
        let (plain, rest) = plain.split_at_checked(plain.len().checked_sub(padding)?)?;
        let is_padding = (1..=BLOCK).contains(&padding) && rest.iter().all(|byte| usize::from(*byte) == padding);
        let (length, plain) = plain.get(RANDOM..)?.split_first_chunk()?;
        let (message, owner) = plain.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        is_padding.then_some((text(message)?, text(owner)?))
    }

    /// Encrypts a message for `owner`. It begins with `random`, so that no two look alike.
    fn encrypt(&self, random: [u8; RANDOM], message: &str, owner: &str) -> String {
        let length = (message.len() as u32).to_be_bytes();
        let mut bytes = [&random, &length[..], message.as_bytes(), owner.as_bytes()].concat();
        let padding = BLOCK - bytes.len() % BLOCK;
        bytes.resize(bytes.len() + padding, padding as u8);
        let length = bytes.len();
        let encryptor = cbc::Encryptor::<Aes256>::new(&self.key.into(), self.iv().into());
        // This fails only if the input is not whole blocks.
        let encrypted = encryptor.encrypt_padded::<NoPadding>(&mut bytes, length).unwrap_or_default();
        STANDARD.encode(encrypted)
    }

    fn iv(&self) -> &[u8; 16] {
        // The IV is the beginning of the key, which is longer.
        self.key.first_chunk().unwrap_or(&[0; 16])
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher")
    }
}

#[cfg(test)]
mod tests {
    use super::super::Happening;
    use super::*;

    struct Vector {
        token: &'static str,
        key: &'static str,
        owner: &'static str,
        timestamp: &'static str,
        nonce: &'static str,
        signature: &'static str,
        random: &'static str,
        message: &'static str,
        encrypted: &'static str,
    }

    /// Published by DingTalk: the first two in its documentation, the others with its library for callbacks.
    const PUBLISHED: [Vector; 4] = [
        Vector {
            token: "123456",
            key: "1234567890123456789012345678901234567890123",
            owner: "dingsnotzck6pm5veliw",
            timestamp: "1614767836",
            nonce: "A7Co0cJLMzIDtMMI",
            signature: "9a95a004dd16f5c307e849b994173f76aa26e5eb",
            random: "dICkEDLj0eb6yAbc",
            message: "success",
            encrypted: "YvkvaGe4hQxd3VxRmEty0dVlnCOAqwf56xwTRHDHoOURqhalbmBJQk5FNcRk42Gl5T0YQXZNwpwWSm1xAFJ5ZA==",
        },
        Vector {
            token: "123456",
            key: "4g5j64qlyl3zvetqxz5jiocdr586fn2zvjpa8zls3ij",
            owner: "suite4xxxxxxxxxxxxxxx",
            timestamp: "1445827045067",
            nonce: "nEXhMP4r",
            signature: "5a65ceeef9aab2d149439f82dc191dd6c5cbe2c0",
            random: "hU3bEfGZZewzhG5a",
            message: r#"{"EventType":"check_create_suite_url","Random":"LPIdSnlF","TestSuiteKey":"suite4xxxxxxxxxxxxxxx"}"#,
            encrypted: "1a3NBxmCFwkCJvfoQ7WhJHB+iX3qHPsc9JbaDznE1i03peOk1LaOQoRz3+nlyGNhwmwJ3vDMG+OzrHMeiZI7gTRWVdUBmfxjZ8Ej23JVYa9VrYeJ5as7XM/ZpulX8NEQis44w53h1qAgnC3PRzM7Zc/D6Ibr0rgUathB6zRHP8PYrfgnNOS9PhSBdHlegK+AGGanfwjXuQ9+0pZcy0w9lQ==",
        },
        Vector {
            token: "mryue",
            key: "Yue0EfdN5900c1ce5cf6A152c63DDe1808a60c5ecd7",
            owner: "ding6ccabc44d2c8d38b",
            timestamp: "1608001896814",
            nonce: "WL4PK6yA",
            signature: "03044561471240d4a14bb09372dfcfd4fd0e40cb",
            random: "l7Y3EcX2CU5w8av3",
            message: r#"{"EventType":"check_url"}"#,
            encrypted: "0vJiX6vliEpwG3U45CtXqi+m8PXbQRARJ8p8BbDuD1EMTDf0jKpQ79QS93qEk7XHpP6u+oTTrd15NRPvNvmBKyDCYxxOK+HZeKju4yhELOFchzNukR+t8SB/qk4ROMu3",
        },
        Vector {
            token: "tokenxxxx",
            key: "o1w0aum42yaptlz8alnhwikjd3jenzt9cb9wmzptgus",
            owner: "dingxxxxxx",
            timestamp: "1605695694141",
            nonce: "WelUQl6bCqcBa2fM",
            signature: "f36f4ba5337d426c7d4bca0dbcb06b3ddc1388fc",
            random: "WelUQl6bCqcBa2fM",
            message: "success",
            encrypted: "X1VSe9cTJUMZu60d3kyLYTrBq5578ZRJtteU94wG0Q4Uk6E/wQYeJRIC0/UFW5Wkya1Ihz9oXAdLlyC9TRaqsQ==",
        },
    ];

    #[test]
    fn what_dingtalk_published_is_read_and_written_byte_for_byte() {
        for v in PUBLISHED {
            let cipher = Cipher::new(v.token.into(), &v.key.into()).unwrap();
            assert!(cipher.is_signed(v.signature, v.timestamp, v.nonce, v.encrypted));
            assert_eq!(cipher.decrypt(v.encrypted), Some((v.message.to_owned(), v.owner.to_owned())));
            let random = v.random.as_bytes().try_into().unwrap();
            assert_eq!(cipher.encrypt(random, v.message, v.owner), v.encrypted);
        }
    }

    #[test]
    fn whatever_was_changed_is_not_signed_and_whatever_is_broken_is_not_read() {
        let v = &PUBLISHED[0];
        let cipher = Cipher::new(v.token.into(), &v.key.into()).unwrap();
        assert!(!cipher.is_signed(v.signature, "1614767837", v.nonce, v.encrypted));
        assert!(!cipher.is_signed(v.signature, v.timestamp, "another", v.encrypted));
        assert!(!cipher.is_signed(v.signature, v.timestamp, v.nonce, "another"));
        assert!(!cipher.is_signed(&v.signature[1..], v.timestamp, v.nonce, v.encrypted) && !cipher.is_signed("", "", "", ""));
        for length in 0..80 {
            let broken = STANDARD.encode(vec![7; length]);
            assert!(cipher.decrypt(&broken).is_none() && cipher.decrypt(&broken[..broken.len() / 2]).is_none());
        }
        // Lengths that point beyond the end, and paddings of no length or of more than there is.
        for (length, padding) in [(u32::MAX, 1_u8), (13, 1), (0, 0), (0, 33), (0, 200)] {
            let mut bytes = [&[0; 16][..], &length.to_be_bytes(), &[0; 12]].concat();
            *bytes.last_mut().unwrap() = padding;
            let encryptor = cbc::Encryptor::<Aes256>::new(&cipher.key.into(), cipher.iv().into());
            let whole = bytes.len();
            let encrypted = encryptor.encrypt_padded::<NoPadding>(&mut bytes, whole).unwrap();
            assert_eq!(cipher.decrypt(&STANDARD.encode(encrypted)), None, "{length} {padding}");
        }
    }

    #[test]
    fn every_check_of_the_address_is_acknowledged_also_one_with_a_word_of_its_own() {
        let cipher = Cipher::new("t".into(), &PUBLISHED[0].key.into()).unwrap();
        let callback = Callback { cipher, owners: vec!["owner".to_owned()], clock: Clock::system() };
        for name in ["check_url", "check_create_suite_url", "check_update_suite_url"] {
            let check = json!({"EventType": name, "Random": "brdkKLMW", "TestSuiteKey": "owner"}).to_string();
            // The server's own answer has all that a call has.
            let called = callback.answer(&check, "owner");
            let text = |name: &str| called[name].as_str().unwrap().to_owned();
            let (msg_signature, signature) = (Some(text("msg_signature")), None);
            let call = CallbackCall { msg_signature, signature, timestamp: text("timeStamp"), nonce: text("nonce") };
            let heard = callback.hear(&call, called.to_string().as_bytes()).unwrap();
            assert_eq!(heard.events[0].what, Happening::UrlChecked);
            assert!(callback.acknowledges(heard.answer.to_string().as_bytes()), "{name}");
        }
    }

    #[test]
    fn a_message_of_any_length_is_read_again() {
        let cipher = Cipher::new("t".into(), &PUBLISHED[0].key.into()).unwrap();
        for length in 0..100 {
            let message = "消".repeat(length);
            let encrypted = cipher.encrypt(rand::random(), &message, "owner");
            assert_eq!(cipher.decrypt(&encrypted), Some((message, "owner".to_owned())));
        }
    }

    #[test]
    fn a_key_is_43_letters_and_digits() {
        let long = "a".repeat(44);
        for wrong in ["", "short", &long[..42], &long, &format!("{}-", &long[..42]), &format!("{}=", &long[..42])] {
            assert!(Cipher::new("t".into(), &wrong.into()).is_err(), "{wrong}");
        }
    }
}
