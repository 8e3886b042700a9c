//! `POST /client/config`: the client checks what a page passed to `dd.config`.

use actix_web::web::{Bytes, Data, block};
use actix_web::{HttpResponse, Responder};
use serde::Deserialize;
use serde_json::{Value, json};

use super::difference::{Expectation, Finding, find};
use super::page_url::PageUrl;
use super::signature::{Matched, Signed};
use super::variants::Part;
use super::window;
use crate::ledger::Party;
use crate::recording::{Outcome, Recording};
use crate::server::malformed;
use crate::world::{Holder, Shared, World};

/// Longer values are refused: the search hashes them thousands of times.
const LONGEST: usize = 4_096;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Request {
    corp_id: Value,
    agent_id: Value,
    nonce_str: Value,
    time_stamp: Value,
    signature: Value,
    url: String,
    js_api_list: Value,
    platform: Option<String>,
}

/// Why `dd.config` fails.
#[derive(Debug)]
struct Refusal {
    errcode: u32,
    errmsg: String,
    differs: Option<Vec<&'static str>>,
    explanation: Option<String>,
}

/// A copy of the tickets that a signature is checked against, so that the search does not lock the world.
struct Tickets {
    current: String,
    dead: Vec<String>,
    home: Option<PageUrl>,
}

pub async fn verify(body: Bytes, shared: Data<Shared>) -> impl Responder {
    let request: Request = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(error) => return malformed(&error.to_string()),
    };
    let recording = Recording::start(&shared, Party::Dd, "POST /client/config".to_owned(), "verify dd.config")
        .in_window(window(request.platform.as_deref()));

    let asked = {
        let world = shared.world();
        request.holder(&world).map(|holder| tickets(&holder, &world))
    };
    // The search for what differs computes thousands of digests, which must not block the thread that answers all requests.
    let Ok(verdict) = block(move || judge(&request, asked?)).await else {
        return HttpResponse::InternalServerError().finish();
    };
    recording.end(outcome(&verdict));
    HttpResponse::Ok().json(match verdict {
        Ok(matched) => json!({"errcode": 0, "matched": matched}),
        Err(refusal) => refusal.into_json(),
    })
}

fn tickets(holder: &Holder, world: &World) -> Option<Tickets> {
    let ticket = world.tickets.of(holder)?;
    let current = ticket.current(world.now())?;
    Some(Tickets {
        current: current.value.clone(),
        dead: ticket.previous().to_vec(),
        home: world.setup.app_url.as_deref().and_then(PageUrl::parse),
    })
}

fn judge(request: &Request, tickets: Option<Tickets>) -> Result<Matched, Refusal> {
    let signed = Signed {
        nonce: textual(&request.nonce_str),
        timestamp: textual(&request.time_stamp),
        signature: textual(&request.signature),
    };
    let page = request.well_formed(&signed)?;
    let Some(tickets) = tickets else {
        return Err(Refusal::new(52011, "读取jsapi ticket失败")
            .because("No jsapi_ticket is alive: the app has fetched none yet, or its ticket expired without being renewed."));
    };
    let matched = signed.verify(&tickets.current, &page.without_fragment());
    matched.ok_or_else(|| signature_refusal(&signed, &page, &tickets))
}

impl Request {
    /// The app that has this agentId at the organisation.
    fn holder(&self, world: &World) -> Result<Holder, Refusal> {
        let (corp_id, agent_id) = (textual(&self.corp_id), textual(&self.agent_id));
        if world.organisation(&corp_id).is_none() {
            return Err(Refusal::new(52010, "无效的corpid"));
        }
        let called_so = world.apps.iter().find(|app| app.at(&corp_id).is_some_and(|at| at.agent_id == agent_id));
        let app = called_so.ok_or_else(|| Refusal::new(52019, "无效的agentid"))?;
        Ok(Holder::new(&app.client_id, &corp_id))
    }

    fn well_formed(&self, signed: &Signed) -> Result<PageUrl, Refusal> {
        let refused = |errcode, errmsg| Err(Refusal::new(errcode, errmsg));
        let apis_are_names = self.js_api_list.as_array().is_some_and(|apis| apis.iter().all(Value::is_string));
        if signed.nonce.is_empty() || signed.nonce.len() > LONGEST {
            return refused(52015, "无效的随机字符串参数");
        }
        if signed.timestamp.is_empty()
            || signed.timestamp.len() > LONGEST
            || !signed.timestamp.bytes().all(|b| b.is_ascii_digit())
        {
            return refused(52018, "无效的时间戳");
        }
        if signed.signature.is_empty() {
            return refused(52016, "无效的签名参数");
        }
        if !apis_are_names {
            return refused(52017, "无效的jsapi列表参数");
        }
        let page = PageUrl::parse(&self.url).filter(|_| self.url.len() <= LONGEST);
        page.ok_or_else(|| Refusal::new(52014, "无效的url参数"))
    }
}

fn signature_refusal(signed: &Signed, page: &PageUrl, tickets: &Tickets) -> Refusal {
    let shortened: String = tickets.current.chars().take(4).collect();
    let errmsg = format!(
        "签名校验失败,nonce:[{}],timestamp:[{}],url:[{}],ticketList:[{shortened}…]",
        signed.nonce,
        signed.timestamp,
        page.without_fragment(),
    );
    let expected = Expectation { page, ticket: &tickets.current, dead_tickets: &tickets.dead, home: tickets.home.as_ref() };
    let refusal = Refusal::new(52013, &errmsg);
    match find(signed, &expected) {
        Some(finding) => {
            let explanation = explain(&finding, page);
            Refusal { differs: Some(finding.parts.into_iter().map(Part::name).collect()), ..refusal.because(&explanation) }
        }
        None => refusal.because(
            "Nothing that the simulator tried makes this signature: it may be over another nonce, another timestamp, an \
             unknown ticket, or a text that is not put together as \
             jsapi_ticket=…&noncestr=…&timestamp=…&url=…, hashed with SHA-1 or SHA-256 into lower-case hex.",
        ),
    }
}

fn explain(finding: &Finding, page: &PageUrl) -> String {
    let mut sentences = Vec::new();
    let page = page.without_fragment().to_string();
    if finding.signed_url != page {
        sentences.push(format!("Signed was {}, but the page is at {page}.", finding.signed_url));
    }
    if finding.parts.contains(&Part::TicketAge) {
        sentences.push("It was signed with a jsapi_ticket that is dead: fetch a new one.".to_owned());
    }
    if finding.parts.contains(&Part::Digest) {
        sentences.push("The digest is not one that is accepted: SHA-1 or SHA-256 in lower-case hex.".to_owned());
    }
    sentences.join(" ")
}

impl Refusal {
    fn new(errcode: u32, errmsg: &str) -> Self {
        Self { errcode, errmsg: errmsg.to_owned(), differs: None, explanation: None }
    }

    fn because(mut self, explanation: &str) -> Self {
        self.explanation = Some(explanation.to_owned());
        self
    }

    fn into_json(self) -> Value {
        let mut answer = json!({"errcode": self.errcode, "errmsg": self.errmsg});
        if let Some(differs) = self.differs {
            answer["differs"] = json!(differs);
        }
        if let Some(explanation) = self.explanation {
            answer["explanation"] = json!(explanation);
        }
        answer
    }
}

fn outcome(verdict: &Result<Matched, Refusal>) -> Outcome {
    let (code, note) = match verdict {
        Ok(Matched { digest, url }) => (0, Some(format!("{digest:?} over the {url:?} URL").to_lowercase())),
        Err(refusal) => (refusal.errcode, refusal.differs.as_ref().map(|parts| format!("differs: {}", parts.join(", ")))),
    };
    Outcome { status: Some(200), code: Some(code.to_string()), note }
}

/// The text of a value that pages pass as a string or as a number.
fn textual(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}
