//! Logins of administrators who come from the admin console to the app's own back end: tokens and codes of their own, by either family.

use actix_web::http::StatusCode;
use serde_json::json;

use crate::upstream::answer::Answer;
use crate::upstream::api::{Access, Api, Family};
use crate::upstream::call::Call;
use crate::upstream::refusal::Refusal;
use crate::world::{Holder, Person, World};

pub static SSO_ACCESS_TOKEN: Api =
    Api::post("/v1.0/oauth2/ssoAccessToken", "get SSO token", "qyapi_base", Access::Open(sso_access_token));

pub static SSO_USER_INFO: Api =
    Api::get("/v1.0/oauth2/ssoUserInfo", "exchange SSO code", "qyapi_get_omp_sso_userinfo", Access::Sso(sso_user_info));

pub static SSO_GET_TOKEN: Api = Api::get("/sso/gettoken", "get SSO token", "qyapi_base", Access::Open(sso_get_token));

pub static SSO_GET_USER_INFO: Api =
    Api::get("/sso/getuserinfo", "exchange SSO code", "qyapi_base", Access::Sso(sso_get_user_info));

fn sso_access_token(call: &Call, world: &mut World) -> Result<Answer, Answer> {
    let body = call.json()?;
    let value = |name: &str| body[name].as_str().unwrap_or_default();
    match granted(value("corpid"), value("ssoSecret"), world) {
        Some((token, seconds)) => Ok(Answer::api(json!({"accessToken": token, "expireIn": seconds}))),
        None => Err(Answer::api_error(StatusCode::BAD_REQUEST, "invalidClientIdOrSecret", "无效的corpid或者ssoSecret")),
    }
}

fn sso_get_token(call: &Call, world: &mut World) -> Result<Answer, Answer> {
    let value = |name: &str| call.query_parameter(name).unwrap_or_default();
    match granted(&value("corpid"), &value("corpsecret"), world) {
        Some((token, _)) => Ok(Answer::legacy(json!({"errcode": 0, "errmsg": "ok", "access_token": token}))),
        None => Err(Answer::legacy_error(40089, "不合法的corpid或corpsecret")),
    }
}

fn sso_user_info(call: &Call, holder: &Holder, world: &mut World) -> Answer {
    let Some(Administrator { person, avatar, corp_name }) = administrator(call, holder, world) else {
        return Refusal::SsoCode.answer(Family::Api);
    };
    Answer::api(json!({
        "avatar": avatar,
        "corpId": holder.corp_id,
        "corpName": corp_name,
        "email": email(&person),
        "isAdmin": person.sys_level != 0,
        "userId": person.user_id,
        "userName": person.name,
    }))
    .noting(&person.user_id)
}

fn sso_get_user_info(call: &Call, holder: &Holder, world: &mut World) -> Answer {
    let Some(Administrator { person, avatar, corp_name }) = administrator(call, holder, world) else {
        return Refusal::SsoCode.answer(Family::Legacy);
    };
    Answer::legacy(json!({
        "errcode": 0,
        "errmsg": "ok",
        "is_sys": person.sys_level != 0,
        "user_info": {"avatar": avatar, "email": email(&person), "name": person.name, "userid": person.user_id},
        "corp_info": {"corp_name": corp_name, "corpid": holder.corp_id},
    }))
    .noting(&person.user_id)
}

/// The SSO access_token of an organisation, which is the same for every app, and its lifetime in seconds.
fn granted(corp_id: &str, secret: &str, world: &mut World) -> Option<(String, u64)> {
    world.organisation(corp_id).filter(|organisation| organisation.sso_secret == secret)?;
    let now = world.now();
    let token = world.sso_tokens.renew(&Holder::of_organisation(corp_id), now);
    Some((token.value.clone(), token.expire_in_seconds(now)))
}

struct Administrator {
    person: std::sync::Arc<Person>,
    avatar: String,
    corp_name: String,
}

fn administrator(call: &Call, holder: &Holder, world: &mut World) -> Option<Administrator> {
    let now = world.now();
    let person = world.sso_codes.exchange(&call.query_parameter("code")?, holder, now)?;
    let avatar = person.avatar_path(&holder.corp_id).map(|path| format!("{}{path}", call.origin)).unwrap_or_default();
    let corp_name = world.organisation(&holder.corp_id)?.name.clone();
    Some(Administrator { person, avatar, corp_name })
}

fn email(person: &Person) -> &str {
    person.details.get("email").and_then(|email| email.as_str()).unwrap_or_default()
}
