//! For eyes that need contrast, for keyboards, and for screen readers.

use std::fs;

use serde_json::{Value, json};

use super::chromium::Chromium;
use super::faces::{self, Face, Plumbing, Reader};
use crate::npm;
use crate::support::TestApp;

/// axe's rules for levels A and AA and for good practice, its experimental ones too.
const LOOK: &str = "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice', 'experimental'] }).then(
    ({ violations }) => violations.map(({ id, help, nodes }) => [id, help, nodes.map((node) => [node.html, node.failureSummary])]))";

/// The language and the colour scheme of the page.
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
        document.querySelector('main').append(document.createElement('input'), document.createElement('button'));
        document.querySelector('main button').textContent = 'Book';
        document.querySelector('main button').ariaLabel = 'Other'";
    chromium.run(spoil, &[]).await;
    let violations = chromium.violations(&axe()).await.to_string();
    // The last of these rules is experimental.
    for rule in ["link-name", "\"label\"", "label-content-name-mismatch"] {
        assert!(violations.contains(rule), "{rule} is not among {violations}");
    }
    chromium.finish().await;
}

/// What the entry page shows by itself and a screen reader does not say.
const UNSAID: &str = "return [...document.querySelectorAll('#entry h1, #entry p')]
    .filter((text) => text.offsetParent && !text.closest('[role=status], [role=alert]')).map((text) => text.outerHTML)";

#[tokio::test]
async fn a_screen_reader_says_whatever_the_entry_page_comes_to_show() {
    let app = faces::app().await;
    let chromium = Chromium::start().await;
    for face in [Plumbing::SigningIn, Plumbing::Queued, Plumbing::OpenInDingtalk, Plumbing::Refused, Plumbing::WrongAddress] {
        face.show(&app, &chromium).await;
        assert_eq!(chromium.run(UNSAID, &[]).await, json!([]), "{face:?}");
    }
    chromium.finish().await;
}

/// How many visible controls a keyboard has to reach. Arrow keys move among radio buttons of one name, so those count as one.
const CONTROLS: &str = "return [...document.querySelectorAll('a[href], button, input, select, summary, textarea, [tabindex]')]
    .filter((control) => control.getClientRects().length > 0 && !control.matches(':disabled, [tabindex=\"-1\"]'))
    .filter((control) => control.type !== 'radio'
        || (control.form || document).querySelector(`input[type=radio][name='${control.name}']`) === control).length";
/// How many controls have had the focus with a visible outline so far, and whether the focus has left the page.
const FOCUSED: &str = "const focused = document.activeElement;
    if (!window.reached) window.reached = new Set();
    if (focused !== document.body && getComputedStyle(focused).outlineStyle !== 'none') reached.add(focused);
    return [reached.size, focused === document.body]";
/// More presses of Tab than any control takes: a date, for example, takes several.
const STOPS: u64 = 10;

#[tokio::test]
async fn a_keyboard_reaches_every_control_and_shows_where_it_is() {
    let faces = [Plumbing::Home, Plumbing::OpenInDingtalk, Plumbing::Refused, Plumbing::ClinicReport];
    are_reached_by_keyboard(&faces::app().await, &faces).await;
}

pub async fn are_reached_by_keyboard(app: &TestApp, faces: &[impl Face]) {
    let chromium = Chromium::start().await;
    for face in faces {
        face.show(app, &chromium).await;
        let (controls, reached) = chromium.tabs_through().await;
        assert!(controls > 0);
        assert_eq!(reached, controls, "{face:?}");
    }
    chromium.finish().await;
}

impl Chromium {
    /// How many controls the page has, and how many the keyboard reaches.
    async fn tabs_through(&self) -> (u64, u64) {
        let controls = self.run(CONTROLS, &[]).await.as_u64().unwrap();
        let (mut reached, mut ends) = (0, 0);
        for _ in 0..2 * controls * STOPS {
            let tab = json!({ "type": "keyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9 });
            self.driver.cdp().send_raw("Input.dispatchKeyEvent", tab).await.unwrap();
            let focused = self.run(FOCUSED, &[]).await;
            reached = focused[0].as_u64().unwrap();
            ends += u8::from(focused[1] == true);
            // The first round may have begun in the middle of the page.
            if ends == 2 {
                break;
            }
        }
        (controls, reached)
    }
}

/// A form with everything that forms have.
const FORM: &str = "document.querySelector('main').innerHTML = `<form>
    <label>Where <select class='field' name='room'><option>301</option><option>302</option></select></label>
    <label>When <input class='field' type='datetime-local' name='starts'></label>
    <label>Day <input class='field' type='date' name='day'></label>
    <label>Why <textarea class='field' name='why'></textarea></label>
    <label>What <input class='field' type='file' name='what'></label>
    <label><input type='radio' name='how' value='a'> By day</label>
    <label><input type='radio' name='how' value='b' checked> By night</label>
    <label><input type='checkbox' name='sure'> Sure</label>
    <input type='hidden' name='which'><input class='field' disabled aria-label='Closed'>
    <button class='button'>Book</button></form>`";

#[tokio::test]
async fn the_controls_of_any_form_are_counted_and_reached_and_one_that_hides_is_missed() {
    let app = faces::app().await;
    let chromium = Chromium::start().await;
    Plumbing::SignedOut.show(&app, &chromium).await;
    let others = chromium.tabs_through().await.0;
    for (spoil, missed) in
        [("", 0), ("document.querySelector('select').addEventListener('focus', (event) => event.target.blur())", 1)]
    {
        Plumbing::SignedOut.show(&app, &chromium).await;
        chromium.run(&format!("{FORM}; {spoil}"), &[]).await;
        let (controls, reached) = chromium.tabs_through().await;
        assert_eq!((controls, controls - reached), (others - 1 + 8, missed), "{spoil}");
    }
    chromium.finish().await;
}
