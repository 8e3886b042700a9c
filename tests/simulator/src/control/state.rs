//! `GET /control/state`: the world without its secrets.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::server::origin;
use crate::world::{Credential, Holder, Organisation, Person, Registered, Shared, World};

/// What DingTalk does and the simulator does not. The README has the same list.
pub const NOT_SIMULATED: [&str; 7] = [
    "the QR code of the login page, and which redirect_uri the security settings allow",
    "events other than those listed, and Stream's callbacks",
    "all other APIs, such as authRules and kickoffByDeviceId, other messages, files, what is in calendars, writing to the contacts; but their answers can be made up",
    "monthly quotas and other limits than calls in a second; nobody is banned but by a fault",
    "the freshness of a signature's timestamp, which is not checked",
    "the page's URL as a client sees it: the URL that dd.js reports is believed",
    "the native side of real clients: dd.js answers itself",
];

pub async fn show(request: HttpRequest, shared: Data<Shared>) -> HttpResponse {
    HttpResponse::Ok().json(state(&shared.world(), &origin(&request)))
}

fn state(world: &World, origin: &str) -> Value {
    let now = world.now();
    let here = world.organisation(world.first_corp_id());
    let holder = world.under_test().map(|app| Holder::new(&app.client_id, world.first_corp_id()));
    let token = holder.as_ref().and_then(|holder| world.tokens.current(holder, now));
    let ticket = holder.as_ref().and_then(|holder| world.tickets.of(holder)?.current(now));
    json!({
        "now": now,
        "clockOffsetSeconds": world.clock.offset_seconds(),
        "signedIn": here.and_then(Organisation::signed_in).map(|person| &person.user_id),
        "people": here.map(|here| people(here, origin)).unwrap_or_default(),
        "app": world.under_test().map(|tested| app(tested, world)),
        "organisations": world.organisations.iter().map(|each| organisation(each, world, origin)).collect::<Vec<_>>(),
        "client": world.client,
        "faults": world.faults.state(),
        "answers": world.made_up.state(),
        "events": world.under_test().map(|tested| world.subscribers.state(&tested.client_id)),
        "notifications": here.map(|here| notifications(here, world)).unwrap_or_default(),
        "pushes": world.outbox.state(),
        "limits": world.paces.state(world.setup.calls_per_second),
        "crowd": world.crowd.as_ref().map(|crowd| crowd.state(world.paces.refused())),
        "credentials": {"accessToken": token.map(credential), "jsapiTicket": ticket.map(credential)},
        "notSimulated": NOT_SIMULATED,
    })
}

fn people(organisation: &Organisation, origin: &str) -> Vec<Value> {
    organisation.told().map(|each| person(each, &organisation.corp_id, origin)).collect()
}

/// The latest work notifications to the person who is signed in, the newest first.
fn notifications(here: &Organisation, world: &World) -> Vec<Value> {
    const SHOWN: usize = 2;
    let signed_in = here.signed_in().map(|person| person.user_id.as_str()).unwrap_or_default();
    let latest = world.notifications.latest(&here.corp_id, signed_in).take(SHOWN);
    let app = |client_id: &str| world.app(client_id).map(|app| app.name.clone());
    latest.map(|told| json!({"app": app(&told.holder.client_id), "text": told.text})).collect()
}

fn person(person: &Person, corp_id: &str, origin: &str) -> Value {
    let mut shown = json!({"userId": person.user_id, "name": person.name});
    if let Some(path) = person.avatar_path(corp_id) {
        shown["avatar"] = json!(format!("{origin}{path}"));
    }
    if let Some(title) = &person.title {
        shown["title"] = json!(title);
    }
    shown
}

fn app(app: &Registered, world: &World) -> Value {
    let corp_id = world.first_corp_id();
    let mut shown = json!({
        "kind": app.kind,
        "corpId": corp_id,
        "clientId": app.client_id,
        "agentId": app.installations.get(corp_id).map(|installation| &installation.agent_id),
        "name": app.name,
    });
    if let Some(url) = &world.setup.app_url {
        shown["url"] = json!(url);
    }
    shown
}

/// An organisation, and the app under test there: `agentId` and `standing` are null if the organisation cannot have the app.
fn organisation(organisation: &Organisation, world: &World, origin: &str) -> Value {
    let installation = world.under_test().and_then(|app| app.installations.get(&organisation.corp_id));
    json!({
        "corpId": organisation.corp_id,
        "name": organisation.name,
        "agentId": installation.map(|installation| &installation.agent_id),
        "standing": installation.map(|installation| installation.standing),
        "home": world.home(&organisation.corp_id).map(String::from),
        "signedIn": organisation.signed_in().map(|person| &person.user_id),
        "people": people(organisation, origin),
    })
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
