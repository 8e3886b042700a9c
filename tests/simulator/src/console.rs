//! The console and the people's avatars.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Path, ServiceConfig, get};
use actix_web::{HttpResponse, Responder};

use crate::world::{Person, Shared};

const COLOURS: [&str; 6] = ["#0089ff", "#7b61ff", "#00a870", "#e37318", "#d54941", "#0594fa"];

/// Mounts `/`, its style and script, the CA certificate and `/avatar`. Browsers request `/favicon.ico` by themselves: it has a route so
/// that the ledger does not count it as a call of the app.
pub fn mount(service: &mut ServiceConfig) {
    service
        .route("/", get().to(page))
        .route("/console.css", get().to(style))
        .route("/console.js", get().to(script))
        .route("/ca.pem", get().to(authority))
        .route("/favicon.ico", get().to(no_icon))
        .route("/avatar/{corp_id}/{user_id}.svg", get().to(avatar));
}

async fn page() -> impl Responder {
    asset("text/html", include_str!("../assets/console.html"))
}

async fn style() -> impl Responder {
    asset("text/css", include_str!("../assets/console.css"))
}

async fn script() -> impl Responder {
    asset("text/javascript", include_str!("../assets/console.js"))
}

/// The CA certificate that callers over HTTPS have to trust, as PEM; 404 if the simulator does not listen for HTTPS.
async fn authority(shared: Data<Shared>) -> HttpResponse {
    match &shared.world().setup.authority {
        Some(pem) => HttpResponse::Ok().content_type("application/x-pem-file").body(pem.clone()),
        None => HttpResponse::NotFound().finish(),
    }
}

async fn no_icon() -> impl Responder {
    HttpResponse::NoContent()
}

fn asset(kind: &str, text: &'static str) -> HttpResponse {
    HttpResponse::Ok().content_type(format!("{kind}; charset=utf-8")).insert_header((CACHE_CONTROL, "no-store")).body(text)
}

async fn avatar(whose: Path<(String, String)>, shared: Data<Shared>) -> HttpResponse {
    let (corp_id, user_id) = whose.into_inner();
    match shared.world().person(&corp_id, &user_id) {
        Some(person) if person.avatar => HttpResponse::Ok()
            .content_type("image/svg+xml")
            .insert_header(("cross-origin-resource-policy", "cross-origin"))
            .body(portrait(person)),
        _ => HttpResponse::NotFound().finish(),
    }
}

/// A coloured square with the last character of a Chinese name, as DingTalk draws it, or the initial of another one.
fn portrait(person: &Person) -> String {
    let chinese = !person.name.is_ascii();
    let initial = if chinese { person.name.chars().last() } else { person.name.chars().next() };
    let letter = initial.unwrap_or('?');
    let seed = person.user_id.bytes().map(usize::from).sum::<usize>();
    let colour = COLOURS[seed % COLOURS.len()];
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96" width="96" height="96"><rect width="96" height="96" fill="{colour}"/><text x="48" y="64" text-anchor="middle" font-family="sans-serif" font-size="44" fill="#fff">{letter}</text></svg>"##
    )
}
