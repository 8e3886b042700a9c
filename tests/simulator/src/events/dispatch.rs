//! Delivers the events in the outbox, and makes new suite tickets when they are due.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::rt::spawn;
use actix_web::web::Data;
use reqwest::Client;
use tokio::select;
use tokio::time::sleep_until;

use super::subscribers::Way;
use super::{Event, http, stream};
use crate::ledger::Party;
use crate::recording::{Outcome, Recording};
use crate::web_client::web_client;
use crate::world::Shared;

/// How often suite tickets are checked when no event is due.
const GLANCE: Duration = Duration::from_secs(60);

/// Runs until the simulator stops.
pub async fn run(shared: Data<Shared>) {
    let http = web_client();
    let news = shared.world().outbox.news.clone();
    loop {
        let now = Instant::now();
        let (due, next) = {
            let mut world = shared.world();
            world.renew_suite_tickets();
            let (subscribers, outbox) = world.mail();
            let reachable = |client_id: &str| subscribers.way_to(client_id).is_some();
            (outbox.take_due(now, reachable), outbox.next_due(reachable))
        };
        for event in due {
            spawn(deliver(http.clone(), event, shared.clone()));
        }
        let next = next.unwrap_or(now + GLANCE).min(now + GLANCE);
        select! {
            () = news.notified() => {}
            () = sleep_until(next.into()) => {}
        }
    }
}

async fn deliver(http: Client, event: Arc<Event>, shared: Data<Shared>) {
    let (way, app) = {
        let world = shared.world();
        (world.subscribers.way_to(&event.client_id), world.app(&event.client_id).cloned())
    };
    let name = event.happening.name();
    let recording = Recording::between(&shared, Party::DingTalk, Party::App, format!("PUSH {name}"), &format!("push {name}"));
    let told = match (way, app) {
        (Some(Way::Stream(connection)), _) => stream::push(&connection, &event).await,
        (Some(Way::Http(url)), Some(app)) => http::push(&http, &url, &app, &event).await,
        (Some(Way::Http(_)) | None, _) => Err("nobody is there any more".to_owned()),
    };
    let mut world = shared.world();
    match &told {
        Ok(()) => world.outbox.acknowledged(&event.id),
        Err(_) => world.outbox.failed(&event.id, Instant::now()),
    }
    drop(world);
    recording.end(match told {
        Ok(()) => Outcome { status: Some(200), code: Some("0".to_owned()), note: Some(event.corp_id.clone()) },
        Err(reason) => Outcome { status: None, code: None, note: Some(reason) },
    });
}
