//! People choose their names, and administrators everything else that DingTalk tells of them. None of it ever runs.

use dingtalk_h5::dingtalk::DisplayName;
use serde_json::json;

use super::chromium::Chromium;
use crate::broken::rogue::{EXCHANGE, Rogue, TICKET, TOKEN, json as answered, well};
use crate::support::TestApp;

fn hostile() -> Vec<String> {
    let mut texts: Vec<String> = [
        "<script>window.pwned=1</script>",
        "\"><img src=x onerror=window.pwned=1>",
        "'><svg onload=window.pwned=1>",
        "\" autofocus onfocus=window.pwned=1 x=\"",
        "</h1></main></body><script src=//evil.example/x.js></script>",
        "</title><script>window.pwned=1</script>",
        "--><script>window.pwned=1</script><!--",
        "{{ head.nonce }}{% include \"home.html\" %}${7*7}#{7*7}<%= 7*7 %>",
        "javascript:window.pwned=1",
        "&lt;script&gt;window.pwned=1&lt;/script&gt;",
        "a\u{2028}window.pwned=1//\u{2029}b",
        "\u{202E}nimda\u{202C} \u{200B}\u{FEFF}x",
        "line\r\nSet-Cookie: a=b\u{0}",
        "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467} e\u{301} Z\u{351}\u{32B}\u{343}",
        "\\\"};window.pwned=1;//",
    ]
    .map(str::to_owned)
    .to_vec();
    texts.push("<b>".repeat(3400));
    texts
}

/// A DingTalk that answers each login with another hostile name, and each call for details with hostile details.
pub async fn organisation() -> Rogue {
    Rogue::start(|call| {
        let texts = hostile();
        let text = |nth: usize| texts[nth % texts.len()].clone();
        match call.path.as_str() {
            TOKEN | TICKET => well(call),
            EXCHANGE => {
                let person = json!({"userid": format!("u{}\"'><img src=x onerror=window.pwned=1>", call.nth), "name": text(call.nth)});
                vec![answered(&json!({"errcode": 0, "result": person}).to_string())]
            }
            _ => {
                let text = text(call.nth);
                let details = json!({
                    "avatar": "javascript:window.pwned=1", "unionid": text, "title": text, "job_number": text, "mobile": text, "email": text,
                    "work_place": text, "dept_id_list": [text], "role_list": [{"name": text}], "admin": text, "boss": true,
                });
                vec![answered(&json!({"errcode": 0, "result": details}).to_string())]
            }
        }
    })
    .await
}

#[tokio::test]
async fn whatever_people_are_called_is_shown_as_text_and_nothing_of_it_runs() {
    let rogue = organisation().await;
    let app = TestApp::start_with(|settings| rogue.takes_dingtalks_place(settings)).await;
    show_as_text(&app, &rogue).await;
}

/// Checks that the home page and the profile show every hostile name as text.
pub async fn show_as_text(app: &TestApp, rogue: &Rogue) {
    let chromium = Chromium::start().await;
    let untouched = "return window.pwned === undefined && !document.querySelector('[onerror], [onload], [onfocus], main script')";
    for name in hostile() {
        let shown = DisplayName::from_lossy(&name);
        chromium.open(&app.url).await;
        chromium.sees("#user-name", shown.as_str()).await;
        assert_eq!(chromium.run(untouched, &[]).await, json!(true), "{name} at home");
        chromium.go(&format!("{}/profile", app.url)).await;
        chromium.shown("#user-id").await;
        chromium.sees("#user-name", shown.as_str()).await;
        assert_eq!(chromium.run(untouched, &[]).await, json!(true), "{name} in the profile");
    }
    assert_eq!(rogue.calls(EXCHANGE).len(), hostile().len());
    chromium.finish().await;
}
