//! Calls of all processes leave as fast as DingTalk lets one app make them, and about in the order in which they were asked for.

use std::sync::Arc;
use std::time::Duration;

use redis::Pipeline;

use super::names::Names;
use super::{Redis, scripts};
use crate::dingtalk::{Departing, Departures, Leave, Outcome, Sharing};

impl Redis {
    /// DingTalk counts the calls of a second; processes come back within another.
    const SETTLING: Duration = Duration::from_secs(2);

    /// Whether each process keeps to its part of the limit, and whether they agree.
    pub fn sharing(&self) -> Sharing {
        if !self.link.is_up() {
            Sharing::Apart(self.processes())
        } else if self.link.back_since().is_some_and(|since| since.elapsed() < Self::SETTLING) {
            Sharing::Settling(self.processes())
        } else {
            Sharing::Together
        }
    }

    /// How many of those that wait here may leave. None: it is away.
    pub async fn departures(&self, asking: Departing<'_>) -> Option<Departures> {
        let Departing { line, wanted, per_second, since } = asking;
        let number: u64 = rand::random();
        let question = |names: &Names| {
            let mut depart = run(scripts::DEPART, names, line);
            depart.arg(&self.me).arg(self.leave(number)).arg(wanted).arg(per_second).arg(since);
            depart
        };
        let ((may, wait_ms),): ((usize, u64),) = self.link.ask(question).await.ok()?;
        Some(if may > 0 { Departures::Now(may, number) } else { Departures::After(Duration::from_millis(wait_ms)) })
    }

    /// Says what became of a call, behind whoever made it.
    pub fn note_departure(self: &Arc<Self>, line: String, Leave(number, nth): Leave, outcome: Outcome) {
        let (what, late) = match outcome {
            Outcome::Stayed => ("stayed", Duration::ZERO),
            Outcome::Late(late) => ("late", late),
            Outcome::Refused(late) => ("refused", late),
        };
        let (redis, leave) = (Arc::clone(self), format!("{}{}", self.leave(number), nth + 1));
        self.runtime.spawn(async move {
            let question = |names: &Names| {
                let mut note = run(scripts::NOTE_DEPARTURE, names, &line);
                note.arg(&leave).arg(what).arg(late.as_millis() as u64).ignore();
                note
            };
            // Whatever it was, it has passed when it is back.
            drop(redis.link.ask::<()>(question).await);
        });
    }

    fn leave(&self, number: u64) -> String {
        format!("{} {number} ", self.me)
    }
}

fn run(script: &str, names: &Names, line: &str) -> Pipeline {
    let keys = ["left", "waiting", "limit", "refused"].map(|what| names.key(format!("{what} {line}").as_bytes()));
    scripts::run(script, &keys)
}
