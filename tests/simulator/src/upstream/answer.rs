//! An answer of DingTalk, in the envelope of its family.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use rand::{random, random_range};
use serde_json::{Value, json};

use super::api::Family;
use super::reshape::Form;
use crate::recording::Outcome;

/// A complete answer, with its code and its note for the ledger.
pub struct Answer {
    status: StatusCode,
    content_type: &'static str,
    body: Box<Body>,
    code: Option<String>,
    note: Option<String>,
}

enum Body {
    Json(Value),
    Page(String),
}

impl Answer {
    /// 2xx of the new API: the payload and nothing around it.
    pub fn api(payload: Value) -> Self {
        Self::new(StatusCode::OK, Family::Api, payload, "0")
    }

    /// An error of the new API.
    pub fn api_error(status: StatusCode, code: &str, message: &str) -> Self {
        let body = json!({"requestid": upper_case_uuid(), "code": code, "message": message});
        Self::new(status, Family::Api, body, code)
    }

    /// Success of the old API, with the payload in `result`.
    pub fn topapi(result: Value) -> Self {
        let body = json!({"errcode": 0, "errmsg": "ok", "result": result, "request_id": request_id()});
        Self::new(StatusCode::OK, Family::Topapi, body, "0")
    }

    /// Success of the old API at an endpoint that has its payload beside `errcode`.
    pub fn topapi_beside(key: &str, value: Value) -> Self {
        Self::topapi_error(0, "ok").with(key, value)
    }

    /// An error that the endpoint itself reports.
    pub fn topapi_error(errcode: i32, errmsg: &str) -> Self {
        let body = json!({"errcode": errcode, "errmsg": errmsg, "request_id": request_id()});
        Self::new(StatusCode::OK, Family::Topapi, body, &errcode.to_string())
    }

    /// An error of the gateway in front of the endpoint: errcode 88, with the real code in `sub_code`.
    pub fn gateway_error(sub_code: &str, sub_msg: &str, detail: &str) -> Self {
        let body = json!({
            "errcode": 88,
            "sub_code": sub_code,
            "sub_msg": sub_msg,
            "errmsg": format!("ding talk error[subcode={sub_code},submsg={sub_msg}{detail}]"),
            "request_id": request_id(),
        });
        Self::new(StatusCode::OK, Family::Topapi, body, sub_code)
    }

    /// The answer to an api name that does not exist.
    pub fn invalid_method(api_name: &str) -> Self {
        let sub_msg = format!("不合法ApiName，ApiName = {api_name}");
        let body = json!({
            "errcode": 22,
            "sub_msg": sub_msg,
            "errmsg": format!("Invalid method[submsg={sub_msg}]"),
            "request_id": request_id(),
        });
        Self::new(StatusCode::OK, Family::Topapi, body, "22")
    }

    /// Success of the oldest paths, with the payload beside `errcode`.
    pub fn legacy(payload: Value) -> Self {
        Self::new(StatusCode::OK, Family::Legacy, payload, "0")
    }

    pub fn legacy_error(errcode: i32, errmsg: &str) -> Self {
        let body = json!({"errcode": errcode, "errmsg": errmsg});
        Self::new(StatusCode::OK, Family::Legacy, body, &errcode.to_string())
    }

    /// JSON in the form of neither family: the answer to an IP address that is banned.
    pub fn punishment(body: Value) -> Self {
        let code = body["status"].to_string();
        Self::new(StatusCode::OK, Family::Api, body, &code)
    }

    /// HTML.
    pub fn page(status: StatusCode, html: String) -> Self {
        Self { status, content_type: "text/html", body: Box::new(Body::Page(html)), code: None, note: None }
    }

    fn new(status: StatusCode, family: Family, body: Value, code: &str) -> Self {
        Self {
            status,
            content_type: match family {
                Family::Api => "application/json;charset=utf-8",
                Family::Topapi => "application/json;charset=UTF-8",
                Family::Legacy => "application/json",
            },
            body: Box::new(Body::Json(body)),
            code: Some(code.to_owned()),
            note: None,
        }
    }

    /// Adds a member to a JSON body.
    pub fn with(mut self, key: &str, value: Value) -> Self {
        if let Body::Json(body) = &mut *self.body {
            body[key] = value;
        }
        self
    }

    /// The same answer, with its JSON body in another form.
    pub fn in_form(mut self, form: Form) -> Self {
        if let Body::Json(body) = &mut *self.body {
            *body = form.of(body.take());
        }
        self
    }

    /// Adds a note for the ledger.
    pub fn noting(mut self, note: &str) -> Self {
        self.note = Some(match self.note.take() {
            Some(earlier) => format!("{earlier}; {note}"),
            None => note.to_owned(),
        });
        self
    }

    /// Whether this refusal is about the access_token or the rate of calls, so that DingTalk did not look at the authCode in the call.
    pub fn left_the_code_alone(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
            || matches!(self.code.as_deref(), Some("40000" | "40014" | "41001" | "90002" | "90017" | "90018" | "90019"))
    }

    pub fn outcome(&self) -> Outcome {
        Outcome { status: Some(self.status.as_u16()), code: self.code.clone(), note: self.note.clone() }
    }
}

impl From<Answer> for HttpResponse {
    fn from(answer: Answer) -> Self {
        let body = match *answer.body {
            Body::Json(json) => json.to_string(),
            Body::Page(html) => html,
        };
        HttpResponse::build(answer.status).content_type(answer.content_type).body(body)
    }
}

/// 12 to 14 lower-case letters and digits.
fn request_id() -> String {
    const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let length = random_range(12..=14);
    (0..length).map(|_| char::from(ALPHABET[random_range(0..ALPHABET.len())])).collect()
}

pub fn upper_case_uuid() -> String {
    const VERSION_4: u128 = 0x4000 << 64;
    const VERSION: u128 = 0xf000 << 64;
    const VARIANT_1: u128 = 0x8000 << 48;
    const VARIANT: u128 = 0xc000 << 48;
    let bits = (random::<u128>() & !VERSION & !VARIANT) | VERSION_4 | VARIANT_1;
    let hex = format!("{bits:032X}");
    let [a, b, c, d, e] = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)].map(|(from, to)| &hex[from..to]);
    format!("{a}-{b}-{c}-{d}-{e}")
}
