//! Whoever holds SESSION_KEY can ask an address whether this very server answers there, and how the request came in. Anybody else's request
//! is answered as if it did not have the header of the question.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use actix_web::http::header::{HeaderMap, HeaderName, X_FORWARDED_FOR};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use hmac::Mac;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::{ClientAddress, SessionKeys, Site};
use crate::dingtalk::Clock;
use crate::state::{State, mac};

/// The header with the question, and in the answer the header with the proof.
pub const HEADER: &str = "x-introduce";

type Nonce = [u8; 16];

/// A question. It is valid for a minute, and once.
pub struct Question {
    nonce: Nonce,
    key: [u8; 32],
    /// The value of the header [`HEADER`] to send.
    pub header: String,
}

/// How a request came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Introduction {
    /// Path and query as they arrived.
    pub target: String,
    /// The IP address that opened the connection.
    pub peer: String,
    /// The X-Forwarded-For headers, joined.
    pub forwarded: Option<String>,
    /// The IP address that the server takes for the client's.
    pub client: String,
    /// Whether the peer is one of the proxies that the server trusts.
    pub trusts_peer: bool,
    /// A random id of the process.
    pub process: String,
    /// An id that is the same in all processes that share their state; None if it is not shared, or cannot be shared now.
    pub shared: Option<String>,
}

/// Answers questions, each once.
pub struct Introductions {
    site: Data<Site>,
    state: Data<State>,
    process: String,
    asked: Mutex<HashMap<Nonce, Instant>>,
}

/// The purpose that the keys are derived for.
const PURPOSE: &str = "introduction";

impl Question {
    /// A question made with the newest key. The clocks of both sides must differ by less than a minute.
    pub fn new(session_keys: &SessionKeys, clock: &Clock) -> Self {
        let key = session_keys.derived(PURPOSE)[0];
        let nonce: Nonce = rand::random();
        let at = clock.unix_seconds();
        let seal = mac(&key, &[b"asks", &at.to_be_bytes(), &nonce]).finalize().into_bytes();
        Self { nonce, key, header: format!("{at}.{}.{}", hex::encode(nonce), hex::encode(seal)) }
    }

    /// The introduction in `body`, if `proof` shows that a holder of the key wrote it in answer to this question.
    pub fn believe(&self, proof: Option<&str>, body: &[u8]) -> Option<Introduction> {
        let proof = hex::decode(proof?).ok()?;
        mac(&self.key, &[b"answers", &self.nonce, body]).verify_slice(&proof).ok()?;
        serde_json::from_slice(body).ok()
    }
}

impl Introductions {
    const GOOD_FOR: Duration = Duration::from_secs(60);

    /// No question was asked yet.
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

    /// Whether a question with this nonce was not asked before. The nonce is remembered for two minutes: the question may be dated a minute
    /// ahead, and is valid for one more. Only questions by holders of a key get here.
    fn is_new(&self, nonce: Nonce) -> bool {
        let now = self.site.clock.now();
        let mut asked = self.asked.lock();
        asked.retain(|_, at| now < *at + 2 * Self::GOOD_FOR);
        asked.insert(nonce, now).is_none()
    }

    /// The answer to a valid question in `request`, instead of what the request asks for otherwise.
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
