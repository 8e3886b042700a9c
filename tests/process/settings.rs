//! Settings that are missing, malformed or half-set.

use std::convert::Infallible;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use dingtalk_h5::environment::{Environment, Setting};
use dingtalk_h5::settings::Settings;
use dingtalk_simulator::Simulator;

use super::{Served, complete, program, run, with};

/// Settings without a default.
const REQUIRED: [&str; 6] =
    ["DINGTALK_CLIENT_ID", "DINGTALK_CLIENT_SECRET", "DINGTALK_CORP_ID", "DINGTALK_AGENT_ID", "PUBLIC_URL", "SESSION_KEY"];

#[test]
fn what_an_app_reads_again_is_described_once_and_its_fault_told_once() {
    let read = |env: &mut Environment| {
        env.required("PUBLIC_URL", String::try_from, "What users open.");
        env.required("PUBLIC_URL", String::try_from, "For links.")
    };
    let known: Vec<_> = Environment::settings_of(read).into_iter().map(|Setting { name, about, .. }| (name, about)).collect();
    assert_eq!(known, [("PUBLIC_URL", "What users open.".to_owned())]);
    let told = Environment::from_iter([("X", "y")]).read(read).unwrap_err().to_string();
    assert_eq!(faults(&told), 1, "{told}");
}

/// How many faults are reported: each is a line of its own that begins with the name.
fn faults(said: &str) -> usize {
    let names = said.lines().filter_map(|line| line.strip_prefix("  ")?.split_once(": "));
    names.filter(|(name, _)| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')).count()
}

#[tokio::test]
async fn without_settings_it_exits_with_2_and_names_every_missing_one_and_where_it_is_found() {
    for arguments in [&[][..], &["serve"][..]] {
        let (code, said) = run(program(&Vec::new()).args(arguments)).await;
        assert_eq!(code, Some(2));
        for name in REQUIRED {
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
    for name in REQUIRED {
        for value in ["", "   "] {
            let (code, said) = run(&mut program(&with(complete(&dingtalk), name, value))).await;
            assert_eq!((code, faults(&said)), (Some(2), 1), "{said}");
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
        ("METRICS_ADDR", "canary"),
        ("METRICS_ADDR", "0.0.0.0:9464"),
        ("SESSION_KEY", "canary"),
        ("SESSION_KEY", "00"),
        ("SESSION_KEY", &"ab".repeat(64)),
        ("SESSION_IDLE", "canary"),
        ("SESSION_IDLE", "0s"),
        ("SESSION_IDLE", "9h"),
        ("SESSION_LIFETIME", "365days"),
        ("TRUSTED_PROXIES", "0.0.0.0/0"),
        ("TRUSTED_PROXIES", "0.0.0.0/1,128.0.0.0/1"),
        ("TRUSTED_PROXIES", "::/0"),
        ("TRUSTED_PROXIES", "2000::/7"),
        ("TRUSTED_PROXIES", "::ffff:0.0.0.0/96"),
        ("PUBLIC_URL", "https://*.canary.example"),
        ("PUBLIC_URL", "https://canary.example;x"),
        ("TRUSTED_PROXIES", "10.0.0.1,*"),
        ("DINGTALK_OAPI_URL", "https://user@oapi.dingtalk.io"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,canary"),
        ("EMBEDDED", "canary"),
        ("DINGTALK_PROXY", "canary:3128"),
        ("DINGTALK_PROXY", "socks5://canary:1080"),
        ("EMBEDDED", "true"),
    ];
    for (name, value) in wrong {
        let (code, said) = run(&mut program(&with(complete(&dingtalk), name, value))).await;
        assert_eq!((code, faults(&said)), (Some(2), 1), "{name}={value}: {said}");
        assert!(said.contains(&format!("  {name}: ")) && !said.to_lowercase().contains("canary"), "{name}={value}: {said}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_in_words_that_fit() {
    let dingtalk = Simulator::start().await.unwrap();
    for (name, value, words) in [
        ("DINGTALK_CORP_ID", dingtalk.app().client_id, "the same as DINGTALK_CLIENT_ID: one of them was pasted twice"),
        ("PUBLIC_URL", "https://应用.example.com", "xn--… for letters beyond ASCII"),
    ] {
        let (code, said) = run(&mut program(&with(complete(&dingtalk), name, value))).await;
        assert_eq!((code, faults(&said)), (Some(2), 1), "{said}");
        assert!(said.contains(&format!("  {name}: ")) && said.contains(words), "{said}");
    }
}

#[tokio::test]
async fn a_wrong_site_is_one_fault_and_not_three() {
    let dingtalk = Simulator::start().await.unwrap();
    let mut variables = with(complete(&dingtalk), "DINGTALK_SITE", "cn");
    variables.retain(|(name, _)| !["DINGTALK_API_URL", "DINGTALK_OAPI_URL"].contains(name));
    let (code, said) = run(&mut program(&variables)).await;
    assert_eq!((code, faults(&said)), (Some(2), 1), "{said}");
    assert!(said.contains("  DINGTALK_SITE: it is neither io nor com"), "{said}");
}

#[tokio::test]
async fn secrets_may_come_from_files_but_not_from_both_places_nor_from_the_command_line() {
    let dingtalk = Simulator::start().await.unwrap();
    let file = std::env::temp_dir().join(format!("secret-{}", std::process::id()));
    std::fs::write(&file, format!("{}\n", dingtalk.app().client_secret)).unwrap();
    std::fs::set_permissions(&file, Permissions::from_mode(0o604)).unwrap();
    let path = file.to_str().unwrap();

    let from_file = with(with(complete(&dingtalk), "DINGTALK_CLIENT_SECRET", ""), "DINGTALK_CLIENT_SECRET_FILE", path);
    let served = Served::start(&from_file).await;
    assert_eq!(served.browser().read("/readyz").await.status, 200);
    let (exit, log) = served.stop().await;
    assert_eq!(exit, Some(0));
    assert!(log.contains("every user of this machine can read the file of DINGTALK_CLIENT_SECRET"), "{log}");

    std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let (_, log) = Served::start(&from_file).await.stop().await;
    assert!(!log.contains("every user"), "{log}");

    let both = with(complete(&dingtalk), "DINGTALK_CLIENT_SECRET_FILE", path);
    let (code, said) = run(&mut program(&both)).await;
    assert_eq!(code, Some(2));
    assert!(said.contains("both it and DINGTALK_CLIENT_SECRET_FILE are set"), "{said}");

    let nowhere = with(from_file.clone(), "DINGTALK_CLIENT_SECRET_FILE", "/nowhere/at/all");
    let (code, said) = run(&mut program(&nowhere)).await;
    assert_eq!(code, Some(2));
    assert!(said.contains("DINGTALK_CLIENT_SECRET_FILE cannot be read"), "{said}");

    std::fs::write(&file, "\n").unwrap();
    let (code, said) = run(&mut program(&from_file)).await;
    assert_eq!(code, Some(2));
    assert!(said.contains("DINGTALK_CLIENT_SECRET: the file of DINGTALK_CLIENT_SECRET_FILE is empty"), "{said}");

    for flag in ["--dingtalk-client-secret", "--session-key"] {
        assert_eq!(run(program(&complete(&dingtalk)).args(["serve", flag, "x"])).await.0, Some(2));
    }
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn a_certificate_needs_its_key_and_a_key_its_certificate() {
    let dingtalk = Simulator::start().await.unwrap();
    let complete = complete(&dingtalk);
    let certificate_alone = with(complete.clone(), "TLS_CERT", "/nowhere/cert.pem");
    let key_alone = with(complete, "TLS_KEY", "/nowhere/key.pem");
    let neither_is_there = with(certificate_alone.clone(), "TLS_KEY", "/nowhere/key.pem");
    for (variables, wrong) in [
        (certificate_alone, "TLS_KEY: it is not set, but TLS_CERT is"),
        (key_alone, "TLS_CERT: it is not set, but TLS_KEY is"),
        (neither_is_there, "TLS_CERT: it is not a readable PEM file"),
    ] {
        let (code, said) = run(&mut program(&variables)).await;
        assert_eq!((code, faults(&said)), (Some(2), 1), "{said}");
        assert!(said.contains(wrong), "{said}");
    }
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
async fn an_option_outdoes_the_variable_of_its_name() {
    let dingtalk = Simulator::start().await.unwrap();
    let complete = with(complete(&dingtalk), "SESSION_IDLE", "canary");
    let (code, said) = run(program(&complete).args(["serve", "--session-idle", "2d"])).await;
    assert_eq!((code, faults(&said)), (Some(2), 1), "{said}");
    assert!(said.contains("SESSION_IDLE: it is longer than SESSION_LIFETIME"), "{said}");
}

/// As a fork reads its own settings.
#[test]
fn an_app_reads_settings_of_its_own_and_hears_all_that_is_wrong_with_them_at_once() {
    let hours = |text: String| text.parse::<u8>().map_err(|_| "it is not a number of hours");
    let read = |env: &mut Environment| {
        let kitchen = env.required("KITCHEN", String::try_from, "Who cooks: ask the cook.");
        let hours = env.or("HOURS", "8", hours, "How long the kitchen is open.");
        let oven = env.secret("OVEN_KEY", |key| Ok::<_, Infallible>(key.clone()), "Key of the oven.");
        Some((kitchen?, hours?, oven?))
    };
    let set = |names: &[(&'static str, &'static str)]| Environment::from_iter(names.to_vec());

    let (kitchen, hours, _) = set(&[("KITCHEN", "Anna"), ("OVEN_KEY", "canary")]).read(read).unwrap();
    assert_eq!((kitchen.as_str(), hours), ("Anna", 8));

    let wrong = set(&[("HOURS", "canary"), ("OVEN_KEY", "canary"), ("OVEN_KEY_FILE", "x")]).read(read);
    let said = wrong.err().unwrap().to_string();
    assert_eq!(faults(&said), 3, "{said}");
    for sentence in [
        "KITCHEN: it is not set\n      Who cooks: ask the cook.",
        "HOURS: it is not a number of hours\n      How long the kitchen is open. Default: 8",
        "OVEN_KEY: both it and OVEN_KEY_FILE are set",
    ] {
        assert!(said.contains(sentence) && !said.contains("canary"), "{said}");
    }
}

#[tokio::test]
async fn every_setting_is_in_the_help_in_the_readme_and_in_the_example() {
    let (code, said) = run(program(&Vec::new()).args(["serve", "--help"])).await;
    assert_eq!(code, Some(0));
    let of_the_app = Environment::settings_of(dingtalk_h5::app::Settings::read);
    for Setting { name, is_secret, .. } in Settings::known() {
        // An app may describe its own settings elsewhere.
        let is_ours = of_the_app.iter().all(|setting| setting.name != name);
        let name = if is_secret { format!("{name}_FILE") } else { name.to_string() };
        assert!(said.contains(&name), "{name} is not in {said}");
        for text in [include_str!("../../README.md"), include_str!("../../.env.example")] {
            assert!(!is_ours || text.contains(&name), "{name} is not in {text}");
        }
    }
    let example = include_str!("../../.env.example");
    let names = example.lines().filter_map(|line| line.trim_start_matches("# ").split_once('=')).map(|(name, _)| name);
    let names: Vec<_> = names.filter(|name| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')).collect();
    assert!(names.len() >= 17, "{names:?}");
    for name in names {
        assert!(said.contains(name), "{name} is not in --help");
    }
}

#[tokio::test]
async fn what_comes_along_when_an_identifier_is_copied_is_named() {
    let dingtalk = Simulator::start().await.unwrap();
    for (name, value, named) in [
        ("DINGTALK_CLIENT_ID", "\"dingcanary1\"", "quotes"),
        ("DINGTALK_CLIENT_ID", "'dingcanary1'", "quotes"),
        ("DINGTALK_CLIENT_SECRET", "“canary”", "quotes"),
        ("DINGTALK_CORP_ID", "`dingcanary1`", "quotes"),
        ("DINGTALK_CLIENT_ID", "dingcanary1,", "punctuation"),
        ("DINGTALK_CLIENT_SECRET", "canary;", "punctuation"),
        ("DINGTALK_CORP_ID", "dingcanary1。", "punctuation"),
        ("DINGTALK_CORP_ID", ": dingcanary1", "blanks"),
        ("DINGTALK_CLIENT_ID", "ding canary1", "blanks"),
        ("DINGTALK_CLIENT_ID", "<your-client-id>", "placeholder"),
        ("DINGTALK_CLIENT_ID", "your-client-id", "placeholder"),
        ("DINGTALK_CLIENT_SECRET", "${CANARY}", "placeholder"),
        ("DINGTALK_CORP_ID", "xxxxxxxx", "placeholder"),
        ("DINGTALK_CLIENT_ID", "(dingcanary1)", "punctuation"),
        ("DINGTALK_CLIENT_ID", "|dingcanary1|", "punctuation"),
        ("DINGTALK_CLIENT_ID", "DINGTALK_CLIENT_ID=dingcanary1", "name of the value"),
        ("DINGTALK_CLIENT_SECRET", "AppSecret：canary", "name of the value"),
        ("DINGTALK_CORP_ID", "%24CANARY%24", "placeholder"),
        ("DINGTALK_CORP_ID", "CorpId: dingcanary1", "name of the value"),
        ("DINGTALK_CLIENT_ID", "undefined", "placeholder"),
        ("DINGTALK_CLIENT_SECRET", "%CANARY%", "placeholder"),
        ("DINGTALK_CORP_ID", "dingcanary1\u{200B}", "character"),
        ("DINGTALK_AGENT_ID", "AgentId:12345", "name of the value"),
        ("DINGTALK_AGENT_ID", "'12345'", "quotes"),
        ("DINGTALK_AGENT_ID", "agent-12345", "number"),
    ] {
        let (code, said) = run(&mut program(&with(complete(&dingtalk), name, value))).await;
        assert_eq!((code, faults(&said)), (Some(2), 1), "{name}={value}: {said}");
        let line =
            said.lines().find(|line| line.starts_with(&format!("  {name}: "))).unwrap_or_else(|| panic!("{value}: {said}"));
        assert!(line.contains(named) && !said.to_lowercase().contains("canary"), "{name}={value}: {line}");
    }
}

#[tokio::test]
async fn a_pair_that_was_swapped_is_told_and_never_served() {
    let dingtalk = Simulator::start().await.unwrap();
    for id in ["dingcanary0123", "suitecanary0123", "customcanary0123"] {
        let swapped = with(with(complete(&dingtalk), "DINGTALK_CLIENT_ID", "s3cretCanary"), "DINGTALK_CLIENT_SECRET", id);
        let (code, said) = run(&mut program(&swapped)).await;
        assert_eq!((code, faults(&said)), (Some(2), 1), "{said}");
        assert!(said.contains("swapped") && !said.to_lowercase().contains("canary"), "{said}");
    }
}

#[tokio::test]
async fn a_secret_in_the_place_of_the_id_is_told_whatever_else_is_set_and_never_served() {
    let dingtalk = Simulator::start().await.unwrap();
    let secret = format!("{}Canary", "s3cret-_Q".repeat(6));
    let pasted = secret.clone();
    for (id, secret, said_of_it) in [
        (secret.as_str(), "another-secret", "DINGTALK_CLIENT_ID: this looks like a Client Secret"),
        (&secret, &secret, "DINGTALK_CLIENT_SECRET: this is the same"),
        ("dingcanary1", "dingcanary1", "DINGTALK_CLIENT_SECRET: this is the same"),
        ("short-Canary", "short-Canary", "DINGTALK_CLIENT_SECRET: this is the same"),
        ("dingcanary1", "at CORP_ID", "DINGTALK_CORP_ID: this looks like a Client Secret"),
    ] {
        let mut variables = with(with(complete(&dingtalk), "DINGTALK_CLIENT_ID", id), "DINGTALK_CLIENT_SECRET", secret);
        if said_of_it.starts_with("DINGTALK_CORP_ID") {
            variables = with(with(variables, "DINGTALK_CORP_ID", &pasted), "DINGTALK_CLIENT_SECRET", &pasted);
        }
        let (code, said) = run(&mut program(&variables)).await;
        assert_eq!((code, faults(&said)), (Some(2), 1), "{said}");
        assert!(said.contains(said_of_it) && !said.to_lowercase().contains("canary"), "{said}");
    }
}

#[tokio::test]
async fn what_looks_like_a_mistake_is_warned_of_and_starts() {
    let dingtalk = Simulator::start().await.unwrap();
    for (name, value, warned) in [
        ("DINGTALK_CLIENTID", "x", "nothing reads DINGTALK_CLIENTID"),
        ("DINGTALK_AGENTID_FILE", "x", "nothing reads DINGTALK_AGENTID_FILE"),
        ("DINGTALK_SITE_FILE", "x", "nothing reads DINGTALK_SITE_FILE"),
        ("DINGTALK_PROXY", "http://127.0.0.1:9", "DINGTALK_PROXY is not used"),
        ("STATEURL", "redis://localhost", "nothing reads STATEURL"),
        ("SESION_IDLE", "1h", "nothing reads SESION_IDLE"),
        ("trusted_proxies", "10.0.0.0/8", "nothing reads trusted_proxies"),
        ("DINGTALK_CLIENT_ID", "appkey0123", "DINGTALK_CLIENT_ID does not begin"),
        ("DINGTALK_CORP_ID", "corp0123", "DINGTALK_CORP_ID does not begin"),
        ("RUST_LOG", "dingtalk_h5=loud", "RUST_LOG is malformed"),
        ("RUST_LOG", "loud", "RUST_LOG is malformed"),
        ("RUST_LOG", "info,", "RUST_LOG is malformed"),
    ] {
        let served = Served::start(&with(complete(&dingtalk), name, value)).await;
        let (code, log) = served.stop().await;
        assert_eq!(code, Some(0), "{log}");
        assert!(log.contains(warned), "{name}: {log}");
    }
}

#[tokio::test]
async fn a_blank_log_level_counts_as_not_set() {
    let dingtalk = Simulator::start().await.unwrap();
    let served = Served::start(&with(complete(&dingtalk), "RUST_LOG", "  ")).await;
    let (_, log) = served.stop().await;
    assert!(!log.contains("RUST_LOG") && log.contains("\"level\":\"INFO\""), "{log}");
}

#[tokio::test]
async fn addresses_of_two_dingtalks_are_warned_of() {
    let dingtalk = Simulator::start().await.unwrap();
    for (site, warned) in [("io", true), ("com", false)] {
        let variables = with(complete(&dingtalk), "DINGTALK_API_URL", "https://api.dingtalk.com");
        let variables = with(variables, "DINGTALK_OAPI_URL", &format!("https://oapi.dingtalk.{site}"));
        let doubts = Settings::read(Environment::from_iter(variables)).unwrap().doubts();
        assert_eq!(doubts.iter().any(|doubt| doubt.english.contains("neither knows what the other grants")), warned);
    }
}

/// Each pod has environment variables for all Services, and a Service may be called `dingtalk-h5`.
#[tokio::test]
async fn what_kubernetes_tells_of_a_service_is_no_misspelt_setting() {
    let dingtalk = Simulator::start().await.unwrap();
    let told = ["SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT", "PORT_8080_TCP", "PORT_8080_TCP_ADDR", "KEY"];
    let told = told.map(|told| (format!("DINGTALK_H5_{told}"), "x".to_owned()));
    let set = complete(&dingtalk).into_iter().map(|(name, value)| (name.to_owned(), value));
    let settings = Settings::read(set.chain(told).collect()).unwrap();
    assert_eq!(settings.unknown, ["DINGTALK_H5_KEY"]);
}

/// A server that listens on IPv6 and IPv4 at once sees, and logs, IPv4 addresses as IPv6 addresses that contain them.
#[tokio::test]
async fn a_proxy_may_be_named_as_ipv6_wraps_its_address() {
    let dingtalk = Simulator::start().await.unwrap();
    let proxies = "::ffff:127.0.0.1, ::ffff:10.0.0.0/104, 192.0.2.7, fd00::/8, 2001:db8::1";
    let settings = Settings::read(Environment::from_iter(with(complete(&dingtalk), "TRUSTED_PROXIES", proxies))).unwrap();
    let trusted: Vec<_> = settings.web.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(trusted, ["127.0.0.1/32", "10.0.0.0/8", "192.0.2.7/32", "fd00::/8", "2001:db8::1/128"]);
}
