//! What is expected of a page in DingTalk's client: it sets the window's title, opens other sites in their own windows, makes few requests.

use dingtalk_h5::web::Both;
use dingtalk_simulator::Answers;

use super::chromium::Chromium;
use crate::support::TestApp;
use crate::support::pages::{NAME, TITLES};

/// Logs the title and the links that the page hands to the client, and answers without doing anything.
const SPY: &str = "let library;
    Object.defineProperty(window, 'dd', { get: () => library, set: (dd) => {
        library = dd;
        const note = (name) => (params) => {
            console.info('asked ' + name + ' ' + (params.title || params.url));
            window.told = params.title;
            return answer();
        };
        const answer = () => window.refuses ? Promise.reject({ errorCode: 7 }) : Promise.resolve({});
        dd.biz.navigation.setTitle = note('setTitle');
        dd.biz.util.openLink = note('openLink');
    } })";

impl Chromium {
    async fn asked(&self, what: &str) -> bool {
        self.log().await.iter().any(|entry| entry.message.contains(what))
    }

    async fn tells_the_title(&self, title: &str) {
        self.until("the client was told the title", "return window.told === arguments[0]", &[title]).await;
    }

    async fn clicks_a_link_to(&self, url: &str) {
        let script = "const link = document.createElement('a'); link.href = arguments[0]; link.textContent = 'elsewhere';
            link.id = 'elsewhere'; document.querySelector('main').appendChild(link)";
        self.run(script, &[url]).await;
        self.click("#elsewhere").await;
    }
}

#[tokio::test]
async fn the_title_is_set_in_the_client_too() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    chromium.on_every_document(SPY).await;
    for (path, Both(title, _)) in ["/", "/profile", "/jsapi"].into_iter().zip(TITLES) {
        chromium.open(&format!("{}{path}", app.url)).await;
        chromium.shown("main[data-user-id]").await;
        chromium.tells_the_title(&format!("{title} · {NAME}")).await;
    }
    app.dingtalk.client(Answers::Refuses, false);
    chromium.open(&app.url).await;
    chromium.tells_the_title(&format!("DingTalk refused the request. · {NAME}")).await;
    chromium.finish().await;
}

#[tokio::test]
async fn a_title_that_the_client_refuses_harms_nobody() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    chromium.on_every_document("window.refuses = true").await;
    chromium.on_every_document(SPY).await;
    chromium.open(&app.url).await;
    chromium.sees("#user-name", "张三").await;
    chromium.finish().await;
}

#[tokio::test]
async fn in_the_client_other_sites_open_in_windows_of_theirs_and_ours_do_not() {
    let app = TestApp::start().await;
    let elsewhere = app.url.replace("127.0.0.1", "localhost");
    let chromium = Chromium::start().await;
    chromium.on_every_document(SPY).await;
    chromium.open(&format!("{}/jsapi", app.url)).await;
    chromium.shown("#config-state[data-state='accepted']").await;
    chromium.click("main a[href^='https://open.dingtalk.com/']").await;
    assert!(chromium.asked("asked openLink https://open.dingtalk.com/").await);
    assert_eq!(chromium.href().await, format!("{}/jsapi", app.url));

    // If the client cannot open a window, the link opens in this one.
    chromium.run("window.refuses = true", &[]).await;
    chromium.clicks_a_link_to(&format!("{elsewhere}/signed-out")).await;
    chromium.until("elsewhere", "return location.hostname === 'localhost'", &[]).await;

    chromium.open(&app.url).await;
    chromium.click("nav.nav a[href='/profile']").await;
    chromium.until("the profile", "return location.pathname === '/profile'", &[]).await;
    chromium.finish().await;
}

#[tokio::test]
async fn two_taps_on_a_link_open_one_window_and_a_later_one_opens_another() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    chromium.on_every_document(SPY).await;
    chromium.open(&format!("{}/jsapi", app.url)).await;
    chromium.shown("#config-state[data-state='accepted']").await;
    let taps = "const link = document.querySelector(\"main a[href^='https://open.dingtalk.com/']\");
        link.click(); link.click(); link.click();
        setTimeout(() => { link.click(); window.tapped = true; }, 1100)";
    chromium.run(taps, &[]).await;
    chromium.until("it is tapped once more", "return window.tapped", &[]).await;
    let opened = chromium.log().await.iter().filter(|entry| entry.message.contains("asked openLink")).count();
    assert_eq!(opened, 2);
    chromium.finish().await;
}

#[tokio::test]
async fn outside_the_client_links_are_links() {
    let app = TestApp::start().await;
    app.dingtalk.client(Answers::Normal, true);
    let chromium = Chromium::start().await;
    chromium.on_every_document(SPY).await;
    chromium.open(&format!("{}/signed-out", app.url)).await;
    let elsewhere = app.url.replace("127.0.0.1", "localhost");
    chromium.clicks_a_link_to(&format!("{elsewhere}/signed-out")).await;
    chromium.until("elsewhere", "return location.hostname === 'localhost'", &[]).await;
    assert!(!chromium.asked("asked ").await);
    chromium.finish().await;
}

const REQUESTS: &str = "const isOurs = (url) => url.protocol === 'http:' && url.hostname === location.hostname
        && url.port === location.port && !url.pathname.startsWith('/static/');
    const note = (address) => isOurs(new URL(address)) && console.info('request ' + new URL(address).pathname);
    note(location.href);
    // What is fetched is noted at once: the page may be left before an observer hears of it.
    const real = window.fetch;
    window.fetch = (...asked) => { note(new URL(asked[0], location.href).href); return real.apply(window, asked); };
    const others = (entry) => entry.initiatorType !== 'fetch';
    new PerformanceObserver((list) => list.getEntries().filter(others).forEach((entry) => note(entry.name)))
        .observe({ type: 'resource', buffered: true })";

#[tokio::test]
async fn three_requests_to_us_are_enough_to_be_in() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    chromium.on_every_document(REQUESTS).await;
    for _ in 0..2 {
        chromium.open(&app.url).await;
        chromium.sees("#user-name", "张三").await;
        chromium.open("about:blank").await;
    }
    let log = chromium.log().await;
    let requests = |path: &str| log.iter().filter(|entry| entry.message.contains(&format!("\"request {path}"))).count();
    assert_eq!((requests("/api/login\""), requests("/\""), requests("/")), (2, 4, 6), "{log:#?}");
    chromium.finish().await;
}
