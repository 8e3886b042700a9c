//! What an answer means. A success must prove itself: HTML, `{"status":1111}` or `{}` never passes. DingTalk's many ways of saying no
//! are sorted by what to do about them ("Global error codes" in DingTalk's documentation, and the pages of the calls).

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::call::Family;
use super::error::REFUSED;
use super::said::{Said, quotable, without_secrets};
use super::signature::decoded;
use super::{Call, Error, Kind};

/// An answer, read to its end.
pub(super) struct Answer {
    pub status: u16,
    /// Whether it says that it is JSON, as all of DingTalk's answers do.
    pub is_json: bool,
    /// When the answer was sent, by its `Date` header.
    pub date: Option<SystemTime>,
    pub body: Vec<u8>,
}

/// What every answer of the old API has, and some of the new one.
#[derive(Deserialize)]
struct Verdict {
    errcode: i64,
}

/// The refusal of `call` in `body`. It is read whatever is odd about its form, since otherwise the advice that its code leads to would be
/// lost: field names match in any case, a number may be a text and a text a number, and a null or anything else counts as missing.
fn refusal(call: Call, status: u16, body: &[u8], secrets: &[&str]) -> Option<Error> {
    let text = String::from_utf8_lossy(body);
    let told = serde_json::from_str::<Value>(text.trim_start_matches(BYTE_ORDER_MARK)).ok().filter(Value::is_object)?;
    let known = |text: &str| without_secrets(text, secrets.iter().copied());
    let code = |name| members(&told, name).find_map(word).map(|code| known(code.strip_suffix(".0").unwrap_or(&code)));
    let texts = ["errmsg", "sub_msg", "message", "description", "accessDeniedDetail"];
    let text = texts.iter().filter_map(|name| members(&told, name).find_map(word)).collect::<Vec<_>>().join(" ");
    if let Some(errcode) = code("errcode").filter(|code| code.parse::<i64>().is_ok_and(|number| number != 0)) {
        let sub_code = code("sub_code").or_else(|| code("subCode")).or_else(|| told_code(&text).map(known));
        return Some(refused_by_old(call, &errcode, sub_code, &known(&text)));
    }
    // A refusal of the new API. It also answers calls of the old API, if they are sent to a wrong address.
    let code = code("code").filter(|code| call.family == Family::New || code.eq_ignore_ascii_case(NO_SUCH_CALL))?;
    let scopes = members(&told, "accessDeniedDetail").flat_map(|detail| members(detail, "requiredScopes"));
    let scopes: Vec<_> = scopes.flat_map(list).filter_map(word).collect();
    Some(refused_by_new(call, status, &code, &known(&text), &scopes.join(",")))
}

/// The code in `ding talk error[subcode=60011,submsg=…]`, for a refusal that has it nowhere else.
fn told_code(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("subcode=")?;
    rest.split([',', ']', ' ']).next().filter(|code| !code.is_empty())
}

/// The values of an object's fields called `name`, in any case.
fn members<'a>(object: &'a Value, name: &'a str) -> impl Iterator<Item = &'a Value> {
    let fields = object.as_object().into_iter().flatten();
    fields.filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn word(value: &Value) -> Option<String> {
    text(value).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The text of a value that may be a text or a number.
pub(super) fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned).or_else(|| value.as_number().map(ToString::to_string))
}

/// The items of a value that may be a list, or a single item without a list around it.
pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}

impl Answer {
    /// Recognises the HTML page, or the JSON without an errcode, that DingTalk answers with while it bans an address. Returns for how
    /// long, zero if the answer does not say. Other pages do not count: a gateway's page for a 5xx is temporary, and a firewall's page
    /// for a 4xx is about one request, which somebody may have provoked.
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

    /// What `call` asked for, or why it failed. An answer of the old API always has HTTP 200, and is a success only with an `errcode` of
    /// 0. One of the new API is a success with HTTP 2xx, unless the body has an `errcode` as in the old API, as some do. `secrets` are
    /// those that were sent: they are cut out of a refusal's text.
    pub fn open<T: DeserializeOwned>(&self, call: Call, secrets: &[&str]) -> Result<T, Error> {
        let status = self.status;
        let body = &self.body;
        // Some calls of the new API answer without a body: 204, or 200. That is read as `{}`, if `T` can be read from it.
        if call.family == Family::New
            && (200..300).contains(&status)
            && body.is_empty()
            && let Ok(nothing) = success(call, b"{}")
        {
            return Ok(nothing);
        }
        let is_success = self.is_json
            && match call.family {
                Family::Old => status == 200 && object::<Verdict>(body).is_some_and(|verdict| verdict.errcode == 0),
                Family::New => (200..300).contains(&status) && is_without_errcode(body),
            };
        if is_success {
            return success(call, body);
        }
        const NEITHER: &str = "neither a success nor a refusal";
        Err(refusal(call, status, body, secrets).unwrap_or_else(|| match status {
            // A gateway in front of both APIs, whose answers do not always have their format.
            401 => refused_by_new(call, status, "401", NEITHER, ""),
            // Another site's server answers so: not found, no POST, or moved.
            301 | 308 | 404 | 405 | 410 => Error::new(call, Kind::NoSuchCall, format!("status {status}: {NEITHER}")),
            _ => Error::new(call, Kind::Unintelligible(status), format!("status {status}: {NEITHER}")),
        }))
    }
}

const NO_SUCH_CALL: &str = "InvalidAction.NotFound";
const BYTE_ORDER_MARK: char = '\u{FEFF}';

fn refused_by_old(call: Call, errcode: &str, sub_code: Option<String>, text: &str) -> Error {
    // 88 is a wrapper: the sub_code has the reason.
    let code = sub_code.as_deref().filter(|_| errcode == "88").unwrap_or(errcode);
    let kind = match code {
        "40014" | "42001" | "40001" => Kind::TokenRejected,
        "40078" | "40029" | "40102" | "42007" | "41026" => Kind::CodeRejected,
        "-1" => Kind::Busy,
        "90018" | "90019" | "90002" => Kind::RateLimited,
        "90001" | "90017" => Kind::LimitedForLonger,
        code if matches!(code.parse(), Ok(90003..=90014)) => Kind::LimitedForLonger,
        "90020" => Kind::QuotaSpent,
        "40096" | "40089" | "40088" | "853003" | "853004" => Kind::Credentials,
        "853001" | "853002" => Kind::Clock,
        "60011" => Kind::Permission(missing_permission("", text)),
        "60020" => Kind::IpNotAllowed(requesting_ip(text)),
        "50002" | "50004" => Kind::UserNotVisible,
        "50003" | "50005" => Kind::AppStopped,
        "40079" | "48004" | "70001" | "70003" | "70004" => Kind::NotAuthorised,
        "40085" | "853005" => Kind::SuiteTicket,
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
        "invalidAuthInfo" => Kind::NotAuthorised,
        "invalidSuiteTicket" => Kind::SuiteTicket,
        code if code == "apiPermissionDenied" || code.ends_with("AccessTokenPermissionDenied") => {
            Kind::Permission(missing_permission(required_scopes, text))
        }
        code if code.ends_with("IpNotInWhiteList") => Kind::IpNotAllowed(requesting_ip(text)),
        code if code.ends_with("ApiCountLimitForOrg") => Kind::QuotaSpent,
        code if code.contains(".Qps") => Kind::RateLimited,
        code if code.contains(".Qpm") => Kind::LimitedForLonger,
        "qps.exceed.limit" | "request.overlimit" | "request.too.fast" => Kind::LimitedForLonger,
        "invalidParameter.user.notFound" => Kind::UserUnknown,
        code if code.eq_ignore_ascii_case(NO_SUCH_CALL) => Kind::NoSuchCall,
        _ if status == 429 => Kind::LimitedForLonger,
        _ if status >= 500 => Kind::Busy,
        _ if status == 401 => Kind::TokenRejected,
        _ => Kind::Unexpected,
    };
    refused(call, kind, code, text)
}

fn refused(call: Call, kind: Kind, code: &str, text: &str) -> Error {
    // This code sounds temporary, but may be a permanent mistake: a wrong CorpId or secret has been seen to be answered with it.
    const HINT: &str =
        " (if it stays: check DINGTALK_CLIENT_ID and DINGTALK_CLIENT_SECRET, and DINGTALK_CORP_ID if the app has one)";
    let hint = if code == "unknownError" { HINT } else { "" };
    // These calls send no access_token: a refusal that sounds like a bad token is about the secret.
    let sends_none = [Call::ACCESS_TOKEN, Call::CORP_ACCESS_TOKEN, Call::AUTH_INFO, Call::STREAM].contains(&call);
    let kind = if kind == Kind::TokenRejected && sends_none { Kind::Credentials } else { kind };
    let Said { code, text } = Said::new(code, text);
    Error::new(call, kind, format!("{REFUSED}{code}: {text}{hint}"))
}

/// DingTalk's name for the permission that the app lacks. It is in a list of its own, in brackets or a list within the text, whose
/// wording and language differ, or in the link for applying for it.
fn missing_permission(required_scopes: &str, text: &str) -> Option<Box<str>> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let names = |list: &str| {
        let words = list.split(|c| !is_part(c)).map(|word| word.trim_matches('.'));
        let names: Vec<_> = words.filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic())).collect();
        Some(quotable(&names.join(", "))).filter(|names| !names.is_empty())
    };
    let listed = || {
        let list = text.split_once("requiredScopes")?.1.trim_start_matches(['"', '\\', '=', ':', ' ']);
        let is_outside = |c: char| !(is_part(c) || c == ',' || c == ' ');
        names(list.strip_prefix('[').map_or_else(|| list.split(is_outside).next(), |list| list.split(']').next())?)
    };
    // `qyapi_get_member`, `fieldMobile` or `Contact.User.Read`: other things stand in brackets too.
    let is_scope = |inner: &&str| {
        let is_dotted = inner.starts_with(|c: char| c.is_ascii_uppercase()) && inner.contains('.');
        inner.chars().all(is_part) && (is_dotted || inner.starts_with("field") || inner.contains("api_"))
    };
    let bracketed = || {
        let inner = text.split(['[', '【']).skip(1).filter_map(|rest| Some(rest.split_once([']', '】'])?.0.trim()));
        inner.filter(is_scope).find_map(names)
    };
    let linked = || {
        let (_, link) = text.split_once("content=")?;
        let end = link.find(|c: char| !(is_part(c) || c == '%' || c == '#')).unwrap_or(link.len());
        names(decoded(&decoded(&link[..end])).split_once('#')?.1)
    };
    names(required_scopes).or_else(listed).or_else(bracketed).or_else(linked).map(String::into_boxed_str)
}

fn requesting_ip(text: &str) -> Option<Box<str>> {
    let (_, rest) = text.split_once("request ip=")?;
    let ip = rest.split([' ', ',', '"', '}']).next()?;
    ip.parse::<std::net::IpAddr>().ok().map(|ip| ip.to_string().into())
}

/// Whether `body` is a JSON object without a field called `errcode`, in any case.
fn is_without_errcode(body: &[u8]) -> bool {
    object::<HashMap<String, IgnoredAny>>(body)
        .is_some_and(|fields| !fields.keys().any(|name| name.eq_ignore_ascii_case("errcode")))
}

/// The content of a success. The error names the field that is missing or malformed, but never its value.
pub(super) fn success<T: DeserializeOwned>(call: Call, body: &[u8]) -> Result<T, Error> {
    let read: Result<JsonObject<T>, _> = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(body));
    read.map(|object| object.0).map_err(|error| {
        let why = error.inner().to_string();
        // The path of such an error is that of the object around the field.
        let named = ["missing field `", "duplicate field `"].iter().find_map(|what| why.strip_prefix(what)?.split('`').next());
        let around = Some(error.path().to_string()).filter(|path| path != ".");
        let field = quotable(&around.into_iter().chain(named.map(str::to_owned)).collect::<Vec<_>>().join("."));
        Error::new(call, Kind::Malformed, format!("a success whose {field} is missing or malformed"))
    })
}

fn object<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    // JSON is UTF-8 throughout (RFC 8259, 8.1). Given bytes, serde_json would not check that in fields that are ignored.
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
mod tests;
