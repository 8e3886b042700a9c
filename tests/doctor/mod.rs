//! The doctor: whatever is broken, one thing or two, it names; nothing else changes by that, and nothing secret is told.

use std::net::TcpListener;

use dingtalk_h5::dingtalk::{AuthCode, UserId};
use dingtalk_h5::doctor::{self, Asked};
use dingtalk_h5::settings::Settings;
use dingtalk_h5::web::Language;
use serde_json::Value;
use tokio::net::TcpSocket;

use crate::support::TestApp;

mod breakages;
mod busy;
mod certificates;
mod introduction;
mod kinds;
mod program;
mod public;
mod state;
mod stream;
mod table;

/// An app that runs well, and what its doctor is told of it.
pub struct Scene {
    pub app: TestApp,
    pub settings: Settings,
    pub user: String,
    pub code: String,
    /// What must be there until the doctor has looked.
    pub kept: Vec<Box<dyn Send>>,
}

/// What the doctor said, in all forms.
pub struct Examined {
    pub report: Value,
    pub everything: String,
    pub calls: u64,
}

impl Scene {
    pub async fn set() -> Self {
        Self::of(TestApp::start().await)
    }

    pub fn of(app: TestApp) -> Self {
        let mut settings = app.settings.clone();
        settings.server.app_addr = app.url.strip_prefix("http://").unwrap().parse().unwrap();
        let code = app.dingtalk.issue_code("alice");
        Self { app, settings, user: "zhangsan".into(), code, kept: Vec::new() }
    }

    pub async fn examine(&self) -> Examined {
        let before = self.app.dingtalk.upstream_calls();
        let asked = Asked {
            user: Some(UserId::parse(self.user.clone()).unwrap()),
            code: Some(AuthCode::parse(self.code.clone()).unwrap()),
            ..Asked::default()
        };
        let clock = self.app.hands.clock();
        let report = doctor::examine(&self.settings, clock, asked).await.unwrap();
        let calls = self.app.dingtalk.upstream_calls() - before;
        let json = report.to_json(Language::English);
        let texts = [Language::English, Language::Chinese].map(|language| report.to_text(language));
        let everything = format!("{json}{}{}", report.to_json(Language::Chinese), texts.concat());
        Examined { report: json, everything, calls }
    }
}

impl Examined {
    pub fn has(&self, id: &str) -> bool {
        self.report["checks"].as_array().unwrap().iter().any(|check| check["id"] == id)
    }

    pub fn check(&self, id: &str) -> &Value {
        let checks = self.report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("no check {id}"))
    }

    /// Whether the check says what is wrong.
    pub fn names(&self, id: &str, word: &str) -> bool {
        let check = self.check(id);
        let has_word = [&check["seen"], &check["fix"]].iter().any(|text| text.as_str().is_some_and(|text| text.contains(word)));
        ["warn", "fail"].iter().any(|verdict| check["verdict"] == *verdict) && has_word
    }

    /// Whether the check was not done because of another that is broken.
    pub fn blames(&self, id: &str) -> bool {
        let mut check = self.check(id);
        while let Some(because) = check["because"].as_str() {
            check = self.check(because);
        }
        check["id"] != id && check["verdict"] == "fail"
    }
}

/// An address at which nobody listens, nor will: its port stays taken.
pub fn nobody() -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    std::mem::forget(socket);
    address
}

/// An address whose port is free.
pub fn free() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}
