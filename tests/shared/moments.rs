//! Redis answers late, is cut off for a moment, or is just back: the processes agree all the same, and nothing is done twice.

use std::time::{Duration, Instant};

use dingtalk_simulator::Simulator;

use super::away::Outage;
use super::standing_is;
use crate::process::{Served, complete, program, run, with};
use crate::support::redis::RedisServer;
use crate::support::{ACCESS_TOKEN, JSAPI_TICKET, in_time};

#[tokio::test]
async fn a_login_that_it_stopped_at_leaves_its_state_to_the_next() {
    let outage = Outage::before(&[]).await;
    outage.logs_in(0).await;
    let mut browser = outage.processes[0].browser();
    let state = browser.enter().await;
    outage.redis.signal("-STOP").await;
    assert_eq!(browser.log_in("made-up", &state).await.problem(), (401, "code_rejected".into()));
    outage.redis.signal("-CONT").await;
    standing_is(&outage.processes[1], |state| state["reachable"] == true).await;
    let began = Instant::now();
    let mut again = outage.at(1, &browser);
    while again.log_in(&outage.dingtalk.issue_code("alice"), &state).await.status != 200 {
        assert!(began.elapsed() < Duration::from_secs(5), "somebody still has it who has heard of nothing");
    }
}

#[tokio::test]
async fn whoever_never_hears_that_a_token_is_theirs_to_fetch_fetches_it_at_once() {
    let outage = Outage::before(&[]).await;
    outage.logs_in(0).await;
    outage.dingtalk.revoke_tokens(outage.dingtalk.app().corp_id);
    outage.network.loses_the_answer_to("local mine = ");
    let began = Instant::now();
    outage.logs_in(0).await;
    println!("a lock that was lost on its way: {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_asked_for_once_more_and_costs_no_token() {
    let outage = Outage::before(&[]).await;
    outage.logs_in(0).await;
    let before = outage.dingtalk.calls(ACCESS_TOKEN);
    for _ in 0..4 {
        outage.is_a_second_old().await;
        outage.dingtalk.revoke_tokens(outage.dingtalk.app().corp_id);
        outage.network.withholds_the_answer_to("local mine = ");
        outage.logs_in(0).await;
        outage.logs_in(1).await;
    }
    let calls = outage.dingtalk.calls(ACCESS_TOKEN) - before;
    println!("an answer withheld, four times: {calls} calls");
    // On a busy machine a connection may not be back within 150 ms. That counts as an outage, hence more than four calls are allowed.
    assert!((4..8).contains(&calls), "{calls}: each process has asked for its own");
}

#[tokio::test]
async fn what_is_only_late_when_it_is_back_has_lost_nothing() {
    let mut outage = Outage::before(&[]).await;
    assert_eq!(outage.processes.remove(1).stop().await.0, Some(0));
    outage.is_a_second_old().await;
    outage.network.holds_the_answer_to("replication");
    outage.network.cuts();
    let mut process = outage.processes.remove(0);
    process.logs("redis is away").await;
    standing_is(&process, |state| state["reachable"] == true).await;
    let (code, log) = process.stop().await;
    assert!(code == Some(0) && !log.contains("the data in redis is gone"), "{log}");
}

#[tokio::test]
async fn processes_that_look_at_dingtalk_before_they_have_reached_redis_fetch_one_token_for_all() {
    let outage = Outage::at_a_distance(&[], Duration::from_millis(15)).await;
    for process in 0..2 {
        outage.logs_in(process).await.sign().await;
    }
    assert_eq!((outage.dingtalk.calls(ACCESS_TOKEN), outage.dingtalk.calls(JSAPI_TICKET)), (1, 1));
}

#[tokio::test]
async fn whoever_needs_a_credential_waits_once_for_a_redis_that_is_away_and_nobody_after_that() {
    let (dingtalk, mut redis) = (Simulator::start().await.unwrap(), RedisServer::start().await);
    let variables = with(complete(&dingtalk), "STATE_URL", &redis.url());
    let mut unready = program(&variables);
    unready.args(["serve", "--no-checks"]);
    let served = Served::start_as(unready).await;
    standing_is(&served, |state| state["reachable"] == true).await;
    let mut browser = served.browser();
    assert_eq!(browser.enter_and_log_in(&dingtalk.issue_code("alice")).await.status, 200);
    dingtalk.revoke_tokens(dingtalk.app().corp_id);
    redis.kill().await;
    standing_is(&served, |state| state["reachable"] == false).await;
    // Three fetches: a ticket, which fails as the token is revoked, a token, and a ticket. Before each, the process tries to ask Redis.
    let began = Instant::now();
    assert_eq!(browser.sign().await.status, 200);
    let took = began.elapsed();
    assert_eq!((dingtalk.calls(ACCESS_TOKEN), dingtalk.calls(JSAPI_TICKET)), (2, 2));
    assert!(took < Duration::from_millis(850), "{took:?}");
}

#[tokio::test]
async fn whoever_may_not_ask_whether_it_was_set_back_tells_again_what_ended() {
    let user = ["--user", "app", "on", ">pw", "~*", "&*", "+@all", "-info"];
    let (dingtalk, mut redis) = (Simulator::start().await.unwrap(), RedisServer::start_with(&user).await);
    let variables = with(complete(&dingtalk), "STATE_URL", &redis.url().replace("redis://", "redis://app:pw@"));
    let first = Served::start(&variables).await;
    let mut leaves = first.browser();
    assert_eq!(leaves.enter_and_log_in(&dingtalk.issue_code("alice")).await.status, 200);
    redis.ask::<()>("SAVE").await.unwrap();
    assert_eq!(leaves.clone().log_out().await.status, 204);
    redis.kill().await;
    standing_is(&first, |state| state["reachable"] == false).await;
    redis.start_again().await;
    standing_is(&first, |state| state["reachable"] == true).await;
    let second = Served::start(&variables).await;
    leaves.url.clone_from(&second.url);
    in_time("the logout is known", async { while leaves.me().await.status == 200 {} }).await;
}

#[tokio::test]
async fn what_lies_there_after_a_restart_is_not_told_again() {
    let (dingtalk, mut redis) = (Simulator::start().await.unwrap(), RedisServer::start_with(&["--appendonly", "yes"]).await);
    let variables = with(complete(&dingtalk), "STATE_URL", &redis.url());
    let served = [Served::start(&variables).await, Served::start(&variables).await];
    let in_logs = async |redis: &RedisServer| {
        let mut entries = 0;
        for log in redis.keys_of("stream").await {
            entries += redis.ask::<u64>(&format!("XLEN {log}")).await.unwrap();
        }
        entries
    };
    for process in &served {
        standing_is(process, |state| state["processes"] == 2).await;
        for _ in 0..5 {
            let mut browser = process.browser();
            assert_eq!(browser.enter_and_log_in(&dingtalk.issue_code("alice")).await.status, 200);
            assert_eq!(browser.log_out().await.status, 204);
        }
    }
    assert_eq!(run(program(&variables).args(["end-sessions", "--user", "bob"])).await.0, Some(0));
    let before = in_logs(&redis).await;
    assert!(before >= 11, "{before}");
    redis.kill().await;
    for process in &served {
        standing_is(process, |state| state["reachable"] == false).await;
    }
    redis.start_again().await;
    for process in &served {
        standing_is(process, |state| state["reachable"] == true).await;
        // If it publishes anything again, it does so before this logout.
        let mut browser = process.browser();
        assert_eq!(browser.enter_and_log_in(&dingtalk.issue_code("alice")).await.status, 200);
        assert_eq!(browser.log_out().await.status, 204);
    }
    assert_eq!(in_logs(&redis).await, before + 2);
}
