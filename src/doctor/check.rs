//! A check and what was found.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::dingtalk::{Told, told};
use crate::web::Both;

/// How a check ended, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Pass,
    /// Nothing is known.
    NotDone,
    /// It works, and deserves a look.
    Warn,
    /// It does not work.
    Fail,
}

/// Something that can be examined.
pub struct Check {
    /// By this it is known for ever.
    pub id: &'static str,
    /// What should be so.
    pub expected: Both,
}

const fn check(id: &'static str, english: &'static str, chinese: &'static str) -> Check {
    Check { id, expected: Both(english, chinese) }
}

/// All of them, in the order in which they are told.
#[rustfmt::skip] // A row a check.
pub const CHECKS: [Check; 22] = [
    check("settings", "settings without doubts", "设置没有疑点"),
    check("session_keys", "session keys that are drawn by chance", "会话密钥是随机生成的"),
    check("server", "the server runs at APP_ADDR with this SESSION_KEY", "服务器以此 SESSION_KEY 运行在 APP_ADDR"),
    check("state", "what must outlive a request is kept", "需要保存的状态能够保存"),
    check("proxy", "the proxy leads to DingTalk", "代理能够到达钉钉"),
    check("api", "DingTalk's new API is reached", "能够访问钉钉新版接口"),
    check("oapi", "DingTalk's old API is reached", "能够访问钉钉旧版接口"),
    check("clock", "this machine's clock differs from DingTalk's by less than a minute", "本机时钟与钉钉相差不到一分钟"),
    check("token", "an access_token is granted", "能够取得 access_token"),
    check("address", "calls from this address are allowed", "允许从本机地址调用"),
    check("ticket", "a jsapi_ticket is granted", "能够取得 jsapi_ticket"),
    check("login", "codes can be exchanged for people", "能够用免登授权码换取用户身份"),
    check("ids", "CorpId, AgentId and Client ID belong together", "CorpId、AgentId 与 Client ID 属于同一应用"),
    check("user", "a person's details can be read (errcode 0)", "能够读取用户详情（errcode 0）"),
    check("code", "this code is somebody's", "该授权码对应某个用户"),
    check("events", "DingTalk can tell of events", "能够接收钉钉的事件"),
    check("public", "the host of PUBLIC_URL is found and answers", "PUBLIC_URL 的主机可解析并有应答"),
    check("certificate", "the certificate is for PUBLIC_URL and lives longer than 14 days", "证书适用于 PUBLIC_URL，且有效期超过 14 天"),
    check("identity", "this very server answers at PUBLIC_URL", "在 PUBLIC_URL 应答的正是本服务器"),
    check("passage", "path, query and the client's address arrive unchanged", "路径、查询参数与客户端地址原样到达"),
    check("processes", "processes that answer at PUBLIC_URL share their state", "在 PUBLIC_URL 应答的各进程共享状态"),
    check("library", "JSAPI_SCRIPT_URL answers JavaScript", "JSAPI_SCRIPT_URL 返回 JavaScript"),
];

/// What was found.
#[derive(Debug, Clone)]
pub struct Finding {
    pub id: &'static str,
    pub verdict: Verdict,
    pub seen: Told,
    /// What to change, and where.
    pub fix: Option<Told>,
    /// The check that has to pass first.
    pub because: Option<&'static str>,
}

impl Finding {
    pub fn pass(id: &'static str, seen: Told) -> Self {
        Self { id, verdict: Verdict::Pass, seen, fix: None, because: None }
    }

    pub fn warn(id: &'static str, seen: Told, fix: Told) -> Self {
        Self { id, verdict: Verdict::Warn, seen, fix: Some(fix), because: None }
    }

    pub fn fail(id: &'static str, seen: Told, fix: Told) -> Self {
        Self { id, verdict: Verdict::Fail, seen, fix: Some(fix), because: None }
    }

    pub fn not_done(id: &'static str, because: &'static str) -> Self {
        let seen = told!("not done because of {because}", "因 {because} 未检查");
        Self { id, verdict: Verdict::NotDone, seen, fix: None, because: Some(because) }
    }

    /// Nobody has asked for it, or no call tells.
    pub fn unknown(id: &'static str, seen: Told) -> Self {
        Self { id, verdict: Verdict::NotDone, seen, fix: None, because: None }
    }
}

/// One finding of each check, the worst.
#[derive(Default)]
pub struct Findings(BTreeMap<&'static str, Finding>);

impl Findings {
    /// Of two, the worse counts; of two that are as bad, the first.
    pub fn put(&mut self, finding: Finding) {
        let known = self.0.get(finding.id);
        if known.is_none_or(|known| known.verdict < finding.verdict) {
            self.0.insert(finding.id, finding);
        }
    }

    pub fn add(&mut self, others: Self) {
        others.0.into_values().for_each(|finding| self.put(finding));
    }

    /// None of these can be done before that is mended.
    pub fn not_done(&mut self, ids: &[&'static str], because: &'static str) {
        ids.iter().for_each(|id| self.put(Finding::not_done(id, because)));
    }

    pub fn of(&self, id: &str) -> Option<&Finding> {
        self.0.get(id)
    }

    pub fn failures(&self) -> impl Iterator<Item = &Finding> {
        self.0.values().filter(|finding| finding.verdict == Verdict::Fail)
    }
}
