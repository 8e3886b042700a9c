//! DingTalk's library, which every page loads.

use reqwest::Client;

use super::check::Finding;
use crate::dingtalk::{Told, root, told};
use crate::settings::Settings;

/// Asks for it, and reads no more than what it is.
pub async fn examine(client: &Client, settings: &Settings) -> Finding {
    let fix = || {
        told!(
            "set JSAPI_SCRIPT_URL to DingTalk's library, or to a copy of your own; if only this machine cannot reach it, leave it: browsers load it",
            "请将 JSAPI_SCRIPT_URL 设为钉钉的 JSAPI 库或自己的副本；如仅本机无法访问则可忽略：由浏览器加载"
        )
    };
    let response = match client.get(settings.web.jsapi_script_url.clone()).send().await {
        Ok(response) => response,
        Err(error) => {
            let why = root(&error);
            return Finding::warn("library", told!("no answer: {why}", "无应答：{why}"), fix());
        }
    };
    let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or("no type");
    match response.status().as_u16() {
        200 if kind.contains("javascript") => Finding::pass("library", told!("{kind}", "{kind}")),
        status => Finding::fail("library", told!("status {status}, {kind}", "状态 {status}，{kind}"), fix()),
    }
}
