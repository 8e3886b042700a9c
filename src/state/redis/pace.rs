//! Calls of all processes leave as fast as DingTalk lets one app make them, and about in the order in which they were asked for.

use std::sync::Arc;
use std::time::Duration;

use super::{Names, Redis, script};
use crate::dingtalk::{Leave, LeaveAnswer, LeaveRequest, Outcome, Sharing};

impl Redis {
    /// How long processes keep to their parts after Redis is back: DingTalk counts the calls of a second, and all are back within another.
    const SETTLING: Duration = Duration::from_secs(2);

    /// Whether each process keeps to its part of the limit, and whether they agree.
    pub fn sharing(&self) -> Sharing {
        match self.link.session() {
            Ok(session) if session.back_since.is_none_or(|since| since.elapsed() >= Self::SETTLING) => Sharing::Together,
            Ok(_) => Sharing::Settling(self.processes()),
            Err(_) => Sharing::Apart(self.processes()),
        }
    }

    /// How many of the calls that wait in this process may leave. None: Redis is away.
    pub async fn departures(&self, asking: LeaveRequest<'_>) -> Option<LeaveAnswer> {
        let LeaveRequest { line, wanted, per_second, since } = asking;
        let number: u64 = rand::random();
        let leaves = format!("{} {number} ", self.me);
        let args = (&self.me, &leaves, wanted, per_second, since);
        let question = |names: &Names| script(DEPART, &KINDS, &places(names, line), args);
        let (may, wait_ms, waiting): (usize, u64, usize) = self.link.ask(question).await.ok()?;
        let wait = Duration::from_millis(wait_ms);
        Some(if may > 0 { LeaveAnswer::Now(may, number) } else { LeaveAnswer::After { wait, waiting } })
    }

    /// Notes in Redis what became of a call, in the background.
    pub fn note_departure(self: &Arc<Self>, line: String, Leave(number, nth): Leave, outcome: Outcome) {
        let (what, late) = match outcome {
            Outcome::NotSent => ("stayed", Duration::ZERO),
            Outcome::Late(late) => ("late", late),
            Outcome::Refused(late) => ("refused", late),
        };
        let (redis, leave) = (Arc::clone(self), format!("{} {number} {}", self.me, nth + 1));
        self.runtime.spawn(async move {
            let args = (&leave, what, late.as_millis() as u64);
            let question = |names: &Names| script(NOTE_DEPARTURE, &KINDS, &places(names, &line), args);
            // It is not tried again: when Redis is back, the call no longer counts.
            let _ = redis.link.ask::<()>(question).await;
        });
    }
}

/// The types of the values under the keys in `places`, in the same order.
const KINDS: [&str; 4] = ["zset", "hash", "hash", "zset"];

fn places(names: &Names, line: &str) -> [String; 4] {
    ["left", "waiting", "limit", "refused"].map(|what| names.key(&format!("{what} {line}")))
}

const DEPART: &str = include_str!("lua/depart.lua");
const NOTE_DEPARTURE: &str = include_str!("lua/note_departure.lua");
