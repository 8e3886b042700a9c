//! Rewrites answers into other forms than the usual ones. Callers of the real DingTalk have seen all of them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// Error texts in English.
    English,
    /// Numbers and booleans of a result as strings.
    Strings,
    /// Members of a result that nobody needs are absent.
    Absent,
    /// Members of a result that nobody needs are null.
    Null,
    /// `Code`, `Message`, `RequestId`: an error of the new API by another of its gateways.
    Capitals,
}

/// Members of a result that `Absent` and `Null` do not touch: a login, a token, a ticket or a connection needs them.
const NEEDED: [&str; 24] = [
    "userid",
    "userId",
    "corpId",
    "user_info",
    "corp_info",
    "unionid",
    "name",
    "unionId",
    "nick",
    "access_token",
    "accessToken",
    "suite_access_token",
    "refreshToken",
    "expireIn",
    "expires_in",
    "ticket",
    "jsapiTicket",
    "endpoint",
    "permanent_code",
    "auth_corp_info",
    "auth_info",
    "authCorpInfo",
    "authAppInfo",
    "task_id",
];

/// Members of an answer that are not part of the result.
const ENVELOPE: [&str; 9] =
    ["errcode", "errmsg", "sub_code", "sub_msg", "request_id", "code", "message", "requestid", "accessdenieddetail"];

const ENGLISH: [(&str, &str); 12] = [
    ("不合法的access_token", "invalid access_token"),
    ("不存在的临时授权码", "nonexistent temp auth code"),
    ("不合法的临时授权码", "invalid temp auth code"),
    ("无效的clientId或者clientSecret", "invalid clientId or clientSecret"),
    ("不合法的appKey或appSecret", "invalid appKey or appSecret"),
    ("系统繁忙", "system busy"),
    ("找不到该用户", "user not found"),
    ("参数错误", "invalid parameter"),
    ("没有调用该接口的权限", "no permission to call this api"),
    ("访问ip不在白名单之中", "ip is not in the whitelist"),
    ("授权关系不存在", "authorization does not exist"),
    ("suiteTicket无效", "invalid suiteTicket"),
];

impl Form {
    /// The body in this form.
    pub fn of(self, body: Value) -> Value {
        match self {
            Self::English => english(body),
            Self::Strings => within_result(body, as_strings),
            Self::Absent => within_result(body, |result| only_needed(result, None)),
            Self::Null => within_result(body, |result| only_needed(result, Some(Value::Null))),
            Self::Capitals => capitals(body),
        }
    }
}

/// Applies `change` to the result of an answer, not to the envelope. The oldest paths have their result beside the members of the
/// envelope; an answer of the new API is the result itself.
fn within_result(body: Value, change: impl Fn(Value) -> Value) -> Value {
    let Value::Object(mut members) = body else { return body };
    if let Some(result) = members.get_mut("result") {
        *result = change(result.take());
        return Value::Object(members);
    }
    let (mut told, result): (Map<_, _>, Map<_, _>) = members.into_iter().partition(|(name, _)| ENVELOPE.contains(&name.as_str()));
    if let Value::Object(changed) = change(Value::Object(result)) {
        told.extend(changed);
    }
    Value::Object(told)
}

fn as_strings(value: Value) -> Value {
    match value {
        Value::Bool(_) | Value::Number(_) => json!(value.to_string()),
        Value::Array(items) => items.into_iter().map(as_strings).collect(),
        Value::Object(members) => Value::Object(members.into_iter().map(|(name, value)| (name, as_strings(value))).collect()),
        other => other,
    }
}

fn only_needed(value: Value, instead: Option<Value>) -> Value {
    let Value::Object(members) = value else { return value };
    let kept = members.into_iter().filter_map(|(name, value)| match NEEDED.contains(&name.as_str()) {
        true => Some((name, value)),
        false => instead.clone().map(|instead| (name, instead)),
    });
    Value::Object(kept.collect())
}

fn english(value: Value) -> Value {
    match value {
        Value::String(text) => {
            json!(ENGLISH.iter().fold(text, |text, (chinese, english)| text.replace(chinese, english)))
        }
        Value::Object(members) => Value::Object(members.into_iter().map(|(name, value)| (name, english(value))).collect()),
        other => other,
    }
}

fn capitals(value: Value) -> Value {
    let Value::Object(members) = value else { return value };
    let renamed: Map<_, _> = members
        .into_iter()
        .map(|(name, value)| match name.as_str() {
            "code" => ("Code".to_owned(), value),
            "message" => ("Message".to_owned(), value),
            "requestid" => ("RequestId".to_owned(), value),
            "accessdenieddetail" => ("AccessDeniedDetail".to_owned(), value),
            _ => (name, value),
        })
        .collect();
    Value::Object(renamed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_changes_what_it_says_and_nothing_else() {
        let told = json!({"errcode": 0, "result": {"userid": "bob", "sys": false, "sys_level": 0, "list": [1]}});
        let strings = json!({"errcode": 0, "result": {"userid": "bob", "sys": "false", "sys_level": "0", "list": ["1"]}});
        assert_eq!(Form::Strings.of(told.clone()), strings);
        assert_eq!(Form::Absent.of(told.clone()), json!({"errcode": 0, "result": {"userid": "bob"}}));
        let null = json!({"errcode": 0, "result": {"userid": "bob", "sys": null, "sys_level": null, "list": null}});
        assert_eq!(Form::Null.of(told), null);
        let refused = json!({"errcode": 88, "sub_code": "40014", "sub_msg": "text", "errmsg": "text", "request_id": "r"});
        for form in [Form::Strings, Form::Absent, Form::Null] {
            assert_eq!(form.of(refused.clone()), refused);
        }
        let refused = json!({"requestid": "R", "code": "InvalidAuthentication", "message": "不合法的access_token"});
        assert_eq!(Form::English.of(refused.clone())["message"], "invalid access_token");
        let capital = json!({"RequestId": "R", "Code": "InvalidAuthentication", "Message": "不合法的access_token"});
        assert_eq!(Form::Capitals.of(refused), capital);
    }
}
