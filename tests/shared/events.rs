//! What DingTalk reports to one process, all processes know.

use std::time::Duration;

use dingtalk_h5::dingtalk::Clock;
use dingtalk_simulator::{Decision, Shape, Simulator};
use reqwest::Method;
use serde_json::json;

use super::{Company, standing_is};
use crate::process::{Served, Variables, with, with_callbacks};
use crate::support::redis::Network;
use crate::support::{Browser, CORP_ACCESS_TOKEN, eventually, in_time, state_of};

/// The same settings for the simulator's third-party app, which receives events by HTTP.
pub fn as_third_party(dingtalk: &Simulator, mut variables: Variables) -> Variables {
    let app = dingtalk.third_party_app();
    dingtalk.put_to_test(app);
    variables.retain(|(name, _)| !["DINGTALK_CORP_ID", "DINGTALK_AGENT_ID"].contains(name));
    let of_app = [
        ("DINGTALK_APP_KIND", "third-party"),
        ("DINGTALK_CLIENT_ID", app.client_id),
        ("DINGTALK_CLIENT_SECRET", app.client_secret),
    ];
    let variables = of_app.into_iter().fold(variables, |variables, (name, value)| with(variables, name, value));
    with_callbacks(variables, app)
}

/// Logs somebody of that organisation in at that process: their browser, and the status of the response.
async fn logs_in(company: &Company, nth: usize, corp_id: &str, user_id: &str) -> (Browser, u16) {
    let mut browser = company.browser_at(nth);
    let page = browser.open(&format!("/?corpid={corp_id}")).await;
    if page.status != 200 {
        return (browser, page.status);
    }
    let code = company.dingtalk.issue_code_at(corp_id, user_id);
    let status = browser.log_in(&code, &state_of(&page.body)).await.status;
    (browser, status)
}

#[tokio::test]
async fn what_one_process_is_told_of_organisations_and_people_all_know_and_one_that_starts_later_too() {
    let mut company = Company::with(as_third_party).await;
    let [first, second] = company.dingtalk.organisations();
    company.dingtalk.push_events_to(format!("{}/dingtalk/events", company.processes[0].url), Shape::Sync);
    company.dingtalk.push_suite_ticket_again();
    for corp_id in [first, second] {
        company.dingtalk.decide(corp_id, Decision::Authorise);
    }
    eventually("all is acknowledged", || company.dingtalk.pushes_waiting() == 0).await;
    let (alice, status) = logs_in(&company, 1, first, "alice").await;
    assert_eq!(status, 200, "process 1 knows the suite ticket and the organisation");

    company.dingtalk.leave(first, "alice");
    company.ends_at(1, &alice).await;
    company.ends_at(2, &alice).await;

    let (here, there) = (logs_in(&company, 1, first, "bob").await, logs_in(&company, 2, second, "zhangsan").await);
    assert_eq!((here.1, there.1), (200, 200));
    company.dingtalk.decide(second, Decision::Relieve);
    company.ends_at(0, &there.0).await;
    company.ends_at(2, &there.0).await;
    assert!(company.holds_at(2, &here.0).await);

    company.one_more().await;
    standing_is(&company.processes[3], |state| state["reachable"] == true).await;
    assert_eq!(logs_in(&company, 3, first, "bob").await.1, 200);
    assert_eq!(logs_in(&company, 3, second, "zhangsan").await.1, 403);

    // A process that gets a request before it has read what the others know takes the token that they share.
    let far = Network::to(company.redis.address()).await;
    far.delays(Duration::from_millis(15));
    let calls = company.dingtalk.calls(CORP_ACCESS_TOKEN);
    company.processes.push(Served::start(&with(company.variables.clone(), "STATE_URL", &far.url())).await);
    assert_eq!(logs_in(&company, 4, first, "bob").await.1, 200);
    assert_eq!(company.dingtalk.calls(CORP_ACCESS_TOKEN), calls);
}

/// A process that finds an event recorded acknowledges it, and the process that recorded it may die at any moment.
#[tokio::test]
async fn that_an_event_was_heard_is_told_when_all_that_it_says_is_told() {
    let company = Company::with(|dingtalk, variables| with_callbacks(variables, dingtalk.app())).await;
    let people: Vec<String> = (0..800).map(|nth| format!("person{nth}")).collect();
    let now = Clock::system().unix_millis();
    let left =
        json!({"EventType": "user_leave_org", "CorpId": company.dingtalk.app().corp_id, "UserId": people, "TimeStamp": now});
    let (query, body) = company.dingtalk.sealed(&left, &now.to_string());
    let path = format!("/dingtalk/events?{query}");
    // On a slow machine so many are not kept in half a second: DingTalk sends the event again until it is acknowledged.
    let sends = async || company.browser_at(0).send(Method::POST, &path, &[], Some(body.clone().into())).await.status;
    in_time("it is acknowledged", async { while sends().await != 200 {} }).await;

    let (mut event, mut last_person) = (None, None);
    for key in company.redis.keys_of("stream").await {
        let length: usize = company.redis.ask(&format!("XLEN {key}")).await.unwrap();
        let last: Vec<(String, Vec<Vec<u8>>)> = company.redis.ask(&format!("XREVRANGE {key} + - COUNT 1")).await.unwrap();
        let at: u64 = last[0].0.split('-').next().unwrap().parse().unwrap();
        match length {
            1 => event = Some(at),
            800.. => last_person = Some(at),
            _ => panic!("{key} has {length} entries"),
        }
    }
    assert!(event.unwrap() >= last_person.unwrap(), "told {} ms too early", last_person.unwrap() - event.unwrap());
}
