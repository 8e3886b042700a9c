//! Which answers are a success, held against a look at them that knows nothing of our types.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::super::envelope::{api, ban, oapi};
use super::super::error::Cause;
use super::super::identifiers::UserId;
use super::super::refusal::{Class, Refusal};
use super::super::user::UserDetails;

const STATUSES: [u16; 9] = [200, 206, 302, 400, 401, 403, 429, 500, 502];

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
/// of a refusal is fit for a log.
pub fn envelope(body: &[u8]) {
    let Some(seen) = look(body) else { return };
    for status in STATUSES {
        old_family(status, body, &seen);
        new_family(status, body, &seen);
        shut_out(status, body, &seen);
    }
}

/// What is there, or null if it is not JSON. Nothing, if it is JSON that a `Value` cannot hold.
fn look(body: &[u8]) -> Option<Value> {
    const TOO_MUCH_FOR_A_VALUE: [&str; 3] = [
        "number out of range",
        "lone leading surrogate",
        "unexpected end of hex escape",
    ];
    serde_json::from_slice(body).map_or_else(
        |error| {
            let why = error.to_string();
            let beyond = TOO_MUCH_FOR_A_VALUE.iter().any(|reason| why.starts_with(reason));
            (!beyond).then_some(Value::Null)
        },
        Some,
    )
}

fn old_family(status: u16, body: &[u8], seen: &Value) {
    let proven = status == 200 && seen["errcode"].as_i64() == Some(0) && seen["result"].is_object();
    match oapi::<UserDetails>(status, body) {
        Ok(_) => assert!(proven, "{status} {seen}"),
        Err(cause) => is_fit_for_a_log(&cause),
    }
    if let Ok(Identity { userid }) = oapi(status, body) {
        assert!(proven, "{status} {seen}");
        assert_eq!(seen["result"]["userid"].as_str(), Some(userid.as_str()));
        assert!((1..=256).contains(&userid.as_str().len()) && is_one_plain_line(userid.as_str()));
    }
}

fn new_family(status: u16, body: &[u8], seen: &Value) {
    match api::<Granted>(status, body) {
        Ok(granted) => {
            assert!(
                (200..300).contains(&status) && seen.get("errcode").is_none(),
                "{status} {seen}"
            );
            assert_eq!(seen["accessToken"].as_str(), Some(granted.access_token.as_str()));
            assert_eq!(seen["expireIn"].as_u64(), Some(granted.expire_in));
        }
        Err(cause) => is_fit_for_a_log(&cause),
    }
}

fn shut_out(status: u16, body: &[u8], seen: &Value) {
    if let Some(wait) = ban(status, body) {
        let page = body.trim_ascii_start().starts_with(b"<");
        let punished = (seen["status"].as_f64() == Some(1111.0)
            || seen["status"].as_str().and_then(|text| text.parse().ok()) == Some(1111.0))
            && seen.get("errcode").is_none();
        assert!(page || punished, "{status} {seen}");
        assert!(wait <= Duration::from_secs(3600));
    }
}

fn is_fit_for_a_log(cause: &Cause) {
    assert!(is_one_plain_line(&cause.to_string()), "{cause}");
    let Cause::Refused(Refusal { class, code, text }) = cause else {
        return;
    };
    assert!(code.chars().count() <= 80 && text.chars().count() <= 200, "{cause}");
    let misconfiguration = match class {
        Class::Misconfigured(what) => what.to_string(),
        _ => String::new(),
    };
    assert!(is_one_plain_line(&misconfiguration), "{misconfiguration:?}");
    for quoted in [code, text, &misconfiguration] {
        assert_eq!(credential(quoted), None, "{quoted:?}");
    }
}

/// A run of sixteen or more of the characters that credentials are made of, with a digit among them.
fn credential(text: &str) -> Option<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c))
        .map(|run| run.trim_matches(['-', '_']))
        .find(|run| run.len() >= 16 && run.contains(|c: char| c.is_ascii_digit()))
}

fn is_one_plain_line(text: &str) -> bool {
    let reorders = |c| matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let breaks = |c| matches!(c, '\u{2028}' | '\u{2029}');
    !text.contains(|c: char| c.is_control() || reorders(c) || breaks(c))
}
