use std::future::pending;
use std::task::Poll;

use actix_http::Payload;
use actix_http::error::PayloadError;
use actix_web::web::Bytes;
use futures_util::stream::poll_fn;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::watch;

pub type Part = Result<Bytes, PayloadError>;

/// The connection's end of a request body; the handler has the other end, from which it reads.
pub struct Body {
    is_awaited: watch::Sender<bool>,
    /// None is the end of it.
    parts: UnboundedSender<Option<Part>>,
}

impl Body {
    /// Makes both ends. Nothing comes after an error. If the connection's end is dropped early, the handler gets an error.
    pub fn new() -> (Self, Payload) {
        let (is_awaited, _) = watch::channel(false);
        let (parts, mut given) = unbounded_channel();
        let (body, mut is_over) = (Self { is_awaited: is_awaited.clone(), parts }, false);
        let payload = poll_fn(move |context| {
            if is_over {
                return Poll::Ready(None);
            }
            let part = given.poll_recv(context).map(|part| part.unwrap_or(Some(Err(PayloadError::Incomplete(None)))));
            is_over = matches!(part, Poll::Ready(None | Some(Err(_))));
            if part.is_pending() {
                is_awaited.send_replace(true);
            }
            part
        });
        (body, Payload::Stream { payload: Box::pin(payload) })
    }

    /// Gives the handler the part that it waits for.
    pub fn give(&self, part: Option<Part>) {
        self.is_awaited.send_replace(false);
        // The handler may have dropped its end.
        let _ = self.parts.send(part);
    }
}

/// Waits until the handler waits for some of the body.
pub async fn awaited(body: Option<&Body>) {
    match body {
        // It cannot be closed while the body has a sender.
        Some(body) => drop(body.is_awaited.subscribe().wait_for(|is_awaited| *is_awaited).await),
        None => pending().await,
    }
}

/// Waits until the handler has dropped its end of the body.
pub async fn dropped(body: Option<&Body>) {
    match body {
        Some(body) => body.parts.closed().await,
        None => pending().await,
    }
}
