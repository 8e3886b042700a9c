//! Far more connections than the program has descriptors for.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use dingtalk_simulator::Simulator;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::{Served, complete, with};
use crate::wire::{Wire, ask};

/// Clock ticks in a second, as `/proc` counts them on every Linux.
const TICKS: u64 = 100;

/// How many connections to open: 10,000, or half of the files that this process may open, since other tests run in it too.
fn connections() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let soft: usize = files.split_whitespace().next().unwrap().parse().unwrap_or(usize::MAX);
    (soft / 2).min(10_000)
}

/// Connections to `address` from a few addresses of this machine, so that there are enough ports. If the system has no room for one, its
/// client tries again until it is accepted; the server closes others to make room.
async fn flood(address: SocketAddr, connections: usize) -> Vec<TcpStream> {
    let knocking = (0..connections).map(|nth| async move {
        let socket = TcpSocket::new_v4().unwrap();
        let from = Ipv4Addr::new(127, 0, 1, 1 + (nth / 1000) as u8);
        socket.bind((from, 0).into()).unwrap();
        let stream = socket.connect(address).await.unwrap();
        // A connection that is dropped is reset at once.
        stream.set_zero_linger().unwrap();
        stream
    });
    knocking.collect::<JoinSet<_>>().join_all().await
}

/// Seconds of processor time that `pid` has used.
fn processor_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let ticks = after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap());
    Duration::from_millis(ticks.sum::<u64>() * 1000 / TICKS)
}

/// A new client is answered within a second. If the system has no room for its connection, it soon tries again.
async fn newcomer_is_answered(url: &str) {
    let alive = async {
        loop {
            let answer = tokio::time::timeout(Duration::from_millis(250), ask(url, "GET", "/healthz", &[], "")).await;
            if answer.is_ok_and(|reply| reply.status == 200) {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(1), alive).await.expect("nobody answers within a second");
}

/// Clients that send one request, the beginning of a second one, and nothing more. The HTTP library alone would wait for ever.
#[tokio::test]
async fn connections_that_stall_in_their_second_request_do_not_keep_newcomers_out() {
    let dingtalk = Simulator::start().await.unwrap();
    let served = Served::start_with_limit("-n 64", &complete(&dingtalk)).await;
    let mut stalled = Vec::new();
    for _ in 0..200 {
        let mut wire = Wire::to(&served.url).await;
        wire.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert_eq!(wire.reply().await.status, 200);
        wire.send("GET /healthz HTTP/1.1\r\nHost:").await;
        stalled.push(wire);
    }
    newcomer_is_answered(&served.url).await;
    assert_eq!(served.stop().await.0, Some(0));
}

/// Clients that send many requests and read no response. The HTTP library alone would wait for ever until they do.
#[tokio::test]
async fn clients_that_do_not_read_their_answers_are_dropped() {
    let dingtalk = Simulator::start().await.unwrap();
    // Nobody reads the log here, and it would be longer than a pipe holds.
    let quiet = with(complete(&dingtalk), "RUST_LOG", "warn");
    let served = Served::start_with_limit("-n 64", &quiet).await;
    let address: SocketAddr = served.url.strip_prefix("http://").unwrap().parse().unwrap();
    let many = "GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(400);
    let mut deaf = Vec::new();
    for _ in 0..60 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(1024).unwrap();
        let mut stream = socket.connect(address).await.unwrap();
        // Sends as much as the server takes.
        let _ = tokio::time::timeout(Duration::from_millis(100), stream.write_all(many.as_bytes())).await;
        deaf.push(stream);
    }
    let gives_up = Instant::now() + Duration::from_secs(40);
    while tokio::time::timeout(Duration::from_secs(1), ask(&served.url, "GET", "/healthz", &[], "")).await.is_err() {
        assert!(Instant::now() < gives_up, "nobody else is answered");
    }
    assert_eq!(served.stop().await.0, Some(0));
}

/// 10,000 clients connect where this process may open 20,000 files, and fewer elsewhere; `tests/run` raises the limit as far as it may.
/// Some 1,500 at a time are accepted, by the program or into the system's queue before it; the others try again until they are.
#[tokio::test]
async fn a_flood_of_idle_connections_costs_no_processor_time_cuts_nobody_off_and_is_over_within_a_second() {
    let dingtalk = Simulator::start().await.unwrap();
    let served = Served::start_with_limit("-n 1024", &complete(&dingtalk)).await;
    let address = served.url.strip_prefix("http://").unwrap().parse().unwrap();
    let pid = served.child.id().unwrap();
    let mut connected = Wire::to(&served.url).await;
    connected.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(connected.reply().await.status, 200);

    let mut flood = tokio::spawn(flood(address, connections()));
    let flood = loop {
        connected.send("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let ready = connected.reply().await;
        assert_eq!(ready.status, 200, "there is a descriptor to call DingTalk with: {}", ready.body);
        if let Ok(flood) = tokio::time::timeout(Duration::from_millis(500), &mut flood).await {
            break flood.unwrap();
        }
    };

    let (began, used) = (Instant::now(), processor_time(pid));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (took, used) = (began.elapsed(), processor_time(pid) - used);
    assert!(used < took / 4, "{used:?} of {took:?}, with {} open", flood.len());

    drop(flood);
    newcomer_is_answered(&served.url).await;
    let (began, used) = (Instant::now(), processor_time(pid));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (took, used) = (began.elapsed(), processor_time(pid) - used);
    assert!(used < took / 4, "{used:?} of {took:?} after the flood");
    assert_eq!(served.stop().await.0, Some(0));
}
