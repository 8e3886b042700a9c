//! The simulated DingTalk's console, which a newcomer looks at first.

use serde_json::json;

use super::chromium::Chromium;
use crate::support::TestApp;

impl Chromium {
    async fn sees_in_frames(&self, name: &str) {
        for frame in 0..2 {
            self.driver.enter_frame(frame).await.unwrap();
            self.sees("#user-name", name).await;
            self.driver.enter_default_frame().await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_console_shows_the_app_logged_in_on_a_phone_and_on_a_pc_and_draws_how() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    chromium.driver.set_window_rect(0, 0, 1400, 1000).await.unwrap();
    chromium.open(&app.dingtalk.url()).await;
    chromium.sees_in_frames("张三").await;
    let drawn = "const drawn = [...document.querySelectorAll('#calls text')].map(text => text.textContent);
        return arguments.length > 0 && [...arguments].every(words => drawn.some(text => text.includes(words)))";
    let words = [
        "Phone: 张三 is logged in",
        "PC: 张三 is logged in",
        "exchange authCode",
        "/api/login",
        "requestAuthCode",
    ];
    chromium.until("the login is drawn", drawn, &words).await;
    let size =
        "const { width, height } = document.querySelector('#calls').getBoundingClientRect(); return width > 300 && height > 100";
    assert_eq!(chromium.run(size, &[]).await, json!(true));
    chromium.finish().await;
}

#[tokio::test]
async fn signing_in_somebody_else_at_the_console_logs_them_in_on_both() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    chromium.open(&app.dingtalk.url()).await;
    chromium.sees_in_frames("张三").await;
    chromium.click("[data-user='alice']").await;
    chromium.sees_in_frames("Alice Chen").await;
    chromium.finish().await;
}
