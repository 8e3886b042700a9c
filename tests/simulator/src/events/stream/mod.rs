//! Stream: events over a WebSocket that the app opens.

mod connection;
mod frame;

use std::time::Duration;

use actix_web::rt::spawn;
use actix_web::web::{Data, Payload, Query, ServiceConfig, get};
use actix_web::{Error, HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Event;
use crate::world::Shared;
use connection::Connection;
use frame::Frame;

/// Longer than an app may take to keep an event.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a connection is told to do.
#[derive(Debug)]
pub enum Command {
    /// An event, and where to say what the app answered.
    Push(Box<Frame>, oneshot::Sender<Result<(), String>>),
    Fault(StreamFault),
}

/// What becomes of the Stream connections of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamFault {
    /// DingTalk asks whether anybody is there.
    Ping,
    /// DingTalk says that it is about to close the connection.
    Disconnect,
    /// The connection ends without a word.
    Lose,
    /// The connection stays, and nothing comes through any more.
    Freeze,
}

impl StreamFault {
    /// Whether the connection is given no event after it.
    pub fn is_the_last(self) -> bool {
        match self {
            Self::Disconnect | Self::Lose => true,
            // Events that vanish are just what a frozen connection is for.
            Self::Ping | Self::Freeze => false,
        }
    }
}

/// Mounts the WebSocket's end.
pub fn mount(service: &mut ServiceConfig) {
    service.route("/connect", get().to(connect));
}

#[derive(Deserialize)]
struct Ticket {
    ticket: String,
}

async fn connect(
    request: HttpRequest,
    body: Payload,
    ticket: Query<Ticket>,
    shared: Data<Shared>,
) -> Result<HttpResponse, Error> {
    let subscription = {
        let mut world = shared.world();
        let now = world.now();
        world.subscribers.redeem(&ticket.ticket, now)
    };
    let Some(subscription) = subscription else {
        return Ok(HttpResponse::Unauthorized().finish());
    };
    let (response, session, messages) = actix_ws::handle(&request, body)?;
    let (commands, told) = unbounded_channel();
    let number = {
        let mut world = shared.world();
        let client_id = subscription.client_id.clone();
        let number = world.subscribers.connect(subscription, commands);
        world.outbox.hurry(&client_id, std::time::Instant::now());
        number
    };
    spawn(async move {
        Connection::new(session, messages.aggregate_continuations()).run(told).await;
        shared.world().subscribers.disconnect(number);
    });
    Ok(response)
}

/// Tells one event, and waits for the answer.
pub async fn push(connection: &UnboundedSender<Command>, event: &Event) -> Result<(), String> {
    let (answered, answer) = oneshot::channel();
    let gone = || "the connection was lost".to_owned();
    connection.send(Command::Push(Box::new(Frame::of(event)), answered)).map_err(|_| gone())?;
    match timeout(PATIENCE, answer).await {
        Ok(answer) => answer.unwrap_or_else(|_| Err(gone())),
        Err(_) => Err("no answer".to_owned()),
    }
}
