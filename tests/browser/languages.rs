//! The texts that scripts show are in the language of the page.

use dingtalk_simulator::{Answers, Fault};

use super::chromium::Chromium;
use super::faces::Reader;
use crate::support::TestApp;

/// One trouble each that the client, the server and the page itself find, in both languages.
const TROUBLES: [(&str, [&str; 3]); 2] = [
    (
        "en-US",
        ["DingTalk refused the request.", "DingTalk did not accept the sign-in code.", "This app is served at another address."],
    ),
    ("zh-CN", ["钉钉拒绝了请求", "免登授权码未通过钉钉校验", "本应用的访问地址不正确"]),
];

#[tokio::test]
async fn troubles_are_told_in_the_language_of_the_client() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    for (language, [refused, rejected, elsewhere]) in TROUBLES {
        let scheme = "light";
        chromium.is_read_by(Reader { language, scheme }).await;
        app.dingtalk.client(Answers::Refuses, false);
        chromium.open(&app.url).await;
        chromium.sees("#trouble-text", refused).await;

        app.dingtalk.client(Answers::Normal, false);
        app.dingtalk.fault("/topapi/v2/user/getuserinfo", 2, Fault::AuthCodeError);
        chromium.open(&app.url).await;
        chromium.sees("#trouble-text", rejected).await;

        chromium.open(&app.url.replace("127.0.0.1", "localhost")).await;
        chromium.sees("#trouble-text", elsewhere).await;
    }
    chromium.finish().await;
}
