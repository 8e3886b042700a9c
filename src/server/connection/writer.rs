use std::fmt::Display;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use actix_http::body::{BodySize, BoxBody, MessageBody};
use actix_http::h1::Message;
use actix_http::{ConnectionType, Response};
use actix_web::web::{Buf, BytesMut};
use futures_util::FutureExt;
use tokio::io::{AsyncWriteExt, WriteHalf};
use tokio::time::timeout;
use tokio_util::codec::Encoder;

use super::{PORTION, Shared, Stream, Terms};

/// How long a client may take to receive each portion of a response. The system holds two more portions for it, and says that there is room
/// again only when much of them has been received.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(40);

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

pub struct Writer<'a> {
    write: WriteHalf<Box<dyn Stream>>,
    shared: &'a Shared<'a>,
    /// Bytes that are to be sent and that the system has not accepted yet.
    unsent: BytesMut,
}

impl<'a> Writer<'a> {
    pub fn new(write: WriteHalf<Box<dyn Stream>>, shared: &'a Shared<'a>) -> Self {
        Self { write, shared, unsent: BytesMut::new() }
    }

    /// Tells the client to send the body of its request.
    pub async fn ask_for_body(&mut self) -> io::Result<()> {
        self.unsent.extend_from_slice(CONTINUE);
        self.put().await
    }

    /// Sends a response. Returns whether the connection stays open after it.
    pub async fn send(&mut self, answer: Response<BoxBody>, terms: Terms) -> io::Result<bool> {
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

    /// Says that nothing more will come.
    pub async fn end(&mut self) -> io::Result<()> {
        timeout(SEND_TIMEOUT, self.shared.seat.stalling(self.write.shutdown())).await?
    }
}

/// Logs why a response is cut off: nobody else learns it.
fn cut_off(error: impl Display) -> io::Error {
    tracing::error!(%error, "an answer is cut off, since its body has failed");
    io::Error::other(error.to_string())
}
