//! Calls of all processes leave as fast as DingTalk lets one app make them, and about in the order in which they were asked for.

use std::sync::Arc;
use std::time::Duration;

use super::{Names, Redis, script};
use crate::dingtalk::{Permit, PermitAnswer, PermitRequest, PermitUse, Sharing};

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

    /// Permits for calls that wait in this process. None: Redis is away.
    pub async fn permits(&self, wanted: PermitRequest<'_>) -> Option<PermitAnswer> {
        let PermitRequest { line, wanted, per_second, since } = wanted;
        let request: u64 = rand::random();
        let args = (&self.me, self.calls_of(request), wanted, per_second, since);
        let question = |names: &Names| script(PERMIT, &KINDS, &keys(names, line), &args);
        let (calls, wait_ms, waiting_processes): (usize, u64, usize) = self.link.ask(question).await.ok()?;
        let wait = Duration::from_millis(wait_ms);
        Some(match calls {
            0 => PermitAnswer::NotYet { wait, waiting_processes },
            calls => PermitAnswer::Granted { calls, request },
        })
    }

    /// What the names of the calls of a request begin with. Behind it stands 1, 2 and so on.
    fn calls_of(&self, request: u64) -> String {
        format!("{} {request} ", self.me)
    }

    /// Notes in Redis what became of a call, in the background.
    pub fn note_permit(self: &Arc<Self>, line: String, Permit { request, nth }: Permit, used: PermitUse) {
        let (what, late) = match used {
            PermitUse::NotSent => ("stayed", Duration::ZERO),
            PermitUse::Late(late) => ("late", late),
            PermitUse::Refused(late) => ("refused", late),
        };
        let redis = Arc::clone(self);
        let call = format!("{}{}", self.calls_of(request), nth + 1);
        self.runtime.spawn(async move {
            let args = (&call, what, late.as_millis() as u64);
            let question = |names: &Names| script(NOTE_PERMIT, &KINDS, &keys(names, &line), args);
            // It is not tried again: when Redis is back, the call no longer counts.
            let _ = redis.link.ask::<()>(question).await;
        });
    }
}

/// The types of the values under `keys`, in the same order.
const KINDS: [&str; 4] = ["zset", "hash", "hash", "zset"];

fn keys(names: &Names, line: &str) -> [String; 4] {
    ["left", "waiting", "limit", "refused"].map(|what| names.key(&format!("{what} {line}")))
}

const PERMIT: &str = include_str!("lua/permit.lua");
const NOTE_PERMIT: &str = include_str!("lua/note_permit.lua");
