//! After logging out nothing of the person is left.

use std::future::pending;
use std::time::Duration;

use dingtalk_simulator::{Answers, Fault};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::AUTH_CODE;
use super::chromium::Chromium;
use super::session::at_home;
use crate::support::{TestApp, USER_BY_CODE, eventually};

async fn logged_out(app: &TestApp) -> Chromium {
    let chromium = Chromium::start().await;
    chromium.open(&app.url).await;
    chromium.click("nav.nav a[href='/profile']").await;
    chromium.shown("p.card ~ p.card").await;
    chromium.click("nav.nav a[href='/']").await;
    let store = "localStorage.of = '张三'; return document.cookie = 'theme=dark'";
    chromium.run(store, &[]).await;
    chromium.click("[data-action='log-out']").await;
    chromium.sees("main h1", "You have signed out").await;
    assert_eq!(chromium.href().await, format!("{}/signed-out?corpid={}", app.url, app.dingtalk.app().corp_id));
    // Clear-Site-Data leaves sessionStorage alone in Chromium. It ends with the tab.
    let stored = chromium.run("return [localStorage.length, document.cookie].join()", &[]).await;
    assert_eq!(stored, "0,theme=dark", "what pages stored is gone, and other programs' cookies are not");
    chromium
}

fn has_nothing_of_zhangsan(text: &str) {
    for word in ["张三", "zhangsan", "产品", "dingsimulator0001"] {
        assert!(!text.contains(word), "{word} in {text}");
    }
}

#[tokio::test]
async fn the_signed_out_page_and_the_back_button_show_nothing_of_the_user() {
    let app = TestApp::start().await;
    let chromium = logged_out(&app).await;
    has_nothing_of_zhangsan(&chromium.text().await);

    // Going back starts a new login, which the client refuses here: what is shown then does not come from a cache.
    app.dingtalk.client(Answers::Refuses, false);
    for _ in 0..2 {
        chromium.driver.back().await.unwrap();
        chromium.sees("#trouble-text", "DingTalk refused the request.").await;
        has_nothing_of_zhangsan(&chromium.text().await);
    }
    assert_eq!(app.dingtalk.calls(USER_BY_CODE), 1);
    chromium.finish().await;
}

#[tokio::test]
async fn the_session_is_dead_and_not_only_forgotten() {
    let app = TestApp::start().await;
    let chromium = at_home(&app).await;
    let copy = chromium.driver.get_named_cookie("session").await.unwrap();
    chromium.click("[data-action='log-out']").await;
    chromium.sees("main h1", "You have signed out").await;
    chromium.driver.add_cookie(copy).await.unwrap();
    assert_eq!(chromium.resolve("fetch('/api/me').then((answer) => answer.status)").await, 401);
    chromium.finish().await;
}

#[tokio::test]
async fn a_log_out_that_fails_says_so_and_leaves_the_keyboard_where_it_was() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    chromium.open(&app.url).await;
    chromium.sees("#user-name", "张三").await;
    // After two frames: a disabled button loses the focus when the page is drawn.
    let fails = "const fail = (reject) => reject(new TypeError('Failed to fetch'));
        const drawn = (then) => requestAnimationFrame(() => requestAnimationFrame(then));
        window.fetch = () => new Promise((resolve, reject) => drawn(() => fail(reject)))";
    chromium.run(fails, &[]).await;
    chromium.click("[data-action='log-out']").await;
    chromium.sees("#log-out-trouble", "The server cannot be reached.").await;
    assert_eq!(chromium.run("return document.activeElement.dataset.action", &[]).await, "log-out");
    chromium.finish().await;
}

#[tokio::test]
async fn somebody_who_signed_out_can_sign_in_again() {
    let app = TestApp::start().await;
    let chromium = logged_out(&app).await;
    chromium.click("main a[href^='/?corpid=']").await;
    chromium.sees("#user-name", "张三").await;
    assert_eq!((app.dingtalk.calls(AUTH_CODE), app.dingtalk.calls(USER_BY_CODE)), (2, 2));
    chromium.finish().await;
}

#[tokio::test]
async fn whoever_signs_out_on_one_page_is_signed_out_on_all_and_none_signs_in_again() {
    let app = TestApp::start().await;
    let chromium = at_home(&app).await;
    let driver = &chromium.driver;
    let first = driver.window().await.unwrap();
    let second = driver.new_tab().await.unwrap();
    driver.switch_to_window(second.clone()).await.unwrap();
    chromium.open(&app.url).await;
    chromium.click("[data-action='log-out']").await;
    chromium.sees("main h1", "You have signed out").await;
    driver.switch_to_window(first).await.unwrap();
    chromium.sees("main h1", "You have signed out").await;
    assert_eq!(app.dingtalk.calls(USER_BY_CODE), 2);
    chromium.finish().await;
}

#[tokio::test]
async fn a_request_that_crosses_a_sign_out_signs_nobody_in_again() {
    let app = TestApp::start().await;
    let chromium = at_home(&app).await;
    // The page sends a request after the server has ended the session, and before the page gets the answer to the sign-out.
    let script = "const ask = window.fetch;
         window.fetch = (path, init) => {
           if (path !== '/api/logout') return ask(path, init);
           return ask(path, init).then((answer) => h5.session.fetch('/api/me').then(() => answer));
         };";
    chromium.run(script, &[]).await;
    chromium.click("[data-action='log-out']").await;
    chromium.sees("main h1", "You have signed out").await;
    assert_eq!(app.dingtalk.calls(AUTH_CODE), 1);
    assert_eq!(chromium.resolve("fetch('/api/me').then((answer) => answer.status)").await, 401);
    chromium.finish().await;
}

#[tokio::test]
async fn a_login_that_is_under_way_when_somebody_signs_out_signs_nobody_in() {
    let app = TestApp::start().await;
    let chromium = at_home(&app).await;
    app.hands.advance(Duration::from_secs(31 * 60));
    let slow = Fault::Delay { milliseconds: 1500 };
    app.dingtalk.fault("/topapi/v2/user/getuserinfo", 1, slow);
    // The page gets the answer to the sign-out after the answer to the login.
    let script = "const ask = window.fetch;
         window.fetch = (path, init) => ask(path, init).then((answer) => {
           return new Promise((resolve) => setTimeout(resolve, path === '/api/logout' ? 2500 : 0, answer));
         });
         h5.session.fetch('/api/me').catch(() => {});";
    chromium.run(script, &[]).await;
    eventually("the login is under way", || app.dingtalk.calls(USER_BY_CODE) == 2).await;
    chromium.click("[data-action='log-out']").await;
    chromium.sees("main h1", "You have signed out").await;
    assert_eq!(chromium.resolve("fetch('/api/me').then((answer) => answer.status)").await, 401);
    chromium.finish().await;
}

/// Passes connections on to the port `to`, until nothing moves any more.
async fn pass_on(listener: TcpListener, to: u16, hangs: watch::Receiver<bool>) {
    while let Ok((mut connection, _)) = listener.accept().await {
        let mut hangs = hangs.clone();
        tokio::spawn(async move {
            let mut there = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
            let hang = async {
                drop(hangs.wait_for(|hangs| *hangs).await);
            };
            tokio::select! {
                () = hang => {}
                _ = copy_bidirectional(&mut connection, &mut there) => return,
            }
            pending::<()>().await;
        });
    }
}

#[tokio::test]
async fn whoever_waits_for_dingtalk_s_library_can_log_out_meanwhile() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut dingtalk = 0;
    let app = TestApp::start_with(|settings| {
        let library = &mut settings.web.jsapi_script_url;
        dingtalk = library.port().unwrap();
        library.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
    })
    .await;
    let (hang, hangs) = watch::channel(false);
    tokio::spawn(pass_on(listener, dingtalk, hangs));
    let chromium = at_home(&app).await;
    hang.send_replace(true);
    // The driver waits for what it shows, so the page that hangs is in another window.
    chromium.open(&format!("{}/healthz", app.url)).await;
    chromium.run("window.slow = window.open('/?another')", &[]).await;
    let button = "const button = window.slow.document.querySelector('[data-action=log-out]')";
    chromium.until("log out can be clicked", &format!("{button}; return Boolean(button) && !button.disabled"), &[]).await;
    assert_eq!(chromium.run("return window.slow.document.readyState", &[]).await, "interactive", "it still waits");
    chromium.run(&format!("{button}; button.click()"), &[]).await;
    chromium.until("it is signed out", "return window.slow.location.pathname === '/signed-out'", &[]).await;
    chromium.finish().await;
}
