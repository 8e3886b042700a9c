//! What the app calls: both API families of DingTalk, on one port.

mod answer;
mod call;
mod delivery;
mod endpoint;
mod fault;
mod faults;
mod front;
mod limits;
mod oapi;
mod openapi;
mod refusal;

use std::time::Instant;

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use tokio::time::sleep;

use crate::ledger::Party;
use crate::recording::Recording;
use crate::world::{APP, Shared, World};
use answer::Answer;
use call::Call;
use delivery::Delivery;
use fault::Consequence;
use refusal::Refusal;

pub use endpoint::Endpoint;
pub use fault::Fault;
pub use faults::Faults;
pub use front::BanForm;
pub use limits::{Limits, Pace};

/// Answers any call that is not for the page, the control or the console.
pub async fn answer(request: HttpRequest, body: Bytes, shared: Data<Shared>) -> HttpResponse {
    let read_at = Instant::now();
    let call = Call::new(&request, body);
    let recording = Recording::start(&shared, Party::App, call.endpoint_name(), call.label());
    let (answer, delivery) = match call.endpoint {
        Some(endpoint) => {
            let (answer, delivery) = admitted(endpoint, &call, read_at, &shared).await;
            (watch_codes(endpoint, &call, answer, &mut shared.world()), delivery)
        }
        None => (oapi::unknown_path(&call.path), Delivery::Whole),
    };
    delivery.send(answer, recording)
}

async fn admitted(endpoint: Endpoint, call: &Call, read_at: Instant, shared: &Shared) -> (Answer, Delivery) {
    let admitted = shared.world().limits.admit(APP.client_id, endpoint, read_at);
    if !admitted {
        return (Refusal::TooManyCalls.answer(endpoint).noting("too many calls in a second"), Delivery::Whole);
    }
    converse(endpoint, call, shared).await
}

async fn converse(endpoint: Endpoint, call: &Call, shared: &Shared) -> (Answer, Delivery) {
    let fault = shared.world().faults.next(endpoint);
    let Some(fault) = fault else {
        return (normal(endpoint, call, &mut shared.world()), Delivery::Whole);
    };
    let mut delivery = Delivery::Whole;
    let answer = match fault.consequence(endpoint) {
        Consequence::Instead(answer) => answer,
        Consequence::Wait(time) => {
            sleep(time).await;
            normal(endpoint, call, &mut shared.world())
        }
        Consequence::RevokeToken => {
            let mut world = shared.world();
            world.access_token.revoke();
            normal(endpoint, call, &mut world)
        }
        Consequence::Deliver(damaged) => {
            delivery = damaged;
            normal(endpoint, call, &mut shared.world())
        }
    };
    (answer.noting(&format!("fault: {}", fault.kind())), delivery)
}

/// A code may be sent again only if the call was refused before anybody looked at it; the ledger tells about any other.
fn watch_codes(endpoint: Endpoint, call: &Call, answer: Answer, world: &mut World) -> Answer {
    if endpoint != Endpoint::UserByCode || answer.left_the_code_alone() {
        return answer;
    }
    match call.parameter("code") {
        Some(code) if world.codes.came_again(&code) => answer.noting("this code was here before"),
        _ => answer,
    }
}

fn normal(endpoint: Endpoint, call: &Call, world: &mut World) -> Answer {
    match endpoint {
        Endpoint::AccessToken => openapi::access_token(call, world),
        Endpoint::UnifiedToken => openapi::unified_token(call, world),
        Endpoint::JsapiTickets => openapi::jsapi_tickets(call, world),
        Endpoint::UserByCode => oapi::user_by_code(call, world),
        Endpoint::UserDetails => oapi::user_details(call, world),
        Endpoint::WorkNotification => oapi::work_notification(call, world),
        Endpoint::GetToken => oapi::get_token(call, world),
        Endpoint::GetJsapiTicket => oapi::get_jsapi_ticket(call, world),
    }
}
