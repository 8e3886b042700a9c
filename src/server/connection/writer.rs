use std::future::poll_fn;
use std::io;
use std::pin::Pin;

use actix_http::body::{BodySize, BoxBody, MessageBody};
use actix_http::h1::Message;
use actix_http::{ConnectionType, Response};
use actix_web::web::BytesMut;
use futures_util::FutureExt;
use tokio::io::{AsyncWriteExt, WriteHalf};
use tokio::time::timeout;
use tokio_util::codec::Encoder;

use super::{PORTION, PORTION_PATIENCE, Shared, Stream, Terms};

pub struct Writer<'a> {
    write: WriteHalf<Box<dyn Stream>>,
    shared: &'a Shared<'a>,
}

impl<'a> Writer<'a> {
    pub fn new(write: WriteHalf<Box<dyn Stream>>, shared: &'a Shared<'a>) -> Self {
        Self { write, shared }
    }

    /// Sends an answer. Whether the connection goes on after it.
    pub async fn send(&mut self, answer: Response<BoxBody>, terms: Terms) -> io::Result<bool> {
        let ((mut head, mut body), mut unsent) = (answer.into_parts(), BytesMut::new());
        let size = body.size();
        // Then its end is that of the connection.
        let is_raw = size == BodySize::Stream && !terms.knows_chunks;
        if is_raw {
            head.head_mut().no_chunking(true);
        }
        // The library would say of a request to upgrade that the connection goes on.
        if terms.is_last || is_raw || !self.shared.codec.borrow().keep_alive() {
            head.head_mut().set_connection_type(ConnectionType::Close);
        }
        self.encode(Message::Item((head, size)), &mut unsent)?;
        let mut is_over = terms.is_head || matches!(size, BodySize::None | BodySize::Sized(0));
        while !is_over {
            let mut next = poll_fn(|context| Pin::new(&mut body).poll_next(context));
            let part = match (&mut next).now_or_never() {
                Some(part) => part,
                None => {
                    // What is there goes out meanwhile.
                    self.put(&mut unsent).await?;
                    next.await
                }
            };
            let part = part.transpose().map_err(|error| {
                tracing::error!(%error, "an answer is cut off, since its body has failed");
                io::Error::other(error.to_string())
            })?;
            is_over = part.is_none();
            self.encode(Message::Chunk(part), &mut unsent)?;
            if unsent.len() >= PORTION {
                self.put(&mut unsent).await?;
            }
        }
        self.put(&mut unsent).await?;
        Ok(self.shared.codec.borrow().keep_alive())
    }

    fn encode(&self, message: Message<(Response<()>, BodySize)>, unsent: &mut BytesMut) -> io::Result<()> {
        self.shared.codec.borrow_mut().encode(message, unsent)
    }

    /// Has the client take all of this, each portion in its time.
    pub async fn put(&mut self, unsent: &mut BytesMut) -> io::Result<()> {
        let Shared { seat, is_sending, .. } = self.shared;
        is_sending.set(true);
        while !unsent.is_empty() {
            let mut portion = unsent.split_to(unsent.len().min(PORTION));
            timeout(PORTION_PATIENCE, seat.stalling(self.write.write_all_buf(&mut portion))).await??;
            seat.goes_on();
        }
        timeout(PORTION_PATIENCE, seat.stalling(self.write.flush())).await??;
        seat.goes_on();
        is_sending.set(false);
        Ok(())
    }

    /// Says that nothing more will come.
    pub async fn end(&mut self) -> io::Result<()> {
        timeout(PORTION_PATIENCE, self.shared.seat.stalling(self.write.shutdown())).await?
    }
}
