//! Somebody who uses the app: what their browser sends.

use super::connection::{Answer, Connection};
use super::server::PUBLIC_URL;

/// What every browser sends, so that the bare handler gets requests of the usual size too.
const USUAL: &str = "host: app.example.com\r\n\
    user-agent: Mozilla/5.0 (Linux; Android 12; M2102K1C Build/SKQ1; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 \
    Chrome/100.0.4896.127 Mobile Safari/537.36 AliApp(DingTalk/8.0.5) com.alibaba.android.rimet/8.0.5 language/en-US\r\n\
    accept: text/html,application/xhtml+xml,*/*;q=0.8\r\naccept-encoding: gzip, deflate\r\naccept-language: en-US,en;q=0.9\r\n";

/// A GET from within the app.
pub fn get(path: &str, cookie: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\n{USUAL}sec-fetch-site: same-origin\r\nreferer: {PUBLIC_URL}/\r\ncookie: {cookie}\r\n\r\n")
        .into_bytes()
}

/// An entry page that was loaded: what a login needs.
pub struct Entry {
    state: String,
    presession: String,
}

impl Entry {
    /// Opens the app from outside.
    pub async fn load(connection: &mut Connection) -> Self {
        let answer = connection.ask(format!("GET / HTTP/1.1\r\n{USUAL}sec-fetch-site: none\r\n\r\n").as_bytes()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let (_, rest) = answer.body.split_once("data-state=\"").expect("it is the entry page");
        Self {
            state: rest.split('"').next().unwrap().to_owned(),
            presession: answer.cookie("__Host-presession=").unwrap().to_owned(),
        }
    }

    /// The login that this page leads to.
    pub fn login_request(&self, code: &str) -> Vec<u8> {
        self.login_request_at(code, None)
    }

    /// The same with a place in the line.
    pub fn login_request_at(&self, code: &str, place: Option<&str>) -> Vec<u8> {
        let Self { state, presession } = self;
        let place = place.map_or(String::new(), |place| format!(r#","place":"{place}""#));
        let body = format!(r#"{{"authCode":"{code}","state":"{state}"{place}}}"#);
        let length = body.len();
        format!(
            "POST /api/login HTTP/1.1\r\n{USUAL}sec-fetch-site: same-origin\r\norigin: {PUBLIC_URL}\r\nreferer: {PUBLIC_URL}/\r\n\
             cookie: {presession}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

/// The session that a login brought.
pub fn session_of(answer: &Answer<'_>) -> String {
    assert!(logged_in(answer), "{} {}", answer.status, answer.body);
    answer.cookie("__Host-session=").unwrap().to_owned()
}

pub fn logged_in(answer: &Answer<'_>) -> bool {
    answer.status == 200 && answer.body.contains(r#""userId":"zhangsan""#)
}

/// Logs somebody in; the session that they have then.
pub async fn log_in(connection: &mut Connection, code: &str) -> String {
    let entry = Entry::load(connection).await;
    session_of(&connection.ask(&entry.login_request(code)).await)
}

/// Whether an answer is the page with `dd.config` values for this person in it.
pub fn is_signed_page(answer: &Answer<'_>) -> bool {
    let signature =
        answer.body.split_once("signature&#34;:&#34;").and_then(|(_, rest)| rest.split_once('&')).map(|(signature, _)| signature);
    answer.status == 200
        && answer.body.contains("data-user-id=\"zhangsan\"")
        && signature.is_some_and(|hex| hex.len() == 40 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
