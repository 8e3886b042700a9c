//! The client library, with the simulator's URL, the contacts and the client's behaviour filled in.

use std::sync::Arc;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};

use crate::server::origin;
use crate::world::{Department, Organisation, Person, Shared};

const LIBRARY: &str = include_str!("../../assets/dd.js");
const BLANK: &str = "var SIMULATOR = null; // filled in by the server";

/// `GET /dd.js`
pub async fn dd_js(request: HttpRequest, shared: Data<Shared>) -> HttpResponse {
    let world = shared.world();
    let url = origin(&request);
    let contacts = world.organisations.iter().map(|organisation| (organisation.corp_id.clone(), contacts(organisation, &url)));
    let simulator = json!({"contacts": contacts.collect::<Map<_, _>>(), "client": world.client, "url": url});
    HttpResponse::Ok()
        .content_type("text/javascript; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(LIBRARY.replace(BLANK, &format!("var SIMULATOR = {simulator};")))
}

/// What the client's pickers offer: enough to pick from, and no more than fits on a screen or two.
fn contacts(organisation: &Organisation, origin: &str) -> Value {
    const OFFERED: usize = 20;
    let person = |person: &Arc<Person>| {
        let avatar = person.avatar_path(&organisation.corp_id).map(|path| format!("{origin}{path}")).unwrap_or_default();
        json!({"emplId": person.user_id, "name": person.name, "avatar": avatar})
    };
    let department = |department: &Department| {
        let number = organisation.told().filter(|person| person.departments.contains(&department.id)).count();
        json!({"id": department.id.to_string(), "name": department.name, "number": number})
    };
    let within = organisation.departments.iter().filter(|department| department.parent_id.is_some());
    json!({
        "people": organisation.told().take(OFFERED).map(person).collect::<Vec<_>>(),
        "departments": within.take(OFFERED).map(department).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_has_one_blank_to_fill_in() {
        assert_eq!(LIBRARY.matches(BLANK).count(), 1);
    }
}
