//! `dd.config` with our signature.

use super::chromium::Chromium;
use crate::support::TestApp;

/// What comes after the path of a page, exactly as `location.href` has it.
const TAILS: [&str; 8] = [
    "?q=%E5%BC%A0%E4%B8%89",
    "?q=a%20b",
    "?q=a+b",
    "#part",
    "#%E5%BC%A0%E4%B8%89",
    "?q=%E5%BC%A0%E4%B8%89&x=a%20b+c%2B#part?of=it",
    "?x=ding1&empty=&flag&q=a%2Fb/c:d@e%27f|g",
    "?",
];

impl Chromium {
    /// Waits until `dd.config` is in this state.
    pub async fn config_is(&self, state: &str) {
        self.shown(&format!("#config-state[data-state='{state}']")).await;
    }
}

#[tokio::test]
async fn the_configuration_is_accepted_at_every_address_gone_to_from_within() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    for tail in TAILS {
        let address = format!("{}/jsapi{tail}", app.url);
        chromium.open(&app.url).await;
        chromium.shown("#user-name").await;
        chromium.go(&address).await;
        chromium.config_is("accepted").await;
        assert_eq!(chromium.href().await, address);
    }
    chromium.finish().await;
}

#[tokio::test]
async fn the_configuration_is_accepted_at_every_address_opened_from_outside() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    for tail in TAILS {
        let address = format!("{}/jsapi{tail}", app.url);
        chromium.open("about:blank").await;
        chromium.open(&address).await;
        chromium.config_is("accepted").await;
        assert_eq!(chromium.href().await, address);
    }
    chromium.finish().await;
}

#[tokio::test]
async fn an_address_in_plain_chinese_is_accepted_as_the_browser_writes_it() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    chromium.open(&format!("{}/jsapi?q=张三&x=a b", app.url)).await;
    chromium.config_is("accepted").await;
    assert_eq!(chromium.href().await, format!("{}/jsapi?q=%E5%BC%A0%E4%B8%89&x=a%20b", app.url));
    chromium.finish().await;
}

#[tokio::test]
async fn every_character_that_an_address_can_have_is_signed_as_the_browser_writes_it() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    let all: String = ('!'..='~').filter(|c| !"#%&".contains(*c)).collect();
    let mut addresses = vec![format!("{}/jsapi?q={all}", app.url), format!("{}/jsapi?{all}=1", app.url)];
    addresses.extend(["'", "[", "]", "^", "`", "{", "|", "}", "\\", "\"", "<"].map(|c| format!("{}/jsapi?a{c}b={c}", app.url)));
    for address in addresses {
        chromium.open(&address).await;
        chromium.config_is("accepted").await;
        let href = chromium.href().await;
        // A script of the page asks for a signature of this address, and of one with special characters in its path, though the app has no
        // such page.
        let also = href.replace("/jsapi", "/a[1]'s/{x}|y^z`");
        let also = chromium.run("return new URL(arguments[0]).href", &[&also]).await;
        for url in [href.as_str(), also.as_str().unwrap()] {
            let asks = format!("fetch('/api/jsapi/config?url=' + encodeURIComponent({url:?})).then((answer) => answer.status)");
            assert_eq!(chromium.resolve(&asks).await, 200, "{url}");
        }
    }
    chromium.finish().await;
}
