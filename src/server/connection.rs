//! One connection, one request at a time.
//!
//! The HTTP library's own loop reads 128 KiB of requests at once and answers all of them into memory before it sends any; it waits for
//! ever for most of what a client may leave undone. This is another one around its codec: a head is read when the answer before it has
//! been sent, and a body when somebody waits for it.

mod reader; // Reads requests, and hands their bodies to handlers.
mod writer; // Sends responses.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use actix_http::h1::Codec;
use actix_http::{Request, ServiceConfig};
use actix_service::Service;
use actix_web::dev::ServiceResponse;
use tokio::io::{AsyncRead, AsyncWrite, split};
use tokio::time::sleep;

use self::reader::Reader;
pub use self::writer::SEND_TIMEOUT;
use self::writer::Writer;
use super::stalls::Seat;

/// How long the head of a request may take, from the end of the last answer on; a trusted proxy's, from its first byte on.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a client that connected shortly before the server stops may take to send its request.
const LAST_WORDS: Duration = Duration::from_millis(100);
/// Bodies are sent and received in portions of so many bytes; a client's time is limited for each portion.
const PORTION: usize = 32 * 1024;

/// The bytes of a connection, in both directions, plain or as TLS.
pub trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// What both directions of a connection know.
struct Shared<'a> {
    seat: &'a Seat,
    codec: RefCell<Codec>,
    /// Whether something is being sent.
    is_sending: Cell<bool>,
    /// Whether the client has received something since the reader last looked.
    has_taken: Cell<bool>,
}

/// What a request says about its response.
#[derive(Clone, Copy, Default)]
struct Terms {
    /// The response has a head only.
    is_head: bool,
    /// The response may be chunked.
    knows_chunks: bool,
    /// The response is the last one on this connection.
    is_last: bool,
}

/// Answers the requests of `peer` with `app`, one after the other, until no more come or `stopping` ends. When the client disconnects, the
/// call of `app` is cancelled; but if it has sent much that nobody reads, its disconnect is not noticed.
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
    let codec = RefCell::new(Codec::new(config));
    let shared = Shared { seat, codec, is_sending: Cell::default(), has_taken: Cell::default() };
    let stopping = async {
        stopping.await;
        sleep(LAST_WORDS).await;
    };
    let ((read, write), mut stopping) = (split(stream), pin!(stopping));
    let (mut reader, mut writer) = (Reader::new(read, &shared), Writer::new(write, &shared));
    let mut stays_open = true;
    while stays_open {
        let request = tokio::select! {
            biased;
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
        let terms = reader.terms_now();
        stays_open = tokio::select! {
            biased;
            sent = writer.send(answer.into(), terms) => sent?,
            gone = reader.attend(body.as_ref(), None) => return gone,
        };
    }
    writer.end().await?;
    reader.end().await
}

#[cfg(test)]
mod tests;
