//! The program as whoever runs it meets it: settings, exit codes, log lines, signals.

use std::process::Stdio;
use std::time::Duration;

use dingtalk_simulator::{Fault, Simulator};
use reqwest::Method;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use crate::support::{Browser, http_client, session_key};

type Variables = Vec<(&'static str, String)>;

/// Settings with which the program runs.
fn complete(dingtalk: &Simulator) -> Variables {
    let app = dingtalk.app();
    vec![
        ("DINGTALK_CLIENT_ID", app.client_id.to_string()),
        ("DINGTALK_CLIENT_SECRET", app.client_secret.to_string()),
        ("DINGTALK_CORP_ID", app.corp_id.to_string()),
        ("DINGTALK_AGENT_ID", app.agent_id.to_string()),
        ("DINGTALK_API_URL", dingtalk.url()),
        ("DINGTALK_OAPI_URL", dingtalk.url()),
        ("PUBLIC_URL", "http://127.0.0.1:9".to_owned()),
        ("APP_ADDR", "127.0.0.1:0".to_owned()),
        ("SESSION_KEY", session_key()),
    ]
}

fn with(mut variables: Variables, name: &'static str, value: &str) -> Variables {
    variables.retain(|(known, _)| *known != name);
    variables.push((name, value.to_owned()));
    variables
}

fn program(variables: &Variables) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dingtalk-h5"));
    command
        .env_clear()
        .envs(variables.iter().cloned())
        .current_dir(std::env::temp_dir());
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs the program to its end: exit code and what it said.
async fn run(command: &mut Command) -> (Option<i32>, String) {
    let output = tokio::time::timeout(Duration::from_secs(20), command.output())
        .await
        .expect("it does not end")
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

/// The program, serving.
struct Served {
    child: Child,
    url: String,
    log: Lines<BufReader<ChildStderr>>,
}

impl Served {
    async fn start(variables: &Variables) -> Self {
        let mut child = program(variables).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = said.next_line().await.unwrap().expect("it says where it listens");
        let address = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
        Self {
            url: address.to_owned(),
            child,
            log,
        }
    }

    fn browser(&self) -> Browser {
        Browser::new(http_client(), &self.url, "http://127.0.0.1:9")
    }

    /// Ends it as a service manager does; returns the rest of the log.
    async fn stop(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
        let ended = tokio::time::timeout(Duration::from_secs(15), self.child.wait()).await;
        let mut rest = String::new();
        self.log.get_mut().read_to_string(&mut rest).await.unwrap();
        (ended.expect("it does not stop").unwrap().code(), rest)
    }
}

#[tokio::test]
async fn without_settings_it_exits_with_2_and_names_every_missing_one_and_where_it_is_found() {
    for arguments in [&[][..], &["serve"][..]] {
        let (code, said) = run(program(&Vec::new()).args(arguments)).await;
        assert_eq!(code, Some(2));
        for name in [
            "DINGTALK_CLIENT_ID",
            "DINGTALK_CLIENT_SECRET",
            "DINGTALK_CORP_ID",
            "DINGTALK_AGENT_ID",
            "PUBLIC_URL",
            "SESSION_KEY",
        ] {
            assert!(said.contains(&format!("{name}: it is not set")), "{name} in {said}");
        }
        assert!(
            said.contains("Developer Console") && said.contains("openssl rand -hex 64") && said.contains("cargo dev"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn each_missing_or_empty_setting_is_named_alone() {
    let dingtalk = Simulator::start().await.unwrap();
    for name in [
        "DINGTALK_CLIENT_ID",
        "DINGTALK_CLIENT_SECRET",
        "DINGTALK_CORP_ID",
        "DINGTALK_AGENT_ID",
        "PUBLIC_URL",
        "SESSION_KEY",
    ] {
        for value in ["", "   "] {
            let (code, said) = run(&mut program(&with(complete(&dingtalk), name, value))).await;
            assert_eq!((code, said.matches("found in:").count()), (Some(2), 1), "{said}");
            assert!(said.contains(&format!("{name}: it is not set")), "{said}");
        }
    }
}

#[tokio::test]
async fn settings_that_cannot_be_right_are_refused_without_repeating_them() {
    let dingtalk = Simulator::start().await.unwrap();
    let wrong = [
        ("DINGTALK_CLIENT_ID", "canary id"),
        ("DINGTALK_CLIENT_SECRET", "canary secret"),
        ("DINGTALK_CORP_ID", "$CORPID$"),
        ("DINGTALK_AGENT_ID", "canary"),
        ("DINGTALK_SITE", "canary"),
        ("DINGTALK_API_URL", "http://canary.example"),
        ("DINGTALK_API_URL", "https://canary:pw@api.dingtalk.io"),
        ("DINGTALK_OAPI_URL", "canary"),
        ("JSAPI_SCRIPT_URL", "http://canary.example/dd.js"),
        ("JSAPI_DIGEST", "md5-canary"),
        ("PUBLIC_URL", "http://canary.example"),
        ("PUBLIC_URL", "https://canary.example/path"),
        ("PUBLIC_URL", "https://canary.example:443"),
        ("PUBLIC_URL", "https://Canary.example"),
        ("PUBLIC_URL", "canary.example"),
        ("APP_ADDR", "canary"),
        ("SESSION_KEY", "canary"),
        ("SESSION_KEY", "00"),
        ("SESSION_KEY", &"ab".repeat(64)),
        ("SESSION_IDLE", "canary"),
        ("SESSION_IDLE", "0s"),
        ("SESSION_IDLE", "9h"),
        ("SESSION_LIFETIME", "365days"),
        ("TRUSTED_PROXIES", "0.0.0.0/0"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,canary"),
        ("EMBEDDED", "canary"),
        ("EMBEDDED", "true"),
    ];
    for (name, value) in wrong {
        let (code, said) = run(&mut program(&with(complete(&dingtalk), name, value))).await;
        assert_eq!(
            (code, said.matches("found in:").count()),
            (Some(2), 1),
            "{name}={value}: {said}"
        );
        assert!(
            said.contains(&format!("  {name}: ")) && !said.to_lowercase().contains("canary"),
            "{name}={value}: {said}"
        );
    }
}

#[tokio::test]
async fn secrets_may_come_from_files_but_not_from_both_places_nor_from_the_command_line() {
    let dingtalk = Simulator::start().await.unwrap();
    let file = std::env::temp_dir().join(format!("secret-{}", std::process::id()));
    std::fs::write(&file, format!("{}\n", dingtalk.app().client_secret)).unwrap();
    let path = file.to_str().unwrap();

    let from_file = with(
        with(complete(&dingtalk), "DINGTALK_CLIENT_SECRET", ""),
        "DINGTALK_CLIENT_SECRET_FILE",
        path,
    );
    let served = Served::start(&from_file).await;
    assert_eq!(served.browser().read("/readyz").await.status, 200);
    assert_eq!(served.stop().await.0, Some(0));

    let both = with(complete(&dingtalk), "DINGTALK_CLIENT_SECRET_FILE", path);
    let (code, said) = run(&mut program(&both)).await;
    assert_eq!(code, Some(2));
    assert!(said.contains("both it and DINGTALK_CLIENT_SECRET_FILE are set"), "{said}");

    let nowhere = with(from_file, "DINGTALK_CLIENT_SECRET_FILE", "/nowhere/at/all");
    let (code, said) = run(&mut program(&nowhere)).await;
    assert_eq!(code, Some(2));
    assert!(said.contains("DINGTALK_CLIENT_SECRET_FILE cannot be read"), "{said}");

    for flag in ["--dingtalk-client-secret", "--session-key"] {
        assert_eq!(run(program(&complete(&dingtalk)).args(["serve", flag, "x"])).await.0, Some(2));
    }
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn a_malformed_dot_env_is_reported_without_its_content() {
    let folder = std::env::temp_dir().join(format!("dot-env-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(".env"), "DINGTALK_CLIENT_SECRET='canary\n").unwrap();
    let (code, said) = run(program(&Vec::new()).current_dir(&folder)).await;
    std::fs::remove_dir_all(folder).unwrap();
    assert_eq!(code, Some(2));
    assert!(said.contains(".env is malformed") && !said.contains("canary"), "{said}");
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let dingtalk = Simulator::start().await.unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, said) = run(&mut program(&with(complete(&dingtalk), "APP_ADDR", &address))).await;
    assert_eq!(code, Some(1));
    assert!(said.contains(&address), "{said}");
}

#[tokio::test]
async fn help_describes_every_setting() {
    let (code, said) = run(program(&Vec::new()).args(["serve", "--help"])).await;
    assert_eq!(code, Some(0));
    let example = include_str!("../.env.example");
    let names = example
        .lines()
        .filter_map(|line| line.trim_start_matches("# ").split_once('='))
        .map(|(name, _)| name);
    let names: Vec<_> = names
        .filter(|name| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))
        .collect();
    assert!(names.len() >= 17, "{names:?}");
    for name in names {
        assert!(said.contains(name), "{name} is not in --help");
    }
}

#[tokio::test]
async fn a_login_in_flight_ends_well_when_the_program_is_told_to_stop() {
    let dingtalk = Simulator::start().await.unwrap();
    let served = Served::start(&complete(&dingtalk)).await;
    let mut warm = served.browser();
    assert_eq!(warm.enter_and_log_in(&dingtalk.issue_code("bob")).await.status, 200);
    dingtalk.fault("/topapi/v2/user/getuserinfo", 1, Fault::Delay { milliseconds: 2000 });
    let code = dingtalk.issue_code("alice");
    let mut browser = served.browser();
    let state = browser.enter().await;
    let login = tokio::spawn(async move { browser.log_in(&code, &state).await });
    crate::support::eventually("the login is under way", || dingtalk.calls(crate::support::USER_BY_CODE) == 2).await;
    let (exit, _) = served.stop().await;
    assert_eq!(login.await.unwrap().status, 200);
    assert_eq!(exit, Some(0));
}

#[tokio::test]
async fn the_log_has_the_id_of_the_answer_and_the_fix_and_nothing_that_is_secret() {
    let dingtalk = Simulator::start().await.unwrap();
    let variables = with(complete(&dingtalk), "RUST_LOG", "trace");
    let served = Served::start(&variables).await;
    let mut browser = served.browser();
    let code = dingtalk.issue_code("alice");
    assert_eq!(browser.enter_and_log_in(&code).await.status, 200);
    let me = browser
        .send(Method::GET, "/api/me?canary=query", &[("x-canary", "header\\n")], None)
        .await;
    assert_eq!(browser.jsapi_config("http://127.0.0.1:9/jsapi?q=canary").await.status, 200);
    let session = browser.cookie("session").unwrap().to_owned();
    let rejected = served.browser().enter_and_log_in("canary-code").await;
    dingtalk.fault("/topapi/v2/user/getuserinfo", 1, Fault::Permission);
    let misconfigured = served.browser().enter_and_log_in(&dingtalk.issue_code("alice")).await;
    assert_eq!(misconfigured.problem().1, "misconfigured");

    let (exit, log) = served.stop().await;
    assert_eq!(exit, Some(0));
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    for answer in [&me, &rejected, &misconfigured] {
        let id = answer.header("x-request-id");
        assert!(
            lines
                .iter()
                .any(|line| line["request_id"] == id && line["status"] == answer.status),
            "{id}"
        );
    }
    let id = misconfigured.header("x-request-id");
    let told: Vec<_> = lines
        .iter()
        .filter(|line| line["level"] == "ERROR" && line["request_id"] == id)
        .collect();
    assert_eq!(told.len(), 1, "logged once");
    let fix = told[0]["fix"].as_str().unwrap();
    assert!(fix.contains("qyapi_base") && fix.contains("Permission Management"), "{fix}");

    let key = &variables.iter().find(|(name, _)| *name == "SESSION_KEY").unwrap().1;
    for secret in [dingtalk.app().client_secret, &code, &session, &key[..32], "canary"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
