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
    /// Turns to this scene's page.
    pub async fn look(&self) -> &Chromium {
        let chromium = &self.stage.chromium;
        chromium.driver.switch_to_window(self.tab.clone()).await.unwrap();
        if self.stage.container.frames_the_page() {
            chromium.driver.enter_frame(0).await.unwrap();
        }
        chromium
    }

    /// From now on the client does this about that.
    pub async fn wish(&self, about: &str, what: &str) {
        let script = "top.simulatedClient.wishes[arguments[0]] = arguments[1]";
        self.stage.chromium.run(script, &[about, what]).await;
    }

    /// A bridge that was never ready is ready now.
    pub async fn wake(&self) {
        self.stage.chromium.run("top.simulatedClient.wake()", &[]).await;
    }

    /// A bridge that comes late has come.
    pub async fn has_woken(&self) {
        let awake = "return top.simulatedClient.isReady()";
        self.stage.chromium.until("the bridge is ready", awake, &[]).await;
    }

    /// Nobody needs its page any more. Its tab stays: now and then a browser does not close one that it is told to.
    pub async fn leave(self) {
        self.stage.chromium.open("about:blank").await;
    }
}
