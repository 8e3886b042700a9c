//! One connection, one request at a time.
//!
//! The HTTP library's own loop reads 128 KiB of requests at once and answers all of them into memory before it sends any; it waits for
//! ever for most of what a client may leave undone. This is another one around its codec: a head is read when the answer before it has
//! been sent, and a body when somebody waits for it.

/// What a client sends.
mod reader;
/// What it takes.
mod writer;

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use actix_http::h1::Codec;
use actix_http::{Request, ServiceConfig};
use actix_service::Service;
use actix_web::dev::ServiceResponse;
use tokio::io::{AsyncRead, AsyncWrite, split};

use self::reader::Reader;
use self::writer::Writer;
use super::stalls::Seat;

/// How long the head of a request may take, from the end of the last answer on; a trusted proxy's, from its first byte on.
pub const HEAD_PATIENCE: Duration = Duration::from_secs(5);
/// How long a client may take for each portion of a body: to send its own, and to take ours when the system cannot.
pub const PORTION_PATIENCE: Duration = Duration::from_secs(20);
const PORTION: usize = 32 * 1024;

/// What comes from a client and goes to it, plain or as TLS.
pub trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// Answers one request of `peer` after the other by `app`, until it has no more, must go, or is given its last answer; and, when the
/// server is `stopping`, until it is between two of them. What `app` does for a client that leaves ends.
pub async fn serve<S>(
    stream: Box<dyn Stream>,
    peer: SocketAddr,
    seat: &Seat,
    config: ServiceConfig,
    app: &S,
    stopping: impl Future<Output = ()>,
) -> io::Result<()>
where
    S: Service<Request, Response = ServiceResponse, Error = actix_web::Error>,
{
    let ((read, write), codec, mut stopping) = (split(stream), RefCell::new(Codec::new(config)), pin!(stopping));
    let (mut reader, mut writer) = (Reader::new(read, seat, &codec), Writer::new(write, seat, &codec));
    let mut goes_on = true;
    while goes_on {
        let request = tokio::select! {
            request = reader.request() => request?,
            () = &mut stopping => None,
        };
        let Some(mut request) = request else { break };
        request.head_mut().peer_addr = Some(peer);
        let body = reader.body_of(&mut request);
        let answer = tokio::select! {
            biased;
            answer = app.call(request) => answer,
            gone = reader.attend(body.as_ref(), Some(&mut writer)) => return gone,
        };
        let answer = answer.map_or_else(|error| error.error_response(), Into::into);
        let is_last = reader.is_last();
        goes_on = tokio::select! {
            biased;
            sent = writer.send(answer.into(), is_last) => sent?,
            gone = reader.attend(body.as_ref(), None) => return gone,
        };
    }
    writer.end().await?;
    reader.end().await
}

#[cfg(test)]
mod tests;
