//! For eyes that need contrast, for keyboards, and for screen readers.

use std::fs;

use serde_json::{Value, json};

use super::chromium::Chromium;
use super::faces::{self, Face, Plumbing, Reader};
use crate::npm;
use crate::support::TestApp;

/// All of axe's rules, its experimental ones too, about everything but what other people's documents are about.
const LOOK: &str = "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then(
    ({ violations }) => violations.map(({ id, help, nodes }) => [id, help, nodes.map((node) => [node.html, node.failureSummary])]))";

/// In which language and which scheme the page is.
const LOOKED_AT: &str = "return [document.documentElement.lang.slice(0, 2),
    getComputedStyle(document.documentElement).backgroundColor === 'rgb(16, 17, 19)' ? 'dark' : 'light']";

fn axe() -> String {
    fs::read_to_string(npm::tools().join("node_modules/axe-core/axe.min.js")).unwrap()
}

impl Chromium {
    async fn violations(&self, axe: &str) -> Value {
        self.run(axe, &[]).await;
        self.resolve(LOOK).await
    }
}

pub async fn axe_finds_nothing(app: &TestApp, faces: &[impl Face], readers: &[Reader]) {
    let axe = axe();
    let chromium = Chromium::start().await;
    chromium.is_wide(375).await;
    let mut found = Vec::new();
    for reader in readers {
        chromium.is_read_by(*reader).await;
        for face in faces {
            face.show(app, &chromium).await;
            assert_eq!(chromium.run(LOOKED_AT, &[]).await, json!([reader.language[..2], reader.scheme]), "{face:?}");
            let violations = chromium.violations(&axe).await;
            if violations != json!([]) {
                found.push(format!("{face:?} for {reader:?}: {violations:#}"));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    chromium.finish().await;
}

#[tokio::test]
async fn axe_finds_nothing_in_any_face_in_english() {
    axe_finds_nothing(&faces::app().await, &Plumbing::ALL, &Reader::ALL[..2]).await;
}

#[tokio::test]
async fn axe_finds_nothing_in_any_face_in_chinese() {
    axe_finds_nothing(&faces::app().await, &Plumbing::ALL, &Reader::ALL[2..]).await;
}

#[tokio::test]
async fn axe_finds_what_is_wrong() {
    let app = faces::app().await;
    let chromium = Chromium::start().await;
    Plumbing::SignedOut.show(&app, &chromium).await;
    let spoil = "document.querySelector('main a').textContent = ''; document.querySelector('main p').className = 'button-quiet';
        document.querySelector('main').appendChild(document.createElement('input'))";
    chromium.run(spoil, &[]).await;
    let violations = chromium.violations(&axe()).await.to_string();
    assert!(violations.contains("link-name") && violations.contains("label"), "{violations}");
    chromium.finish().await;
}

/// Everything that a finger can press, in the order of the page.
const CONTROLS: &str = "return [...document.querySelectorAll('a[href], button, input, pre[tabindex], textarea')]
    .filter((control) => control.getClientRects().length > 0 && !control.disabled).length";
const FOCUSED: &str = "const focused = document.activeElement;
    if (!window.reached) window.reached = new Set();
    if (focused !== document.body && getComputedStyle(focused).outlineStyle !== 'none') reached.add(focused);
    return reached.size";

#[tokio::test]
async fn a_keyboard_reaches_every_control_and_shows_where_it_is() {
    let faces = [Plumbing::Home, Plumbing::OpenInDingtalk, Plumbing::Refused, Plumbing::ClinicReport];
    are_reached_by_keyboard(&faces::app().await, &faces).await;
}

pub async fn are_reached_by_keyboard(app: &TestApp, faces: &[impl Face]) {
    let chromium = Chromium::start().await;
    for face in faces {
        face.show(app, &chromium).await;
        let controls = chromium.run(CONTROLS, &[]).await.as_u64().unwrap();
        assert!(controls > 0);
        let mut reached = 0;
        for _ in 0..=controls + 1 {
            let tab = json!({ "type": "keyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9 });
            chromium.driver.cdp().send_raw("Input.dispatchKeyEvent", tab).await.unwrap();
            reached = chromium.run(FOCUSED, &[]).await.as_u64().unwrap();
        }
        assert_eq!(reached, controls, "{face:?}");
    }
    chromium.finish().await;
}
