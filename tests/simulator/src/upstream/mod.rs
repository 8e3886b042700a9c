//! What the app calls: both API families of DingTalk, on one port.

mod answer;
mod api;
mod apis;
mod call;
mod delivery;
mod fault;
mod faults;
mod front;
mod gateway;
mod limits;
mod made_up;
mod refusal;
mod reshape;
mod side;

use std::time::Instant;

use actix_web::http::Method;
use actix_web::http::header::UPGRADE;
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{Error, FromRequest, HttpRequest, HttpResponse};
use tokio::time::sleep;

use crate::ledger::Party;
use crate::recording::Recording;
use crate::world::{Shared, World};
use answer::Answer;
use call::Call;
use delivery::Delivery;
use fault::Consequence;
use refusal::Refusal;
use side::Side;

pub use api::Api;
pub use apis::{APP_ID, authorisation_with_scope, documented, is_scope, known};
pub use fault::Fault;
pub use faults::Faults;
pub use front::BanForm;
pub use limits::{Pace, Paces};
pub use made_up::{MadeUp, MadeUpAnswers};
pub use refusal::Limit;
pub use reshape::Form;

/// Answers every call that no other part of the simulator has a route for.
pub async fn answer(request: HttpRequest, body: Payload, shared: Data<Shared>) -> HttpResponse {
    let mut call = Call::new(&request, Side::of(&request, &shared));
    let recording = Recording::start(&shared, Party::App, call.name(), call.label());
    match read(&request, body).await {
        Ok(body) => call.body = body,
        Err(_) => {
            let refusal = Refusal::Unreadable.answer(call.family()).noting("the body could not be read");
            return Delivery::Whole.send(refusal, recording);
        }
    }
    let read_at = Instant::now();
    let admitted = admit(&call, read_at, &mut shared.world());
    let (answer, delivery) = match admitted {
        Ok(()) => converse(&call, &shared).await,
        Err(limit) => (Refusal::Rate(limit).answer(call.family()).noting("too many calls in a second"), Delivery::Whole),
    };
    let answer = watch_codes(&call, answer, &mut shared.world());
    delivery.send(answer, recording)
}

/// Reads the body. After a request for a WebSocket or a tunnel, the HTTP library takes everything for its body until the caller closes the
/// connection: that is not read.
async fn read(request: &HttpRequest, body: Payload) -> Result<Bytes, Error> {
    let wanted = request.headers().get(UPGRADE).map(|protocol| protocol.as_bytes().trim_ascii());
    let is_endless = wanted.is_some_and(|protocol| protocol.eq_ignore_ascii_case(b"websocket"));
    if is_endless || request.method() == Method::CONNECT {
        return Ok(Bytes::new());
    }
    Bytes::from_request(request, &mut body.into_inner()).await
}

/// Counts a call against its limit. A call of an unknown caller or an unknown API counts against none.
fn admit(call: &Call, read_at: Instant, world: &mut World) -> Result<(), Limit> {
    let (Some(api), Some((caller, limit))) = (call.api, gateway::counted(call, world)) else { return Ok(()) };
    world.paces.admit(world.setup.calls_per_second, caller, api, read_at).then_some(()).ok_or(limit)
}

async fn converse(call: &Call, shared: &Shared) -> (Answer, Delivery) {
    let fault = shared.world().faults.next(call.path());
    let Some(fault) = fault else {
        return (gateway::serve(call, &mut shared.world()), Delivery::Whole);
    };
    let mut delivery = Delivery::Whole;
    let consequence = fault.consequence(call, &shared.world());
    let answer = match consequence {
        Consequence::Instead(answer) => answer,
        Consequence::Wait(time) => {
            sleep(time).await;
            gateway::serve(call, &mut shared.world())
        }
        Consequence::RevokeToken => gateway::revoke_token(call, &mut shared.world()),
        Consequence::Reshape(form) => gateway::serve(call, &mut shared.world()).in_form(form),
        Consequence::Deliver(damaged) => {
            delivery = damaged;
            gateway::serve(call, &mut shared.world())
        }
    };
    (answer.noting(&format!("fault: {}", fault.kind())), delivery)
}

/// An app may send an authCode again only if DingTalk refused the call before it looked at the code; the ledger notes every other repeat.
fn watch_codes(call: &Call, answer: Answer, world: &mut World) -> Answer {
    let exchanges = [&apis::USER_BY_CODE, &apis::USER_BY_CODE_OLD].iter().any(|api| api.path == call.path());
    if !exchanges || answer.left_the_code_alone() {
        return answer;
    }
    match call.parameter("code") {
        Some(code) if world.codes.came_again(&code) => answer.noting("this code was here before"),
        _ => answer,
    }
}
