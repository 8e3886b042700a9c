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

/// All checks, in the order in which they are told: the id by which each is known for ever, and what should be so.
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
    ("code", Both("this code is somebody's", "该授权码对应某个用户")),
    ("events", Both("DingTalk can tell of events", "能够接收钉钉的事件")),
    ("public", Both("the host of PUBLIC_URL is found and answers", "PUBLIC_URL 的主机可解析并有应答")),
    ("certificate", Both("the certificate is for PUBLIC_URL and lives longer than 14 days", "证书适用于 PUBLIC_URL，且有效期超过 14 天")),
    ("identity", Both("this very server answers at PUBLIC_URL", "在 PUBLIC_URL 应答的正是本服务器")),
    ("passage", Both("path, query and the client's address arrive unchanged", "路径、查询参数与客户端地址原样到达")),
    ("processes", Both("processes that answer at PUBLIC_URL share their state", "在 PUBLIC_URL 应答的各进程共享状态")),
    ("library", Both("JSAPI_SCRIPT_URL answers JavaScript", "JSAPI_SCRIPT_URL 返回 JavaScript")),
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
