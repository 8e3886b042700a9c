//! Bodies that come and go slowly. The clock stands still but for those who wait.

use std::future::pending;
use std::net::Ipv4Addr;

use actix_http::ServiceConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::LocalSet;

use super::*;
use crate::server::{Capacity, Stalls};

const BODY: usize = 256 * 1024;

fn connect() -> (Connection, DuplexStream) {
    let (server, client) = duplex(1024);
    let seat = Stalls::within(Capacity::FEW, Vec::new()).seat(Ipv4Addr::LOCALHOST.into());
    (Connection::new(Box::new(server), Codec::new(ServiceConfig::default()), seat), client)
}

/// How much of an answer somebody gets who takes `portion` of it every fifteen seconds.
async fn taken(portion: usize) -> usize {
    let (mut connection, mut client) = connect();
    let answering = async move { drop(connection.write_all(&[0; BODY]).await) };
    let taking = async move {
        let (mut taken, mut bytes) = (0, vec![0; portion]);
        while client.read_exact(&mut bytes).await.is_ok() {
            taken += portion;
            sleep(Duration::from_secs(15)).await;
        }
        taken
    };
    tokio::join!(answering, taking).1
}

/// How much comes of the body of somebody who sends `portion` of it every fifteen seconds, to a handler that waits for ever.
async fn sent(portion: usize) -> usize {
    let (mut connection, mut client) = connect();
    let head = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {BODY}\r\n\r\n");
    let sending = async {
        client.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..BODY / portion {
            client.write_all(&vec![0; portion]).await.unwrap();
            sleep(Duration::from_secs(15)).await;
        }
    };
    let reading = async {
        let (mut read, exchange) = (Vec::new(), Rc::clone(&connection.exchange));
        while read.len() < head.len() + BODY && connection.read_buf(&mut read).await.unwrap() > 0 {
            exchange.body.set(Rest::Wanted);
            connection.flush().await.unwrap();
        }
        read.len() - head.len()
    };
    tokio::select! {
        read = reading => read,
        never = async { sending.await; pending().await } => never,
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_moves_a_body_at_32_kib_in_twenty_seconds_moves_all_of_it_and_whoever_drips_does_not() {
    let here = LocalSet::new();
    for (portion, moved) in [(32 * 1024, BODY..=BODY), (1024, 1..=BODY / 32)] {
        let (taken, sent) = (here.run_until(taken(portion)).await, here.run_until(sent(portion)).await);
        assert!(moved.contains(&taken) && moved.contains(&sent), "{portion}: {taken} taken, {sent} sent");
    }
}
