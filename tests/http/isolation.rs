//! Whatever two browsers do in two organisations that have people of the same userId, none is given anything of the other's: no session,
//! name, detail, signature, page.

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestError, TestRunner};
use reqwest::Method;
use serde_json::json;

use super::organisations::{corp_id_of, is_entry_page};
use crate::support::{Answer, Browser, TestApp, between, client_accepts};

const NAMESAKES: [&str; 2] = ["zhangsan", "alice"];

/// Somebody: the organisation, and the person in it.
type Somebody = (usize, usize);

#[derive(Debug, Clone)]
enum Step {
    /// The browser opens a page, from outside or from a page of the app (`within`).
    Open {
        browser: usize,
        path: &'static str,
        named: Named,
        within: bool,
    },
    /// The browser logs in with any state that was ever handed out, and with a fresh authCode or a used one.
    LogIn {
        browser: usize,
        state: Index,
        of: Somebody,
        used: Option<Index>,
        named: Named,
    },
    /// A page in the browser, which shows somebody or nobody, calls an API.
    Ask {
        browser: usize,
        path: &'static str,
        shown: Option<Somebody>,
        named: Named,
    },
    /// The browser gets the other browser's cookies: all, or the one called `only`.
    Steal {
        browser: usize,
        only: Option<&'static str>,
    },
    Wait {
        minutes: u64,
    },
    LogOut {
        browser: usize,
    },
}

/// What an address says about the organisation.
#[derive(Debug, Clone)]
enum Named {
    Nothing,
    Placeholder,
    One(usize),
    GluedTo(usize, usize),
    Both,
}

fn named() -> impl Strategy<Value = Named> {
    let organisation = || 0..2_usize;
    prop_oneof![
        4 => Just(Named::Nothing),
        1 => Just(Named::Placeholder),
        4 => organisation().prop_map(Named::One),
        1 => (organisation(), organisation()).prop_map(|(one, other)| Named::GluedTo(one, other)),
        1 => Just(Named::Both),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let (browser, somebody) = (|| 0..2_usize, || (0..2_usize, 0..2_usize));
    let open = (browser(), select(&["/", "/profile", "/jsapi"][..]), named(), any::<bool>());
    let log_in = (browser(), any::<Index>(), somebody(), proptest::option::weighted(0.1, any::<Index>()), named());
    let ask = (browser(), select(&["/api/me", "/api/jsapi/config"][..]), proptest::option::of(somebody()), named());
    let steal = (browser(), select(&[None, Some("session"), Some("presession")][..]));
    prop_oneof![
        6 => open.prop_map(|(browser, path, named, within)| Step::Open { browser, path, named, within }),
        6 => log_in.prop_map(|(browser, state, of, used, named)| Step::LogIn { browser, state, of, used, named }),
        4 => ask.prop_map(|(browser, path, shown, named)| Step::Ask { browser, path, shown, named }),
        1 => steal.prop_map(|(browser, only)| Step::Steal { browser, only }),
        1 => (1..40_u64).prop_map(|minutes| Step::Wait { minutes }),
        1 => browser().prop_map(|browser| Step::LogOut { browser }),
    ]
}

/// The app, and what the test knows about it from outside.
struct World<'a> {
    app: &'a TestApp,
    corp_ids: [&'static str; 2],
    browsers: [Browser; 2],
    /// Whose session each browser has, if it has one.
    whose: [Option<Somebody>; 2],
    /// Every state that was handed out, with the organisation of the page that it was on.
    states: Vec<(String, usize)>,
    /// Every authCode that was issued, with its person, and whether a login with it has succeeded.
    codes: Vec<(String, Somebody, bool)>,
}

impl World<'_> {
    async fn take(&mut self, step: &Step) {
        match step {
            Step::Open { browser, path, named, within } => {
                let path = format!("{path}?{}", self.query(named));
                let visitor = &mut self.browsers[*browser];
                let page = if *within { visitor.go(&path).await } else { visitor.open(&path).await };
                self.look_at(*browser, &page, named, &path).await;
            }
            Step::LogIn { browser, state, of, used, named } => self.log_in(*browser, *state, *of, *used, named).await,
            Step::Ask { browser, path, shown, named } => self.ask(*browser, path, *shown, named).await,
            Step::Steal { browser, only } => self.steal(*browser, *only),
            Step::Wait { minutes } => self.app.hands.advance(Duration::from_secs(minutes * 60)),
            Step::LogOut { browser } => {
                self.browsers[*browser].log_out().await;
                self.whose[*browser] = None;
            }
        }
    }

    fn query(&self, named: &Named) -> String {
        match named {
            Named::Nothing => "x=y".to_owned(),
            Named::Placeholder => "corpid=%24CORPID%24".to_owned(),
            Named::One(one) => format!("corpid={}", self.corp_ids[*one]),
            Named::GluedTo(one, other) => format!("corpid={}?corpid={}", self.corp_ids[*one], self.corp_ids[*other]),
            Named::Both => format!("corpid={}&corpId={}", self.corp_ids[0], self.corp_ids[1]),
        }
    }

    /// Checks that a page shows nobody, or the person of the browser's session, in the organisation that was asked for.
    async fn look_at(&mut self, browser: usize, page: &Answer, named: &Named, path: &str) {
        if page.status != 200 {
            assert!(self.corp_ids.iter().all(|corp_id| !page.body.contains(&format!("\"corpId\":\"{corp_id}"))), "{}", page.body);
            self.shows_nobody(page);
            return;
        }
        let organisation = self.corp_ids.iter().position(|corp_id| *corp_id == corp_id_of(page)).unwrap();
        if let Named::One(asked) | Named::GluedTo(asked, _) = named {
            assert_eq!(organisation, *asked, "{path}");
        }
        if is_entry_page(page) {
            self.shows_nobody(page);
            self.states.push((crate::support::state_of(&page.body), organisation));
            return;
        }
        let whose = self.whose[browser].unwrap_or_else(|| panic!("nobody has a session, and sees {path}"));
        assert_eq!(whose.0, organisation, "{path}");
        for somebody in [(0, 0), (0, 1), (1, 0), (1, 1)].into_iter().filter(|somebody| *somebody != whose) {
            assert!(!page.body.contains(name(somebody)), "{path} shows {}", name(somebody));
        }
        if let Some(values) = between(&page.body, "data-jsapi=\"", "\"") {
            let values = serde_json::from_str(&values.replace("&#34;", "\"").replace("&#38;", "&")).unwrap();
            self.is_signed_for(organisation, &values, &format!("{}{path}", self.app.url)).await;
        }
    }

    fn shows_nobody(&self, page: &Answer) {
        for somebody in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            assert!(!page.body.contains(name(somebody)), "{}", page.body);
        }
    }

    async fn is_signed_for(&self, organisation: usize, values: &serde_json::Value, url: &str) {
        let corp_id = self.corp_ids[organisation];
        assert_eq!((&values["corpId"], &values["agentId"]), (&json!(corp_id), &json!(self.app.dingtalk.agent_id(corp_id))));
        let verdict = client_accepts(&self.app.dingtalk, values, url).await;
        assert_eq!(verdict["errcode"], 0, "{verdict}");
    }

    /// Checks that an authCode becomes a session once, of the person it was issued to, and only with a state from a page of the same
    /// organisation.
    async fn log_in(&mut self, browser: usize, state: Index, of: Somebody, used: Option<Index>, named: &Named) {
        if self.states.is_empty() {
            return;
        }
        let (state, entered) = state.get(&self.states).clone();
        let path = format!("/api/login?{}", self.query(named));
        let nth = used.filter(|_| !self.codes.is_empty()).map_or(self.codes.len(), |used| used.index(self.codes.len()));
        if nth == self.codes.len() {
            let code = self.app.dingtalk.issue_code_at(self.corp_ids[of.0], NAMESAKES[of.1]);
            self.codes.push((code, of, false));
        }
        let (code, of, was_good) = &mut self.codes[nth];
        let answer = self.browsers[browser].post(&path, &json!({"authCode": code, "state": state})).await;
        if answer.status == 200 {
            assert_eq!((of.0, *was_good), (entered, false), "{}", answer.body);
            assert_eq!(answer.json(), told(self.corp_ids, *of));
            self.whose[browser] = Some(*of);
            *was_good = true;
        }
    }

    /// Checks that an answer is about the person of the browser's session, and that the page did not show somebody else.
    async fn ask(&mut self, browser: usize, path: &str, shown: Option<Somebody>, named: &Named) {
        let page = format!("{}/jsapi", self.app.url);
        let path = if path == "/api/me" { format!("{path}?{}", self.query(named)) } else { format!("{path}?url={page}") };
        let shown_as = shown.map(|(organisation, person)| format!("{} {}", self.corp_ids[organisation], NAMESAKES[person]));
        let mut headers = vec![("sec-fetch-site", "same-origin")];
        headers.extend(shown_as.as_deref().map(|shown| ("x-page-user", shown)));
        let answer = self.browsers[browser].send(Method::GET, &path, &headers, None).await;
        if answer.status != 200 {
            self.shows_nobody(&answer);
            return;
        }
        let whose = self.whose[browser].unwrap_or_else(|| panic!("nobody has a session: {}", answer.body));
        assert!(shown.is_none_or(|shown| shown == whose), "{shown:?} is told of {whose:?}");
        match path.starts_with("/api/me") {
            true => assert_eq!(answer.json(), told(self.corp_ids, whose)),
            false => self.is_signed_for(whose.0, &answer.json(), &page).await,
        }
    }

    fn steal(&mut self, browser: usize, only: Option<&str>) {
        let wanted = |name: &str| only.is_none_or(|only| only == name);
        let stolen: Vec<_> = self.browsers[1 - browser].cookies.iter().filter(|(name, _)| wanted(name)).cloned().collect();
        if stolen.iter().any(|(name, _)| name == "session") {
            self.whose[browser] = self.whose[1 - browser];
        }
        let names: Vec<_> = stolen.iter().map(|(name, _)| name.clone()).collect();
        self.browsers[browser].cookies.retain(|(name, _)| !names.contains(name));
        self.browsers[browser].cookies.extend(stolen);
    }
}

/// The four have different names.
fn name((organisation, person): Somebody) -> &'static str {
    [["张三", "Alice Chen"], ["章珊", "Alice Wong"]][organisation][person]
}

fn told(corp_ids: [&str; 2], somebody: Somebody) -> serde_json::Value {
    json!({"userId": NAMESAKES[somebody.1], "name": name(somebody), "corpId": corp_ids[somebody.0]})
}

#[test]
fn whatever_two_browsers_do_in_two_organisations_neither_is_given_anything_of_the_others() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (app, corp_ids) = runtime.block_on(TestApp::of_both_organisations());
    let mut runner =
        TestRunner::new(Config { cases: 100, max_shrink_iters: 300, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&proptest::collection::vec(step(), 1..40), |steps| {
        let browsers = [app.browser(), app.browser()];
        let mut world = World { app: &app, corp_ids, browsers, whose: [None; 2], states: Vec::new(), codes: Vec::new() };
        runtime.block_on(async {
            for step in &steps {
                world.take(step).await;
            }
        });
        Ok(())
    });
    if let Err(TestError::Fail(why, steps)) = outcome {
        panic!("{why} after {steps:#?}");
    }
    runtime.block_on(async { drop(app) });
}
