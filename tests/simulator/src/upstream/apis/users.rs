//! Who somebody is.

use crate::upstream::answer::Answer;
use crate::upstream::api::{Access, Api, Family, Method};
use crate::upstream::call::Call;
use crate::upstream::refusal::Refusal;
use crate::world::{Holder, World};

pub static USER_BY_CODE: Api = Api {
    path: "/topapi/v2/user/getuserinfo",
    method: Method::Post,
    label: "exchange authCode",
    scope: "qyapi_base",
    access: Access::App(user_by_code),
};

/// Also by GET, which the guide shows.
pub static USER_DETAILS: Api = Api {
    path: "/topapi/v2/user/get",
    method: Method::Either,
    label: "get user details",
    scope: "qyapi_get_member",
    access: Access::App(user_details),
};

fn user_by_code(call: &Call, holder: &Holder, world: &mut World) -> Answer {
    let now = world.now();
    match call.parameter("code").and_then(|code| world.codes.exchange(&code, holder, now)) {
        Some(person) => Answer::topapi(person.login()).noting(&person.user_id),
        None => Refusal::AuthCode.answer(Family::Topapi),
    }
}

fn user_details(call: &Call, holder: &Holder, world: &mut World) -> Answer {
    let Some(user_id) = call.parameter("userid") else {
        return Answer::topapi_error(400_002, "参数错误");
    };
    match world.person(&holder.corp_id, &user_id) {
        Some(person) => {
            let avatar = person.avatar_path(&holder.corp_id).map(|path| format!("{}{path}", call.origin));
            Answer::topapi(person.details(avatar)).noting(&person.user_id)
        }
        None => Answer::topapi_error(60121, "找不到该用户"),
    }
}
