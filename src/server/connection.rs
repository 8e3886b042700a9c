//! One connection, one request at a time.
//!
//! The HTTP library's own loop reads 128 KiB of requests at once and answers all of them into memory before it sends any; it waits for
//! ever for most of what a client may leave undone. This is another one around its codec: a head is read when the answer before it has
//! been sent, and a body when somebody waits for it.

/// What a client sends.
mod reader;
/// The body of a request, on its way to whoever waits for it.
mod body;
/// What it takes.
mod writer;

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
pub use self::writer::TAKING_PATIENCE;
use self::writer::Writer;
use super::stalls::Seat;

/// How long the head of a request may take, from the end of the last answer on; a trusted proxy's, from its first byte on.
pub const HEAD_PATIENCE: Duration = Duration::from_secs(5);
/// Who was let in shortly before the server stopped may ask for so long.
const LAST_WORDS: Duration = Duration::from_millis(100);
/// A body is sent and taken in portions of so many bytes, for each of which the client has its time.
const PORTION: usize = 32 * 1024;

/// What comes from a client and goes to it, plain or as TLS.
pub trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// What both directions of a connection know.
struct Shared<'a> {
    seat: &'a Seat,
    codec: RefCell<Codec>,
    /// Something is being sent,
    is_sending: Cell<bool>,
    /// or was taken lately.
    has_taken: Cell<bool>,
}

/// What a request says of its answer.
#[derive(Clone, Copy, Default)]
struct Terms {
    /// It has a head only.
    is_head: bool,
    /// It may come in chunks.
    knows_chunks: bool,
    /// No other request is answered on this connection.
    is_last: bool,
}

/// Answers the requests of `peer` by `app`, one after the other: as long as more come, and until `stopping` ends. When the client leaves,
/// what `app` does for it ends; unless it has sent much that nobody waits for, behind which its leaving is not seen.
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
