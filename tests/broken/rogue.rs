//! Something in DingTalk's place that does with its socket whatever it is told to.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dingtalk_h5::settings::Settings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// A call as it came in.
#[derive(Debug, Clone)]
pub struct Call {
    pub path: String,
    /// How many calls of this path came before.
    pub nth: usize,
    pub head: String,
    pub at: Instant,
}

/// What is done to the socket.
#[derive(Debug, Clone)]
pub enum Step {
    Send(Vec<u8>),
    /// One byte each half second.
    Drip(Vec<u8>),
    /// The same chunk for ever.
    Endless(Vec<u8>),
    Pause(Duration),
    /// Nothing more is said, and the socket stays open.
    Hold,
    Reset,
}

/// A raw socket that plays DingTalk. It counts connections, records calls, and closes each connection after its response.
pub struct Rogue {
    pub url: String,
    calls: Arc<Mutex<Vec<Call>>>,
    connections: Arc<Mutex<usize>>,
}

impl Rogue {
    /// Answers each call with what `script` says.
    pub async fn start(script: impl Fn(&Call) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (calls, connections) = (Arc::<Mutex<Vec<Call>>>::default(), Arc::<Mutex<usize>>::default());
        let (script, heard, counted) = (Arc::new(script), Arc::clone(&calls), Arc::clone(&connections));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                *counted.lock().unwrap() += 1;
                let (script, heard) = (Arc::clone(&script), Arc::clone(&heard));
                tokio::spawn(async move { answer(socket, &*script, &heard).await });
            }
        });
        Self { url, calls, connections }
    }

    /// From now on an app with these settings takes it for DingTalk.
    pub fn takes_dingtalks_place(&self, settings: &mut Settings) {
        settings.dingtalk.api_url = self.url.parse().unwrap();
        settings.dingtalk.oapi_url = self.url.parse().unwrap();
    }

    pub fn calls(&self, path: &str) -> Vec<Call> {
        self.calls.lock().unwrap().iter().filter(|call| call.path == path).cloned().collect()
    }

    pub fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

async fn answer(mut socket: TcpStream, script: &(impl Fn(&Call) -> Vec<Step> + Sync), heard: &Mutex<Vec<Call>>) -> Option<()> {
    let head = read_request(&mut socket).await?;
    let call = {
        let mut heard = heard.lock().unwrap();
        let path = head.split_whitespace().nth(1)?.split('?').next()?.to_owned();
        let nth = heard.iter().filter(|call| call.path == path).count();
        heard.push(Call { path, nth, head, at: Instant::now() });
        heard.last()?.clone()
    };
    for step in script(&call) {
        match step {
            Step::Send(bytes) => socket.write_all(&bytes).await.ok()?,
            Step::Drip(bytes) => {
                for byte in bytes {
                    socket.write_all(&[byte]).await.ok()?;
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            }
            Step::Endless(bytes) => loop {
                socket.write_all(&bytes).await.ok()?;
            },
            Step::Pause(time) => tokio::time::sleep(time).await,
            Step::Hold => std::future::pending().await,
            Step::Reset => socket.set_zero_linger().ok()?,
        }
    }
    Some(())
}

/// Reads one request with its body; returns the head.
async fn read_request(socket: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(head.to_owned());
            }
        }
        match socket.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}

/// A whole answer.
pub fn http(status: &str, kind: &str, body: &str) -> Step {
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    Step::Send([head.as_bytes(), body.as_bytes()].concat())
}

/// JSON with 200.
pub fn json(body: &str) -> Step {
    http("200 OK", "application/json;charset=utf-8", body)
}

pub const TOKEN: &str = "/v1.0/oauth2/accessToken";
pub const TICKET: &str = "/v1.0/oauth2/jsapiTickets";
pub const EXCHANGE: &str = "/topapi/v2/user/getuserinfo";
pub const STREAM: &str = "/v1.0/gateway/connections/open";
/// The path that the app calls, on the host of the old API, to find out whether a ban concerns all calls.
pub const PROBE: &str = "/gettoken";

/// What opens Stream, and then does `then` on its connection; everything else goes well.
pub fn stream(call: &Call, then: &[Step]) -> Vec<Step> {
    let header = |name: &str| call.head.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    match call.path.as_str() {
        STREAM => vec![json(&format!(r#"{{"endpoint":"ws://{}/connect","ticket":"canary"}}"#, header("host: ")))],
        "/connect" => {
            let accept = derive_accept_key(header("sec-websocket-key: ").as_bytes());
            let upgrade = format!("connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: {accept}\r\n\r\n");
            [&[Step::Send(format!("HTTP/1.1 101 Switching Protocols\r\n{upgrade}").into())], then].concat()
        }
        _ => well(call),
    }
}

/// A message of so many bytes on Stream's connection.
pub fn message(bytes: usize) -> Step {
    Step::Send([&[0x81, 127], &(bytes as u64).to_be_bytes()[..], &b"canary".repeat(bytes)[..bytes]].concat())
}

/// What DingTalk answers when all is well.
pub fn well(call: &Call) -> Vec<Step> {
    vec![match call.path.as_str() {
        TOKEN => json(r#"{"accessToken":"token-1","expireIn":7200}"#),
        TICKET => json(r#"{"jsapiTicket":"ticket-1","expireIn":7200}"#),
        EXCHANGE => json(r#"{"errcode":0,"errmsg":"ok","result":{"userid":"alice","name":"Alice Chen"}}"#),
        _ => json(r#"{"errcode":404,"errmsg":"?"}"#),
    }]
}
