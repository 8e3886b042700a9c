//! A login needs two descriptors. Service managers give a process 1,024 to begin with, and let it raise that.

use std::time::Duration;

use dingtalk_simulator::{Fault, Simulator};
use tokio::task::JoinSet;

use super::{Served, complete, with};
use crate::support::{Browser, http_client};

const LOGINS: u32 = 600;

/// Lets everybody log in at once while DingTalk takes two seconds for each: the problem codes of those who were not let in.
async fn rush(served: &Served, dingtalk: &Simulator) -> Vec<String> {
    dingtalk.fault("/topapi/v2/user/getuserinfo", LOGINS, Fault::Delay { milliseconds: 2000 });
    let http = http_client();
    let mut logins = JoinSet::new();
    for _ in 0..LOGINS {
        let mut browser = Browser::new(http.clone(), &served.url, "http://127.0.0.1:9");
        let code = dingtalk.issue_code("alice");
        logins.spawn(async move {
            let answer = browser.enter_and_log_in(&code).await;
            (answer.status != 200).then(|| answer.problem().1)
        });
    }
    let told = tokio::time::timeout(Duration::from_secs(60), logins.join_all()).await.expect("they do not end");
    told.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_hundred_logins_at_once_are_let_in_however_few_descriptors_there_are_at_first() {
    for limit in ["-S -n 1024", "-S -n 256"] {
        let dingtalk = Simulator::start().await.unwrap();
        let served = Served::start_with_limit(limit, &with(complete(&dingtalk), "RUST_LOG", "warn")).await;
        assert_eq!(rush(&served, &dingtalk).await, Vec::<String>::new(), "{limit}");
        assert_eq!(served.stop().await.0, Some(0));
    }
}

#[tokio::test]
async fn the_limit_on_open_files_is_raised_once_and_said() {
    let dingtalk = Simulator::start().await.unwrap();
    for (limit, said) in [("-S -n 256", 1), ("-n 256", 0)] {
        let (exit, log) = Served::start_with_limit(limit, &complete(&dingtalk)).await.stop().await;
        assert_eq!((exit, log.matches("raised the limit on open files").count()), (Some(0), said), "{limit}: {log}");
    }
}
