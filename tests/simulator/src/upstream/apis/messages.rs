//! Work notifications: shown on the console's phone.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::departments::everybody_in;
use crate::upstream::answer::Answer;
use crate::upstream::api::{Access, Api};
use crate::upstream::call::Call;
use crate::world::{Holder, Notification, ROOT, World};

pub static WORK_NOTIFICATION: Api = message("/topapi/message/corpconversation/asyncsend_v2", "send work notification", send);
pub static PROGRESS: Api = message("/topapi/message/corpconversation/getsendprogress", "get progress of notification", progress);
pub static RESULT: Api = message("/topapi/message/corpconversation/getsendresult", "get result of notification", result);

const fn message(path: &'static str, label: &'static str, answer: fn(&Call, &Holder, &mut World) -> Answer) -> Api {
    Api::post(path, label, "qyapi_base", Access::App(answer))
}

fn send(call: &Call, holder: &Holder, world: &mut World) -> Answer {
    let asked = (recipients(call, holder, world), call.structure("msg"), is_own_agent(call, holder, world));
    let (Some(user_ids), Some(message @ Value::Object(_)), true) = asked else {
        return Answer::topapi_error(400_002, "参数错误");
    };
    let note = user_ids.join(",");
    let task_id = world.notifications.send(Notification { holder: holder.clone(), user_ids, text: text(&message) });
    Answer::topapi_beside("task_id", task_id.into()).noting(&note)
}

/// The userIds that a notification is for, each once: named people, the people of departments, or everybody.
fn recipients(call: &Call, holder: &Holder, world: &World) -> Option<Vec<String>> {
    let is_for_all = call.parameter("to_all_user").is_some_and(|all| all == "true");
    let departments = if is_for_all { Some(ROOT.to_string()) } else { call.parameter("dept_id_list") };
    let people = call.parameter("userid_list");
    people.as_ref().or(departments.as_ref())?;
    let organisation = world.organisation(&holder.corp_id)?;
    let ids = departments.iter().flat_map(|list| list.split(',')).filter_map(|id| id.parse().ok());
    let in_them = ids.flat_map(|id| everybody_in(organisation, id)).map(|person| person.user_id.as_str());
    let named = people.iter().flat_map(|list| list.split(','));
    let mut seen = BTreeSet::new();
    Some(named.chain(in_them).filter(|user_id| seen.insert(*user_id)).map(str::to_owned).collect())
}

fn progress(call: &Call, holder: &Holder, world: &mut World) -> Answer {
    match sent(call, holder, world) {
        Some(_) => Answer::topapi_beside("progress", json!({"progress_in_percent": 100, "status": 2})),
        None => Answer::topapi_error(400_002, "参数错误"),
    }
}

fn result(call: &Call, holder: &Holder, world: &mut World) -> Answer {
    let Some(notification) = sent(call, holder, world) else {
        return Answer::topapi_error(400_002, "参数错误");
    };
    let is_here = |user_id: &&String| world.person(&holder.corp_id, user_id).is_some();
    let (told, unknown): (Vec<_>, Vec<_>) = notification.user_ids.iter().partition(is_here);
    Answer::topapi_beside(
        "send_result",
        json!({
            "unread_user_id_list": told,
            "read_user_id_list": [],
            "invalid_user_id_list": unknown,
            "forbidden_user_id_list": [],
            "failed_user_id_list": [],
            "invalid_dept_id_list": [],
        }),
    )
}

fn sent<'a>(call: &Call, holder: &Holder, world: &'a World) -> Option<&'a Notification> {
    let task_id = call.parameter("task_id")?.parse().ok()?;
    world.notifications.sent(task_id).filter(|notification| notification.holder == *holder && is_own_agent(call, holder, world))
}

fn is_own_agent(call: &Call, holder: &Holder, world: &World) -> bool {
    let own = world.app(&holder.client_id).and_then(|app| app.at(&holder.corp_id)).map(|at| at.agent_id.as_str());
    call.parameter("agent_id").is_some_and(|agent_id| Some(agent_id.as_str()) == own)
}

/// The text that a person would read of a message, whatever its type.
fn text(message: &Value) -> String {
    let kind = message["msgtype"].as_str().unwrap_or_default();
    let told = ["content", "title", "text", "markdown"].into_iter().find_map(|name| message[kind][name].as_str());
    told.unwrap_or(kind).chars().take(200).collect()
}
