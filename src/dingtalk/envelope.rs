//! The two envelopes that answers come in (contract 0.1). A success must prove itself: HTML, `{"status":1111}` or `{}` never passes.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::error::Cause;
use super::json_object::JsonObject;
use super::refusal::Refusal;

/// Recognises the page, or the JSON without an errcode, that DingTalk answers with while it shuts an address out; for how long, when
/// it tells. Other pages are not meant: a gateway's for a 5xx passes, and a firewall's for a 4xx is about one request, which
/// somebody may have made on purpose.
pub(super) fn ban(status: u16, body: &[u8]) -> Option<Duration> {
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

    let is_page = body.trim_ascii_start().starts_with(b"<") && matches!(status, 200..300 | 403 | 429);
    let punished =
        || object::<Punished>(body).filter(|punished| number(&punished.status) == Some(PUNISHED) && !has_errcode(body));
    if is_page {
        return Some(Duration::ZERO);
    }
    let minutes = |wait: &Value| number(wait).filter(|minutes| minutes.is_finite()).unwrap_or_default();
    punished().map(|punished| Duration::from_secs_f64(60.0 * minutes(&punished.wait).clamp(0.0, LONGEST_MINUTES)))
}

/// What an answer is that no envelope fits.
pub(super) fn misfit(status: u16, reason: &'static str) -> Cause {
    match status {
        // A gateway in front of both families, which does not always speak their language.
        401 => Refusal::api(status, "401", reason, &[]).into(),
        _ => Cause::Unintelligible { status, reason },
    }
}

/// Opens an answer of the old family, which is always HTTP 200: `errcode` must be there and be 0, and so must `result`.
pub(super) fn oapi<T: DeserializeOwned>(status: u16, body: &[u8]) -> Result<T, Cause> {
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
    #[derive(Deserialize)]
    #[serde(bound = "T: DeserializeOwned")]
    struct Payload<T> {
        result: JsonObject<T>,
    }

    let unintelligible = |reason| misfit(status, reason);
    let verdict: Verdict = object(body).ok_or_else(|| unintelligible("no errcode in the answer"))?;
    let text = [verdict.errmsg, verdict.sub_msg]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ");
    match (verdict.errcode, verdict.sub_code) {
        (0, _) if status == 200 => object::<Payload<T>>(body)
            .map(|payload| payload.result.0)
            .ok_or_else(|| unintelligible("the result is missing or malformed")),
        (0, _) => Err(unintelligible("errcode 0 with another status than 200")),
        (88, Some(sub_code)) => Err(Refusal::oapi(&sub_code, &text).into()),
        (errcode, _) => Err(Refusal::oapi(&errcode.to_string(), &text).into()),
    }
}

/// Opens an answer of the new family: HTTP 2xx is a success unless the body carries an old-style `errcode`, as some do.
pub(super) fn api<T: DeserializeOwned>(status: u16, body: &[u8]) -> Result<T, Cause> {
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

    let unintelligible = |reason| misfit(status, reason);
    if let Some(legacy) = object::<Legacy>(body) {
        return Err(Refusal::oapi(&legacy.errcode.to_string(), &legacy.errmsg).into());
    }
    if has_errcode(body) {
        return Err(unintelligible("an errcode that cannot be read"));
    }
    if (200..300).contains(&status) {
        return object(body).ok_or_else(|| unintelligible("the answer is not what this call returns"));
    }
    let failure: Failure = object(body).ok_or_else(|| unintelligible("an error without a code"))?;
    Err(Refusal::api(status, &failure.code, &failure.message, &failure.denied.required_scopes).into())
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

#[cfg(test)]
mod tests {
    use super::super::refusal::Class;
    use super::*;
    use proptest::prelude::*;

    #[derive(Deserialize, Debug)]
    struct Empty {}

    fn class(cause: Cause) -> Class {
        match cause {
            Cause::Refused(refusal) => refusal.class,
            other => panic!("not a refusal: {other:?}"),
        }
    }

    #[test]
    fn code_88_is_unwrapped_through_its_sub_code() {
        let body =
            r#"{"errcode":88,"sub_code":"40014","sub_msg":"不合法的access_token","errmsg":"ding talk error","request_id":"x"}"#;
        assert_eq!(class(oapi::<Empty>(200, body.as_bytes()).unwrap_err()), Class::TokenRejected);
    }

    #[test]
    fn only_a_proven_success_of_the_old_family_passes() {
        assert!(oapi::<Empty>(200, br#"{"errcode":0,"result":{}}"#).is_ok());
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
            assert!(oapi::<Empty>(200, body.as_bytes()).is_err(), "{body}");
        }
        assert!(oapi::<Empty>(502, br#"{"errcode":0,"result":{}}"#).is_err());
    }

    #[test]
    fn an_old_style_errcode_on_the_new_host_is_an_error_even_with_200() {
        let body = r#"{"errcode":404,"errmsg":"请求的URI地址不存在"}"#;
        assert_eq!(class(api::<Empty>(200, body.as_bytes()).unwrap_err()), Class::Unexpected);
    }

    #[test]
    fn the_new_family_is_read_in_either_case() {
        for body in [
            r#"{"code":"InvalidAuthentication","message":"m"}"#,
            r#"{"Code":"InvalidAuthentication","Message":"m"}"#,
        ] {
            assert_eq!(class(api::<Empty>(400, body.as_bytes()).unwrap_err()), Class::TokenRejected);
        }
        let denied = r#"{"code":"Forbidden.AccessDenied.AccessTokenPermissionDenied","message":"m","accessdenieddetail":{"requiredScopes":["a.b"]}}"#;
        assert!(matches!(
            class(api::<Empty>(403, denied.as_bytes()).unwrap_err()),
            Class::Misconfigured(_)
        ));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_never_a_success(status in 100u16..600, body in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(oapi::<Empty>(status, &body).is_err());
        }
    }
}
