//! Somebody who comes again and again, as one person or another, whatever DingTalk is up to.

use std::time::Duration;

use dingtalk_simulator::Simulator;
use rand::prelude::*;
use rand::rngs::StdRng;

use crate::support::{Answer, Browser, state_of};

const PEOPLE: [&str; 3] = ["zhangsan", "alice", "bob"];

/// What DingTalk's troubles may end in, for a login and for a signature.
const TROUBLES: [(u16, &str); 3] = [(503, "retry_with_new_code"), (503, "dingtalk_unavailable"), (503, "misconfigured")];
/// For a login only: DingTalk does not accept the code, for instance because it is too old.
const CODE_REJECTED: (u16, &str) = (401, "code_rejected");
/// For a second try only: the first may have taken so long that the state is too old by now.
const STATE_REJECTED: (u16, &str) = (403, "state_rejected");

/// A login waits for a token (eight seconds at most) and an answer (five), and once more for both when the token was dead.
const LONGEST: Duration = Duration::from_secs(2 * (8 + 5));

/// A browser in somebody's hands.
pub struct Visitor {
    browser: Browser,
    pages: &'static [&'static str],
    chance: StdRng,
    /// Who logged in here last and did not log out.
    inside: Option<&'static str>,
    pub counts: Counts,
}

/// What came of the visits.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    pub logins: usize,
    pub refusals: usize,
}

impl Visitor {
    /// Somebody whose browser has never been at `url`, where an app is that calls itself `origin` and has these pages.
    pub fn new(url: &str, origin: &str, pages: &'static [&'static str], seed: u64) -> Self {
        Self {
            browser: Browser::new(http_client(), url, origin),
            pages,
            chance: StdRng::seed_from_u64(seed),
            inside: None,
            counts: Counts::default(),
        }
    }

    /// Comes, logs in as the entry page does it, looks around, and perhaps logs out.
    pub async fn visit(&mut self, dingtalk: &Simulator) {
        let person = *PEOPLE.choose(&mut self.chance).unwrap();
        let state = self.arrive().await;
        if !self.log_in(person, &state, dingtalk).await {
            return;
        }
        self.is(person).await;
        for _ in 0..self.chance.random_range(0..3) {
            self.look_around(person).await;
        }
        if self.chance.random_bool(0.5) {
            self.log_out().await;
        } else {
            self.is(person).await;
        }
    }

    /// Opens the app from outside. Within ten seconds of a login that is still the same person, who has to log out for another one.
    async fn arrive(&mut self) -> String {
        let page = bounded(self.browser.open("/")).await;
        if let Some(person) = self.inside.filter(|_| page.body.contains("data-user-id")) {
            assert_shows(&page, person);
            self.log_out().await;
            return state_of(&bounded(self.browser.open("/")).await.body);
        }
        state_of(&page.body)
    }

    /// Logs in, and tries once more with a fresh code if a fresh one may help.
    async fn log_in(&mut self, person: &'static str, state: &str, dingtalk: &Simulator) -> bool {
        let first = self.send_code(person, state, dingtalk).await;
        if first.status == 200 {
            return true;
        }
        let refused = self.is_refused(&first, &[CODE_REJECTED]);
        if !["retry_with_new_code", "code_rejected"].contains(&refused.as_str()) {
            return false;
        }
        let second = self.send_code(person, state, dingtalk).await;
        if second.status != 200 {
            self.is_refused(&second, &[CODE_REJECTED, STATE_REJECTED]);
        }
        second.status == 200
    }

    async fn send_code(&mut self, person: &'static str, state: &str, dingtalk: &Simulator) -> Answer {
        let answer = bounded(self.browser.log_in(&dingtalk.issue_code(person), state)).await;
        if answer.status == 200 {
            assert_eq!(answer.json()["userId"], person);
            self.inside = Some(person);
            self.counts.logins += 1;
        }
        answer
    }

    /// Checks that this refusal is a documented one: a problem in proper form, of DingTalk's troubles or of `others`. Its code.
    fn is_refused(&mut self, answer: &Answer, others: &[(u16, &str)]) -> String {
        self.counts.refusals += 1;
        let (status, code) = answer.problem();
        let known = TROUBLES.iter().chain(others).any(|known| *known == (status, &*code));
        assert!(known, "refused with {status} {code}");
        code
    }

    async fn is(&mut self, person: &str) {
        let me = bounded(self.browser.me()).await;
        assert_eq!((me.status, &me.json()["userId"]), (200, &person.into()), "{}", me.body);
    }

    async fn look_around(&mut self, person: &str) {
        match self.chance.random_range(0..3) {
            0 => self.ask_for_a_signature().await,
            _ => {
                let page = self.pages.choose(&mut self.chance).unwrap();
                assert_shows(&bounded(self.browser.go(page)).await, person);
            }
        }
    }

    async fn ask_for_a_signature(&mut self) {
        let page = format!("{}/jsapi", self.browser.origin);
        let config = bounded(self.browser.jsapi_config(&page)).await;
        match config.status {
            200 => assert!(config.json()["signature"].is_string(), "{}", config.body),
            _ => drop(self.is_refused(&config, &[])),
        }
    }

    async fn log_out(&mut self) {
        assert_eq!(bounded(self.browser.log_out()).await.status, 204);
        assert_eq!(bounded(self.browser.me()).await.problem(), (401, "login_required".into()));
        self.inside = None;
    }
}

fn assert_shows(page: &Answer, person: &str) {
    let theirs = format!("data-user-id=\"{person}\"");
    assert!(page.status == 200 && page.body.contains(&theirs), "{}", page.body);
}

/// A browser repeats the request for a page if the server closes the connection meanwhile; this client does not. So it closes idle
/// connections before the app does, which is after five seconds: just as long as everybody may be waiting for DingTalk.
fn http_client() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .pool_idle_timeout(Duration::from_secs(2))
        .build()
        .unwrap()
}

async fn bounded(answer: impl Future<Output = Answer>) -> Answer {
    let answer = tokio::time::timeout(LONGEST, answer).await;
    answer.unwrap_or_else(|_| panic!("no answer within {LONGEST:?}"))
}
