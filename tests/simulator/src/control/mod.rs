//! The control API, `/control`, for tests and for the console. Pages of other origins may not call it.

mod events;
mod faults;
mod grants;
mod limits;
mod organisations;
mod requests;
mod sso;
pub mod state;
mod world;

use std::net::IpAddr;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, ORIGIN};
use actix_web::middleware::{ErrorHandlers, Next, from_fn};
use actix_web::web::{Bytes, Data, PayloadConfig, ServiceConfig, get, post, resource, scope, to};
use actix_web::{Error, HttpRequest, HttpResponse, error};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::crowd;
use crate::server::{LARGEST_BODY, host, malformed, nothing_here, origin, too_large};
use crate::upstream::MadeUp;
use crate::world::{Answers, Shared, World};

const TEN_YEARS_IN_SECONDS: u64 = 10 * 366 * 24 * 60 * 60;
const LONGEST_URL: usize = 2_000;
/// Largest body of `/control/world`, in bytes: enough for a company with tens of thousands of people.
const LARGEST_WORLD: usize = 16 * 1024 * 1024;

/// Mounts `/control`.
pub fn mount(service: &mut ServiceConfig) {
    let world = resource("/world").app_data(PayloadConfig::new(LARGEST_WORLD));
    let world = world.get(world::show).post(world::load).default_service(to(nothing_here));
    service.service(
        scope("/control")
            .app_data(PayloadConfig::new(LARGEST_BODY))
            .wrap(ErrorHandlers::new().handler(StatusCode::PAYLOAD_TOO_LARGE, too_large))
            .wrap(from_fn(own_origin_only))
            .route("/state", get().to(state::show))
            .route("/requests", get().to(requests::show))
            .route("/clock", post().to(pull::<Clock>))
            .route("/user", post().to(pull::<User>))
            .route("/client", post().to(pull::<Client>))
            .route("/app", post().to(pull::<App>))
            .route("/faults", post().to(pull::<faults::AddFault>))
            .route("/answers", post().to(pull::<MadeUp>))
            .route("/limits", get().to(limits::show))
            .route("/limits", post().to(pull::<limits::SetLimits>))
            .route("/organisation", post().to(pull::<organisations::Decide>))
            .route("/person", post().to(pull::<organisations::Move>))
            .route("/events", post().to(pull::<events::Events>))
            .service(world)
            .route("/grants", post().to(pull::<grants::SetGrants>))
            .route("/sso", post().to(sso::issue))
            .route("/crowd", post().to(crowd::come))
            .route("/reset", post().to(reset))
            .default_service(to(nothing_here)),
    );
}

/// A lever: a change of the world that a POST below `/control` asks for.
trait Lever: DeserializeOwned {
    fn pull(self, world: &mut World) -> Result<(), String>;
}

async fn pull<L: Lever>(request: HttpRequest, body: Bytes, shared: Data<Shared>) -> HttpResponse {
    let lever: L = match serde_json::from_slice(&body) {
        Ok(lever) => lever,
        Err(error) => return malformed(&error.to_string()),
    };
    let pulled = lever.pull(&mut shared.world());
    match pulled {
        Ok(()) => state::show(request, shared).await,
        Err(reason) => malformed(&reason),
    }
}

async fn reset(request: HttpRequest, shared: Data<Shared>) -> HttpResponse {
    shared.world().reset();
    state::show(request, shared).await
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Clock {
    advance_seconds: u64,
}

impl Lever for Clock {
    fn pull(self, world: &mut World) -> Result<(), String> {
        if self.advance_seconds > TEN_YEARS_IN_SECONDS {
            return Err("advanceSeconds is at most ten years".to_owned());
        }
        world.advance(Duration::from_secs(self.advance_seconds));
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct User {
    corp_id: Option<String>,
    user_id: String,
}

impl Lever for User {
    fn pull(self, world: &mut World) -> Result<(), String> {
        let corp_id = self.corp_id.unwrap_or_else(|| world.first_corp_id().to_owned());
        let organisation = world.organisation_mut(&corp_id).ok_or("no organisation has this corpId")?;
        let person = organisation.person(&self.user_id).cloned().ok_or("nobody has this userId")?;
        organisation.sign_in(person);
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Client {
    answers: Option<Answers>,
    outside: Option<bool>,
}

impl Lever for Client {
    fn pull(self, world: &mut World) -> Result<(), String> {
        world.client.answers = self.answers.unwrap_or(world.client.answers);
        world.client.outside = self.outside.unwrap_or(world.client.outside);
        Ok(())
    }
}

impl Lever for MadeUp {
    fn pull(self, world: &mut World) -> Result<(), String> {
        self.objection().map_or(Ok(()), |objection| Err(objection.to_owned()))?;
        world.made_up.add(self);
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct App {
    url: String,
    client_id: Option<String>,
}

impl Lever for App {
    fn pull(self, world: &mut World) -> Result<(), String> {
        let is_page = url::Url::parse(&self.url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if !is_page || self.url.len() > LONGEST_URL {
            return Err("url is the http or https address of the app".to_owned());
        }
        if let Some(client_id) = self.client_id {
            world.app(&client_id).ok_or("no app has this clientId")?;
            world.setup.under_test = client_id;
        }
        world.setup.app_url = Some(self.url);
        Ok(())
    }
}

/// The app that a lever means: the one that it names, or the one under test.
fn client_id(named: Option<String>, world: &World) -> Result<String, String> {
    let app = match &named {
        Some(client_id) => world.app(client_id),
        None => world.under_test(),
    };
    app.map(|app| app.client_id.clone()).ok_or_else(|| "no app has this clientId".to_owned())
}

/// Refuses requests from pages of other websites, which could control the simulator otherwise. `Origin`, which a browser sends with each
/// POST, must be the simulator's; `Host` must be localhost or an address of this machine, or a foreign name could be made to point here.
async fn own_origin_only(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let (named, here) = (host(request.request()).trim_matches(['[', ']']), request.app_config().local_addr().ip());
    let is_address = named.parse().is_ok_and(|address: IpAddr| address.is_loopback() || address == here);
    let is_ours = named.eq_ignore_ascii_case("localhost") || is_address;
    let foreign = !is_ours || request.headers().get(ORIGIN).is_some_and(|sender| !same_authority(sender, request.request()));
    if foreign {
        let refusal = HttpResponse::Forbidden()
            .json(serde_json::json!({"error": "not from a page of another origin, nor under another name"}));
        return Err(error::InternalError::from_response("foreign origin", refusal).into());
    }
    next.call(request).await
}

/// Whether `sender` has the simulator's host and port. The scheme is not compared: a TLS proxy in front of the simulator changes it.
fn same_authority(sender: &HeaderValue, request: &HttpRequest) -> bool {
    let own = origin(request);
    let authority = |origin: &str| origin.split_once("://").map(|(_, authority)| authority.to_owned());
    sender.to_str().is_ok_and(|sender| authority(sender).is_some_and(|sender| Some(sender) == authority(&own)))
}
