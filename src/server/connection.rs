//! One connection, one request at a time.
//!
//! The HTTP library's own loop reads 128 KiB of requests at once and answers all of them into memory before it sends any; it waits for
//! ever for most of what a client may leave undone. This is another one around its codec: a head is read when the answer before it has
//! been sent, and a body when somebody waits for it.

mod reader; // Reads requests, and hands their bodies to handlers.

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::time::Duration;

use actix_http::body::{BodySize, BoxBody, MessageBody};
use actix_http::h1::{Codec, Message};
use actix_http::{ConnectionType, Request, Response, ServiceConfig};
use actix_service::Service;
use actix_web::dev::ServiceResponse;
use actix_web::web::{Buf, BytesMut};
use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, WriteHalf, split};
use tokio::time::{sleep, timeout};
use tokio_util::codec::Encoder;

use self::reader::Reader;
use super::stalls::Seat;

/// How long the head of a request may take, from the end of the last answer on; a trusted proxy's, from its first byte on.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a client may take to receive each portion of a response. The system holds two more portions for it, and says that there is room
/// again only when much of them has been received.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(40);
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
#[derive(Clone, Copy)]
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
    let mut stopping = pin!(async {
        stopping.await;
        sleep(LAST_WORDS).await;
    });
    let (read, write) = split(stream);
    let mut reader = Reader::new(read, &shared);
    let mut writer = Writer { write, shared: &shared, unsent: BytesMut::new() };
    let mut stays_open = true;
    while stays_open {
        let request = tokio::select! {
            biased;
            request = reader.request() => request?,
            () = &mut stopping => None,
        };
        let Some((mut request, mut body, mut terms)) = request else { break };
        request.head_mut().peer_addr = Some(peer);
        let answer = tokio::select! {
            biased;
            answer = app.call(request) => answer,
            gone = reader.attend(&mut body, Some(&mut writer)) => return gone,
        };
        let answer = answer.map_or_else(|error| error.error_response(), Into::into);
        // Where the next request begins is not known, if the body was not read to its end. And a proxy should not find its connection
        // closed by a server that has stopped when it sends the next one.
        terms.is_last |= reader.progress.is_unread || seat.server_stops();
        stays_open = tokio::select! {
            biased;
            sent = writer.send(answer.into(), terms) => sent?,
            gone = reader.attend(&mut body, None) => return gone,
        };
    }
    timeout(SEND_TIMEOUT, seat.stalling(writer.write.shutdown())).await??;
    reader.end().await
}

/// Sends the responses of a connection.
struct Writer<'a> {
    write: WriteHalf<Box<dyn Stream>>,
    shared: &'a Shared<'a>,
    /// Bytes that are to be sent and that the system has not accepted yet.
    unsent: BytesMut,
}

impl Writer<'_> {
    /// Tells the client to send the body of its request.
    async fn ask_for_body(&mut self) -> io::Result<()> {
        self.unsent.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        self.put().await
    }

    /// Sends a response. Returns whether the connection stays open after it.
    async fn send(&mut self, answer: Response<BoxBody>, terms: Terms) -> io::Result<bool> {
        let (mut head, mut body) = answer.into_parts();
        let size = body.size();
        // Then closing the connection is what ends the body.
        let is_raw = size == BodySize::Stream && !terms.knows_chunks;
        if is_raw {
            head.head_mut().no_chunking(true);
        }
        // The library would say to a request to upgrade that the connection stays open.
        if terms.is_last || is_raw || !self.shared.codec.borrow().keep_alive() {
            head.head_mut().set_connection_type(ConnectionType::Close);
        }
        self.encode(Message::Item((head, size)))?;
        let mut is_over = terms.is_head || matches!(size, BodySize::None | BodySize::Sized(0));
        while !is_over {
            let mut next = poll_fn(|context| Pin::new(&mut body).poll_next(context));
            let part = match (&mut next).now_or_never() {
                Some(part) => part,
                None => {
                    // The next part is not ready: what is there is sent meanwhile.
                    self.put().await?;
                    next.await
                }
            };
            let part = part.transpose().map_err(cut_off)?;
            is_over = part.is_none();
            self.encode(Message::Chunk(part)).map_err(cut_off)?;
            if self.unsent.len() >= PORTION {
                self.put().await?;
            }
        }
        self.put().await?;
        // An idle connection holds no buffer.
        self.unsent = BytesMut::new();
        Ok(self.shared.codec.borrow().keep_alive())
    }

    fn encode(&mut self, message: Message<(Response<()>, BodySize)>) -> io::Result<()> {
        self.shared.codec.borrow_mut().encode(message, &mut self.unsent)
    }

    /// Sends all of `unsent`, each portion within the client's time. If this is dropped before it ends, the rest is sent next.
    async fn put(&mut self) -> io::Result<()> {
        let Shared { seat, is_sending, has_taken, .. } = self.shared;
        is_sending.set(true);
        while self.unsent.has_remaining() {
            let taken = async {
                self.write.write_all_buf(&mut (&mut self.unsent).take(PORTION)).await?;
                // TLS holds some of it as well.
                self.write.flush().await
            };
            timeout(SEND_TIMEOUT, seat.stalling(taken)).await??;
            seat.goes_on();
            has_taken.set(true);
        }
        is_sending.set(false);
        Ok(())
    }
}

/// Logs why a response is cut off: nobody else learns it.
fn cut_off(error: impl Display) -> io::Error {
    tracing::error!(%error, "an answer is cut off, since its body has failed");
    io::Error::other(error.to_string())
}

#[cfg(test)]
mod tests;
