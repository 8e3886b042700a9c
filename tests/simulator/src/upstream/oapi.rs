//! The endpoints of the old API: `/topapi` and the paths that are older still.

use rand::random_range;
use serde_json::json;

use super::answer::Answer;
use super::call::Call;
use super::endpoint::Endpoint;
use super::refusal::Refusal;
use crate::world::{APP, Person, World};

/// `POST /topapi/v2/user/getuserinfo`
pub fn user_by_code(call: &Call, world: &mut World) -> Answer {
    if let Some(refusal) = token_refusal(call, world) {
        return refusal.answer(Endpoint::UserByCode);
    }
    if call.method != "POST" {
        return Answer::topapi_error(43002, "需要POST请求");
    }
    let now = world.now();
    let person = call.parameter("code").and_then(|code| world.codes.exchange(&code, &APP, now));
    match person {
        Some(person) => Answer::topapi(person.login()).noting(person.user_id),
        None => Refusal::AuthCode.answer(Endpoint::UserByCode),
    }
}

/// `POST /topapi/v2/user/get`, or GET, which the guide shows.
pub fn user_details(call: &Call, world: &mut World) -> Answer {
    if let Some(refusal) = token_refusal(call, world) {
        return refusal.answer(Endpoint::UserDetails);
    }
    let Some(user_id) = call.parameter("userid") else {
        return Answer::topapi_error(400_002, "参数错误");
    };
    match Person::find(&user_id) {
        Some(person) => Answer::topapi(person.details(&call.origin)).noting(person.user_id),
        None => Answer::topapi_error(60121, "找不到该用户"),
    }
}

/// `POST /topapi/message/corpconversation/asyncsend_v2`. Nobody is told.
pub fn work_notification(call: &Call, world: &mut World) -> Answer {
    if let Some(refusal) = token_refusal(call, world) {
        return refusal.answer(Endpoint::WorkNotification);
    }
    match (call.parameter("agent_id"), call.parameter("userid_list")) {
        (Some(agent_id), Some(user_ids)) if agent_id == APP.agent_id => {
            Answer::topapi_beside("task_id", random_range(1_000_000_000_u64..1_000_000_000_000).into()).noting(&user_ids)
        }
        _ => Answer::topapi_error(400_002, "参数错误"),
    }
}

/// `GET /gettoken`
pub fn get_token(call: &Call, world: &mut World) -> Answer {
    if call.method != "GET" {
        return Answer::legacy_error(43001, "需要GET请求");
    }
    let (Some(key), Some(secret)) = (call.query_parameter("appkey"), call.query_parameter("appsecret")) else {
        return Answer::legacy_error(40035, "缺少参数 corpid or appkey");
    };
    if key != APP.client_id || secret != APP.client_secret {
        return Answer::legacy_error(40096, "不合法的appKey或appSecret");
    }
    let now = world.now();
    let token = world.access_token.hand_out(now);
    Answer::legacy(json!({
        "errcode": 0,
        "access_token": token.value,
        "errmsg": "ok",
        "expires_in": token.expire_in_seconds(now),
    }))
}

/// `GET /get_jsapi_ticket`
pub fn get_jsapi_ticket(call: &Call, world: &mut World) -> Answer {
    if call.method != "GET" {
        return Answer::legacy_error(43001, "需要GET请求");
    }
    if let Some(refusal) = token_refusal(call, world) {
        return refusal.answer(Endpoint::GetJsapiTicket);
    }
    let now = world.now();
    let ticket = world.jsapi_ticket.hand_out(now);
    Answer::legacy(json!({
        "errcode": 0,
        "errmsg": "ok",
        "ticket": ticket.value,
        "expires_in": ticket.expire_in_seconds(now),
    }))
}

/// What either host says to a path that it does not have.
pub fn unknown_path(path: &str) -> Answer {
    match path.strip_prefix("/topapi/") {
        Some(rest) => Answer::invalid_method(&format!("dingtalk.oapi.{}", rest.replace('/', "."))),
        None => Answer::legacy_error(404, "请求的URI地址不存在"),
    }
}

fn token_refusal(call: &Call, world: &World) -> Option<Refusal> {
    match call.query_token() {
        None => Some(Refusal::TokenMissing),
        Some(token) if world.access_token.accepts(&token, world.now()) => None,
        Some(_) => Some(Refusal::TokenInvalid),
    }
}
