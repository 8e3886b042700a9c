//! `GET /control/state`: the world without its secrets.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::server::origin;
use crate::world::{APP, Credential, Person, SEEDED, Shared, World};

/// What an app may meet at DingTalk and does not meet here. The README has the same list.
pub const NOT_SIMULATED: [&str; 12] = [
    "third-party and custom apps: corpAccessToken, suiteAccessToken, suite_ticket",
    "login in a browser outside the client: login.dingtalk.com, userAccessToken",
    "events: HTTP callbacks, SyncHTTP, Stream",
    "all other APIs: departments, other messages, files, user/getbyunionid, the older /user/getuserinfo",
    "monthly quotas, the IP allow-list and other limits than calls in a second; nobody is banned but by a fault",
    "permissions and visibility: everything is granted until a fault takes it away",
    "the security settings: a page of any domain is handed an authCode",
    "error texts in English, and numbers or booleans as strings in user/get",
    "the freshness of a signature's timestamp, which is not checked",
    "the page's URL as a client sees it: the URL that dd.js reports is believed",
    "HTTPS",
    "the native side of real clients: dd.js answers itself",
];

pub async fn show(request: HttpRequest, shared: Data<Shared>) -> HttpResponse {
    HttpResponse::Ok().json(state(&shared.world(), &origin(&request)))
}

fn state(world: &World, origin: &str) -> Value {
    let now = world.now();
    json!({
        "now": now,
        "clockOffsetSeconds": world.clock.offset_seconds(),
        "signedIn": world.signed_in.0.user_id,
        "people": SEEDED.iter().map(|each| person(each, origin)).collect::<Vec<_>>(),
        "app": app(world),
        "client": world.client,
        "faults": world.faults.state(),
        "limits": world.limits.state(),
        "credentials": {
            "accessToken": world.access_token.current(now).map(credential),
            "jsapiTicket": world.jsapi_ticket.current(now).map(credential),
        },
        "notSimulated": NOT_SIMULATED,
    })
}

fn person(person: &Person, origin: &str) -> Value {
    let mut shown = json!({"userId": person.user_id, "name": person.name});
    if let Some(path) = person.avatar_path() {
        shown["avatar"] = json!(format!("{origin}{path}"));
    }
    if let Some(title) = person.title {
        shown["title"] = json!(title);
    }
    shown
}

fn app(world: &World) -> Value {
    let mut shown = json!({
        "corpId": APP.corp_id,
        "clientId": APP.client_id,
        "agentId": APP.agent_id,
        "name": APP.name,
    });
    if let Some(url) = &world.app_url {
        shown["url"] = json!(url);
    }
    shown
}

fn credential(credential: &Credential) -> Value {
    json!({"expiresAt": credential.expires_at, "calls": credential.calls})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_has_the_same_list() {
        let readme = include_str!("../../README.md");
        for missing in NOT_SIMULATED {
            assert!(readme.contains(&format!("- {missing}\n")), "{missing}");
        }
    }
}
