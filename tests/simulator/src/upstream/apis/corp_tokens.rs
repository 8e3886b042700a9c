//! The tokens of third-party and custom apps: for an organisation, by either family, and for the app itself.

use actix_web::http::StatusCode;
use serde_json::json;

use super::signed::{accepts_ticket, signer};
use crate::upstream::answer::Answer;
use crate::upstream::api::{Access, Api};
use crate::upstream::call::Call;
use crate::world::{Holder, Kind, Registered, World};

pub static CORP_ACCESS_TOKEN: Api =
    Api::post("/v1.0/oauth2/corpAccessToken", "get corp access_token", "isvapi_base", Access::Open(corp_access_token));

pub static SUITE_ACCESS_TOKEN: Api =
    Api::post("/v1.0/oauth2/suiteAccessToken", "get suite token", "isvapi_base", Access::Open(suite_access_token));

pub static GET_CORP_TOKEN: Api =
    Api::post("/service/get_corp_token", "get corp access_token", "isvapi_base", Access::Open(get_corp_token));

pub static GET_SUITE_TOKEN: Api =
    Api::post("/service/get_suite_token", "get suite token", "isvapi_base", Access::Open(get_suite_token));

fn corp_access_token(call: &Call, world: &mut World) -> Result<Answer, Answer> {
    let body = call.json()?;
    let value = |name: &str| body[name].as_str().unwrap_or_default();
    let refused = |code, message| Err(Answer::api_error(StatusCode::BAD_REQUEST, code, message));
    let Some(app) = suite(world, value("suiteKey")) else {
        return refused("invalidSuiteKey", "suitekey不合法");
    };
    if !app.has_secret(value("suiteSecret")) {
        return refused("invalidClientIdOrSecret", "无效的clientId或者clientSecret");
    }
    if !accepts_ticket(app, value("suiteTicket"), world) {
        return refused("invalidSuiteTicket", "suiteTicket无效");
    }
    if app.at(value("authCorpId")).is_none() {
        return refused("invalidAuthInfo", "授权关系不存在");
    }
    let holder = Holder::new(&app.client_id, value("authCorpId"));
    let (token, seconds) = granted(world, &holder);
    Ok(Answer::api(json!({"accessToken": token, "expireIn": seconds})).noting(&holder.corp_id))
}

fn get_corp_token(call: &Call, world: &mut World) -> Result<Answer, Answer> {
    let app = signer(call, world)?;
    let corp_id = call.parameter("auth_corpid").unwrap_or_default();
    if app.at(&corp_id).is_none() {
        return Err(Answer::legacy_error(48004, "授权关系不存在"));
    }
    let holder = Holder::new(&app.client_id, &corp_id);
    let (token, seconds) = granted(world, &holder);
    let told = json!({"access_token": token, "errcode": 0, "errmsg": "ok", "expires_in": seconds});
    Ok(Answer::legacy(told).noting(&corp_id))
}

fn suite_access_token(call: &Call, world: &mut World) -> Result<Answer, Answer> {
    let body = call.json()?;
    let value = |name: &str| body[name].as_str().unwrap_or_default();
    let refused = |code, message| Err(Answer::api_error(StatusCode::BAD_REQUEST, code, message));
    match suite(world, value("suiteKey")).filter(|app| app.has_secret(value("suiteSecret"))) {
        None => refused("invalidClientIdOrSecret", "无效的clientId或者clientSecret"),
        Some(app) if !accepts_ticket(app, value("suiteTicket"), world) => refused("invalidSuiteTicket", "suiteTicket无效"),
        Some(app) => {
            let client_id = app.client_id.clone();
            let (token, seconds) = suite_token(world, &client_id);
            Ok(Answer::api(json!({"accessToken": token, "expireIn": seconds})))
        }
    }
}

fn get_suite_token(call: &Call, world: &mut World) -> Result<Answer, Answer> {
    let value = |name: &str| call.parameter(name).unwrap_or_default();
    let refused = |errcode, errmsg| Err(Answer::legacy_error(errcode, errmsg));
    match suite(world, &value("suite_key")).filter(|app| app.has_secret(&value("suite_secret"))) {
        None => refused(40088, "不合法的suite_key或suite_secret"),
        Some(app) if !accepts_ticket(app, &value("suite_ticket"), world) => refused(40085, "不合法的suite_ticket"),
        Some(app) => {
            let client_id = app.client_id.clone();
            let (token, seconds) = suite_token(world, &client_id);
            let told = json!({"errcode": 0, "errmsg": "ok", "suite_access_token": token, "expires_in": seconds});
            Ok(Answer::legacy(told))
        }
    }
}

fn suite<'a>(world: &'a World, client_id: &str) -> Option<&'a Registered> {
    world.app(client_id).filter(|app| app.kind != Kind::Internal)
}

/// A new access_token for an organisation, and its lifetime in seconds.
pub fn granted(world: &mut World, holder: &Holder) -> (String, u64) {
    let now = world.now();
    let token = world.tokens.grant(holder, now);
    (token.value.clone(), token.expire_in_seconds(now))
}

/// The suite_access_token of an app, which is not for any organisation, and its lifetime in seconds.
fn suite_token(world: &mut World, client_id: &str) -> (String, u64) {
    let now = world.now();
    let token = world.suite_tokens.renew(&Holder::new(client_id, ""), now);
    (token.value.clone(), token.expire_in_seconds(now))
}
