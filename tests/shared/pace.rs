//! All processes together keep to the rate at which DingTalk lets one app call.

use std::time::{Duration, Instant};

use dingtalk_simulator::Fault;
use tokio::task::JoinHandle;

use super::{Company, standing, standing_is};
use crate::process::with;
use crate::support::{USER_BY_CODE, eventually};

async fn company_at(per_second: u32) -> Company {
    let company = Company::with(|_, variables| with(variables, "DINGTALK_CALLS_PER_SECOND", &per_second.to_string())).await;
    company.logged_in_at(0, "bob").await;
    company.dingtalk.calls_per_second(Some(per_second));
    company
}

/// Somebody posts a login at process `to` and, while they only get a place in the line, again at `then_to`: when they were in, and whether
/// they had to post again.
fn comes(company: &Company, to: usize, then_to: usize) -> JoinHandle<(Instant, bool)> {
    let (mut browser, code) = (company.browser_at(to), company.dingtalk.issue_code("alice"));
    let next = company.processes[then_to].url.clone();
    tokio::spawn(async move {
        let state = browser.enter().await;
        let mut answer = browser.log_in(&code, &state).await;
        let had_to = answer.status == 429;
        browser.url = next;
        while answer.status == 429 {
            let place = answer.json()["place"].as_str().unwrap().to_owned();
            answer = browser.log_in_at(&place, &code, &state).await;
        }
        assert_eq!(answer.status, 200, "{}", answer.body);
        (Instant::now(), had_to)
    })
}

/// So many people log in at once, spread over all processes: how long it takes until all are in.
async fn all_come(company: &Company, people: usize) -> Duration {
    let began = Instant::now();
    let processes = (0..company.processes.len()).cycle();
    for person in processes.take(people).map(|nth| comes(company, nth, nth)).collect::<Vec<_>>() {
        person.await.unwrap();
    }
    began.elapsed()
}

#[tokio::test]
async fn sixty_people_at_three_processes_are_let_in_at_the_pace_of_one() {
    let company = company_at(10).await;
    let before = company.dingtalk.calls(USER_BY_CODE);
    let took = all_come(&company, 60).await;
    println!("sixty people at ten a second, three processes: {took:?}");
    // No person was refused. On a busy machine a call may have reached DingTalk too late, been refused and made again.
    let calls = company.dingtalk.calls(USER_BY_CODE) - before;
    assert!((60..=62).contains(&calls), "{calls}");
    // It takes six seconds if no response is late; on a busy machine many are.
    assert!(took < Duration::from_secs(20), "{took:?}");
}

/// Nobody knows whether the request or its response took so long; but DingTalk has not seen the request later than the response arrived.
#[tokio::test]
async fn a_call_whose_answer_takes_long_counts_from_when_dingtalk_may_have_seen_it_and_no_longer() {
    let company = company_at(100).await;
    // From so many responses each process learns how long one usually takes.
    all_come(&company, 150).await;
    let before = company.dingtalk.calls(USER_BY_CODE);
    let began = now(&company).await;
    company.dingtalk.fault("/topapi/v2/user/getuserinfo", 1, Fault::Delay { milliseconds: 1700 });
    let slow = company.logged_in_at(0, "alice");
    let others_go_on = async {
        eventually("the slow one is out", || company.dingtalk.calls(USER_BY_CODE) > before).await;
        while now(&company).await < began + 1500 {
            company.logged_in_at(1, "bob").await;
        }
    };
    tokio::join!(slow, others_go_on);
    loop {
        let latest = latest_call(&company).await;
        let now = now(&company).await;
        assert!(latest <= now, "one counts from {} ms after its answer", latest - now);
        if latest > began + 1600 {
            break;
        }
        assert!(now < began + 10_000, "the slow one is not noted");
    }
}

/// The clock of Redis, in milliseconds.
async fn now(company: &Company) -> u64 {
    let (seconds, microseconds): (u64, u64) = company.redis.ask("TIME").await.unwrap();
    seconds * 1000 + microseconds / 1000
}

/// The latest time that any call counts from, of those that the processes have noted in Redis, in milliseconds.
async fn latest_call(company: &Company) -> u64 {
    let mut latest = 0;
    for key in company.redis.keys_of("zset").await {
        let last: Vec<String> = company.redis.ask(&format!("ZRANGE {key} -1 -1 WITHSCORES")).await.unwrap();
        // Calls have names of several words.
        if let [name, score] = &last[..]
            && name.contains(' ')
        {
            latest = latest.max(score.parse().unwrap());
        }
    }
    latest
}

#[tokio::test]
async fn without_redis_each_process_keeps_to_its_part_and_nobody_is_refused() {
    let mut company = company_at(9).await;
    company.redis.kill().await;
    for process in &company.processes {
        standing_is(process, |state| state["reachable"] == false).await;
    }
    // A process that DingTalk had not answered yet has just called it for `/readyz`, to learn whether people can log in.
    let counted = || company.dingtalk.pace("/topapi/v2/user/getuserinfo").accepted_lately;
    let is_over = |at: &Instant| at.elapsed() > Duration::from_secs(1);
    eventually("DingTalk counts none of that any more", || counted().iter().all(is_over)).await;
    let before = company.dingtalk.calls(USER_BY_CODE);
    let took = all_come(&company, 27).await;
    let calls = company.dingtalk.calls(USER_BY_CODE) - before;
    assert!((27..=28).contains(&calls), "{calls}");
    println!("twenty-seven people at three times three a second, without redis: {took:?}");
}

#[tokio::test]
async fn nobody_is_refused_when_redis_comes_back_under_a_rush() {
    let company = company_at(9).await;
    company.redis.signal("-STOP").await;
    for process in &company.processes {
        standing_is(process, |state| state["reachable"] == false).await;
    }
    let before = company.dingtalk.calls(USER_BY_CODE);
    let called = || company.dingtalk.calls(USER_BY_CODE) - before;
    let comes_back = async {
        crate::support::eventually("each calls by itself", || called() >= 18).await;
        company.redis.signal("-CONT").await;
    };
    let (took, ()) = tokio::join!(all_come(&company, 60), comes_back);
    println!("sixty people at nine a second, redis back in the middle: {took:?}, {} calls", called());
    assert!((60..=62).contains(&called()), "{}", called());
}

#[tokio::test]
async fn a_place_in_the_line_is_good_at_any_process() {
    let company = company_at(1).await;
    let before = company.dingtalk.calls(USER_BY_CODE);
    // More people than there are calls in the twenty seconds that a response takes at most, so that some have to post again.
    let early: Vec<_> = (0..22).map(|nth| comes(&company, nth % 2, 2)).collect();
    eventually("half of them are in", || company.dingtalk.calls(USER_BY_CODE) - before >= 11).await;
    // Several, so that the last of them is not let in while early ones are on their way to the other process.
    let late: Vec<_> = (0..4).map(|_| comes(&company, 2, 2)).collect();
    let (mut came_again, mut last) = (Vec::new(), None);
    for person in early {
        came_again.extend(Some(person.await.unwrap()).filter(|(_, had_to)| *had_to));
    }
    for person in late {
        last = last.max(Some(person.await.unwrap().0));
    }
    assert!(!came_again.is_empty());
    assert!(came_again.iter().all(|(at, _)| Some(*at) < last), "whoever came later was let in earlier");
}

/// Redis stores times, also those at which keys expire, as times of day.
#[tokio::test]
async fn a_clock_of_redis_that_is_set_back_by_half_a_minute_stops_nobody() {
    let company = company_at(10).await;
    company.logged_in_at(0, "alice").await;
    let ahead = now(&company).await + 30_000;
    let mut processes = String::new();
    for key in company.redis.keys_of("zset").await {
        let members: Vec<String> = company.redis.ask(&format!("ZRANGE {key} 0 -1")).await.unwrap();
        // Calls have names of several words.
        if members.len() == 3 && members.iter().all(|member| !member.contains(' ')) {
            processes.clone_from(&key);
        }
        for nth in 0..10 {
            company.redis.ask::<()>(&format!("ZADD {key} {ahead} {nth}")).await.unwrap();
        }
        company.redis.ask::<()>(&format!("PEXPIRE {key} 35000")).await.unwrap();
    }
    let began = Instant::now();
    company.logged_in_at(1, "alice").await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    // Entries from the future are no processes: the limit must not be divided among them.
    while company.redis.ask::<u64>(&format!("ZCARD {processes}")).await.unwrap() != 3 {
        assert!(began.elapsed() < Duration::from_secs(10), "they still count");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The first process that reconnects finds no other one in Redis.
#[tokio::test]
async fn a_redis_that_has_forgotten_who_is_there_makes_nobody_believe_that_it_is_alone() {
    let company = company_at(20).await;
    // For five seconds after it has connected, each process assumes no fewer processes than before anyway.
    let began = Instant::now();
    eventually("five seconds are over", || began.elapsed() > Duration::from_millis(5500)).await;
    company.redis.ask::<()>("FLUSHALL").await.unwrap();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        for process in &company.processes {
            let state = standing(process).await;
            assert_eq!(state["processes"], 3, "{:?}: {state}", began.elapsed());
        }
    }
}
