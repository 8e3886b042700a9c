//! What a connection and the one request on it tell each other.

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use actix_http::body::{BodySize, BoxBody, MessageBody};
use actix_http::{ConnectionType, Payload, Request, Response};
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures_core::Stream;

use super::head::Refusal;

/// The present request of a connection and its answer.
#[derive(Default)]
pub struct Exchange {
    /// The server is about to stop.
    stops: Arc<AtomicBool>,
    /// What is left of the request to be read.
    pub body: Cell<Rest>,
    /// The client has taken too long over the body.
    pub is_late: Cell<bool>,
    /// The connection ends with the answer.
    pub is_last: Cell<bool>,
    /// All of the answer is with the HTTP library.
    pub is_answered: Cell<bool>,
    refusal: RefCell<Option<Refusal>>,
}

/// What is left of a request whose head was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rest {
    /// Nothing, or it had no body.
    #[default]
    Nothing,
    /// A body that nobody has asked for so far, and so nobody reads.
    Unwanted,
    /// A body that a handler waits for.
    Wanted,
}

impl Exchange {
    /// Nothing has come yet.
    pub fn new(stops: Arc<AtomicBool>) -> Rc<Self> {
        Rc::new(Self { stops, ..Self::default() })
    }

    /// The request is not what it should be; another one stands in for it, and is answered with this.
    pub fn refuse(&self, refusal: Refusal) {
        self.refusal.replace(Some(refusal));
        self.is_last.set(true);
    }

    /// Why the request is to be refused, if it is.
    pub fn refusal(&self) -> Option<Refusal> {
        self.refusal.take()
    }

    /// Learns when somebody asks for the body of `request`.
    pub fn watch(self: &Rc<Self>, request: &mut Request) {
        if self.body.get() != Rest::Nothing {
            let body = Body { payload: request.take_payload(), exchange: Rc::clone(self) };
            *request.payload() = Payload::Stream { payload: Box::pin(body) };
        }
    }

    /// Learns when `response` is with the library. Where the next request begins is not known before this one was read to its end; and
    /// a proxy that keeps connections for later should not find one closed when it sends the next on it.
    pub fn answer(self: Rc<Self>, mut response: Response<BoxBody>) -> Response<Answer> {
        if self.body.get() != Rest::Nothing || self.stops.load(Ordering::Relaxed) {
            self.is_last.set(true);
        }
        if self.is_last.get() && !response.upgrade() {
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
        response.map_body(|_, body| Answer { body, exchange: self })
    }
}

struct Body {
    payload: Payload,
    exchange: Rc<Exchange>,
}

impl Stream for Body {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.exchange.body.get() == Rest::Unwanted {
            self.exchange.body.set(Rest::Wanted);
        }
        let polled = Pin::new(&mut self.payload).poll_next(context);
        // For the library a body that has ended so was cut off.
        polled.map_err(|error| if self.exchange.is_late.get() { PayloadError::Io(ErrorKind::TimedOut.into()) } else { error })
    }
}

/// The body of an answer. The library drops it when it has all of it.
pub struct Answer {
    body: BoxBody,
    exchange: Rc<Exchange>,
}

impl MessageBody for Answer {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.exchange.is_answered.set(true);
    }
}
