//! What becomes of a connection when an answer goes out before the body of its request has come to its end.
//!
//! The HTTP library closes it, unless the body comes in chunks and nobody wants it any more: then it would read on for as long as
//! somebody cares to send. So a body in chunks stays wanted when its request is answered.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::HttpMessage;
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::http::header::TRANSFER_ENCODING;
use actix_web::web::Bytes;
use futures_core::Stream;

/// The last body in chunks that came over a connection, wanted until another one comes.
#[derive(Default)]
pub struct LastBody(RefCell<Option<Shared>>);

type Shared = Rc<RefCell<Payload>>;

/// Keeps the body of `request` if it comes in chunks. The request's handler reads it as ever.
pub fn keep_wanted(request: &mut ServiceRequest) {
    if !request.headers().contains_key(TRANSFER_ENCODING) {
        return;
    }
    let body = Rc::new(RefCell::new(request.take_payload()));
    if let Some(last) = request.conn_data::<LastBody>() {
        last.0.replace(Some(body.clone()));
    }
    request.set_payload(Payload::Stream { payload: Box::pin(Reader(body)) });
}

struct Reader(Shared);

impl Stream for Reader {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}
