//! What stands in a session cookie that one of our keys has opened.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use super::super::cookie_policy::CookiePolicy;
use super::super::sessions::{Login, Sessions};
use super::session_cookie::KEYS;
use crate::dingtalk::{Clock, CorpId, TimeSource};

const NOW: u64 = 1_700_000_000;
const CORP: &str = "ding0000000000000001";
const HOUR: u64 = 3600;
const COOKIES: CookiePolicy = CookiePolicy {
    secure: true,
    embedded: false,
};

/// A login that is read is one that could have been written, it holds exactly as long as both limits say, and once it has ended it never
/// holds again, however late its cookie comes back.
pub fn session_payload(json: &[u8]) {
    let Some(login) = std::str::from_utf8(json).ok().and_then(read) else {
        return;
    };
    let (user_id, name) = (login.user_id.as_str(), login.name.as_str());
    assert!((1..=256).contains(&user_id.len()) && name.chars().count() <= 64);
    assert!(!user_id.contains(char::is_control) && !name.contains(char::is_control));
    let written = serde_json::to_string(&login).unwrap_or_default();
    assert!(read(&written).is_some_and(|again| again == login), "{written}");
    for (idle, lifetime) in [(HOUR / 2, 8 * HOUR), (8 * HOUR, 8 * HOUR), (8 * HOUR, HOUR)] {
        lives(login.clone(), idle, lifetime);
    }
}

fn read(json: &str) -> Option<Login> {
    serde_json::from_str(json).ok()
}

fn lives(mut login: Login, idle: u64, lifetime: u64) {
    let Ok(corp_id) = CorpId::parse(CORP) else { return };
    let hands = Hands::default();
    let clock = Clock::from_source(hands.clone());
    let [idle_limit, lifetime_limit] = [idle, lifetime].map(Duration::from_secs);
    let sessions = Sessions::new(KEYS.clone(), COOKIES, idle_limit, lifetime_limit, corp_id, clock);

    let age = |since: u64| i128::from(NOW) - i128::from(since);
    let in_time =
        (-60..i128::from(lifetime)).contains(&age(login.began)) && (-60..i128::from(idle)).contains(&age(login.last_used));
    let expected = login.corp_id.as_str() == CORP && login.began <= login.last_used && in_time;
    assert_eq!(sessions.holds(&login), expected, "{} {}", login.began, login.last_used);

    if !expected {
        return;
    }
    sessions.is_just_born(&login);
    sessions.note_use(&mut login);
    assert!(sessions.holds(&login), "using it does not end it");
    sessions.end(&login);
    let mut times = [
        0,
        idle - 1,
        idle,
        idle + 60,
        idle + 120,
        lifetime,
        lifetime + 59,
        lifetime + 120,
    ];
    times.sort_unstable();
    for later in times {
        hands.show(later);
        // Whenever somebody else logs out, those who did so long ago are forgotten.
        sessions.end(&Login {
            id: !login.id,
            ..login.clone()
        });
        assert!(
            !sessions.holds(&login),
            "again after {later} s: {} {}",
            login.began,
            login.last_used
        );
    }
}

/// A clock that shows some seconds after `NOW`.
#[derive(Clone)]
struct Hands(Arc<AtomicU64>, Instant);

impl Default for Hands {
    fn default() -> Self {
        Self(Arc::default(), Instant::now())
    }
}

impl Hands {
    fn show(&self, seconds: u64) {
        self.0.store(seconds, Ordering::Relaxed);
    }
}

impl TimeSource for Hands {
    fn monotonic(&self) -> Instant {
        self.1 + Duration::from_secs(self.0.load(Ordering::Relaxed))
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
    }
}
