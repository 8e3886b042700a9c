//! The envelopes of the two APIs' answers. A success must prove itself: HTML, `{"status":1111}` or `{}` never passes.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::call::{Call, Family};
use super::codes;
use super::error::{Error, Kind};
use super::transport::Answer;

/// Recognises the page, or the JSON without an errcode, that DingTalk answers with while it shuts an address out; for how long, when
/// it tells. Other pages are not meant: a gateway's for a 5xx passes, and a firewall's for a 4xx is about one request, which
/// somebody may have made on purpose.
pub(super) fn ban(answer: &Answer) -> Option<Duration> {
    #[derive(Deserialize)]
    struct Punished {
        status: Value,
        /// Minutes.
        #[serde(default)]
        wait: Value,
    }
    const PUNISHED: f64 = 1111.0;
    const LONGEST_MINUTES: f64 = 60.0;
    let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse().ok());

    let body = &answer.body;
    if body.trim_ascii_start().starts_with(b"<") && matches!(answer.status, 200..300 | 403 | 429) {
        return Some(Duration::ZERO);
    }
    let punished: Punished = object(body).filter(|_| !has_errcode(body))?;
    let minutes = number(&punished.wait).filter(|minutes| minutes.is_finite()).unwrap_or_default();
    (number(&punished.status) == Some(PUNISHED)).then(|| Duration::from_secs_f64(60.0 * minutes.clamp(0.0, LONGEST_MINUTES)))
}

/// Opens the answer to `call`.
pub(super) fn open<T: DeserializeOwned>(call: Call, answer: &Answer) -> Result<T, Error> {
    match (answer.is_json, call.family) {
        (false, _) => Err(misfit(call, answer.status, "the answer is not JSON")),
        (true, Family::Old) => old(call, answer),
        (true, Family::New) => new(call, answer),
    }
}

/// What an answer is that no envelope fits.
fn misfit(call: Call, status: u16, reason: &str) -> Error {
    match status {
        // A gateway in front of both families, which does not always speak their language.
        401 => codes::new(call, status, "401", reason, &[]),
        _ => Error::new(call, Kind::Unintelligible { status }, format!("status {status}: {reason}")),
    }
}

/// The old API's are always HTTP 200: `errcode` must be there and be 0.
fn old<T: DeserializeOwned>(call: Call, answer: &Answer) -> Result<T, Error> {
    #[derive(Deserialize)]
    struct Verdict {
        errcode: i64,
        #[serde(default)]
        errmsg: Option<String>,
        #[serde(default)]
        sub_code: Option<String>,
        #[serde(default)]
        sub_msg: Option<String>,
    }
    let misfit = |reason| misfit(call, answer.status, reason);
    let verdict: Verdict = object(&answer.body).ok_or_else(|| misfit("no errcode in the answer"))?;
    let texts = [verdict.errmsg, verdict.sub_msg].into_iter().flatten();
    let text = texts.collect::<Vec<_>>().join(" ");
    match (verdict.errcode, verdict.sub_code) {
        (0, _) if answer.status == 200 => object(&answer.body).ok_or_else(|| misfit("the result is missing or malformed")),
        (0, _) => Err(misfit("errcode 0 with another status than 200")),
        (88, Some(sub_code)) => Err(codes::old(call, &sub_code, &text)),
        (errcode, _) => Err(codes::old(call, &errcode.to_string(), &text)),
    }
}

/// The new API's are a success with HTTP 2xx, unless the body carries an old `errcode`, as some do.
fn new<T: DeserializeOwned>(call: Call, answer: &Answer) -> Result<T, Error> {
    #[derive(Deserialize)]
    struct Failure {
        #[serde(alias = "Code")]
        code: String,
        #[serde(default, alias = "Message")]
        message: String,
        #[serde(default, alias = "accessdenieddetail")]
        #[serde(rename = "AccessDeniedDetail")]
        denied: Denied,
    }
    #[derive(Deserialize, Default)]
    struct Denied {
        #[serde(default, rename = "requiredScopes")]
        required_scopes: Vec<String>,
    }
    #[derive(Deserialize)]
    struct Legacy {
        errcode: i64,
        #[serde(default)]
        errmsg: String,
    }
    let (status, body) = (answer.status, &answer.body);
    let misfit = |reason| misfit(call, status, reason);
    if let Some(legacy) = object::<Legacy>(body) {
        return Err(codes::old(call, &legacy.errcode.to_string(), &legacy.errmsg));
    }
    if has_errcode(body) {
        return Err(misfit("an errcode that cannot be read"));
    }
    if (200..300).contains(&status) {
        return object(body).ok_or_else(|| misfit("the answer is not what this call returns"));
    }
    let failure: Failure = object(body).ok_or_else(|| misfit("an error without a code"))?;
    let scopes = &failure.denied.required_scopes;
    Err(codes::new(call, status, &failure.code, &failure.message, scopes))
}

/// Whether there is an `errcode`, in any form and however often.
fn has_errcode(body: &[u8]) -> bool {
    object::<HashMap<String, IgnoredAny>>(body).is_some_and(|fields| fields.contains_key("errcode"))
}

fn object<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    // JSON is UTF-8 throughout (RFC 8259, 8.1). Of bytes alone, serde_json would not look into what nobody reads.
    let text = std::str::from_utf8(body).ok()?;
    serde_json::from_str::<JsonObject<T>>(text).ok().map(|object| object.0)
}

/// A `T` that was written as `{…}`. For a struct alone, serde would also take `[…]` with the fields in their order, which nobody
/// who speaks our protocols ever sends.
#[derive(Debug)]
pub struct JsonObject<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for JsonObject<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FromMap(PhantomData)).map(Self)
    }
}

struct FromMap<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for FromMap<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Deserialize, Debug)]
    struct Empty {}

    #[derive(Deserialize, Debug)]
    struct Result {
        #[expect(dead_code)]
        result: JsonObject<Empty>,
    }

    fn opened<T: DeserializeOwned>(call: Call, status: u16, body: &[u8]) -> std::result::Result<T, Error> {
        let body = body.to_vec();
        open(call, &Answer { status, is_json: true, body })
    }

    fn old(status: u16, body: &[u8]) -> std::result::Result<Result, Error> {
        opened(Call::USER_DETAILS, status, body)
    }

    fn new(status: u16, body: &str) -> std::result::Result<Empty, Error> {
        opened(Call::JSAPI_TICKET, status, body.as_bytes())
    }

    #[test]
    fn code_88_is_unwrapped_through_its_sub_code() {
        let body =
            r#"{"errcode":88,"sub_code":"40014","sub_msg":"不合法的access_token","errmsg":"ding talk error","request_id":"x"}"#;
        assert!(old(200, body.as_bytes()).unwrap_err().token_rejected());
    }

    #[test]
    fn only_a_proven_success_of_the_old_family_passes() {
        assert!(old(200, br#"{"errcode":0,"result":{}}"#).is_ok());
        for body in [
            "",
            "{}",
            "[]",
            "[0]",
            r#"{"errcode":0,"result":[]}"#,
            "null",
            "<html>ok</html>",
            r#"{"errcode":0}"#,
            r#"{"errcode":0,"result":null}"#,
            r#"{"errcode":"0","result":{}}"#,
            r#"{"errcode":0.0,"result":{}}"#,
            r#"{"errcode":null,"result":{}}"#,
            r#"{"errcode":1,"errcode":0,"result":{}}"#,
            r#"{"result":{}}"#,
            r#"{"status":1111,"wait":5,"source":"x5"}"#,
            r#"{"errcode":0,"result":{}} trailing"#,
            r#"{"errcode":0,"result":{}"#,
        ] {
            assert!(old(200, body.as_bytes()).is_err(), "{body}");
        }
        assert!(old(502, br#"{"errcode":0,"result":{}}"#).is_err());
    }

    #[test]
    fn an_old_style_errcode_on_the_new_host_is_an_error_even_with_200() {
        let body = r#"{"errcode":404,"errmsg":"请求的URI地址不存在"}"#;
        assert_eq!(new(200, body).unwrap_err().kind(), &Kind::Unexpected);
    }

    #[test]
    fn the_new_family_is_read_in_either_case() {
        for body in [r#"{"code":"InvalidAuthentication","message":"m"}"#, r#"{"Code":"InvalidAuthentication","Message":"m"}"#] {
            assert!(new(400, body).unwrap_err().token_rejected());
        }
        let denied = r#"{"code":"Forbidden.AccessDenied.AccessTokenPermissionDenied","message":"m","accessdenieddetail":{"requiredScopes":["a.b"]}}"#;
        assert_eq!(new(403, denied).unwrap_err().kind(), &Kind::Permission(Some("a.b".into())));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_never_a_success(status in 100u16..600, body in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(old(status, &body).is_err());
        }
    }

    #[derive(Debug, serde::Deserialize)]
    #[expect(dead_code)]
    struct Pair {
        a: u8,
        b: u8,
    }

    #[test]
    fn fields_in_a_list_are_no_object() {
        assert!(serde_json::from_str::<Pair>("[1,2]").is_ok(), "serde would take it");
        assert!(serde_json::from_str::<JsonObject<Pair>>("[1,2]").is_err());
        assert!(serde_json::from_str::<JsonObject<Pair>>(r#"{"a":1,"b":2}"#).is_ok());
        for wrong in [r#"{"a":1}"#, r#"{"a":1,"b":2,"a":1}"#, r#"{"a":1,"b":"2"}"#, "null", "{}", "7"] {
            assert!(serde_json::from_str::<JsonObject<Pair>>(wrong).is_err(), "{wrong}");
        }
    }
}
