//! What an app does in the background, beside requests.

use std::convert::Infallible;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data, ServiceConfig};
use dingtalk_h5::dingtalk::UserId;
use dingtalk_h5::dingtalk::events::Reaction;
use dingtalk_h5::web::{App, Stopping, route};
use futures_util::stream::{self, StreamExt};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;

use crate::support::{TestApp, eventually, in_time, pages};

/// For a request that is in flight when the server stops: whether it has begun, and the signal for it to end.
struct Last {
    began: AtomicBool,
    may_end: Notify,
}

async fn last(last: Data<Last>) -> &'static str {
    last.began.store(true, Ordering::Relaxed);
    last.may_end.notified().await;
    "answered"
}

#[tokio::test]
async fn what_an_app_does_beside_requests_goes_on_until_the_last_is_answered_and_ends_with_the_server() {
    let (ends, mut end) = oneshot::channel::<Infallible>();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let _until_it_is_cut_off = ends;
        pending().await
    });
    let shared = Data::new(Last { began: AtomicBool::new(false), may_end: Notify::new() });
    let (for_routes, own) = (shared.clone(), pages::app());
    let routes = move |routes: &mut ServiceConfig| {
        routes.app_data(for_routes.clone()).service(route::get("/last", last));
        (own.routes)(routes);
    };
    let app = TestApp::of(App { tasks, routes: Arc::new(routes), ..pages::app() }).await;
    let (mut browser, mut probe) = (app.browser(), app.browser());
    let in_flight = tokio::spawn(async move { browser.read("/last").await });
    eventually("it is in flight", || shared.began.load(Ordering::Relaxed)).await;

    drop(app);
    in_time("it stops", async { while probe.read("/healthz").await.status == 200 {} }).await;
    assert!(end.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Empty), "it ended too early");
    shared.may_end.notify_one();
    assert_eq!(in_flight.await.unwrap().body, "answered");
    let ended = tokio::time::timeout(Duration::from_secs(20), end).await;
    assert!(ended.is_ok_and(|ended| ended.is_err()), "it goes on without the server");
}

/// Answers at once, and leaves work for the background that a stop has to wait for.
async fn leave(shared: Data<Last>, stopping: Data<Stopping>, done: Data<Mutex<Option<oneshot::Sender<()>>>>) -> &'static str {
    stopping.waits_for(async move {
        shared.may_end.notified().await;
        done.lock().unwrap().take().unwrap().send(()).unwrap();
    });
    "answered"
}

/// A stream of events that goes on until the server begins to stop.
async fn news(shared: Data<Last>, stopping: Data<Stopping>) -> HttpResponse {
    shared.began.store(true, Ordering::Relaxed);
    let news = stream::once(async { Ok::<_, Infallible>(Bytes::from_static(b"data: news\n\n")) }).chain(stream::pending());
    HttpResponse::Ok().content_type("text/event-stream").streaming(news.take_until(async move { stopping.begins().await }))
}

#[tokio::test]
async fn a_stop_waits_for_what_requests_have_left_and_for_no_answer_that_ends_with_it() {
    let (done, left) = oneshot::channel();
    let shared = Data::new(Last { began: AtomicBool::new(false), may_end: Notify::new() });
    let (for_routes, done, own) = (shared.clone(), Data::new(Mutex::new(Some(done))), pages::app());
    let workers = Arc::new(());
    let are_left = Arc::downgrade(&workers);
    let routes = move |routes: &mut ServiceConfig| {
        let _of_all = &workers;
        routes.app_data(for_routes.clone()).app_data(done.clone());
        routes.service(route::get("/leave", leave)).service(route::get("/news", news));
        (own.routes)(routes);
    };
    let app = TestApp::of(App { routes: Arc::new(routes), ..pages::app() }).await;
    let (mut listener, mut probe) = (app.browser(), app.browser());
    assert_eq!(app.browser().read("/leave").await.body, "answered");
    let listening = tokio::spawn(async move { listener.read("/news").await.body });
    eventually("somebody listens", || shared.began.load(Ordering::Relaxed)).await;

    let stopped = Instant::now();
    drop(app);
    in_time("it stops", async { while probe.read("/healthz").await.status == 200 {} }).await;
    assert_eq!(listening.await.unwrap(), "data: news\n\n");
    assert!(stopped.elapsed() < Duration::from_secs(5), "{:?}", stopped.elapsed());
    eventually("the workers are gone", || are_left.strong_count() == 0).await;
    shared.may_end.notify_one();
    assert_eq!(left.await, Ok(()), "it was cut off");
}

#[tokio::test]
async fn what_an_app_does_beside_requests_may_call_dingtalk() {
    let (tells, told) = oneshot::channel();
    let _app = TestApp::built(|dingtalk| {
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let bob = UserId::parse("bob").unwrap();
            drop(tells.send(dingtalk.home().unwrap().user_details(&bob).await));
        });
        App { tasks, ..pages::app() }
    })
    .await;
    assert_eq!(told.await.unwrap().unwrap().union_id.as_deref(), Some("simulatedUnionBob"));
}

#[tokio::test]
async fn a_task_learns_of_the_stop_and_what_it_hands_over_then_is_waited_for() {
    let (done, left) = oneshot::channel();
    let may_end = Arc::new(Notify::new());
    let (stopping, ends, mut tasks) = (Data::new(Stopping::new()), Arc::clone(&may_end), JoinSet::new());
    let of_task = stopping.clone();
    tasks.spawn(async move {
        of_task.begins().await;
        of_task.waits_for(async move {
            ends.notified().await;
            done.send(()).unwrap();
        });
    });
    let app = TestApp::of(App { tasks, stopping: Some(stopping), ..pages::app() }).await;
    let mut probe = app.browser();
    drop(app);
    in_time("it stops", async { while probe.read("/healthz").await.status == 200 {} }).await;
    may_end.notify_one();
    assert_eq!(left.await, Ok(()), "it was cut off");
}

#[tokio::test]
async fn what_reacts_to_events_may_hold_dingtalk_and_goes_with_the_server() {
    let (held, goes) = oneshot::channel::<Infallible>();
    let app = TestApp::built(|dingtalk| {
        let held = Arc::new((held, dingtalk));
        let reaction = Reaction::new(move |_| {
            let _held = Arc::clone(&held);
            async { Ok::<(), Infallible>(()) }
        });
        App { reaction, ..pages::app() }
    })
    .await;
    drop(app);
    let gone = tokio::time::timeout(Duration::from_secs(20), goes).await;
    assert!(gone.is_ok_and(|gone| gone.is_err()), "it keeps the state, and that its file");
}
