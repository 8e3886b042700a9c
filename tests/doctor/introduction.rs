//! Who may ask the server to introduce itself.

use std::time::Duration;

use dingtalk_h5::dingtalk::Clock;
use dingtalk_h5::web::SessionKeys;
use dingtalk_h5::web::introduction::{HEADER, Question};
use reqwest::Response;

use crate::support::{TestApp, between, http_client, session_key};

async fn ask(app: &TestApp, path: &str, header: &str) -> Response {
    http_client().get(format!("{}{path}", app.url)).header(HEADER, header).send().await.unwrap()
}

/// What a client sees of a response, without the values that are new in each.
async fn seen(answer: Response) -> (u16, Vec<String>, String) {
    let mut names: Vec<_> = answer.headers().keys().map(ToString::to_string).collect();
    names.sort();
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    let (status, id, policy) = (answer.status().as_u16(), header("x-request-id"), header("content-security-policy"));
    let nonce = between(&policy, "nonce-", "'").unwrap();
    (status, names, answer.text().await.unwrap().replace(&id, "").replace(nonce, ""))
}

#[tokio::test]
async fn a_server_proves_to_be_itself_once_for_each_question_and_tells_how_the_request_came_in() {
    let app = TestApp::start().await;
    let question = Question::new(&app.settings.web.session_keys, &app.hands.clock());
    let answer = ask(&app, "/x%2Fy?z=+", &question.header).await;
    let proof = answer.headers()[HEADER].to_str().unwrap().to_owned();
    let body = answer.bytes().await.unwrap();
    let introduction = question.believe(Some(&proof), &body).unwrap();
    assert_eq!((introduction.target.as_str(), introduction.client.as_str()), ("/x%2Fy?z=+", "127.0.0.1"));
    assert!(question.believe(Some(&proof), b"{}").is_none() && question.believe(None, &body).is_none());
    let another = Question::new(&app.settings.web.session_keys, &Clock::system());
    assert!(another.believe(Some(&proof), &body).is_none(), "a proof is for one question");
    assert_eq!(ask(&app, "/x%2Fy?z=+", &question.header).await.status(), 404);
}

#[tokio::test]
async fn to_whoever_has_no_key_or_comes_late_nothing_of_it_exists() {
    let app = TestApp::start().await;
    let clock = app.hands.clock();
    let stranger = Question::new(&SessionKeys::parse(&session_key().into()).unwrap(), &clock).header;
    let late = Question::new(&app.settings.web.session_keys, &clock).header;
    let forged = late.replacen('1', "2", 1);
    app.hands.advance(Duration::from_secs(61));
    let unknown = http_client().get(format!("{}/no-such-page", app.url)).send().await.unwrap();
    let unknown = seen(unknown).await;
    assert_eq!(unknown.0, 404);
    for header in [stranger.as_str(), &late, &forged, "", "a.b.c", "1.2.3.4", "\u{7f}"] {
        let Ok(request) = http_client().get(format!("{}/no-such-page", app.url)).header(HEADER, header).build() else { continue };
        assert_eq!(seen(http_client().execute(request).await.unwrap()).await, unknown, "{header}");
    }
}
