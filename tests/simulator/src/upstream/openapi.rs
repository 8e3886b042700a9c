//! The endpoints of the new API, `/v1.0`.

use actix_web::http::StatusCode;
use serde_json::{Value, json};

use super::answer::Answer;
use super::call::{BodyFault, Call};
use super::endpoint::{Endpoint, corp_id_of};
use super::refusal::Refusal;
use crate::world::{APP, World};

/// `POST /v1.0/oauth2/accessToken`
pub fn access_token(call: &Call, world: &mut World) -> Answer {
    let body = match call.json() {
        Ok(body) => body,
        Err(fault) => return unreadable(&fault),
    };
    if body["appKey"] != APP.client_id || body["appSecret"] != APP.client_secret {
        return Answer::api_error(StatusCode::BAD_REQUEST, "invalidClientIdOrSecret", "无效的clientId或者clientSecret");
    }
    let (value, seconds) = hand_out(world);
    Answer::api(json!({"accessToken": value, "expireIn": seconds}))
}

/// `POST /v1.0/oauth2/{corpId}/token`
pub fn unified_token(call: &Call, world: &mut World) -> Answer {
    let body = match call.json() {
        Ok(body) => body,
        Err(fault) => return unreadable(&fault),
    };
    if let Some(error) = unified_token_error(corp_id_of(&call.path), &body) {
        return error;
    }
    let (value, seconds) = hand_out(world);
    Answer::api(json!({"access_token": value, "expires_in": seconds}))
}

/// `POST /v1.0/oauth2/jsapiTickets`
pub fn jsapi_tickets(call: &Call, world: &mut World) -> Answer {
    let now = world.now();
    match call.header_token() {
        None => Refusal::TokenMissing.answer(Endpoint::JsapiTickets),
        Some(token) if !world.access_token.accepts(token, now) => Refusal::TokenInvalid.answer(Endpoint::JsapiTickets),
        Some(_) => {
            let ticket = world.jsapi_ticket.hand_out(now);
            Answer::api(json!({
                "jsapiTicket": ticket.value,
                "expireIn": ticket.expire_in_seconds(now),
            }))
        }
    }
}

fn hand_out(world: &mut World) -> (String, u64) {
    let now = world.now();
    let token = world.access_token.hand_out(now);
    (token.value.clone(), token.expire_in_seconds(now))
}

fn unified_token_error(corp_id: Option<&str>, body: &Value) -> Option<Answer> {
    // The documentation gives each of these errors its code as its text.
    let error = |status, code| Some(Answer::api_error(status, code, code));
    let known_client = body["client_id"] == APP.client_id;
    let known_corp = corp_id == Some(APP.corp_id);
    match (known_corp, known_client) {
        (false, false) => Some(Answer::api_error(StatusCode::INTERNAL_SERVER_ERROR, "unknownError", "未知错误")),
        (true, false) => error(StatusCode::BAD_REQUEST, "invalid.client"),
        (false, true) => error(StatusCode::UNAUTHORIZED, "unauthorized.client"),
        (true, true) if body["client_secret"] != APP.client_secret => error(StatusCode::BAD_REQUEST, "invalid.client"),
        (true, true) if body["grant_type"] != "client_credentials" => error(StatusCode::BAD_REQUEST, "unsupported.grant.type"),
        (true, true) => None,
    }
}

fn unreadable(fault: &BodyFault) -> Answer {
    let (code, message) = match fault {
        BodyFault::Missing => ("Missingbody", "body is mandatory for this action."),
        BodyFault::Invalid => ("Invalidbody", "Specified parameter body is not valid. JSON parsing error"),
    };
    Answer::api_error(StatusCode::BAD_REQUEST, code, message)
}
