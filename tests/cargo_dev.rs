//! The first command of the README, typed as it stands there.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};

use crate::own_settings::OWN_SETTINGS;
use crate::support::{Browser, cargo, http_client, in_time};

/// All addresses, as in a container. The URLs that are printed must be reachable from this machine all the same.
const EVERYWHERE: &str = "0.0.0.0:0";

#[tokio::test]
async fn cargo_dev_starts_the_app_and_a_dingtalk_in_which_somebody_is_signed_in() {
    let mut child = cargo()
        .arg("dev")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .envs(OWN_SETTINGS.iter().copied())
        .envs([("APP_ADDR", EVERYWHERE), ("SIMULATOR_ADDR", EVERYWHERE)])
        // Many variables hold names of files, which need not be UTF-8.
        .env("NO_TEXT", OsStr::from_bytes(b"/\xff"))
        .env("CARGO_TERM_QUIET", "false")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut told = String::new();
    // Another cargo may be building in the same directory, and this one waits for it.
    while !told.contains("Running") {
        let line = log.next_line().await.unwrap();
        told += &line.unwrap_or_else(|| panic!("cargo has ended: {told}"));
    }
    tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut addresses = Vec::new();
    while addresses.len() < 2 {
        let line = in_time("it says where both are", said.next_line()).await.unwrap().expect("it has ended");
        addresses.extend(line.split_whitespace().find(|word| word.starts_with("http://")).map(str::to_owned));
    }
    let [app, dingtalk] = addresses.try_into().unwrap();

    let mut console = Browser::new(http_client(), &dingtalk, &dingtalk);
    let state = console.read("/control/state").await.json();
    assert_eq!(state["app"]["url"], app);
    let code = console.post("/client/authcode", &serde_json::json!({"corpId": state["app"]["corpId"]})).await.json();
    let mut browser = Browser::new(http_client(), &app, &app);
    let me = browser.enter_and_log_in(code["code"].as_str().unwrap()).await;
    assert_eq!((me.status, &me.json()["name"]), (200, &"张三".into()));
}
