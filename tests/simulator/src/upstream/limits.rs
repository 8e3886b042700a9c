//! How often DingTalk lets one app call one of its APIs: so many times in any second, on a real clock that nobody moves.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};

use super::endpoint::Endpoint;

const WINDOW: Duration = Duration::from_secs(1);

/// The limit, and what came of it.
#[derive(Debug, Default)]
pub struct Limits {
    pub calls_per_second: Option<u32>,
    paces: BTreeMap<(String, &'static str), Pace>,
}

/// How the calls of one API by one app went.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pace {
    /// Calls that were let in.
    pub accepted: u64,
    /// Calls that came too soon after others.
    pub refused: u64,
    /// The most that were let in within any second.
    pub most_accepted_in_a_second: usize,
    /// The most that came within any second.
    pub most_arrived_in_a_second: usize,
    #[serde(skip)]
    accepted_lately: VecDeque<Instant>,
    #[serde(skip)]
    arrived_lately: VecDeque<Instant>,
}

impl Limits {
    /// Back to the beginning, but for the limit itself.
    pub fn reset(&mut self) {
        self.paces.clear();
    }

    /// Whether a call that was read at this moment is let in. One that is not does not count against the limit.
    pub fn admit(&mut self, client_id: &str, endpoint: Endpoint, now: Instant) -> bool {
        let pace = self.paces.entry((client_id.to_owned(), endpoint.path())).or_default();
        pace.admit(self.calls_per_second, now)
    }

    pub fn pace(&self, client_id: &str, endpoint: Endpoint) -> Pace {
        self.paces.get(&(client_id.to_owned(), endpoint.path())).cloned().unwrap_or_default()
    }

    /// Calls that came too soon, of all apps and APIs.
    pub fn refused(&self) -> u64 {
        self.paces.values().map(|pace| pace.refused).sum()
    }

    pub fn state(&self) -> Value {
        let paces = self.paces.iter().map(|((client_id, path), pace)| {
            let mut shown = json!({"clientId": client_id, "api": path});
            if let (Some(shown), Ok(Value::Object(pace))) = (shown.as_object_mut(), serde_json::to_value(pace)) {
                shown.extend(pace);
            }
            shown
        });
        json!({"callsPerSecond": self.calls_per_second, "refused": self.refused(), "paces": paces.collect::<Vec<_>>()})
    }
}

impl Pace {
    fn admit(&mut self, limit: Option<u32>, now: Instant) -> bool {
        self.most_arrived_in_a_second = self.most_arrived_in_a_second.max(joined(&mut self.arrived_lately, now));
        forget(&mut self.accepted_lately, now);
        let admitted = limit.is_none_or(|limit| self.accepted_lately.len() < limit as usize);
        if admitted {
            self.accepted += 1;
            self.most_accepted_in_a_second = self.most_accepted_in_a_second.max(joined(&mut self.accepted_lately, now));
        } else {
            self.refused += 1;
        }
        admitted
    }
}

/// How many there are in the second that ends now, this one among them.
fn joined(lately: &mut VecDeque<Instant>, now: Instant) -> usize {
    forget(lately, now);
    lately.push_back(now);
    lately.len()
}

fn forget(lately: &mut VecDeque<Instant>, now: Instant) {
    while lately.front().is_some_and(|&earlier| now.duration_since(earlier) >= WINDOW) {
        lately.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const API: Endpoint = Endpoint::UserByCode;

    fn limited() -> Limits {
        Limits { calls_per_second: Some(2), ..Limits::default() }
    }

    #[test]
    fn so_many_are_let_in_within_any_second() {
        let (mut limits, start) = (limited(), Instant::now());
        let at = [0, 600, 700, 999, 1000, 1500, 1600];
        let admitted = at.map(|millis| limits.admit("app", API, start + Duration::from_millis(millis)));
        assert_eq!(admitted, [true, true, false, false, true, false, true]);
        let pace = limits.pace("app", API);
        assert_eq!((pace.accepted, pace.refused), (4, 3));
        assert_eq!((pace.most_accepted_in_a_second, pace.most_arrived_in_a_second), (2, 5));
    }

    #[test]
    fn each_app_and_each_api_has_a_pace_of_its_own() {
        let (mut limits, now) = (limited(), Instant::now());
        for (app, api) in [("app", API), ("other", API), ("app", Endpoint::UserDetails)] {
            assert_eq!([(); 3].map(|()| limits.admit(app, api, now)), [true, true, false]);
        }
        assert_eq!(limits.refused(), 3);
    }

    #[test]
    fn without_a_limit_everything_is_let_in_and_counted() {
        let (mut limits, now) = (Limits::default(), Instant::now());
        assert!((0..100).all(|_| limits.admit("app", API, now)));
        assert_eq!(limits.pace("app", API).most_accepted_in_a_second, 100);
    }
}
