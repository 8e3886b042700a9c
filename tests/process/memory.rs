//! How much memory a connection takes whose other side reads nothing, and that it is freed afterwards.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dingtalk_simulator::Simulator;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::{Served, complete, with};
use crate::broken::rogue::{Rogue, Step, message, stream};

const CONNECTIONS: u64 = 40;
/// The most memory that each may take. Without a bound each takes megabytes.
const MOST_KIB: u64 = 256;
/// The most memory that may remain after all are closed: the allocator keeps some for the next connections.
const KEPT_KIB: u64 = 4 * 1024;

/// The memory that it takes now.
pub fn resident_kib(served: &Served) -> u64 {
    kib(served, "VmRSS:")
}

/// The most that it has ever taken.
fn peak_kib(served: &Served) -> u64 {
    kib(served, "VmHWM:")
}

fn kib(served: &Served, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", served.child.id().unwrap())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Sends as much of `requests` as the server takes within five seconds, and reads nothing.
async fn deaf(address: SocketAddr, requests: Arc<Vec<u8>>) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(1024).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let _ = tokio::time::timeout(Duration::from_secs(5), stream.write_all(&requests)).await;
    stream
}

#[tokio::test]
async fn a_client_that_takes_no_answers_costs_little_and_nothing_when_it_is_gone() {
    let dingtalk = Simulator::start().await.unwrap();
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n");
    for (kind, request) in [
        ("small answers", get("/healthz")),
        ("files", get("/static/dingtalk.js")),
        ("pages", get("/")),
        ("problems", get("/nothing")),
        ("answers without a body", get("/static/dingtalk.js").replace("GET", "HEAD")),
    ] {
        let served = Served::start(&with(complete(&dingtalk), "RUST_LOG", "error")).await;
        served.browser().enter().await;
        let before = resident_kib(&served);
        let address = served.url.strip_prefix("http://").unwrap().parse().unwrap();
        let requests = Arc::new(request.repeat(20_000).into_bytes());
        let opening: JoinSet<TcpStream> = (0..CONNECTIONS).map(|_| deaf(address, Arc::clone(&requests))).collect();
        let open = opening.join_all().await;
        let each = resident_kib(&served).saturating_sub(before) / CONNECTIONS;
        println!("{kind}: {each} KiB each");
        assert!(each < MOST_KIB, "{kind}: {each} KiB each");

        drop(open);
        let gives_up = Instant::now() + Duration::from_secs(10);
        while resident_kib(&served) > before + KEPT_KIB {
            assert!(Instant::now() < gives_up, "{kind}: it keeps {} KiB", resident_kib(&served) - before);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(served.stop().await.0, Some(0), "{kind}");
    }
}

#[tokio::test]
async fn a_stream_that_pings_and_takes_no_answers_costs_little() {
    const PINGS: usize = 400_000;
    let ping = [&[0x89, 125], &[b'p'; 125][..]].concat();
    // The last message ends the connection, and says that all pings were read.
    let says = [Step::Send(ping.repeat(PINGS)), message((1 << 20) + 1), Step::Hold];
    let rogue = Rogue::start(move |call| stream(call, &says)).await;
    let dingtalk = Simulator::start().await.unwrap();
    let without_stream = Served::start(&complete(&dingtalk)).await;
    let before = resident_kib(&without_stream);
    assert_eq!(without_stream.stop().await.0, Some(0));
    let variables = with(complete(&dingtalk), "DINGTALK_API_URL", &rogue.url);
    let mut served = Served::start(&with(variables, "DINGTALK_EVENTS", "stream")).await;
    served.logs("Message too long").await;
    let most = peak_kib(&served) - before;
    assert!(most < 24 * 1024, "{most} KiB for {} KiB of pings", PINGS * ping.len() / 1024);
    assert_eq!(served.stop().await.0, Some(0));
}
