//! A server that is there, and has no time to answer.

use dingtalk_simulator::Simulator;
use tokio::process::Command;

use super::free;
use crate::process::{Served, complete, program, run, with};

async fn signal(served: &Served, signal: &str) {
    let process = served.child.id().unwrap().to_string();
    assert!(Command::new("kill").args([signal, &process]).status().await.unwrap().success());
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_not_said_to_be_another_process_that_is_to_be_stopped() {
    let dingtalk = Simulator::start().await.unwrap();
    let file = std::env::temp_dir().join(format!("doctor-busy-{:x}", rand::random::<u64>()));
    let variables = with(complete(&dingtalk), "STATE_URL", &format!("file:{}", file.display()));
    let variables = with(variables, "APP_ADDR", &free());
    let served = Served::start(&variables).await;
    signal(&served, "-STOP").await;
    let (code, said) = run(program(&variables).args(["doctor", "--lang", "en", "--no-dingtalk", "--no-public"])).await;
    signal(&served, "-CONT").await;
    served.stop().await;
    std::fs::remove_file(file).unwrap();
    assert!(code == Some(1) && said.contains("somebody listens at APP_ADDR and does not answer"), "{said}");
    assert!(said.contains("not done because of server") && !said.contains("stop that process"), "{said}");
}
