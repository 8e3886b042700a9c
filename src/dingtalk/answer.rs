//! What an answer means. A success must prove itself: HTML, `{"status":1111}` or `{}` never passes. DingTalk's many ways of saying no
//! are sorted by what to do about them ("Global error codes" in DingTalk's documentation, and the pages of the calls).

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::api::{Call, Family};
use super::said::{Said, quotable, without_secrets};
use super::signature::decoded;
use super::{Error, Kind};

/// An answer, read to its end.
pub(super) struct Answer {
    pub status: u16,
    /// Whether it says that it is JSON, as all of DingTalk's answers do.
    pub is_json: bool,
    pub body: Vec<u8>,
}

/// What every answer of the old API has, and some of the new one.
#[derive(Deserialize)]
struct Verdict {
    errcode: i64,
}

/// A refusal, whatever is odd about its form: the advice that comes of it would be lost with it.
struct Refusal {
    /// Not 0.
    errcode: Option<String>,
    sub_code: Option<String>,
    code: Option<String>,
    text: String,
    required_scopes: String,
}

impl Refusal {
    /// Names count in any case, numbers as text and text as numbers, and what is null or of another form is not there.
    fn read(body: &[u8], secrets: &[&str]) -> Option<Self> {
        let text = String::from_utf8_lossy(body);
        let told = serde_json::from_str::<Value>(&text).ok().filter(Value::is_object)?;
        let known = |text: String| without_secrets(&text, secrets.iter().copied());
        let code = |name| member(&told, name).find_map(word).map(known);
        let errcode = code("errcode").map(|code| code.strip_suffix(".0").map_or(code.clone(), str::to_owned));
        let errcode = errcode.filter(|code| code.parse::<i64>().is_ok_and(|number| number != 0));
        let texts = ["errmsg", "sub_msg", "message"].map(|name| member(&told, name).find_map(word));
        let scopes = member(&told, "accessDeniedDetail").flat_map(|detail| member(detail, "requiredScopes"));
        let scopes =
            scopes.flat_map(|scopes| scopes.as_array().map_or(std::slice::from_ref(scopes), Vec::as_slice)).filter_map(word);
        Some(Self {
            errcode,
            sub_code: code("sub_code"),
            code: code("code"),
            text: known(texts.into_iter().flatten().collect::<Vec<_>>().join(" ")),
            required_scopes: scopes.collect::<Vec<_>>().join(","),
        })
    }
}

/// What an object has under `name`, in any case and spelling of it.
fn member<'a>(object: &'a Value, name: &'a str) -> impl Iterator<Item = &'a Value> {
    let fields = object.as_object().into_iter().flatten();
    fields.filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn word(value: &Value) -> Option<String> {
    let text = value.as_str().map(|text| text.trim().to_owned()).or_else(|| value.as_number().map(ToString::to_string))?;
    Some(text).filter(|text| !text.is_empty())
}

impl Answer {
    /// Recognises the page, or the JSON without an errcode, that DingTalk answers with while it shuts an address out; for how long,
    /// when it tells. Other pages are not meant: a gateway's for a 5xx passes, and a firewall's for a 4xx is about one request, which
    /// somebody may have made on purpose.
    pub fn ban(&self) -> Option<Duration> {
        #[derive(Deserialize)]
        struct Punished {
            status: Value,
            /// Minutes.
            wait: Option<Value>,
        }
        const PUNISHED: f64 = 1111.0;
        const LONGEST_MINUTES: f64 = 60.0;
        let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse().ok());

        if self.body.trim_ascii_start().starts_with(b"<") && matches!(self.status, 200..300 | 403 | 429) {
            return Some(Duration::ZERO);
        }
        let punished: Punished = object(&self.body).filter(|_| is_without_errcode(&self.body))?;
        let minutes = punished.wait.as_ref().and_then(number).filter(|minutes| minutes.is_finite()).unwrap_or_default();
        (number(&punished.status) == Some(PUNISHED)).then(|| Duration::from_secs_f64(60.0 * minutes.clamp(0.0, LONGEST_MINUTES)))
    }

    /// What `call` asked for, or why it is not there. The old API's answers are always HTTP 200: `errcode` must be there and be 0. The
    /// new one's are a success with HTTP 2xx, unless the body carries an old `errcode`, as some do.
    /// `secrets` are those that were sent: a refusal may have them in it.
    pub fn open<T: DeserializeOwned>(&self, call: Call, secrets: &[&str]) -> Result<T, Error> {
        let (status, body) = (self.status, &self.body);
        let is_success = self.is_json
            && match call.family {
                Family::Old => status == 200 && object::<Verdict>(body).is_some_and(|verdict| verdict.errcode == 0),
                Family::New => (200..300).contains(&status) && is_without_errcode(body),
            };
        if is_success {
            let malformed = |field| Error::new(call, Kind::Malformed, format!("a success whose {field} is missing or malformed"));
            return success(body).map_err(malformed);
        }
        Err(match Refusal::read(body, secrets) {
            Some(Refusal { errcode: Some(errcode), sub_code, text, .. }) => refused_by_old(call, &errcode, sub_code, &text),
            // The new API's, which answers on the old one's behalf when the address is mistaken.
            Some(Refusal { code: Some(code), text, required_scopes, .. })
                if call.family == Family::New || code == NO_SUCH_CALL =>
            {
                refused_by_new(call, status, &code, &text, &required_scopes)
            }
            // A gateway in front of both families, which does not always speak their language.
            _ if status == 401 => refused_by_new(call, status, "401", "neither a success nor a refusal", ""),
            _ => {
                let kind = if status == 404 { Kind::NoSuchCall } else { Kind::Unintelligible(status) };
                Error::new(call, kind, format!("status {status}: neither a success nor a refusal"))
            }
        })
    }
}

const NO_SUCH_CALL: &str = "InvalidAction.NotFound";

fn refused_by_old(call: Call, errcode: &str, sub_code: Option<String>, text: &str) -> Error {
    // 88 is a wrapper.
    let code = sub_code.as_deref().filter(|_| errcode == "88").unwrap_or(errcode);
    let kind = match code {
        "40014" | "42001" | "40001" => Kind::TokenRejected,
        "40078" | "40029" | "40102" | "42007" | "41026" => Kind::CodeRejected,
        "-1" => Kind::Busy,
        "90018" | "90002" => Kind::RateLimited,
        "90001" | "90017" => Kind::LimitedForLonger,
        code if matches!(code.parse(), Ok(90003..=90014)) => Kind::LimitedForLonger,
        "90020" => Kind::QuotaSpent,
        "40096" | "40089" | "40088" | "853003" | "853004" => Kind::Credentials,
        "60011" => Kind::Permission(missing_permission("", text)),
        "60020" => Kind::IpNotAllowed(requesting_ip(text)),
        "50002" | "50004" => Kind::UserNotVisible,
        "40079" | "48004" | "70001" | "70003" | "70004" | "50003" | "50005" => Kind::AppStopped,
        "60121" | "33012" | "40003" => Kind::UserUnknown,
        "22" | "404" => Kind::NoSuchCall,
        _ => Kind::Unexpected,
    };
    refused(call, kind, code, text)
}

/// 403 alone is ambiguous, so the code decides and the status only helps.
fn refused_by_new(call: Call, status: u16, code: &str, text: &str, required_scopes: &str) -> Error {
    let kind = match code {
        "InvalidAuthentication" | "invalidAccessToken" | "accesstoken.expired" => Kind::TokenRejected,
        "invalidParameter.authCode.notFound" => Kind::CodeRejected,
        "invalidClientIdOrSecret" | "invalidSuiteKey" | "invalid.client" | "unauthorized.client" => Kind::Credentials,
        "invalidAuthInfo" => Kind::AppStopped,
        code if code == "apiPermissionDenied" || code.ends_with("AccessTokenPermissionDenied") => {
            Kind::Permission(missing_permission(required_scopes, text))
        }
        code if code.ends_with("IpNotInWhiteList") => Kind::IpNotAllowed(requesting_ip(text)),
        code if code.ends_with("ApiCountLimitForOrg") => Kind::QuotaSpent,
        code if code.contains(".Qps") => Kind::RateLimited,
        code if code.contains(".Qpm") => Kind::LimitedForLonger,
        "qps.exceed.limit" | "request.overlimit" | "request.too.fast" => Kind::LimitedForLonger,
        "invalidParameter.user.notFound" => Kind::UserUnknown,
        NO_SUCH_CALL => Kind::NoSuchCall,
        _ if status == 429 => Kind::LimitedForLonger,
        _ if status >= 500 => Kind::Busy,
        _ if status == 401 => Kind::TokenRejected,
        _ => Kind::Unexpected,
    };
    refused(call, kind, code, text)
}

fn refused(call: Call, kind: Kind, code: &str, text: &str) -> Error {
    // It hides a permanent mistake behind a passing one: a wrong CorpId or secret has been seen to be answered like this.
    const HINT: &str = " (if it stays: check DINGTALK_CORP_ID, DINGTALK_CLIENT_ID and DINGTALK_CLIENT_SECRET)";
    let hint = if code == "unknownError" { HINT } else { "" };
    // That call sends no access_token: what sounds like a bad one is about the secret.
    let kind = if kind == Kind::TokenRejected && call == Call::ACCESS_TOKEN { Kind::Credentials } else { kind };
    let Said { code, text } = Said::new(code, text);
    Error::new(call, kind, format!("dingtalk refused with {code}: {text}{hint}"))
}

/// What DingTalk calls the permission that the app lacks: in a list of its own, in the text, whatever that says and in which language, or
/// in the link under which it is applied for.
fn missing_permission(required_scopes: &str, text: &str) -> Option<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let names = |list: &str| {
        let words = list.split(|c| !is_part(c)).map(|word| word.trim_matches('.'));
        let names: Vec<_> = words.filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic())).collect();
        Some(quotable(&names.join(", "))).filter(|names| !names.is_empty())
    };
    let listed = || names(text.split_once("requiredScopes")?.1.split_once('[')?.1.split_once(']')?.0);
    // `qyapi_get_member` or `Contact.User.Read`: other things stand in brackets too.
    let is_scope =
        |inner: &&str| inner.starts_with("qyapi_") || inner.starts_with(|c: char| c.is_ascii_uppercase()) && inner.contains('.');
    let bracketed = || {
        let inner = text.split(['[', '【']).skip(1).filter_map(|rest| Some(rest.split_once([']', '】'])?.0.trim()));
        inner.filter(is_scope).find_map(names)
    };
    let linked = || {
        let (_, link) = text.split_once("content=")?;
        let end = link.find(|c: char| !(is_part(c) || c == '%' || c == '#')).unwrap_or(link.len());
        names(decoded(&link[..end]).split_once('#')?.1)
    };
    names(required_scopes).or_else(listed).or_else(bracketed).or_else(linked)
}

fn requesting_ip(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("request ip=")?;
    let ip = rest.split([' ', ',', '"', '}']).next()?;
    ip.parse::<std::net::IpAddr>().ok().map(|ip| ip.to_string())
}

/// Whether it is an object in which no `errcode` is, in any form or spelling.
fn is_without_errcode(body: &[u8]) -> bool {
    object::<HashMap<String, IgnoredAny>>(body)
        .is_some_and(|fields| !fields.keys().any(|name| name.eq_ignore_ascii_case("errcode")))
}

/// What a success holds, or the name of the field that is at fault: never what stands in it.
fn success<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let read: Result<JsonObject<T>, _> = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(body));
    read.map(|object| object.0).map_err(|error| {
        let why = error.inner().to_string();
        // It is said of the object around it.
        let named = ["missing field `", "duplicate field `"].iter().find_map(|what| why.strip_prefix(what)?.split('`').next());
        let around = Some(error.path().to_string()).filter(|path| path != ".");
        quotable(&around.into_iter().chain(named.map(str::to_owned)).collect::<Vec<_>>().join("."))
    })
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
    use super::super::{DisplayName, UserId};
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
        Answer { status, is_json: true, body: body.to_vec() }.open(call, &[])
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
        assert_eq!(old(200, body.as_bytes()).unwrap_err().kind, Kind::TokenRejected);
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
        assert_eq!(new(200, body).unwrap_err().kind, Kind::NoSuchCall);
    }

    #[test]
    fn an_address_where_the_call_is_not_known_is_for_the_administrator_and_no_code_is_lost_for_it() {
        for (status, body) in [
            (
                404,
                r#"{"code":"InvalidAction.NotFound","message":"Specified api is not found, please check your url and method."}"#,
            ),
            (404, r#"{"Code":"InvalidAction.NotFound","Message":null}"#),
            (400, r#"{"code":"InvalidAction.NotFound"}"#),
            (200, r#"{"errcode":404,"errmsg":"请求的URI地址不存在"}"#),
            (200, r#"{"errcode":"404"}"#),
            (200, r#"{"errcode":22,"sub_msg":"不合法ApiName","errmsg":"Invalid method","request_id":"x"}"#),
            (200, r#"{"errcode":88,"sub_code":"22","sub_msg":"x"}"#),
            (404, "<html><head><title>404 Not Found</title></head></html>"),
            (404, ""),
            (404, r#"{"timestamp":"x","status":404,"path":"/topapi"}"#),
        ] {
            for call in [Call::USER_BY_CODE, Call::ACCESS_TOKEN, Call::JSAPI_TICKET, Call::USER_DETAILS] {
                let error = opened::<Empty>(call, status, body.as_bytes()).unwrap_err();
                assert_eq!(error.kind, Kind::NoSuchCall, "{body}");
                assert!(error.misconfigured() && !error.code_fate_unknown());
                assert!(error.fix().unwrap().contains("DINGTALK_SITE"));
            }
        }
    }

    #[test]
    fn the_new_family_is_read_in_either_case() {
        for body in [r#"{"code":"InvalidAuthentication","message":"m"}"#, r#"{"Code":"InvalidAuthentication","Message":"m"}"#] {
            assert_eq!(new(400, body).unwrap_err().kind, Kind::TokenRejected);
        }
        let denied = r#"{"code":"Forbidden.AccessDenied.AccessTokenPermissionDenied","message":"m","accessdenieddetail":{"requiredScopes":["a.b"]}}"#;
        assert_eq!(new(403, denied).unwrap_err().kind, Kind::Permission(Some("a.b".into())));
    }

    #[test]
    fn a_refusal_is_read_whatever_is_odd_about_its_form() {
        let (permission, unnamed) = (Kind::Permission(Some("a.b".into())), Kind::Permission(None));
        let denied = "Forbidden.AccessDenied.AccessTokenPermissionDenied";
        for (rest, kind) in [
            (r#","message":"m","accessdenieddetail":null"#, &unnamed),
            (r#","message":null,"accessdenieddetail":{"requiredScopes":["a.b"]}"#, &permission),
            (r#","message":["m"],"accessDeniedDetail":{"requiredscopes":"a.b"}"#, &permission),
            (r#","Message":7,"AccessDeniedDetail":{"RequiredScopes":[null,"a.b",{}]}"#, &permission),
            (r#","accessdenieddetail":[]"#, &unnamed),
            (r#","accessdenieddetail":{"requiredScopes":null},"errcode":null"#, &unnamed),
        ] {
            for code in [
                format!(r#""code":"{denied}""#),
                format!(r#""Code":"{denied}","code":null"#),
                format!(r#""CODE":" {denied} ","code":"""#),
            ] {
                let body = format!("{{{code}{rest}}}");
                assert_eq!(new(403, &body).unwrap_err().kind, *kind, "{body}");
            }
        }
        let both = r#"{"code":"InvalidAuthentication","Code":"InvalidAuthentication","message":"m","Message":"m"}"#;
        assert_eq!(new(400, both).unwrap_err().kind, Kind::TokenRejected);
        for (body, kind) in [
            (r#"{"errcode":"40078","errmsg":"x"}"#, Kind::CodeRejected),
            (r#"{"errcode":" 90018 ","errmsg":null}"#, Kind::RateLimited),
            (r#"{"errcode":40014.0,"errmsg":"x"}"#, Kind::TokenRejected),
            (r#"{"errcode":88,"sub_code":60020,"sub_msg":null,"errmsg":7}"#, Kind::IpNotAllowed(None)),
            (r#"{"errcode":"88","sub_code":"60011","sub_msg":"[qyapi_base]"}"#, Kind::Permission(Some("qyapi_base".into()))),
            (r#"{"errcode":88,"sub_code":null,"errmsg":"x"}"#, Kind::Unexpected),
            (r#"{"ErrCode":50003,"ErrMsg":"x"}"#, Kind::AppStopped),
            (r#"{"errcode":-1,"result":"text"}"#, Kind::Busy),
        ] {
            assert_eq!(old(200, body.as_bytes()).unwrap_err().kind, kind, "{body}");
            let plain = Answer { status: 200, is_json: false, body: body.into() };
            assert_eq!(plain.open::<Result>(Call::USER_DETAILS, &[]).unwrap_err().kind, kind, "as plain text: {body}");
        }
        let in_gbk = b"{\"errcode\":60121,\"errmsg\":\"\xd5\xd2\xb2\xbb\xb5\xbd\"}";
        assert_eq!(old(200, in_gbk).unwrap_err().kind, Kind::UserUnknown);
        for neither in
            [r#"{"errcode":"0"}"#, r#"{"errcode":0.0}"#, r#"{"errcode":null,"sub_code":"40014"}"#, r#"{"errcode":"x"}"#]
        {
            assert_eq!(old(200, neither.as_bytes()).unwrap_err().kind, Kind::Unintelligible(200), "{neither}");
        }
    }

    #[test]
    fn a_malformed_success_is_an_error_of_its_own_that_names_the_field_and_nothing_in_it() {
        #[derive(Deserialize, Debug)]
        #[expect(dead_code)]
        struct Person {
            userid: UserId,
            name: Option<DisplayName>,
        }
        #[derive(Deserialize, Debug)]
        #[expect(dead_code)]
        struct Exchanged {
            result: JsonObject<Person>,
        }
        for (rest, field) in [
            (r#""result":{"userid":"   "}"#, "result.userid"),
            (r#""result":{"userid":"\u3000"}"#, "result.userid"),
            (r#""result":{"userid":"4711\u202e"}"#, "result.userid"),
            (r#""result":{"userid":"4711\u0000"}"#, "result.userid"),
            (r#""result":{"userid":4711}"#, "result.userid"),
            (r#""result":{"userid":["4711"]}"#, "result.userid"),
            (r#""result":{"userid":null,"name":"4711"}"#, "result.userid"),
            (r#""result":{"userId":"4711"}"#, "result.userid"),
            (r#""result":{"userid":"a","userid":"4711"}"#, "result.userid"),
            (r#""result":{"userid":"a","name":4711}"#, "result.name"),
            (r#""result":["4711"]"#, "result"),
            (r#""result":"4711""#, "result"),
            (r#""results":{"4711":{}}"#, "result"),
        ] {
            let body = format!(r#"{{"errcode":0,{rest}}}"#);
            let error = opened::<Exchanged>(Call::USER_BY_CODE, 200, body.as_bytes()).unwrap_err();
            assert!(error.kind == Kind::Malformed && !error.code_fate_unknown(), "{body}");
            assert_eq!(error.said, format!("a success whose {field} is missing or malformed"), "{body}");
        }
    }

    #[test]
    fn what_was_sent_is_not_in_what_is_logged() {
        for body in [
            r#"{"errcode":40014,"errmsg":"不合法的 letters-only"}"#,
            r#"{"errcode":88,"sub_code":"x","sub_msg":"letters-only"}"#,
            r#"{"errcode":1,"errmsg":"a","sub_msg":"/x?q=letters-only"}"#,
            r#"{"errcode":1,"errmsg":"le\u200btters-only"}"#,
            r#"{"errcode":1,"message":"token letters-only is dead"}"#,
            r#"{"code":"letters-only","message":"x"}"#,
        ] {
            let error =
                Answer { status: 400, is_json: true, body: body.into() }.open::<Empty>(Call::JSAPI_TICKET, &["letters-only"]);
            let logged = error.unwrap_err().to_string();
            assert!(!logged.contains("letters") && logged.contains('…'), "{logged}");
        }
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

    fn old_kind(code: &str, text: &str) -> Kind {
        refused_by_old(Call::USER_DETAILS, code, None, text).kind
    }

    fn new_kind(code: &str, scopes: &str) -> Kind {
        refused_by_new(Call::JSAPI_TICKET, 403, code, "", scopes).kind
    }

    #[test]
    fn a_missing_permission_is_named_in_both_families() {
        let text = "ding talk error[subcode=60011,submsg=应用尚未开通所需的权限：[qyapi_get_member], {requiredScopes=[qyapi_get_member]}]";
        let expected = Kind::Permission(Some("qyapi_get_member".into()));
        assert_eq!(old_kind("60011", text), expected);
        let code = "Forbidden.AccessDenied.AccessTokenPermissionDenied";
        assert_eq!(new_kind(code, "qyapi_get_member"), expected);
    }

    #[test]
    fn a_missing_permission_is_named_from_where_it_stands_and_by_no_other_word() {
        let link = |scope: &str| format!("https://open-dev.dingtalk.com/appscope/apply?content=dingabc123%23{scope}");
        for (text, named) in [
            (
                format!("应用尚未开通所需的权限：[qyapi_robot_sendmsg]，点击链接申请并开通即可：{}", link("qyapi_robot_sendmsg")),
                Some("qyapi_robot_sendmsg"),
            ),
            (
                format!("the app has not been granted the permission, apply: {}.", link("qyapi_get_department_list")),
                Some("qyapi_get_department_list"),
            ),
            (format!("権限がありません「{}」", link("fieldMobile")), Some("fieldMobile")),
            ("<a href=\"https://x/?content=dingabc#Contact.User.Read&from=api\">".into(), Some("Contact.User.Read")),
            (format!("apply: {}", link("qyapi_a%2Cqyapi_b")), Some("qyapi_a, qyapi_b")),
            ("ding talk error[subcode=60011,submsg=no permission, {requiredScopes=[a.b, c_d]}]".into(), Some("a.b, c_d")),
            ("no permission 【Contact.User.mobile】".into(), Some("Contact.User.mobile")),
            ("ding talk error[subcode=60011,submsg=没有调用该接口的权限]".into(), None),
            ("ding talk error[subcode=60011,submsg=x, {requiredScopes=[]}]".into(), None),
            ("没有权限 [10.0.0.1] [www.example.com]".into(), None),
            ("https://open-dev.dingtalk.com/appscope/apply?content=dingabc123".into(), None),
            ("ding talk error[subcode=60011,submsg=".into(), None),
            (String::new(), None),
        ] {
            let kind = Kind::Permission(named.map(str::to_owned));
            assert_eq!(old_kind("60011", &text), kind, "{text}");
            let fix = Error::new(Call::USER_DETAILS, kind, "").fix().unwrap();
            assert!(fix.contains(named.unwrap_or("that DingTalk did not name")), "{fix}");
        }
    }

    #[test]
    fn the_address_that_is_not_allowed_is_named() {
        for (text, ip) in [
            ("访问ip不在白名单之中,request ip=203.0.113.7 appKey(dingxyz)", "203.0.113.7"),
            ("request ip=2001:db8::1 appKey(dingxyz)", "2001:db8::1"),
        ] {
            assert_eq!(old_kind("60020", text), Kind::IpNotAllowed(Some(ip.into())));
        }
    }

    #[test]
    fn a_403_is_sorted_by_its_code() {
        let kinds = ["QpsLimitForApi", "QpmLimitForAppkeyAndApi", "ApiCountLimitForOrg"]
            .map(|end| new_kind(&format!("Forbidden.AccessDenied.{end}"), ""));
        assert_eq!(kinds, [Kind::RateLimited, Kind::LimitedForLonger, Kind::QuotaSpent]);
    }
}
