//! HTTP written and read byte by byte, for everything that no client library would send or show.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than the longest patience of the server. It ends a test that has failed.
const GIVES_UP: Duration = Duration::from_secs(40);

/// The header of an answer that may never end. The body of such an answer is left out.
const EVENTS: &str = "content-type: text/event-stream";

/// One connection.
#[derive(Debug)]
pub struct Wire {
    connection: TcpStream,
    unread: Vec<u8>,
    opened: Instant,
}

/// One answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    pub status: u16,
    /// In their order, names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// Everything that came until the connection was closed.
pub struct Closed {
    pub replies: Vec<Reply>,
    pub after: Duration,
}

impl Wire {
    pub async fn to(url: &str) -> Self {
        let connection = TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap();
        connection.set_nodelay(true).unwrap();
        Self { connection, unread: Vec::new(), opened: Instant::now() }
    }

    /// Sends `bytes`; false when the other side takes no more.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.connection.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Says that nothing more will be sent, so that the other side does not wait for it.
    pub async fn done(&mut self) {
        // Whoever has closed already need not be told.
        let _ = self.connection.shutdown().await;
    }

    /// Closes the connection with a TCP reset, as when a phone loses its network and its system tells the server.
    pub fn reset(self) {
        self.connection.set_zero_linger().unwrap();
    }

    /// Waits for the next answer, which must say how long it is.
    pub async fn reply(&mut self) -> Reply {
        loop {
            if let Some((reply, length)) = Reply::parse(&self.unread, false) {
                self.unread.drain(..length);
                return reply;
            }
            assert!(self.read().await, "closed within {:?}", String::from_utf8_lossy(&self.unread));
        }
    }

    /// Waits until the other side closes, and parses all that came as answers. `to_heads` says that the requests were HEAD: their
    /// answers say how long a body would be, and have none.
    pub async fn closed_after(mut self, to_heads: bool) -> Closed {
        while self.read().await && !self.hears_events() {}
        let after = self.opened.elapsed();
        let mut replies = Vec::new();
        while let Some((reply, length)) = Reply::parse(&self.unread, to_heads) {
            self.unread.drain(..length);
            replies.push(reply);
        }
        assert!(self.unread.is_empty(), "after the answers there is {:?}", String::from_utf8_lossy(&self.unread));
        Closed { replies, after }
    }

    /// Sends `drop` every `pause` until the other side closes.
    pub async fn closed_while_sending(mut self, drop: &str, pause: Duration) -> Closed {
        while self.opened.elapsed() < GIVES_UP {
            match tokio::time::timeout(pause, self.connection.read_buf(&mut self.unread)).await {
                Ok(Ok(read)) if read > 0 => {}
                Ok(_) => break,
                // If the other side takes no more, the next read ends the loop.
                Err(_) => std::mem::drop(self.connection.write_all(drop.as_bytes()).await),
            }
        }
        self.closed().await
    }

    pub async fn closed(self) -> Closed {
        self.closed_after(false).await
    }

    /// Whether the answer is one that may never end.
    fn hears_events(&self) -> bool {
        let head = String::from_utf8_lossy(&self.unread);
        head.split_once("\r\n\r\n").is_some_and(|(head, _)| head.contains(EVENTS))
    }

    /// Reads more bytes. False when the other side has closed, also by a reset.
    async fn read(&mut self) -> bool {
        let read = tokio::time::timeout(GIVES_UP, self.connection.read_buf(&mut self.unread)).await;
        read.unwrap_or_else(|_| panic!("neither an answer nor closed, after {:?}", String::from_utf8_lossy(&self.unread)))
            .unwrap_or(0)
            > 0
    }
}

impl Reply {
    /// The first answer in `bytes` and its length, if it is whole.
    fn parse(bytes: &[u8], to_head: bool) -> Option<(Self, usize)> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let first = lines.next()?;
        let status = first.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().unwrap();
        let headers: Vec<_> = lines
            .map(|line| line.split_once(": ").unwrap_or_else(|| panic!("no header: {line:?}")))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let said = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let (body, length) = match (said("content-length"), said("transfer-encoding")) {
            _ if to_head => (Vec::new(), 0),
            _ if head.contains(EVENTS) => (Vec::new(), bytes.len() - end),
            (Some(length), _) => {
                let length = length.parse().unwrap();
                (bytes.get(end..end + length)?.to_vec(), length)
            }
            (None, Some(_)) => chunks(&bytes[end..])?,
            (None, None) => (Vec::new(), 0),
        };
        let is_text = said("content-type").is_some_and(|kind| kind.starts_with("text/") || kind.contains("json"));
        assert!(!is_text || std::str::from_utf8(&body).is_ok(), "{body:?} is no text");
        let body = String::from_utf8_lossy(&body).into_owned();
        Some((Self { status, headers, body }, end + length))
    }

    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// The stable code, when the answer is a problem.
    pub fn code(&self) -> String {
        let problem: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        problem["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Decodes the chunks that `bytes` begin with. Returns the body and where the chunks end, or None if the last chunk has not come.
fn chunks(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let line = bytes.get(at..)?.windows(2).position(|two| two == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[at..at + line]).unwrap(), 16).unwrap();
        let begins = at + line + 2;
        body.extend(bytes.get(begins..begins + size)?);
        at = begins + size + 2;
        if size == 0 {
            return (at <= bytes.len()).then_some((body, at));
        }
    }
}

#[test]
fn an_answer_is_read_whatever_it_is_made_of() {
    let read = |answer: &[u8]| Reply::parse(answer, false).map(|(reply, length)| (reply.body, length == answer.len()));
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\na,b\r\n2\r\n\r\n\r\n0\r\n\r\n";
    assert_eq!(read(chunked), Some(("a,b\r\n".to_owned(), true)));
    for cut in 1..chunked.len() {
        assert_eq!(read(&chunked[..cut]), None, "{cut}");
    }
    assert_eq!(read(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n\xff\xd8"), Some(("\u{fffd}\u{fffd}".to_owned(), true)));
    let events = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n9\r\ndata: ";
    assert_eq!(read(events), Some((String::new(), true)));
}

/// Sends a request with `headers` and `body` on a connection of its own, and returns the one answer to it.
pub async fn ask(url: &str, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut request = format!("{method} {target} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        request += &format!("Host: {}\r\n", url.trim_start_matches("http://"));
    }
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() {
        request += &format!("Content-Length: {}\r\n", body.len());
    }
    let mut wire = Wire::to(url).await;
    wire.send(format!("{request}\r\n{body}")).await;
    // `done` is not called: the server takes a client that closes before its answer for one that has gone away.
    let mut replies = wire.closed_after(method == "HEAD").await.replies;
    assert_eq!(replies.len(), 1, "{method} {target} {headers:?}");
    replies.remove(0)
}
