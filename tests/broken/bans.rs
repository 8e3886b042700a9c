//! Limits and bans: asking on makes them worse.

use std::sync::Arc;
use std::time::Duration;

use super::rogue::{Call, EXCHANGE, PROBE, Rogue, Step, TICKET, TOKEN, http, json, well};
use super::{app_before, app_between, app_with, login};
use crate::support::eventually;

const PUNISHED: &str = r#"{"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":"0"}"#;

#[tokio::test]
async fn a_ban_stops_all_calls_while_sessions_and_signatures_go_on_and_one_call_looks_whether_it_is_over() {
    for ban in [http("200 OK", "text/html", "<html>banned</html>"), json(PUNISHED), http("403 Forbidden", "text/html", "<html>")]
    {
        let rogue = Rogue::start(move |call| match (call.path.as_str(), call.nth) {
            (EXCHANGE, 1) | (PROBE, _) => vec![ban.clone()],
            _ => well(call),
        })
        .await;
        let app = app_before(&rogue).await;
        let mut inside = app.browser();
        assert_eq!(inside.enter_and_log_in("code-0").await.status, 200);
        let page = format!("{}/jsapi", app.url);
        assert_eq!(inside.jsapi_config(&page).await.status, 200);

        for nth in 1..20 {
            let answer = login(&app, &format!("code-{nth}")).await;
            assert_eq!(answer.problem(), (503, "dingtalk_unavailable".into()));
            let wait: u64 = answer.header("retry-after").parse().unwrap();
            assert!((290..=300).contains(&wait), "{wait}");
        }
        assert_eq!((rogue.calls(EXCHANGE).len(), rogue.calls(PROBE).len()), (2, 1), "nobody asks on");
        assert_eq!(inside.me().await.status, 200);
        assert_eq!(inside.jsapi_config(&page).await.status, 200);
        let readiness = inside.read("/readyz").await;
        assert_eq!((readiness.status, &readiness.json()["breaker"]), (503, &"open".into()));

        app.hands.advance(Duration::from_secs(301));
        assert_eq!(login(&app, "code-20").await.status, 200);
        assert_eq!(inside.read("/readyz").await.json()["breaker"], "closed");
        assert_eq!(rogue.calls(TICKET).len(), 1);
    }
}

#[tokio::test]
async fn whoever_asks_whether_people_can_log_in_makes_no_call_during_a_ban_and_one_when_it_should_be_over() {
    let rogue = Rogue::start(|call| match (call.path.as_str(), call.nth) {
        (EXCHANGE, 0) => vec![Step::Reset],
        (EXCHANGE | PROBE, _) => vec![json(PUNISHED)],
        _ => well(call),
    })
    .await;
    let app = app_before(&rogue).await;
    for code in ["lost", "banned"] {
        assert_eq!(login(&app, code).await.status, 503);
    }
    for calls in [2, 3, 4] {
        for _ in 0..10 {
            app.hands.advance(Duration::from_secs(2));
            assert_eq!(app.browser().read("/readyz").await.json()["breaker"], "open");
        }
        assert_eq!((rogue.calls(EXCHANGE).len(), rogue.calls(PROBE).len()), (calls, 1));
        app.hands.advance(Duration::from_secs(301));
    }
}

#[tokio::test]
async fn a_ban_that_one_call_meets_alone_is_nobody_elses() {
    for ban in [
        http("403 Forbidden", "text/html", "<html>blocked by the firewall</html>"),
        http("200 OK", "text/html", "<!doctype html><title>punish</title>"),
        http("429 Too Many Requests", "text/html", "<html>slow down</html>"),
        http("403 Forbidden", "application/xml", "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>"),
        http("200 OK", "application/json", " \n<html>"),
        json(PUNISHED),
        json(r#"{"status":"1111","wait":"60"}"#),
    ] {
        // One host for both API families would hide a probe of the wrong one.
        let (well_host, ban_host) = (
            Rogue::start(well).await,
            Rogue::start(move |call| if call.path == EXCHANGE && call.nth < 3 { vec![ban.clone()] } else { well(call) }).await,
        );
        let app = app_between(&well_host, &ban_host).await;
        for nth in 0..3 {
            assert_eq!(login(&app, &format!("code-{nth}")).await.problem(), (503, "retry_with_new_code".into()));
            assert_eq!(app.browser().read("/readyz").await.json()["breaker"], "closed");
        }
        assert_eq!(login(&app, "code-3").await.status, 200);
        assert_eq!((ban_host.calls(EXCHANGE).len(), ban_host.calls(PROBE).len()), (4, 3), "each code was sent once");
        assert!(ban_host.calls(PROBE).iter().all(|call| !call.head.contains("access_token")), "nothing is in it");
    }
}

#[tokio::test]
async fn one_look_that_comes_to_nothing_is_enough_for_all_who_met_a_ban_meanwhile() {
    let rogue = Rogue::start(|call| match call.path.as_str() {
        EXCHANGE => vec![json(PUNISHED)],
        PROBE => vec![Step::Hold],
        _ => well(call),
    })
    .await;
    let app = Arc::new(app_before(&rogue).await);
    let logins = (0..5).map(|nth| {
        let app = Arc::clone(&app);
        tokio::spawn(async move { login(&app, &format!("code-{nth}")).await.problem() })
    });
    for login in logins.collect::<Vec<_>>() {
        assert_eq!(login.await.unwrap(), (503, "retry_with_new_code".into()));
    }
    assert_eq!((rogue.calls(EXCHANGE).len(), rogue.calls(PROBE).len()), (5, 1));
}

#[tokio::test]
async fn a_ban_of_everything_is_believed_whichever_call_meets_it_first() {
    for met_by in [TOKEN, TICKET, EXCHANGE] {
        let rogue = Rogue::start(move |call| match call.path == met_by || call.path == PROBE || call.nth > 0 {
            true => vec![json(PUNISHED)],
            false => well(call),
        })
        .await;
        let app = app_before(&rogue).await;
        let mut browser = app.browser();
        browser.enter_and_log_in("code").await;
        browser.jsapi_config(&format!("{}/jsapi", app.url)).await;
        assert_eq!(app.browser().read("/readyz").await.json()["breaker"], "open", "{met_by}");
    }
}

#[tokio::test]
async fn a_code_that_was_to_go_out_again_when_a_ban_began_is_not_used_up() {
    let rogue = Rogue::start(|call| match (call.path.as_str(), call.nth) {
        (EXCHANGE, 0) => vec![json(r#"{"errcode":90018,"errmsg":"x"}"#)],
        // By the second token call the app finds out whether the ban concerns all calls.
        (TICKET, _) | (TOKEN, 1) => vec![json(PUNISHED)],
        _ => well(call),
    })
    .await;
    let app = app_before(&rogue).await;
    let mut browser = app.browser();
    let state = browser.enter().await;
    let meets_the_ban = async {
        eventually("the code is under way", || rogue.calls(EXCHANGE).len() == 1).await;
        app.client.home().unwrap().jsapi_ticket().await
    };
    let (answer, ticket) = tokio::join!(browser.log_in("code", &state), meets_the_ban);
    assert!(ticket.is_err());
    assert_eq!(answer.problem(), (503, "dingtalk_unavailable".into()));
    assert_eq!(browser.log_in("code", &state).await.problem(), (503, "dingtalk_unavailable".into()));
    assert_eq!(rogue.calls(EXCHANGE).len(), 1);
}

#[tokio::test]
async fn a_limit_by_the_second_is_waited_for_by_calls_that_may_be_repeated() {
    for limited in [
        json(r#"{"errcode":90018,"errmsg":"x"}"#),
        http("403 Forbidden", "application/json", r#"{"code":"Forbidden.AccessDenied.QpsLimitForAppkeyAndApi","message":"x"}"#),
    ] {
        let rogue =
            Rogue::start(move |call| if call.path == TOKEN && call.nth < 2 { vec![limited.clone()] } else { well(call) }).await;
        assert_eq!(login(&app_before(&rogue).await, "code").await.status, 200);
        let times: Vec<_> = rogue.calls(TOKEN).iter().map(|call| call.at).collect();
        assert_eq!(times.len(), 3);
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_secs(1)), "{times:?}");
    }
}

/// A login that waits for a token has no place in a line. If such logins were told to post again at once, all would do so together.
#[tokio::test]
async fn a_login_that_waits_for_a_token_which_is_limited_by_the_second_is_told_when_to_come_back() {
    let limited = json(r#"{"errcode":90018,"errmsg":"x"}"#);
    let rogue = Rogue::start(move |call| if call.path == TOKEN { vec![limited.clone()] } else { well(call) }).await;
    let answer = login(&app_before(&rogue).await, "code").await;
    assert_eq!(answer.problem(), (503, "crowded".into()));
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
}

#[tokio::test]
async fn an_exchange_that_is_refused_for_this_second_waits_for_another_and_is_told_so_when_it_takes_too_long() {
    for limited in [
        r#"{"errcode":90018,"errmsg":"x"}"#,
        r#"{"errcode":"90018","errmsg":"x"}"#,
        r#"{"errcode":88,"sub_code":"90002","errmsg":"x"}"#,
        r#"{"errcode":88,"sub_code":90019,"sub_msg":"x"}"#,
    ] {
        let rogue = Rogue::start(move |call| if call.path == EXCHANGE { vec![json(limited)] } else { well(call) }).await;
        let app = app_with(&rogue, |settings| settings.web.login_patience = Duration::from_millis(100)).await;
        assert_eq!(login(&app, "code").await.problem(), (429, "login_queued".into()), "{limited}");
        assert_eq!(rogue.calls(EXCHANGE).len(), 1, "DingTalk asks to wait for a second");
        assert_eq!(login(&app, "code").await.problem().0, 429, "the code is not used up");
    }
}

#[tokio::test]
async fn an_exchange_that_is_limited_for_longer_than_a_second_is_not_repeated_and_says_when_to_come_back() {
    for (limited, code, at_least) in [
        (json(r#"{"errcode":90005,"errmsg":"x"}"#), "dingtalk_unavailable", 60),
        (json(r#"{"errcode":90020,"errmsg":"x"}"#), "quota_spent", 3600),
    ] {
        let rogue = Rogue::start(move |call| if call.path == EXCHANGE { vec![limited.clone()] } else { well(call) }).await;
        let answer = login(&app_before(&rogue).await, "code").await;
        assert_eq!(answer.problem(), (503, code.to_owned()));
        assert!(answer.header("retry-after").parse::<u64>().unwrap() >= at_least);
        assert_eq!(rogue.calls(EXCHANGE).len(), 1);
    }
}

#[tokio::test]
async fn whoever_waits_behind_a_login_that_is_limited_for_longer_than_a_second_waits_on_instead_of_being_refused_like_it() {
    let limited = json(r#"{"errcode":90005,"errmsg":"x"}"#);
    let is_limited = |call: &Call| call.path == EXCHANGE && call.nth >= 5;
    let rogue = Rogue::start(move |call| if is_limited(call) { vec![limited.clone()] } else { well(call) }).await;
    let app = app_with(&rogue, |settings| settings.web.login_patience = Duration::from_millis(1500)).await;
    let mut entered = Vec::new();
    for _ in 0..30 {
        let mut browser = app.browser();
        let state = browser.enter().await;
        entered.push((browser, state));
    }
    for nth in 0..6 {
        assert_eq!(login(&app, &format!("before-{nth}")).await.status, if nth < 5 { 200 } else { 503 });
    }
    let logins = entered.into_iter().enumerate().map(|(nth, (mut browser, state))| {
        tokio::spawn(async move { browser.log_in(&format!("code-{nth}"), &state).await.problem() })
    });
    let mut told = Vec::new();
    for login in logins.collect::<Vec<_>>() {
        told.push(login.await.unwrap().1);
    }
    let waiting = told.iter().filter(|code| *code == "login_queued").count();
    assert_eq!((waiting, rogue.calls(EXCHANGE).len()), (29, 7), "one has tried after a second: {told:?}");
    let times: Vec<_> = rogue.calls(EXCHANGE).iter().map(|call| call.at).collect();
    assert!(times[6] - times[5] >= Duration::from_secs(1), "{times:?}");
}

#[tokio::test]
async fn a_token_that_is_limited_for_longer_than_a_second_is_not_asked_for_again_within_a_minute() {
    let limited = || vec![http("400 Bad Request", "application/json", r#"{"code":"request.overlimit","message":"x"}"#)];
    let rogue = Rogue::start(move |call| if call.path == TOKEN && call.nth == 0 { limited() } else { well(call) }).await;
    let app = app_before(&rogue).await;
    for nth in 0..5 {
        assert_eq!(login(&app, &format!("code-{nth}")).await.problem(), (503, "dingtalk_unavailable".into()));
        app.hands.advance(Duration::from_secs(10));
    }
    assert_eq!(rogue.calls(TOKEN).len(), 1);
    app.hands.advance(Duration::from_secs(10));
    assert_eq!(login(&app, "a-minute-later").await.status, 200);
}

#[tokio::test]
async fn the_administrator_is_told_and_dingtalk_is_not_asked_again() {
    let (misconfigured, not_authorised) = ((503, "misconfigured".to_owned()), (403, "not_authorised".to_owned()));
    for (refused, told) in [
        (r#"{"errcode":88,"sub_code":"60011","sub_msg":"应用尚未开通所需的权限：[qyapi_base]","errmsg":"x"}"#, &misconfigured),
        (
            r#"{"errcode":88,"sub_code":"60020","sub_msg":"访问ip不在白名单之中,request ip=203.0.113.7 appKey(x)","errmsg":"x"}"#,
            &misconfigured,
        ),
        (r#"{"errcode":50002,"errmsg":"x"}"#, &misconfigured),
        (r#"{"errcode":50003,"errmsg":"x"}"#, &not_authorised),
        (r#"{"errcode":40079,"errmsg":"x"}"#, &not_authorised),
    ] {
        let rogue = Rogue::start(move |call| if call.path == EXCHANGE { vec![json(refused)] } else { well(call) }).await;
        assert_eq!(login(&app_before(&rogue).await, "code").await.problem(), *told, "{refused}");
        assert_eq!(rogue.calls(EXCHANGE).len(), 1);
    }
}

#[tokio::test]
async fn a_spent_quota_is_told_in_the_language_of_its_reader() {
    let rogue =
        Rogue::start(|call| if call.path == EXCHANGE { vec![json(r#"{"errcode":90020,"errmsg":"x"}"#)] } else { well(call) })
            .await;
    let app = app_before(&rogue).await;
    for (reads, word) in [("en", "used up"), ("zh-CN", "\u{7528}\u{5b8c}")] {
        let mut browser = app.browser();
        browser.reads = reads;
        let answer = browser.enter_and_log_in(&format!("code-{reads}")).await;
        assert_eq!(answer.problem(), (503, "quota_spent".into()));
        assert!(answer.json()["title"].as_str().unwrap().contains(word), "{}", answer.body);
    }
}
