//! The command, as an administrator types it.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use dingtalk_h5::dingtalk::events::Cipher;
use dingtalk_h5::dingtalk::{Events, Proxy};
use dingtalk_simulator::Simulator;
use tokio::process::Command;

use super::Scene;
use crate::process::{Served, complete, prepared, program, run, with};
use crate::shared::events::as_third_party;

#[tokio::test]
async fn its_exit_code_is_0_when_nothing_fails_1_when_something_does_and_2_for_settings() {
    let dingtalk = Simulator::start().await.unwrap();
    let address = super::free();
    let variables = with(with(complete(&dingtalk), "APP_ADDR", &address), "PUBLIC_URL", &format!("http://{address}"));
    let variables = with(variables, "JSAPI_SCRIPT_URL", &format!("{}/dd.js", dingtalk.url()));
    let served = Served::start(&variables).await;
    let (code, said) = run(program(&variables).args(["doctor", "--user", "zhangsan"])).await;
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(program(&variables).args(["doctor", "--lang", "zh", "--user", "nobody"])).await;
    assert!(code == Some(1) && said.contains("处理"), "{said}");
    let (code, said) = run(program(&with(variables.clone(), "LANG", "zh_CN.UTF-8")).arg("doctor")).await;
    assert!(code == Some(0) && (said.contains("能够") || said.contains("有应答")), "{said}");
    let code = dingtalk.issue_code("alice");
    let mut shell = prepared(Command::new("sh"), &variables);
    let script = format!("echo {code} | {} doctor --code", env!("CARGO_BIN_EXE_dingtalk-h5"));
    let (exit, said) = run(shell.args(["-c", &script]).env("PATH", std::env::var_os("PATH").unwrap())).await;
    assert!(exit == Some(0) && said.contains("of alice") && !said.contains(&code), "{said}");
    served.stop().await;
    let before = dingtalk.upstream_calls();
    let (code, said) = run(program(&variables).args(["doctor", "--no-dingtalk", "--no-public"])).await;
    assert!(code == Some(0) && dingtalk.upstream_calls() == before, "{said}");
    for arguments in [&["doctor"][..], &["doctor", "--json"]] {
        let (code, said) = run(program(&with(variables.clone(), "DINGTALK_CORP_ID", "")).args(arguments)).await;
        assert!(code == Some(2) && said.contains("DINGTALK_CORP_ID"), "{said}");
    }
    let (_, said) = run(program(&with(variables, "DINGTALK_CORP_ID", "")).args(["doctor", "--json", "--lang", "zh"])).await;
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    let check = &report["checks"][0];
    assert!(check["expected"].as_str().unwrap().contains("设置") && check["fix"].is_string(), "{report}");
    assert!(check["seen"].as_str().unwrap().contains("设置"), "{report}");
}

#[tokio::test]
async fn the_unified_app_id_is_shown_to_whoever_has_set_it() {
    let dingtalk = Simulator::start().await.unwrap();
    let variables = with(complete(&dingtalk), "DINGTALK_APP_ID", "b7e2-unified");
    let (_, said) = run(program(&variables).args(["doctor", "--lang", "en", "--no-dingtalk", "--no-public"])).await;
    assert!(said.lines().next().unwrap().contains("Unified App ID is b7e2-unified"), "{said}");
}

/// Without its capabilities root may do no more than any other user.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_folder_in_which_this_user_can_make_no_state_is_named() {
    let dingtalk = Simulator::start().await.unwrap();
    let folder = std::env::temp_dir().join(format!("doctor-closed-{:x}", rand::random::<u64>()));
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, Permissions::from_mode(0o555)).unwrap();
    let variables = with(complete(&dingtalk), "STATE_URL", &format!("file:{}/state", folder.display()));
    let mut command = program(&variables);
    if std::fs::metadata(&folder).unwrap().uid() == 0 {
        command = prepared(Command::new("setpriv"), &variables);
        command.args(["--inh-caps=-all", "--bounding-set=-all", env!("CARGO_BIN_EXE_dingtalk-h5")]);
    }
    let (code, said) = run(command.args(["doctor", "--lang", "en", "--no-dingtalk", "--no-public"])).await;
    std::fs::remove_dir(folder).unwrap();
    assert!(code == Some(1) && said.contains("a file that this user may write"), "{said}");
}

#[tokio::test]
async fn a_gateway_of_one_s_own_leads_to_the_console_of_the_site_that_is_set() {
    let mut scene = Scene::set().await;
    scene.settings.dingtalk.api_url = "https://dingtalk.example.com".parse().unwrap();
    scene.settings.dingtalk.proxy = Some(Proxy::parse(&format!("http://{}", super::nobody()).into()).unwrap());
    scene.settings.dingtalk.events = Events::Http(Cipher::new("sometoken".into(), &"a".repeat(43).into()).unwrap());
    for (site, console) in [("io", "https://open-dev.dingtalk.io/"), ("com", "https://open-dev.dingtalk.com/")] {
        scene.settings.site = site;
        let examined = scene.examine().await;
        assert_eq!(examined.check("events")["console"], console, "{:#}", examined.report);
    }
}

#[tokio::test]
async fn serve_logs_at_start_what_the_first_person_would_stumble_over_unless_it_is_not_to_look() {
    let dingtalk = Simulator::start().await.unwrap();
    let internal = complete(&dingtalk);
    let third_party = as_third_party(&dingtalk, internal.clone());
    for (variables, arguments, looks) in [
        (&internal, &["serve"][..], Some(crate::support::ACCESS_TOKEN)),
        (&internal, &["serve", "--no-checks"], None),
        (&third_party, &["serve"], Some("POST /v1.0/gateway/connections/open")),
    ] {
        let mut command = program(&with(variables.clone(), "DINGTALK_CLIENT_SECRET", "another-secret"));
        command.args(arguments);
        let served = Served::start_as(command).await;
        if let Some(call) = looks {
            crate::support::eventually("it looks", || dingtalk.calls(call) > 0).await;
        }
        let (_, log) = served.stop().await;
        let told = log.lines().filter(|line| line.contains("not set up as it must be") && line.contains("\"token\"")).count();
        assert_eq!(told, usize::from(looks.is_some()), "{log}");
    }
}

#[tokio::test]
async fn what_programs_are_told_keeps_its_form() {
    let mut scene = Scene::set().await;
    scene.user = "nobody".into();
    scene.settings.web.public_url = dingtalk_h5::dingtalk::Origin::parse("http://localhost:9").unwrap();
    let report = serde_json::to_string_pretty(&scene.examine().await.report).unwrap();
    let report = without_differences(&report);
    insta::assert_snapshot!(report);
}

/// The report without lines that differ from run to run, or from system to system.
fn without_differences(report: &str) -> String {
    let is_same = |line: &&str| !["this machine's clock is", "os error"].iter().any(|differs| line.contains(differs));
    report.lines().filter(is_same).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn on_a_machine_that_trusts_nobody_it_says_what_to_install() {
    let dingtalk = Simulator::start().await.unwrap();
    let variables = with(with(complete(&dingtalk), "SSL_CERT_FILE", "/nowhere"), "SSL_CERT_DIR", "/nowhere");
    let (code, said) = run(program(&variables).arg("doctor")).await;
    assert!(code == Some(1) && said.contains("ca-certificates"), "{said}");
}
