//! A headless Chromium with a new profile.

use std::cell::RefCell;
use std::path::Path;
use std::thread;

use thirtyfour::common::capabilities::chromium::ChromiumLikeCapabilities;
use thirtyfour::common::log::BrowserLogEntry;
use thirtyfour::{CapabilitiesHelper, ChromeCapabilities, DesiredCapabilities, LoggingPrefsLogLevel, WebDriver};

use super::chromedriver::{Chromedriver, program};
use crate::support::http_client;

const SWITCHES: [&str; 13] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    // No proxy, whatever the environment says: all servers are on this machine. chromium-headless-shell has no other switch for that.
    "--proxy-server=direct://",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=en",
    // Nobody sees the suggestions of the address bar, which would double the work for each page.
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup",
    "--disable-extensions",
    // Starts faster than with a port, which anybody on the machine could use.
    "--remote-debugging-pipe",
];

/// Chromium without what is around a page, such as the address bar. That saves a third of its work.
const SHELL: &str = "chromium-headless-shell";
const WHOLE: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// One browser with one profile.
pub struct Chromium {
    pub driver: WebDriver,
    _chromedriver: Chromedriver,
    log: RefCell<Vec<BrowserLogEntry>>,
    finished: bool,
}

impl Chromium {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts it with capabilities as `adjust` leaves them.
    pub async fn start_with(adjust: impl FnOnce(&mut ChromeCapabilities)) -> Self {
        Self::launch(&program(&[&[SHELL], &WHOLE[..]].concat()), adjust).await
    }

    /// The same with a whole Chromium, for tests that set preferences: chromium-headless-shell has none.
    pub async fn start_whole_with(adjust: impl FnOnce(&mut ChromeCapabilities)) -> Self {
        Self::launch(&program(&WHOLE), adjust).await
    }

    async fn launch(chromium: &Path, adjust: impl FnOnce(&mut ChromeCapabilities)) -> Self {
        let chromedriver = Chromedriver::start();
        let mut capabilities = capabilities(chromium, &chromedriver.profile());
        adjust(&mut capabilities);
        let driver = WebDriver::builder(chromedriver.url(), capabilities).client(http_client()).await.unwrap();
        Self { driver, _chromedriver: chromedriver, log: RefCell::default(), finished: false }
    }

    /// Everything that all pages wrote to the console so far, uncaught errors too. Survives navigations.
    pub async fn log(&self) -> Vec<BrowserLogEntry> {
        let new = self.driver.browser_log().await.unwrap();
        self.log.borrow_mut().extend(new);
        self.log.borrow().clone()
    }

    /// Uncaught exceptions, unhandled rejections, violations of a content security policy, and `console.error`. Failed requests are
    /// not among them: many tests refuse requests or cut connections.
    pub async fn faults(&self) -> Vec<String> {
        let is_fault = |entry: &BrowserLogEntry| entry.level == "SEVERE" && entry.source.as_deref() != Some("network");
        self.log().await.into_iter().filter(is_fault).map(|entry| entry.message).collect()
    }

    /// Ends the test: no page had a fault.
    pub async fn finish(mut self) {
        self.finished = true;
        let faults = self.faults().await;
        assert!(faults.is_empty(), "{faults:#?}, among {:#?}", self.log().await);
    }

    /// Ends a test that wanted faults.
    pub fn finish_with_faults(mut self) {
        self.finished = true;
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Chromium ends with chromedriver, and need not be asked to quit.
        let _ = self.driver.clone().leak();
        assert!(self.finished || thread::panicking(), "the test did not call finish()");
    }
}

fn capabilities(chromium: &Path, profile: &Path) -> ChromeCapabilities {
    let mut capabilities = DesiredCapabilities::chrome();
    if chromium.ends_with(SHELL) {
        // chromedriver knows it by this name. With another one, chromedriver waits for a window.
        capabilities.set("browserName", "chrome-headless-shell").unwrap();
    }
    capabilities.set_binary(chromium.to_str().unwrap()).unwrap();
    let profile = format!("--user-data-dir={}", profile.display());
    for switch in SWITCHES.into_iter().chain([profile.as_str()]) {
        capabilities.add_arg(switch).unwrap();
    }
    capabilities.set_browser_log_level(LoggingPrefsLogLevel::All).unwrap();
    capabilities
}
