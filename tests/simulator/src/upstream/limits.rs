//! Rate limits: how many calls of one API DingTalk accepts in any second from one app, of a third-party app per organisation. They go by
//! the real time, which the simulated clock does not change.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};

use super::api::Api;
use crate::world::Holder;

const WINDOW: Duration = Duration::from_secs(1);

/// How many calls of each API each app made, and how many were refused.
#[derive(Debug, Default)]
pub struct Paces(BTreeMap<(Holder, &'static str), Pace>);

/// How many calls of one API one app made, and how many were refused.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pace {
    /// Calls that were accepted.
    pub accepted: u64,
    /// Calls that were refused because of the limit.
    pub refused: u64,
    /// The most calls that were accepted within any second.
    pub most_accepted_in_a_second: usize,
    /// The most calls that arrived within any second.
    pub most_arrived_in_a_second: usize,
    /// When the calls of the last second were accepted. Older times are only removed at the next call.
    #[serde(skip)]
    pub accepted_lately: VecDeque<Instant>,
    #[serde(skip)]
    arrived_lately: VecDeque<Instant>,
}

impl Paces {
    /// Whether a call that was read at `now` is accepted. A refused call does not count against the limit.
    pub fn admit(&mut self, limit: Option<u32>, caller: Holder, api: &Api, now: Instant) -> bool {
        self.0.entry((caller, api.path)).or_default().admit(limit, now)
    }

    pub fn pace(&self, caller: Holder, api: &Api) -> Pace {
        self.0.get(&(caller, api.path)).cloned().unwrap_or_default()
    }

    /// Calls that were refused because of the limit, of all apps and APIs.
    pub fn refused(&self) -> u64 {
        self.0.values().map(|pace| pace.refused).sum()
    }

    pub fn state(&self, limit: Option<u32>) -> Value {
        let paces = self.0.iter().map(|((Holder { client_id, corp_id }, path), pace)| {
            let mut shown = json!({"clientId": client_id, "api": path, "corpId": corp_id});
            if let (Some(shown), Ok(Value::Object(pace))) = (shown.as_object_mut(), serde_json::to_value(pace)) {
                shown.retain(|_, value| *value != "");
                shown.extend(pace);
            }
            shown
        });
        json!({"callsPerSecond": limit, "refused": self.refused(), "paces": paces.collect::<Vec<_>>()})
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

/// Adds a call at `now`, and returns how many calls there were in the second that ends now, including this one.
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

    use super::super::apis::{USER_BY_CODE, USER_DETAILS};

    fn app() -> Holder {
        Holder::new("app", "")
    }

    #[test]
    fn so_many_are_let_in_within_any_second() {
        let (mut paces, start) = (Paces::default(), Instant::now());
        let at = [0, 600, 700, 999, 1000, 1500, 1600];
        let admitted = at.map(|millis| paces.admit(Some(2), app(), &USER_BY_CODE, start + Duration::from_millis(millis)));
        assert_eq!(admitted, [true, true, false, false, true, false, true]);
        let pace = paces.pace(app(), &USER_BY_CODE);
        assert_eq!((pace.accepted, pace.refused), (4, 3));
        assert_eq!((pace.most_accepted_in_a_second, pace.most_arrived_in_a_second), (2, 5));
    }

    #[test]
    fn each_app_each_organisation_and_each_api_has_a_pace_of_its_own() {
        let (mut paces, now) = (Paces::default(), Instant::now());
        let (other, elsewhere) = (Holder::new("other", ""), Holder::new("app", "corp"));
        for (caller, api) in [(app(), &USER_BY_CODE), (other, &USER_BY_CODE), (elsewhere, &USER_BY_CODE), (app(), &USER_DETAILS)]
        {
            assert_eq!([(); 3].map(|()| paces.admit(Some(2), caller.clone(), api, now)), [true, true, false]);
        }
        assert_eq!(paces.refused(), 4);
    }

    #[test]
    fn without_a_limit_everything_is_let_in_and_counted() {
        let (mut paces, now) = (Paces::default(), Instant::now());
        assert!((0..100).all(|_| paces.admit(None, app(), &USER_BY_CODE, now)));
        assert_eq!(paces.pace(app(), &USER_BY_CODE).most_accepted_in_a_second, 100);
    }
}
