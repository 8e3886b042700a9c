//! The report's texts, in English and Chinese: what each check expects, and what to do about each error of DingTalk's.

use crate::dingtalk::{Error, Kind, Told, told};
use crate::web::Both;

/// All checks in the order of the report: the id of each, which never changes, and what it expects.
#[rustfmt::skip] // A row a check.
pub const CHECKS: [(&str, Both); 22] = [
    ("settings", Both("settings without doubts", "设置没有疑点")),
    ("session_keys", Both("session keys that are drawn by chance", "会话密钥是随机生成的")),
    ("server", Both("the server runs at APP_ADDR with this SESSION_KEY", "服务器以此 SESSION_KEY 运行在 APP_ADDR")),
    ("state", Both("what must outlive a request is kept", "需要保存的状态能够保存")),
    ("proxy", Both("the proxy leads to DingTalk", "代理能够到达钉钉")),
    ("api", Both("DingTalk's new API is reached", "能够访问钉钉新版接口")),
    ("oapi", Both("DingTalk's old API is reached", "能够访问钉钉旧版接口")),
    ("clock", Both("this machine's clock differs from DingTalk's by less than a minute", "本机时钟与钉钉相差不到一分钟")),
    ("token", Both("an access_token is granted", "能够取得 access_token")),
    ("address", Both("calls from this address are allowed", "允许从本机地址调用")),
    ("ticket", Both("a jsapi_ticket is granted", "能够取得 jsapi_ticket")),
    ("login", Both("codes can be exchanged for people", "能够用免登授权码换取用户身份")),
    ("ids", Both("CorpId, AgentId and Client ID belong together", "CorpId、AgentId 与 Client ID 属于同一应用")),
    ("user", Both("a person's details can be read (errcode 0)", "能够读取用户详情（errcode 0）")),
    ("code", Both("this code is somebody's", "该免登授权码对应某个用户")),
    ("events", Both("DingTalk can tell of events", "能够接收钉钉的事件")),
    ("public", Both("the host of PUBLIC_URL is found and answers", "PUBLIC_URL 的主机可解析并有应答")),
    ("certificate", Both("the certificate is for PUBLIC_URL and lives longer than 14 days", "证书适用于 PUBLIC_URL，且有效期超过 14 天")),
    ("identity", Both("this very server answers at PUBLIC_URL", "在 PUBLIC_URL 应答的正是本服务器")),
    ("passage", Both("path, query and the client's address arrive unchanged", "路径、查询参数与客户端地址原样到达")),
    ("processes", Both("processes that answer at PUBLIC_URL share their state", "在 PUBLIC_URL 应答的各进程共享状态")),
    ("library", Both("JSAPI_SCRIPT_URL answers JavaScript", "JSAPI_SCRIPT_URL 返回 JavaScript")),
];

/// What to change, and where: the advice that the log gives, or else advice that only somebody at the keyboard can follow.
#[rustfmt::skip] // A row a kind.
pub fn advice(error: &Error) -> Told {
    error.advice().unwrap_or_else(|| match error.kind {
        Kind::TokenRejected => told!(
            "the access_token was granted a moment ago: DINGTALK_API_URL and DINGTALK_OAPI_URL must be of the same DingTalk, so better set only DINGTALK_SITE; or another program with this Client ID fetches tokens that end this one",
            "该 access_token 刚刚取得：DINGTALK_API_URL 与 DINGTALK_OAPI_URL 必须属于同一钉钉站点，建议只设置 DINGTALK_SITE；也可能有其他程序以此 Client ID 取得新 token 而使其失效"),
        Kind::Banned(wait) => {
            let minutes = wait.as_secs().div_ceil(60);
            told!("wait {minutes} minutes; if it stays, something between here and DingTalk answers in its place",
                "请等待 {minutes} 分钟；如仍然如此，则有中间设备代替钉钉应答")
        }
        Kind::Unintelligible(_) | Kind::AnswerLost => told!(
            "try again in a minute; if it stays, check DINGTALK_SITE (or DINGTALK_API_URL and DINGTALK_OAPI_URL), and what stands between here and DingTalk: it may cut calls off, or answer in its place",
            "请稍后重试；如仍然如此，请检查 DINGTALK_SITE（或 DINGTALK_API_URL 与 DINGTALK_OAPI_URL），以及到钉钉之间的设备：可能中断了调用，或代替钉钉应答"),
        Kind::UserUnknown => told!(
            "take the userid from Admin Console > Contacts > User Management of this very organisation",
            "请从该组织的管理后台 > 通讯录 > 成员管理 获取 userid"),
        Kind::QuotaSpent => told!(
            "the organisation's calls of this month are used up: its administrator buys more, or they begin anew next month",
            "该组织本月的调用次数已用完：请由其管理员购买，或等待下月重新计数"),
        Kind::NoTurn(_) | Kind::Crowded(_) | Kind::RateLimited => told!(
            "more calls are made than DingTalk allows in a second: set DINGTALK_CALLS_PER_SECOND to what it allows this app, and see what else calls with this Client ID",
            "每秒调用次数超过钉钉的限制：请将 DINGTALK_CALLS_PER_SECOND 设为钉钉允许的次数，并检查还有哪些程序使用此 Client ID"),
        _ => told!(
            "try again in a minute; if it stays, this is what to search DingTalk's documentation for",
            "请稍后重试；如仍然如此，请据此查阅钉钉文档"),
    })
}
