//! How an app's own code reacts to events, over Stream and over HTTP.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dingtalk_h5::dingtalk::events::{Event, Happening, LONGEST_SILENCE, Reaction};
use dingtalk_h5::dingtalk::{CorpId, Events};
use dingtalk_h5::web::App;
use dingtalk_simulator::{Decision, Shape};
use serde_json::{Value, json};

use crate::support::{Browser, TestApp, eventually, pages, state_of};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Stream,
    Http,
}

/// The events that the app's reaction was called with.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Event>>>);

impl Told {
    fn note(&self, event: Event) -> Happening {
        let what = event.what.clone();
        self.0.lock().unwrap().push(event);
        what
    }

    fn times(&self, is_meant: impl Fn(&Happening) -> bool) -> usize {
        self.0.lock().unwrap().iter().filter(|event| is_meant(&event.what)).count()
    }

    fn of_leaving(&self) -> usize {
        self.times(|what| matches!(what, Happening::Left(..)))
    }

    /// A reaction that notes each event.
    fn noting(&self) -> Reaction {
        let told = self.clone();
        Reaction::new(move |event| {
            told.note(event);
            async { Ok::<_, String>(()) }
        })
    }

    fn of_joining(&self) -> usize {
        self.times(|what| matches!(what, Happening::Other { event_type, .. } if event_type == "user_add_org"))
    }
}

impl Way {
    /// An app with this reaction that gets its events this way, and the organisation that uses it.
    async fn start(self, reaction: Reaction) -> (TestApp, &'static str) {
        let app = App { reaction, ..pages::app() };
        let app = TestApp::third_party_of(app, |settings| {
            if self == Self::Stream {
                settings.dingtalk.events = Events::Stream(LONGEST_SILENCE);
            }
        })
        .await;
        match self {
            Self::Stream => eventually("stream is open", || app.dingtalk.stream_connections() == 1).await,
            Self::Http => app.dingtalk.push_events_to(format!("{}/dingtalk/events", app.url), Shape::Sync),
        }
        let corp_id = app.dingtalk.organisations()[0];
        app.dingtalk.decide(corp_id, Decision::Authorise);
        all_is_acknowledged(&app).await;
        (app, corp_id)
    }
}

async fn all_is_acknowledged(app: &TestApp) {
    eventually("all is acknowledged", || app.dingtalk.pushes_waiting() == 0).await;
}

async fn logged_in(app: &TestApp, corp_id: &str, user_id: &str) -> Browser {
    let mut browser = app.browser();
    let state = state_of(&browser.open(&format!("/?corpid={corp_id}")).await.body);
    assert_eq!(browser.log_in(&app.dingtalk.issue_code_at(corp_id, user_id), &state).await.status, 200);
    browser
}

#[tokio::test]
async fn an_app_hears_who_left_and_what_the_plumbing_knows_nothing_of_with_its_data() {
    for way in [Way::Stream, Way::Http] {
        let told = Told::default();
        let (app, corp_id) = way.start(told.noting()).await;
        app.dingtalk.leave(corp_id, "alice");
        app.dingtalk.come_back(corp_id, "alice");
        all_is_acknowledged(&app).await;
        let ours = CorpId::parse(corp_id).unwrap();
        let left = |what: &Happening| match what {
            Happening::Left(corp_id, people) => *corp_id == ours && people.iter().any(|person| person.as_str() == "alice"),
            _ => false,
        };
        let named = |data: &Value| match way {
            Way::Stream => data["userId"] == json!(["alice"]),
            Way::Http => data["userid"] == "alice",
        };
        let joined = |what: &Happening| match what {
            Happening::Other { event_type, corp_id, data, .. } => {
                event_type == "user_add_org" && corp_id.as_ref() == Some(&ours) && named(data)
            }
            _ => false,
        };
        assert_eq!((told.times(left), told.times(joined)), (1, 1), "{way:?}: {:?}", told.0.lock().unwrap());
        assert!(told.0.lock().unwrap().iter().any(|event| event.at.is_some()));
    }
}

#[tokio::test]
async fn an_app_hears_an_event_that_a_test_made_up() {
    for way in [Way::Stream, Way::Http] {
        let told = Told::default();
        let (app, corp_id) = way.start(told.noting()).await;
        app.dingtalk.tell(corp_id, "bpms_instance_change", json!({"result": "agree"}));
        all_is_acknowledged(&app).await;
        let ours = CorpId::parse(corp_id).ok();
        let decided = |what: &Happening| match what {
            Happening::Other { event_type, corp_id, data, .. } => {
                event_type == "bpms_instance_change" && *corp_id == ours && data["result"] == "agree"
            }
            _ => false,
        };
        assert_eq!(told.times(decided), 1, "{way:?}: {:?}", told.0.lock().unwrap());
    }
}

#[tokio::test]
async fn an_app_that_fails_or_panics_is_told_again_until_it_is_done_and_whoever_left_is_logged_out_all_the_same() {
    for way in [Way::Stream, Way::Http] {
        let (told, fails) = (Told::default(), Arc::new(AtomicBool::new(true)));
        let (noting, failing) = (told.clone(), fails.clone());
        let reaction = Reaction::new(move |event| {
            let (left, nth) = (matches!(noting.note(event), Happening::Left(..)), noting.of_leaving());
            let fails = left && failing.load(Ordering::Relaxed);
            async move {
                assert!(!fails || nth != 2, "the app panics when it is told the second time");
                if fails { Err("the app is not done") } else { Ok(()) }
            }
        });
        let (app, corp_id) = way.start(reaction).await;
        let mut alice = logged_in(&app, corp_id, "alice").await;
        app.dingtalk.leave(corp_id, "alice");
        eventually("it is told again", || told.of_leaving() >= 3).await;
        assert_eq!(alice.me().await.status, 401, "{way:?}");
        assert_eq!(app.dingtalk.pushes_waiting(), 1, "{way:?}: what is not done is not acknowledged");

        fails.store(false, Ordering::Relaxed);
        all_is_acknowledged(&app).await;
        let times = told.of_leaving();
        app.dingtalk.come_back(corp_id, "alice");
        all_is_acknowledged(&app).await;
        assert_eq!((told.of_leaving(), told.of_joining()), (times, 1), "{way:?}: what is done is not told again");
    }
}

#[tokio::test]
async fn an_app_that_hangs_keeps_neither_dingtalk_nor_the_next_event_waiting() {
    for way in [Way::Stream, Way::Http] {
        let told = Told::default();
        let noting = told.clone();
        let reaction = Reaction::new(move |event| {
            let hangs = matches!(noting.note(event), Happening::Left(..));
            async move {
                if hangs {
                    pending::<()>().await;
                }
                Ok::<_, String>(())
            }
        });
        let (app, corp_id) = way.start(reaction).await;
        let began = Instant::now();
        app.dingtalk.leave(corp_id, "alice");
        eventually("the app hangs", || told.of_leaving() == 1).await;
        app.dingtalk.come_back(corp_id, "alice");
        eventually("it is told of the next", || told.of_joining() == 1).await;
        eventually("and again of the first", || told.of_leaving() == 2).await;
        // DingTalk itself would have given up after 2.5 seconds over HTTP, and after five by Stream.
        assert!(began.elapsed() < Duration::from_millis(2400), "{way:?}: {:?}", began.elapsed());
    }
}
