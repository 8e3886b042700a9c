//! From one process with a file to several with a Redis.

use dingtalk_simulator::Simulator;

use super::standing_is;
use crate::process::{Served, complete, program, run, with};
use crate::state::new_path;
use crate::support::redis::RedisServer;

#[tokio::test]
async fn what_a_file_kept_is_taken_over_and_nothing_that_was_acknowledged_is_lost() {
    let (dingtalk, redis, path) = (Simulator::start().await.unwrap(), RedisServer::start().await, new_path());
    let in_file = with(complete(&dingtalk), "STATE_URL", &format!("file:{}", path.display()));
    let in_redis = with(in_file.clone(), "STATE_URL", &redis.url());
    let served = Served::start(&in_file).await;
    let (mut stays, mut goes) = (served.browser(), served.browser());
    let (state, code) = (stays.enter().await, dingtalk.issue_code("alice"));
    let with_state = stays.clone();
    assert_eq!(stays.log_in(&code, &state).await.status, 200);
    assert_eq!(goes.enter_and_log_in(&dingtalk.issue_code("bob")).await.status, 200);
    let copy = goes.clone();
    assert_eq!(goes.log_out().await.status, 204);

    let take_over = async || run(program(&in_redis).args(["take-over", "--from"]).arg(&path)).await;
    let (code, said) = take_over().await;
    assert!(code == Some(1) && said.contains("another process has it open"), "{said}");
    assert_eq!(served.stop().await.0, Some(0));
    let mistyped = path.with_extension("x");
    let (code, said) = run(program(&in_redis).args(["take-over", "--from"]).arg(&mistyped)).await;
    assert!(code == Some(1) && said.contains("not found") && !mistyped.exists(), "{said}");
    let folder = path.parent().unwrap();
    let (code, said) = run(program(&in_redis).args(["take-over", "--from"]).arg(folder)).await;
    assert!(code == Some(1) && said.contains("is a directory"), "{said}");
    for _ in 0..2 {
        assert_eq!(take_over().await.0, Some(0));
    }

    for _ in 0..2 {
        let served = Served::start(&in_redis).await;
        standing_is(&served, |state| state["reachable"] == true).await;
        let mut here = [stays.clone(), copy.clone(), with_state.clone()];
        here.iter_mut().for_each(|browser| browser.url.clone_from(&served.url));
        let [stays, copy, with_state] = &mut here;
        assert_eq!(stays.me().await.status, 200);
        assert_eq!(copy.me().await.status, 401);
        let again = with_state.log_in(&dingtalk.issue_code("alice"), &state).await;
        assert_eq!(again.problem(), (403, "state_rejected".into()));
    }
    drop(std::fs::remove_file(path));
}
