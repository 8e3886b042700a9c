//! DingTalk as a benchmark wants it: answers at once, or after the time it is told to take, and counts. It is not the simulator,
//! which looks at every call closely and would be what is measured.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const TOKEN: &str = "/v1.0/oauth2/accessToken";
const TICKET: &str = "/v1.0/oauth2/jsapiTickets";
const EXCHANGE: &str = "/topapi/v2/user/getuserinfo";

/// Runs in the thread of the load, which never sleeps while it measures, and ends with it.
pub struct Upstream {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    latency: Duration,
    lifetime: Duration,
    /// The number of the access_token that is valid.
    token: AtomicU64,
    tokens: AtomicU64,
    tickets: AtomicU64,
    exchanges: AtomicU64,
    refusals: AtomicU64,
}

/// How many calls there were.
#[derive(Clone, Copy)]
pub struct Calls {
    pub tokens: u64,
    pub tickets: u64,
    pub exchanges: u64,
    /// Exchanges with a token that is no longer valid.
    pub refusals: u64,
}

impl Upstream {
    /// As fast as can be, with the lifetimes of DingTalk.
    pub fn start() -> Self {
        Self::start_with(Duration::ZERO, Duration::from_secs(7200))
    }

    pub fn start_with(latency: Duration, lifetime: Duration) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            latency,
            lifetime,
            token: AtomicU64::new(1),
            tokens: AtomicU64::new(0),
            tickets: AtomicU64::new(0),
            exchanges: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
        });
        tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared }
    }

    pub fn calls(&self) -> Calls {
        let count = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        Calls {
            tokens: count(&self.shared.tokens),
            tickets: count(&self.shared.tickets),
            exchanges: count(&self.shared.exchanges),
            refusals: count(&self.shared.refusals),
        }
    }

    /// From now on the token that was granted is no longer valid.
    pub fn revoke_token(&self) {
        self.shared.token.fetch_add(1, Ordering::SeqCst);
    }

    /// What the program sends for an exchange, more or less.
    pub fn exchange_request() -> Vec<u8> {
        let body = r#"{"code":"code"}"#;
        let length = body.len();
        format!("POST {EXCHANGE}?access_token=token-1 HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
            .into_bytes()
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((socket, _)) = listener.accept().await {
        tokio::spawn(answer_all(socket, Arc::clone(&shared)));
    }
}

/// Answers call after call until the other side goes away.
async fn answer_all(mut socket: TcpStream, shared: Arc<Shared>) -> Option<()> {
    socket.set_nodelay(true).ok()?;
    let mut received = Vec::with_capacity(4096);
    loop {
        let whole = loop {
            if let Some(length) = length_of_call(&received) {
                break length;
            }
            if socket.read_buf(&mut received).await.ok()? == 0 {
                return None;
            }
        };
        let body = shared.answer(&received[..whole]);
        received.drain(..whole);
        if !shared.latency.is_zero() {
            tokio::time::sleep(shared.latency).await;
        }
        let length = body.len();
        let answer =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json;charset=utf-8\r\ncontent-length: {length}\r\n\r\n{body}");
        socket.write_all(answer.as_bytes()).await.ok()?;
    }
}

/// The length of the first call in `received`, once all of it has come.
fn length_of_call(received: &[u8]) -> Option<usize> {
    let head_ends = received.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&received[..head_ends]).ok()?;
    let body = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |length| length.parse().unwrap());
    (received.len() >= head_ends + body).then_some(head_ends + body)
}

impl Shared {
    fn answer(&self, call: &[u8]) -> String {
        let line = call.split(|byte| *byte == b'\r').next().unwrap();
        let address = std::str::from_utf8(line).unwrap().split(' ').nth(1).unwrap();
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let (token, life) = (self.token.load(Ordering::SeqCst), self.lifetime.as_secs());
        let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::SeqCst);
        match path {
            TOKEN => {
                count(&self.tokens);
                format!(r#"{{"accessToken":"token-{token}","expireIn":{life}}}"#)
            }
            TICKET => {
                count(&self.tickets);
                format!(
                    r#"{{"jsapiTicket":"ticket-of-a-usual-length-which-is-about-eighty-six-characters-of-letters-and-digits","expireIn":{life}}}"#
                )
            }
            EXCHANGE => {
                count(&self.exchanges);
                if query != format!("access_token=token-{token}") {
                    count(&self.refusals);
                    return r#"{"errcode":40014,"errmsg":"不合法的access_token"}"#.to_owned();
                }
                r#"{"errcode":0,"errmsg":"ok","result":{"userid":"zhangsan","name":"张三"}}"#.to_owned()
            }
            other => panic!("nobody calls {other}"),
        }
    }
}
