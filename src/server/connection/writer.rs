use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;

use actix_http::body::{BodySize, BoxBody, MessageBody};
use actix_http::h1::{Codec, Message};
use actix_http::{ConnectionType, Response};
use actix_web::web::BytesMut;
use futures_util::FutureExt;
use tokio::io::{AsyncWriteExt, WriteHalf};
use tokio::time::timeout;
use tokio_util::codec::Encoder;

use super::{PORTION, PORTION_PATIENCE, Stream};
use crate::server::stalls::Seat;

pub struct Writer<'a> {
    write: WriteHalf<Box<dyn Stream>>,
    seat: &'a Seat,
    codec: &'a RefCell<Codec>,
}

impl<'a> Writer<'a> {
    pub fn new(write: WriteHalf<Box<dyn Stream>>, seat: &'a Seat, codec: &'a RefCell<Codec>) -> Self {
        Self { write, seat, codec }
    }

    /// Sends an answer. Whether the connection goes on after it.
    pub async fn send(&mut self, answer: Response<BoxBody>, is_last: bool) -> io::Result<bool> {
        let ((mut head, mut body), mut unsent) = (answer.into_parts(), BytesMut::new());
        if is_last {
            head.head_mut().set_connection_type(ConnectionType::Close);
        }
        let size = body.size();
        self.encode(Message::Item((head, size)), &mut unsent)?;
        let mut is_over = matches!(size, BodySize::None | BodySize::Sized(0));
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
            let part = part.transpose().map_err(|error| io::Error::other(error.to_string()))?;
            is_over = part.is_none();
            self.encode(Message::Chunk(part), &mut unsent)?;
            if unsent.len() >= PORTION {
                self.put(&mut unsent).await?;
            }
        }
        self.put(&mut unsent).await?;
        Ok(self.codec.borrow().keep_alive())
    }

    fn encode(&self, message: Message<(Response<()>, BodySize)>, unsent: &mut BytesMut) -> io::Result<()> {
        self.codec.borrow_mut().encode(message, unsent)
    }

    /// Has the client take all of this, each portion in its time.
    pub async fn put(&mut self, unsent: &mut BytesMut) -> io::Result<()> {
        while !unsent.is_empty() {
            let mut portion = unsent.split_to(unsent.len().min(PORTION));
            timeout(PORTION_PATIENCE, self.seat.stalling(self.write.write_all_buf(&mut portion))).await??;
            self.seat.goes_on();
        }
        timeout(PORTION_PATIENCE, self.seat.stalling(self.write.flush())).await??;
        self.seat.goes_on();
        Ok(())
    }

    /// Says that nothing more will come.
    pub async fn end(&mut self) -> io::Result<()> {
        timeout(PORTION_PATIENCE, self.seat.stalling(self.write.shutdown())).await?
    }
}
