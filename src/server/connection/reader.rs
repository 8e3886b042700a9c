//! Reads the requests of a connection, and gives handlers the parts of a body that they ask for.

use std::future::pending;
use std::io::{self, ErrorKind};
use std::mem;
use std::time::Duration;

use actix_http::error::PayloadError;
use actix_http::h1::{Message, MessageType};
use actix_http::{Payload, Request, Version};
use actix_web::http::Method;
use actix_web::web::{Bytes, BytesMut};
use futures_util::future::OptionFuture;
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncReadExt, ReadHalf};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::codec::Decoder;

use super::{HEAD_TIMEOUT, PORTION, Shared, Stream, Terms, Writer};
use crate::server::request::{Refusal, has_lone_line_feed, read_head, stand_in};

/// How long a client may take for each portion of a body.
const PORTION_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a trusted proxy may keep an idle connection. It is longer than proxies themselves do (most one minute, Google's ten, Envoy's an
/// hour): if this server closed first, a request sent at that moment would be lost.
const PROXY_IDLE_TIMEOUT: Duration = Duration::from_secs(3620);
/// How long a client that sends nothing more still gets a response: scripts that pipe a request wait for it, disconnected browsers do not.
const HALF_CLOSED_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a client may go on sending after the last answer. Were the connection closed at once, the answer could be lost.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

/// How many bytes are read though nobody waits for them, so that it is noticed when the client disconnects.
const READ_AHEAD: usize = 16 * 1024;
const AT_ONCE: usize = 4 * 1024;
/// How many bytes of framing each byte of a chunked body may have around it: chunks of one byte have five.
const FRAMING: usize = 8;
/// How many more bytes of framing a body may have. The limits on bodies do not count chunk extensions and trailers; this does.
const MOST_SURPLUS: usize = 256 * 1024;

pub struct Reader<'a> {
    read: ReadHalf<Box<dyn Stream>>,
    shared: &'a Shared<'a>,
    /// Bytes that were received and not decoded yet.
    received: BytesMut,
    /// No request came yet.
    is_new: bool,
    /// Of the body of the present request.
    pub progress: Progress,
}

/// How far the body of the present request has come.
#[derive(Default)]
pub struct Progress {
    /// Not all of it was read.
    pub is_unread: bool,
    /// The last byte of the framing around its chunks: it shows whether a line feed at the beginning of the next bytes stands alone.
    around: u8,
    /// How many bytes of framing it had so far beyond [`FRAMING`] for each byte.
    surplus: usize,
    /// How much has come of the present portion, and how long that was waited for.
    portion: usize,
    waited: Duration,
}

impl<'a> Reader<'a> {
    pub fn new(read: ReadHalf<Box<dyn Stream>>, shared: &'a Shared<'a>) -> Self {
        Self { read, shared, received: BytesMut::new(), is_new: true, progress: Progress::default() }
    }

    /// Reads some more bytes, and returns how many: 0 when the client has sent all it will.
    async fn fill(&mut self) -> io::Result<usize> {
        self.received.reserve(AT_ONCE);
        let some = match self.read.read_buf(&mut self.received).await {
            // TLS was closed without a `close_notify`.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => 0,
            read => read?,
        };
        self.progress.portion += some;
        Ok(some)
    }

    /// The next request, its body if it has one, and what it says about its response; none when there will be no more.
    pub async fn request(&mut self) -> io::Result<Option<(Request, Option<Body>, Terms)>> {
        let seat = self.shared.seat;
        if self.received.is_empty() {
            // An idle connection holds no buffer.
            self.received = BytesMut::new();
            if seat.is_of_a_proxy() && !matches!(timeout(PROXY_IDLE_TIMEOUT, seat.stalling(self.fill())).await, Ok(Ok(1..))) {
                return Ok(None);
            }
        }
        let request = match timeout(HEAD_TIMEOUT, seat.stalling(self.head())).await {
            Ok(request) => request?,
            Err(_) => self.is_asked_about().then_some(Err(Refusal::SLOW)),
        };
        let stalled = seat.goes_on();
        let Some(request) = request else { return Ok(None) };
        let is_refused = request.is_err();
        let mut request =
            request.unwrap_or_else(|refusal| stand_in(&self.received, refusal, &mut self.shared.codec.borrow_mut()));
        let framing = self.shared.codec.borrow().message_type();
        let terms = Terms {
            is_head: request.method() == Method::HEAD,
            knows_chunks: request.version() == Version::HTTP_11 && framing != MessageType::Stream,
            is_last: is_refused || (!self.is_new && seat.must_go(stalled)),
        };
        self.is_new = false;
        self.progress = Progress { is_unread: framing != MessageType::None, ..Progress::default() };
        let body = self.progress.is_unread.then(|| {
            let (body, payload) = Body::new(request.head().expect());
            *request.payload() = payload;
            body
        });
        Ok(Some((request, body, terms)))
    }

    async fn head(&mut self) -> io::Result<Option<Result<Request, Refusal>>> {
        loop {
            let request = read_head(&mut self.received, &mut self.shared.codec.borrow_mut()).transpose();
            if request.is_some() || self.fill().await? == 0 {
                return Ok(request);
            }
        }
    }

    /// Whether a client whose head did not come in time is answered with an error. After its first request it may just disconnect, and
    /// proxies open some connections before they have a request. An empty line is no beginning: some clients send one behind a request.
    fn is_asked_about(&self) -> bool {
        (self.is_new && !self.shared.seat.is_of_a_proxy()) || !self.received.trim_ascii().is_empty()
    }

    /// Reads the `body` as far as the handler asks for it, and beyond that just enough to notice when the client disconnects: then this
    /// returns. Until the response begins there is a `writer`, which sends `100 Continue` to a client that waits for it.
    pub async fn attend(&mut self, body: &mut Option<Body>, mut writer: Option<&mut Writer<'_>>) -> io::Result<()> {
        let mut gone_at = None;
        loop {
            tokio::select! {
                biased;
                Some(is_asked_for) = OptionFuture::from(body.as_mut().map(Body::is_asked_for)) => match body {
                    Some(body) if is_asked_for => {
                        if let Some(writer) = &mut writer && mem::take(&mut body.expects) {
                            writer.ask_for_body().await?;
                        }
                        self.give_some(body).await;
                    }
                    _ => {
                        self.needs_no_more();
                        *body = None;
                    }
                },
                came = self.fill(), if gone_at.is_none() && self.received.len() < READ_AHEAD => {
                    gone_at = (came? == 0).then(|| Instant::now() + HALF_CLOSED_TIMEOUT);
                }
                Some(()) = OptionFuture::from(gone_at.map(sleep_until)) => {
                    // A client that still receives the response has not disconnected.
                    let receives = writer.is_none() && (self.shared.has_taken.take() || self.shared.is_sending.get());
                    if !receives {
                        return Ok(());
                    }
                    gone_at = Some(Instant::now() + HALF_CLOSED_TIMEOUT);
                }
                // Only the answer is still waited for, elsewhere.
                else => pending().await,
            }
        }
    }

    /// Gives the handler the part of its `body` that it asks for, unless it drops that before.
    async fn give_some(&mut self, body: &mut Body) {
        // It stays there until it is answered: this may be cancelled, and called again.
        let Some(asked) = &mut body.asked else { return };
        let part = tokio::select! {
            part = self.part() => part.transpose(),
            () = asked.closed() => None,
        };
        if !matches!(part, Some(Ok(_))) {
            self.needs_no_more();
        }
        if let Some(asked) = body.asked.take() {
            let _ = asked.send(part);
        }
    }

    /// The server no longer waits for the body: the connection does not stall, unless the client has to receive the response.
    fn needs_no_more(&self) {
        if !self.shared.is_sending.get() {
            self.shared.seat.goes_on();
        }
    }

    /// Some of the body; nothing at its end.
    async fn part(&mut self) -> Result<Option<Bytes>, PayloadError> {
        loop {
            let part = self.decoded()?;
            if !part.is_empty() {
                return Ok(Some(part));
            }
            if !self.progress.is_unread {
                return Ok(None);
            }
            if self.progress.portion >= PORTION {
                self.progress.portion = 0;
                self.progress.waited = Duration::ZERO;
            }
            let time_left = PORTION_TIMEOUT.saturating_sub(self.progress.waited);
            let began = Instant::now();
            let seat = self.shared.seat;
            let came = timeout(time_left, seat.stalling(self.fill())).await.map_err(io::Error::from).flatten();
            if came.map_err(PayloadError::Io)? == 0 {
                return Err(PayloadError::Incomplete(None));
            }
            self.progress.waited += began.elapsed();
        }
    }

    /// Decodes what has come of the body. A malformed one ends with an error.
    fn decoded(&mut self) -> Part {
        let received = self.received.split();
        let mut unread = BytesMut::from(&received[..]);
        let mut part = BytesMut::new();
        while self.progress.is_unread {
            let begin = received.len() - unread.len();
            let message = self.shared.codec.borrow_mut().decode(&mut unread).map_err(|_| PayloadError::EncodingCorrupted)?;
            let data = if let Some(Message::Chunk(Some(data))) = &message { &data[..] } else { &[] };
            let around = &received[begin..received.len() - unread.len() - data.len()];
            if has_lone_line_feed(self.progress.around, around) {
                return Err(PayloadError::EncodingCorrupted);
            }
            self.progress.around = around.last().copied().unwrap_or(self.progress.around);
            self.progress.surplus = (self.progress.surplus + around.len()).saturating_sub(data.len().saturating_mul(FRAMING));
            if self.progress.surplus > MOST_SURPLUS {
                return Err(PayloadError::EncodingCorrupted);
            }
            part.extend_from_slice(data);
            match message {
                Some(Message::Chunk(None)) => self.progress.is_unread = false,
                Some(_) => {}
                None => break,
            }
        }
        self.received = unread;
        Ok(part.freeze())
    }

    /// Waits a little for the client to say that it will send nothing more.
    pub async fn end(mut self) -> io::Result<()> {
        let seat = self.shared.seat;
        let rest = async {
            while self.fill().await? > 0 {
                self.received.clear();
            }
            Ok(())
        };
        timeout(LINGER_TIMEOUT, seat.stalling(rest)).await.unwrap_or(Ok(()))
    }
}

/// Some of a body.
type Part = Result<Bytes, PayloadError>;
/// Where the handler waits for a part that it has asked for; None is the end of the body.
type Asked = oneshot::Sender<Option<Part>>;

/// The connection's end of a request body; the handler has the other end, from which it reads.
pub struct Body {
    asks: UnboundedReceiver<Asked>,
    /// The handler waits for this part.
    asked: Option<Asked>,
    /// The client waits for `100 Continue` before it sends the body.
    expects: bool,
}

impl Body {
    /// Makes both ends. Nothing comes after an error. If the connection's end is dropped early, the handler gets an error.
    fn new(expects: bool) -> (Self, Payload) {
        let (ask, asks) = unbounded_channel();
        let payload = stream::unfold(Some(ask), async |ask| {
            let ask = ask?;
            let (asked, part) = oneshot::channel();
            // If nobody hears that any more, nobody answers it either.
            let _ = ask.send(asked);
            let part = part.await.unwrap_or(Some(Err(PayloadError::Incomplete(None))))?;
            let next = part.is_ok().then_some(ask);
            Some((part, next))
        });
        (Self { asks, asked: None, expects }, Payload::Stream { payload: Box::pin(payload.fuse()) })
    }

    /// Waits until the handler asks for some of the body: true, or drops its end: false.
    async fn is_asked_for(&mut self) -> bool {
        if self.asked.is_none() {
            self.asked = self.asks.recv().await;
        }
        self.asked.is_some()
    }
}
