//! Whoever holds SESSION_KEY can ask an address whether this very server answers there, and how the request came in. For anybody else
//! nothing of it exists: their request is answered as if it did not ask.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use hmac::Mac;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::origin::X_FORWARDED_FOR;
use super::{ClientAddress, SessionKeys, Site};
use crate::dingtalk::Clock;
use crate::state::{State, mac};

/// What is asked with, and what the answer is proved with.
pub const HEADER: &str = "x-introduce";

type Nonce = [u8; 16];

/// A question, as good as for a minute, once.
pub struct Question {
    nonce: Nonce,
    key: [u8; 32],
    /// What to send.
    pub header: String,
}

/// How a request came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Introduction {
    /// Path and query as they arrived.
    pub target: String,
    /// Who opened the connection.
    pub peer: String,
    /// All of X-Forwarded-For.
    pub forwarded: Option<String>,
    /// Whom the server takes for the client.
    pub client: String,
    /// Whether the peer is one of the proxies that the server trusts.
    pub trusts_peer: bool,
    /// Another word in each process.
    pub process: String,
    /// The same word in all processes that share their state.
    pub shared: Option<String>,
}

/// What a server knows to answer with.
pub struct Introductions {
    site: Data<Site>,
    state: Data<State>,
    process: String,
    asked: Mutex<HashMap<Nonce, Instant>>,
}

/// What its keys are for.
const PURPOSE: &str = "introduction";

impl Question {
    /// Asks with the newest key. The clocks of both sides may differ by less than a minute.
    pub fn new(session_keys: &SessionKeys, clock: &Clock) -> Self {
        let (key, nonce, at) = (session_keys.derived(PURPOSE)[0], rand::random::<Nonce>(), clock.unix_seconds());
        let seal = mac(&key, &[b"asks", &at.to_be_bytes(), &nonce]).finalize().into_bytes();
        Self { nonce, key, header: format!("{at}.{}.{}", hex::encode(nonce), hex::encode(seal)) }
    }

    /// What was answered, if it is the answer to this by somebody who holds the key.
    pub fn believe(&self, proof: Option<&str>, body: &[u8]) -> Option<Introduction> {
        let proof = hex::decode(proof?).ok()?;
        mac(&self.key, &[b"answers", &self.nonce, body]).verify_slice(&proof).ok()?;
        serde_json::from_slice(body).ok()
    }
}

impl Introductions {
    const GOOD_FOR: Duration = Duration::from_secs(60);

    /// Nobody has asked yet.
    pub fn new(site: Data<Site>, state: Data<State>) -> Self {
        Self { site, state, process: hex::encode(rand::random::<[u8; 8]>()), asked: Mutex::default() }
    }

    /// The nonce of a question that is genuine, timely and new, and the key to answer with.
    fn understand(&self, headers: &HeaderMap) -> Option<(Nonce, [u8; 32])> {
        let asked = headers.get(HEADER)?.to_str().ok()?;
        let [at, nonce, seal] = asked.split('.').collect::<Vec<_>>().try_into().ok()?;
        let at: u64 = at.parse().ok()?;
        let nonce: Nonce = hex::decode(nonce).ok()?.try_into().ok()?;
        let seal = hex::decode(seal).ok()?;
        let is_genuine = |key: &[u8; 32]| mac(key, &[b"asks", &at.to_be_bytes(), &nonce]).verify_slice(&seal).is_ok();
        let key = self.site.settings.session_keys.derived(PURPOSE).into_iter().find(is_genuine)?;
        let is_timely = self.site.clock.unix_seconds().abs_diff(at) < Self::GOOD_FOR.as_secs();
        (is_timely && self.is_new(nonce)).then_some((nonce, key))
    }

    /// Remembered for as long as the time of it could be good, which lies up to a minute ahead. Only holders of a key come here.
    fn is_new(&self, nonce: Nonce) -> bool {
        let now = self.site.clock.now();
        let mut asked = self.asked.lock();
        asked.retain(|_, at| now < *at + 2 * Self::GOOD_FOR);
        asked.insert(nonce, now).is_none()
    }

    /// What whoever may ask is answered in place of what `request` asks for.
    pub fn answer(&self, request: &HttpRequest) -> Option<HttpResponse> {
        let (nonce, key) = self.understand(request.headers())?;
        let target = request.head().uri.path_and_query().map_or("", |target| target.as_str()).to_owned();
        let forwarded: Vec<_> = request.headers().get_all(X_FORWARDED_FOR).filter_map(|value| value.to_str().ok()).collect();
        let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
        let introduction = Introduction {
            target,
            peer: peer.map(|peer| peer.to_string()).unwrap_or_default(),
            forwarded: (!forwarded.is_empty()).then(|| forwarded.join(", ")),
            client: ClientAddress::of(request).ok()?.0.to_string(),
            trusts_peer: peer.is_some_and(|peer| self.site.trusts(peer)),
            process: self.process.clone(),
            shared: self.state.shared_word(),
        };
        let body = serde_json::to_vec(&introduction).ok()?;
        let proof = hex::encode(mac(&key, &[b"answers", &nonce, &body]).finalize().into_bytes());
        Some(HttpResponse::Ok().insert_header((HeaderName::from_static(HEADER), proof)).body(body))
    }
}
