//! A company comes in, and DingTalk takes so many calls a second: nobody is refused, everybody keeps their place.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use dingtalk_h5::settings::Settings;
use dingtalk_simulator::{Fault, Limit};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::metrics::{samples, watched_with};
use crate::support::{Browser, TestApp, USER_BY_CODE, eventually};

const EXCHANGE: &str = "/topapi/v2/user/getuserinfo";

pub fn one_a_second_and_no_patience(settings: &mut Settings) {
    settings.dingtalk.calls_per_second = NonZeroU32::MIN;
    settings.web.login_patience = Duration::ZERO;
}

pub fn one_a_second(settings: &mut Settings) {
    settings.dingtalk.calls_per_second = NonZeroU32::MIN;
}

/// A login that was answered `login_queued`, with what it needs to post again.
struct Waiting {
    browser: Browser,
    state: String,
    place: String,
}

impl Waiting {
    /// Logs in at `app` again and again, until a login has to wait because another one has used this second's call.
    async fn at(app: &TestApp) -> Self {
        loop {
            let mut browser = app.browser();
            let state = browser.enter().await;
            let answer = browser.log_in(&app.dingtalk.issue_code("alice"), &state).await;
            if answer.status != 200 {
                assert_eq!(answer.problem(), (429, "login_queued".into()));
                return Self { browser, state, place: answer.json()["place"].as_str().unwrap().to_owned() };
            }
        }
    }

    /// The same person, whom a load balancer sends to another process with the same session key.
    fn goes_to(mut self, app: &TestApp) -> Self {
        (self.browser.url, self.browser.origin) = (app.url.clone(), app.url.clone());
        self
    }

    async fn post(&mut self, code: &str) -> (u16, String) {
        let answer = self.browser.log_in_at(&self.place, code, &self.state).await;
        if answer.status == 200 { (200, String::new()) } else { answer.problem() }
    }
}

/// Two apps with one session key. The first answers a login that has to wait at once, with a place; the other holds it until its turn.
async fn two_processes() -> (TestApp, TestApp) {
    let first = TestApp::start_with(one_a_second_and_no_patience).await;
    let keys = first.settings.web.session_keys.clone();
    let other = TestApp::start_with(|settings| {
        settings.dingtalk.calls_per_second = NonZeroU32::MIN;
        settings.web.session_keys = keys;
    })
    .await;
    (first, other)
}

#[tokio::test]
async fn a_login_whose_turn_does_not_come_uses_up_nothing_and_is_let_in_when_it_posts_again() {
    let app = TestApp::start_with(one_a_second_and_no_patience).await;
    let mut before = 0;
    let (mut browser, state, code, presession, mut answer) = loop {
        let mut browser = app.browser();
        let (state, code) = (browser.enter().await, app.dingtalk.issue_code("alice"));
        let presession = browser.cookie("presession").unwrap().to_owned();
        let answer = browser.log_in(&code, &state).await;
        if answer.status != 200 {
            break (browser, state, code, presession, answer);
        }
        before += 1;
    };
    assert_eq!(answer.problem(), (429, "login_queued".into()));
    assert_eq!(answer.header("retry-after"), "0");
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with(&format!("presession={presession};")) && cookie.contains("Max-Age=600"), "{cookie}");
    let wait = answer.json()["waitMs"].as_u64().unwrap();
    assert!((1..=1100).contains(&wait), "{wait}");
    assert_eq!(app.dingtalk.calls(USER_BY_CODE), before);

    while answer.status == 429 {
        let place = answer.json()["place"].as_str().unwrap().to_owned();
        answer = browser.log_in_at(&place, &code, &state).await;
    }
    assert_eq!((answer.status, answer.json()["userId"].as_str()), (200, Some("alice")));
    assert_eq!(app.dingtalk.calls(USER_BY_CODE), before + 1);
}

#[tokio::test]
async fn forty_people_at_once_are_all_let_in_by_their_first_post_and_none_of_their_calls_is_refused() {
    let app = TestApp::start_with(|settings| settings.dingtalk.calls_per_second = NonZeroU32::new(20).unwrap()).await;
    app.dingtalk.calls_per_second(Some(20));
    let logins = (0..40).map(|_| {
        let mut browser = app.browser();
        let code = app.dingtalk.issue_code("alice");
        tokio::spawn(async move { browser.enter_and_log_in(&code).await.status })
    });
    for login in logins.collect::<Vec<_>>() {
        assert_eq!(login.await.unwrap(), 200);
    }
    assert_eq!(app.dingtalk.calls(USER_BY_CODE), 40, "none was refused");
}

#[tokio::test]
async fn what_dingtalk_refuses_because_somebody_else_calls_too_is_waited_out_and_nobody_notices() {
    let app = watched_with(|settings| settings.dingtalk.calls_per_second = NonZeroU32::new(20).unwrap()).await;
    app.browser_of("zhangsan").await;
    app.dingtalk.calls_per_second(Some(5));
    let logins = (0..15).map(|_| {
        let mut browser = app.browser();
        let code = app.dingtalk.issue_code("alice");
        tokio::spawn(async move { browser.enter_and_log_in(&code).await.status })
    });
    for login in logins.collect::<Vec<_>>() {
        assert_eq!(login.await.unwrap(), 200);
    }
    let seen = samples(&app).await;
    assert!(seen["dingtalk_calls_per_second{endpoint=\"user_by_code\"}"] < 20.0, "{seen:?}");
    assert!(seen["dingtalk_calls_total{class=\"rate_limited\",endpoint=\"user_by_code\"}"] > 0.0);
    assert_eq!(seen["logins_total{result=\"ok\"}"], 16.0);
}

#[tokio::test]
async fn whoever_waited_at_one_process_keeps_their_place_at_the_next() {
    let (first, next) = two_processes().await;
    let mut early = Waiting::at(&first).await.goes_to(&next);
    assert_eq!(order_of(&next, &mut early).await, ["alice", "bob"]);
}

/// Waits until a login waits for its turn.
async fn first_in_line(app: &TestApp) {
    eventually("somebody waits", || app.client.waiting().iter().any(|(_, waiting)| waiting.calls == 1)).await;
}

#[tokio::test]
async fn a_place_that_is_not_claimed_in_time_has_lost_its_order() {
    let (first, next) = two_processes().await;
    let mut early = Waiting::at(&first).await.goes_to(&next);
    next.hands.advance(Duration::from_secs(40));
    assert_eq!(order_of(&next, &mut early).await, ["bob", "alice"]);
}

#[tokio::test]
async fn a_place_keeps_its_order_for_one_exchange_and_for_one_fresh_code() {
    let (first, next) = two_processes().await;
    let mut early = Waiting::at(&first).await.goes_to(&next);
    for code in ["stale", "stale-too"] {
        assert_eq!(early.post(code).await, (401, "code_rejected".into()));
    }
    assert_eq!(order_of(&next, &mut early).await, ["bob", "alice"]);

    let (first, next) = two_processes().await;
    let mut early = Waiting::at(&first).await.goes_to(&next);
    assert_eq!(early.post("stale").await, (401, "code_rejected".into()));
    assert_eq!(order_of(&next, &mut early).await, ["alice", "bob"]);
}

/// Who is let in first: `bob`, who comes now, or `alice`, who waits with a place.
async fn order_of(app: &TestApp, alice: &mut Waiting) -> Vec<&'static str> {
    app.browser_of("zhangsan").await;
    let already = app.dingtalk.calls(USER_BY_CODE) as usize;
    // Another login is in line before Bob's, so that Alice posts before Bob's turn.
    let (mut other, other_code) = (app.browser(), app.dingtalk.issue_code("zhangsan"));
    let other = tokio::spawn(async move { other.enter_and_log_in(&other_code).await.status });
    app.are_in_line(already + 1).await;
    let mut bob = app.browser();
    let code = app.dingtalk.issue_code("bob");
    let bob = tokio::spawn(async move { (bob.enter_and_log_in(&code).await.status, Instant::now()) });
    app.are_in_line(already + 2).await;
    assert_eq!(alice.post(&app.dingtalk.issue_code("alice")).await.0, 200);
    let alice_at = Instant::now();
    let (status, bob_at) = bob.await.unwrap();
    assert_eq!((status, other.await.unwrap()), (200, 200));
    if alice_at < bob_at { vec!["alice", "bob"] } else { vec!["bob", "alice"] }
}

#[tokio::test]
async fn neither_the_state_nor_the_pre_session_runs_out_while_a_login_waits() {
    let app = TestApp::start_with(one_a_second_and_no_patience).await;
    let mut browser = app.browser();
    let state = browser.enter().await;
    let code = || app.dingtalk.issue_code("alice");
    app.advance(Duration::from_secs(590));
    Waiting::at(&app).await;
    let mut answer = browser.log_in(&code(), &state).await;
    assert_eq!(answer.problem(), (429, "login_queued".into()));
    app.advance(Duration::from_secs(300));
    while answer.status == 429 {
        let place = answer.json()["place"].as_str().unwrap().to_owned();
        answer = browser.log_in_at(&place, &code(), &state).await;
    }
    assert_eq!(answer.status, 200, "{}", answer.body);

    let mut late = Waiting::at(&app).await;
    app.advance(Duration::from_secs(601));
    assert_eq!(late.post(&code()).await, (403, "state_rejected".into()), "nobody waits longer than ten minutes");
}

#[tokio::test]
async fn a_login_is_over_after_twenty_minutes_however_often_it_posts() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let state = browser.enter().await;
    let mut answer = browser.log_in("stale", &state).await;
    for (minutes, told) in [(9, (401, "code_rejected")), (9, (401, "code_rejected")), (3, (403, "state_rejected"))] {
        let place = answer.json()["place"].as_str().unwrap().to_owned();
        app.advance(Duration::from_secs(minutes * 60));
        answer = browser.log_in_at(&place, &format!("stale-{minutes}-{}", place.len()), &state).await;
        assert_eq!(answer.problem(), (told.0, told.1.to_owned()));
    }
}

#[tokio::test]
async fn a_used_state_stays_used_for_as_long_as_a_place_could_carry_it() {
    let (first, next) = two_processes().await;
    let mut early = Waiting::at(&first).await.goes_to(&next);
    let presession = early.browser.clone();
    assert_eq!(early.post(&next.dingtalk.issue_code("alice")).await.0, 200);
    for seconds in [0, 300, 290] {
        next.advance(Duration::from_secs(seconds));
        early.browser = presession.clone();
        assert_eq!(early.post(&next.dingtalk.issue_code("alice")).await, (403, "state_rejected".into()));
    }
}

#[tokio::test]
async fn a_place_is_worth_nothing_to_another_browser_with_another_state_or_made_up() {
    let (first, next) = two_processes().await;
    let early = Waiting::at(&first).await.goes_to(&next);
    let other = Waiting::at(&first).await.goes_to(&next);
    let mut stolen = Waiting { place: early.place.clone(), ..other };
    assert_eq!(order_of(&next, &mut stolen).await, ["bob", "alice"]);
    for place in ["00".repeat(56), "place".into(), String::new(), early.place.clone() + "00"] {
        let mut browser = next.browser();
        let state = browser.enter().await;
        let mut forger = Waiting { browser, state, place };
        assert_eq!(order_of(&next, &mut forger).await, ["bob", "alice"], "{}", forger.place);
    }
}

#[tokio::test]
async fn a_code_that_dingtalk_rejects_after_a_wait_leaves_its_login_a_place_for_a_fresh_one() {
    let (app, next) = two_processes().await;
    let mut browser = app.browser();
    let state = browser.enter().await;
    let answer = browser.log_in("stale", &state).await;
    assert_eq!(answer.problem(), (401, "code_rejected".into()));
    let place = answer.json()["place"].as_str().unwrap().to_owned();
    let mut early = Waiting { browser, state, place }.goes_to(&next);
    assert_eq!(order_of(&next, &mut early).await, ["alice", "bob"]);
}

#[tokio::test]
async fn a_browser_that_goes_away_gives_its_place_up() {
    let app = TestApp::start_with(one_a_second).await;
    app.browser_of("zhangsan").await;
    // Another login is in line first, so that the browser goes away before its turn.
    let (mut other, other_code) = (app.browser(), app.dingtalk.issue_code("zhangsan"));
    let other = tokio::spawn(async move { other.enter_and_log_in(&other_code).await.status });
    app.are_in_line(2).await;
    let mut browser = app.browser();
    let (state, code) = (browser.enter().await, app.dingtalk.issue_code("alice"));
    let body = json!({"authCode": code, "state": state}).to_string();
    let (host, origin, length) = (app.url.strip_prefix("http://").unwrap(), &app.url, body.len());
    let cookie = browser.cookie("presession").unwrap();
    let mut connection = TcpStream::connect(host).await.unwrap();
    let head = format!(
        "POST /api/login HTTP/1.1\r\nhost: {host}\r\norigin: {origin}\r\ncookie: presession={cookie}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    connection.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    app.are_in_line(3).await;
    drop(connection);
    eventually("nobody waits", || app.waiting() == 0).await;
    assert_eq!(other.await.unwrap(), 200);
    assert_eq!(browser.log_in(&code, &state).await.status, 200, "neither code nor state is in use");
    assert_eq!(app.dingtalk.calls(USER_BY_CODE), 3);
}

/// Loads the page. The returned future posts the login as a proxy passes it on, with this X-Forwarded-For, and returns when it was let in.
async fn through_proxy(app: &TestApp, forwarded: &'static str) -> impl Future<Output = Instant> + Send + use<> {
    let (mut browser, code) = (app.browser(), app.dingtalk.issue_code("alice"));
    let body = json!({"authCode": code, "state": browser.enter().await});
    async move {
        let origin = browser.origin.clone();
        let headers = [("origin", origin.as_str()), ("content-type", "application/json"), ("x-forwarded-for", forwarded)];
        let answer = browser.send(Method::POST, "/api/login", &headers, Some(body.to_string().into())).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        Instant::now()
    }
}

#[tokio::test]
async fn many_behind_one_address_do_not_stand_before_one_behind_another_and_a_household_is_one_address() {
    let app = TestApp::start_with(|settings| {
        settings.dingtalk.calls_per_second = NonZeroU32::new(4).unwrap();
        settings.web.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let household = ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4", "2001:db8::5", "2001:db8::6"];
    let (mut first, mut loud) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        first.push(through_proxy(&app, "192.0.2.99").await);
    }
    for address in household {
        loud.push(through_proxy(&app, address).await);
    }
    let neighbour = through_proxy(&app, "192.0.2.1, 198.51.100.7").await;
    for login in first {
        login.await;
    }
    let loud: Vec<_> = loud.into_iter().map(tokio::spawn).collect();
    eventually("six wait", || app.client.waiting().iter().any(|(_, waiting)| waiting.calls == 6)).await;
    let neighbour = neighbour.await;
    let mut before = 0;
    for login in loud {
        before += usize::from(login.await.unwrap() < neighbour);
    }
    assert!(before <= 3, "{before}");
}

#[tokio::test]
async fn whoever_waits_in_vain_has_waited_too_for_whoever_watches() {
    let app = watched_with(|settings| {
        one_a_second(settings);
        settings.web.login_patience = Duration::from_millis(200);
    })
    .await;
    Waiting::at(&app).await;
    let seen = samples(&app).await;
    let logged_in = seen["logins_total{result=\"ok\"}"];
    assert_eq!(seen["dingtalk_waited_seconds_count{endpoint=\"user_by_code\"}"], logged_in + 1.0);
}

#[tokio::test]
async fn entries_are_counted_by_whether_their_browser_had_a_good_session() {
    let app = watched_with(|_| {}).await;
    let mut inside = app.browser_of("alice").await;
    inside.open("/").await;
    inside.open("/").await;
    inside.go("/").await;
    let seen = samples(&app).await;
    assert_eq!((seen["entries_total{session=\"none\"}"], seen["entries_total{session=\"good\"}"]), (1.0, 2.0));
}

#[tokio::test]
async fn who_waits_is_seen_in_the_metrics_and_the_server_stays_ready() {
    let app = watched_with(one_a_second).await;
    app.browser_of("zhangsan").await;
    let mut browser = app.browser();
    let code = app.dingtalk.issue_code("alice");
    let login = tokio::spawn(async move { browser.enter_and_log_in(&code).await.status });
    first_in_line(&app).await;
    let seen = samples(&app).await;
    assert_eq!(seen["dingtalk_waiting{endpoint=\"user_by_code\"}"], 1.0);
    assert_eq!(seen["dingtalk_calls_per_second{endpoint=\"user_by_code\"}"], 1.0);
    let ready = app.browser().read("/readyz").await;
    assert_eq!((ready.status, ready.json()["ready"].clone()), (200, Value::Bool(true)));
    assert_eq!(login.await.unwrap(), 200);
    let seen = samples(&app).await;
    assert_eq!(seen["dingtalk_waited_seconds_count{endpoint=\"user_by_code\"}"], 2.0);
    assert_eq!(seen["dingtalk_waited_seconds_bucket{endpoint=\"user_by_code\",le=\"0.1\"}"], 1.0);
}

#[tokio::test]
async fn a_limit_of_a_minute_is_told_as_what_it_is() {
    let app = TestApp::start().await;
    app.dingtalk.fault(EXCHANGE, 1, Fault::Rate { limit: Limit::Minute });
    let answer = app.browser().enter_and_log_in(&app.dingtalk.issue_code("alice")).await;
    assert_eq!((answer.problem(), answer.header("retry-after")), ((503, "dingtalk_unavailable".into()), "60"));
}
