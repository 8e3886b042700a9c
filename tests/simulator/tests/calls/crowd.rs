//! Three hundred people at nine o'clock, against an app that is a few lines.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::rt::System;
use actix_web::web::{Data, Json, get, post};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::caller::Caller;

/// The `place` in each login request, by authCode. The app queues each login once, but refuses that of the third person.
#[derive(Default)]
struct Seen {
    logins: BTreeMap<String, Vec<Value>>,
}

type Shared = Data<Arc<Mutex<Seen>>>;

async fn entry(request: HttpRequest) -> HttpResponse {
    assert_eq!(request.query_string(), "corpid=dingsimulator0001");
    assert_eq!(request.headers().get("sec-fetch-mode").unwrap(), "navigate");
    let page = "<!doctype html><main id=\"entry\" data-state=\"the-state\"></main>";
    HttpResponse::Ok().insert_header(("set-cookie", "pre=first; Path=/; HttpOnly")).content_type("text/html").body(page)
}

async fn login(request: HttpRequest, body: Json<Value>, seen: Shared) -> HttpResponse {
    let mut seen = seen.lock().unwrap();
    let code = body["authCode"].as_str().unwrap().to_owned();
    let cookie = request.headers().get("cookie").unwrap().to_str().unwrap().to_owned();
    assert_eq!(body["state"], "the-state");
    assert!(request.headers().get("origin").unwrap().to_str().unwrap().starts_with("http://127.0.0.1:"));
    let people = seen.logins.len();
    let attempts = seen.logins.entry(code).or_default();
    attempts.push(body["place"].clone());
    match (attempts.len(), people) {
        (1, 2) => HttpResponse::Forbidden().json(json!({"code": "forbidden"})),
        (1, _) => HttpResponse::TooManyRequests()
            .insert_header(("set-cookie", "pre=second; Path=/"))
            .insert_header(("retry-after", "0"))
            .json(json!({"code": "login_queued", "place": "here", "waitMs": 600_000})),
        _ if cookie == "pre=second" => HttpResponse::Ok().json(json!({})),
        _ => HttpResponse::BadRequest().json(json!({"code": "wrong_cookie"})),
    }
}

fn start() -> (String, Arc<Mutex<Seen>>, ServerHandle) {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let data = Data::new(seen.clone());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let app = move || App::new().app_data(data.clone()).route("/", get().to(entry)).route("/api/login", post().to(login));
    let (started, start) = mpsc::channel();
    thread::spawn(move || {
        System::new().block_on(async {
            let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
            started.send(server.handle()).unwrap();
            server.await.unwrap();
        });
    });
    (url, seen, start.recv().unwrap())
}

#[tokio::test]
async fn a_crowd_opens_the_app_waits_for_its_turn_and_is_counted() {
    let caller = Caller::start().await;
    let nowhere = caller.post("/control/crowd", json!({})).await;
    assert_eq!((nowhere.status, nowhere.body.contains("where the app is")), (400, true));

    let (url, seen, server) = start();
    caller.dingtalk.show_app(&url);
    let state = caller.post("/control/crowd", json!({"people": 5, "seconds": 0})).await.json();
    assert_eq!(
        (&state["crowd"]["people"], state["people"].as_array().unwrap().len()),
        (&json!(5), 12),
        "nobody of them is shown"
    );
    assert_eq!(caller.post("/control/crowd", json!({})).await.status, 400, "one crowd at a time");
    let crowd = loop {
        let crowd = caller.get("/control/state").await.json()["crowd"].take();
        if crowd["over"] == true {
            break crowd;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!((&crowd["in"], &crowd["failed"], &crowd["waiting"]), (&json!(4), &json!(1), &json!(0)), "{crowd}");
    assert_eq!((&crowd["failures"], &crowd["refusedCalls"]), (&json!({"403 forbidden": 1}), &json!(0)));
    let seen = seen.lock().unwrap();
    assert_eq!(seen.logins.len(), 5, "the same code is sent again while it is fresh");
    assert_eq!(seen.logins.values().filter(|places| **places == [Value::Null, "here".into()]).count(), 4);
    drop(server.stop(false));
}

#[tokio::test]
async fn a_world_that_begins_anew_is_the_end_of_a_crowd_on_its_way_in() {
    let caller = Caller::start().await;
    let world = caller.get("/control/world").await.json();
    let app = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    caller.dingtalk.show_app(format!("http://{}/", app.local_addr().unwrap()));
    for (lever, body) in [("/control/reset", json!({})), ("/control/world", world)] {
        caller.post("/control/crowd", json!({"people": 1, "seconds": 0})).await;
        let (mut visitor, _) = app.accept().await.unwrap();
        let mut heard = [0; 4096];
        assert!(visitor.read(&mut heard).await.unwrap() > 0, "they open the app");
        assert_eq!(caller.post(lever, body).await.json()["crowd"], Value::Null);
        let page = "<main data-state=\"the-state\"></main>";
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{page}", page.len());
        visitor.write_all(answer.as_bytes()).await.unwrap();
        let more = visitor.read(&mut heard).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&heard[..more]), "", "nobody logs in after {lever}");
    }
}

#[tokio::test]
async fn nobody_of_a_crowd_is_in_the_world_that_is_given_back() {
    let caller = Caller::start().await;
    caller.dingtalk.show_app("http://127.0.0.1:9/");
    let world = caller.get("/control/world").await.json();
    assert_eq!(caller.post("/control/crowd", json!({"people": 3, "seconds": 0})).await.status, 200);
    assert_eq!(caller.get("/control/world").await.json(), world);
}

#[tokio::test]
async fn a_crowd_of_nobody_or_of_everybody_does_not_come() {
    let caller = Caller::start().await;
    caller.dingtalk.show_app("http://127.0.0.1:9/");
    for body in [json!({"people": 0}), json!({"people": 10_001}), json!({"seconds": 601}), json!({"persons": 3})] {
        assert_eq!(caller.post("/control/crowd", body).await.status, 400);
    }
}
