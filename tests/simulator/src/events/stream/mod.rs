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

/// How long the answer to an event is waited for: longer than an app may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a connection is told to do.
#[derive(Debug)]
pub enum Command {
    /// Sends an event to the app, and the app's answer to the channel.
    Push(Box<Frame>, oneshot::Sender<Result<(), String>>),
    Fault(StreamFault),
}

/// A fault on the Stream connections of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StreamFault {
    /// DingTalk sends a ping.
    Ping,
    /// DingTalk says that it is about to close the connection.
    Disconnect,
    /// The connection ends without a close message.
    Lose,
    /// The connection stays open, and nothing comes through any more.
    Freeze,
}

impl StreamFault {
    /// Whether the connection gets no more events after this fault.
    pub fn is_the_last(self) -> bool {
        match self {
            Self::Disconnect | Self::Lose => true,
            // A frozen connection gets events all the same: they are meant to be lost in it.
            Self::Ping | Self::Freeze => false,
        }
    }
}

/// Mounts `/connect`, where apps open the WebSocket.
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

/// Pushes one event, and waits for the answer.
pub async fn push(connection: &UnboundedSender<Command>, event: &Event) -> Result<(), String> {
    let (answered, answer) = oneshot::channel();
    let gone = || "the connection was lost".to_owned();
    connection.send(Command::Push(Box::new(Frame::of(event)), answered)).map_err(|_| gone())?;
    match timeout(PATIENCE, answer).await {
        Ok(answer) => answer.unwrap_or_else(|_| Err(gone())),
        Err(_) => Err("no answer".to_owned()),
    }
}
