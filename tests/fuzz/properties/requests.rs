//! Bodies, cookies and other headers that browsers and pages send.

use reqwest::header::{ACCEPT_LANGUAGE, COOKIE as COOKIE_HEADER, HeaderValue, SET_COOKIE, USER_AGENT};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;

use super::is_one_plain_line;
use super::served::{APP, COOKIE, RUNTIME, keys};

/// The header values that the lines of `input` are.
fn lines(input: &[u8]) -> impl Iterator<Item = HeaderValue> {
    input.split(|byte| *byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok())
}

fn answer(request: RequestBuilder) -> Response {
    RUNTIME.block_on(async { request.send().await.unwrap() })
}

fn text(response: Response) -> String {
    RUNTIME.block_on(async { response.text().await.unwrap() })
}

/// The first line is a User-Agent, the others are Accept-Language. The page is in Chinese only if Chinese is asked for.
pub fn accept_language(input: &[u8]) {
    let mut lines = lines(input);
    let mut request = APP.get("/");
    if let Some(client) = lines.next() {
        request = request.header(USER_AGENT, client);
    }
    let page = text(answer(lines.fold(request, |request, line| request.header(ACCEPT_LANGUAGE, line))));
    let asks_for_chinese = input.to_ascii_lowercase().windows(2).any(|two| two == b"zh");
    assert!(page.contains("<html lang=\"en\"") || asks_for_chinese && page.contains("<html lang=\"zh"));
}

/// A login needs exactly `authCode` and `state`, and may have `place`, all of them text; no character of the code could end a line, a
/// parameter or a string. A state that nobody was given ends the login: DingTalk is not called, and no session begins.
pub fn login_body(body: &[u8]) {
    let calls = APP.dingtalk.upstream_calls();
    let response = answer(APP.post("/api/login", body.to_vec()));
    let status = response.status().as_u16();
    let sets_session =
        response.headers().get_all(SET_COOKIE).iter().any(|cookie| cookie.as_bytes().starts_with(COOKIE.as_bytes()));
    assert!(!sets_session);
    assert_eq!(APP.dingtalk.upstream_calls(), calls);
    let problem: Value = serde_json::from_str(&text(response)).unwrap();
    if problem["code"] != "state_rejected" {
        return assert_eq!((status, &problem["code"]), (400, &"bad_request".into()));
    }
    let mut seen: Value = serde_json::from_slice(body).unwrap();
    let place = seen.as_object_mut().unwrap().remove("place");
    assert!(place.is_none_or(|place| place.is_string() || place.is_null()));
    let (code, state) = (seen["authCode"].as_str().unwrap(), seen["state"].as_str().unwrap());
    assert_eq!(seen, serde_json::json!({"authCode": code, "state": state}));
    let harmless = |c: char| c.is_ascii_graphic() && !"<>\"'`;&?#%\\".contains(c);
    assert!((1..=512).contains(&code.len()) && code.chars().all(harmless), "{code:?}");
}

/// Each line of `input` is a Cookie header. Alone, they are never a session. With a genuine cookie appended, sealed by the newest key or by
/// an older one, there is a session whatever other cookies look like, unless another one has our cookie's name.
pub fn session_cookie(input: &[u8]) {
    assert_eq!(me(input), 401, "{input:?}");
    let another =
        input.split(|byte| b";\n".contains(byte)).any(|pair| pair.trim_ascii().starts_with(format!("{COOKIE}=").as_bytes()));
    for key in keys() {
        let with_genuine = [input, b"; ", APP.genuine(&key).as_bytes()].concat();
        // A line that cannot be sent takes the genuine cookie with it.
        let is_sent = lines(&with_genuine).count() == with_genuine.split(|byte| *byte == b'\n').count();
        if is_sent {
            assert_eq!(me(&with_genuine), if another { 401 } else { 200 }, "{input:?}");
        }
    }
}

fn me(cookies: &[u8]) -> u16 {
    let request = lines(cookies).fold(APP.get("/api/me"), |request, line| request.header(COOKIE_HEADER, line));
    answer(request).status().as_u16()
}

/// The content of a session cookie that our key has decrypted. If it is accepted, the person has an id and a name fit to be shown, belongs
/// to this organisation, and is the same the next time.
pub fn session_payload(json: &[u8]) {
    let Ok(json) = std::str::from_utf8(json) else { return };
    let [newest, _] = keys();
    let me = || {
        let response = answer(APP.get("/api/me").header(COOKIE_HEADER, APP.saying(&newest, json)));
        (response.status().as_u16(), text(response))
    };
    let (status, said) = me();
    if status == 401 {
        return;
    }
    assert_eq!(status, 200, "{json}");
    assert_eq!(me(), (200, said.clone()));
    let person: Value = serde_json::from_str(&said).unwrap();
    let (user_id, name) = (person["userId"].as_str().unwrap(), person["name"].as_str().unwrap());
    assert!((1..=256).contains(&user_id.len()) && name.chars().count() <= 64);
    assert!(is_one_plain_line(user_id) && is_one_plain_line(name), "{person}");
    assert_eq!(person["corpId"], "ding0000000000000001");
}
