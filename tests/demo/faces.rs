//! Every face of the demo's pages: on all screens, for everybody.

use std::time::Duration;

use dingtalk_simulator::{Answers, Fault};

use crate::browser::accessibility::{are_reached_by_keyboard, axe_finds_nothing};
use crate::browser::album::take_pictures;
use crate::browser::chromium::Chromium;
use crate::browser::faces::{Face, Reader};
use crate::browser::looks::{fit_their_windows, stay_clear_of_insets};
use crate::support::TestApp;

#[derive(Debug, Clone, Copy)]
enum Demo {
    Home,
    Profile,
    ProfileWithoutDetails,
    Jsapi,
    JsapiRefused,
}

const ALL: [Demo; 5] = [Demo::Home, Demo::Profile, Demo::ProfileWithoutDetails, Demo::Jsapi, Demo::JsapiRefused];

impl Face for Demo {
    fn path(self) -> &'static str {
        match self {
            Self::Home => "/",
            Self::Profile | Self::ProfileWithoutDetails => "/profile",
            Self::Jsapi => "/jsapi",
            Self::JsapiRefused => "/jsapi?spoilt",
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Home => "#user-name",
            Self::Profile => ".card.facts",
            Self::ProfileWithoutDetails => ".note-page",
            Self::Jsapi => "#config-state[data-state='accepted']",
            Self::JsapiRefused => "#config-state[data-state='refused']",
        }
    }

    fn prepare(self, app: &TestApp) -> String {
        app.dingtalk.client(Answers::Normal, false);
        // Details, and the fact that there are none, are cached for a minute at most.
        app.advance(Duration::from_secs(61));
        if let Self::ProfileWithoutDetails = self {
            app.dingtalk.fault("/topapi/v2/user/get", 1, Fault::Permission);
        }
        app.url.clone()
    }

    async fn act(self, chromium: &Chromium) {
        if let Self::Jsapi = self {
            let answered = "[data-api='device.connection.getNetworkType']";
            chromium.click(&format!("{answered} button")).await;
            chromium.shown(&format!("{answered} output[data-outcome='ok']")).await;
            let failed = "[data-api='device.geolocation.get']";
            chromium.run("h5.client.call = () => Promise.reject({ kind: 'timeout', code: '408', text: '' })", &[]).await;
            chromium.click(&format!("{failed} button")).await;
            chromium.shown(&format!("{failed} output[data-outcome='failed']")).await;
        }
    }
}

#[tokio::test]
async fn no_face_is_wider_than_its_window_and_fingers_hit_every_control() {
    fit_their_windows(&TestApp::demo().await, &ALL).await;
}

#[tokio::test]
async fn nothing_lies_under_a_notch_or_the_home_bar() {
    stay_clear_of_insets(&TestApp::demo().await, &ALL).await;
}

#[tokio::test]
async fn axe_finds_nothing_in_any_face_in_english() {
    axe_finds_nothing(&TestApp::demo().await, &ALL, &Reader::ALL[..2]).await;
}

#[tokio::test]
async fn axe_finds_nothing_in_any_face_in_chinese() {
    axe_finds_nothing(&TestApp::demo().await, &ALL, &Reader::ALL[2..]).await;
}

#[tokio::test]
async fn a_keyboard_reaches_every_control_and_shows_where_it_is() {
    are_reached_by_keyboard(&TestApp::demo().await, &[Demo::Home, Demo::Jsapi]).await;
}

#[tokio::test]
#[ignore = "it asserts nothing"]
async fn album() {
    take_pictures(&TestApp::demo().await, &ALL).await;
}
