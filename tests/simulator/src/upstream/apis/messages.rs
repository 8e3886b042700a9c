//! Work notifications. Nobody is told.

use rand::random_range;

use crate::upstream::answer::Answer;
use crate::upstream::api::{Access, Api, Method};
use crate::upstream::call::Call;
use crate::world::{Holder, World};

pub static WORK_NOTIFICATION: Api = Api {
    path: "/topapi/message/corpconversation/asyncsend_v2",
    method: Method::Post,
    label: "send work notification",
    scope: "qyapi_base",
    access: Access::App(work_notification),
};

fn work_notification(call: &Call, holder: &Holder, world: &mut World) -> Answer {
    let own_agent = world.app(&holder.client_id).and_then(|app| app.at(&holder.corp_id)).map(|at| at.agent_id.clone());
    match (call.parameter("agent_id"), call.parameter("userid_list")) {
        (Some(agent_id), Some(user_ids)) if Some(&agent_id) == own_agent.as_ref() => {
            Answer::topapi_beside("task_id", random_range(1_000_000_000_u64..1_000_000_000_000).into()).noting(&user_ids)
        }
        _ => Answer::topapi_error(400_002, "参数错误"),
    }
}
