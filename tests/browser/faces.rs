//! Every face that the plumbing can show (a page in one of its states), and the languages and colour schemes in which people see them.

use std::fmt;

use dingtalk_simulator::{Answers, Fault};
use serde_json::json;

use super::chromium::Chromium;
use crate::support::{TestApp, between};

/// An app that has all pages of the plumbing.
pub async fn app() -> TestApp {
    TestApp::start_with(|settings| settings.web.signature_clinic = true).await
}

/// A page in one of its states, for tests of how it looks.
pub trait Face: Copy + fmt::Debug {
    fn path(self) -> &'static str;

    /// The selector of an element that is visible once the face is shown.
    fn sign(self) -> &'static str;

    /// Sets DingTalk up so that the page shows this face. Returns the origin at which to open it.
    fn prepare(self, app: &TestApp) -> String {
        app.dingtalk.client(Answers::Normal, false);
        app.url.clone()
    }

    /// Does what a person does in the page to get this face.
    async fn act(self, _chromium: &Chromium) {}

    /// Opens the face, and waits until it is shown and nothing fades in any more.
    async fn show(self, app: &TestApp, chromium: &Chromium) {
        app.dingtalk.sign_in("alice");
        let origin = self.prepare(app);
        chromium.open("about:blank").await;
        chromium.on_every_document(SPOIL).await;
        chromium.on_every_document(OTHERS_ARE_FIRST).await;
        chromium.open(&format!("{origin}{}", self.path())).await;
        chromium.shown(self.sign()).await;
        self.act(chromium).await;
        chromium.until("nothing fades in any more", SETTLED, &[]).await;
    }
}

/// The faces of the plumbing, and the home page of the tests' own app.
#[derive(Debug, Clone, Copy)]
pub enum Plumbing {
    SigningIn,
    Queued,
    OpenInDingtalk,
    Refused,
    Misconfigured,
    WrongAddress,
    Home,
    Clinic,
    ClinicReport,
    SignedOut,
    NotFound,
}

impl Plumbing {
    pub const ALL: [Self; 11] = [
        Self::SigningIn,
        Self::Queued,
        Self::OpenInDingtalk,
        Self::Refused,
        Self::Misconfigured,
        Self::WrongAddress,
        Self::Home,
        Self::Clinic,
        Self::ClinicReport,
        Self::SignedOut,
        Self::NotFound,
    ];
}

impl Face for Plumbing {
    fn path(self) -> &'static str {
        match self {
            Self::Clinic | Self::ClinicReport => "/clinic",
            Self::Queued => "/?queued",
            Self::SignedOut => "/signed-out",
            Self::NotFound => "/nothing",
            _ => "/",
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::SigningIn => "#entry[data-face='signing-in']",
            Self::Queued => "#wait",
            Self::OpenInDingtalk => "#entry[data-face='open-in-dingtalk']",
            Self::Refused | Self::Misconfigured | Self::WrongAddress => "#entry[data-face='trouble']",
            Self::Home => "#user-name",
            Self::Clinic | Self::ClinicReport => "#clinic-start",
            Self::SignedOut => "main a.button",
            Self::NotFound => "#request-id",
        }
    }

    fn prepare(self, app: &TestApp) -> String {
        let answers = match self {
            Self::SigningIn => Answers::Never,
            Self::Refused => Answers::Refuses,
            _ => Answers::Normal,
        };
        app.dingtalk.client(answers, matches!(self, Self::OpenInDingtalk));
        match self {
            Self::Misconfigured => app.dingtalk.fault("/topapi/v2/user/getuserinfo", 1, Fault::Permission),
            Self::WrongAddress => return app.url.replace("127.0.0.1", "localhost"),
            _ => {}
        }
        app.url.clone()
    }

    async fn act(self, chromium: &Chromium) {
        if let Self::ClinicReport = self {
            chromium.click("#clinic-start").await;
            chromium.shown("#clinic-results").await;
        }
    }
}

/// With `?queued`, the login is answered as by a server that has about two minutes of other logins to do first.
const OTHERS_ARE_FIRST: &str = r#"{
    const ask = window.fetch;
    const queued = { status: 429, headers: { 'Content-Type': 'application/problem+json', 'Retry-After': '600' } };
    const problem = JSON.stringify({ code: 'login_queued', place: '00', waitMs: 115000 });
    window.fetch = (...request) => location.search === '?queued' && String(request[0]) === '/api/login'
        ? Promise.resolve(new Response(problem, queued)) : ask(...request);}"#;

/// Makes the signature of a page invalid whose query ends in `spoilt`.
const SPOIL: &str = "document.addEventListener('readystatechange', () => {
    const page = /[?&]spoilt$/.test(location.search) && document.querySelector('[data-jsapi]');
    if (page) page.dataset.jsapi = page.dataset.jsapi.replace(/\"signature\":\"..../, '\"signature\":\"0000');
})";

const SETTLED: &str = "return document.readyState === 'complete' && document.getAnimations().every((animation) => {
    const { iterations, delay } = animation.effect.getTiming();
    return iterations === Infinity || delay > 1000 || animation.playState === 'finished';
})";

/// Somebody who looks at a face in the client on their phone.
#[derive(Debug, Clone, Copy)]
pub struct Reader {
    /// As the client says it in the User-Agent.
    pub language: &'static str,
    /// The device's colour scheme, `light` or `dark`.
    pub scheme: &'static str,
}

impl Reader {
    pub const ALL: [Self; 4] = [
        Self { language: "en-US", scheme: "light" },
        Self { language: "en-US", scheme: "dark" },
        Self { language: "zh-CN", scheme: "light" },
        Self { language: "zh-CN", scheme: "dark" },
    ];
}

impl Chromium {
    /// From now on the browser has `reader`'s language and colour scheme.
    pub async fn is_read_by(&self, reader: Reader) {
        self.has_marks(&format!("language/{}", reader.language)).await;
        self.prefers("prefers-color-scheme", reader.scheme).await;
    }

    /// From now on the browser's User-Agent is that of a DingTalk client with these marks.
    pub async fn has_marks(&self, marks: &str) {
        let chromium = self.run("return navigator.userAgent", &[]).await;
        let chromium = chromium.as_str().unwrap();
        let chromium = between(&format!("{chromium} AliApp"), "", " AliApp").unwrap().to_owned();
        let client = format!("{chromium} AliApp(DingTalk/7.0.0.11) {marks}");
        self.driver.cdp().network().set_user_agent_override(client).await.unwrap();
    }

    /// From now on this media feature has this value.
    pub async fn prefers(&self, feature: &str, value: &str) {
        let media = json!({ "features": [{ "name": feature, "value": value }] });
        self.driver.cdp().send_raw("Emulation.setEmulatedMedia", media).await.unwrap();
    }

    /// From now on the page is this many pixels wide.
    pub async fn is_wide(&self, width: u32) {
        self.is_sized(width, 800).await;
    }

    pub async fn is_sized(&self, width: u32, height: u64) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.driver.cdp().send_raw("Emulation.setDeviceMetricsOverride", metrics).await.unwrap();
    }
}
