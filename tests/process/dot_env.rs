//! The file `.env` of the directory that the program is started in.

use dingtalk_simulator::Simulator;
use tokio::process::Command;

use super::{Served, complete, program, run};

/// Runs `command` to its end in a directory whose `.env` is `text`: its exit code and its output.
async fn ends_with(text: &str, command: &mut Command) -> (Option<i32>, String) {
    let folder = std::env::temp_dir().join(format!("dot-env-{:x}", rand::random::<u64>()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(".env"), text).unwrap();
    let ended = run(command.current_dir(&folder)).await;
    std::fs::remove_dir_all(folder).unwrap();
    ended
}

#[tokio::test]
async fn a_malformed_dot_env_is_reported_without_its_content_and_keeps_no_help_from_anybody() {
    for text in ["DINGTALK_CLIENT_SECRET='canary\n", "STATE_URL=redis://:canary@127.0.0.1:1\0\n"] {
        let (code, said) = ends_with(text, &mut program(&Vec::new())).await;
        assert_eq!(code, Some(2));
        assert!(said.contains(".env is malformed") && !said.contains("canary"), "{said}");
        let (code, said) = ends_with(text, program(&Vec::new()).arg("unit")).await;
        assert!(code == Some(0) && said.contains("ExecStart="), "{said}");
        let help = ends_with(text, program(&Vec::new()).arg("--help")).await;
        assert!(help.0 == Some(0) && help.1.contains("Usage"), "{}", help.1);
    }
}

#[tokio::test]
async fn a_line_of_dot_env_hides_none_that_follow_and_may_end_with_a_blank() {
    let dingtalk = Simulator::start().await.unwrap();
    let read = async |text: &str| {
        let mut doctor = program(&complete(&dingtalk));
        ends_with(text, doctor.args(["doctor", "--no-dingtalk", "--no-public"])).await
    };
    let odd = "SESSION_LIFETIME=8h  # a day's work\nTRUSTED_PROXIES=0.0.0.0/0\nSESSION_IDLE=1h  # it's enough\n";
    let (code, said) = read(odd).await;
    assert!(code == Some(2) && said.contains(".env is malformed") && said.contains("line 1 is not"), "{said}");
    let (code, said) = read("ONE_HOUR=1h\nSESSION_IDLE=${ONE_HOUR}30m\n").await;
    assert!(code != Some(2), "a line may be made of one above: {said}");
    let (code, said) = read("SESSION_IDLE=${ONE_HOUR}30\n").await;
    assert!(code == Some(2) && said.contains("SESSION_IDLE"), "{said}");
    let (code, said) = read("SESSION_IDLE=1h ").await;
    assert!(code != Some(2), "a blank at the end is none of the value: {said}");
}

/// systemd, which may pass the same file to the server, reads it in this way.
#[tokio::test]
async fn of_two_lines_of_dot_env_the_later_counts_and_so_it_does_where_a_variable_is_blank() {
    let dingtalk = Simulator::start().await.unwrap();
    let folder = std::env::temp_dir().join(format!("dot-env-{:x}", rand::random::<u64>()));
    let key = folder.join(r#"a $key "of" 'ours' \ and"#);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(&key, format!("\u{feff}{}", crate::support::session_key())).unwrap();
    let mut lines = "\u{feff}PUBLIC_URL=\nDINGTALK_AGENT_ID=canary\nRUST_LOG=\n".to_owned();
    let quoted = |value: &str| format!("'{}'", value.replace('\'', r"'\''"));
    for (name, value) in complete(&dingtalk).iter().filter(|(name, _)| *name != "SESSION_KEY") {
        lines += &format!("{name}={}\n", quoted(value));
    }
    let key = quoted(key.to_str().unwrap());
    std::fs::write(folder.join(".env"), format!("{lines}APP_ADDR=canary\nSESSION_KEY_FILE={key}\nRUST_LOG=loud\n")).unwrap();
    let set = [("APP_ADDR", "127.0.0.1:0"), ("DINGTALK_CORP_ID", ""), ("PUBLIC_URL", "  ")];
    let mut program = program(&set.map(|(name, value)| (name, value.to_owned())).into());
    program.current_dir(&folder);
    let served = Served::start_as(program).await;
    assert_eq!(served.browser().read("/readyz").await.status, 200);
    let (_, log) = served.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
    assert!(log.contains("RUST_LOG is malformed"), "{log}");
}
