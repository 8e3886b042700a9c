//! Each thing broken, alone and in pairs.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::iter;

use dingtalk_h5::dingtalk::Events;
use dingtalk_h5::dingtalk::events::LONGEST_SILENCE;
use dingtalk_h5::web::SessionKeys;
use dingtalk_simulator::Fault;

use super::breakages::{ALL, Breakage, OTHER_SESSION_KEY, SLOW, all_down};
use super::{Examined, Scene};
use crate::support::{TestApp, http_client, session_key};

const MOST_CALLS: u64 = 12;
/// How many scenes are examined at once.
const AT_ONCE: usize = 6;

/// What the doctor finds in a scene with all of these breakages.
async fn broken(breakages: &[&Breakage]) -> Examined {
    let key = session_key();
    let app = TestApp::start_with(|settings| settings.web.session_keys = SessionKeys::parse(&key.clone().into()).unwrap());
    let mut scene = Scene::of(app.await);
    let [token, ticket] = credentials(&scene).await;
    breakages.iter().for_each(|breakage| (breakage.break_it)(&mut scene));
    let examined = scene.examine().await;
    assert!(examined.calls <= MOST_CALLS, "{} calls", examined.calls);
    let secrets = [token.as_str(), &ticket, "simulated-secret", "another-secret", "canary", &key, &OTHER_SESSION_KEY];
    for secret in secrets {
        assert!(!examined.everything.contains(secret), "{secret} in {}", examined.everything);
    }
    // It says itself which code is no good only by what DingTalk says of it.
    assert!(scene.code.len() < 16 || !examined.everything.contains(&scene.code), "{}", examined.everything);
    examined
}

/// The access_token and jsapi_ticket that the doctor gets too, since DingTalk grants the same ones again.
async fn credentials(scene: &Scene) -> [String; 2] {
    let (app, url) = (scene.app.dingtalk.app(), scene.app.dingtalk.url());
    let ask = async |path: &str, token: &str| -> serde_json::Value {
        let pair = serde_json::json!({"appKey": app.client_id, "appSecret": app.client_secret}).to_string();
        let call = http_client().post(format!("{url}{path}")).header("content-type", "application/json");
        let answer = call.header("x-acs-dingtalk-access-token", token).body(pair).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    };
    let token = ask("/v1.0/oauth2/accessToken", "").await["accessToken"].as_str().unwrap().to_owned();
    let ticket = ask("/v1.0/oauth2/jsapiTickets", &token).await["jsapiTicket"].as_str().unwrap().to_owned();
    [token, ticket]
}

#[tokio::test]
async fn an_app_that_is_well_is_told_so_in_a_few_calls() {
    let examined = broken(&[]).await;
    for check in examined.report["checks"].as_array().unwrap() {
        // It warns, because tests run on loopback.
        let good = if check["id"] == "settings" { vec!["warn"] } else { vec!["pass", "not_done"] };
        assert!(good.contains(&check["verdict"].as_str().unwrap()) && check["because"].is_null(), "{check}");
    }
    assert_eq!((examined.report["verdict"].as_str(), examined.calls), (Some("warn"), 5));
}

/// The breakages of these scenes that the doctor does not report; `told` decides what counts as reported.
async fn untold(scenes: Vec<Vec<&'static Breakage>>, told: fn(&Examined, &Breakage) -> bool) -> Vec<String> {
    let each = iter(scenes).map(|breakages| async move {
        let examined = broken(&breakages).await;
        let untold = breakages.iter().filter(|breakage| !told(&examined, breakage)).map(|Breakage { check, word, .. }| {
            let others: Vec<_> = breakages.iter().map(|other| (other.check, other.word)).collect();
            format!("{check}, {word} of {others:?}: {}", examined.check(check))
        });
        untold.collect::<Vec<_>>()
    });
    each.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await.concat()
}

#[tokio::test]
async fn each_thing_that_is_broken_is_named_by_the_check_that_is_about_it() {
    assert!(ALL.len() + SLOW.len() >= 40);
    let alone = ALL.iter().chain(SLOW).map(|breakage| vec![breakage]).collect();
    let untold = untold(alone, |examined, Breakage { check, word, .. }| examined.names(check, word)).await;
    assert!(untold.is_empty(), "{untold:#?}");
}

#[tokio::test]
async fn of_two_things_that_are_broken_each_is_named_or_its_check_not_done_because_of_the_other() {
    let pairs = (0..ALL.len()).flat_map(|one| [7, 20].map(|step| [&ALL[one], &ALL[(one + step) % ALL.len()]]));
    let pairs: Vec<_> = pairs.filter(|[one, other]| one.on != other.on && one.check != other.check).map(Vec::from).collect();
    assert!(pairs.len() > 80, "{}", pairs.len());
    let told = |examined: &Examined, Breakage { on, check, word, .. }: &Breakage| {
        examined.names(check, word) || examined.blames(check) || (examined.has(on) && examined.blames(on))
    };
    let untold = untold(pairs, told).await;
    assert!(untold.is_empty(), "{untold:#?}");
}

#[tokio::test]
async fn however_often_calls_have_to_be_repeated_no_more_are_made_than_may_be() {
    let mut scene = Scene::set().await;
    scene.settings.dingtalk.events = Events::Stream(LONGEST_SILENCE);
    for endpoint in ["/v1.0/oauth2/accessToken", "/v1.0/oauth2/jsapiTickets", "/topapi/v2/user/get"] {
        scene.app.dingtalk.fault(endpoint, 2, Fault::Busy);
    }
    scene.app.dingtalk.fault("/topapi/v2/user/getuserinfo", 20, Fault::Rate { limit: Default::default() });
    let examined = scene.examine().await;
    assert_eq!(examined.calls, MOST_CALLS, "{:#}", examined.report);
    // The doctor knows nothing of events then, so the check does not fail.
    assert!(
        examined.check("events")["verdict"] == "warn" && examined.names("events", "again in a minute"),
        "{:#}",
        examined.report
    );
}

#[tokio::test]
async fn a_call_that_is_not_made_during_a_ban_is_not_done_because_of_the_host_that_told_of_the_ban() {
    let scene = Scene::set().await;
    for endpoint in ["/topapi/v2/user/getuserinfo", "/gettoken"] {
        scene.app.dingtalk.fault(endpoint, 20, Fault::Ban { form: Default::default() });
    }
    // This call is refused once, and would be made again during the ban.
    scene.app.dingtalk.fault("/topapi/v2/user/get", 1, Fault::Busy);
    let examined = scene.examine().await;
    assert_eq!((&examined.check("user")["because"], &examined.check("api")["verdict"]), (&"oapi".into(), &"pass".into()));
    assert!(examined.names("oapi", "a ban page instead"), "{:#}", examined.report);
}

#[tokio::test]
async fn with_everything_down_it_ends_within_twenty_seconds() {
    let mut scene = Scene::set().await;
    all_down(&mut scene);
    let began = Instant::now();
    let examined = scene.examine().await;
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    for check in ["api", "oapi", "public"] {
        assert_eq!(examined.check(check)["verdict"], "fail", "{:#}", examined.report);
    }
}
