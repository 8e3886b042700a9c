//! The login page for browsers outside the client, as at `login.dingtalk.com`: who somebody is, and whether the app may know.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Form, Query, ServiceConfig, get, post};
use serde::Deserialize;
use url::Url;

use crate::world::{Holder, OnBehalf, Registered, Shared, World};

/// What an app may ask for: who somebody is, and of which organisation.
const SCOPES: [&str; 2] = ["openid", WITH_CORP_ID];
const WITH_CORP_ID: &str = "openid corpid";
const PAGE: &str = include_str!("../assets/login.html");

/// Mounts the page under both of its names.
pub fn mount(service: &mut ServiceConfig) {
    service
        .route("/oauth2/auth", get().to(ask))
        .route("/oauth2/challenge.htm", get().to(ask))
        .route("/oauth2/auth", post().to(answer));
}

/// The parameters with which an app opens the login page.
#[derive(Debug, Deserialize)]
struct Question {
    redirect_uri: String,
    response_type: String,
    client_id: String,
    scope: String,
    state: Option<String>,
    #[serde(rename = "corpId")]
    corp_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(flatten)]
    question: Question,
    /// The corpId and the userId of the person who signs in, with a space between them; `None` if they refuse.
    person: Option<String>,
}

async fn ask(question: Query<Question>, shared: Data<Shared>) -> HttpResponse {
    let world = shared.world();
    match question.app(&world) {
        Ok(app) => HttpResponse::Ok().content_type("text/html; charset=utf-8").body(question.page(app, &world)),
        Err(reason) => refused(&reason),
    }
}

async fn answer(answer: Form<Answer>, shared: Data<Shared>) -> HttpResponse {
    let Answer { question, person } = answer.into_inner();
    let mut world = shared.world();
    let app = match question.app(&world) {
        Ok(app) => app,
        Err(reason) => return refused(&reason),
    };
    let Some(person) = person else {
        return question.back(&[("error", "access_denied")]);
    };
    let Some((corp_id, user_id)) = person.split_once(' ') else {
        return refused("nobody was chosen");
    };
    let Some(person) = world.person(corp_id, user_id).cloned() else {
        return refused("nobody has this userId");
    };
    if app.at(corp_id).is_none() {
        return refused("the organisation does not have this app");
    }
    let (holder, now) = (Holder::new(&app.client_id, corp_id), world.now());
    let who = OnBehalf { holder, person, corp_id_asked: question.scope == WITH_CORP_ID };
    let code = world.browser_codes.issue_to(who, now);
    // Some pages of DingTalk's name the parameter authCode, others code, and both have been seen.
    question.back(&[("authCode", &code), ("code", &code)])
}

impl Question {
    fn app<'a>(&self, world: &'a World) -> Result<&'a Registered, String> {
        let is_address = Url::parse(&self.redirect_uri).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        match world.app(&self.client_id) {
            None => Err("no app has this client_id".to_owned()),
            Some(_) if !is_address => Err("redirect_uri is no http or https address".to_owned()),
            Some(_) if self.response_type != "code" => Err("response_type is code".to_owned()),
            Some(_) if !SCOPES.contains(&self.scope.as_str()) => Err("scope is openid, or openid corpid".to_owned()),
            Some(app) => Ok(app),
        }
    }

    fn page(&self, app: &Registered, world: &World) -> String {
        let asked = [
            ("redirect_uri", Some(&self.redirect_uri)),
            ("response_type", Some(&self.response_type)),
            ("client_id", Some(&self.client_id)),
            ("scope", Some(&self.scope)),
            ("state", self.state.as_ref()),
            ("corpId", self.corp_id.as_ref()),
        ];
        let hidden = asked.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let hidden: String =
            hidden.map(|(name, value)| format!(r#"<input type="hidden" name="{name}" value="{}">"#, escaped(value))).collect();
        let here = world.organisations.iter().filter(|organisation| app.at(&organisation.corp_id).is_some());
        // corpId has a meaning only with the scope that asks for an organisation, and some libraries send it empty.
        let corp_id = self.corp_id.as_ref().filter(|corp_id| !corp_id.is_empty() && self.scope == WITH_CORP_ID);
        let wanted = here.filter(|organisation| corp_id.is_none_or(|corp_id| *corp_id == organisation.corp_id));
        let people = wanted.flat_map(|organisation| {
            let told = organisation.people.iter().filter(|person| !person.made_up);
            told.map(|person| {
                format!(
                    r#"<button name="person" value="{}"><strong>{}</strong> {}</button>"#,
                    escaped(&format!("{} {}", organisation.corp_id, person.user_id)),
                    escaped(&person.name),
                    escaped(&organisation.name),
                )
            })
        });
        PAGE.replace("{app}", &escaped(&app.name))
            .replace("{scope}", &escaped(&self.scope))
            .replace("{hidden}", &hidden)
            .replace("{people}", &people.collect::<String>())
    }

    fn back(&self, told: &[(&str, &str)]) -> HttpResponse {
        let Ok(mut url) = Url::parse(&self.redirect_uri) else { return refused("redirect_uri is no address") };
        url.query_pairs_mut().extend_pairs(told).extend_pairs(self.state.as_ref().map(|state| ("state", state)));
        HttpResponse::SeeOther().insert_header((LOCATION, url.to_string())).finish()
    }
}

fn refused(reason: &str) -> HttpResponse {
    HttpResponse::BadRequest()
        .content_type("text/html; charset=utf-8")
        .body(format!("<!doctype html><h1>{}</h1>", escaped(reason)))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
