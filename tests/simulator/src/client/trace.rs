//! `POST /client/trace`: what the page itself did, for the sequence diagram of the console.

use actix_web::web::{Bytes, Data};
use actix_web::{HttpResponse, Responder};
use serde::Deserialize;

use crate::ledger::{Entry, Party, Window};
use crate::server::malformed;
use crate::world::Shared;

const MOST_EVENTS: usize = 100;
const LONGEST_LABEL: usize = 200;
const LONGEST_DURATION: u64 = 24 * 60 * 60 * 1000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    from: Party,
    to: Party,
    label: String,
    at: f64,
    duration_ms: Option<f64>,
    status: Option<u16>,
    client: Window,
}

pub async fn receive(body: Bytes, shared: Data<Shared>) -> impl Responder {
    let events: Vec<Event> = match serde_json::from_slice(&body) {
        Ok(events) => events,
        Err(error) => return malformed(&error.to_string()),
    };
    if events.len() > MOST_EVENTS {
        return malformed("at most 100 events a call");
    }
    if let Some(fault) = events.iter().find_map(Event::fault) {
        return malformed(fault);
    }
    let mut world = shared.world();
    for event in events {
        world.ledger.record(event.into());
    }
    HttpResponse::NoContent().finish()
}

impl Event {
    fn fault(&self) -> Option<&'static str> {
        let duration = self.duration_ms.unwrap_or_default();
        match (self.from, self.to) {
            (Party::App | Party::DingTalk, _) => Some("from is page or dd"),
            (_, Party::DingTalk) => Some("to is app, dd or page"),
            _ if self.label.len() > LONGEST_LABEL => Some("a label has at most 200 bytes"),
            _ if !(0.0..=LONGEST_DURATION as f64).contains(&duration) => Some("durationMs is between 0 and a day"),
            _ if !(0.0..=9e15).contains(&self.at) => Some("at is in milliseconds since 1970"),
            _ => None,
        }
    }
}

impl From<Event> for Entry {
    fn from(event: Event) -> Self {
        // A browser's clock has fractions of milliseconds; both numbers were found to be in range.
        Self {
            at: event.at as u64,
            duration_ms: event.duration_ms.unwrap_or_default() as u64,
            status: event.status,
            client: Some(event.client),
            ..Self::new(event.from, event.to, &event.label)
        }
    }
}
