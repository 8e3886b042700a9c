//! The checks in front of every API: whether the path exists, whether the method is right, and whose token it is.

use actix_web::http::StatusCode;

use super::answer::Answer;
use super::api::{Access, Api, Family, Method};
use super::apis::internal_of;
use super::call::Call;
use super::refusal::{Limit, Refusal};
use super::side::Side;
use crate::world::{Holder, Kind, OnBehalf, Standing, Tokens, World};

const STOPPED: &str = "应用已停用";

/// The normal answer to a call.
pub fn serve(call: &Call, world: &mut World) -> Answer {
    let mut answered = || -> Result<Answer, Answer> {
        let Some(api) = call.api else { return made_up(call, world) };
        // The gateway of /topapi looks at the token before the method.
        if api.family() != Family::Topapi {
            check_method(api, call)?;
        }
        match api.access {
            Access::Open(answer) => {
                check_method(api, call)?;
                answer(call, world)
            }
            Access::App(answer) => {
                let holder = holder(call, call.token(), &world.tokens, world, Refusal::TokenInvalid)?;
                check_method(api, call)?;
                check_standing(&holder, call, world)?;
                check_grants(api, &holder, call, world)?;
                Ok(answer(call, &holder, world))
            }
            Access::Suite(answer) => {
                let holder = holder(call, call.suite_token(), &world.suite_tokens, world, Refusal::SuiteTokenInvalid)?;
                check_method(api, call)?;
                Ok(answer(call, &holder, world))
            }
            Access::Sso(answer) => {
                let holder = holder(call, call.token(), &world.sso_tokens, world, Refusal::TokenInvalid)?;
                Ok(answer(call, &holder, world))
            }
            Access::User(answer) => {
                let who = on_behalf(call, world)?;
                check_grants(api, &who.holder, call, world)?;
                Ok(answer(call, &who, world))
            }
        }
    };
    answered().unwrap_or_else(|refusal| refusal)
}

/// The answer of a test to a call that is not simulated.
fn made_up(call: &Call, world: &World) -> Result<Answer, Answer> {
    let made_up = world.made_up.to(&call.method, &call.raw_path).filter(|_| call.side.has(call.family()));
    let answer = made_up.ok_or_else(|| unknown_path(call))?;
    let holder = holder(call, call.token(), &world.tokens, world, Refusal::TokenInvalid)?;
    check_standing(&holder, call, world)?;
    check_address(&holder, call, world)?;
    Ok(answer)
}

/// Who makes a call: the app whose token it brings, valid or not any more, or the app or the organisation that it names.
pub fn caller(call: &Call, world: &World) -> Option<Holder> {
    let by_token = call.token().and_then(|token| {
        let of_somebody = || world.user_tokens.who(&token, world.now()).map(|(who, _)| &who.holder);
        world.tokens.holder(&token).or_else(of_somebody).cloned()
    });
    by_token.or_else(|| named_caller(call, world)).or_else(|| organisation(call, world))
}

/// The app that a call with a suite_access_token or without a token comes from, and the organisation that the call names.
fn named_caller(call: &Call, world: &World) -> Option<Holder> {
    let by_token = call.suite_token().and_then(|token| Some(world.suite_tokens.holder(&token)?.client_id.clone()));
    let named = by_token.or_else(|| call.named_client()).or_else(|| client_of_secret(call, world));
    let client_id = named.filter(|client_id| world.app(client_id).is_some())?;
    let known = call.named_organisation().filter(|corp_id| world.organisation(corp_id).is_some());
    Some(Holder { client_id, corp_id: known.unwrap_or_default() })
}

/// The oldest form of `/gettoken` names an organisation, and the app by nothing but its secret.
fn client_of_secret(call: &Call, world: &World) -> Option<String> {
    let [corp_id, secret] = ["corpid", "corpsecret"].map(|name| call.query_parameter(name));
    Some(internal_of(world, &corp_id?, &secret?)?.client_id)
}

/// The organisation that a call comes from when no app is known: by its SSO access_token, or by `corpid`.
fn organisation(call: &Call, world: &World) -> Option<Holder> {
    let by_token = call.token().and_then(|token| world.sso_tokens.holder(&token).cloned());
    by_token.or_else(|| Some(Holder::of_organisation(&world.organisation(&call.parameter("corpid")?)?.corp_id)))
}

/// Whose rate limit a call counts against, and which one. A third-party app has one limit per organisation.
pub fn counted(call: &Call, world: &World) -> Option<(Holder, Limit)> {
    let caller = caller(call, world)?;
    match world.app(&caller.client_id).map(|app| app.kind) {
        Some(Kind::Internal | Kind::Custom) => Some((Holder::new(&caller.client_id, ""), Limit::App)),
        Some(Kind::ThirdParty) if !caller.corp_id.is_empty() => Some((caller, Limit::Organisation)),
        Some(Kind::ThirdParty) | None => Some((caller, Limit::App)),
    }
}

/// Revokes the token that a call brings, and all others of its holder. The call is answered accordingly, even at a path without an API.
pub fn revoke_token(call: &Call, world: &mut World) -> Answer {
    let now = world.now();
    let token = call.token();
    if let Some(holder) = token.as_ref().and_then(|token| world.tokens.holder(token).cloned()) {
        world.tokens.revoke(&holder, now);
    }
    match (call.api, token) {
        (Some(_), _) => serve(call, world),
        (None, Some(_)) => Refusal::TokenInvalid.answer(call.family()),
        (None, None) => Refusal::TokenMissing.answer(call.family()),
    }
}

fn holder(call: &Call, token: Option<String>, tokens: &Tokens, world: &World, dead: Refusal) -> Result<Holder, Answer> {
    let token = token.ok_or_else(|| Refusal::TokenMissing.answer(call.family()))?;
    let living = tokens.holder(&token).filter(|_| tokens.is_alive(&token, world.now()));
    living.cloned().ok_or_else(|| dead.answer(call.family()))
}

fn on_behalf(call: &Call, world: &World) -> Result<OnBehalf, Answer> {
    let token = call.token().ok_or_else(|| Refusal::TokenMissing.answer(call.family()))?;
    match world.user_tokens.who(&token, world.now()) {
        Some((who, true)) => Ok(who.clone()),
        Some((_, false)) => Err(Answer::api_error(StatusCode::BAD_REQUEST, "accesstoken.expired", "accessToken已过期")),
        None => Err(Refusal::TokenInvalid.answer(call.family())),
    }
}

/// Checks that the app may call this API, and from this IP address.
fn check_grants(api: &Api, holder: &Holder, call: &Call, world: &World) -> Result<(), Answer> {
    check_address(holder, call, world)?;
    if world.grants(holder).is_some_and(|grants| !grants.has(api.scope)) {
        let client_id = holder.client_id.clone();
        return Err(Refusal::Permission { scope: api.scope.to_owned(), client_id }.answer(call.family()));
    }
    Ok(())
}

/// Checks that the app may make calls from this IP address.
fn check_address(holder: &Holder, call: &Call, world: &World) -> Result<(), Answer> {
    if world.grants(holder).is_some_and(|grants| !grants.lets_in(&call.ip)) {
        let client_id = holder.client_id.clone();
        return Err(Refusal::Address { ip: call.ip.clone(), client_id }.answer(call.family()));
    }
    Ok(())
}

/// Refuses calls of an app that was stopped. DingTalk is known to do so at the old API only.
fn check_standing(holder: &Holder, call: &Call, world: &World) -> Result<(), Answer> {
    let standing = world.app(&holder.client_id).and_then(|app| app.at(&holder.corp_id)).map(|at| at.standing);
    match (standing, call.family()) {
        (Some(Standing::Stopped), Family::Topapi) => Err(Answer::topapi_error(50003, STOPPED)),
        (Some(Standing::Stopped), Family::Legacy) => Err(Answer::legacy_error(50003, STOPPED)),
        _ => Ok(()),
    }
}

fn check_method(api: &Api, call: &Call) -> Result<(), Answer> {
    if api.method.takes(&call.method) {
        return Ok(());
    }
    Err(match (api.family(), api.method) {
        (Family::Api, _) => unknown_path(call),
        (Family::Topapi, _) => Answer::topapi_error(43002, "需要POST请求"),
        (Family::Legacy, Method::Post) => Answer::legacy_error(43002, "需要POST请求"),
        (Family::Legacy, Method::Get | Method::Either) => Answer::legacy_error(43001, "需要GET请求"),
    })
}

/// The answer to a path that the host does not have. The new API answers the same to a wrong method.
fn unknown_path(call: &Call) -> Answer {
    match (call.family(), call.raw_path.strip_prefix("/topapi/")) {
        (Family::Api, _) if call.side != Side::Old => Answer::api_error(
            StatusCode::NOT_FOUND,
            "InvalidAction.NotFound",
            "Specified api is not found, please check your url and method.",
        ),
        (_, Some(rest)) if call.side != Side::New => Answer::invalid_method(&format!("dingtalk.oapi.{}", rest.replace('/', "."))),
        _ => Answer::legacy_error(404, "请求的URI地址不存在"),
    }
}
