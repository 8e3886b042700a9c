//! What a page tells our server when DingTalk's client refuses something.

use dingtalk_simulator::Answers;
use serde_json::{Value, json};

use super::AUTH_CODE;
use super::chromium::Chromium;
use crate::support::{TestApp, with_another_agent};

/// Stores all reports that pages send in sessionStorage, across navigations.
const LISTEN: &str = "const send = window.fetch;
    window.fetch = (path, init) => {
        const reports = JSON.parse(sessionStorage.getItem('reports') || '[]');
        if (path === '/api/jsapi/report') sessionStorage.setItem('reports', JSON.stringify(reports.concat(JSON.parse(init.body))));
        return send(path, init);
    };";

impl Chromium {
    async fn reports(&self) -> Value {
        self.run("return JSON.parse(sessionStorage.getItem('reports') || '[]')", &[]).await
    }
}

/// An app with a wrong AgentId: every client refuses the `dd.config` of its pages.
async fn app_of_another_agent() -> TestApp {
    TestApp::start_with(with_another_agent).await
}

#[tokio::test]
async fn a_page_that_configures_reports_its_refusal_once_and_hears_the_explanation() {
    let app = app_of_another_agent().await;
    let chromium = Chromium::start().await;
    chromium.on_every_document(LISTEN).await;
    chromium.open(&format!("{}/jsapi?q=%E4%B8%AD#part", app.url)).await;
    chromium.shown("#config-state[data-state='refused']").await;
    let again = "Promise.all([1, 2].map(() => {
        const values = JSON.parse(document.querySelector('[data-jsapi]').dataset.jsapi);
        return h5.client.configure(values).then(() => 'accepted', (failure) => [failure.kind, failure.explanation]);
    }))";
    let told = chromium.resolve(again).await;
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0][0], "refused");
    assert!(told[0][1].as_str().unwrap().contains("DINGTALK_AGENT_ID"), "{told}");

    let reports = chromium.reports().await;
    let values = "return JSON.parse(document.querySelector('[data-jsapi]').dataset.jsapi)";
    let values = chromium.run(values, &[]).await;
    let page = format!("{}/jsapi?q=%E4%B8%AD", app.url);
    let said = reports[0]["text"].as_str().unwrap();
    assert!(said.contains("52019"), "{said}");
    let signed = json!({
        "url": page, "nonceStr": values["nonceStr"], "timeStamp": values["timeStamp"], "signature": values["signature"],
    });
    assert_eq!(reports, json!([{ "code": "3", "text": said, "url": page, "signed": signed }]));
    chromium.finish().await;
}

/// Makes the page's signature invalid and, where the fragment is `#moved`, changes the address after it was signed.
const SPOIL: &str = "document.addEventListener('readystatechange', () => {
    const page = document.querySelector('[data-jsapi]');
    if (!page || document.readyState !== 'interactive') return;
    page.dataset.jsapi = page.dataset.jsapi.replace(/\"signature\":\"..../, '\"signature\":\"0000');
    if (location.hash === '#moved') history.replaceState(null, '', '/jsapi?moved');
})";

/// An app, and a browser in which its pages have an invalid signature, which the client refuses.
async fn that_is_refused() -> (TestApp, Chromium) {
    let (app, chromium) = (TestApp::start().await, Chromium::start().await);
    for script in [LISTEN, SPOIL] {
        chromium.on_every_document(script).await;
    }
    (app, chromium)
}

#[tokio::test]
async fn of_the_longest_address_a_page_reports_what_it_can_and_no_cause_that_it_cannot_know() {
    let (app, chromium) = that_is_refused().await;
    let page = format!("{}/jsapi?q=", app.url);
    let page = format!("{page}{}", "1".repeat(2048 - page.len()));
    chromium.open(&page).await;
    chromium.shown("#config-state[data-state='refused']").await;
    let configure = "h5.client.configure({}).catch((failure) => failure.explanation)";
    let told = chromium.resolve(configure).await;
    assert!(told.as_str().unwrap().contains("still possible"), "{told}");
    let report = &chromium.reports().await[0];
    let text = report["text"].as_str().unwrap();
    assert!(text.chars().count() == 601 && text.contains("url:[") && text.ends_with("1…"), "{text}");
    assert_eq!((&report["url"], &report["signed"]["url"]), (&json!(page), &json!(null)));
    chromium.finish().await;
}

#[tokio::test]
async fn a_page_that_has_changed_its_address_reports_both() {
    let (app, chromium) = that_is_refused().await;
    chromium.open(&app.url).await;
    chromium.sees("#user-name", "张三").await;
    chromium.go(&format!("{}/jsapi#moved", app.url)).await;
    chromium.shown("#config-state[data-state='refused']").await;
    let report = &chromium.reports().await[0];
    let addresses = ["/jsapi?moved", "/jsapi"].map(|path| json!(format!("{}{path}", app.url)));
    assert_eq!([&report["url"], &report["signed"]["url"]], addresses.each_ref());
    chromium.finish().await;
}

#[tokio::test]
async fn the_clinic_which_is_refused_on_purpose_reports_nothing() {
    let app = TestApp::start_with(|settings| settings.web.signature_clinic = true).await;
    let chromium = Chromium::start().await;
    chromium.on_every_document(LISTEN).await;
    chromium.open(&format!("{}/clinic", app.url)).await;
    chromium.click("#clinic-start").await;
    chromium.shown("#clinic-results").await;
    let report = "return document.querySelector('#clinic-report').value";
    let report = chromium.run(report, &[]).await;
    assert!(report.as_str().unwrap().contains("refused  "), "{report}");
    assert_eq!(chromium.reports().await, json!([]));
    chromium.finish().await;
}

#[tokio::test]
async fn a_refused_auth_code_is_reported_once_with_the_login_that_it_was_for() {
    let app = TestApp::start().await;
    app.dingtalk.client(Answers::Refuses, false);
    let chromium = Chromium::start().await;
    chromium.on_every_document(LISTEN).await;
    chromium.open(&format!("{}/profile?q=a#part", app.url)).await;
    chromium.sees("#trouble-text", "DingTalk refused the request.").await;
    chromium.click("#retry").await;
    chromium.sees("#trouble-text", "DingTalk refused the request.").await;
    assert_eq!(app.dingtalk.calls(AUTH_CODE), 2);

    let reports = chromium.reports().await;
    let state = chromium.run("return document.querySelector('#entry').dataset.state", &[]).await;
    let said = chromium.run("return document.querySelector('#trouble-said').textContent", &[]).await;
    let text = reports[0]["text"].as_str().unwrap();
    assert!(said.as_str().unwrap().ends_with(text), "{said}");
    let page = format!("{}/profile?q=a", app.url);
    assert_eq!(reports, json!([{ "call": "requestAuthCode", "code": "3", "text": text, "url": page, "state": state }]));
    chromium.finish().await;
}

/// Some PC clients answer with the code for "cancelled" whatever goes wrong. requestAuthCode asks nobody, so nobody can cancel it.
#[tokio::test]
async fn an_auth_code_that_is_said_to_be_cancelled_is_a_refusal_and_is_reported() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    chromium.on_every_document(LISTEN).await;
    let cancels = "const ask = window.fetch;
        const cancelled = () => Promise.resolve(new Response('{\"errorCode\":\"-1\",\"errorMessage\":\"no bridge\"}'));
        window.fetch = (path, init) => (/client.authcode/.test(path) ? cancelled() : ask(path, init));";
    chromium.on_every_document(cancels).await;
    chromium.open(&app.url).await;
    chromium.sees("#trouble-text", "DingTalk refused the request.").await;
    chromium.sees("#trouble-said", "DingTalk said: no bridge").await;
    let report = &chromium.reports().await[0];
    assert_eq!(
        (&report["call"], &report["code"], &report["text"]),
        (&json!("requestAuthCode"), &json!("-1"), &json!("no bridge"))
    );
    chromium.finish().await;
}

/// The same of `dd.config`, which asks nobody either.
#[tokio::test]
async fn a_configuration_that_is_said_to_be_cancelled_is_a_refusal_and_is_reported() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    chromium.on_every_document(LISTEN).await;
    let cancels = "let library;
        Object.defineProperty(window, 'dd', { get: () => library, set: (dd) => {
            library = dd;
            dd.config = () => {};
            dd.error = (tell) => tell({ errorCode: '-1', errorMessage: 'unknown error' });
        } });";
    chromium.on_every_document(cancels).await;
    chromium.open(&format!("{}/jsapi", app.url)).await;
    chromium.shown("#config-state[data-state='refused']").await;
    let kind = chromium.resolve("h5.client.configure({}).catch((failure) => failure.kind)").await;
    let report = &chromium.reports().await[0];
    assert_eq!((kind, &report["code"], &report["text"]), (json!("refused"), &json!("-1"), &json!("unknown error")));
    chromium.finish().await;
}

#[tokio::test]
async fn whatever_the_client_says_its_report_arrives() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    let answers = "const ask = window.fetch;
        window.fetch = (path, init) => ask(path, init).then((answer) => {
            if (path === '/api/jsapi/report') window.answered = answer.status;
            return answer;
        });";
    chromium.on_every_document(answers).await;
    for error in [
        "{ errorCode: '3', errorMessage: 'half a character: \\ud83d' }",
        "{ errorCode: '3', errorMessage: '\\0'.repeat(600) }",
        "{ errorCode: '3', errorMessage: '权'.repeat(8000) }",
        "{ errorCode: 'x'.repeat(5000), errorMessage: 'x' }",
        "{ errorCode: '\\ud83d' }",
    ] {
        chromium.is_answered(&format!("Promise.reject({error})")).await;
        chromium.open(&app.url).await;
        chromium.sees("#trouble-text", "DingTalk refused the request.").await;
        let status = chromium.until("the report is answered", "return window.answered", &[]).await;
        assert_eq!(status, json!(200), "{error}");
    }
    chromium.finish().await;
}

#[tokio::test]
async fn a_report_that_is_lost_changes_nothing_for_the_reader() {
    for fate in [
        "Promise.reject(new TypeError('no network'))",
        "new Promise(() => {})",
        "Promise.resolve(new Response('no JSON', { status: 200 }))",
        "Promise.resolve(new Response('{}', { status: 429 }))",
    ] {
        let lose = format!(
            "const send = window.fetch;
            window.fetch = (path, init) => (path === '/api/jsapi/report' ? {fate} : send(path, init));"
        );
        let app = app_of_another_agent().await;
        let chromium = Chromium::start().await;
        chromium.on_every_document(&lose).await;
        chromium.open(&format!("{}/jsapi", app.url)).await;
        chromium.shown("#config-state[data-state='refused']").await;
        let reason = chromium.shown("#config-reason").await;
        assert!(reason.contains("52019") && !reason.contains("undefined"), "{fate}: {reason}");

        app.dingtalk.client(Answers::Refuses, false);
        chromium.driver.delete_all_cookies().await.unwrap();
        chromium.open(&app.url).await;
        chromium.sees("#trouble-text", "DingTalk refused the request.").await;
        chromium.finish().await;
    }
}

#[tokio::test]
async fn what_is_no_refusal_is_not_reported() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    chromium.on_every_document(LISTEN).await;
    chromium.open(&app.url).await;
    chromium.sees("#user-name", "张三").await;
    let report = "Promise.all(['timeout', 'cancelled', 'outside', 'no_library', 'network', 'problem'].map((kind) => {
        const failure = { kind, code: '1', text: 'x' };
        h5.report.refusedAuthCode(failure, 'state');
        return h5.report.refusedConfig(failure, {});
    }))";
    chromium.resolve(report).await;
    assert_eq!(chromium.reports().await, json!([]));
    chromium.finish().await;
}
