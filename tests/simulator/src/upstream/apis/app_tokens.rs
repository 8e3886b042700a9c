//! The access_token of an internal app: three APIs that return the same value.

use actix_web::http::StatusCode;
use serde_json::{Value, json};

use super::corp_tokens::granted;
use crate::upstream::answer::Answer;
use crate::upstream::api::{Access, Api};
use crate::upstream::call::Call;
use crate::world::{Holder, Kind, Registered, World};

pub static ACCESS_TOKEN: Api =
    Api::post("/v1.0/oauth2/accessToken", "get access_token", "qyapi_base", Access::Open(access_token));

pub static UNIFIED_TOKEN: Api =
    Api::post("/v1.0/oauth2/{corpId}/token", "get access_token", "qyapi_base", Access::Open(unified_token));

pub static GET_TOKEN: Api = Api::get("/gettoken", "get access_token", "qyapi_base", Access::Open(get_token));

fn access_token(call: &Call, world: &mut World) -> Result<Answer, Answer> {
    let body = call.json()?;
    match internal(world, text(&body, "appKey"), text(&body, "appSecret")) {
        Some(holder) => {
            let (token, seconds) = renewed(world, &holder);
            Ok(Answer::api(json!({"accessToken": token, "expireIn": seconds})))
        }
        None => Err(Answer::api_error(StatusCode::BAD_REQUEST, "invalidClientIdOrSecret", "无效的clientId或者clientSecret")),
    }
}

fn get_token(call: &Call, world: &mut World) -> Result<Answer, Answer> {
    let parameters = |key, secret| Some((call.query_parameter(key)?, call.query_parameter(secret)?));
    let refused = |errcode, errmsg| Answer::legacy_error(errcode, errmsg);
    let holder = match (parameters("appkey", "appsecret"), parameters("corpid", "corpsecret")) {
        (Some((key, secret)), _) => internal(world, &key, &secret).ok_or_else(|| refused(40096, "不合法的appKey或appSecret")),
        (None, Some((corp_id, secret))) => {
            internal_of(world, &corp_id, &secret).ok_or_else(|| refused(40089, "不合法的corpid或corpsecret"))
        }
        (None, None) => Err(refused(40035, "缺少参数 corpid or appkey")),
    };
    let (token, seconds) = renewed(world, &holder?);
    Ok(Answer::legacy(json!({"errcode": 0, "access_token": token, "errmsg": "ok", "expires_in": seconds})))
}

fn unified_token(call: &Call, world: &mut World) -> Result<Answer, Answer> {
    let body = call.json()?;
    let corp_id = call.path_segment(3).to_owned();
    if let Some(error) = unified_token_error(&corp_id, &body, world) {
        return Err(error);
    }
    let client_id = text(&body, "client_id");
    let holder = Holder::new(client_id, &corp_id);
    let (token, seconds) = match world.app(client_id).map(|app| app.kind) {
        Some(Kind::Internal) | None => renewed(world, &holder),
        Some(Kind::Custom | Kind::ThirdParty) => granted(world, &holder),
    };
    Ok(Answer::api(json!({"access_token": token, "expires_in": seconds})))
}

fn unified_token_error(corp_id: &str, body: &Value, world: &World) -> Option<Answer> {
    // The documentation gives each of these errors its code as its text.
    let error = |status, code| Some(Answer::api_error(status, code, code));
    let app = world.app(text(body, "client_id"));
    match app {
        None if world.organisation(corp_id).is_none() => {
            Some(Answer::api_error(StatusCode::INTERNAL_SERVER_ERROR, "unknownError", "未知错误"))
        }
        None => error(StatusCode::BAD_REQUEST, "invalid.client"),
        Some(app) if app.at(corp_id).is_none() => error(StatusCode::UNAUTHORIZED, "unauthorized.client"),
        Some(app) if !app.has_secret(text(body, "client_secret")) => error(StatusCode::BAD_REQUEST, "invalid.client"),
        Some(_) if text(body, "grant_type") != "client_credentials" => error(StatusCode::BAD_REQUEST, "unsupported.grant.type"),
        Some(_) => None,
    }
}

fn internal(world: &World, client_id: &str, secret: &str) -> Option<Holder> {
    let app = world.app(client_id).filter(|app| app.has_secret(secret))?;
    at_home(app)
}

/// The organisation's own app that has this secret. The oldest form of `/gettoken` names the app by nothing else.
pub fn internal_of(world: &World, corp_id: &str, secret: &str) -> Option<Holder> {
    let holders = world.apps.iter().filter(|app| app.has_secret(secret)).filter_map(at_home);
    holders.into_iter().find(|holder| holder.corp_id == corp_id)
}

fn at_home(app: &Registered) -> Option<Holder> {
    let home = app.home().filter(|_| app.kind == Kind::Internal)?;
    Some(Holder::new(&app.client_id, home))
}

fn renewed(world: &mut World, holder: &Holder) -> (String, u64) {
    let now = world.now();
    let token = world.tokens.renew(holder, now);
    (token.value.clone(), token.expire_in_seconds(now))
}

fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::INTERNAL;

    #[test]
    fn a_token_lives_for_two_hours_to_the_second_whenever_it_is_asked_for() {
        let (mut world, holder) = (World::default(), Holder::new(INTERNAL.client_id, INTERNAL.corp_id));
        for _ in 0..50_000 {
            assert_eq!(renewed(&mut world, &holder).1, 7200);
        }
    }
}
