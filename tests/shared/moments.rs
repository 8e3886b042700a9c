//! Redis is late, or cut off for a moment, and what all agree on is agreed on all the same.

use std::time::{Duration, Instant};

use super::away::Outage;
use super::standing_is;
use crate::support::{ACCESS_TOKEN, JSAPI_TICKET};

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
    // A connection that is not back within 150 ms, on a machine that does much else, is an outage after all.
    assert!((4..8).contains(&calls), "{calls}: each process has asked for its own");
}

#[tokio::test]
async fn processes_that_look_at_dingtalk_before_they_have_reached_redis_fetch_one_token_for_all() {
    let outage = Outage::at_a_distance(&[], Duration::from_millis(15)).await;
    for process in 0..2 {
        outage.logs_in(process).await.sign().await;
    }
    assert_eq!((outage.dingtalk.calls(ACCESS_TOKEN), outage.dingtalk.calls(JSAPI_TICKET)), (1, 1));
}
