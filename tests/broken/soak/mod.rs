//! An hour of DingTalk's life in which everything goes wrong that can, for many people at once, in half a minute.
//!
//! Time does not pass by itself here: each visit moves the app's clock, and DingTalk's with it, by a few seconds. Credentials live
//! for two minutes, so that they are renewed all the time, and bans end within the hour.
//!
//! Only inside the test's own process can the clock be moved and tasks be counted, in a runtime that no other test shares. What
//! belongs to a whole process, descriptors and memory, is judged on the real program in `process::endurance`, by the real clock.

mod mishaps;
mod visitor;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dingtalk_simulator::Simulator;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

pub use self::mishaps::{Mishaps, seed};
pub use self::visitor::{Counts, Visitor};
use crate::support::{TestApp, client_accepts, eventually};

/// Where visitors come to.
pub trait Scene: Send + Sync + 'static {
    fn dingtalk(&self) -> &Simulator;

    /// What happens before each visit.
    fn go_on(&self) -> impl Future<Output = ()> + Send;
}

/// All visitors come so many times, each at their own pace.
pub async fn crowd(scene: &Arc<impl Scene>, visitors: Vec<Visitor>, visits: usize) -> Vec<Visitor> {
    let mut coming = JoinSet::new();
    for mut visitor in visitors {
        let scene = Arc::clone(scene);
        coming.spawn(async move {
            for _ in 0..visits {
                scene.go_on().await;
                visitor.visit(scene.dingtalk()).await;
            }
            visitor
        });
    }
    coming.join_all().await
}

pub fn counted(visitors: &[Visitor]) -> Counts {
    visitors.iter().fold(Counts::default(), |sum, visitor| Counts {
        logins: sum.logins + visitor.counts.logins,
        refusals: sum.refusals + visitor.counts.refusals,
    })
}

const VISITORS: usize = 16;
const VISITS: usize = 75;
const BETWEEN_VISITS: Duration = Duration::from_secs(3);
const AN_HOUR: Duration = Duration::from_secs(3600);
/// Longer than a ban, and than anything that the app remembers of a failure.
const A_BAN: Duration = Duration::from_secs(301);

/// The app with a clock that visits move, and with mishaps or without.
struct Hour {
    app: TestApp,
    mishaps: Mutex<Option<Mishaps>>,
}

impl Scene for Hour {
    fn dingtalk(&self) -> &Simulator {
        &self.app.dingtalk
    }

    async fn go_on(&self) {
        self.app.advance(BETWEEN_VISITS);
        if let Some(mishaps) = self.mishaps.lock().unwrap().as_mut() {
            mishaps.befall(&self.app.dingtalk);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_an_hour_of_mishaps_everybody_logs_in_at_once_and_no_task_is_left_behind() {
    let seed = seed();
    let app = TestApp::start_with(|settings| {
        // While one visitor waits for a slow answer, the others move the clock by more than half an hour.
        settings.web.session_idle = settings.web.session_lifetime;
    })
    .await;
    app.dingtalk.credentials_live_for(Duration::from_secs(120));
    let visitors = (0..VISITORS).map(|n| Visitor::new(&app.url, &app.url, &["/", "/profile"], seed.wrapping_add(n as u64)));
    let visitors: Vec<_> = visitors.collect();
    let hour = Arc::new(Hour { app, mishaps: Mutex::default() });

    // Somebody logged in, so that all tasks run that the app needs for itself, such as the one that looks after calls to DingTalk.
    hour.app.browser_of("alice").await;
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let at_first = tasks();
    let visitors = crowd(&hour, visitors, 3).await;
    assert_eq!(counted(&visitors).refusals, 0, "nothing has gone wrong yet");

    *hour.mishaps.lock().unwrap() = Some(Mishaps::new(seed));
    assert!(BETWEEN_VISITS * (VISITORS * VISITS) as u32 >= AN_HOUR);
    let visitors = crowd(&hour, visitors, VISITS).await;
    let Counts { logins, refusals } = counted(&visitors);
    println!("{logins} logins, {refusals} refusals");
    assert!(logins > 200 && refusals > 100, "{logins} logins, {refusals} refusals");

    *hour.mishaps.lock().unwrap() = None;
    hour.app.dingtalk.clear_faults();
    hour.app.advance(A_BAN);
    // A renewal may be under way that a mishap has already met: these visits wait for it, whatever it comes to.
    let visitors = crowd(&hour, visitors, 1).await;
    hour.app.advance(A_BAN);
    for person in ["zhangsan", "alice", "bob"] {
        let mut browser = hour.app.browser_of(person).await;
        let page = format!("{}/jsapi", hour.app.url);
        let config = browser.jsapi_config(&page).await;
        assert_eq!(config.status, 200, "{}", config.body);
        assert_eq!(client_accepts(&hour.app.dingtalk, &config.json(), &page).await["errcode"], 0);
    }

    assert_eq!(hour.app.dingtalk.codes_sent_again(), 0, "codes were sent again");
    // Connections that are kept for the next call are tasks too. They end when everybody has left, and DingTalk as well.
    drop(visitors);
    let Hour { app, .. } = Arc::into_inner(hour).unwrap();
    app.dingtalk.stop().await;
    eventually("tasks are left behind", || tasks() <= at_first).await;
}
