//! Random lives of a credential, each step of which is compared with [`Reference`]. So in all of them:
//!
//! - a value is answered at once while it lives, and never after its end, its rejection, or its greatest age;
//! - one fetch is made at a time, and only for a value that is missing, expired, due or doubted;
//! - none is made sooner after a failure than its pause allows, and callers with no value are told that failure meanwhile;
//! - a failed fetch does not remove a value that is still valid;
//! - all who wait for a fetch are told what it brought, and nobody else waits;
//! - an unchanged value stays the same copy, unless it was rejected or is too old: then it is another;
//! - only the copy that is held can be rejected or doubted, and a fetch that began before a rejection cannot bring its value back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use proptest::prelude::*;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

use super::reference::{Copied, DAY, Reference, Told, Whether};
use super::refreshing::{CredentialState, Lease, Refreshing};
use super::{Call, ClockHands, Error, failure};

#[derive(Debug, Clone)]
enum Step {
    Get,
    /// Rejects a copy that callers were given: the one so many before the last.
    Reject(usize),
    Doubt(usize),
    Advance(u64),
    /// Ends the fetch in flight, if one is.
    Answer(Answer),
}

#[derive(Debug, Clone)]
enum Answer {
    NewValue { life: u64 },
    SameValue { life: u64 },
    Failure,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let life = || prop_oneof![Just(7200), 1..100u64, 1..=DAY];
    let answer = prop_oneof![
        2 => life().prop_map(|life| Answer::NewValue { life }),
        2 => life().prop_map(|life| Answer::SameValue { life }),
        1 => Just(Answer::Failure),
    ];
    // Near the ends of pauses, of lives, and of the greatest age.
    let seconds = prop_oneof![0..3u64, 0..40u64, 6000..7300u64, DAY - 7200..DAY + 2];
    let step = prop_oneof![
        4 => Just(Step::Get),
        1 => (0..3usize).prop_map(Step::Reject),
        1 => (0..3usize).prop_map(Step::Doubt),
        3 => seconds.prop_map(Step::Advance),
        4 => answer.prop_map(Step::Answer),
    ];
    prop::collection::vec(step, 1..80)
}

type Outcome = Result<Arc<u32>, Error>;
type Fetched = Result<Lease<u32>, Error>;

struct Life {
    reference: Reference,
    hands: ClockHands,
    refreshing: Arc<Refreshing<u32>>,
    fetches: Arc<AtomicU32>,
    answers: mpsc::UnboundedSender<Fetched>,
    last_value: u32,
    waiting: Vec<JoinHandle<Outcome>>,
    given: Vec<(Copied, Arc<u32>)>,
}

impl Life {
    fn new(greatest_age: Option<u64>) -> Self {
        let hands = ClockHands::still();
        let fetches = Arc::new(AtomicU32::new(0));
        let (answers, asked) = mpsc::unbounded_channel();
        let (count, asked) = (Arc::clone(&fetches), Arc::new(Mutex::new(asked)));
        let clock = hands.clock();
        let refreshing = Refreshing::new(Call::JSAPI_TICKET, clock, greatest_age.map(Duration::from_secs), move |_| {
            count.fetch_add(1, SeqCst);
            let asked = Arc::clone(&asked);
            async move { asked.lock().await.recv().await.unwrap() }
        });
        Self {
            reference: Reference::new(greatest_age),
            hands,
            refreshing,
            fetches,
            answers,
            last_value: 0,
            waiting: Vec::new(),
            given: Vec::new(),
        }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Get => self.get().await,
            Step::Reject(back) => self.reject(back).await,
            Step::Doubt(back) => self.doubt(back).await,
            Step::Advance(seconds) => {
                self.hands.advance(Duration::from_secs(seconds));
                self.reference.now += seconds;
            }
            Step::Answer(answer) if self.reference.waits_for_an_answer() => self.answer(answer).await,
            Step::Answer(_) => {}
        }
        self.compare_states();
    }

    async fn get(&mut self) {
        let refreshing = self.refreshing.clone();
        let caller = tokio::spawn(async move { refreshing.get().await });
        self.expect_fetch(self.reference.asking_fetches()).await;
        let told = self.reference.get();
        assert_eq!(caller.is_finished(), told != Told::Waiting, "{told:?}");
        if caller.is_finished() {
            self.compare(caller.await.unwrap(), told);
        } else {
            self.waiting.push(caller);
        }
    }

    async fn reject(&mut self, back: usize) {
        if let Some((what, value)) = self.given.iter().nth_back(back).cloned() {
            self.refreshing.reject(&value);
            self.reference.reject(what);
            self.expect_fetch(Whether::No).await;
        }
    }

    async fn doubt(&mut self, back: usize) {
        if let Some((what, value)) = self.given.iter().nth_back(back).cloned() {
            self.refreshing.doubt(&value);
            self.expect_fetch(self.reference.doubting_fetches(what)).await;
        }
    }

    async fn answer(&mut self, answer: Answer) {
        let (fetched, told) = match answer {
            Answer::NewValue { life } => {
                self.last_value += 1;
                self.value(life)
            }
            Answer::SameValue { life } => self.value(life),
            Answer::Failure => (Err(failure()), self.reference.failed()),
        };
        self.answers.send(fetched).unwrap();
        if told == Told::Waiting {
            return self.expect_fetch(Whether::Yes).await;
        }
        self.expect_fetch(Whether::No).await;
        for caller in std::mem::take(&mut self.waiting) {
            assert!(caller.is_finished());
            self.compare(caller.await.unwrap(), told);
        }
    }

    fn value(&mut self, life: u64) -> (Fetched, Told) {
        let lease = Lease::new(self.last_value, Duration::from_secs(life)).unwrap();
        (Ok(lease), self.reference.fetched(self.last_value, life))
    }

    /// Lets everything go on as far as it can and looks whether that began a fetch.
    async fn expect_fetch(&mut self, expected: Whether) {
        let before = self.fetches.load(SeqCst);
        all_wait().await;
        let began = self.fetches.load(SeqCst) - before;
        assert!(began <= 1 && expected.allows(began == 1), "{began} fetches began: {expected:?}");
        if began == 1 {
            self.reference.fetch_began();
        }
    }

    fn compare(&mut self, outcome: Outcome, told: Told) {
        let what = match (&outcome, told) {
            (Ok(_), Told::Value(what)) => what,
            (Err(error), Told::Failure) => return assert_eq!(error.to_string(), failure().to_string()),
            _ => panic!("{outcome:?} instead of {told:?}"),
        };
        let value = outcome.unwrap();
        assert_eq!(*value, what.value);
        for (other, given) in &self.given {
            assert_eq!(Arc::ptr_eq(given, &value), *other == what, "{other:?} and {what:?}");
        }
        self.given.retain(|(other, _)| *other != what);
        self.given.push((what, value));
    }

    fn compare_states(&self) {
        let state = self.refreshing.state();
        assert_eq!(state == CredentialState::Empty, self.reference.empty());
        assert_eq!(state == CredentialState::Expired, self.reference.expired());
        assert!(self.reference.due().allows(state == CredentialState::Due), "{state:?}");
    }
}

/// Returns when every other task waits: the runtime's time is stopped, and moves only when nothing else can.
async fn all_wait() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_credential_lives_as_the_reference_does(steps in steps(), ages in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut life = Life::new(ages.then_some(DAY));
            for step in steps {
                life.take(step).await;
            }
        });
    }
}
