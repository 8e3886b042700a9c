//! The recipes of `src/app/README.md`: a fork that is made of its files alone, built, run and tried.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dingtalk_simulator::{Fault, Simulator};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::browser::chromium::Chromium;
use crate::process::{Served, complete, prepared, with};
use crate::support::{Browser, between, cargo, client_accepts, eventually, http_client};

const NOTIFICATION: &str = "/topapi/message/corpconversation/asyncsend_v2";
const PORTIONS: usize = 3;
/// The picture of what Bob eats.
const NOODLES: &str = "/api/pictures/%E9%9D%A2%E6%9D%A1";

/// What the courier's machine sends.
const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const FROM_OUR_PAGE: (&str, &str) = ("sec-fetch-site", "same-origin");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The code blocks, each with its language.
fn blocks(readme: &str) -> impl Iterator<Item = (&str, &str)> {
    readme.split("\n```").skip(1).step_by(2).map(|block| block.split_once('\n').unwrap())
}

/// The path of a whole file, which its first line says.
fn path_of(file: &str) -> &str {
    let comment = file.lines().next().unwrap();
    let path = comment.split(' ').nth(1).filter(|path| path.contains('/'));
    path.unwrap_or_else(|| panic!("{comment} is no path"))
}

/// A copy of this repository, changed as the recipes say.
struct Fork(PathBuf);

impl Fork {
    fn make() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fork");
        let _ = fs::remove_dir_all(&folder);
        copy(root(), &folder);
        let fork = Self(folder);
        let readme = fs::read_to_string(root().join("src/app/README.md")).unwrap();
        let (commands, files): (Vec<_>, Vec<_>) = blocks(&readme).partition(|(language, _)| *language == "sh");
        assert!(!commands.is_empty() && files.len() > 5);
        for (_, commands) in commands {
            fork.run_shell(commands);
        }
        for (_, file) in files {
            fs::write(fork.0.join(path_of(file)), format!("{file}\n")).unwrap();
        }
        fs::create_dir(fork.0.join("static/app/vendor")).unwrap();
        fs::write(fork.0.join("static/app/vendor/library.mjs"), "export default 1;\n").unwrap();
        fork
    }

    /// Starts the fork's program, with `PORTIONS` as the number of portions that the kitchen cooks.
    async fn serve(program: &Path, dingtalk: &Simulator) -> Served {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut variables = complete(dingtalk);
        for (name, value) in [
            ("APP_ADDR", address.to_string()),
            ("PUBLIC_URL", format!("http://{address}")),
            ("JSAPI_SCRIPT_URL", format!("{}/dd.js", dingtalk.url())),
            ("PORTIONS", PORTIONS.to_string()),
            ("COURIER_TOKEN", TOKEN.to_owned()),
            ("DINGTALK_EVENTS", "stream".to_owned()),
        ] {
            variables = with(variables, name, &value);
        }
        Served::start_as(prepared(Command::new(program), &variables)).await
    }

    fn run_shell(&self, commands: &str) {
        let status = std::process::Command::new("sh").args(["-e", "-c", commands]).current_dir(&self.0).status().unwrap();
        assert!(status.success(), "{commands}");
    }

    fn change(&self, path: &str, change: impl FnOnce(String) -> String) {
        let path = self.0.join(path);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, change(text)).unwrap();
    }

    /// Builds the fork's program with the dependencies that were compiled for these tests, from the same build directory. Cargo reuses
    /// them only if the test libraries are selected too: so the test target is built, though the fork's tests are an empty file.
    async fn build(&self) -> PathBuf {
        let simulator = root().join("tests/simulator");
        self.change("Cargo.toml", |manifest| {
            let manifest = manifest.replacen("name = \"dingtalk-h5\"", "name = \"lunch\"", 1);
            let members = between(&manifest, "members = [", "]").unwrap().to_owned();
            let manifest = manifest.replacen(&members, "", 1);
            manifest.replacen("\"tests/simulator\"", &format!("{:?}", simulator.display().to_string()), 1)
        });
        fs::write(self.0.join("tests/main.rs"), "//! Nothing.\n").unwrap();
        let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let own = shared.join("fork");
        let cargo = cargo()
            .args(["build", "--offline", "--test", "tests"])
            .current_dir(&self.0)
            .env("CARGO_BUILD_BUILD_DIR", shared)
            .env("CARGO_TARGET_DIR", &own)
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&cargo.stderr);
        assert!(cargo.status.success() && !said.contains("warning"), "{said}");
        own.join("debug/dingtalk-h5")
    }
}

/// Copies a folder, but for build output, installed packages, `.git` and `.env`.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, made) = (entry.unwrap(), ["target", ".git", "node_modules", ".env"]);
        let (path, name) = (entry.path(), entry.file_name());
        if made.iter().any(|made| name == *made) {
            continue;
        }
        match path.is_dir() {
            true => copy(&path, &to.join(name)),
            false => drop(fs::copy(&path, to.join(name)).unwrap()),
        }
    }
}

async fn browser_of(served: &Served, dingtalk: &Simulator, user_id: &str) -> Browser {
    let mut browser = Browser::new(http_client(), &served.url, &served.url);
    let answer = browser.enter_and_log_in(&dingtalk.issue_code(user_id)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    browser
}

#[tokio::test]
async fn a_fork_that_is_made_by_the_recipes_does_what_they_say() {
    let program = Fork::make().build().await;
    let dingtalk = Simulator::start().await.unwrap();
    let served = Fork::serve(&program, &dingtalk).await;
    let (mut alice, mut bob) = (browser_of(&served, &dingtalk, "alice").await, browser_of(&served, &dingtalk, "bob").await);

    the_demo_is_gone(&mut alice).await;
    libraries_of_others_are_served(&mut alice).await;
    pages_are_in_both_languages(&mut alice).await;
    pages_are_signed(&mut alice, &dingtalk).await;
    notifications_reach_dingtalk(&mut alice, &dingtalk).await;
    orders_are_the_same_for_everybody(&mut alice, &mut bob).await;
    pictures_are_for_people(&mut alice, &mut bob).await;
    let watching = Chromium::start().await;
    watching.open(&served.url).await;
    watching.until("both orders are shown", "return document.querySelectorAll('#orders dd').length === 2", &[]).await;
    the_kitchen_closes(&mut alice).await;
    watching.until("the third one is shown by itself", "return document.querySelectorAll('#orders dd').length === 3", &[]).await;
    watching.finish().await;
    the_pages_work_in_a_browser(&served, &dingtalk).await;
    whoever_leaves_is_not_cooked_for(&mut alice, &dingtalk).await;
    the_courier_calls_from_elsewhere(&mut alice).await;
    dingtalk.tell("dingsimulator0001", "bpms_instance_change", json!({"result": "agree"}));
    eventually("only the suite ticket of another app waits", || dingtalk.pushes_waiting() == 1).await;

    let (code, log) = served.stop().await;
    assert_eq!(code, Some(0), "tasks do not keep it from stopping");
    assert!(log.contains("the kitchen is open"), "{log}");
    assert!(log.contains("an approval has changed") && log.contains("agree"), "{log}");
    assert!(log.contains("courier_unknown") && !log.contains(TOKEN), "{log}");
    assert!(log.contains("Permission Management"), "an own call's trouble is told with its fix: {log}");
    assert!(log.contains("the client refused dd.config"), "what a client refuses is reported by the page: {log}");
}

async fn the_demo_is_gone(browser: &mut Browser) {
    for path in ["/profile", "/jsapi"] {
        assert_eq!(browser.go(path).await.status, 404);
    }
}

async fn libraries_of_others_are_served(browser: &mut Browser) {
    let library = browser.read("/static/app/vendor/library.0123456789abcdef.mjs").await;
    assert_eq!((library.header("content-type"), &*library.body), ("text/javascript; charset=utf-8", "export default 1;\n"));
}

async fn pages_are_in_both_languages(browser: &mut Browser) {
    for (reads, orders, invitation) in
        [("en", ["Lunch today", ">Invite</a>"], "Choose colleagues"), ("zh-CN", ["今日午餐", ">邀请同事</a>"], "选择同事")]
    {
        browser.reads = reads;
        let page = browser.go("/").await.body;
        for text in orders.into_iter().chain([" · Lunch</title>", "data-user-id=\"alice\""]) {
            assert!(page.contains(text), "no {text} in {page}");
        }
        assert!(browser.go("/invitation").await.body.contains(invitation));
    }
    browser.reads = "";
}

async fn pages_are_signed(browser: &mut Browser, dingtalk: &Simulator) {
    let page = browser.go("/invitation?to=all").await.body;
    let config = between(&page, "data-jsapi=\"", "\"").unwrap().replace("&#34;", "\"");
    let config: Value = serde_json::from_str(&config).unwrap();
    assert_eq!(config["jsApiList"], json!(["biz.contact.choose"]));
    let verdict = client_accepts(dingtalk, &config, &format!("{}/invitation?to=all", browser.url)).await;
    assert_eq!(verdict["errcode"], 0, "{verdict}");
}

async fn notifications_reach_dingtalk(browser: &mut Browser, dingtalk: &Simulator) {
    let guests = json!({"userIds": ["bob", "zhangsan"]});
    let sent = browser.post("/api/invitation", &guests).await;
    assert!(sent.status == 200 && sent.json()["task_id"].is_u64(), "{}", sent.body);
    dingtalk.fault(NOTIFICATION, 1, Fault::Permission);
    assert_eq!(browser.post("/api/invitation", &guests).await.problem(), (503, "misconfigured".into()));
    assert_eq!(dingtalk.calls(&format!("POST {NOTIFICATION}")), 2, "and none of them twice");
    assert_eq!(dingtalk.notifications("bob"), ["Lunch is being ordered. Are you coming?"]);
    let hundred = json!({"userIds": vec!["x".repeat(64); 100]});
    assert_eq!(browser.post("/api/invitation", &hundred).await.status, 200);
}

/// Every request has a connection of its own, so that every worker answers some of them.
async fn orders_are_the_same_for_everybody(one: &mut Browser, other: &mut Browser) {
    assert_eq!(one.post("/api/orders", &json!({"dish": "Soup"})).await.status, 204);
    assert_eq!(one.send(Method::DELETE, "/api/orders", &[], None).await.problem(), (403, "origin_rejected".into()));
    assert_eq!(one.read("/api/orders").await.json().as_array().unwrap().len(), 1);
    assert_eq!(one.send(Method::DELETE, "/api/orders", &[FROM_OUR_PAGE], None).await.status, 204);
    assert_eq!(one.read("/api/orders").await.json(), json!([]));
    let refused = one.send(Method::PUT, "/api/orders", &[FROM_OUR_PAGE], None).await;
    assert_eq!((refused.problem().0, refused.header("allow")), (405, "DELETE, GET, HEAD, POST"));
    assert_eq!(one.post("/api/orders", &json!({"dish": "Mapo <tofu>"})).await.status, 204);
    assert_eq!(other.post("/api/orders", &json!({"dish": "面条"})).await.status, 204);
    let ordered = json!([{"name": "Alice Chen", "dish": "Mapo <tofu>"}, {"name": "Bob", "dish": "面条"}]);
    for _ in 0..20 {
        assert_eq!(other.read("/api/orders").await.json(), ordered);
        assert!(one.go("/").await.body.contains("<dd>Mapo &#60;tofu&#62;</dd>"));
    }
    let foreign = one.send(Method::POST, "/api/orders", &[], None).await;
    assert_eq!(foreign.problem(), (403, "origin_rejected".into()));
}

async fn pictures_are_for_people(one: &mut Browser, other: &mut Browser) {
    let (path, picture) = ("/api/pictures/Mapo%20%3Ctofu%3E", vec![0xff; 2 * 1024 * 1024]);
    assert_eq!(other.read(path).await.problem(), (404, "not_found".into()));
    assert_eq!(one.upload("/api/pictures/Nothing", "image/png", picture.clone()).await.status, 404);
    assert_eq!(one.upload(path, "text/html", picture.clone()).await.problem(), (415, "unsupported_media_type".into()));
    assert_eq!(one.upload(path, "image/png", [&picture[..], b"x"].concat()).await.problem(), (413, "payload_too_large".into()));
    for path in [path, NOODLES] {
        assert_eq!(one.upload(path, "image/png", picture.clone()).await.status, 204);
    }
    let seen = other.read(path).await;
    assert!(seen.header("content-type") == "image/png" && seen.bytes == picture, "{:?}", seen.headers);
    let mut nobody = Browser::new(http_client(), &one.url, &one.url);
    assert_eq!(nobody.read(path).await.problem(), (401, "login_required".into()));
    assert_eq!(nobody.upload(path, "image/png", picture).await.problem(), (401, "login_required".into()));
}

async fn the_kitchen_closes(browser: &mut Browser) {
    let ordered = browser.read("/api/orders").await.json().as_array().unwrap().len();
    for _ in ordered..PORTIONS {
        assert_eq!(browser.post("/api/orders", &json!({"dish": "Rice"})).await.status, 204);
    }
    for (reads, title, detail) in
        [("en", "The kitchen is closed.", "Come earlier tomorrow."), ("zh-CN", "厨房已打烊", "请明天早点下单。")]
    {
        browser.reads = reads;
        let answer = browser.post("/api/orders", &json!({"dish": "Rice"})).await;
        assert_eq!(answer.problem(), (409, "kitchen_closed".into()));
        let problem = answer.json();
        assert_eq!((&problem["title"], &problem["detail"]), (&json!(title), &json!(detail)));
    }
}

async fn whoever_leaves_is_not_cooked_for(browser: &mut Browser, dingtalk: &Simulator) {
    assert!(browser.read("/api/orders").await.body.contains("面条"));
    dingtalk.leave("dingsimulator0001", "bob");
    let began = Instant::now();
    loop {
        let orders = browser.read("/api/orders").await.body;
        assert!(orders.contains("Mapo <tofu>"), "{orders}");
        if !orders.contains("面条") {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "the order is still there");
    }
    assert_eq!(browser.read(NOODLES).await.status, 200);
    assert_eq!(browser.upload("/api/pictures/Rice", "image/png", b"x".to_vec()).await.status, 204);
    assert_eq!(browser.read(NOODLES).await.status, 404, "the picture is kept for ever");
}

async fn the_courier_calls_from_elsewhere(alice: &mut Browser) {
    let mut courier = Browser::new(http_client(), &alice.url, &alice.url);
    let mut deliver = async |authorization: &str| {
        let delivery = json!({"corpId": "dingsimulator0001", "userId": "alice"}).to_string();
        let elsewhere = [("origin", "https://courier.example"), ("sec-fetch-site", "cross-site")];
        let headers = [&elsewhere[..], &[("content-type", "application/json"), ("authorization", authorization)]].concat();
        courier.send(Method::POST, "/api/deliveries", &headers, Some(delivery.into())).await
    };
    for wrong in ["", TOKEN, "Bearer ", &format!("Bearer {}", &TOKEN[1..]), &format!("Bearer {TOKEN}0"), "Basic x"] {
        assert_eq!(deliver(wrong).await.problem(), (401, "courier_unknown".into()), "{wrong}");
    }
    let without_token = alice.post("/api/deliveries", &json!({})).await;
    assert_eq!(without_token.problem(), (401, "courier_unknown".into()), "a session does not help");
    assert!(alice.read("/api/orders").await.body.contains("Alice Chen"));
    assert_eq!(deliver(&format!("Bearer {TOKEN}")).await.status, 204);
    assert!(!alice.read("/api/orders").await.body.contains("Alice Chen"), "she has her lunch");
}

/// With the query `?spoilt`, makes the page's signature invalid.
const SPOIL: &str = "document.addEventListener('readystatechange', () => {
    const page = location.search === '?spoilt' && document.querySelector('[data-jsapi]');
    if (page) page.dataset.jsapi = page.dataset.jsapi.replace(/\"signature\":\"..../, '\"signature\":\"0000');
})";

/// Notes whether the order can be sent before deferred scripts have run.
const LOOK_BEFORE_SCRIPTS: &str = "document.addEventListener('readystatechange', () => {
    const button = document.querySelector('#order button');
    if (button && document.readyState === 'interactive') window.couldOrderBeforeScripts = !button.disabled;
})";

/// Taps a button, and checks that a second tap at once would do nothing.
async fn is_tapped_once(chromium: &Chromium, selector: &str) {
    chromium.shown(&format!("{selector}:enabled")).await;
    let tap = "const button = document.querySelector(arguments[0]); button.click(); return button.disabled";
    assert_eq!(chromium.run(tap, &[selector]).await, true, "{selector} can be tapped again");
}

async fn the_pages_work_in_a_browser(served: &Served, dingtalk: &Simulator) {
    let chromium = Chromium::start().await;
    chromium.on_every_document(SPOIL).await;
    chromium.on_every_document(LOOK_BEFORE_SCRIPTS).await;
    chromium.open(&format!("{}/invitation", served.url)).await;
    is_tapped_once(&chromium, "#choose").await;
    chromium.click("#dd-dialog-choice-1").await;
    chromium.sees("#outcome", "They have been told.").await;
    chromium.shown("#choose:enabled").await;
    assert_eq!(dingtalk.calls(&format!("POST {NOTIFICATION}")), 4);

    chromium.click("nav.nav a[href='/']").await;
    chromium.shown("#orders").await;
    chromium.fits("the orders").await;
    assert_eq!(chromium.run("return couldOrderBeforeScripts", &[]).await, false, "the order would be lost");
    chromium.run("document.querySelector('#order input').value = 'Rice'", &[]).await;
    is_tapped_once(&chromium, "#order button").await;
    chromium.sees("#trouble", "The kitchen is closed.\nCome earlier tomorrow.").await;
    chromium.shown("#order button:enabled").await;

    chromium.go(&format!("{}/invitation?spoilt", served.url)).await;
    let told = chromium.shown("#trouble:not(:empty)").await;
    let lines: Vec<_> = told.lines().collect();
    let next = "Try again. If it keeps happening, show your administrator what DingTalk said.";
    assert_eq!(lines[..2], ["DingTalk refused the request.", next]);
    assert!(lines[2].starts_with("DingTalk said: "), "{told}");
    chromium.finish().await;
}
