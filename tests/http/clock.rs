//! The machine's clock is set, or the machine was suspended: signatures and sessions follow the time of day, and a jump back prolongs
//! nothing.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use dingtalk_h5::dingtalk::Clock;
use dingtalk_h5::telemetry;
use dingtalk_h5::web::SessionKeys;
use tracing_subscriber::util::SubscriberInitExt;

use crate::support::{ACCESS_TOKEN, ClockHands, JSAPI_TICKET, TestApp, client_accepts, session_key};

const HOUR: i64 = 3600;

/// By how many seconds a signature's timestamp is ahead of the machine that runs this test.
async fn stamped(app: &TestApp, url: &str) -> i64 {
    let config = app.browser_of("alice").await.jsapi_config(url).await.json();
    assert_eq!(client_accepts(&app.dingtalk, &config, url).await["errcode"], 0);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64;
    config["timeStamp"].as_str().unwrap().parse::<i64>().unwrap() - now
}

#[tokio::test]
async fn signatures_are_stamped_with_the_time_of_day_whenever_that_was_set() {
    let app = TestApp::start().await;
    let (url, mut set_to) = (format!("{}/jsapi", app.url), 0);
    for jump in [24 * HOUR, -24 * HOUR, 3, -4, -90, HOUR, -HOUR, 400 * 24 * HOUR] {
        app.hands.set_time_of_day(jump);
        set_to += jump;
        assert!(stamped(&app, &url).await.abs_diff(set_to) <= 2, "{jump}");
    }
}

#[test]
fn what_several_processes_go_by_goes_on_when_the_clock_of_one_machine_is_set_back() {
    for jump in [-4, -90, -HOUR, -24 * HOUR] {
        let (ours, theirs) = (ClockHands::still(), ClockHands::still());
        let clocks = [ours.clock(), theirs.clock()];
        for clock in &clocks {
            clock.go_by(1_700_000_000_000);
        }
        ours.set_time_of_day(jump);
        for hands in [&ours, &theirs] {
            hands.advance(Duration::from_secs(90));
        }
        assert_eq!(clocks.each_ref().map(Clock::unix_millis), [1_700_000_090_000; 2], "{jump}");
        assert_eq!(clocks[0].age(clocks[1].moment()), Some(Duration::ZERO), "{jump}: another's session began just now");
        assert!(clocks[0].machine_millis() < clocks[1].machine_millis(), "{jump}: what DingTalk judges goes by the machine's");
    }
}

#[tokio::test]
async fn a_jump_back_ends_no_session_and_no_credential_and_prolongs_none() {
    for jump in [-3, -59, -HOUR, -9 * HOUR, -24 * HOUR] {
        let app = TestApp::start().await;
        let mut browser = app.browser_of("alice").await;
        let url = format!("{}/jsapi", app.url);
        assert_eq!(browser.jsapi_config(&url).await.status, 200);
        let (state, unused) = (browser.enter().await, browser.enter().await);

        app.hands.set_time_of_day(jump);
        assert_eq!(browser.me().await.status, 200, "{jump}");
        let code = app.dingtalk.issue_code("alice");
        assert_eq!(browser.log_in(&code, &state).await.status, 200, "{jump}");
        let (mut idle, mut busy) = (browser.clone(), browser.clone());
        app.hands.set_time_of_day(jump);

        app.advance(Duration::from_secs(601));
        assert_eq!(browser.log_in(&app.dingtalk.issue_code("alice"), &unused).await.status, 403, "{jump}");
        assert_eq!(busy.me().await.status, 200, "{jump}");
        assert_eq!((app.dingtalk.calls(ACCESS_TOKEN), app.dingtalk.calls(JSAPI_TICKET)), (1, 1), "{jump}");
        app.advance(Duration::from_secs(1200));
        assert_eq!(idle.me().await.status, 401, "{jump}: idle is idle");
        for _ in 0..26 {
            assert_eq!(busy.me().await.status, 200, "{jump}");
            app.advance(Duration::from_secs(1000));
        }
        app.advance(Duration::from_secs(1000));
        assert_eq!(busy.me().await.status, 401, "{jump}: eight hours are eight hours");
        app.browser_of("alice").await;
        assert_eq!(app.dingtalk.calls(ACCESS_TOKEN), 2, "{jump}");
    }
}

#[tokio::test]
async fn what_a_suspended_machine_slept_through_has_passed() {
    for (slept, holds, credentials) in
        [(4, true, 1), (1700, true, 1), (1801, false, 1), (3 * HOUR, false, 2), (24 * HOUR, false, 2)]
    {
        let app = TestApp::start().await;
        let mut browser = app.browser_of("alice").await;
        let url = format!("{}/jsapi", app.url);
        assert_eq!(browser.jsapi_config(&url).await.status, 200);
        app.hands.set_time_of_day(slept);
        app.dingtalk.advance(Duration::from_secs(slept.unsigned_abs()));
        assert_eq!(browser.me().await.status == 200, holds, "{slept}");
        assert!(stamped(&app, &url).await.abs_diff(slept) <= 2, "{slept}");
        let calls = (app.dingtalk.calls(ACCESS_TOKEN), app.dingtalk.calls(JSAPI_TICKET));
        assert_eq!(calls, (credentials, credentials), "{slept}");
    }
}

#[tokio::test]
async fn a_session_made_after_the_clock_was_set_right_outlives_a_restart() {
    let key = session_key();
    for behind in [24 * HOUR, -24 * HOUR, 10 * 60, -10 * 60] {
        let before = with_key(&key).await;
        before.hands.set_time_of_day(behind);
        let of_alice = before.browser_of("alice").await;
        before.hands.set_time_of_day(-behind);
        let of_bob = before.browser_of("bob").await;
        let after = with_key(&key).await;
        for (of, holds) in [(of_alice, false), (of_bob, true)] {
            let mut browser = after.browser();
            browser.cookies = of.cookies;
            // A session of ten minutes ago still holds: it has been idle for ten minutes only.
            assert_eq!(browser.me().await.status == 200, holds || behind == -10 * 60, "{behind}");
        }
    }
}

async fn with_key(key: &str) -> TestApp {
    let keys = SessionKeys::parse(&key.to_owned().into()).unwrap();
    TestApp::start_with(|settings| settings.web.session_keys = keys).await
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_jump_is_logged_once_and_a_small_correction_is_not() {
    // First, because its `init` fails once another subscriber has taken over the messages of the `log` crate.
    let _watch = crate::leaks::watch();
    let (log, hands) = (Log::default(), ClockHands::still());
    let writer = log.clone();
    let _logged_here = telemetry::json("warn", move || writer.clone()).set_default();
    let clock = hands.clock();
    for (jump, logged) in [(0, 0), (3, 0), (1, 0), (4, 1), (-4, 1), (-HOUR, 2), (HOUR, 3), (24 * HOUR, 4), (-5, 4), (-6, 5)] {
        hands.set_time_of_day(jump);
        for _ in 0..10 {
            hands.advance(Duration::from_secs(60));
            clock.moment();
        }
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.matches("the time of day jumped").count(), logged, "{jump}: {text}");
    }
}
