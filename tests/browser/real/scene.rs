//! One visit to the app in one container.

use thirtyfour::WindowHandle;

use super::front::Front;
use super::stage::Stage;
use crate::browser::chromium::Chromium;
use crate::support::TestApp;

/// It has an app, a DingTalk and a tab of its own, so that scenes can wait at the same time.
pub struct Scene<'a> {
    pub stage: &'a Stage,
    pub app: TestApp,
    /// Keeps the front running.
    pub _front: Front,
    pub tab: WindowHandle,
    pub name: String,
    pub version: &'static str,
}

impl Scene<'_> {
    /// Switches the browser to this scene's tab and, where the page is in a frame, to that frame.
    pub async fn look(&self) -> &Chromium {
        let chromium = &self.stage.chromium;
        chromium.driver.switch_to_window(self.tab.clone()).await.unwrap();
        if self.stage.container.frames_the_page() {
            chromium.driver.enter_frame(0).await.unwrap();
        }
        chromium
    }

    /// From now on the client handles calls of `about` as `what` says, such as `cancel` or `never`.
    pub async fn wish(&self, about: &str, what: &str) {
        let script = "top.simulatedClient.wishes[arguments[0]] = arguments[1]";
        self.stage.chromium.run(script, &[about, what]).await;
    }

    /// Makes a bridge ready that never was.
    pub async fn wake(&self) {
        self.stage.chromium.run("top.simulatedClient.wake()", &[]).await;
    }

    /// Waits until a bridge that is late is ready.
    pub async fn has_woken(&self) {
        let awake = "return top.simulatedClient.isReady()";
        self.stage.chromium.until("the bridge is ready", awake, &[]).await;
    }

    /// Leaves the page, which is no longer needed. The tab stays open: now and then Chromium does not close a tab that it is told to.
    pub async fn leave(self) {
        self.stage.chromium.open("about:blank").await;
    }
}
