//! Whoever sends slowly holds a connection for seconds, not for as long as they like.

use std::time::{Duration, Instant};

use super::{post, statuses};
use crate::support::TestApp;
use crate::wire::{Closed, Wire};

/// Opens a connection for each of `cases`, all at once: sends the start, and then a drop twice a second until the server closes.
async fn drip(app: &TestApp, cases: &[(String, &'static str)]) -> Vec<Closed> {
    let begun = cases.iter().cloned().map(|(start, drop)| {
        let url = app.url.clone();
        tokio::spawn(async move {
            let mut wire = Wire::to(&url).await;
            wire.send(start).await;
            wire.closed_while_sending(drop, Duration::from_millis(500)).await
        })
    });
    let mut ended = Vec::new();
    for dripping in begun.collect::<Vec<_>>() {
        ended.push(dripping.await.unwrap());
    }
    ended
}

/// A POST to `path` with a body that drips, with a length and in chunks.
fn dripping_bodies(app: &TestApp, path: &str) -> [(String, &'static str); 2] {
    let head = post(app, path);
    [(format!("{head}Content-Length: 4000\r\n\r\n"), "x"), (format!("{head}Transfer-Encoding: chunked\r\n\r\n"), "1\r\nx\r\n")]
}

#[tokio::test]
async fn a_head_may_take_five_seconds() {
    let app = TestApp::start().await;
    let starts = [("GET /healthz HTTP/1.1\r\nHost: x\r\nX: ", "x"), ("", "\r\n"), ("G", ""), ("", "")];
    for closed in drip(&app, &starts.map(|(start, drop)| (start.to_owned(), drop))).await {
        assert_eq!(statuses(&closed), [408]);
        assert!((4..8).contains(&closed.after.as_secs()), "{:?}", closed.after);
    }
}

#[tokio::test]
async fn a_body_may_take_ten_seconds_with_or_without_a_length() {
    let app = TestApp::start().await;
    for closed in drip(&app, &dripping_bodies(&app, "/api/login")).await {
        assert_eq!((statuses(&closed), closed.replies[0].code().as_str()), (vec![408], "request_timeout"));
        assert!((9..14).contains(&closed.after.as_secs()), "{:?}", closed.after);
    }
}

#[tokio::test]
async fn a_body_that_nobody_wants_is_not_waited_for() {
    let app = TestApp::start().await;
    for (path, status) in [("/api/logout", 204), ("/api/nothing", 404), ("/healthz", 405)] {
        for closed in drip(&app, &dripping_bodies(&app, path)).await {
            assert_eq!(statuses(&closed), [status], "{path}");
            assert!(closed.after.as_secs() < 4, "{path} {:?}", closed.after);
        }
    }
}

#[tokio::test]
async fn a_connection_that_is_kept_and_not_used_is_closed() {
    let app = TestApp::start().await;
    let closed = drip(&app, &[(super::GOOD.to_owned(), "")]).await.remove(0);
    assert_eq!(statuses(&closed), [200]);
    assert!((4..10).contains(&closed.after.as_secs()), "{:?}", closed.after);
}

#[tokio::test]
async fn one_that_a_trusted_proxy_keeps_is_still_there_for_its_next_request_which_has_its_five_seconds() {
    let app = TestApp::start_with(|settings| settings.web.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()]).await;
    let (mut kept, mut unused) = (Wire::to(&app.url).await, Wire::to(&app.url).await);
    assert!(kept.send(super::GOOD).await);
    assert_eq!(kept.reply().await.status, 200);
    // Waits for as long as a server without trusted proxies keeps an idle connection open.
    drip(&TestApp::start().await, &[(super::GOOD.to_owned(), "")]).await;
    assert!(unused.send(super::GOOD).await);
    assert_eq!(unused.reply().await.status, 200);
    let began = Instant::now();
    assert!(kept.send([super::GOOD, "GET / HT"].concat()).await);
    assert_eq!(statuses(&kept.closed().await), [200, 408]);
    assert!((4..10).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}
