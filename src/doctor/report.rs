//! The findings of all checks, and the report that is made of them: lines for people, JSON for programs.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;
use serde_json::{Value, json};

use super::words::CHECKS;
use crate::dingtalk::{Told, site_of, told};
use crate::environment::Faults;
use crate::settings::Settings;
use crate::web::{Both, Language};

/// The id of a check, which never changes.
pub type Check = &'static str;

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

/// What a check found.
#[derive(Debug, Clone)]
pub struct Finding {
    pub id: Check,
    pub verdict: Verdict,
    pub seen: Told,
    /// What to change, and where.
    pub fix: Option<Told>,
    /// The check that has to pass first.
    pub because: Option<Check>,
}

impl Finding {
    pub fn pass(id: Check, seen: Told) -> Self {
        Self { id, verdict: Verdict::Pass, seen, fix: None, because: None }
    }

    pub fn warn(id: Check, seen: Told, fix: Told) -> Self {
        Self { id, verdict: Verdict::Warn, seen, fix: Some(fix), because: None }
    }

    pub fn fail(id: Check, seen: Told, fix: Told) -> Self {
        Self { id, verdict: Verdict::Fail, seen, fix: Some(fix), because: None }
    }

    pub fn not_done(id: Check, because: Check) -> Self {
        let seen = told!("not done because of {because}", "因 {because} 未检查");
        Self { id, verdict: Verdict::NotDone, seen, fix: None, because: Some(because) }
    }

    /// A check that was not asked for, or about which no call can tell.
    pub fn unknown(id: Check, seen: Told) -> Self {
        Self { id, verdict: Verdict::NotDone, seen, fix: None, because: None }
    }
}

/// One finding of each check, the worst.
#[derive(Default)]
pub struct Findings(BTreeMap<Check, Finding>);

impl Findings {
    /// Of two findings of one check the worse counts; of two that are as bad, the first.
    pub fn put(&mut self, finding: Finding) {
        let known = self.0.get(finding.id);
        if known.is_none_or(|known| known.verdict < finding.verdict) {
            self.0.insert(finding.id, finding);
        }
    }

    pub fn add(&mut self, others: Self) {
        others.0.into_values().for_each(|finding| self.put(finding));
    }

    /// Notes that none of the checks `ids` can be done before `because` passes.
    pub fn not_done(&mut self, ids: &[Check], because: Check) {
        ids.iter().for_each(|id| self.put(Finding::not_done(id, because)));
    }

    pub fn of(&self, id: &str) -> Option<&Finding> {
        self.0.get(id)
    }

    pub fn verdict(&self, id: &str) -> Option<Verdict> {
        self.of(id).map(|finding| finding.verdict)
    }

    pub fn failures(&self) -> impl Iterator<Item = &Finding> {
        self.0.values().filter(|finding| finding.verdict == Verdict::Fail)
    }
}

/// All findings, each check once.
pub struct Report {
    findings: Findings,
    /// The DingTalk in whose consoles the app is set up: `io` or `com`; empty if not known.
    site: &'static str,
}

impl Report {
    /// The report on settings that cannot be used: nothing else was examined.
    pub fn of_faults(faults: &Faults) -> Self {
        let seen = faults.to_string();
        let fix = told!("set what is said there in the environment or in .env", "请按上述内容修改环境变量或 .env");
        let mut findings = Findings::default();
        findings.put(Finding::fail("settings", told!("{seen}", "设置无法使用，原文如下：{seen}"), fix));
        Self { findings, site: "" }
    }

    pub(super) fn of(settings: &Settings, mut findings: Findings) -> Self {
        for (id, _) in CHECKS {
            findings.0.entry(id).or_insert_with(|| Finding::unknown(id, told!("not asked for", "未要求检查")));
        }
        Self { findings, site: site_of(&settings.dingtalk.api_url).unwrap_or(settings.site) }
    }

    /// The worst verdict of all checks. One that was not done makes the report no worse.
    pub fn verdict(&self) -> Verdict {
        let verdicts = self.findings().map(|(_, finding)| finding.verdict);
        verdicts.filter(|verdict| *verdict != Verdict::NotDone).max().unwrap_or(Verdict::Pass)
    }

    fn findings(&self) -> impl Iterator<Item = (Both, &Finding)> {
        CHECKS.into_iter().filter_map(|(id, expected)| Some((expected, self.findings.of(id)?)))
    }

    fn console_of(&self, fix: &Told) -> Option<String> {
        let consoles = [("Developer Console", "open-dev"), ("Admin Console", "oa")];
        let (_, host) = consoles.into_iter().find(|(console, _)| fix.english.contains(console))?;
        Some(format!("https://{host}.dingtalk.{}/", self.site))
    }

    /// For people.
    pub fn to_text(&self, language: Language) -> String {
        let [should_be, fix] = Both(["expected", "fix"], ["应为", "处理"]).in_language(language);
        let mut text = String::new();
        for (expected, finding) in self.findings() {
            let mark = match finding.verdict {
                Verdict::Pass => "✓",
                Verdict::NotDone => "–",
                Verdict::Warn => "!",
                Verdict::Fail => "✗",
            };
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, "{mark} {:<13} {}", finding.id, words(&finding.seen, language));
            if finding.verdict >= Verdict::Warn {
                let _ = writeln!(text, "    {should_be}: {}", expected.in_language(language));
            }
            if let Some(advice) = &finding.fix {
                let console = self.console_of(advice).map(|console| format!(" ({console})")).unwrap_or_default();
                let _ = writeln!(text, "    {fix}: {}{console}", words(advice, language));
            }
        }
        text
    }

    /// For programs.
    pub fn to_json(&self, language: Language) -> Value {
        let checks = self.findings().map(|(expected, finding)| {
            let mut told = json!({
                "id": finding.id,
                "verdict": finding.verdict,
                "expected": expected.in_language(language),
                "seen": words(&finding.seen, language),
                "fix": finding.fix.as_ref().map(|fix| words(fix, language)),
                "console": finding.fix.as_ref().and_then(|fix| self.console_of(fix)),
                "because": finding.because,
            });
            told.as_object_mut().into_iter().for_each(|fields| fields.retain(|_, value| !value.is_null()));
            told
        });
        json!({"version": 1, "verdict": self.verdict(), "checks": checks.collect::<Vec<_>>()})
    }
}

fn words(told: &Told, language: Language) -> &str {
    Both(told.english.as_str(), &told.chinese).in_language(language)
}
