//! Exchanging an authCode, finding a person, and a person's details.

use std::sync::Arc;

use serde_json::{Value, json};

use super::user_shapes;
use crate::upstream::answer::Answer;
use crate::upstream::api::{Access, Api, Method};
use crate::upstream::call::Call;
use crate::world::{Holder, Kind, Person, World};

/// The permissions of fields, not of APIs.
pub const FIELD_MOBILE: &str = "fieldMobile";
pub const FIELD_EMAIL: &str = "fieldEmail";

/// Why the old API refuses a call: errcode and errmsg.
type Objection = (i32, &'static str);

/// The person exists, but is outside the app's visible range.
const OUT_OF_SIGHT: Objection = (50002, "请求的员工userid不在授权范围内");

pub static USER_BY_CODE: Api =
    Api::post("/topapi/v2/user/getuserinfo", "exchange authCode", "qyapi_base", Access::App(user_by_code));

/// The older form, without a `result`.
pub static USER_BY_CODE_OLD: Api =
    Api::get("/user/getuserinfo", "exchange authCode", "qyapi_base", Access::App(user_by_code_old));

/// Takes GET as well, which DingTalk's guide shows.
pub static USER_DETAILS: Api = Api {
    path: "/topapi/v2/user/get",
    method: Method::Either,
    label: "get user details",
    scope: "qyapi_get_member",
    access: Access::App(user_details),
};

pub static USER_DETAILS_OLD: Api = Api::get("/user/get", "get user details", "qyapi_get_member", Access::App(user_details_old));

pub static USER_BY_UNION_ID: Api =
    Api::post("/topapi/user/getbyunionid", "find user by unionId", "qyapi_get_member", Access::App(user_by_union_id));

pub static USER_BY_MOBILE: Api =
    Api::post("/topapi/v2/user/getbymobile", "find user by mobile", "qyapi_get_member_by_mobile", Access::App(user_by_mobile));

fn user_by_code(call: &Call, holder: &Holder, world: &mut World) -> Answer {
    match exchanged(call.parameter("code"), holder, world) {
        Ok(person) => Answer::topapi(person.login()).noting(&person.user_id),
        Err((errcode, errmsg)) => Answer::topapi_error(errcode, errmsg),
    }
}

fn user_by_code_old(call: &Call, holder: &Holder, world: &mut World) -> Answer {
    match exchanged(call.query_parameter("code"), holder, world) {
        Ok(person) => Answer::legacy(json!({
            "errcode": 0,
            "errmsg": "ok",
            "userid": person.user_id,
            "name": person.name,
            "deviceId": format!("simulated-device-{}", person.user_id),
            "is_sys": person.sys_level != 0,
            "sys_level": person.sys_level,
        }))
        .noting(&person.user_id),
        Err((errcode, errmsg)) => Answer::legacy_error(errcode, errmsg),
    }
}

/// Exchanges an authCode for its person. The code is used up even if the app may not see the person.
fn exchanged(code: Option<String>, holder: &Holder, world: &mut World) -> Result<Arc<Person>, Objection> {
    let now = world.now();
    let person = code.and_then(|code| world.codes.exchange(&code, holder, now)).ok_or((40078, "不存在的临时授权码"))?;
    if world.sees(holder, &person.user_id) { Ok(person) } else { Err(OUT_OF_SIGHT) }
}

fn user_details(call: &Call, holder: &Holder, world: &mut World) -> Answer {
    let Some(user_id) = call.parameter("userid") else {
        return Answer::topapi_error(400_002, "参数错误");
    };
    match visible(&user_id, holder, world) {
        Ok(person) => Answer::topapi(details(person, call, holder, world)).noting(&person.user_id),
        Err((errcode, errmsg)) => Answer::topapi_error(errcode, errmsg),
    }
}

fn user_details_old(call: &Call, holder: &Holder, world: &mut World) -> Answer {
    let user_id = call.query_parameter("userid").unwrap_or_default();
    match visible(&user_id, holder, world) {
        Ok(person) => {
            let mut told = user_shapes::old(&details(person, call, holder, world));
            told["errcode"] = json!(0);
            told["errmsg"] = json!("ok");
            Answer::legacy(told).noting(&person.user_id)
        }
        Err((errcode, errmsg)) => Answer::legacy_error(errcode, errmsg),
    }
}

fn user_by_union_id(call: &Call, holder: &Holder, world: &mut World) -> Answer {
    let union_id = call.parameter("unionid").unwrap_or_default();
    found(holder, world, |person| person.union_id == union_id, |person| json!({"contact_type": 0, "userid": person.user_id}))
}

fn user_by_mobile(call: &Call, holder: &Holder, world: &mut World) -> Answer {
    let mobile = call.parameter("mobile").unwrap_or_default();
    found(
        holder,
        world,
        |person| person.details.get("mobile") == Some(&json!(mobile)),
        |person| json!({"userid": person.user_id}),
    )
}

fn found(holder: &Holder, world: &World, is_meant: impl Fn(&Person) -> bool, told: impl Fn(&Person) -> Value) -> Answer {
    let people = world.organisation(&holder.corp_id).map(|organisation| &organisation.people);
    match people.into_iter().flatten().find(|person| is_meant(person)) {
        Some(person) if !world.sees(holder, &person.user_id) => Answer::topapi_error(OUT_OF_SIGHT.0, OUT_OF_SIGHT.1),
        Some(person) => Answer::topapi(told(person)).noting(&person.user_id),
        None => Answer::topapi_error(60121, "找不到该用户"),
    }
}

/// The person with this userId, if the app may see them.
fn visible<'a>(user_id: &str, holder: &Holder, world: &'a World) -> Result<&'a Person, Objection> {
    let person = world.person(&holder.corp_id, user_id).ok_or((60121, "找不到该用户"))?;
    if world.sees(holder, user_id) { Ok(person) } else { Err(OUT_OF_SIGHT) }
}

/// The details of a person that the app may see: fewer if it lacks permissions, and fewer for a third-party app.
pub fn details(person: &Person, call: &Call, holder: &Holder, world: &World) -> Value {
    const OF_MOBILE: [&str; 2] = ["mobile", "state_code"];
    const OF_EMAIL: [&str; 4] = ["email", "work_place", "remark", "extension"];
    const OF_THE_ORGANISATION: [&str; 5] = ["telephone", "org_email", "org_email_type", "extension_i18n", "hired_date"];
    let avatar = person.avatar_path(&holder.corp_id).map(|path| format!("{}{path}", call.origin));
    let mut told = person.details(avatar);
    let is_third_party = world.app(&holder.client_id).is_some_and(|app| app.kind == Kind::ThirdParty);
    let may = |scope| !is_third_party && world.may(holder, scope);
    let hidden =
        [(!may(FIELD_MOBILE), &OF_MOBILE[..]), (!may(FIELD_EMAIL), &OF_EMAIL[..]), (is_third_party, &OF_THE_ORGANISATION[..])];
    if let Some(told) = told.as_object_mut() {
        for name in hidden.into_iter().filter(|(hide, _)| *hide).flat_map(|(_, names)| names) {
            told.remove(*name);
        }
    }
    told
}
