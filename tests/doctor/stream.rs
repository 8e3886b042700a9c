//! Stream, whose host is another one than those of the calls.

use dingtalk_h5::dingtalk::Events;
use dingtalk_h5::dingtalk::events::LONGEST_SILENCE;
use serde_json::json;

use super::{Examined, Scene, nobody};
use crate::broken::rogue::{Rogue, STREAM, http, json as answer, well};

/// What the doctor finds where DingTalk answers every call, and names `host` as the one at which Stream is opened.
async fn examined_with(host: &str) -> Examined {
    let opened = json!({"endpoint": format!("{host}/connect?canary=1"), "ticket": "canary-ticket"}).to_string();
    let dingtalk = Rogue::start(move |call| if call.path == STREAM { vec![answer(&opened)] } else { well(call) }).await;
    let mut scene = Scene::set().await;
    dingtalk.takes_dingtalks_place(&mut scene.settings);
    scene.settings.dingtalk.events = Events::Stream(LONGEST_SILENCE);
    let examined = scene.examine().await;
    assert!(!examined.everything.contains("canary"), "{}", examined.everything);
    examined
}

#[tokio::test]
async fn stream_is_said_to_open_where_its_host_answers_anything_or_nothing_and_is_not_opened_for_that() {
    for is_answered in [true, false] {
        let answer = move |_: &_| if is_answered { vec![http("400 Bad Request", "text/html", "<html>")] } else { Vec::new() };
        let host = Rogue::start(answer).await;
        let examined = examined_with(&host.url.replace("http:", "ws:")).await;
        assert_eq!(examined.check("events")["verdict"], "pass", "{:#}", examined.report);
        let asked = host.calls("/");
        assert_eq!((asked.len(), host.connections()), (1, 1));
        assert!(!asked[0].head.contains("canary") && !asked[0].head.to_lowercase().contains("upgrade"), "{}", asked[0].head);
    }
}

#[tokio::test]
async fn a_host_of_stream_s_that_is_not_reached_is_named_though_all_calls_are_answered() {
    let nobody = nobody();
    for (scheme, host, why) in [("wss", "stream.invalid", "name not found"), ("ws", &nobody, "connection refused")] {
        let examined = examined_with(&format!("{scheme}://{host}")).await;
        assert!(examined.names("events", why), "{:#}", examined.report);
        let fix = examined.check("events")["fix"].as_str().unwrap();
        assert!(fix.contains(host) && examined.everything.matches(host).count() >= 8, "{}", examined.everything);
        assert!(!fix.contains("DINGTALK_SITE"), "{fix}");
        assert_eq!(examined.check("api")["verdict"], "pass", "{:#}", examined.report);
    }
}
