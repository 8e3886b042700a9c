//! Clients of one address that stall or send requests all the time, and connect again when they are cut off: more than the server has
//! room for.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use dingtalk_simulator::Simulator;
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::{Served, Variables, complete, with};
use crate::wire::ask;

/// Twice as many as there is room for.
const STALLING: usize = 200;
const GET: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
const LOGIN: &str = "POST /api/login HTTP/1.1\r\nHost: x\r\nOrigin: http://127.0.0.1:9\r\nContent-Type: application/json\r\n";

/// The kind of client, what it sends at first, and what it then sends ten times a second. Neighbours in this list run at the same time, so
/// the two that keep the machine busiest are far apart.
fn kinds() -> Vec<(&'static str, String, &'static str)> {
    vec![
        ("answers that nobody takes", GET.replace("healthz", "static/dingtalk.js").repeat(300), ""),
        ("silent", String::new(), ""),
        ("a word of a head", "GET".to_owned(), ""),
        ("a head that drips", "GET /healthz HTTP/1.1\r\nX: ".to_owned(), "x"),
        ("empty lines before the first request", String::new(), "\r\n"),
        ("empty lines after it", GET.to_owned(), "\r\n"),
        ("idle", GET.to_owned(), ""),
        ("a second head that drips", format!("{GET}GET /healthz HTTP/1.1\r\nX: "), "x"),
        ("a body", format!("{LOGIN}Content-Length: 100\r\n\r\n{{"), ""),
        ("a body that drips", format!("{LOGIN}Content-Length: 4000\r\n\r\n"), "x"),
        ("a body in chunks", format!("{LOGIN}Transfer-Encoding: chunked\r\n\r\n1"), ""),
        ("a chunk's extension that drips", format!("{LOGIN}Transfer-Encoding: chunked\r\n\r\n1;"), "x"),
        ("a body that waits to be asked for", format!("{LOGIN}Expect: 100-continue\r\nContent-Length: 100\r\n\r\n"), ""),
        ("a handshake of TLS", "\u{16}\u{3}\u{1}".to_owned(), ""),
        ("requests without end that nobody takes the answers to", GET.replace("healthz", "static/dingtalk.js").repeat(20), GET),
    ]
}

/// A client that stalls, and connects again whenever it is cut off, for ever. It pauses for a second before that, since this machine has
/// to serve the others as well.
async fn stall(address: SocketAddr, first: String, drop: &'static str) {
    loop {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(1024).unwrap();
        let Ok(mut stream) = socket.connect(address).await else { continue };
        stream.set_zero_linger().unwrap();
        let mut is_open = stream.write_all(first.as_bytes()).await.is_ok();
        while is_open {
            tokio::time::sleep(Duration::from_millis(100)).await;
            is_open = match stream.try_read(&mut [0]) {
                Ok(read) => read > 0,
                Err(error) => error.kind() == ErrorKind::WouldBlock,
            } && stream.write_all(drop.as_bytes()).await.is_ok();
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_stalls_in_whichever_way_keeps_nobody_else_waiting_for_a_second() {
    let dingtalk = Simulator::start().await.unwrap();
    let quiet = with(complete(&dingtalk), "RUST_LOG", "error");
    // Each kind has a server of its own. Two run at the same time, because they wait most of it.
    let wait_for = |(kind, first, drop): (_, String, _)| {
        keep_nobody_waiting(&quiet, kind, move |address| stall(address, first.clone(), drop))
    };
    stream::iter(kinds()).for_each_concurrent(2, wait_for).await;
}

/// A client that sends twenty requests a second, for ever.
async fn ask_on(address: SocketAddr) {
    loop {
        let Ok(mut stream) = TcpStream::connect(address).await else { continue };
        while stream.write_all(GET.as_bytes()).await.is_ok() && stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_all_the_time_keeps_nobody_else_waiting_for_a_second() {
    let dingtalk = Simulator::start().await.unwrap();
    let quiet = with(complete(&dingtalk), "RUST_LOG", "error");
    keep_nobody_waiting(&quiet, "requests without end", ask_on).await;
}

async fn keep_nobody_waiting<C>(variables: &Variables, kind: &str, client: impl Fn(SocketAddr) -> C)
where
    C: Future<Output = ()> + Send + 'static,
{
    let served = Served::start_with_limit("-n 256", variables).await;
    let address = served.url.strip_prefix("http://").unwrap().parse().unwrap();
    let mut stalling = JoinSet::new();
    for _ in 0..STALLING {
        stalling.spawn(client(address));
    }
    // To accept all of them at once takes a while. It is done when a client that connected after them is answered.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(ask(&served.url, "GET", "/healthz", &[], "").await.status, 200, "{kind}");
    for _ in 0..5 {
        let began = Instant::now();
        let reply = tokio::time::timeout(Duration::from_secs(1), ask(&served.url, "GET", "/healthz", &[], "")).await;
        assert_eq!(reply.map(|reply| reply.status), Ok(200), "{kind}: {:?}", began.elapsed());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    stalling.shutdown().await;
    assert_eq!(served.stop().await.0, Some(0), "{kind}");
}
