//! Apps for which each token call returns a new token: the doctor must not replace the token of a running server.

use dingtalk_h5::dingtalk::events::LONGEST_SILENCE;
use dingtalk_h5::dingtalk::{AppKind, ClientSecret, CorpId, Events, Home};
use dingtalk_simulator::{Fault, Simulator};

use super::{Scene, nobody};
use crate::support::TestApp;

const CORP_TOKEN: &str = "POST /v1.0/oauth2/corpAccessToken";

#[tokio::test]
async fn a_custom_app_s_doctor_leaves_its_token_to_the_server_that_runs_and_takes_one_when_none_does() {
    let mut scene = Scene::of(TestApp::custom().await);
    scene.app.client.home().unwrap().access_token().await.unwrap();
    let examined = scene.examine().await;
    assert_eq!(examined.check("token")["verdict"], "pass", "{:#}", examined.report);
    assert_eq!(scene.app.dingtalk.calls(CORP_TOKEN), 1, "the server's own");

    scene.settings.server.app_addr = nobody().parse().unwrap();
    let examined = scene.examine().await;
    assert_eq!((&examined.check("token")["verdict"], &examined.check("ids")["verdict"]), (&"pass".into(), &"pass".into()));
    assert_eq!(scene.app.dingtalk.calls(CORP_TOKEN), 2);

    let home = scene.settings.dingtalk.kind.home().unwrap().clone();
    let corp_id = CorpId::parse("dinganother0001").unwrap();
    scene.settings.dingtalk.kind = AppKind::Custom(Home { corp_id, ..home });
    let examined = scene.examine().await;
    assert!(examined.names("token", "has not authorised the app"), "{:#}", examined.report);
}

#[tokio::test]
async fn a_custom_app_s_doctor_takes_no_token_while_somebody_listens_who_may_be_the_server_and_busy() {
    let mut scene = Scene::of(TestApp::custom().await);
    scene.settings.server.app_addr = scene.app.dingtalk.url().strip_prefix("http://").unwrap().parse().unwrap();
    let examined = scene.examine().await;
    assert_eq!((&examined.check("token")["because"], scene.app.dingtalk.calls(CORP_TOKEN)), (&"server".into(), 0));
}

#[tokio::test]
async fn a_server_whose_token_takes_two_seconds_is_not_said_to_log_nobody_in() {
    let scene = Scene::of(TestApp::custom().await);
    scene.app.dingtalk.fault("/v1.0/oauth2/corpAccessToken", 1, Fault::Delay { milliseconds: 2000 });
    let examined = scene.examine().await;
    assert_eq!(examined.check("token")["verdict"], "pass", "{:#}", examined.report);
}

#[tokio::test]
async fn a_third_party_app_s_doctor_asks_the_server_and_blames_it_when_it_does_not_run() {
    let mut scene = Scene::of(TestApp::third_party().await);
    let examined = scene.examine().await;
    for check in ["token", "events"] {
        assert_eq!(examined.check(check)["verdict"], "pass", "{:#}", examined.report);
    }
    assert_eq!(scene.app.dingtalk.calls(CORP_TOKEN), 0);
    scene.settings.server.app_addr = nobody().parse().unwrap();
    let examined = scene.examine().await;
    assert_eq!((&examined.check("token")["because"], &examined.check("ticket")["because"]), (&"server".into(), &"token".into()));
}

/// Without the doctor, DingTalk would not see the app's pair before people of an organisation come.
#[tokio::test]
async fn a_wrong_secret_of_a_third_party_app_is_named_however_events_come_and_whether_the_server_runs_or_not() {
    for stream in [false, true] {
        let mut scene = Scene::of(TestApp::third_party().await);
        scene.settings.dingtalk.credentials.client_secret = ClientSecret::parse("another-secret").unwrap();
        if stream {
            scene.settings.dingtalk.events = Events::Stream(LONGEST_SILENCE);
        }
        for _runs in [true, false] {
            let examined = scene.examine().await;
            assert!(examined.names("token", "not a valid pair"), "{:#}", examined.report);
            assert!(!stream || examined.blames("events"), "{:#}", examined.report);
            scene.settings.server.app_addr = nobody().parse().unwrap();
        }
    }
}

#[tokio::test]
async fn the_pair_of_a_third_party_app_is_not_said_to_be_good_when_no_call_tells_nor_stream_to_wait_for_the_token() {
    let mut scene = Scene::of(TestApp::third_party().await);
    scene.app.dingtalk.fault("/v1.0/gateway/connections/open", 20, Fault::Permission);
    let examined = scene.examine().await;
    let token = examined.check("token");
    assert!(token["verdict"] == "not_done" && token["because"].is_null(), "{:#}", examined.report);
    scene.settings.dingtalk.events = Events::Stream(LONGEST_SILENCE);
    scene.settings.server.app_addr = nobody().parse().unwrap();
    let examined = scene.examine().await;
    assert!(examined.names("events", "Permission Management"), "{:#}", examined.report);
}

#[tokio::test]
async fn that_the_new_api_answers_is_not_said_of_a_third_party_app_unless_it_was_asked() {
    let mut scene = Scene::of(TestApp::third_party().await);
    scene.settings.dingtalk.api_url = format!("http://{}", nobody()).parse().unwrap();
    let examined = scene.examine().await;
    assert!(examined.names("api", "connection refused"), "{:#}", examined.report);
}

/// Such as with DINGTALK_API_URL of one site and DINGTALK_OAPI_URL of the other.
#[tokio::test]
async fn a_token_of_another_dingtalk_s_is_told_of_the_two_addresses_and_not_of_the_pair_that_got_it() {
    let (mut scene, other) = (Scene::set().await, Simulator::start().await.unwrap());
    scene.settings.dingtalk.oapi_url = other.url().parse().unwrap();
    let examined = scene.examine().await;
    assert!(
        examined.names("login", "DINGTALK_OAPI_URL") && !examined.names("login", "DINGTALK_CLIENT_SECRET"),
        "{:#}",
        examined.report
    );
}
