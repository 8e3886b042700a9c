//! The simulator as a program of its own.

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_dingtalk-simulator"))
}

fn said(arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = program().args(arguments).output().unwrap();
    (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

#[test]
fn it_is_its_own_manual() {
    let (code, help) = said(&["--help"]);
    assert_eq!(code, Some(0));
    for option in ["--addr", "--app-url", "--kind", "--oapi-addr", "--https-addr", "--readme"] {
        assert!(help.contains(option), "{option}");
    }
    assert_eq!(said(&["--readme"]), (Some(0), concat!(include_str!("../../README.md"), "\n").to_owned()));
}

#[test]
fn what_is_wrong_with_an_option_is_said() {
    for (arguments, code, reason) in [
        (["--addr", "nonsense"], 1, "cannot listen on nonsense"),
        (["--kind", "isv"], 2, "isv is no kind of app"),
        (["--app-url", "javascript:x"], 2, "javascript:x is no http or https address"),
        (["--colour", "blue"], 2, "unknown argument --colour"),
    ] {
        let (ended, text) = said(&arguments);
        assert!(ended == Some(code) && text.contains(reason), "{ended:?}: {text}");
    }
    assert!(said(&["--addr"]).1.contains("--addr needs a value"));
}

#[test]
fn it_says_what_the_app_under_test_must_be_told() {
    for (kind, told) in [
        ("internal", &["DINGTALK_CLIENT_ID=dingsimulatedapp1", "DINGTALK_CORP_ID=dingsimulator0001"][..]),
        ("custom", &["DINGTALK_APP_KIND=custom", "DINGTALK_AGENT_ID=1000000002"]),
        ("third-party", &["DINGTALK_APP_KIND=third-party", "DINGTALK_EVENTS=stream"]),
    ] {
        let mut running = program().args(["--addr", "127.0.0.1:0", "--kind", kind]).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(running.stdout.take().unwrap()).lines().map(Result::unwrap);
        for told in told {
            assert!(lines.any(|line| line == *told), "{kind}: {told}");
        }
        running.kill().unwrap();
        running.wait().unwrap();
    }
}
