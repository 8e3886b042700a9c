//! The older way of a third-party app into an organisation: a temporary code, a permanent one, and the activation.

use std::collections::hash_map::Entry;

use actix_web::http::StatusCode;
use serde_json::{Value, json};

use super::organisations::authorisation;
use crate::upstream::answer::Answer;
use crate::upstream::api::{Access, Api};
use crate::upstream::call::Call;
use crate::world::{Holder, World};

pub static PERMANENT_CODE: Api = suite("/service/get_permanent_code", "get permanent code", permanent_code);
pub static ACTIVATE: Api = suite("/service/activate_suite", "activate app", activate);
pub static INACTIVE: Api = suite("/service/get_unactive_corp", "list organisations that are not activated", inactive);

/// The authorisation of the app by an organisation, at the new API.
pub static AUTH_INFO: Api = Api::get("/v1.0/oauth2/apps/authInfo", "get authorisation", "isvapi_base", Access::Suite(auth_info));

const fn suite(path: &'static str, label: &'static str, answer: fn(&Call, &Holder, &mut World) -> Answer) -> Api {
    Api::post(path, label, "isvapi_base", Access::Suite(answer))
}

fn permanent_code(call: &Call, suite: &Holder, world: &mut World) -> Answer {
    let code = call.parameter("tmp_auth_code").unwrap_or_default();
    let organisation = match world.temporary_codes.entry(code) {
        Entry::Occupied(code) if code.get().client_id == suite.client_id => Some(code.remove()),
        Entry::Occupied(_) | Entry::Vacant(_) => None,
    };
    let told = organisation.and_then(|holder| {
        let told = told(&holder, world)?;
        Some((holder.corp_id, told["auth_corp_info"].clone()))
    });
    match told {
        Some((corp_id, corp_info)) => Answer::legacy(json!({
            "errcode": 0,
            "errmsg": "ok",
            "auth_corp_info": corp_info,
            "permanent_code": permanent(suite, &corp_id),
        }))
        .noting(&corp_id),
        None => Answer::legacy_error(40078, "不存在的临时授权码"),
    }
}

fn activate(call: &Call, suite: &Holder, world: &mut World) -> Answer {
    let corp_id = call.parameter("auth_corpid").unwrap_or_default();
    let is_authorised = told(&Holder::new(&suite.client_id, &corp_id), world).is_some();
    if is_authorised && call.parameter("permanent_code") == Some(permanent(suite, &corp_id)) {
        Answer::legacy(json!({"errcode": 0, "errmsg": "ok"})).noting(&corp_id)
    } else {
        Answer::legacy_error(40079, "不存在的授权信息")
    }
}

/// An empty list: at the simulator an app need not be activated for its tokens to work.
fn inactive(_: &Call, _: &Holder, _: &mut World) -> Answer {
    Answer::legacy(json!({"errcode": 0, "errmsg": "ok", "corp_list": [], "has_more": false}))
}

fn auth_info(call: &Call, suite: &Holder, world: &mut World) -> Answer {
    let refused = |code, message| Answer::api_error(StatusCode::BAD_REQUEST, code, message);
    let Some(corp_id) = call.query_parameter("authCorpId").filter(|corp_id| !corp_id.is_empty()) else {
        return refused("invalidCorpId", "参数错误");
    };
    match told(&Holder::new(&suite.client_id, &corp_id), world) {
        Some(told) => Answer::api(json!({
            "authCorpInfo": {"corpName": told["auth_corp_info"]["corp_name"]},
            "authUserInfo": {"userId": told["auth_user_info"]["userId"]},
            "authAppInfo": {"agentList": [{
                "agentId": told["auth_info"]["agent"][0]["agentid"],
                "agentName": told["auth_info"]["agent"][0]["agent_name"],
                "appId": told["auth_info"]["agent"][0]["appid"],
                "adminList": told["auth_info"]["agent"][0]["admin_list"],
            }]},
        })),
        None if world.organisation(&corp_id).is_some() => refused("orgNotAuthApp", "企业未授权开通应用"),
        None => refused("orgNotExist", "企业已解散"),
    }
}

fn told(holder: &Holder, world: &World) -> Option<Value> {
    authorisation(world.app(&holder.client_id)?, &holder.corp_id, world)
}

/// The permanent code of the app for an organisation, the same at each call.
fn permanent(suite: &Holder, corp_id: &str) -> String {
    format!("permanent-{}-{corp_id}", suite.client_id)
}
