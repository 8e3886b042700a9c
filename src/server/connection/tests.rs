//! Clients that are slow, leave or ask all the time. The clock stands still but for those who wait.

use std::cell::Cell;
use std::future::pending;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::test::init_service;
use actix_web::web::{self, Bytes, Payload};
use actix_web::{App, HttpResponse};
use futures_util::TryStreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::LocalSet;
use tokio::time::sleep;

use super::*;
use crate::server::{Capacity, Stalls};

const BODY: usize = 256 * 1024;
const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// What `client` says at last about a server that answers a GET with a body and takes another; and how much it took of that.
async fn served<T, C: Future<Output = T>>(stalls: &Arc<Stalls>, client: impl FnOnce(DuplexStream) -> C) -> (T, usize) {
    let came = Rc::new(Cell::new(0));
    let counts = Rc::clone(&came);
    let take = move |body: Payload| {
        let counts = Rc::clone(&counts);
        async move {
            let counted = body.try_for_each(|part: Bytes| {
                counts.set(counts.get() + part.len());
                async { Ok(()) }
            });
            counted.await.map(|()| HttpResponse::NoContent().finish())
        }
    };
    let give = || async { HttpResponse::Ok().body(vec![0; BODY]) };
    let app = init_service(App::new().route("/", web::get().to(give)).route("/", web::post().to(take))).await;
    let (here, there) = duplex(1024);
    let (peer, seat) = (Ipv4Addr::LOCALHOST, stalls.seat(Ipv4Addr::LOCALHOST.into()));
    let server = serve(Box::new(here), (peer, 9).into(), &seat, ServiceConfig::default(), &app, pending());
    let (_, said) = tokio::join!(server, client(there));
    (said, came.get())
}

fn few() -> Arc<Stalls> {
    Stalls::within(Capacity::FEW, Vec::new())
}

/// As much as `portion` of an answer; less at its end.
async fn take(client: &mut DuplexStream, portion: usize) -> Vec<u8> {
    let mut taken = Vec::new();
    client.take(portion as u64).read_to_end(&mut taken).await.unwrap();
    taken
}

/// The body that somebody gets who takes `portion` of the answer every fifteen seconds; who says at once that it was the last request
/// if `leaves`.
async fn taken(portion: usize, leaves: bool) -> usize {
    let taking = async |mut client: DuplexStream| {
        client.write_all(GET.as_bytes()).await.unwrap();
        if leaves {
            client.shutdown().await.unwrap();
        }
        let mut taken = Vec::new();
        loop {
            let some = take(&mut client, portion).await;
            if some.is_empty() {
                break taken;
            }
            taken.extend(some);
            sleep(Duration::from_secs(15)).await;
        }
    };
    let (taken, _) = served(&few(), taking).await;
    let head = taken.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    taken.len() - head - 4
}

/// How much comes of the body of somebody who sends `portion` of it every fifteen seconds.
async fn sent(portion: usize) -> usize {
    let sending = async |mut client: DuplexStream| {
        let head = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {BODY}\r\n\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..BODY / portion {
            if client.write_all(&vec![0; portion]).await.is_err() {
                break;
            }
            sleep(Duration::from_secs(15)).await;
        }
    };
    served(&few(), sending).await.1
}

#[tokio::test(start_paused = true)]
async fn whoever_moves_a_body_at_32_kib_in_twenty_seconds_moves_all_of_it_and_whoever_drips_does_not() {
    let here = LocalSet::new();
    for (portion, moved) in [(32 * 1024, BODY..=BODY), (1024, 1..=BODY / 32)] {
        for leaves in [false, true] {
            let taken = here.run_until(taken(portion, leaves)).await;
            assert!(moved.contains(&taken), "{portion}: {taken} taken; leaves: {leaves}");
        }
        let sent = here.run_until(sent(portion)).await;
        assert!(moved.contains(&sent), "{portion}: {sent} sent");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_the_last_of_its_connection_if_others_need_its_place_and_its_client_asked_too_soon_to_give_way() {
    let capacity = Capacity { workers: 1, connections_per_worker: 4 };
    for (others, millis, is_last) in [(2, 0, false), (3, 0, true), (3, 200, false)] {
        let stalls = Stalls::within(capacity, Vec::new());
        let _others: Vec<_> = (0..others).map(|_| stalls.seat(Ipv4Addr::LOCALHOST.into())).collect();
        let asking = async |mut client: DuplexStream| {
            let mut are_last = [true; 2];
            for is_last in &mut are_last {
                client.write_all(b"GET /none HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
                let mut answer = vec![0; 1024];
                let length = client.read(&mut answer).await.unwrap();
                *is_last = String::from_utf8_lossy(&answer[..length]).contains("\r\nconnection: close\r\n");
                sleep(Duration::from_millis(millis)).await;
            }
            are_last
        };
        let (are_last, _) = LocalSet::new().run_until(served(&stalls, asking)).await;
        assert_eq!(are_last, [false, is_last], "{others} others, after {millis} ms");
    }
}
