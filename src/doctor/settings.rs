//! What is set.

use super::check::{Finding, Findings};
use crate::dingtalk::{Told, told};
use crate::settings::Settings;

/// What starts and yet deserves a second look.
pub fn examine(settings: &Settings, findings: &mut Findings) {
    let mut seen = settings.doubts();
    let has_doubts = !seen.is_empty();
    if !settings.dingtalk.is_real() {
        seen.push(told!("calls go to another DingTalk than the real one", "调用的并非真实的钉钉"));
    }
    let list = |words: fn(&Told) -> &str, comma| seen.iter().map(words).collect::<Vec<_>>().join(comma);
    let seen = match seen.is_empty() {
        true => told!("complete", "完整"),
        false => Told { english: list(|told| &told.english, "; "), chinese: list(|told| &told.chinese, "；") },
    };
    findings.put(match has_doubts {
        false => Finding::pass("settings", seen),
        true => Finding::warn("settings", seen, told!("change what was not meant so", "如非有意，请修改")),
    });
    let keys = settings.web.session_keys.count();
    findings.put(Finding::pass("session_keys", told!("{keys}, the first of which seals", "{keys} 个，第一个用于加密")));
}
