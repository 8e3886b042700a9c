//! What a third-party app learns of an organisation that authorised it.

use serde_json::{Value, json};

use super::signed::signer;
use crate::events::number;
use crate::upstream::answer::Answer;
use crate::upstream::api::{Access, Api};
use crate::upstream::call::Call;
use crate::world::{Registered, World};

/// The appId, which an app has at every organisation.
pub const APP_ID: u64 = 1;

pub static GET_AUTH_INFO: Api =
    Api::post("/service/get_auth_info", "get authorisation", "isvapi_base", Access::Open(get_auth_info));

fn get_auth_info(call: &Call, world: &mut World) -> Result<Answer, Answer> {
    let app = signer(call, world)?;
    let corp_id = call.parameter("auth_corpid").unwrap_or_default();
    let told = authorisation(app, &corp_id, world);
    let mut told = told.ok_or_else(|| Answer::legacy_error(48004, "授权关系不存在"))?;
    told["errcode"] = json!(0);
    told["errmsg"] = json!("ok");
    Ok(Answer::legacy(told).noting(&corp_id))
}

/// The authorisation of an app by an organisation, in the words of the old API.
pub fn authorisation(app: &Registered, corp_id: &str, world: &World) -> Option<Value> {
    let organisation = world.organisation(corp_id)?;
    let installation = app.at(corp_id)?;
    let administrators = organisation.people.iter().filter(|person| person.sys_level == 1).map(|person| &person.user_id);
    let administrators: Vec<_> = administrators.collect();
    Some(json!({
        "auth_corp_info": {"corpid": corp_id, "corp_name": organisation.name, "is_authenticated": false},
        "auth_user_info": {"userId": administrators.first()},
        "auth_info": {"agent": [{
            "agentid": number(&installation.agent_id),
            "agent_name": app.name,
            "appid": APP_ID,
            "logo_url": "",
            "admin_list": administrators,
        }]},
    }))
}

/// The same authorisation as events carry it: with what the app may see there.
pub fn authorisation_with_scope(app: &Registered, corp_id: &str, world: &World) -> Option<Value> {
    let mut told = authorisation(app, corp_id, world)?;
    told["auth_scope"] = json!({
        "errcode": 0,
        "errmsg": "ok",
        "auth_user_field": ["name", "avatar", "userid"],
        "auth_org_scopes": {"authed_dept": [1], "authed_user": []},
    });
    Some(told)
}
