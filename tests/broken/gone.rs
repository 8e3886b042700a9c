//! Browsers that disconnect while DingTalk keeps their login waiting: nobody would get the response, so the server stops waiting for it.
//! The tests see this by the login state, which is in use for exactly as long.

use std::time::{Duration, Instant};

use super::app_before;
use super::rogue::{EXCHANGE, Rogue, Step, well};
use crate::support::TestApp;
use crate::wire::{Reply, Wire};

/// Less than the timeout of a call to DingTalk.
const SOON: Duration = Duration::from_secs(3);

/// A DingTalk that answers everything but logins.
async fn slow() -> Rogue {
    Rogue::start(|call| if call.path == EXCHANGE { vec![Step::Hold] } else { well(call) }).await
}

/// One page, from which a login is posted again and again, each time with another code.
struct Page<'a> {
    app: &'a TestApp,
    rogue: &'a Rogue,
    state: String,
    presession: String,
    posts: usize,
}

impl<'a> Page<'a> {
    async fn open(app: &'a TestApp, rogue: &'a Rogue) -> Self {
        let mut browser = app.browser();
        let state = browser.enter().await;
        let presession = browser.cookie("presession").unwrap().to_owned();
        Self { app, rogue, state, presession, posts: 0 }
    }

    fn login(&mut self) -> String {
        self.posts += 1;
        let body = format!(r#"{{"authCode":"code{}{}","state":"{}"}}"#, self.posts, &self.presession[..8], self.state);
        let (url, presession, length) = (&self.app.url, &self.presession, body.len());
        format!(
            "POST /api/login HTTP/1.1\r\nHost: x\r\nOrigin: {url}\r\nCookie: presession={presession}\r\n\
            Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    }

    /// Posts a login, followed by `more`: the connection once DingTalk holds the call, or else the response.
    async fn post(&mut self, more: &str) -> Result<Wire, Reply> {
        let before = self.rogue.calls(EXCHANGE).len();
        let mut wire = Wire::to(&self.app.url).await;
        wire.send(self.login() + more).await;
        let asked = async {
            while self.rogue.calls(EXCHANGE).len() == before {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::select! {
            () = asked => {}
            reply = wire.reply() => return Err(reply),
        }
        Ok(wire)
    }

    /// A login of this page is under way, and is no more soon after `leave`.
    async fn ends_soon_after(&mut self, leave: impl AsyncFnOnce(Wire), more: &str) {
        let wire = self.post(more).await.expect("it is held");
        assert_eq!(self.post("").await.expect_err("one is under way").code(), "code_in_use");
        let left = Instant::now();
        leave(wire).await;
        while let Err(reply) = self.post("").await {
            assert_eq!(reply.code(), "code_in_use");
            assert!(left.elapsed() < SOON, "{} bytes behind it: it still waits", more.len());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test]
async fn a_login_ends_soon_after_its_browser_is_gone_in_whichever_way_that_goes() {
    let rogue = slow().await;
    let app = app_before(&rogue).await;
    let next = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    for more in ["", "\r\n", next, &next.repeat(200), "GET /he"] {
        Page::open(&app, &rogue).await.ends_soon_after(async |wire| drop(wire), more).await;
        Page::open(&app, &rogue).await.ends_soon_after(async |wire| wire.reset(), more).await;
        let half_closes = async |mut wire: Wire| {
            wire.done().await;
            assert!(wire.closed().await.replies.is_empty());
        };
        Page::open(&app, &rogue).await.ends_soon_after(half_closes, more).await;
    }
}

/// As scripts do that pipe a request into a socket.
#[tokio::test]
async fn whoever_will_send_nothing_more_still_gets_an_answer_that_does_not_take_long() {
    let rogue = Rogue::start(well).await;
    let app = app_before(&rogue).await;
    let login = Page::open(&app, &rogue).await.login();
    for (request, status) in [("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".repeat(3), 200), (login, 200)] {
        let mut wire = Wire::to(&app.url).await;
        wire.send(&request).await;
        wire.done().await;
        let replies = wire.closed().await.replies;
        assert_eq!(replies.len(), request.matches("HTTP/1.1").count(), "{request}");
        assert!(replies.iter().all(|reply| reply.status == status), "{replies:?}");
    }
}
