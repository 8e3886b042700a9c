//! `dingtalk-h5 doctor`: what an administrator who is stuck should change, and where.
//!
//! Every check has an id that stays, and a verdict: `pass`, `warn` (it works, and yet), `fail`, or `not_done`. The last names in
//! `because` the check that has to pass first; without that it was not asked for, or no call can tell. A fault is told once, by the
//! check that is about it.
//!
//! `dingtalk-h5 doctor --help` describes the report as JSON. The exit code is 0 when nothing fails, 1 when something does, and 2 when the
//! settings cannot be used.

mod report; // A check, what was found, and how that is told.
mod words; // What is said of every check, and of every error of DingTalk's.
mod asking; // Requests that are not DingTalk's.
mod machine; // This machine: the settings, the server, and where it keeps what must last.
mod outcome; // Calls to DingTalk, and what comes of them:
mod credentials; // what the app is granted, and what it may know of people.
mod public; // What browsers meet: who answers at PUBLIC_URL, in how many processes, and DingTalk's library;
mod certificate; // PUBLIC_URL's certificate,
mod passage; // and what becomes of a request on its way from there.
mod events; // How DingTalk tells of events.

use std::sync::Arc;

use anyhow::Context;

use crate::application::state_of;
use crate::dingtalk::{AuthCode, Clock, DingTalk, UserId};
use crate::settings::Settings;
use crate::state::Location;

pub use self::machine::health;
use self::report::Findings;
pub use self::report::{Report, Verdict};

/// What to examine beyond what can always be.
#[derive(Default)]
pub struct Asked {
    /// Whose details to read.
    pub user: Option<UserId>,
    /// An authCode to use up.
    pub code: Option<AuthCode>,
    /// Make no call to DingTalk.
    pub no_dingtalk: bool,
    /// Make no request to PUBLIC_URL.
    pub no_public: bool,
}

/// Examines the app of these settings, and all around it, in some fifteen seconds with everything down.
pub async fn examine(settings: &Settings, clock: Clock, asked: Asked) -> anyhow::Result<Report> {
    /// To DingTalk: whatever goes wrong meanwhile, and however often a call is repeated.
    const MOST_CALLS: u32 = 12;
    const NO_CLIENT: &str = "cannot make an HTTPS client: is the package ca-certificates installed, or SSL_CERT_FILE set?";
    // What the server keeps is the server's: the client here remembers for itself.
    let nothing = state_of(&Settings { state: Location::Memory, ..settings.clone() }, clock.clone())?;
    let dingtalk = DingTalk::new(settings.dingtalk.clone(), Arc::new(nothing), clock.clone(), Arc::new(()));
    let (dingtalk, client) = (dingtalk.context(NO_CLIENT)?, asking::client().build().context(NO_CLIENT)?);
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
    findings.put(machine::is_seen(server, findings.verdict("identity") == Some(Verdict::Pass)));
    events::examine(&dingtalk, &client, settings, &clock, &asked, &mut findings).await;
    Ok(Report::of(settings, findings))
}

/// What `serve` looks at when it starts: what it needs for the first person who comes. Each failure is logged once.
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
