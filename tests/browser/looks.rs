//! Phone, PC panel and desktop; light and dark; motion.

use serde_json::json;

use super::chromium::Chromium;
use super::faces::{self, Face, Plumbing, Reader};
use crate::support::TestApp;

const TOO_WIDE: &str = "const wide = document.scrollingElement.scrollWidth - innerWidth;
    return wide > 0 ? [...document.querySelectorAll('body *')].filter((part) => part.getBoundingClientRect().right > innerWidth + 1)
        .map((part) => part.outerHTML.slice(0, 100)).concat(wide) : []";

/// The controls that are too small for a finger: not 44 px high and wide. Links within a sentence may be smaller. A checkbox or a radio
/// button counts with its label.
const TOO_SMALL: &str =
    "return [...document.querySelectorAll('button, .button, .tile, .nav a, .brand, input, select, summary, textarea')]
    .map((control) => (/checkbox|radio/.test(control.type) && control.closest('label')) || control)
    .filter((control) => control.getClientRects().length > 0)
    .filter((control) => control.getBoundingClientRect().height < 44 || control.getBoundingClientRect().width < 44)
    .map((control) => control.outerHTML.slice(0, 100))";

#[tokio::test]
async fn no_face_is_wider_than_its_window_and_fingers_hit_every_control() {
    fit_their_windows(&faces::app().await, &Plumbing::ALL).await;
}

/// Checks that every face fits windows from the smallest phone's to a desktop's.
pub async fn fit_their_windows(app: &TestApp, faces: &[impl Face]) {
    let chromium = Chromium::start().await;
    for reader in [Reader::ALL[0], Reader::ALL[2]] {
        chromium.is_read_by(reader).await;
        for face in faces {
            chromium.is_wide(320).await;
            face.show(app, &chromium).await;
            chromium.fits(&format!("{face:?} for {reader:?}")).await;
        }
    }
    chromium.finish().await;
}

impl Chromium {
    /// Checks at all widths that the page is no wider than the window, and that a finger can hit every control.
    pub async fn fits(&self, page: &str) {
        for width in [320, 375, 400, 1280] {
            self.is_wide(width).await;
            assert_eq!(self.run(TOO_WIDE, &[]).await, json!([]), "{page} at {width}");
            assert_eq!(self.run(TOO_SMALL, &[]).await, json!([]), "{page} at {width}");
        }
    }
}

#[tokio::test]
async fn fields_are_large_enough_for_a_finger_and_bare_ones_are_not() {
    let app = faces::app().await;
    let chromium = Chromium::start().await;
    chromium.is_wide(320).await;
    Plumbing::SignedOut.show(&app, &chromium).await;
    for (class, too_small) in [("field", 0), ("", 4)] {
        let form = format!(
            "document.querySelector('main').innerHTML = `<form class='card'><input class='{class}'><input class='{class}' type='file'>
                <input class='{class}' type='datetime-local'><select class='{class}'><option>301</option></select></form>`"
        );
        chromium.run(&form, &[]).await;
        assert_eq!(chromium.run(TOO_SMALL, &[]).await.as_array().unwrap().len(), too_small, "{class:?}");
        assert_eq!(chromium.run(TOO_WIDE, &[]).await, json!([]), "{class:?}");
    }
    chromium.finish().await;
}

/// Gives the navigation `arguments[0]` entries, named as a fork's may be.
const NAVIGATION: &str = "const nav = document.querySelector('.nav');
    const names = document.documentElement.lang === 'en'
        ? ['Home', 'Profile', 'JSAPI', 'Orders', 'Approvals', 'Calendar', 'Reports', 'Settings', 'Help', 'About us']
        : ['首页', '我的资料', 'JSAPI', '订单', '审批', '日历', '报表', '设置', '帮助', '关于我们'];
    nav.textContent = '';
    names.slice(0, Number(arguments[0])).forEach((name, at) => {
        const link = document.createElement('a');
        link.href = '/' + at;
        link.textContent = name;
        if (at === 1) link.setAttribute('aria-current', 'page');
        nav.appendChild(link);
    });";

/// The app's name if it is cut off, and the links of the header that are outside the window or covered.
const HIDDEN: &str = "const name = document.querySelector('.brand-name');
    const cut = name.scrollWidth > name.clientWidth ? [name.textContent] : [];
    return cut.concat([...document.querySelectorAll('.brand, .nav a')].filter((link) => {
        const { left, right, top, bottom } = link.getBoundingClientRect();
        return left < 0 || right > innerWidth || document.elementFromPoint((left + right) / 2, (top + bottom) / 2).closest('a') !== link;
    }).map((link) => link.outerHTML))";

#[tokio::test]
async fn the_navigation_takes_as_many_entries_as_there_are_and_leaves_the_name_whole() {
    let app = faces::app().await;
    let chromium = Chromium::start().await;
    for reader in [Reader::ALL[0], Reader::ALL[2]] {
        chromium.is_read_by(reader).await;
        Plumbing::Home.show(&app, &chromium).await;
        for entries in ["3", "6", "10"] {
            chromium.run(NAVIGATION, &[entries]).await;
            for width in [320, 375, 400, 1280] {
                chromium.is_wide(width).await;
                let said = format!("{entries} entries for {reader:?} at {width}");
                for fault in [TOO_WIDE, TOO_SMALL, HIDDEN] {
                    assert_eq!(chromium.run(fault, &[]).await, json!([]), "{said}");
                }
            }
        }
    }
    chromium.finish().await;
}

/// The texts and controls that lie under a notch, a rounded corner or the home bar, with the insets of `stay_clear_of_insets`.
const UNDER_AN_INSET: &str = "scrollTo(0, document.scrollingElement.scrollHeight);
    return [...document.querySelectorAll('h1, h2, p, dd, button, a, input, select, textarea')].filter((part) => part.getClientRects().length > 0)
        .filter((part) => { const { left, right } = part.getBoundingClientRect(); return left < 44 || right > innerWidth - 44; })
        .map((part) => part.outerHTML.slice(0, 100))
        .concat([...document.querySelectorAll('main > *')].filter((part) => part.getBoundingClientRect().bottom > innerHeight - 34)
            .map((part) => part.outerHTML.slice(0, 100)))";

#[tokio::test]
async fn nothing_lies_under_a_notch_or_the_home_bar() {
    stay_clear_of_insets(&faces::app().await, &Plumbing::ALL).await;
}

pub async fn stay_clear_of_insets(app: &TestApp, faces: &[impl Face]) {
    let chromium = Chromium::start().await;
    for face in faces {
        chromium.is_sized(800, 375).await;
        face.show(app, &chromium).await;
        let insets = json!({ "insets": { "top": 0, "left": 44, "right": 44, "bottom": 34 } });
        let cdp = chromium.driver.cdp();
        cdp.send_raw("Emulation.setSafeAreaInsetsOverride", insets).await.unwrap();
        let bar = "return getComputedStyle(document.querySelector('.bar')).paddingLeft";
        assert_eq!(chromium.run(bar, &[]).await, "60px", "the insets are in force");
        assert_eq!(chromium.run(UNDER_AN_INSET, &[]).await, json!([]), "{face:?}");
    }
    chromium.finish().await;
}

const GROUND: &str = "return getComputedStyle(document.documentElement).backgroundColor";

#[tokio::test]
async fn the_page_is_dark_when_the_device_is_unless_the_client_says_otherwise() {
    const LIGHT: &str = "rgb(242, 242, 246)";
    const DARK: &str = "rgb(16, 17, 19)";
    let app = faces::app().await;
    let chromium = Chromium::start().await;
    for (device, mark, ground) in
        [("light", "", LIGHT), ("dark", "", DARK), ("light", "colorScheme/dark", DARK), ("dark", "colorScheme/light", LIGHT)]
    {
        chromium.prefers("prefers-color-scheme", device).await;
        chromium.has_marks(mark).await;
        for face in [Plumbing::Home, Plumbing::OpenInDingtalk, Plumbing::NotFound] {
            face.show(&app, &chromium).await;
            assert_eq!(chromium.run(GROUND, &[]).await, json!(ground), "{face:?}, {device} device, {mark:?}");
        }
    }
    chromium.finish().await;
}

/// How long a turn of the spinner takes, and whether anything else moves.
const MOTION: &str = "const turn = getComputedStyle(document.querySelector('.spinner')).animationDuration;
    return [turn, getComputedStyle(document.querySelector('.signing-in')).animationName]";

#[tokio::test]
async fn whoever_wants_less_motion_gets_less() {
    let app = faces::app().await;
    let chromium = Chromium::start().await;
    for (wanted, motion) in [("no-preference", json!(["0.8s", "appear"])), ("reduce", json!(["4s", "none"]))] {
        chromium.prefers("prefers-reduced-motion", wanted).await;
        Plumbing::SigningIn.show(&app, &chromium).await;
        assert_eq!(chromium.run(MOTION, &[]).await, motion);
    }
    chromium.finish().await;
}

/// The system's colours stand in for all of the page's, so that only borders show where a button is.
#[tokio::test]
async fn buttons_have_an_edge_in_forced_colours() {
    let app = faces::app().await;
    let chromium = Chromium::start().await;
    chromium.prefers("forced-colors", "active").await;
    for face in [Plumbing::Home, Plumbing::SignedOut] {
        face.show(&app, &chromium).await;
        let edges = "return [...document.querySelectorAll('.button')].map((button) => getComputedStyle(button).borderStyle)";
        let edges = chromium.run(edges, &[]).await;
        let edges = edges.as_array().unwrap();
        assert!(!edges.is_empty() && edges.iter().all(|edge| edge == "solid"), "{face:?}: {edges:?}");
    }
    chromium.finish().await;
}
