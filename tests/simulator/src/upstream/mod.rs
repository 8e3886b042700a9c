//! What the app calls: both API families of DingTalk, on one port.

mod answer;
mod call;
mod endpoint;
mod faults;
mod oapi;
mod openapi;
mod refusal;

use std::time::Duration;

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use tokio::time::sleep;

use crate::ledger::Party;
use crate::recording::Recording;
use crate::world::{Shared, World};
use answer::Answer;
use call::Call;
use faults::Consequence;

pub use endpoint::Endpoint;
pub use faults::{Fault, Faults};

/// Answers any call that is not for the page, the control or the console.
pub async fn answer(request: HttpRequest, body: Bytes, shared: Data<Shared>) -> HttpResponse {
    let call = Call::new(&request, body);
    let recording = Recording::start(&shared, Party::App, call.endpoint_name(), call.label());
    let answer = match call.endpoint {
        Some(endpoint) => converse(endpoint, &call, &shared).await,
        None => oapi::unknown_path(&call.path),
    };
    recording.end(answer.outcome());
    answer.into()
}

async fn converse(endpoint: Endpoint, call: &Call, shared: &Shared) -> Answer {
    let fault = shared.world().faults.next(endpoint);
    let Some(fault) = fault else {
        return normal(endpoint, call, &mut shared.world());
    };
    let answer = match fault.consequence() {
        Consequence::Refuse(refusal) => refusal.answer(endpoint),
        Consequence::Wait(milliseconds) => {
            sleep(Duration::from_millis(milliseconds)).await;
            normal(endpoint, call, &mut shared.world())
        }
        Consequence::RevokeToken => {
            let mut world = shared.world();
            world.access_token.revoke();
            normal(endpoint, call, &mut world)
        }
    };
    answer.noting(&format!("fault: {}", fault.kind()))
}

fn normal(endpoint: Endpoint, call: &Call, world: &mut World) -> Answer {
    match endpoint {
        Endpoint::AccessToken => openapi::access_token(call, world),
        Endpoint::UnifiedToken => openapi::unified_token(call, world),
        Endpoint::JsapiTickets => openapi::jsapi_tickets(call, world),
        Endpoint::UserByCode => oapi::user_by_code(call, world),
        Endpoint::UserDetails => oapi::user_details(call, world),
        Endpoint::GetToken => oapi::get_token(call, world),
        Endpoint::GetJsapiTicket => oapi::get_jsapi_ticket(call, world),
    }
}
