use std::cell::RefCell;
use std::future::pending;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_http::error::PayloadError;
use actix_http::h1::{Codec, Message, MessageType};
use actix_http::{HttpMessage, Payload, Request};
use actix_web::web::{Bytes, BytesMut};
use futures_util::stream::poll_fn;
use tokio::io::{AsyncReadExt, ReadHalf};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_util::codec::Decoder;

use super::writer::Writer;
use super::{HEAD_PATIENCE, PORTION, PORTION_PATIENCE, Stream};
use crate::server::request::{Refusal, has_lone_line_feed, read_head, stand_in};
use crate::server::stalls::Seat;

/// How long a trusted proxy may keep a connection for its next request. It keeps some for whoever comes, and must not take one that is
/// being closed at that very moment: most let go of theirs after one minute, Google's after ten, Envoy after an hour.
const PROXY_PATIENCE: Duration = Duration::from_secs(3620);
/// How long somebody who will send nothing more still waits for an answer: scripts that pipe a request do, browsers that are gone do not.
const LEAVING_PATIENCE: Duration = Duration::from_secs(1);
/// How long a client may go on sending after the last answer. Were the connection closed at once, the answer could be lost.
const CLOSING_PATIENCE: Duration = Duration::from_secs(1);

/// As much is read before it is asked for: what comes behind a request, so that its end is noticed.
const READ_AHEAD: usize = 16 * 1024;
const AT_ONCE: usize = 4 * 1024;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

pub struct Reader<'a> {
    read: ReadHalf<Box<dyn Stream>>,
    seat: &'a Seat,
    codec: &'a RefCell<Codec>,
    /// What came and was not looked at.
    received: BytesMut,
    /// No request came yet.
    is_new: bool,
    /// The present request's answer is the last.
    is_last: bool,
    /// Not all of its body was read.
    has_body: bool,
    /// Its client waits to be told to send that.
    expects: bool,
    /// The last byte of what stands around the chunks of it.
    before: u8,
    /// How much has come of the present portion, and until when all of that must.
    came: usize,
    until: Option<Instant>,
}

type Part = Result<Bytes, PayloadError>;

/// A body, as it is given to whoever waits for it.
pub struct Body {
    awaited: Rc<Notify>,
    /// None is the end of it.
    parts: UnboundedSender<Option<Part>>,
}

async fn awaited(body: Option<&Body>) -> Option<&Body> {
    body?.awaited.notified().await;
    body
}

impl<'a> Reader<'a> {
    pub fn new(read: ReadHalf<Box<dyn Stream>>, seat: &'a Seat, codec: &'a RefCell<Codec>) -> Self {
        Self {
            read,
            seat,
            codec,
            received: BytesMut::new(),
            is_new: true,
            is_last: false,
            has_body: false,
            expects: false,
            before: 0,
            came: 0,
            until: None,
        }
    }

    /// Reads some more; nothing when the client has sent all it will.
    async fn fill(&mut self) -> io::Result<usize> {
        self.received.reserve(AT_ONCE);
        match self.read.read_buf(&mut self.received).await {
            // TLS that ends without saying so.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(0),
            read => read,
        }
    }

    /// The next request; none when there will be no more.
    pub async fn request(&mut self) -> io::Result<Option<Request>> {
        let seat = self.seat;
        if self.received.is_empty() {
            // Whoever is idle costs no memory.
            self.received = BytesMut::new();
            if seat.is_of_a_proxy() && !matches!(timeout(PROXY_PATIENCE, seat.stalling(self.fill())).await, Ok(Ok(1..))) {
                return Ok(None);
            }
        }
        let request = match timeout(HEAD_PATIENCE, seat.stalling(self.head())).await {
            Ok(request) => request?,
            Err(_) => self.is_asked_about().then_some(Err(Refusal::SLOW)),
        };
        let stalled = seat.goes_on();
        self.is_last = !std::mem::take(&mut self.is_new) && seat.is_wanted(stalled);
        Ok(request.map(|request| request.unwrap_or_else(|refusal| self.refused(refusal))))
    }

    async fn head(&mut self) -> io::Result<Option<Result<Request, Refusal>>> {
        loop {
            match read_head(&mut self.received, &mut self.codec.borrow_mut()).transpose() {
                None => {}
                request => return Ok(request),
            }
            if self.fill().await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Whether the client is told that its head does not come. Later it may leave without a word, and proxies open some connections
    /// before they have a request. Some clients send an empty line behind one.
    fn is_asked_about(&self) -> bool {
        (self.is_new && !self.seat.is_of_a_proxy()) || !self.received.trim_ascii().is_empty()
    }

    /// Stands in for a request that is not what it should be.
    fn refused(&mut self, refusal: Refusal) -> Request {
        self.is_last = true;
        let mut codec = self.codec.borrow_mut();
        *codec = Codec::new(codec.config().clone());
        let request = stand_in(&self.received, &mut codec);
        request.extensions_mut().insert(refusal);
        request
    }

    /// Gives `request` its body, if it has one.
    pub fn body_of(&mut self, request: &mut Request) -> Option<Body> {
        self.has_body = self.codec.borrow().message_type() != MessageType::None;
        (self.expects, self.before, self.came, self.until) = (request.head().expect(), 0, 0, None);
        self.has_body.then(|| {
            let (awaited, (parts, mut given)) = (Rc::new(Notify::new()), unbounded_channel());
            let body = Body { awaited: Rc::clone(&awaited), parts };
            let parts = poll_fn(move |context| {
                let part = given.poll_recv(context).map(Option::flatten);
                if part.is_pending() {
                    awaited.notify_one();
                }
                part
            });
            *request.payload() = Payload::Stream { payload: Box::pin(parts) };
            body
        })
    }

    /// Reads the body as far as it is awaited, and beyond the request just enough to notice when the client leaves: then this ends.
    /// Until the answer begins, a client that waits to be told to send its body is told by `writer`.
    pub async fn attend(&mut self, body: Option<&Body>, mut writer: Option<&mut Writer<'_>>) -> io::Result<()> {
        let mut leaves = None;
        loop {
            tokio::select! {
                biased;
                Some(body) = awaited(body) => {
                    if let Some(writer) = &mut writer && std::mem::take(&mut self.expects) {
                        writer.put(&mut BytesMut::from(CONTINUE)).await?;
                    }
                    // Whoever awaited it may have gone.
                    let _ = body.parts.send(self.part().await.transpose());
                }
                came = self.fill(), if leaves.is_none() && self.received.len() < READ_AHEAD => {
                    leaves = (came? == 0).then(leaving);
                }
                // As long as it takes what is sent it has not left.
                () = sleep_until(leaves.unwrap_or_else(leaving)), if leaves.is_some() => match self.seat.is_stalling() {
                    true => leaves = Some(leaving()),
                    false => return Ok(()),
                },
                else => pending().await,
            }
        }
    }

    /// Some of the body; nothing at its end.
    async fn part(&mut self) -> Result<Option<Bytes>, PayloadError> {
        loop {
            let part = self.decoded()?;
            if !part.is_empty() {
                return Ok(Some(part));
            }
            if !self.has_body {
                return Ok(None);
            }
            let (until, seat) = (*self.until.get_or_insert_with(|| Instant::now() + PORTION_PATIENCE), self.seat);
            let came = timeout_at(until, seat.stalling(self.fill())).await.map_err(io::Error::from).flatten();
            match came.map_err(PayloadError::Io)? {
                0 => return Err(PayloadError::Incomplete(None)),
                some => self.came += some,
            }
            if self.came >= PORTION {
                (self.came, self.until) = (0, None);
            }
        }
    }

    /// What has come of the body. One that is malformed ends where it no longer makes sense.
    fn decoded(&mut self) -> Part {
        let came = self.received.split();
        let (mut unread, mut part, mut codec) = (BytesMut::from(&came[..]), BytesMut::new(), self.codec.borrow_mut());
        while self.has_body {
            let begin = came.len() - unread.len();
            let message = codec.decode(&mut unread).map_err(|_| PayloadError::EncodingCorrupted)?;
            let data = if let Some(Message::Chunk(Some(data))) = &message { &data[..] } else { &[] };
            let around = &came[begin..came.len() - unread.len() - data.len()];
            if has_lone_line_feed(self.before, around) {
                return Err(PayloadError::EncodingCorrupted);
            }
            self.before = around.last().copied().unwrap_or(self.before);
            part.extend_from_slice(data);
            match message {
                Some(Message::Chunk(None)) => {
                    self.seat.goes_on();
                    self.has_body = false;
                }
                Some(_) => {}
                None => break,
            }
        }
        self.received = unread;
        Ok(part.freeze())
    }

    /// Whether no other request is answered here. Where the next one begins is not known before this one was read to its end; and a proxy
    /// that keeps connections for later should not find one closed when it sends the next on it.
    pub fn is_last(&self) -> bool {
        self.is_last || self.has_body || self.seat.stalls.stops.load(Ordering::Relaxed)
    }

    /// Waits a little for the client to say that it will send nothing more.
    pub async fn end(mut self) -> io::Result<()> {
        let seat = self.seat;
        let rest = async {
            while self.fill().await? > 0 {
                self.received.clear();
            }
            Ok(())
        };
        timeout(CLOSING_PATIENCE, seat.stalling(rest)).await.unwrap_or(Ok(()))
    }
}

/// When whoever will send nothing more has left.
fn leaving() -> Instant {
    Instant::now() + LEAVING_PATIENCE
}
