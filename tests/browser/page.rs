//! What somebody does and sees in a page.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thirtyfour::By;

use super::chromium::Chromium;

/// Only ends a test that has failed: the pages' own time-outs are shorter.
const PATIENCE: Duration = Duration::from_secs(30);

impl Chromium {
    /// Opens an address as the workbench or a chat does, not from a page of the app.
    pub async fn open(&self, url: &str) {
        self.driver.goto(url).await.unwrap();
    }

    /// Goes to an address from the page that is open.
    pub async fn go(&self, url: &str) {
        self.run("setTimeout(url => location.assign(url), 0, arguments[0])", &[url]).await;
    }

    /// Runs `script` in every document from now on, before the document's own scripts.
    pub async fn on_every_document(&self, script: &str) {
        let cdp = self.driver.cdp();
        cdp.page().add_script_to_evaluate_on_new_document(script).await.unwrap();
    }

    /// From now on the client answers every request for an authCode with the promise that `expression` makes.
    pub async fn is_answered(&self, expression: &str) {
        let answer = "{ let library;
            Object.defineProperty(window, 'dd', { configurable: true, get: () => library, set: (dd) => {
                library = dd;
                dd.runtime.permission.requestAuthCode = () => ANSWER;
            } }); }";
        self.on_every_document(&answer.replace("ANSWER", expression)).await;
    }

    /// Runs `script` as the body of a function with these `arguments`, and returns its value.
    pub async fn run(&self, script: &str, arguments: &[&str]) -> Value {
        let arguments: Vec<Value> = arguments.iter().map(|argument| json!(argument)).collect();
        let answer = self.driver.execute(script, arguments).await.unwrap();
        answer.json().clone()
    }

    /// Waits for the promise that `expression` makes. Returns what it resolves to, or `{ rejected: reason }`.
    pub async fn resolve(&self, expression: &str) -> Value {
        let script = format!("const done = arguments[0]; ({expression}).then(done, (said) => done({{ rejected: said }}));");
        self.driver.execute_async(script, Vec::new()).await.unwrap().json().clone()
    }

    /// What the promise that `expression` makes is rejected with, in a page that reloads at that moment. The reason is stored in
    /// sessionStorage: a driver that waits for a promise while its document is replaced runs the script again in the next document.
    pub async fn rejected_on_leaving(&self, expression: &str) -> Value {
        let keep = "(said) => sessionStorage.setItem('rejected', JSON.stringify(said))";
        self.run(&format!("({expression}).catch({keep});"), &[]).await;
        self.until("it was rejected", "return JSON.parse(sessionStorage.getItem('rejected'))", &[]).await
    }

    /// Waits until `script` returns something true, in whatever document is open by then.
    pub async fn until(&self, what: &str, script: &str, arguments: &[&str]) -> Value {
        let arguments: Vec<Value> = arguments.iter().map(|argument| json!(argument)).collect();
        let gives_up = Instant::now() + PATIENCE;
        while Instant::now() < gives_up {
            // While one document is being replaced by the next, scripts fail.
            if let Ok(answer) = self.driver.execute(script, arguments.clone()).await
                && ![Value::Null, json!(false), json!("")].contains(answer.json())
            {
                return answer.json().clone();
            }
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
        panic!("{what}: not so in {}\nlog: {:#?}", self.text().await, self.log().await);
    }

    /// Waits until this element is visible, and returns its text.
    pub async fn shown(&self, selector: &str) -> String {
        let script = "const shown = document.querySelector(arguments[0]);
            return Boolean(shown) && shown.getClientRects().length > 0 && [shown.textContent.trim()];";
        let text = self.until(&format!("{selector} is visible"), script, &[selector]).await;
        text[0].as_str().unwrap().to_owned()
    }

    /// Waits until this element is visible with exactly this text.
    pub async fn sees(&self, selector: &str, text: &str) {
        let script = "const shown = document.querySelector(arguments[0]);
            return Boolean(shown) && shown.getClientRects().length > 0 && shown.textContent.trim() === arguments[1];";
        self.until(&format!("{selector} says {text:?}"), script, &[selector, text]).await;
    }

    /// Waits until this element can be clicked, and clicks it.
    pub async fn click(&self, selector: &str) {
        let script = "const shown = document.querySelector(arguments[0]);
            return Boolean(shown) && shown.getClientRects().length > 0 && !shown.disabled;";
        self.until(&format!("{selector} can be clicked"), script, &[selector]).await;
        self.driver.find(By::Css(selector)).await.unwrap().click().await.unwrap();
    }

    /// Clicks "Try again" on a page that shows trouble. The text is emptied first, so that a text that is seen afterwards is new.
    pub async fn tries_again(&self) {
        self.run("document.querySelector('#trouble-text').textContent = ''", &[]).await;
        self.click("#retry").await;
    }

    /// All that can be read in the page.
    pub async fn text(&self) -> String {
        let text = self.run("return document.body.innerText", &[]).await;
        text.as_str().unwrap().to_owned()
    }

    /// The address as the page itself sees it.
    pub async fn href(&self) -> String {
        let href = self.run("return location.href", &[]).await;
        href.as_str().unwrap().to_owned()
    }
}
