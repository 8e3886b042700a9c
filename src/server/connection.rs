//! One connection, one request at a time.
//!
//! The HTTP library reads 128 KiB of requests at once and answers all of them into memory before it sends any; it waits for ever for
//! most of what a client may leave undone. So this stands between it and the stream: it gives on one head when all of it has come and
//! is as it should be, then as much of the body as somebody waits for, and the next request when the answer has been sent.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_http::h1::{Codec, Message};
use actix_web::web::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::codec::Decoder;
use tokio_util::io::poll_read_buf;

use super::request::{Exchange, Head, Refusal, Rest, has_lone_line_feed, silence, stand_in};
use super::stalls::Seat;

/// How long the head of a request may take, from the end of the last answer on; a trusted proxy's, from its first byte on.
pub const HEAD_PATIENCE: Duration = Duration::from_secs(5);
/// How long a trusted proxy may keep a connection for its next request. It keeps some for whoever comes, and must not take one that is
/// being closed at that very moment: most let go of theirs after one minute, Google's after ten, Envoy after an hour.
const PROXY_PATIENCE: Duration = Duration::from_secs(3620);
/// How long a client may take for each portion of a body: to send its own, and to take ours when the system cannot.
pub const PORTION_PATIENCE: Duration = Duration::from_secs(20);
const PORTION: usize = 32 * 1024;
/// How long somebody who will send nothing more still waits for an answer: scripts that pipe a request do, browsers that are gone do not.
const LEAVING_PATIENCE: Duration = Duration::from_secs(1);
/// How long a client may go on sending after the last answer. Were the connection closed at once, the answer could be lost.
const CLOSING_PATIENCE: Duration = Duration::from_secs(1);

/// As much is read before it is asked for: what comes behind a request, so that its end is noticed.
const READ_AHEAD: usize = 16 * 1024;
const AT_ONCE: usize = 4 * 1024;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// What comes from a client and goes to it, plain or as TLS.
pub trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// A client, as the HTTP library sees it.
pub struct Connection {
    stream: Box<dyn Stream>,
    stage: Stage,
    /// What its requests know of it.
    pub exchange: Rc<Exchange>,
    codec: Codec,
    seat: Seat,
    patience: Pin<Box<Sleep>>,
    /// What came and the library has not read.
    received: BytesMut,
    /// How much of that belongs to the present request.
    due: usize,
    /// The last byte of what stands around the chunks of a body.
    before: u8,
    /// The client of the present request waits to be told to send its body.
    expects: bool,
    /// What is left to be sent of a word before the answer.
    interim: &'static [u8],
    /// The client takes none of its answer.
    is_blocked: bool,
    /// How much it has taken of the present portion of it.
    taken: usize,
    /// How much has come of the present portion of its own body.
    came: usize,
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The client's: a head. One that is awaited is asked about when it does not come; otherwise the client may leave without a word.
    Head { is_awaited: bool },
    /// The client's: the body.
    Body,
    /// Ours.
    Answer,
    /// Ours, and the client will send nothing more.
    Leaving,
    /// Nobody's: nothing is read any more.
    Over,
    /// Nothing is sent any more either.
    Closing,
}

/// How long nothing of the next request may come.
fn until_next(seat: &Seat) -> Duration {
    if seat.is_of_a_proxy() { PROXY_PATIENCE } else { HEAD_PATIENCE }
}

impl Connection {
    /// A client that was let in just now.
    pub fn new(stream: Box<dyn Stream>, codec: Codec, seat: Seat) -> Self {
        Self {
            stream,
            // Proxies open some before they have a request.
            stage: Stage::Head { is_awaited: !seat.is_of_a_proxy() },
            exchange: Rc::new(Exchange { stops: Arc::clone(&seat.stalls.stops), ..Exchange::default() }),
            codec,
            patience: Box::pin(sleep(until_next(&seat))),
            seat,
            received: BytesMut::new(),
            due: 0,
            before: 0,
            expects: false,
            interim: &[],
            is_blocked: false,
            taken: 0,
            came: 0,
        }
    }

    fn enter(&mut self, stage: Stage, patience: Duration) {
        self.stage = stage;
        self.patience.as_mut().reset(Instant::now() + patience);
    }

    /// Reads some more; nothing when the client has sent all it will.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.received.reserve(AT_ONCE);
        match ready!(poll_read_buf(Pin::new(&mut self.stream), context, &mut self.received)) {
            // TLS that ends without saying so.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(0)),
            read => Poll::Ready(read),
        }
    }

    /// Nothing more is read.
    fn end(&mut self) -> Poll<io::Result<()>> {
        self.stage = Stage::Over;
        Poll::Ready(Ok(()))
    }

    /// Waits for a head, and makes it due.
    fn poll_head(&mut self, is_awaited: bool, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match Head::read(&self.received, &mut self.codec) {
                Ok(Some(head)) => return self.take(is_awaited, &head),
                Ok(None) => {}
                Err(refusal) => return self.refuse(refusal),
            }
            match self.poll_fill(context)? {
                Poll::Ready(0) => return self.end(),
                Poll::Ready(some) => {
                    if self.seat.is_of_a_proxy() && self.received.len() == some {
                        // Its next request begins.
                        self.enter(self.stage, HEAD_PATIENCE);
                    }
                    continue;
                }
                Poll::Pending => self.seat.stalls(context)?,
            }
            ready!(self.patience.as_mut().poll(context));
            // Some clients send an empty line behind a request.
            return match is_awaited || !self.received.trim_ascii().is_empty() {
                true => self.refuse(Refusal::SLOW),
                false => self.end(),
            };
        }
    }

    fn take(&mut self, is_first: bool, head: &Head) -> Poll<io::Result<()>> {
        let stalled = self.seat.goes_on();
        self.stage = Stage::Answer;
        if !is_first && self.seat.is_wanted(stalled) {
            self.exchange.is_last.set(true);
        }
        self.due = head.length;
        self.expects = head.expects;
        self.exchange.body.set(if head.has_body { Rest::Unwanted } else { Rest::Nothing });
        if head.expects {
            // The library would promise to take any body as soon as it has read this.
            silence(&mut self.received[..head.length]);
        }
        Poll::Ready(Ok(()))
    }

    fn refuse(&mut self, refusal: Refusal) -> Poll<io::Result<()>> {
        self.seat.goes_on();
        self.stage = Stage::Answer;
        self.received = BytesMut::from(&stand_in(&self.received)[..]);
        self.due = self.received.len();
        self.exchange.refusal.set(Some(refusal));
        self.exchange.is_last.set(true);
        Poll::Ready(Ok(()))
    }

    /// Waits for some of the body, and makes it due. One that is malformed ends where it no longer makes sense, one that
    /// drips when the time for a portion is over.
    fn poll_body(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut unread = BytesMut::from(&self.received[..]);
            loop {
                let begin = self.received.len() - unread.len();
                let message = self.codec.decode(&mut unread);
                let data = if let Ok(Some(Message::Chunk(Some(data)))) = &message { data.len() } else { 0 };
                let around = &self.received[begin..self.received.len() - unread.len() - data];
                if has_lone_line_feed(self.before, around) {
                    return self.end();
                }
                self.before = around.last().copied().unwrap_or(self.before);
                match message {
                    Ok(Some(Message::Chunk(None))) => {
                        self.seat.goes_on();
                        self.exchange.body.set(Rest::Nothing);
                        self.stage = Stage::Answer;
                        break;
                    }
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(_) => return self.end(),
                }
            }
            self.due = self.received.len() - unread.len();
            if self.due > 0 || self.stage == Stage::Answer {
                return Poll::Ready(Ok(()));
            }
            self.seat.stalls(context)?;
            match self.poll_fill(context)? {
                Poll::Ready(0) => return self.end(),
                Poll::Ready(some) => self.came += some,
                Poll::Pending => {
                    ready!(self.patience.as_mut().poll(context));
                    self.exchange.is_late.set(true);
                    return self.end();
                }
            }
            if self.came >= PORTION {
                self.await_portion();
            }
        }
    }

    /// From now on the client has its time for the next of its body.
    fn await_portion(&mut self) {
        self.came = 0;
        self.enter(Stage::Body, PORTION_PATIENCE);
    }

    /// While the answer is on its way: does nothing but notice when the client leaves.
    fn poll_leaving(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_blocked {
            self.seat.stalls(context)?;
            return Poll::Pending;
        }
        while self.stage == Stage::Answer && self.received.len() < READ_AHEAD {
            if ready!(self.poll_fill(context))? == 0 {
                self.enter(Stage::Leaving, LEAVING_PATIENCE);
            }
        }
        if self.stage == Stage::Leaving {
            ready!(self.patience.as_mut().poll(context));
            return self.end();
        }
        Poll::Pending
    }

    /// Tells the client to send its body once somebody waits for that.
    fn ask_for_body(&mut self, context: &Context<'_>) {
        if matches!(self.stage, Stage::Answer | Stage::Leaving) && self.exchange.body.get() == Rest::Wanted {
            self.await_portion();
            if std::mem::take(&mut self.expects) {
                self.interim = CONTINUE;
            }
            context.waker().wake_by_ref();
        }
    }

    /// Turns to the next request when this one's answer has been sent.
    fn turn(&mut self, context: &Context<'_>) {
        if self.exchange.is_answered.take() {
            let mut patience = HEAD_PATIENCE;
            if self.received.is_empty() {
                // Whoever is idle costs no memory.
                self.received = BytesMut::new();
                patience = until_next(&self.seat);
            }
            match self.exchange.is_last.get() {
                true => self.stage = Stage::Over,
                false => self.enter(Stage::Head { is_awaited: false }, patience),
            }
            context.waker().wake_by_ref();
        }
    }

    fn poll_interim(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.interim.is_empty() {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(context, self.interim))?;
            self.interim = &self.interim[sent..];
        }
        Poll::Ready(Ok(()))
    }

    /// The client has taken a portion of its answer, or all that is there.
    fn goes_on(&mut self) {
        self.taken = 0;
        if std::mem::take(&mut self.is_blocked) {
            self.seat.goes_on();
        }
    }

    /// What `send` does after the word before the answer, or an end of patience when the client has taken too little for too long.
    fn patiently<T>(
        &mut self,
        context: &mut Context<'_>,
        send: impl FnOnce(Pin<&mut Box<dyn Stream>>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.poll_interim(context)?.is_ready()
            && let Poll::Ready(sent) = send(Pin::new(&mut self.stream), context)
        {
            return Poll::Ready(sent);
        }
        if !self.is_blocked {
            self.is_blocked = true;
            self.patience.as_mut().reset(Instant::now() + PORTION_PATIENCE);
        }
        self.seat.stalls(context)?;
        ready!(self.patience.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    /// An end where there is none tells the library that no other request will come.
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.due == 0 {
            match this.stage {
                Stage::Head { is_awaited } => ready!(this.poll_head(is_awaited, context))?,
                Stage::Body => ready!(this.poll_body(context))?,
                Stage::Answer | Stage::Leaving => ready!(this.poll_leaving(context))?,
                Stage::Over | Stage::Closing => return Poll::Ready(Ok(())),
            }
        }
        let some = this.received.split_to(this.due.min(buffer.remaining()));
        this.due -= some.len();
        buffer.put_slice(&some);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let sent = ready!(this.patiently(context, |stream, context| stream.poll_write(context, bytes)))?;
        this.taken += sent;
        if this.taken >= PORTION {
            this.goes_on();
        }
        Poll::Ready(Ok(sent))
    }

    /// The library calls this when it has written all that it has to say for now.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.ask_for_body(context);
        ready!(this.patiently(context, AsyncWrite::poll_flush))?;
        this.goes_on();
        this.turn(context);
        Poll::Ready(Ok(()))
    }

    /// Says that nothing more will come, and waits a little for the client to say the same.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.stage != Stage::Closing {
            ready!(this.patiently(context, AsyncWrite::poll_shutdown))?;
            this.enter(Stage::Closing, CLOSING_PATIENCE);
        }
        loop {
            this.received.clear();
            this.seat.stalls(context)?;
            if this.patience.as_mut().poll(context).is_ready() || ready!(this.poll_fill(context))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

#[cfg(test)]
mod tests;
