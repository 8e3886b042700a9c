//! Several processes that share a Redis behave like one.

use std::time::{Duration, Instant};

use dingtalk_simulator::Simulator;
use serde_json::Value;

use crate::process::{Served, Variables, complete, program, with};
use crate::support::redis::RedisServer;
use crate::support::{Browser, http_client};

mod away;
pub mod events;
mod logins;
mod moments;
mod moving;
mod pace;
mod reached;
mod sessions;

/// Processes of one app, beside one DingTalk and one Redis.
pub struct Company {
    pub dingtalk: Simulator,
    pub redis: RedisServer,
    pub variables: Variables,
    pub processes: Vec<Served>,
}

impl Company {
    /// Three of them, each of which knows of the others.
    pub async fn of_three() -> Self {
        Self::with(|_, variables| variables).await
    }

    /// The same with settings as `adjust` leaves them.
    pub async fn with(adjust: impl FnOnce(&Simulator, Variables) -> Variables) -> Self {
        let (dingtalk, redis) = (Simulator::start().await.unwrap(), RedisServer::start().await);
        let variables = adjust(&dingtalk, with(complete(&dingtalk), "STATE_URL", &redis.url()));
        let mut company = Self { dingtalk, redis, variables, processes: Vec::new() };
        for _ in 0..3 {
            company.one_more().await;
        }
        company.all_agree().await;
        company
    }

    pub async fn one_more(&mut self) -> &Served {
        self.processes.push(Served::start(&self.variables).await);
        self.processes.last().unwrap()
    }

    /// Waits until each has heard of as many as there are.
    pub async fn all_agree(&self) {
        for process in &self.processes {
            standing_is(process, |state| state["reachable"] == true && state["processes"] == self.processes.len()).await;
        }
    }

    /// The program with the settings that all have.
    pub fn program(&self) -> tokio::process::Command {
        program(&self.variables)
    }

    /// A browser that a balancer has sent to this process.
    pub fn browser_at(&self, nth: usize) -> Browser {
        self.processes[nth].browser()
    }

    /// The same browser, sent to another process.
    pub fn sent_to(&self, browser: &Browser, nth: usize) -> Browser {
        let mut sent = browser.clone();
        sent.url.clone_from(&self.processes[nth].url);
        sent
    }

    /// Somebody who is logged in by that process.
    pub async fn logged_in_at(&self, nth: usize, user_id: &str) -> Browser {
        let mut browser = self.browser_at(nth);
        let answer = browser.enter_and_log_in(&self.dingtalk.issue_code(user_id)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        browser
    }

    /// Whether the session of `browser` holds at that process.
    pub async fn holds_at(&self, nth: usize, browser: &Browser) -> bool {
        self.sent_to(browser, nth).me().await.status == 200
    }

    /// How long it takes until the session of `browser` has ended at that process.
    pub async fn ends_at(&self, nth: usize, browser: &Browser) -> Duration {
        let began = Instant::now();
        while self.holds_at(nth, browser).await {
            assert!(began.elapsed() < Duration::from_secs(20), "it does not end");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        began.elapsed()
    }
}

/// What a process reports about its state at `/readyz`.
pub async fn standing(process: &Served) -> Value {
    standing_at(&process.url).await
}

pub async fn standing_at(url: &str) -> Value {
    let answer = http_client().get(format!("{url}/readyz")).send().await.unwrap();
    answer.json::<Value>().await.unwrap()["state"].clone()
}

pub async fn standing_is(process: &Served, met: impl Fn(&Value) -> bool) -> Duration {
    let began = Instant::now();
    loop {
        let state = standing(process).await;
        if met(&state) {
            return began.elapsed();
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{state}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The same settings for the simulator's custom app.
pub fn as_custom(dingtalk: &Simulator, variables: Variables) -> Variables {
    let app = dingtalk.custom_app();
    dingtalk.put_to_test(app);
    let of_app = [
        ("DINGTALK_APP_KIND", "custom"),
        ("DINGTALK_CLIENT_ID", app.client_id),
        ("DINGTALK_CLIENT_SECRET", app.client_secret),
        ("DINGTALK_CORP_ID", app.corp_id),
        ("DINGTALK_AGENT_ID", app.agent_id),
    ];
    of_app.into_iter().fold(variables, |variables, (name, value)| with(variables, name, value))
}
