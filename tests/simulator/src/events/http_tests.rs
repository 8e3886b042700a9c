//! Pushes over HTTP as an app meets them.

use std::net::TcpListener;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use actix_web::rt::System;
use actix_web::web::{Data, Json, Query, post};
use actix_web::{App, HttpResponse, HttpServer};
use serde_json::{Value, json};

use super::super::cipher::Cipher;
use super::*;
use crate::web_client::web_client;
use crate::world::{CUSTOM, Decision, INTERNAL, THIRD_PARTY};
use crate::{App as Registration, Simulator};

/// An app that gives the answers in `answers`, one after the other, and "success" when there are no more.
struct Listener {
    url: String,
    heard: Receiver<Value>,
    answers: Sender<&'static str>,
}

struct State {
    app: Registration,
    heard: Sender<Value>,
    answers: std::sync::Mutex<Receiver<&'static str>>,
}

#[derive(Deserialize)]
struct Signed {
    msg_signature: String,
    signature: String,
    timestamp: String,
    nonce: String,
}

async fn receive(signed: Query<Signed>, body: Json<Value>, state: Data<State>) -> HttpResponse {
    let cipher = Cipher::new(state.app.callback_token, state.app.callback_aes_key, state.app.client_id).expect("a key");
    assert_eq!(signed.signature, signed.msg_signature);
    let encrypted = body["encrypt"].as_str().expect("a text");
    let message = cipher.open(&signed.signature, &signed.timestamp, &signed.nonce, encrypted).expect("a message");
    state.heard.send(serde_json::from_str(&message).expect("JSON")).expect("a test");
    let answer = state.answers.lock().expect("a lock").try_recv().unwrap_or("success");
    if answer == "503" {
        return HttpResponse::ServiceUnavailable().finish();
    }
    let encrypted = cipher.encrypt(answer, [1; 16]);
    let signature = cipher.signature("1", "nonce", &encrypted);
    HttpResponse::Ok().json(json!({"msg_signature": signature, "timeStamp": "1", "nonce": "nonce", "encrypt": encrypted}))
}

impl Listener {
    fn start(app: Registration) -> Self {
        let ((heard, hears), (says, said)) = (channel(), channel());
        let state = Data::new(State { app, heard, answers: std::sync::Mutex::new(said) });
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/events", listener.local_addr().expect("an address"));
        thread::spawn(move || {
            System::new().block_on(async {
                let app = move || App::new().app_data(state.clone()).route("/events", post().to(receive));
                let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).expect("a server").run();
                server.await.expect("an end");
            });
        });
        Self { url, heard: hears, answers: says }
    }

    fn hears(&self) -> Value {
        self.heard.recv_timeout(Duration::from_secs(20)).expect("an event")
    }
}

/// The `biz_data` of the only event in a batch.
fn datum(batch: &Value) -> Value {
    let [told] = &batch["bizData"].as_array().expect("a list")[..] else { panic!("{batch}") };
    serde_json::from_str(told["biz_data"].as_str().expect("JSON in a text")).expect("JSON")
}

async fn simulator(app: Registration, shape: Shape) -> (Simulator, Listener) {
    let simulator = Simulator::start().await.expect("a simulator");
    let listener = Listener::start(app);
    simulator.put_to_test(&app);
    simulator.push_events_to(&listener.url, shape);
    (simulator, listener)
}

async fn all_is_told(simulator: &Simulator) {
    while simulator.pushes_waiting() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_third_party_app_is_told_its_ticket_and_who_authorises_it_in_batches() {
    let (simulator, listener) = simulator(THIRD_PARTY, Shape::Sync).await;
    let batch = listener.hears();
    assert_eq!((&batch["EventType"], &batch["bizData"][0]["biz_type"]), (&json!("SYNC_HTTP_PUSH_HIGH"), &json!(2)));
    assert_eq!(datum(&batch)["suiteTicket"], json!(simulator.suite_ticket()));
    let corp_id = simulator.organisations()[1];
    simulator.decide(corp_id, Decision::Authorise);
    let batch = listener.hears();
    assert_eq!((&batch["bizData"][0]["corp_id"], &batch["bizData"][0]["biz_type"]), (&json!(corp_id), &json!(4)));
    let told = datum(&batch);
    assert_eq!(
        (&told["syncAction"], &told["auth_info"]["agent"][0]["agentid"]),
        (&json!("org_suite_auth"), &json!(2_000_000_002))
    );
    for (decision, action, biz_type) in [
        (Decision::Change, "org_suite_change", 4),
        (Decision::Stop, "org_micro_app_stop", 7),
        (Decision::Restore, "org_micro_app_restore", 7),
        (Decision::Remove, "org_micro_app_remove", 7),
        (Decision::Restore, "org_micro_app_restore", 7),
        (Decision::Relieve, "org_suite_relieve", 4),
    ] {
        simulator.decide(corp_id, decision);
        let batch = listener.hears();
        assert_eq!((&datum(&batch)["syncAction"], &batch["bizData"][0]["biz_type"]), (&json!(action), &json!(biz_type)));
        assert_eq!(batch["EventType"], "SYNC_HTTP_PUSH_HIGH", "{action}");
    }
    simulator.check_url();
    assert_eq!(listener.hears(), json!({"EventType": "check_url"}));
}

#[tokio::test]
async fn a_third_party_app_is_told_in_batches_who_leaves_and_who_joins() {
    let (simulator, listener) = simulator(THIRD_PARTY, Shape::Sync).await;
    let corp_id = simulator.organisations()[0];
    simulator.decide(corp_id, Decision::Authorise);
    all_is_told(&simulator).await;
    simulator.leave(corp_id, "bob");
    simulator.come_back(corp_id, "bob");
    let medium = std::iter::repeat_with(|| listener.hears()).filter(|batch| batch["EventType"] == "SYNC_HTTP_PUSH_MEDIUM");
    let mut told: Vec<_> = medium.take(2).collect();
    told.sort_by_key(|batch| batch["bizData"][0]["id"].as_u64());
    for (batch, (action, names)) in told.iter().zip([("user_leave_org", "userId"), ("user_add_org", "userid")]) {
        let (told, record) = (datum(batch), &batch["bizData"][0]);
        assert_eq!((&record["biz_type"], &record["biz_id"], &told["syncAction"]), (&json!(13), &json!("bob"), &json!(action)));
        assert_eq!((&told[names], &told["unionid"]), (&json!("bob"), &json!("simulatedUnionBob")), "{told}");
        assert_eq!(told["eventId"], told["syncSeq"]);
    }
    assert_eq!(datum(&told[0]).get("userid"), None);
}

#[tokio::test]
async fn each_datum_of_a_batch_has_a_number_of_its_own_that_grows_and_stays_when_it_comes_again() {
    let (simulator, listener) = simulator(THIRD_PARTY, Shape::Sync).await;
    let number = |batch: &Value| {
        let told = &batch["bizData"][0];
        assert_eq!(told["id"], told["open_cursor"]);
        told["id"].as_u64().expect("a number")
    };
    let corp_id = simulator.organisations()[0];
    let mut numbers = vec![number(&listener.hears())];
    all_is_told(&simulator).await;
    listener.answers.send("503").expect("a listener");
    simulator.decide(corp_id, Decision::Authorise);
    let [failed, again] = [(); 2].map(|()| listener.hears());
    assert_eq!(failed, again);
    numbers.push(number(&again));
    ["alice", "bob", "lisi"].iter().for_each(|user_id| simulator.leave(corp_id, user_id));
    let mut of_one_moment = [(); 3].map(|()| number(&listener.hears()));
    of_one_moment.sort_unstable();
    numbers.extend(of_one_moment);
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
}

#[tokio::test]
async fn an_event_comes_again_until_its_success_comes_back() {
    let (simulator, listener) = simulator(INTERNAL, Shape::Sync).await;
    for answer in ["503", "failure"] {
        listener.answers.send(answer).expect("a listener");
    }
    simulator.leave(INTERNAL.corp_id, "bob");
    let told: Vec<_> = (0..3).map(|_| listener.hears()).collect();
    assert_eq!((&told[0]["EventType"], &told[0]["UserId"]), (&json!("user_leave_org"), &json!(["bob"])));
    assert!(told[0] == told[1] && told[1] == told[2]);
    assert_eq!((&told[0]["userId"], &told[0]["EventTime"]), (&json!(["bob"]), &told[0]["TimeStamp"]));
    simulator.come_back(INTERNAL.corp_id, "bob");
    let next = listener.hears();
    assert_eq!(next["EventType"], "user_add_org", "after its success an event is not told again");
    for id in ["eventId", "BizId"] {
        assert!(next[id].is_string() && next[id] != told[0][id], "{id}: {next}");
    }
}

#[tokio::test]
async fn the_older_shapes_can_be_had() {
    let (simulator, listener) = simulator(THIRD_PARTY, Shape::Old).await;
    let ticket = listener.hears();
    assert_eq!((&ticket["EventType"], &ticket["SuiteTicket"]), (&json!("suite_ticket"), &json!(simulator.suite_ticket())));
    let corp_id = simulator.organisations()[0];
    for (decision, event_type) in
        [(Decision::Authorise, "tmp_auth_code"), (Decision::Change, "change_auth"), (Decision::Relieve, "suite_relieve")]
    {
        simulator.decide(corp_id, decision);
        let told = listener.hears();
        assert_eq!((&told["EventType"], &told["AuthCorpId"]), (&json!(event_type), &json!(corp_id)));
        assert_eq!(told["SuiteKey"], THIRD_PARTY.client_id);
    }
    simulator.decide(corp_id, Decision::Authorise);
    listener.hears();
    for (decision, event_type) in [
        (Decision::Stop, "org_micro_app_stop"),
        (Decision::Restore, "org_micro_app_restore"),
        (Decision::Remove, "org_micro_app_remove"),
    ] {
        simulator.decide(corp_id, decision);
        let told = listener.hears();
        let (agent_id, app_id) = (json!(2_000_000_001), json!(1));
        assert_eq!((&told["EventType"], &told["AgentId"], &told["AppId"]), (&json!(event_type), &agent_id, &app_id));
        assert_eq!((&told["AuthCorpId"], &told["CorpId"]), (&json!(corp_id), &json!(corp_id)));
    }
}

#[tokio::test]
async fn an_event_that_a_test_made_up_is_sent_as_it_was_written_in_every_shape() {
    let data = json!({"processInstanceId": "p1", "UserId": "bob", "form_values": [{"name": "x"}]});
    for (app, shape) in [(THIRD_PARTY, Shape::Sync), (THIRD_PARTY, Shape::Old), (INTERNAL, Shape::Sync)] {
        let (simulator, listener) = simulator(app, shape).await;
        let corp_id = simulator.organisations()[0];
        if app.client_id == THIRD_PARTY.client_id {
            simulator.decide(corp_id, Decision::Authorise);
            all_is_told(&simulator).await;
            while listener.heard.try_recv().is_ok() {}
        }
        simulator.tell(corp_id, "bpms_instance_change", data.clone());
        let told = listener.hears();
        let (event, whose, name) = match (told.get("bizData"), told["EventType"].clone()) {
            (Some(batch), _) => (datum(&told), batch[0]["corp_id"].clone(), datum(&told)["syncAction"].clone()),
            (None, name) => (told.clone(), told["CorpId"].clone(), name),
        };
        assert_eq!((whose, name), (json!(corp_id), json!("bpms_instance_change")));
        for (member, value) in data.as_object().expect("an object") {
            assert_eq!(&event[member], value, "{shape:?}: {event}");
        }
        assert_eq!(event.get("userId"), None, "nothing was added: {event}");
    }
}

#[tokio::test]
#[should_panic = "the app does not listen"]
async fn an_event_that_nobody_would_hear_is_a_slip() {
    let simulator = Simulator::start().await.expect("a simulator");
    simulator.tell(INTERNAL.corp_id, "bpms_instance_change", json!({}));
}

#[tokio::test]
async fn a_temporary_code_is_good_once_and_for_its_own_app_even_after_another_has_tried() {
    let (simulator, listener) = simulator(THIRD_PARTY, Shape::Old).await;
    assert_eq!(listener.hears()["EventType"], "suite_ticket");
    simulator.decide(simulator.organisations()[0], Decision::Authorise);
    let code = listener.hears()["AuthCode"].clone();
    let http = web_client();
    let post = async |path: &str, body: Value| -> Value {
        let answer = http.post(format!("{}{path}", simulator.url())).json(&body).send().await.expect("an answer");
        answer.json().await.expect("JSON")
    };
    for (app, errcode) in [(CUSTOM, 40078), (THIRD_PARTY, 0), (THIRD_PARTY, 40078)] {
        let ticket = simulator.suite_ticket();
        let secret = json!({"suite_key": app.client_id, "suite_secret": app.client_secret, "suite_ticket": ticket});
        let token = post("/service/get_suite_token", secret).await["suite_access_token"].clone();
        let path = format!("/service/get_permanent_code?suite_access_token={}", token.as_str().expect("a token"));
        let answer = post(&path, json!({"tmp_auth_code": code})).await;
        assert_eq!(answer["errcode"], errcode, "{}: {answer}", app.client_id);
    }
}
