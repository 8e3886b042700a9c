//! A call of DingTalk's to this server, and the answer that it waits for.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{ClientId, Clock, CorpId};
use super::event::millis;
use super::{Cipher, Event, Happening, REMEMBERED};

/// Reads calls and writes answers.
pub struct Callback {
    cipher: Cipher,
    /// Messages of the app are owned by its Client ID, those that an organisation registered for by its CorpId.
    owners: Vec<String>,
    clock: Clock,
}

/// The parameters of a call. DingTalk's own samples spell them in two ways.
#[derive(Deserialize)]
pub struct Call {
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

/// A call that may be DingTalk's by all that is known before its body.
pub struct Admitted<'a> {
    signature: &'a str,
    timestamp: &'a str,
    nonce: &'a str,
}

/// A call that was understood.
#[derive(Debug)]
pub struct Heard {
    /// What happened.
    pub events: Vec<Event>,
    /// What acknowledges it.
    pub answer: Value,
}

impl Callback {
    /// For the app of this Client ID, in its one organisation if it has one.
    pub fn new(cipher: Cipher, client_id: &ClientId, home: Option<&CorpId>, clock: Clock) -> Self {
        let owners = [Some(client_id.as_str()), home.map(CorpId::as_str)].into_iter().flatten().map(str::to_owned).collect();
        Self { cipher, owners, clock }
    }

    /// Whether the rest of a call is worth reading. Why it is not is for the log: whoever called is told nothing.
    pub fn admit<'a>(&self, call: &'a Call) -> Result<Admitted<'a>, &'static str> {
        let signature = call.msg_signature.as_ref().or(call.signature.as_ref()).ok_or("it is not signed")?;
        if !self.is_timely(&call.timestamp) {
            return Err("it was made long ago or is yet to be made");
        }
        Ok(Admitted { signature, timestamp: &call.timestamp, nonce: &call.nonce })
    }

    /// Understands a call, if it is DingTalk's and for this app.
    pub fn hear(&self, call: &Admitted<'_>, body: &[u8]) -> Result<Heard, &'static str> {
        const NO_CALL: &str = "it is not a call of DingTalk's";
        let Body { encrypt } = serde_json::from_slice(body).map_err(|_| NO_CALL)?;
        if !self.cipher.is_signed(call.signature, call.timestamp, call.nonce, &encrypt) {
            return Err("its signature is wrong: if it came from DingTalk, compare DINGTALK_EVENT_TOKEN with the console");
        }
        let unreadable = "it cannot be decrypted: compare DINGTALK_EVENT_AES_KEY with the console";
        let (message, owner) = self.cipher.decrypt(&encrypt).ok_or(unreadable)?;
        if !self.owners.contains(&owner) {
            return Err("it is for another app");
        }
        let events = Event::all_in(&message).ok_or(NO_CALL)?;
        // Whoever registers an address is told a word to say ("check_create_suite_url").
        let word = events.iter().find_map(|event| match &event.what {
            Happening::UrlChecked(word) => word.as_deref(),
            _ => None,
        });
        let answer = self.answer(word.unwrap_or("success"), &owner);
        Ok(Heard { events, answer })
    }

    /// A call as DingTalk's console makes it to check the address.
    pub fn url_check(&self) -> Value {
        self.answer(r#"{"EventType":"check_url"}"#, self.owners.first().map_or("", String::as_str))
    }

    /// Whether this is what acknowledges a call.
    pub fn acknowledges(&self, answer: &[u8]) -> bool {
        let told = serde_json::from_slice::<Body>(answer).ok().and_then(|body| self.cipher.decrypt(&body.encrypt));
        told.is_some_and(|(word, _)| word == "success")
    }

    fn is_timely(&self, timestamp: &str) -> bool {
        let now = self.clock.machine_millis();
        let (oldest, newest) = (now.saturating_sub(REMEMBERED.as_millis() as u64), now + Clock::SKEW.as_millis() as u64);
        millis(timestamp).is_some_and(|made| (oldest..=newest).contains(&made))
    }

    fn answer(&self, word: &str, owner: &str) -> Value {
        let (timestamp, nonce) = (self.clock.machine_millis().to_string(), hex::encode(rand::random::<[u8; 8]>()));
        let encrypt = self.cipher.encrypt(rand::random(), word, owner);
        let signature = self.cipher.signature(&timestamp, &nonce, &encrypt);
        json!({"msg_signature": signature, "timeStamp": timestamp, "nonce": nonce, "encrypt": encrypt})
    }
}
