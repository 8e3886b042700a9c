//! The browser of one container. Each scene has a tab in it.

use dingtalk_h5::dingtalk::Origin;
use thirtyfour::WindowHandle;
use thirtyfour::common::capabilities::chromium::ChromiumLikeCapabilities;

use super::container::Container;
use super::front::Front;
use super::library;
use super::plan::{Loading, Plan};
use super::scene::Scene;
use crate::browser::chromium::Chromium;
use crate::support::TestApp;

const SWITCHES: [&str; 5] = [
    // The library trusts a PC client's host page only if it is on this domain.
    "--host-resolver-rules=MAP *.dingtalk.com 127.0.0.1",
    "--unsafely-treat-insecure-origin-as-secure=*.dingtalk.com",
    // Scenes wait in background tabs, which Chromium would slow down.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
];

/// What an AMD loader leaves in a page.
const AMD_LOADER: &str = "window.define = () => {}; window.define.amd = {};";

pub struct Stage {
    pub container: &'static Container,
    pub chromium: Chromium,
}

impl Stage {
    pub async fn new(container: &'static Container) -> Self {
        library::prepare();
        let user_agent = container.user_agent_switch();
        let chromium = Chromium::start_with(|capabilities| {
            for switch in SWITCHES.into_iter().chain([user_agent.as_str()]) {
                capabilities.add_arg(switch).unwrap();
            }
        });
        Self { container, chromium: chromium.await }
    }

    /// Opens the app in a new tab.
    pub async fn open(&self, plan: Plan) -> Scene<'_> {
        let front = Front::start().await;
        let (app, address) = self.start_app(&plan, &front).await;
        front.stand_before(&app.url, &app.dingtalk.url());
        let in_frame = self.container.frames_the_page();
        let desk = if in_frame { address.clone() } else { front.url() };
        let tab = self.open_tab(&plan, &desk).await;
        let page = if in_frame { format!("/host#{}", plan.path) } else { plan.path.to_owned() };
        self.chromium.open(&format!("{address}{page}")).await;
        Scene {
            stage: self,
            app,
            _front: front,
            tab,
            name: format!("{}, {}: {}", self.container.name, plan.version, plan.name),
            version: plan.version,
        }
    }

    /// An app with this library, and the address that it is opened at.
    async fn start_app(&self, plan: &Plan, front: &Front) -> (TestApp, String) {
        let script = match plan.loading {
            Loading::Missing => front.library("none"),
            Loading::Normal | Loading::Amd => front.library(plan.version),
        };
        // All ports of a host share its cookies: scenes that wait at the same time need hosts of their own.
        let host = format!("{}-{}", plan.name, plan.version).replace([' ', '.'], "-");
        let mut address = String::new();
        let app = TestApp::start_with(|settings| {
            address = if self.container.frames_the_page() {
                format!("http://{host}.dingtalk.com:{}", front.port)
            } else {
                settings.web.public_url.to_string().replace("127.0.0.1", &format!("{host}.localhost"))
            };
            settings.web.public_url = Origin::parse(&address).unwrap();
            settings.web.jsapi_script_url = script.parse().unwrap();
        });
        (app.await, address)
    }

    /// A new tab in which every document has the container's bridge.
    async fn open_tab(&self, plan: &Plan, desk: &str) -> WindowHandle {
        let driver = &self.chromium.driver;
        let tab = driver.new_tab().await.unwrap();
        driver.switch_to_window(tab.clone()).await.unwrap();
        let bridge = self.container.script(desk, plan.ready, &plan.wishes);
        self.chromium.on_every_document(&bridge).await;
        if plan.loading == Loading::Amd {
            self.chromium.on_every_document(AMD_LOADER).await;
        }
        tab
    }

    pub async fn finish(self) {
        self.chromium.finish().await;
    }
}
