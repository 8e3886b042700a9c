//! Pages without an app, on which a library is observed alone.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::HttpResponse;
use actix_web::web::{Query, ServiceConfig, get};
use dingtalk_simulator::Simulator;
use serde::Deserialize;
use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use super::front::Front;
use super::stage::Stage;
use crate::support::http_client;

/// What was observed, by the name of the behaviour.
pub type Observations = BTreeMap<String, Value>;

const BEHAVIOURS: &str = include_str!("behaviour/behaviours.js");
const LABORATORY: &str = include_str!("behaviour/laboratory.js");
const HEAD: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Library</title><link rel=icon href=data:,><body>";

/// Mounts the laboratory and the pages in its frames.
pub fn mount(service: &mut ServiceConfig) {
    service.route("/laboratory", get().to(laboratory)).route("/behaviour", get().to(behaviour));
}

async fn laboratory() -> HttpResponse {
    page(&format!("<script>{LABORATORY}</script>"))
}

#[derive(Deserialize)]
struct Subject {
    library: String,
}

async fn behaviour(Query(Subject { library }): Query<Subject>) -> HttpResponse {
    page(&format!("<script>{BEHAVIOURS}</script><script crossorigin src=\"{library}\"></script>"))
}

fn page(body: &str) -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(format!("{HEAD}{body}"))
}

/// Observes the library at `library` in the container of `stage`.
pub async fn observe(stage: &Stage, front: &Front, dingtalk: &Simulator, library: &str) -> Observations {
    let page = format!("{}/behaviour?library={library}", front.url());
    let values = signed_values(dingtalk, &page).await;
    stage.chromium.open(&format!("{}/laboratory", front.url())).await;
    let observed = stage.chromium.resolve(&format!("observeAll({}, {values})", json!(library))).await;
    serde_json::from_value::<Vec<(String, Value)>>(observed).unwrap().into_iter().collect()
}

/// What `dd.config` takes on the page at `url`, made without the app under test.
async fn signed_values(dingtalk: &Simulator, url: &str) -> Value {
    let app = dingtalk.app();
    let token = ask(dingtalk, &format!("/gettoken?appkey={}&appsecret={}", app.client_id, app.client_secret)).await;
    let token = token["access_token"].as_str().unwrap();
    let ticket = ask(dingtalk, &format!("/get_jsapi_ticket?access_token={token}")).await;
    let ticket = ticket["ticket"].as_str().unwrap();
    let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let text = format!("jsapi_ticket={ticket}&noncestr=n&timestamp={timestamp}&url={url}");
    json!({
        "agentId": app.agent_id,
        "corpId": app.corp_id,
        "timeStamp": timestamp.to_string(),
        "nonceStr": "n",
        "signature": hex::encode(Sha1::digest(text)),
        "type": 0,
    })
}

async fn ask(dingtalk: &Simulator, question: &str) -> Value {
    let answer = http_client().get(format!("{}{question}", dingtalk.url())).send().await.unwrap();
    answer.json().await.unwrap()
}
