//! `dingtalk-h5 doctor`: what an administrator who is stuck should change, and where.
//!
//! Every check has an id that never changes, and a verdict: `pass`, `warn` (it works, but deserves a look), `fail`, or `not_done`. Of a
//! check that was not done, `because` names the check that has to pass first; without `because`, it was not asked for, or no call can tell.
//! A fault is reported once, by the check that is about it.
//!
//! `dingtalk-h5 doctor --help` describes the report as JSON. The exit code is 0 when nothing fails, 1 when something does, and 2 when the
//! settings cannot be used.

mod report; // What the checks found, and the report of it as text and JSON.
mod words; // The report's texts: what each check expects, and what to do about each error of DingTalk's.
mod asking; // Requests to anything but DingTalk.
mod machine; // This machine: the settings, the server, and where it stores its state.
mod credentials; // DingTalk: which credentials the app is granted, and how the outcome of a call becomes a finding.
mod public; // What browsers meet: who answers at PUBLIC_URL, in how many processes, with which certificate, and what arrives there.
mod events; // Whether DingTalk's events can reach the app.

use std::sync::Arc;

use anyhow::Context;

use crate::application::{NO_CLIENT, state_of};
use crate::dingtalk::{AuthCode, Clock, DingTalk, UserId};
use crate::settings::Settings;
use crate::state::Location;

pub use self::machine::health;
use self::report::Findings;
pub use self::report::{Report, Verdict};

/// What to examine beyond the usual checks, and which of them to leave out.
#[derive(Default)]
pub struct Asked {
    /// Whose details to read.
    pub user: Option<UserId>,
    /// An authCode to exchange, which uses it up.
    pub code: Option<AuthCode>,
    /// Make no call to DingTalk.
    pub no_dingtalk: bool,
    /// Make no request to PUBLIC_URL.
    pub no_public: bool,
}

/// Examines the app that has these settings, and all that it depends on. Takes some fifteen seconds when nothing answers.
pub async fn examine(settings: &Settings, clock: Clock, asked: Asked) -> anyhow::Result<Report> {
    /// The most calls to DingTalk, retries included, whatever goes wrong.
    const MOST_CALLS: u32 = 12;
    // Doctor must not touch the server's state: its own client stores credentials in memory.
    let nothing = state_of(&Settings { state: Location::Memory, ..settings.clone() }, clock.clone())?;
    let dingtalk = DingTalk::new(settings.dingtalk.clone(), Arc::new(nothing), clock.clone(), Arc::new(())).context(NO_CLIENT)?;
    let client = asking::client().build().context(NO_CLIENT)?;
    dingtalk.limit_to(MOST_CALLS);
    let server = machine::at_app_addr(settings, &clock).await.context(NO_CLIENT)?;

    let (mut findings, of_public, library) = tokio::join!(
        credentials::examine(&dingtalk, settings, &server, &asked),
        public::examine(&client, settings, &clock, &server, &asked),
        public::library(&client, settings),
    );
    machine::settings(settings, &mut findings);
    findings.add(of_public);
    findings.put(library);
    findings.put(machine::state(settings, &server, &clock).await);
    findings.put(machine::server(server, findings.verdict("identity") == Some(Verdict::Pass)));
    events::examine(&dingtalk, &client, settings, &clock, &asked, &mut findings).await;
    Ok(Report::of(settings, findings))
}

/// The checks that `serve` makes when it starts: whether it has what the first login needs. Each failure is logged once.
pub async fn at_start(dingtalk: DingTalk) {
    let mut findings = Findings::default();
    match dingtalk.home() {
        Some(home) => drop(credentials::granted(home, &mut findings).await),
        None => credentials::pair(&dingtalk, &mut findings).await,
    }
    findings.put(credentials::clock(&dingtalk));
    for finding in findings.failures() {
        let fix = finding.fix.as_ref().map(|fix| fix.english.as_str());
        tracing::warn!(check = finding.id, seen = finding.seen.english, fix, "the app is not set up as it must be");
    }
}
