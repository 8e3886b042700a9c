//! The list of a person's calendars: everybody has one, and it is empty.

use actix_web::http::StatusCode;
use serde_json::json;

use crate::upstream::answer::Answer;
use crate::upstream::api::{Access, Api};
use crate::upstream::call::Call;
use crate::world::{Holder, World};

/// `userId` is a unionId.
pub static LIST: Api =
    Api::get("/v1.0/calendar/users/{userId}/calendars", "list calendars", "Calendar.Event.Read", Access::App(list));

fn list(call: &Call, holder: &Holder, world: &mut World) -> Answer {
    let people = world.organisation(&holder.corp_id).map(|organisation| &organisation.people);
    match people.into_iter().flatten().find(|person| person.union_id == call.path_segment(4)) {
        Some(person) => {
            let calendar = json!({"id": "primary", "summary": person.name, "type": "primary", "privilege": "owner",
                "eTag": "1", "timeZone": "Asia/Shanghai"});
            Answer::api(json!({"response": {"calendars": [calendar]}})).noting(&person.user_id)
        }
        None => Answer::api_error(StatusCode::NOT_FOUND, "invalidParameter.user.notFound", "用户不存在"),
    }
}
