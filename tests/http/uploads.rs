//! Files that people upload: whole ones are stored and served as they are, others are not.

use std::time::{Duration, Instant};

use reqwest::Method;

use crate::support::pages::MAX_BYTES;
use crate::support::{Browser, TestApp};
use crate::wire::Wire;

const PATH: &str = "/api/file";
const BINARY: &str = "application/octet-stream";

/// Bytes that are no text.
fn file(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8 | 0x80).collect()
}

/// Begins somebody's upload on a raw connection: sends its head.
async fn begin(app: &TestApp, somebody: &Browser, lines: &str) -> Wire {
    let cookies: Vec<_> = somebody.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut wire = Wire::to(&app.url).await;
    let (origin, cookies) = (&app.url, cookies.join("; "));
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: x\r\nOrigin: {origin}\r\nCookie: {cookies}\r\nContent-Type: {BINARY}\r\n{lines}\r\n\r\n"
    );
    assert!(wire.send(head).await);
    wire
}

#[tokio::test]
async fn a_file_comes_back_as_it_was_sent_and_only_to_people() {
    let app = TestApp::start().await;
    let mut alice = app.browser_of("alice").await;
    let file = file(MAX_BYTES);
    assert_eq!(alice.upload(PATH, "Image/PNG; name=x", file.clone()).await.status, 204);
    let seen = alice.read(PATH).await;
    assert_eq!((seen.status, seen.header("content-type")), (200, "image/png"));
    assert!(seen.bytes == file);
    let mut nobody = app.browser();
    assert_eq!(nobody.upload(PATH, BINARY, file).await.problem(), (401, "login_required".into()));
    assert_eq!(nobody.read(PATH).await.problem(), (401, "login_required".into()));
}

#[tokio::test]
async fn whatever_a_handler_says_of_caches_none_may_keep_an_answer_with_a_cookie() {
    let app = TestApp::start().await;
    let mut alice = app.browser_of("alice").await;
    assert_eq!(alice.upload(PATH, BINARY, file(1)).await.status, 204);
    app.advance(Duration::from_secs(1));
    let seen = alice.read(PATH).await;
    assert!(seen.headers.contains_key("set-cookie"), "the session was used");
    assert_eq!((seen.status, seen.header("cache-control")), (200, "no-store"));
}

#[tokio::test]
async fn one_byte_more_than_the_handler_names_is_too_much_and_is_known_without_reading_all() {
    let app = TestApp::start().await;
    let mut alice = app.browser_of("alice").await;
    assert_eq!(alice.upload(PATH, BINARY, file(MAX_BYTES + 1)).await.problem(), (413, "payload_too_large".into()));

    let said = begin(&app, &alice, &format!("Content-Length: {}", MAX_BYTES + 1)).await.reply().await;
    assert_eq!((said.status, said.code().as_str()), (413, "payload_too_large"));

    let mut unsaid = begin(&app, &alice, "Transfer-Encoding: chunked").await;
    assert!(unsaid.send(format!("{:x}\r\n", MAX_BYTES + 2)).await);
    assert!(unsaid.send(file(MAX_BYTES + 1)).await);
    assert_eq!(unsaid.reply().await.status, 413);
    assert_eq!(alice.read(PATH).await.status, 404);
}

#[tokio::test]
async fn a_file_says_what_it_is_once() {
    let app = TestApp::start().await;
    let mut alice = app.browser_of("alice").await;
    let origin = app.url.clone();
    for kinds in [&[][..], &["", ""], &["image/png", "text/html"]] {
        let kinds = kinds.iter().map(|kind| ("content-type", *kind));
        let headers: Vec<_> = [("origin", origin.as_str())].into_iter().chain(kinds).collect();
        let answer = alice.send(Method::POST, PATH, &headers, Some(file(9))).await;
        assert_eq!(answer.problem(), (415, "unsupported_media_type".into()), "{headers:?}");
    }
}

#[tokio::test]
async fn nothing_is_kept_of_a_file_that_was_cut() {
    let app = TestApp::start().await;
    let mut alice = app.browser_of("alice").await;
    let (length, chunk) = (format!("Content-Length: {MAX_BYTES}"), format!("{:x}\r\n", MAX_BYTES / 2));
    for (lines, start) in [(length.as_str(), ""), ("Transfer-Encoding: chunked", &chunk)] {
        let mut wire = begin(&app, &alice, lines).await;
        assert!(wire.send(start).await && wire.send(file(MAX_BYTES / 2)).await);
        wire.done().await;
        wire.closed().await;
        assert_eq!(alice.read(PATH).await.status, 404, "{lines}");
    }
}

#[tokio::test]
async fn a_slow_network_takes_its_time_one_that_stalls_is_given_up_after_ten_seconds_and_one_that_drips_after_twenty() {
    let app = TestApp::start().await;
    let mut alice = app.browser_of("alice").await;
    let file = file(MAX_BYTES);
    let length = format!("Content-Length: {MAX_BYTES}");
    let steady = async {
        let mut wire = begin(&app, &alice, &length).await;
        for part in file.chunks(MAX_BYTES / 24) {
            tokio::time::sleep(Duration::from_millis(500)).await;
            assert!(wire.send(part).await);
        }
        wire.reply().await.status
    };
    let stalled = async {
        let mut wire = begin(&app, &alice, &length).await;
        assert!(wire.send(&file[..MAX_BYTES / 2]).await);
        let (since, reply) = (Instant::now(), wire.reply().await);
        (reply.status, reply.code(), since.elapsed().as_secs())
    };
    let dripping = async {
        let closed = begin(&app, &alice, &length).await.closed_while_sending("x", Duration::from_millis(500)).await;
        (closed.replies[0].status, closed.replies[0].code(), closed.after.as_secs())
    };
    let (steady, stalled, dripping) = tokio::join!(steady, stalled, dripping);
    assert_eq!(steady, 204);
    for ((status, code, waited), patience) in [(stalled, 9..14), (dripping, 19..24)] {
        assert_eq!((status, code.as_str()), (408, "request_timeout"));
        assert!(patience.contains(&waited), "{waited} s");
    }
    assert!(alice.read(PATH).await.bytes == file);
}
