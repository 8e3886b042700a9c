//! How an answer travels: whole, or damaged on its way. The call has had its effect by then.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;
use tokio::time::{Interval, interval};

use super::answer::Answer;
use crate::recording::{Outcome, Recording};

/// What happens to an answer on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    Whole,
    /// Half of the body, then the connection is closed.
    Cut,
    /// The body byte by byte, with this pause between two bytes.
    Drip(Duration),
    /// The connection is closed, and nothing was sent.
    Lost,
}

impl Delivery {
    /// Makes the response that delivers the answer in this way. The ledger records only as much of it as the caller receives.
    pub fn send(self, answer: Answer, recording: Recording) -> HttpResponse {
        let outcome = answer.outcome();
        let whole = HttpResponse::from(answer);
        match self {
            Self::Whole => {
                recording.end(outcome);
                whole
            }
            Self::Cut => {
                recording.end(Outcome { code: None, ..outcome });
                carried_by(whole, Broken::in_the_middle)
            }
            Self::Drip(pause) => {
                carried_by(whole, |body| Dripping { body, pace: interval(pause), at_the_end: Some((recording, outcome)) })
            }
            Self::Lost => {
                recording.end(Outcome { status: None, code: None, ..outcome });
                carried_by(whole, Broken::before_the_head)
            }
        }
    }
}

fn carried_by<B: MessageBody + 'static>(whole: HttpResponse, carrier: impl FnOnce(Bytes) -> B) -> HttpResponse {
    // All of our answers are in memory, so there are bytes.
    whole.map_body(|_, body| BoxBody::new(carrier(body.try_into_bytes().unwrap_or_default())))
}

/// A body that announces its length and then fails, upon which the server closes the connection.
struct Broken {
    promised: u64,
    sent: Option<Bytes>,
    /// Whether the server has had a poll in which to send the bytes: if the body fails before that, they are never sent.
    has_left: bool,
}

impl Broken {
    fn in_the_middle(body: Bytes) -> Self {
        Self { promised: body.len() as u64, sent: Some(body.slice(..body.len() / 2)), has_left: false }
    }

    fn before_the_head(body: Bytes) -> Self {
        Self { promised: body.len() as u64, sent: None, has_left: true }
    }
}

impl MessageBody for Broken {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.promised)
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if let Some(bytes) = self.sent.take() {
            return Poll::Ready(Some(Ok(bytes)));
        }
        if !self.has_left {
            self.has_left = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())))
    }
}

/// A body that is sent byte by byte. The call is recorded after the last byte, or as hung up if the caller leaves before that.
struct Dripping {
    body: Bytes,
    pace: Interval,
    at_the_end: Option<(Recording, Outcome)>,
}

impl MessageBody for Dripping {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.body.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        if self.body.is_empty() {
            if let Some((recording, outcome)) = self.at_the_end.take() {
                recording.end(outcome);
            }
            return Poll::Ready(None);
        }
        ready!(self.pace.poll_tick(context));
        Poll::Ready(Some(Ok(self.body.split_to(1))))
    }
}
