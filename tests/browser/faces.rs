//! Every page of the app and every face that it can show, and readers who look at them.

use dingtalk_simulator::{Answers, Fault};
use serde_json::json;

use super::chromium::Chromium;
use crate::support::{TestApp, between};

/// An app that has all pages.
pub async fn app() -> TestApp {
    TestApp::start_with(|settings| settings.web.signature_clinic = true).await
}

/// Something to look at.
#[derive(Debug, Clone, Copy)]
pub enum Face {
    SigningIn,
    OpenInDingtalk,
    Refused,
    Misconfigured,
    WrongAddress,
    Home,
    Profile,
    ProfileWithoutDetails,
    Jsapi,
    JsapiRefused,
    Clinic,
    ClinicReport,
    SignedOut,
    NotFound,
}

impl Face {
    pub const ALL: [Self; 14] = [
        Self::SigningIn,
        Self::OpenInDingtalk,
        Self::Refused,
        Self::Misconfigured,
        Self::WrongAddress,
        Self::Home,
        Self::Profile,
        Self::ProfileWithoutDetails,
        Self::Jsapi,
        Self::JsapiRefused,
        Self::Clinic,
        Self::ClinicReport,
        Self::SignedOut,
        Self::NotFound,
    ];

    /// Goes there, and waits until it is there.
    pub async fn show(self, app: &TestApp, chromium: &Chromium) {
        app.dingtalk.sign_in("alice");
        app.dingtalk.client(self.client(), matches!(self, Self::OpenInDingtalk));
        match self {
            Self::Misconfigured => app.dingtalk.fault("/topapi/v2/user/getuserinfo", 1, Fault::Permission),
            Self::ProfileWithoutDetails => app.dingtalk.fault("/topapi/v2/user/get", 1, Fault::Permission),
            _ => {}
        }
        let origin = match self {
            Self::WrongAddress => app.url.replace("127.0.0.1", "localhost"),
            _ => app.url.clone(),
        };
        chromium.open("about:blank").await;
        chromium.on_every_document(SPOIL).await;
        chromium.open(&format!("{origin}{}", self.path())).await;
        chromium.shown(self.sign()).await;
        self.act(chromium).await;
        chromium.until("nothing fades in any more", SETTLED, &[]).await;
    }

    fn client(self) -> Answers {
        match self {
            Self::SigningIn => Answers::Never,
            Self::Refused => Answers::Refuses,
            _ => Answers::Normal,
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Profile | Self::ProfileWithoutDetails => "/profile",
            Self::Jsapi => "/jsapi",
            Self::JsapiRefused => "/jsapi?spoilt",
            Self::Clinic | Self::ClinicReport => "/clinic",
            Self::SignedOut => "/signed-out",
            Self::NotFound => "/nothing",
            _ => "/",
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::SigningIn => "#entry[data-face='signing-in']",
            Self::OpenInDingtalk => "#entry[data-face='open-in-dingtalk']",
            Self::Refused | Self::Misconfigured | Self::WrongAddress => "#entry[data-face='trouble']",
            Self::Home | Self::Profile | Self::ProfileWithoutDetails => "#user-name",
            Self::Jsapi => "#config-state[data-state='accepted']",
            Self::JsapiRefused => "#config-state[data-state='refused']",
            Self::Clinic | Self::ClinicReport => "#clinic-start",
            Self::SignedOut => "main a.button",
            Self::NotFound => "#request-id",
        }
    }

    async fn act(self, chromium: &Chromium) {
        match self {
            Self::Jsapi => {
                let answered = "[data-api='device.connection.getNetworkType']";
                chromium.click(&format!("{answered} button")).await;
                chromium.shown(&format!("{answered} output[data-outcome='ok']")).await;
                let failed = "[data-api='device.geolocation.get']";
                chromium.run("h5.client.call = () => Promise.reject({ kind: 'timeout', code: '408', text: '' })", &[]).await;
                chromium.click(&format!("{failed} button")).await;
                chromium.shown(&format!("{failed} output[data-outcome='failed']")).await;
            }
            Self::ClinicReport => {
                chromium.click("#clinic-start").await;
                chromium.shown("#clinic-results").await;
            }
            _ => {}
        }
    }
}

/// A signature that is not good, for the page that wants one.
const SPOIL: &str = "document.addEventListener('readystatechange', () => {
    const page = location.search === '?spoilt' && document.querySelector('[data-jsapi]');
    if (page) page.dataset.jsapi = page.dataset.jsapi.replace(/\"signature\":\"..../, '\"signature\":\"0000');
})";

const SETTLED: &str = "return document.readyState === 'complete' && document.getAnimations().every((animation) => {
    const { iterations, delay } = animation.effect.getTiming();
    return iterations === Infinity || delay > 1000 || animation.playState === 'finished';
})";

/// Somebody who looks, through the client of their phone.
#[derive(Debug, Clone, Copy)]
pub struct Reader {
    /// As the client's mark has it.
    pub language: &'static str,
    /// As the device's setting has it.
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
    /// From now on `reader` sits before it.
    pub async fn is_read_by(&self, reader: Reader) {
        self.has_marks(&format!("language/{}", reader.language)).await;
        self.prefers("prefers-color-scheme", reader.scheme).await;
    }

    /// From now on it says about itself what a client says that has these marks.
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

    /// From now on the page is so wide.
    pub async fn is_wide(&self, width: u32) {
        self.is_sized(width, 800).await;
    }

    pub async fn is_sized(&self, width: u32, height: u64) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.driver.cdp().send_raw("Emulation.setDeviceMetricsOverride", metrics).await.unwrap();
    }
}
