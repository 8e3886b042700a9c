//! Logins with a browser outside the client: the code of the login page becomes a token of the person's own.

use actix_web::http::StatusCode;
use serde_json::{Value, json};

use super::users::{FIELD_EMAIL, FIELD_MOBILE};
use crate::upstream::answer::Answer;
use crate::upstream::api::{Access, Api, Family};
use crate::upstream::call::Call;
use crate::upstream::refusal::Refusal;
use crate::world::{Kind, OnBehalf, Person, World};

pub static USER_ACCESS_TOKEN: Api =
    Api::post("/v1.0/oauth2/userAccessToken", "get user's access_token", "open_app_api_base", Access::Open(user_access_token));

/// The profile of the person whose token it is (`me`), or of the person with this unionId.
pub static CONTACT_USER: Api =
    Api::get("/v1.0/contact/users/{unionId}", "get user by their token", "Contact.User.Read", Access::User(contact_user));

fn user_access_token(call: &Call, world: &mut World) -> Result<Answer, Answer> {
    let body = call.json()?;
    let value = |name: &str| body[name].as_str().unwrap_or_default();
    let client_id = value("clientId");
    if !world.app(client_id).is_some_and(|app| app.has_secret(value("clientSecret"))) {
        return Err(Answer::api_error(StatusCode::BAD_REQUEST, "invalidClientIdOrSecret", "无效的clientId或者clientSecret"));
    }
    let now = world.now();
    let granted = match value("grantType") {
        "authorization_code" => world.browser_codes.exchange_anywhere(value("code"), client_id, now).map(|who| {
            let pair = world.user_tokens.grant(who.clone(), now);
            (who, pair)
        }),
        "refresh_token" => world.user_tokens.renew(value("refreshToken"), client_id, now),
        _ => return Err(Answer::api_error(StatusCode::BAD_REQUEST, "unsupported.grant.type", "unsupported.grant.type")),
    };
    let (OnBehalf { holder, person, corp_id_asked }, pair) = granted.ok_or_else(|| Refusal::AuthCode.answer(Family::Api))?;
    let mut told = json!({"accessToken": pair.access, "refreshToken": pair.refresh, "expireIn": pair.seconds});
    if corp_id_asked {
        told["corpId"] = json!(holder.corp_id);
    }
    Ok(Answer::api(told).noting(&person.user_id))
}

fn contact_user(call: &Call, who: &OnBehalf, world: &mut World) -> Answer {
    let asked = call.path_segment(4);
    let people = world.organisation(&who.holder.corp_id).map(|organisation| &organisation.people);
    let person = match asked {
        "me" => Some(&who.person),
        union_id => people.into_iter().flatten().find(|person| person.union_id == union_id),
    };
    match person {
        Some(person) => Answer::api(told(person, call, who, world)).noting(&person.user_id),
        None => Answer::api_error(StatusCode::NOT_FOUND, "invalidParameter.user.notFound", "用户不存在"),
    }
}

/// The profile of a person. The fields that need a permission of their own are absent without it.
fn told(person: &Person, call: &Call, who: &OnBehalf, world: &World) -> Value {
    let mut told = json!({
        "nick": person.name,
        "unionId": person.union_id,
        "openId": format!("simulatedOpenId{}", person.user_id),
        "visitor": false,
    });
    if let Some(path) = person.avatar_path(&who.holder.corp_id) {
        told["avatarUrl"] = json!(format!("{}{path}", call.origin));
    }
    for (from, to, scope) in
        [("mobile", "mobile", FIELD_MOBILE), ("state_code", "stateCode", FIELD_MOBILE), ("email", "email", FIELD_EMAIL)]
    {
        if let Some(value) = person.details.get(from).filter(|_| world.may(&who.holder, scope)) {
            told[to] = value.clone();
        }
    }
    let is_third_party = world.app(&who.holder.client_id).is_some_and(|app| app.kind == Kind::ThirdParty);
    if let Some(masked) = told["mobile"].as_str().filter(|_| is_third_party).map(masked) {
        told["mobile"] = masked.into();
    }
    told
}

/// A mobile number as third-party apps see it: 155****3240.
fn masked(number: &str) -> String {
    let (begins, ends) = (number.get(..3).unwrap_or_default(), number.len().checked_sub(4).and_then(|at| number.get(at..)));
    format!("{begins}****{}", ends.unwrap_or_default())
}
