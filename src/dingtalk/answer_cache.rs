//! A cache of DingTalk's answers. However often a page is loaded, and by however many people at once, one request is made. It runs in a
//! task of its own, which does not end when a browser disconnects, and everybody who asked meanwhile gets its outcome.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::answer::success;
use super::{Clock, CorpId, Error, Target};

/// The cached answers to the calls that say for how long they may be cached: see [`super::Call::kept_for`].
pub(super) struct AnswerCache {
    entries: Mutex<HashMap<Question, Entry>>,
    clock: Clock,
    /// Calls run in this runtime, not in that of the caller.
    runtime: Handle,
}

/// The cache key: the organisation, the call with its parameters, and the body.
pub(super) type Question = (CorpId, Target, String);

struct Entry {
    asked_at: Instant,
    answer: watch::Receiver<Option<Answered>>,
}

struct Answered {
    /// The answer as text, which takes the least memory.
    outcome: Result<Arc<str>, Error>,
    good_until: Instant,
}

impl AnswerCache {
    /// Room for several times the answers of a minute at twenty calls a second, DingTalk's limit for one API.
    const MOST_BYTES: usize = 4 * 1024 * 1024;
    /// The most bytes that an entry takes besides its texts.
    const EACH: usize = 1024;

    /// Must be called in the runtime that is to carry the calls.
    pub fn new(clock: Clock) -> Self {
        Self { entries: Mutex::default(), clock, runtime: Handle::current() }
    }

    /// The answer to `question`: the cached one, or that of a request in flight, else what `ask` brings. A failure is cached too, until a
    /// retry may help.
    pub async fn get<T, F>(&self, question: Question, ask: F) -> Result<T, Error>
    where
        T: DeserializeOwned,
        F: Future<Output = Result<Value, Error>> + Send + 'static,
    {
        let call = question.1.call;
        let mut answer = self.answer_to(question, ask);
        let outcome = answer.wait_for(Option::is_some).await.ok().and_then(|answer| Some(answer.as_ref()?.outcome.clone()));
        success(call, outcome.unwrap_or_else(|| Err(Error::interrupted(call)))?.as_bytes())
    }

    /// The answer to `question`, as it comes: cached, in flight, or asked for now.
    fn answer_to<F>(&self, question: Question, ask: F) -> watch::Receiver<Option<Answered>>
    where
        F: Future<Output = Result<Value, Error>> + Send + 'static,
    {
        let now = self.clock.now_with_sleep();
        let mut entries = self.entries.lock();
        if let Some(known) = entries.get(&question).filter(|known| known.is_good(now)) {
            return known.answer.clone();
        }
        make_room(&mut entries, now);
        let (done, answer) = watch::channel(None);
        let kept_for = question.1.call.kept_for.unwrap_or_default();
        entries.insert(question, Entry { asked_at: now, answer: answer.clone() });
        let clock = self.clock.clone();
        self.runtime.spawn(async move {
            let outcome = ask.await.map(|answer| answer.to_string().into());
            let good_for = outcome.as_ref().map_or_else(|error| error.retry_after().min(kept_for), |_| kept_for);
            done.send_replace(Some(Answered { outcome, good_until: clock.now_with_sleep() + good_for }));
        });
        answer
    }
}

impl Entry {
    /// Whether the entry may be used: in flight or not yet expired. Not if its task ended without an answer.
    fn is_good(&self, now: Instant) -> bool {
        self.answer.borrow().as_ref().map_or(self.answer.has_changed().is_ok(), |answered| now < answered.good_until)
    }

    fn bytes(&self) -> usize {
        match self.answer.borrow().as_ref().map(|answered| &answered.outcome) {
            Some(Ok(text)) => text.len(),
            Some(Err(_)) | None => 0,
        }
    }
}

/// Removes expired entries and, while the rest still takes too much memory, those that were asked for longest ago.
fn make_room(entries: &mut HashMap<Question, Entry>, now: Instant) {
    entries.retain(|_, known| known.is_good(now));
    let bytes = |((_, target, body), known): (&Question, &Entry)| AnswerCache::EACH + target.bytes() + body.len() + known.bytes();
    let mut sum: usize = entries.iter().map(bytes).sum();
    while sum > AnswerCache::MOST_BYTES
        && let Some(oldest) = entries.iter().min_by_key(|(_, known)| known.asked_at)
    {
        // Saturating, since an answer that has come meanwhile was not in the sum.
        sum = sum.saturating_sub(bytes(oldest));
        let question = oldest.0.clone();
        entries.remove(&question);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::super::{Call, Kind};
    use super::*;

    const CALL: Call = Call::old("department", "/topapi/v2/department/get").kept_for(Duration::from_secs(60));

    fn corp() -> CorpId {
        CorpId::parse("ding1").unwrap()
    }

    async fn asked(
        kept: &AnswerCache,
        body: Value,
        answer: Result<Value, Error>,
        times: &Arc<AtomicUsize>,
    ) -> Result<Value, Error> {
        let times = Arc::clone(times);
        let ask = async move {
            times.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            answer
        };
        kept.get((corp(), CALL.into(), body.to_string()), ask).await
    }

    #[tokio::test]
    async fn who_asks_meanwhile_is_told_the_same_even_when_the_first_went_away_and_even_a_failure() {
        let limited = || Err(Error::new(CALL, Kind::RateLimited, "too many"));
        for answer in [|| Ok(serde_json::json!({"name": "a"})), limited] {
            let (kept, times) = (AnswerCache::new(Clock::system()), Arc::default());
            drop(kept.answer_to((corp(), CALL.into(), Value::Null.to_string()), async { Ok(Value::Null) }));
            let first = asked(&kept, 1.into(), answer(), &times);
            tokio::select! { biased; _ = first => unreachable!(), () = std::future::ready(()) => {} }
            for _ in 0..100 {
                let told = asked(&kept, 1.into(), answer(), &times).await;
                assert_eq!(told.map_err(|error| error.kind), answer().map_err(|error| error.kind));
            }
            assert_eq!(times.load(Ordering::SeqCst), 1);
            asked(&kept, 2.into(), answer(), &times).await.ok();
            assert_eq!(times.load(Ordering::SeqCst), 2, "another question");
        }
    }

    #[tokio::test]
    async fn many_questions_fill_no_memory() {
        let (kept, times) = (AnswerCache::new(Clock::system()), Arc::default());
        let long = serde_json::json!({"text": "x".repeat(64 * 1024)});
        for number in 0..200 {
            asked(&kept, number.into(), Ok(long.clone()), &times).await.unwrap();
            let held: usize = kept.entries.lock().values().map(Entry::bytes).sum();
            assert!(held <= AnswerCache::MOST_BYTES + 65 * 1024, "{held}");
        }
        asked(&kept, 199.into(), Ok(long.clone()), &times).await.unwrap();
        assert_eq!(times.load(Ordering::SeqCst), 200, "the newest is kept");
        for number in 200..6000 {
            asked(&kept, number.into(), Ok(serde_json::json!({})), &times).await.unwrap();
        }
        assert!(kept.entries.lock().len() <= AnswerCache::MOST_BYTES / AnswerCache::EACH + 1);
    }

    #[tokio::test]
    async fn a_call_that_panics_is_asked_again() {
        let (kept, times) = (AnswerCache::new(Clock::system()), Arc::default());
        let panics = kept.get::<Value, _>((corp(), CALL.into(), Value::Null.to_string()), async { panic!("told to") });
        assert_eq!(panics.await.unwrap_err().kind, Kind::Interrupted);
        assert!(asked(&kept, Value::Null, Ok(serde_json::json!({})), &times).await.is_ok());
    }
}
