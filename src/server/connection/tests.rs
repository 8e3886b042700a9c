//! Clients that are slow, disconnect, send requests all the time or only half of one. The clock moves only while everything waits.

use std::cell::{Cell, RefCell};
use std::future::{pending, ready};
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::error::PayloadError;
use actix_web::test::init_service;
use actix_web::web::{self, Bytes, Payload};
use actix_web::{App, HttpResponse};
use futures_util::{FutureExt, StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufStream, DuplexStream, duplex};
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{sleep, timeout};

use super::*;
use crate::server::{Capacity, Stalls};

const BODY: usize = 256 * 1024;
const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// How many bytes fit into a connection that nobody reads, and whether it is one of TLS.
#[derive(Clone, Copy)]
struct Pipe {
    holds: usize,
    is_tls: bool,
}

const SMALL: Pipe = Pipe { holds: 1024, is_tls: false };
const TLS: Pipe = Pipe { holds: 1024, is_tls: true };

/// Runs a server that answers with `handler`, and `client` at the other end of `pipe`: what `client` returns.
async fn served<T, H, C>(
    seat: Seat,
    pipe: Pipe,
    handler: impl Fn(Payload) -> H + Clone + 'static,
    client: impl FnOnce(DuplexStream) -> C,
) -> T
where
    H: Future<Output = HttpResponse> + 'static,
    C: Future<Output = T>,
{
    served_until(pending(), seat, pipe, handler, client).await
}

/// The same with a server that stops when `stopping` ends.
async fn served_until<T, H, C>(
    stopping: impl Future<Output = ()>,
    seat: Seat,
    pipe: Pipe,
    handler: impl Fn(Payload) -> H + Clone + 'static,
    client: impl FnOnce(DuplexStream) -> C,
) -> T
where
    H: Future<Output = HttpResponse> + 'static,
    C: Future<Output = T>,
{
    let talk = async {
        let app = init_service(App::new().default_service(web::to(handler))).await;
        let (here, there) = duplex(pipe.holds);
        let here: Box<dyn Stream> = match pipe.is_tls {
            // A TLS stream has buffers of its own, too.
            true => Box::new(BufStream::with_capacity(1024, 64 * 1024, here)),
            false => Box::new(here),
        };
        let peer = (Ipv4Addr::LOCALHOST, 9).into();
        let server = serve(here, peer, &seat, ServiceConfig::default(), &app, stopping);
        tokio::join!(server, client(there)).1
    };
    LocalSet::new().run_until(talk).await
}

fn seat_of(stalls: &Arc<Stalls>) -> Seat {
    stalls.seat(Ipv4Addr::LOCALHOST.into())
}

fn seat() -> Seat {
    seat_of(&Stalls::within(Capacity::FEW, Vec::new()))
}

/// Sends each text after so many milliseconds and, if `leaves`, says that nothing more will come: all that the server sends.
async fn hears(mut client: DuplexStream, sends: &[(u64, &str)], leaves: bool) -> String {
    let mut heard = Vec::new();
    for (millis, text) in sends {
        sleep(Duration::from_millis(*millis)).await;
        client.write_all(text.as_bytes()).await.unwrap();
    }
    if leaves {
        client.shutdown().await.unwrap();
    }
    client.read_to_end(&mut heard).await.unwrap();
    String::from_utf8(heard).unwrap()
}

/// Sends a request and, if `leaves`, says at once that nothing more will come; then reads `portion` bytes of the response every so many
/// seconds: how many bytes of the body arrive.
async fn taken(portion: usize, seconds: u64, pipe: Pipe, leaves: bool) -> usize {
    let give = |_| async { HttpResponse::Ok().body(vec![0; BODY]) };
    let take = async |mut client: DuplexStream| {
        client.write_all(GET.as_bytes()).await.unwrap();
        if leaves {
            client.shutdown().await.unwrap();
        }
        let mut taken = Vec::new();
        while (&mut client).take(portion as u64).read_to_end(&mut taken).await.unwrap() > 0 {
            sleep(Duration::from_secs(seconds)).await;
        }
        let head = taken.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        taken.len() - head - 4
    };
    served(seat(), pipe, give, take).await
}

/// Sends `portion` bytes of a body every so many seconds: how many bytes of it the handler gets.
async fn sent(portion: usize, seconds: u64, pipe: Pipe) -> usize {
    let came = Rc::new(Cell::new(0));
    let counts = Rc::clone(&came);
    let take = move |mut body: Payload| {
        let counts = Rc::clone(&counts);
        async move {
            while let Some(Ok(part)) = body.next().await {
                counts.set(counts.get() + part.len());
            }
            HttpResponse::NoContent().finish()
        }
    };
    let send = async |mut client: DuplexStream| {
        let head = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {BODY}\r\n\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        for part in vec![0; BODY].chunks(portion) {
            if client.write_all(part).await.is_err() {
                break;
            }
            sleep(Duration::from_secs(seconds)).await;
        }
    };
    served(seat(), pipe, take, send).await;
    came.get()
}

#[tokio::test(start_paused = true)]
async fn who_asks_at_the_very_end_of_a_server_is_answered_and_who_is_silent_is_not_waited_for() {
    for (sends, begins) in [(&[(0, GET)][..], "HTTP/1.1 200"), (&[(50, GET)], "HTTP/1.1 200"), (&[], "")] {
        let (give, ask) = (|_| async { HttpResponse::Ok().finish() }, async |client| hears(client, sends, false).await);
        let heard = timeout(Duration::from_secs(1), served_until(ready(()), seat(), SMALL, give, ask)).await.unwrap();
        assert!(heard.starts_with(begins) && heard.is_empty() == sends.is_empty(), "{sends:?}: {heard}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_sends_32_kib_in_twenty_seconds_or_takes_them_in_forty_moves_all_of_a_body_and_whoever_drips_does_not() {
    for (portion, moved) in [(32 * 1024, BODY..=BODY), (1024, 1..=BODY / 32)] {
        for leaves in [false, true] {
            let taken = taken(portion, 15, SMALL, leaves).await;
            assert!(moved.contains(&taken), "{portion}: {taken} taken; leaves: {leaves}");
        }
        let sent = sent(portion, 15, SMALL).await;
        assert!(moved.contains(&sent), "{portion}: {sent} sent");
    }
    for pipe in [SMALL, TLS] {
        assert_eq!(taken(32 * 1024, 35, pipe, false).await, BODY, "of TLS: {}", pipe.is_tls);
    }
    let in_bursts = Pipe { holds: 64 * 1024, is_tls: false };
    assert_eq!(sent(14_000, 5, in_bursts).await, BODY, "of which only some is waited for");
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_the_last_of_its_connection_if_others_need_its_place_and_its_client_asked_too_soon_to_give_way() {
    let capacity = Capacity { workers: 1, connections_per_worker: 4 };
    for (others, millis, are_last) in [(2, 0, 0), (3, 0, 1), (3, 200, 0)] {
        let stalls = Stalls::within(capacity, Vec::new());
        let _others: Vec<_> = (0..others).map(|_| seat_of(&stalls)).collect();
        let answer = |_| async { HttpResponse::NoContent().finish() };
        let client = async |client| hears(client, &[(0, GET), (millis, GET)], false).await;
        let heard = served(seat_of(&stalls), SMALL, answer, client).await;
        assert_eq!(heard.matches("HTTP/1.1 204").count(), 2, "{heard}");
        assert_eq!(heard.matches("connection: close").count(), are_last, "{others} others, after {millis} ms: {heard}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_cut_off_or_malformed_ends_once_however_often_it_is_asked_for_and_nothing_behind_it_is_answered() {
    let chunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX";
    let again = format!("\r\n0\r\n\r\n{GET}");
    let cut = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc";
    for (sends, leaves) in [(vec![(0, cut)], true), (vec![(0, chunked), (500, &again)], false)] {
        let drain = async |body: Payload| {
            let ends = body.filter(|part| std::future::ready(part.is_err())).take(9).count().await;
            HttpResponse::Ok().insert_header(("ends", ends)).finish()
        };
        let heard = served(seat(), SMALL, drain, async |client| hears(client, &sends, leaves).await).await;
        assert_eq!(heard.matches("HTTP/1.1 200").count(), 1, "{heard}");
        assert!(heard.contains("\r\nends: 1\r\n") && heard.contains("\r\nconnection: close\r\n"), "{heard}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_somebody_reads_when_its_request_has_been_answered_is_cut_off_and_not_at_its_end() {
    let ended = Rc::new(RefCell::new(None));
    let hears_end = Rc::clone(&ended);
    let leave_it = move |mut body: Payload| {
        let hears_end = Rc::clone(&hears_end);
        spawn_local(async move {
            sleep(Duration::from_secs(9)).await;
            *hears_end.borrow_mut() = Some(body.next().await);
        });
        async { HttpResponse::Accepted().finish() }
    };
    let client = async |client| {
        let heard = hears(client, &[(0, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")], false).await;
        sleep(Duration::from_secs(10)).await;
        heard
    };
    assert!(served(seat(), SMALL, leave_it, client).await.contains("HTTP/1.1 202"));
    let ended = ended.borrow_mut().take();
    assert!(matches!(ended, Some(Some(Err(PayloadError::Incomplete(_))))), "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_awaited_before_the_answer_begins_comes_while_it_is_sent() {
    let echo = |mut body: Payload| {
        let (gives, taken) = unbounded_channel::<Result<Bytes, PayloadError>>();
        spawn_local(async move {
            while let Some(part) = body.next().await {
                gives.send(part).unwrap();
            }
        });
        async {
            sleep(Duration::from_millis(200)).await;
            HttpResponse::Ok().streaming(stream::unfold(taken, async |mut taken| Some((taken.recv().await?, taken))))
        }
    };
    let sends = [(0, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n"), (500, "abc"), (500, "def")];
    let heard = served(seat(), SMALL, echo, async |client| hears(client, &sends, false).await).await;
    assert!(heard.ends_with("3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"), "{heard}");
}

#[tokio::test(start_paused = true)]
async fn what_is_done_for_a_client_that_leaves_in_the_middle_of_its_body_ends_with_it() {
    let was_done = Rc::new(Cell::new(false));
    let does = Rc::clone(&was_done);
    let work = move |mut body: Payload| {
        let does = Rc::clone(&does);
        async move {
            while timeout(Duration::from_millis(300), body.next()).await.is_ok() {}
            sleep(Duration::from_secs(15)).await;
            does.set(true);
            HttpResponse::NoContent().finish()
        }
    };
    let sends = [(0, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"), (100, "abc"), (500, "d")];
    assert_eq!(served(seat(), SMALL, work, async |client| hears(client, &sends, true).await).await, "");
    assert!(!was_done.get());
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_an_end_goes_to_whoever_can_tell_where_it_ends_and_its_head_to_whoever_asks_for_that() {
    let endless = |_| async { HttpResponse::Ok().streaming(stream::repeat_with(|| Ok::<_, PayloadError>(Bytes::from("abc")))) };
    let asks = [(0, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"), (0, "HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")];
    let heard = served(seat(), SMALL, endless, async |client| hears(client, &asks, false).await).await;
    assert_eq!((heard.matches("HTTP/1.1 200").count(), heard.contains("abc")), (2, false), "{heard}");

    let short = |_| async { HttpResponse::Ok().streaming(stream::iter([Ok::<_, PayloadError>(Bytes::from("abc"))])) };
    for (ask, end, framing) in [
        (GET, "3\r\nabc\r\n0\r\n\r\n", vec!["transfer-encoding: chunked"]),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "abc", vec![]),
        ("GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", "abc", vec!["connection: close"]),
    ] {
        let heard = served(seat(), SMALL, short, async |client| hears(client, &[(0, ask)], false).await).await;
        let (head, body) = heard.split_once("\r\n\r\n").unwrap();
        let says_how = |line: &&str| line.starts_with("connection:") || line.starts_with("transfer-encoding:");
        assert_eq!((body, head.lines().filter(says_how).collect()), (end, framing), "{heard}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_would_go_on_in_another_protocol_hears_that_the_connection_ends() {
    let answer = |_| async { HttpResponse::NoContent().finish() };
    let ask = GET.replace(
        "\r\n\r\n",
        "\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    );
    let heard = served(seat(), SMALL, answer, async |client| hears(client, &[(0, &ask)], false).await).await;
    assert!(heard.contains("\r\nconnection: close\r\n"), "{heard}");
}

#[tokio::test(start_paused = true)]
async fn whoever_will_ask_no_more_gets_an_answer_that_comes_in_parts() {
    let parts = |_| async {
        let parts = stream::iter(0..30).then(|_| async {
            sleep(Duration::from_millis(100)).await;
            Ok::<_, PayloadError>(Bytes::from("part"))
        });
        HttpResponse::Ok().streaming(parts)
    };
    let heard = served(seat(), SMALL, parts, async |client| hears(client, &[(0, GET)], true).await).await;
    assert_eq!(heard.matches("part").count(), 30, "{heard}");
    assert!(heard.ends_with("0\r\n\r\n"), "{heard}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_stands_behind_all_of_a_word_that_was_about_to_be_said_before_it() {
    let gives_up = |mut body: Payload| async move {
        timeout(Duration::from_secs(10), body.next()).await.unwrap_err();
        HttpResponse::RequestTimeout().finish()
    };
    let takes_late = async |mut client: DuplexStream| {
        let ask = "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n";
        client.write_all(ask.as_bytes()).await.unwrap();
        sleep(Duration::from_secs(15)).await;
        hears(client, &[], true).await
    };
    let heard = served(seat(), Pipe { holds: 10, is_tls: false }, gives_up, takes_late).await;
    assert!(heard.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 408 "), "{heard}");
}

#[tokio::test(start_paused = true)]
async fn nobody_gives_way_while_the_server_works_who_sent_some_of_a_body_that_is_not_wanted() {
    let stalls = Stalls::within(Capacity { workers: 1, connections_per_worker: 4 }, Vec::new());
    let _others: Vec<_> = (0..3).map(|_| seat_of(&stalls)).collect();
    let looks_at_it = |mut body: Payload| async move {
        body.next().await.unwrap().unwrap();
        drop(body);
        sleep(Duration::from_secs(2)).await;
        HttpResponse::Ok().body("looked at")
    };
    let client = async |mut client: DuplexStream| {
        client.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n").await.unwrap();
        sleep(Duration::from_secs(1)).await;
        client.write_all(b"abc").await.unwrap();
        sleep(Duration::from_secs(1)).await;
        assert!(stalls.make_room().now_or_never().is_none());
        hears(client, &[], false).await
    };
    let heard = served(seat_of(&stalls), Pipe { holds: 10, is_tls: false }, looks_at_it, client).await;
    assert!(heard.ends_with("looked at"), "{heard}");
}

#[tokio::test(start_paused = true)]
async fn chunks_may_be_small_and_have_no_endless_extensions_or_trailers() {
    let count = async |body: Payload| {
        let parts: Vec<_> = body.collect().await;
        let bytes: usize = parts.iter().flatten().map(Bytes::len).sum();
        HttpResponse::Ok().body(format!("{bytes} bytes, whole: {}", parts.iter().all(Result::is_ok)))
    };
    let long = "x".repeat(400_000);
    for (body, answer) in [
        (format!("{}0\r\n\r\n", "1\r\na\r\n".repeat(20_000)), "20000 bytes, whole: true"),
        ("3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n".to_owned(), "3 bytes, whole: true"),
        (format!("3;{long}\r\nabc\r\n0\r\n\r\n"), "0 bytes, whole: false"),
        (format!("3\r\nabc\r\n0\r\nX: {long}\r\n\r\n"), "3 bytes, whole: false"),
    ] {
        let sends = format!("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        let heard = served(seat(), SMALL, count, async |client| hears(client, &[(0, &sends)], true).await).await;
        assert!(heard.ends_with(answer), "{}: {heard}", &body[..20]);
    }
}
