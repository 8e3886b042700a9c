//! `/readyz`: whether people can be logged in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dingtalk_h5::dingtalk::UserId;
use dingtalk_simulator::Fault;

use crate::broken::rogue::{EXCHANGE, Rogue, Step, http, json, well};
use crate::broken::{app_before, app_with, login};
use crate::support::{TestApp, USER_BY_CODE, eventually};

const TOKEN: &str = "/v1.0/oauth2/accessToken";

/// Asks `/readyz` a second later, when its cached result has expired.
async fn ready(app: &TestApp) -> bool {
    app.hands.advance(Duration::from_secs(1));
    let answer = app.browser().read("/readyz").await;
    let ready = answer.status == 200;
    assert_eq!(answer.json()["ready"], ready);
    ready
}

#[tokio::test]
async fn readiness_follows_dingtalk_and_liveness_does_not() {
    let app = TestApp::start().await;
    app.dingtalk.fault(TOKEN, 100, Fault::Permission);
    let mut probe = app.browser();
    assert_eq!(probe.read("/healthz").await.status, 200);
    let not_yet = probe.read("/readyz").await;
    assert_eq!((not_yet.status, &not_yet.json()["accessToken"]), (503, &"empty".into()));
    app.dingtalk.clear_faults();
    app.advance(Duration::from_secs(60));
    let ready = probe.read("/readyz").await;
    assert_eq!((ready.status, &ready.json()["accessToken"]), (200, &"fresh".into()));
}

#[tokio::test]
async fn readiness_does_not_wait_for_a_dingtalk_that_stalls() {
    let app = TestApp::start().await;
    app.dingtalk.fault(TOKEN, 100, Fault::Delay { milliseconds: 60_000 });
    let began = Instant::now();
    let [mut one, mut other, mut third] = [app.browser(), app.browser(), app.browser()];
    let all = tokio::join!(one.read("/readyz"), other.read("/readyz"), third.read("/readyz"));
    assert_eq!((all.0.status, all.1.status, all.2.status), (503, 503, 503));
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[tokio::test]
async fn whoever_dingtalk_has_never_answered_is_not_ready_though_others_brought_all_that_is_needed() {
    for no_answer in [Fault::Lost, Fault::Status { status: 418 }] {
        let app = TestApp::third_party().await;
        app.dingtalk.fault("/gettoken", 2, no_answer);
        for answers in [false, false, true] {
            assert_eq!(ready(&app).await, answers);
        }
        let calls = app.dingtalk.calls("/gettoken");
        assert!(ready(&app).await);
        assert_eq!(app.dingtalk.calls("/gettoken"), calls, "nothing is asked while all is well");
    }
}

#[tokio::test]
async fn it_says_no_once_calls_have_failed_for_some_seconds_though_the_token_is_held_and_yes_by_itself_again() {
    for trouble in [
        Fault::Lost,
        Fault::Cut,
        Fault::Busy,
        Fault::Status { status: 500 },
        Fault::Status { status: 502 },
        Fault::Status { status: 503 },
        Fault::Status { status: 504 },
    ] {
        let app = TestApp::start().await;
        app.browser_of("alice").await;
        assert!(ready(&app).await);
        app.dingtalk.fault(EXCHANGE, 1000, trouble.clone());
        assert_eq!(login(&app, &app.dingtalk.issue_code("alice")).await.status, 503);
        for second in 0..4 {
            assert!(ready(&app).await, "{trouble:?}, {second} s after one failure");
        }
        app.hands.advance(Duration::from_secs(2));
        assert!(!ready(&app).await, "{trouble:?}");
        let told = app.browser().read("/readyz").await.json();
        assert_eq!((&told["reachable"], &told["accessToken"]), (&false.into(), &"fresh".into()));
        assert!(!ready(&app).await, "{trouble:?}");
        app.dingtalk.clear_faults();
        assert!(ready(&app).await, "{trouble:?}: nobody has logged in since");
        let calls = app.dingtalk.calls(USER_BY_CODE);
        assert!(ready(&app).await);
        assert_eq!(app.dingtalk.calls(USER_BY_CODE), calls, "nothing is asked while all is well");
    }
}

#[tokio::test]
async fn it_says_no_at_an_address_that_dingtalk_does_not_let_in() {
    let refusal =
        r#"{"errcode":88,"sub_code":"60020","sub_msg":"访问ip不在白名单之中,request ip=203.0.113.7 appKey(x)","errmsg":"x"}"#;
    let mended = Arc::new(AtomicBool::new(false));
    let is_mended = Arc::clone(&mended);
    let refuses = move |path: &str| path == EXCHANGE && !is_mended.load(Ordering::SeqCst);
    let rogue = Rogue::start(move |call| if refuses(&call.path) { vec![json(refusal)] } else { well(call) }).await;
    let app = app_before(&rogue).await;
    assert_eq!(login(&app, "code").await.problem(), (503, "misconfigured".into()));
    app.hands.advance(Duration::from_secs(5));
    assert!(ready(&app).await, "that was two calls");
    assert!(!ready(&app).await);
    mended.store(true, Ordering::SeqCst);
    assert!(ready(&app).await, "nobody has come since");
}

#[tokio::test]
async fn an_app_of_many_organisations_is_ready_by_itself_again_though_nobody_comes_while_it_is_not() {
    let (app, [corp_id, _]) = TestApp::of_both_organisations().await;
    let log_in = async || {
        let code = app.dingtalk.issue_code_at(corp_id, "zhangsan");
        app.browser().enter_and_log_in_at(corp_id, &code).await.status
    };
    assert_eq!(log_in().await, 200);
    let everything = [EXCHANGE, "/gettoken"];
    everything.iter().for_each(|path| app.dingtalk.fault(path, 1000, Fault::Lost));
    for _ in 0..3 {
        assert_eq!(log_in().await, 503);
        app.hands.advance(Duration::from_secs(3));
    }
    assert!(!ready(&app).await);
    app.dingtalk.clear_faults();
    assert!(ready(&app).await);
    assert_eq!(log_in().await, 200);
}

#[tokio::test]
async fn a_login_that_succeeds_makes_it_ready_and_failures_with_successes_between_leave_it_so() {
    let app = TestApp::start().await;
    app.browser_of("alice").await;
    for _ in 0..12 {
        app.dingtalk.fault(EXCHANGE, 1, Fault::Lost);
        assert_eq!(login(&app, &app.dingtalk.issue_code("alice")).await.status, 503);
        app.hands.advance(Duration::from_secs(2));
        assert_eq!(login(&app, &app.dingtalk.issue_code("alice")).await.status, 200);
        assert!(ready(&app).await);
    }
    app.dingtalk.fault(EXCHANGE, 4, Fault::Lost);
    for _ in 0..4 {
        assert_eq!(login(&app, &app.dingtalk.issue_code("alice")).await.status, 503);
        app.hands.advance(Duration::from_secs(2));
    }
    let told = app.browser().read("/readyz").await;
    assert_eq!(told.status, 200, "the look was answered: {}", told.body);
}

/// Such as the calls that open Stream, which are repeated through a night in which nobody logs in.
#[tokio::test]
async fn calls_that_no_login_is_made_of_may_fail_for_hours_and_nobody_is_said_to_be_locked_out() {
    let app = TestApp::start().await;
    app.browser_of("alice").await;
    app.dingtalk.fault("/topapi/v2/user/get", 1000, Fault::Status { status: 503 });
    for _ in 0..4 {
        let home = app.client.home().unwrap();
        assert!(home.user_details(&UserId::parse("bob").unwrap()).await.is_err());
        app.hands.advance(Duration::from_secs(600));
        assert!(app.client.state().reachable);
    }
    let looks = app.dingtalk.calls(USER_BY_CODE);
    assert!(ready(&app).await);
    assert_eq!(app.dingtalk.calls(USER_BY_CODE), looks + 1, "somebody who asks is told for certain");
}

#[tokio::test]
async fn what_strangers_send_leaves_it_ready() {
    let of_strangers: [fn() -> Vec<Step>; 5] = [
        || vec![Step::Reset],
        || vec![http("502 Bad Gateway", "text/html", "<html>blocked</html>")],
        || vec![http("403 Forbidden", "text/html", "<html>blocked</html>")],
        || vec![json(r#"{"errcode":90005,"errmsg":"x"}"#)],
        || vec![json(r#"{"errcode":40078,"errmsg":"x"}"#)],
    ];
    for answer in of_strangers {
        let rogue = Rogue::start(move |call| {
            let has_code = call.path == EXCHANGE && call.head.contains("content-type");
            if has_code { answer() } else { well(call) }
        })
        .await;
        // After a call that DingTalk has limited for longer, the next login waits in line.
        let app = app_with(&rogue, |settings| settings.web.login_patience = Duration::from_millis(100)).await;
        for nth in 0..12 {
            assert_ne!(login(&app, &format!("code-{nth}")).await.status, 200);
            assert!(ready(&app).await);
        }
    }
}

#[tokio::test]
async fn logins_that_wait_for_their_turn_leave_it_ready() {
    let limited = || vec![json(r#"{"errcode":90018,"errmsg":"x"}"#)];
    let rogue = Rogue::start(move |call| if call.path == EXCHANGE { limited() } else { well(call) }).await;
    let app = Arc::new(app_before(&rogue).await);
    let waiting = Arc::clone(&app);
    let waits = tokio::spawn(async move { login(&waiting, "code").await });
    eventually("DingTalk has refused", || rogue.calls(EXCHANGE).len() > 1).await;
    for _ in 0..12 {
        assert!(ready(&app).await);
    }
    waits.abort();
}

#[tokio::test]
async fn a_dingtalk_that_is_gone_for_hours_is_noticed_and_found_again() {
    let gone = Arc::new(AtomicBool::new(false));
    let is_gone = Arc::clone(&gone);
    let rogue = Rogue::start(move |call| if is_gone.load(Ordering::SeqCst) { vec![Step::Reset] } else { well(call) }).await;
    let app = app_before(&rogue).await;
    assert_eq!(login(&app, "code").await.status, 200);
    gone.store(true, Ordering::SeqCst);
    assert_eq!(login(&app, "another").await.status, 503);
    for _ in 0..6 {
        ready(&app).await;
    }
    for _ in 0..6 {
        app.hands.advance(Duration::from_secs(600));
        assert!(!ready(&app).await);
    }
    gone.store(false, Ordering::SeqCst);
    assert!(ready(&app).await);
    assert_eq!(login(&app, "a-third").await.status, 200);
}
