//! A ticket dies when DingTalk says so, and a day after its creation even if it says at each renewal that two hours are left.

use std::time::Duration;

use sha1::{Digest, Sha1};

use super::app_before;
use super::rogue::{Rogue, TICKET, json, well};

#[tokio::test]
async fn a_day_after_its_creation_no_ticket_signs_however_long_it_is_said_to_live() {
    const RENEWALS_OF_A_DAY: usize = 12;
    let rogue = Rogue::start(|call| match (call.path.as_str(), call.nth) {
        (TICKET, nth) if nth > RENEWALS_OF_A_DAY => vec![json(r#"{"jsapiTicket":"ticket-2","expireIn":7200}"#)],
        _ => well(call),
    })
    .await;
    let app = app_before(&rogue).await;
    // Sessions end long before the next step, so somebody else logs in each time.
    for step in 0..=RENEWALS_OF_A_DAY {
        assert_eq!(signed_with(&app).await, "ticket-1", "after {} s", step * 7000);
        crate::support::eventually("the ticket is renewed behind", || rogue.calls(TICKET).len() > step).await;
        settled(&app).await;
        app.hands.advance(Duration::from_secs(if step < RENEWALS_OF_A_DAY { 7000 } else { 2401 }));
    }
    assert_eq!(signed_with(&app).await, "ticket-2");
}

#[tokio::test]
async fn a_ticket_signs_no_longer_than_it_is_said_to_live() {
    for seconds in [1, 60, 299] {
        let rogue = Rogue::start(move |call| match (call.path.as_str(), call.nth) {
            (TICKET, 0) => vec![json(&format!(r#"{{"jsapiTicket":"ticket-1","expireIn":{seconds}}}"#))],
            (TICKET, _) => vec![json(r#"{"jsapiTicket":"ticket-2","expireIn":7200}"#)],
            _ => well(call),
        })
        .await;
        let app = app_before(&rogue).await;
        assert_eq!(signed_with(&app).await, "ticket-1");
        app.hands.advance(Duration::from_secs(seconds));
        assert_eq!(signed_with(&app).await, "ticket-2", "{seconds} s");
        app.hands.advance(Duration::from_secs(600));
        assert_eq!(signed_with(&app).await, "ticket-2");
        assert_eq!(rogue.calls(TICKET).len(), 2);
    }
}

/// Waits until the ticket of the call that has just been made is in the cache.
async fn settled(app: &crate::support::TestApp) {
    let gives_up = std::time::Instant::now() + Duration::from_secs(10);
    while app.browser().read("/readyz").await.json()["jsapiTicket"] != "fresh" {
        assert!(std::time::Instant::now() < gives_up, "the renewal does not end");
    }
}

/// The ticket that a signature is made with now.
async fn signed_with(app: &crate::support::TestApp) -> &'static str {
    let mut browser = app.browser();
    let code = format!("code-{:x}", rand::random::<u64>());
    assert_eq!(browser.enter_and_log_in(&code).await.status, 200);
    let url = format!("{}/jsapi", app.url);
    let config = browser.jsapi_config(&url).await.json();
    let (nonce, time) = (config["nonceStr"].as_str().unwrap(), config["timeStamp"].as_str().unwrap());
    let made_with = |ticket: &&str| {
        let text = format!("jsapi_ticket={ticket}&noncestr={nonce}&timestamp={time}&url={url}");
        hex::encode(Sha1::digest(text)) == config["signature"]
    };
    ["ticket-1", "ticket-2"].into_iter().find(made_with).expect("one of them")
}
