//! Which answers are a success, compared with plain JSON that knows nothing of our types.

use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use dingtalk_h5::dingtalk::{
    AgentId, AppKind, Authorisation, Authorisations, Call, ClientId, ClientSecret, CorpId, Credentials, Error, Events, Home,
    JsonObject, Kind, Organisation, Settings, SuiteTicket, UserDetails, UserId,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::is_one_plain_line;
use super::served::RUNTIME;
use crate::support::ClockHands;

const STATUSES: [u16; 9] = [200, 206, 302, 400, 401, 403, 429, 500, 502];
const OLD: Call = Call::old("old", "/topapi/probe");
const NEW: Call = Call::new("new", "/v1.0/probe");

#[derive(Deserialize)]
struct Answer<T> {
    result: JsonObject<T>,
}

#[derive(Deserialize)]
struct Identity {
    userid: UserId,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Granted {
    access_token: String,
    expire_in: u64,
}

/// An answer is a success only if it says so in every detail, it is a ban only if it is one of the two known kinds, and what is kept
/// of a refusal is fit for a log. All statuses are tried side by side: a client that was told of a limit waits.
pub fn envelope(body: &[u8]) {
    let Some(seen) = look(body) else { return };
    std::thread::scope(|scope| {
        for dingtalk in &*DINGTALKS {
            scope.spawn(|| dingtalk.is_understood(body, &seen));
        }
    });
}

/// The body as JSON, or null if it is not JSON. `None` if it is JSON that a `Value` cannot hold.
fn look(body: &[u8]) -> Option<Value> {
    const TOO_MUCH_FOR_A_VALUE: [&str; 3] = ["number out of range", "lone leading surrogate", "unexpected end of hex escape"];
    serde_json::from_slice(body).map_or_else(
        |error| {
            let why = error.to_string();
            let beyond = TOO_MUCH_FOR_A_VALUE.iter().any(|reason| why.starts_with(reason));
            (!beyond).then_some(Value::Null)
        },
        Some,
    )
}

impl DingTalk {
    fn is_understood(&self, body: &[u8], seen: &Value) {
        *self.says.lock().unwrap() = (self.status, body.to_vec());
        let proven = self.status == 200 && seen["errcode"].as_i64() == Some(0) && seen["result"].is_object();
        if let Some(Answer { .. }) = self.answers::<Answer<UserDetails>>(OLD, body, seen) {
            assert!(proven, "{} {seen}", self.status);
        }
        if let Some(Answer { result }) = self.answers::<Answer<Identity>>(OLD, body, seen) {
            let user_id = result.0.userid;
            assert!(proven, "{} {seen}", self.status);
            assert_eq!(seen["result"]["userid"].as_str(), Some(user_id.as_str()));
            assert!((1..=256).contains(&user_id.as_str().len()) && is_one_plain_line(user_id.as_str()));
        }
        if let Some(granted) = self.answers::<Granted>(NEW, body, seen) {
            assert!((200..300).contains(&self.status) && seen.get("errcode").is_none(), "{seen}");
            assert_eq!(seen["accessToken"].as_str(), Some(granted.access_token.as_str()));
            assert_eq!(seen["expireIn"].as_u64(), Some(granted.expire_in));
        }
    }

    fn answers<T: DeserializeOwned>(&self, call: Call, body: &[u8], seen: &Value) -> Option<T> {
        let error = match RUNTIME.block_on(self.organisation.call(&call, &())) {
            Ok(answer) => return Some(answer),
            Err(error) => error,
        };
        is_fit_for_a_log(&error);
        if let Kind::Banned(retry_after) = error.kind {
            let page = body.trim_ascii_start().starts_with(b"<");
            let code = &seen["status"];
            let code = code.as_f64().or_else(|| code.as_str()?.parse().ok());
            assert!(page || code == Some(1111.0) && seen.get("errcode").is_none(), "{seen}");
            assert!(retry_after <= Duration::from_secs(3600));
            // Longer than the access_token is valid, too: another one is fetched first, which shows that the ban is over.
            self.hands.advance(Duration::from_secs(3 * 3600));
        }
        assert!(!error.not_asked(), "the ban is over");
        None
    }
}

fn is_fit_for_a_log(error: &Error) {
    for logged in [error.to_string(), error.fix().unwrap_or_default()] {
        assert!(is_one_plain_line(&logged) && logged.chars().count() <= 500, "{logged:?}");
        assert_eq!(credential(&logged), None, "{logged:?}");
    }
}

/// A run of sixteen or more of the characters that credentials are made of, with a digit among them.
fn credential(text: &str) -> Option<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c))
        .map(|run| run.trim_matches(['-', '_']))
        .find(|run| run.len() >= 16 && run.contains(|c: char| c.is_ascii_digit()))
}

/// A DingTalk that grants a token and answers every other call with its one status and what it is told to say.
struct DingTalk {
    status: u16,
    says: Arc<Mutex<(u16, Vec<u8>)>>,
    organisation: Organisation,
    hands: ClockHands,
}

static DINGTALKS: LazyLock<[DingTalk; 9]> = LazyLock::new(|| STATUSES.map(DingTalk::start));

impl DingTalk {
    fn start(status: u16) -> Self {
        let _in_it = RUNTIME.enter();
        let says = Arc::new(Mutex::new((status, Vec::new())));
        let said = Arc::clone(&says);
        let server = HttpServer::new(move || {
            let said = Data::from(Arc::clone(&said));
            App::new().app_data(said).default_service(actix_web::web::to(answer))
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        RUNTIME.spawn(server.run());
        let settings = Settings {
            credentials: Credentials {
                client_id: ClientId::parse("ding").unwrap(),
                client_secret: ClientSecret::parse("secret").unwrap(),
            },
            kind: AppKind::Internal(Home { corp_id: CorpId::parse("ding").unwrap(), agent_id: AgentId::parse("1").unwrap() }),
            events: Events::Off,
            api_url: url.parse().unwrap(),
            oapi_url: url.parse().unwrap(),
            proxy: None,
            calls_per_second: std::num::NonZeroU32::new(100_000).unwrap(),
        };
        let hands = ClockHands::still();
        let clock = hands.clock();
        let dingtalk = dingtalk_h5::dingtalk::DingTalk::new(settings, Arc::new(Nobody), clock, Arc::new(())).unwrap();
        let organisation = dingtalk.home().unwrap().clone();
        Self { status, says, organisation, hands }
    }
}

async fn answer(request: HttpRequest, says: Data<Mutex<(u16, Vec<u8>)>>) -> HttpResponse {
    let (status, body) = match request.path() {
        "/v1.0/oauth2/accessToken" => (200, br#"{"accessToken":"token","expireIn":7200}"#.to_vec()),
        _ => says.lock().unwrap().clone(),
    };
    HttpResponse::build(StatusCode::from_u16(status).unwrap()).content_type("application/json").body(body)
}

struct Nobody;

impl dingtalk_h5::dingtalk::Peers for Nobody {}

impl Authorisations for Nobody {
    fn suite_ticket(&self) -> Option<SuiteTicket> {
        None
    }

    fn corp_ids(&self) -> Vec<CorpId> {
        Vec::new()
    }

    fn of(&self, _: &CorpId) -> Authorisation {
        Authorisation::Unknown
    }

    fn found(&self, _: &CorpId, _: Option<AgentId>) {}
}
