//! The simulated DingTalk's console, which a newcomer looks at first.

use dingtalk_simulator::{Answers, Fault, Shape};
use serde_json::{Value, json};

use super::AUTH_CODE;
use super::chromium::Chromium;
use crate::support::{TestApp, eventually, http_client};

/// Whether all of these words are in the sequence diagram.
const DRAWN: &str = "const drawn = [...document.querySelectorAll('#calls text')].map(text => text.textContent);
    return arguments.length > 0 && [...arguments].every(words => drawn.some(text => text.includes(words)))";

impl Chromium {
    async fn sees_in_frame(&self, frame: u16, selector: &str, text: &str) {
        self.driver.enter_frame(frame).await.unwrap();
        self.sees(selector, text).await;
        self.driver.enter_default_frame().await.unwrap();
    }

    async fn sees_in_frames(&self, name: &str) {
        for frame in 0..2 {
            self.sees_in_frame(frame, "#user-name", name).await;
        }
    }
}

/// An app at whose console somebody is logged in, in both frames.
async fn console() -> (TestApp, Chromium) {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    chromium.open(&app.dingtalk.url()).await;
    chromium.sees_in_frames("张三").await;
    (app, chromium)
}

#[tokio::test]
async fn the_console_shows_the_app_logged_in_on_a_phone_and_on_a_pc_and_draws_how() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    chromium.driver.set_window_rect(0, 0, 1400, 1000).await.unwrap();
    chromium.open(&app.dingtalk.url()).await;
    chromium.sees_in_frames("张三").await;
    let words = ["Phone: 张三 is logged in", "PC: 张三 is logged in", "exchange authCode", "/api/login", "requestAuthCode"];
    chromium.until("the login is drawn", DRAWN, &words).await;
    let size =
        "const { width, height } = document.querySelector('#calls').getBoundingClientRect(); return width > 300 && height > 100";
    assert_eq!(chromium.run(size, &[]).await, json!(true));
    chromium.finish().await;
}

#[tokio::test]
async fn signing_in_somebody_else_at_the_console_logs_them_in_on_both() {
    let (_app, chromium) = console().await;
    chromium.click("[data-user='alice']").await;
    chromium.sees_in_frames("Alice Chen").await;
    chromium.finish().await;
}

#[tokio::test]
async fn every_fault_can_be_arranged_at_the_console() {
    let (_app, chromium) = console().await;
    let choose = "const kinds = document.querySelector('#fault select[name=kind]');
        kinds.value = arguments[0];
        kinds.dispatchEvent(new Event('change', { bubbles: true }))";
    for (kind, arranged) in [
        ("authCodeError", "authCodeError"),
        ("permission", "permission"),
        ("busy", "busy"),
        ("rate", "rate"),
        ("quota", "quota"),
        ("address", "address"),
        ("delay", "delay 3000 ms"),
        ("revokedToken", "revokedToken"),
        ("status", "status 502"),
        ("html", "html"),
        ("ban", "ban json"),
        ("cut", "cut"),
        ("drip", "drip 500 ms"),
        ("lost", "lost"),
    ] {
        chromium.run(choose, &[kind]).await;
        chromium.click("#fault button").await;
        let queued = format!("next /topapi/v2/user/getuserinfo: {arranged}");
        chromium.sees("#faults li:last-child", &queued).await;
    }
    let offered = "return document.querySelectorAll('#fault select[name=kind] option').length";
    assert_eq!(chromium.run(offered, &[]).await, 14);
    chromium.finish().await;
}

#[tokio::test]
async fn a_lost_answer_is_drawn_as_one() {
    let app = TestApp::start().await;
    app.dingtalk.fault("/topapi/v2/user/getuserinfo", 1, Fault::Lost);
    let chromium = Chromium::start().await;
    chromium.open(&app.dingtalk.url()).await;
    chromium.sees_in_frames("张三").await;
    let words = ["Phone: 张三 is logged in", "no answer"];
    chromium.until("the lost answer is drawn", DRAWN, &words).await;
    chromium.finish().await;
}

#[tokio::test]
async fn three_hundred_people_come_in_at_the_console() {
    let (_app, chromium) = console().await;
    chromium.click("#crowd-come").await;
    chromium.sees("#crowd-in", "300").await;
    let over = "return document.querySelector('#crowd-said').textContent.includes('It took')";
    chromium.until("it is over", over, &[]).await;
    let drawn = "return document.querySelector('#crowd-line .crowd-in').getAttribute('width')";
    assert_eq!(chromium.run(drawn, &[]).await, "300");
    let own = "return document.querySelector('#calls').textContent.includes('visitor')";
    assert_eq!(chromium.run(own, &[]).await, json!(false), "their calls are counted, not drawn");
    chromium.finish().await;
}

impl Chromium {
    /// Clicks the button of an organisation's decision, such as `Authorise`.
    async fn decide(&self, device: &str, decision: &str) {
        let button = "const label = (button) => button.textContent === arguments[1];
            const button = [...document.querySelectorAll(`#${arguments[0]}-organisation button`)].find(label);
            if (button) button.click();
            return Boolean(button);";
        self.until(&format!("{device} offers {decision}"), button, &[device, decision]).await;
    }

    /// Opens the profile in one of the console's frames, and waits for this text in it.
    async fn sees_after_a_click(&self, frame: u16, selector: &str, text: &str) {
        self.driver.enter_frame(frame).await.unwrap();
        self.click("nav a[href='/profile']").await;
        self.sees(selector, text).await;
        self.driver.enter_default_frame().await.unwrap();
    }
}

#[tokio::test]
async fn of_two_organisations_side_by_side_at_the_console_each_authorises_relieves_and_authorises_again_for_itself() {
    let app = TestApp::third_party().await;
    app.dingtalk.push_events_to(format!("{}/dingtalk/events", app.url), Shape::Sync);
    let chromium = Chromium::start().await;
    chromium.driver.set_window_rect(0, 0, 1400, 1000).await.unwrap();
    chromium.open(&app.dingtalk.url()).await;
    for (device, frame, name) in [("phone", 0, "张三"), ("pc", 1, "章珊")] {
        chromium.decide(device, "Authorise").await;
        chromium.sees_in_frame(frame, "#user-name", name).await;
    }
    chromium.sees_after_a_click(0, "#user-name", "张三").await;
    for (end, begin) in [("Stop", "Restore"), ("Relieve", "Authorise")] {
        chromium.decide("phone", end).await;
        eventually("the app was told", || app.dingtalk.pushes_waiting() == 0).await;
        chromium.sees_after_a_click(0, "h1", "Your organisation does not use this app at present.").await;
        chromium.sees_after_a_click(1, "#user-name", "章珊").await;
        chromium.decide("phone", begin).await;
        chromium.sees_in_frame(0, "#user-name", "张三").await;
    }
    chromium.finish().await;
}

#[tokio::test]
async fn a_page_that_is_left_while_it_asks_dingtalk_says_nothing_of_that() {
    let (app, chromium) = console().await;
    app.dingtalk.client(Answers::Never, false);
    for nth in 1..=5 {
        chromium.run("document.querySelectorAll('iframe').forEach((frame) => { frame.src = frame.src; })", &[]).await;
        // The other two calls were made by the logins in `console`, and answered.
        eventually("both ask", || app.dingtalk.calls(AUTH_CODE) >= 2 + 2 * nth).await;
    }
    chromium.finish().await;
}

#[tokio::test]
async fn the_console_opens_the_app_where_it_is_installed_and_goes_on_when_that_is_nowhere() {
    let app = TestApp::start().await;
    let pull = async |lever: &str, body: Value| {
        let url = format!("{}/control/{lever}", app.dingtalk.url());
        let answer = http_client().post(url).body(body.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{lever}");
    };
    let mut world: Value =
        http_client().get(format!("{}/control/world", app.dingtalk.url())).send().await.unwrap().json().await.unwrap();
    world["organisations"].as_array_mut().unwrap().reverse();
    pull("world", world).await;
    let chromium = Chromium::start().await;
    for home in ["/?corpid=$CORPID$", "/?from=workbench#top"] {
        pull("app", json!({"url": format!("{}{home}", app.url)})).await;
        chromium.open(&app.dingtalk.url()).await;
        chromium.sees_in_frames("张三").await;
    }
    pull("organisation", json!({"corpId": app.dingtalk.app().corp_id, "do": "dissolve"})).await;
    let nobody = "return document.querySelectorAll('#people button').length === 0 && document.querySelector('#banner').hidden";
    chromium.until("nobody is left to sign in", nobody, &[]).await;
    chromium.finish().await;
}
