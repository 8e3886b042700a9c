//! The page while others are first: it says so calmly, moves on by itself, and does not wait for ever.

use std::num::NonZeroU32;
use std::time::Duration;

use dingtalk_h5::settings::Settings;
use dingtalk_simulator::{Answers, Fault};
use serde_json::json;
use tokio::task::JoinSet;

use super::AUTH_CODE;
use super::chromium::Chromium;
use super::faces::Reader;
use crate::support::{TestApp, USER_BY_CODE, eventually};

/// One call a second; a login posts again after a second.
fn slow_and_impatient(settings: &mut Settings) {
    settings.dingtalk.calls_per_second = NonZeroU32::MIN;
    settings.web.login_patience = Duration::from_secs(1);
}

/// Puts the logins of this many people in line, ahead of the page's. They give up when the result is dropped.
async fn crowd(app: &TestApp, people: usize) -> JoinSet<()> {
    app.browser_of("zhangsan").await;
    let mut crowd = JoinSet::new();
    for _ in 0..people {
        let (mut browser, code) = (app.browser(), app.dingtalk.issue_code("bob"));
        crowd.spawn(async move {
            let state = browser.enter().await;
            let mut answer = browser.log_in(&code, &state).await;
            while answer.status == 429 {
                let place = answer.json()["place"].as_str().unwrap().to_owned();
                answer = browser.log_in_at(&place, &code, &state).await;
            }
        });
    }
    // Some may be between two posts, and are not in line then.
    app.are_in_line(people - 2).await;
    crowd
}

#[tokio::test]
async fn a_page_that_has_to_wait_says_for_how_long_in_both_languages_and_then_moves_on_by_itself() {
    for (language, before, after) in [
        ("en-US", "Many people are signing in right now. Your turn comes in about ", " seconds."),
        ("zh-CN", "当前登录人数较多，大约还需等待 ", " 秒。"),
    ] {
        let app = TestApp::start_with(slow_and_impatient).await;
        let chromium = Chromium::start().await;
        chromium.is_read_by(Reader { language, scheme: "light" }).await;
        let crowd = crowd(&app, 36).await;
        chromium.open(&app.url).await;
        let said = chromium.shown("[role=status] #wait").await;
        let seconds = said.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)).unwrap_or_else(|| panic!("{said}"));
        assert!(["10", "20", "30", "40"].contains(&seconds), "{said}");
        let text = chromium.text().await;
        assert!(!text.contains("Try again") && !text.contains("重试"), "{text}");
        assert_eq!(
            chromium.run("return document.querySelector('#slow').hidden", &[]).await,
            json!(true),
            "no offer to lose the place"
        );
        drop(crowd);
        chromium.sees("#user-name", "张三").await;
        assert_eq!(app.dingtalk.calls(AUTH_CODE), 1, "one code for all posts");
        chromium.finish().await;
    }
}

#[tokio::test]
async fn a_code_that_grows_old_while_its_page_waits_is_replaced_and_the_place_is_kept() {
    let app = TestApp::start_with(slow_and_impatient).await;
    let chromium = Chromium::start().await;
    let crowd = crowd(&app, 36).await;
    chromium.open(&app.url).await;
    chromium.shown("#wait").await;
    app.dingtalk.advance(Duration::from_secs(301));
    chromium.run("const now = Date.now; Date.now = () => now() + 301000", &[]).await;
    eventually("a fresh code is taken", || app.dingtalk.calls(AUTH_CODE) == 2).await;
    let before = app.dingtalk.calls(USER_BY_CODE);
    drop(crowd);
    chromium.sees("#user-name", "张三").await;
    assert!(app.dingtalk.calls(USER_BY_CODE) <= before + 2, "no code was rejected");
    assert_eq!(app.dingtalk.calls(AUTH_CODE), 2);
    chromium.finish().await;
}

#[tokio::test]
async fn a_page_that_is_closed_while_it_waits_gives_its_place_up() {
    let app = TestApp::start_with(|settings| settings.dingtalk.calls_per_second = NonZeroU32::MIN).await;
    let chromium = Chromium::start().await;
    chromium.on_every_document(TELL_THE_CODE).await;
    let crowd = crowd(&app, 36).await;
    chromium.open(&app.url).await;
    let code = chromium.until("it has posted", "return window.code", &[]).await;
    app.are_in_line(1 + 36 + 1).await;
    // The tab is closed, because a page that is only left goes on posting for a while if the back button could bring it back.
    let elsewhere = chromium.driver.new_tab().await.unwrap();
    chromium.driver.close_window().await.unwrap();
    chromium.driver.switch_to_window(elsewhere).await.unwrap();
    drop(crowd);
    eventually("nobody waits", || app.waiting() == 0).await;
    let answer = app.browser().enter_and_log_in(code.as_str().unwrap()).await;
    assert_eq!(answer.status, 200, "nobody has used its code: {}", answer.body);
    chromium.finish().await;
}

#[tokio::test]
async fn a_login_that_goes_on_at_the_server_after_the_network_has_changed_is_waited_for() {
    let app = TestApp::start().await;
    app.dingtalk.fault("/topapi/v2/user/getuserinfo", 1, Fault::Delay { milliseconds: 3000 });
    let chromium = Chromium::start().await;
    let cut = "const ask = window.fetch;
               window.fetch = (path, init) => {
                 if (path !== '/api/login') return ask(path, init);
                 window.fetch = ask;
                 ask(path, Object.assign({}, init, { signal: undefined }));
                 return new Promise((resolve, reject) => setTimeout(reject, 500, new TypeError('the network changed')));
               };";
    chromium.on_every_document(cut).await;
    chromium.open(&app.url).await;
    chromium.sees("#trouble-text", "The server cannot be reached.").await;
    chromium.click("#retry").await;
    chromium.sees("#user-name", "张三").await;
    chromium.finish().await;
}

#[tokio::test]
async fn after_a_login_that_failed_for_good_a_server_that_cannot_be_reached_is_told_at_once() {
    let app = TestApp::start_with(slow_and_impatient).await;
    let chromium = Chromium::start().await;
    let _crowd = crowd(&app, 36).await;
    chromium.open(&app.url).await;
    chromium.shown("#wait").await;
    let refuses_and_goes = "const ask = window.fetch;
        let answer = async () => new Response('{\"code\":\"not_a_member\",\"title\":\"Nobody.\"}', { status: 403 });
        window.fetch = (path, init) => {
            if (path !== '/api/login') return ask(path, init);
            const answered = answer();
            answer = async () => { throw new TypeError('Failed to fetch'); };
            return answered;
        }";
    chromium.run(refuses_and_goes, &[]).await;
    chromium.sees("#trouble-text", "Nobody.").await;
    chromium.click("#retry").await;
    chromium.sees("#trouble-text", "The server cannot be reached.").await;
    chromium.finish().await;
}

#[tokio::test]
async fn nobody_waits_longer_than_ten_minutes() {
    let app = TestApp::start_with(slow_and_impatient).await;
    let chromium = Chromium::start().await;
    let _crowd = crowd(&app, 36).await;
    chromium.open(&app.url).await;
    chromium.shown("#wait").await;
    chromium.run("const now = Date.now; Date.now = () => now() + 601000", &[]).await;
    chromium.sees("#trouble-text", "Signing in takes too long today.").await;
    chromium.shown("#retry").await;
    chromium.finish().await;
}

/// A page that waits behind a crowd. `window.away` says how many of its posts fail.
async fn in_line_behind_a_bad_network() -> (TestApp, Chromium, JoinSet<()>) {
    let app = TestApp::start_with(slow_and_impatient).await;
    let chromium = Chromium::start().await;
    let crowd = crowd(&app, 36).await;
    chromium.on_every_document(NO_SERVER_FOR_A_WHILE).await;
    chromium.open(&app.url).await;
    chromium.shown("#wait").await;
    (app, chromium, crowd)
}

/// All posts after the first have sent a place.
async fn has_kept_its_place(chromium: &Chromium) {
    let places = chromium.run("return window.places.map((place) => typeof place)", &[]).await;
    let (first, later) = places.as_array().unwrap().split_first().unwrap();
    assert!(first == "undefined" && later.iter().all(|place| place == "string"), "{places}");
}

#[tokio::test]
async fn a_page_whose_server_is_replaced_while_it_waits_asks_again_with_a_fresh_code_and_its_place() {
    let (app, chromium, crowd) = in_line_behind_a_bad_network().await;
    chromium.run("window.away = 2", &[]).await;
    chromium.until("it has asked in vain, and again", "return window.away === 0 && window.places.length > 3", &[]).await;
    has_kept_its_place(&chromium).await;
    drop(crowd);
    chromium.sees("#user-name", "张三").await;
    assert!(app.dingtalk.calls(AUTH_CODE) >= 2);
    chromium.finish().await;
}

/// A phone that changes networks: the post fails, and the client cannot fetch a code either until the network is back.
#[tokio::test]
async fn a_page_that_waits_keeps_its_place_while_the_network_is_away_from_it_and_from_the_client() {
    let (app, chromium, crowd) = in_line_behind_a_bad_network().await;
    app.dingtalk.client(Answers::Refuses, false);
    let codes = app.dingtalk.calls(AUTH_CODE);
    chromium.run("window.away = 1", &[]).await;
    eventually("the client refuses twice", || app.dingtalk.calls(AUTH_CODE) >= codes + 2).await;
    let posts = chromium.run("return window.places.length", &[]).await;
    app.dingtalk.client(Answers::Normal, false);
    let posted = "return window.places.length > Number(arguments[0])";
    chromium.until("it posts again", posted, &[&posts.to_string()]).await;
    has_kept_its_place(&chromium).await;
    drop(crowd);
    chromium.sees("#user-name", "张三").await;
    chromium.finish().await;
}

#[tokio::test]
async fn a_server_that_is_gone_for_good_is_told_as_what_it_is_and_not_as_a_long_line() {
    let app = TestApp::start_with(slow_and_impatient).await;
    let chromium = Chromium::start().await;
    let _crowd = crowd(&app, 36).await;
    chromium.open(&app.url).await;
    chromium.shown("#wait").await;
    let gone = "window.posts = 0;
        window.fetch = () => { window.posts += 1; return Promise.reject(new TypeError('Failed to fetch')); };";
    chromium.run(gone, &[]).await;
    chromium.until("it has posted in vain", "return window.posts > 0", &[]).await;
    chromium.run("const now = Date.now; Date.now = () => now() + 601000", &[]).await;
    chromium.sees("#trouble-text", "The server cannot be reached.").await;
    chromium.finish().await;
}

#[tokio::test]
async fn a_login_that_was_never_in_line_asks_no_more_once_its_server_is_gone() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    let rejects_and_goes = "let posts = 0;
        const ask = window.fetch;
        window.fetch = (path, init) => {
            if (path !== '/api/login') return ask(path, init);
            posts += 1;
            return posts === 1 ? Promise.resolve(new Response('{\"code\":\"code_rejected\",\"place\":\"p\"}', { status: 401 }))
                : Promise.reject(new TypeError('Failed to fetch'));
        };";
    chromium.on_every_document(rejects_and_goes).await;
    chromium.open(&app.url).await;
    chromium.sees("#trouble-text", "The server cannot be reached.").await;
    assert_eq!(app.dingtalk.calls(AUTH_CODE), 2);
    chromium.finish().await;
}

#[tokio::test]
async fn a_login_in_the_middle_of_work_tells_the_page_how_long_others_are_first() {
    let app = TestApp::start_with(slow_and_impatient).await;
    let chromium = Chromium::start().await;
    chromium.open(&app.url).await;
    chromium.shown("#user-name").await;
    app.hands.advance(Duration::from_secs(31 * 60));
    let _crowd = crowd(&app, 36).await;
    chromium.run("h5.session.fetch('/api/me')", &[]).await;
    chromium.run("h5.session.fetch('/api/me', {}, (wait) => { window.told = wait; })", &[]).await;
    chromium.until("the wait is told", "return window.told > 0", &[]).await;
    chromium.finish().await;
}

/// The first post is answered with `crowded`: too many are in line for another one to wait.
const CROWDED_ONCE: &str = "
    const ask = window.fetch;
    window.fetch = (...request) => {
        if (!String(request[0]).startsWith('/api/login')) return ask(...request);
        window.fetch = ask;
        const init = { status: 429, headers: { 'Retry-After': '2' } };
        return Promise.resolve(new Response(JSON.stringify({ code: 'crowded' }), init));
    };";

#[tokio::test]
async fn whoever_joins_a_login_that_waits_is_told_at_once_and_one_whose_page_is_gone_costs_nobody_the_login() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    chromium.open(&app.url).await;
    chromium.shown("#user-name").await;
    app.hands.advance(Duration::from_secs(31 * 60));
    chromium.run(CROWDED_ONCE, &[]).await;
    let gone = "h5.session.fetch('/api/me', {}, (wait) => { window.first = wait; throw new Error('gone'); })
        .then((answer) => { window.answered = answer.status; });";
    chromium.run(gone, &[]).await;
    chromium.until("the first is told", "return window.first > 0", &[]).await;
    chromium.run("h5.session.fetch('/api/me', {}, (wait) => { window.second = wait; })", &[]).await;
    chromium.until("the second is told", "return window.second > 0", &[]).await;
    chromium.until("the first is answered", "return window.answered === 200", &[]).await;
    chromium.finish_with_faults();
}

#[tokio::test]
async fn whoever_signs_out_in_one_window_is_not_signed_in_again_by_another_that_waits() {
    let app = TestApp::start_with(slow_and_impatient).await;
    let chromium = Chromium::start().await;
    chromium.open(&app.url).await;
    chromium.shown("#user-name").await;
    let crowd = crowd(&app, 36).await;
    let at_home = chromium.driver.window().await.unwrap();
    let waits = chromium.driver.new_tab().await.unwrap();
    chromium.driver.switch_to_window(waits.clone()).await.unwrap();
    chromium.open(&app.url).await;
    chromium.shown("#wait").await;
    chromium.driver.switch_to_window(at_home).await.unwrap();
    chromium.click("[data-action='log-out']").await;
    chromium.sees("main h1", "You have signed out").await;
    chromium.driver.switch_to_window(waits).await.unwrap();
    chromium.sees("main h1", "You have signed out").await;
    drop(crowd);
    chromium.finish().await;
}

/// The next `window.away` posts do not reach the server: every second one fails, and the others get a proxy's 502. `window.places` collects
/// the place that each post sends.
const NO_SERVER_FOR_A_WHILE: &str = "
    const ask = window.fetch;
    window.away = 0;
    window.places = [];
    window.fetch = (...request) => {
        if (String(request[0]).startsWith('/api/login')) window.places.push(JSON.parse(request[1].body).place);
        if (!window.away || !String(request[0]).startsWith('/api/login')) return ask(...request);
        window.away -= 1;
        return window.away % 2 ? Promise.reject(new TypeError('Failed to fetch'))
            : Promise.resolve(new Response('<h1>502</h1>', { status: 502, headers: { 'Content-Type': 'text/html' } }));
    };";

const TELL_THE_CODE: &str = "{
    const ask = window.fetch;
    window.fetch = (path, init) => {
        if (path === '/api/login') window.code = JSON.parse(init.body).authCode;
        return ask(path, init);
    };
}";
