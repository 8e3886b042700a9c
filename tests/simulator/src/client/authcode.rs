//! `POST /client/authcode`: the client hands an authCode to a page.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Bytes, Data};
use actix_web::{HttpResponse, Responder};
use serde::Deserialize;
use serde_json::json;
use tokio::time::sleep;

use super::page_url::PageUrl;
use super::window;
use crate::ledger::Party;
use crate::recording::{Outcome, Recording};
use crate::server::malformed;
use crate::world::{Answers, Holder, Person, Shared, World};

/// How long a request is left without an answer: longer than any page waits, but not for ever.
const NEVER: Duration = Duration::from_secs(10 * 60);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[serde(default)]
    corp_id: String,
    client_id: Option<String>,
    user_id: Option<String>,
    url: Option<String>,
    platform: Option<String>,
}

struct Issued {
    code: String,
    person: Arc<Person>,
}

pub async fn issue(body: Bytes, shared: Data<Shared>) -> impl Responder {
    let request: Request = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(error) => return malformed(&error.to_string()),
    };
    let recording = Recording::start(&shared, Party::Dd, "POST /client/authcode".to_owned(), "issue authCode")
        .in_window(window(request.platform.as_deref()));

    let answers = shared.world().client.answers;
    if answers == Answers::Never {
        recording.end(outcome(None, "the client never answers"));
        sleep(NEVER).await;
        return refused("the client never answers");
    }
    let issued = issued(&request, &mut shared.world());
    match issued {
        Ok(Issued { code, person }) => {
            recording.end(outcome(Some("0"), &person.user_id));
            HttpResponse::Ok().json(json!({"code": code}))
        }
        Err(message) => {
            recording.end(outcome(Some("3"), &message));
            refused(&message)
        }
    }
}

fn issued(request: &Request, world: &mut World) -> Result<Issued, String> {
    if request.corp_id.is_empty() {
        return Err("1002 , corpId or redirectURI is blank".to_owned());
    }
    let organisation = world.organisation(&request.corp_id).ok_or("1002,corpId不合法")?;
    let app = match &request.client_id {
        Some(client_id) => world.app(client_id),
        None => world.under_test(),
    };
    let app = app.filter(|app| {
        let trusts = app.at(&request.corp_id).is_some_and(|at| at.grants.trusts(&page_host(request)));
        app.is_open_at(&request.corp_id) && trusts && world.client.answers != Answers::Refuses
    });
    let app = app.ok_or_else(|| format!("对应企业没有 {} 域名微应用", page_host(request)))?;
    let person = match &request.user_id {
        Some(user_id) => organisation.person(user_id),
        None => organisation.signed_in(),
    };
    let person = person.cloned().ok_or("simulator: nobody has this userId")?;
    let (holder, now) = (Holder::new(&app.client_id, &request.corp_id), world.now());
    let code = world.codes.issue(holder, person.clone(), now);
    Ok(Issued { code, person })
}

fn page_host(request: &Request) -> String {
    let url = request.url.as_deref().and_then(PageUrl::parse);
    url.map_or_else(|| "xxx".to_owned(), |url| url.host)
}

fn outcome(code: Option<&str>, note: &str) -> Outcome {
    Outcome { status: code.map(|_| 200), code: code.map(str::to_owned), note: Some(note.to_owned()) }
}

fn refused(message: &str) -> HttpResponse {
    HttpResponse::Ok().json(json!({"errorCode": "3", "errorMessage": message}))
}
