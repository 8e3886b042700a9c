//! The client belongs to somebody else by now, but the cookie is still there.

use std::time::Duration;

use dingtalk_simulator::Answers;

use super::chromium::Chromium;
use crate::support::TestApp;

/// Writes down every text that any document ever shows.
const WITNESS: &str = "
    const look = () => document.body && console.info('seen ' + document.body.innerText);
    new MutationObserver(look).observe(document, { childList: true, subtree: true, characterData: true, attributes: true });
    document.addEventListener('DOMContentLoaded', look);
    window.addEventListener('pageshow', look);
";

impl Chromium {
    async fn ever_showed(&self, words: &str) -> bool {
        self.log().await.iter().any(|entry| entry.message.contains(words))
    }
}

#[tokio::test]
async fn somebody_who_opens_the_app_never_sees_the_one_before_them() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    for path in ["/", "/profile", "/jsapi?q=1#here"] {
        app.dingtalk.sign_in("zhangsan");
        chromium.open(&format!("{}{path}", app.url)).await;
        chromium.shown("[data-user-id='zhangsan']").await;
    }
    app.dingtalk.sign_in("alice");
    chromium.on_every_document(WITNESS).await;
    for path in ["/", "/profile", "/jsapi?q=1#here"] {
        chromium.open(&format!("{}{path}", app.url)).await;
        chromium.shown("[data-user-id='alice']").await;
    }
    assert!(chromium.ever_showed("Alice Chen").await && chromium.ever_showed("Signing you in").await);
    assert!(!chromium.ever_showed("张三").await && !chromium.ever_showed("zhangsan").await);
    chromium.finish().await;
}

#[tokio::test]
async fn no_way_leads_from_the_entry_page_to_the_one_before() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    app.dingtalk.sign_in("zhangsan");
    chromium.open(&app.url).await;
    chromium.shown("[data-user-id='zhangsan']").await;
    app.dingtalk.sign_in("alice");
    app.dingtalk.client(Answers::Refuses, false);
    chromium.on_every_document(WITNESS).await;
    chromium.open(&format!("{}/profile", app.url)).await;
    chromium.sees("#trouble-text", "DingTalk refused the request.").await;
    chromium.click("a.brand").await;
    chromium.until("it is home", "return location.pathname === '/'", &[]).await;
    chromium.sees("#trouble-text", "DingTalk refused the request.").await;
    app.dingtalk.client(Answers::Normal, false);
    chromium.click("#retry").await;
    chromium.shown("[data-user-id='alice']").await;
    assert_eq!(chromium.href().await, format!("{}/", app.url), "from here all is as usual");
    assert!(!chromium.ever_showed("张三").await);
    chromium.finish().await;
}

/// Once `lose` is in sessionStorage, the next login sends an unknown state.
const LOSE_A_STATE: &str = "
    const ask = window.fetch;
    window.fetch = (path, init) => {
        if (path === '/api/login' && sessionStorage.getItem('lose')) {
            sessionStorage.removeItem('lose');
            init.body = init.body.replace('\"state\":\"', '$&x');
        }
        return ask(path, init);
    };
";

/// A browser that still has zhangsan's session, in a client that alice has signed in to since.
async fn left_to_alice(app: &TestApp) -> Chromium {
    app.dingtalk.sign_in("zhangsan");
    let chromium = Chromium::start().await;
    chromium.open(&app.url).await;
    chromium.shown("[data-user-id='zhangsan']").await;
    app.dingtalk.sign_in("alice");
    chromium.on_every_document(WITNESS).await;
    chromium
}

impl Chromium {
    /// Ends the test: alice sees her page at this address, and zhangsan was never shown.
    async fn shows_alice_alone(self, address: &str) {
        self.shown("[data-user-id='alice']").await;
        assert_eq!(self.href().await, address);
        assert!(self.ever_showed("Alice Chen").await && !self.ever_showed("张三").await);
        self.finish().await;
    }
}

#[tokio::test]
async fn loading_the_entry_page_again_leads_nobody_to_the_one_before() {
    let app = TestApp::start().await;
    let chromium = left_to_alice(&app).await;
    app.dingtalk.client(Answers::Never, false);
    let address = format!("{}/profile?q=1#here", app.url);
    chromium.open(&address).await;
    for answers in [Answers::Never, Answers::Normal] {
        app.dingtalk.client(answers, false);
        chromium.run("window.old = true; document.querySelector('#load-again').click()", &[]).await;
        chromium.until("the page is loaded anew", "return !window.old", &[]).await;
    }
    chromium.shows_alice_alone(&address).await;
}

#[tokio::test]
async fn another_document_after_two_refusals_leads_nobody_to_the_one_before() {
    let app = TestApp::start().await;
    let chromium = left_to_alice(&app).await;
    app.dingtalk.client(Answers::Refuses, false);
    let address = format!("{}/profile#here", app.url);
    chromium.open(&address).await;
    chromium.run("window.old = true", &[]).await;
    for _ in 0..2 {
        chromium.sees("#trouble-text", "DingTalk refused the request.").await;
        chromium.tries_again().await;
    }
    chromium.until("the page is loaded anew", "return !window.old", &[]).await;
    chromium.sees("#trouble-text", "DingTalk refused the request.").await;
    app.dingtalk.client(Answers::Normal, false);
    chromium.click("#retry").await;
    chromium.shows_alice_alone(&address).await;
}

#[tokio::test]
async fn another_document_for_a_lost_state_leads_nobody_to_the_one_before() {
    let app = TestApp::start().await;
    let chromium = left_to_alice(&app).await;
    chromium.on_every_document(LOSE_A_STATE).await;
    let address = format!("{}/profile?q=1&r=2", app.url);
    chromium.run("sessionStorage.setItem('lose', 'yes')", &[]).await;
    chromium.open(&address).await;
    chromium.until("a state was lost", "return !sessionStorage.getItem('lose')", &[]).await;
    chromium.shows_alice_alone(&address).await;
}

#[tokio::test]
async fn a_page_of_the_one_before_gives_way_when_its_session_ends() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    chromium.open(&app.url).await;
    chromium.sees("#user-name", "张三").await;
    app.dingtalk.sign_in("alice");
    app.hands.advance(Duration::from_secs(31 * 60));
    chromium.run("setTimeout(() => h5.session.fetch('/api/me').catch(() => {}))", &[]).await;
    chromium.sees("#user-name", "Alice Chen").await;
    chromium.finish().await;
}

#[tokio::test]
async fn the_back_button_shows_nothing_of_the_one_before() {
    let app = TestApp::start().await;
    app.dingtalk.sign_in("alice");
    let chromium = Chromium::start().await;
    chromium.open(&format!("{}/profile", app.url)).await;
    chromium.sees("#user-id", "alice").await;
    app.dingtalk.sign_in("bob");
    chromium.open(&app.url).await;
    chromium.sees("#user-name", "Bob").await;
    chromium.driver.back().await.unwrap();
    chromium.sees("#user-id", "bob").await;
    assert!(!chromium.text().await.contains("Alice"));
    chromium.finish().await;
}

#[tokio::test]
async fn a_page_that_was_kept_for_the_back_button_is_hidden_until_it_was_asked_for_anew() {
    let app = TestApp::start().await;
    app.dingtalk.sign_in("alice");
    let chromium = Chromium::start().await;
    chromium.open(&app.url).await;
    chromium.sees("#user-name", "Alice Chen").await;
    let seen_after = "
        window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }));
        return getComputedStyle(document.body).visibility";
    assert_eq!(chromium.run(seen_after, &[]).await, "hidden");
    app.dingtalk.sign_in("bob");
    chromium.run("window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })); window.old = true", &[]).await;
    chromium.until("the page was asked for anew", "return !window.old", &[]).await;
    chromium.finish().await;
}

#[tokio::test]
async fn a_page_that_comes_back_without_a_word_is_asked_for_anew_and_does_not_stay_hidden() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    chromium.open(&app.url).await;
    chromium.shown("#user-name").await;
    chromium.run("window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true })); window.old = true", &[]).await;
    chromium.until("the page was asked for anew", "return !window.old", &[]).await;
    chromium.sees("#user-name", "张三").await;
    chromium.finish().await;
}
