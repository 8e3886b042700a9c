//! The jsapi_ticket: two APIs that return the same value.

use serde_json::{Value, json};

use crate::upstream::answer::Answer;
use crate::upstream::api::{Access, Api};
use crate::upstream::call::Call;
use crate::world::{Holder, World};

pub static JSAPI_TICKETS: Api =
    Api::post("/v1.0/oauth2/jsapiTickets", "get jsapi_ticket", "qyapi_base", Access::App(jsapi_tickets));

pub static GET_JSAPI_TICKET: Api = Api::get("/get_jsapi_ticket", "get jsapi_ticket", "qyapi_base", Access::App(get_jsapi_ticket));

fn jsapi_tickets(_: &Call, holder: &Holder, world: &mut World) -> Answer {
    Answer::api(ticket(holder, world, |ticket, seconds| json!({"jsapiTicket": ticket, "expireIn": seconds})))
}

fn get_jsapi_ticket(_: &Call, holder: &Holder, world: &mut World) -> Answer {
    Answer::legacy(ticket(
        holder,
        world,
        |ticket, seconds| json!({"errcode": 0, "errmsg": "ok", "ticket": ticket, "expires_in": seconds}),
    ))
}

fn ticket(holder: &Holder, world: &mut World, told: impl FnOnce(&str, u64) -> Value) -> Value {
    let now = world.now();
    let ticket = world.tickets.hand_out(holder, now);
    told(&ticket.value, ticket.expire_in_seconds(now))
}
