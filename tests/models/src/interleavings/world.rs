//! A DingTalk, a credential of it, and those who use it, all in the hands of the model checker.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use shuttle::future::{JoinHandle, block_on, spawn, yield_now};

use super::Error;
use super::refreshing::{CredentialState, Lease, Refreshing};
use crate::{Call, ClockHands, failure};

pub type Outcome = Result<Arc<u32>, Error>;

/// What becomes of a fetch.
#[derive(Clone, Copy)]
pub enum Fate {
    Answered,
    Refused,
    PanicAtOnce,
    PanicUnderWay,
}

/// Accepts one value at a time, and answers every fetch with the one it accepts when it is asked. The answer is a while on its way.
struct DingTalk {
    accepted: AtomicU32,
    fetches: AtomicU32,
    fate: Mutex<Fate>,
}

impl DingTalk {
    fn fetched(self: Arc<Self>) -> impl Future<Output = Result<Lease<u32>, Error>> {
        self.fetches.fetch_add(1, SeqCst);
        let fate = *self.fate.lock().unwrap();
        if matches!(fate, Fate::PanicAtOnce) {
            panic_quietly();
        }
        async move {
            let value = self.accepted.load(SeqCst);
            yield_now().await;
            match fate {
                Fate::Answered => Ok(Lease::new(value, Duration::from_secs(7200)).unwrap()),
                Fate::Refused => Err(failure()),
                Fate::PanicAtOnce | Fate::PanicUnderWay => panic_quietly(),
            }
        }
    }
}

/// Panics without a report, since the checker takes a panic that is reported for a failure of the test.
fn panic_quietly() -> ! {
    std::panic::resume_unwind(Box::new("told to panic"))
}

#[derive(Clone)]
pub struct World {
    hands: ClockHands,
    dingtalk: Arc<DingTalk>,
    refreshing: Arc<Refreshing<u32>>,
}

impl World {
    /// Nothing was fetched yet. DingTalk accepts 1.
    pub fn new(fate: Fate) -> Self {
        let hands = ClockHands::still();
        let dingtalk = Arc::new(DingTalk { accepted: AtomicU32::new(1), fetches: AtomicU32::new(0), fate: Mutex::new(fate) });
        let asked = Arc::clone(&dingtalk);
        let clock = hands.clock();
        let refreshing = Refreshing::new(Call::ACCESS_TOKEN, clock, None, move |_| Arc::clone(&asked).fetched());
        Self { hands, dingtalk, refreshing }
    }

    /// 1 was fetched and is returned too.
    pub fn warm() -> (Self, Arc<u32>) {
        let world = Self::new(Fate::Answered);
        let one = block_on(world.get()).unwrap();
        (world, one)
    }

    pub fn advance(&self, seconds: u64) {
        self.hands.advance(Duration::from_secs(seconds));
    }

    pub fn decide(&self, fate: Fate) {
        *self.dingtalk.fate.lock().unwrap() = fate;
    }

    /// DingTalk accepts another value from now on, and only that one.
    pub fn replace(&self) {
        self.dingtalk.accepted.fetch_add(1, SeqCst);
    }

    pub fn fetches(&self) -> u32 {
        self.dingtalk.fetches.load(SeqCst)
    }

    pub fn state(&self) -> CredentialState {
        self.refreshing.state()
    }

    pub async fn get(&self) -> Outcome {
        self.refreshing.get().await
    }

    pub fn reject(&self, value: &Arc<u32>) {
        self.refreshing.reject(value);
    }

    pub fn doubt(&self, value: &Arc<u32>) {
        self.refreshing.doubt(value);
    }

    /// Makes a call with the credential as the client does: with the next one if DingTalk does not accept it. True when one was
    /// accepted.
    pub async fn call(&self) -> bool {
        let value = self.get().await.unwrap();
        if self.accepts(&value).await {
            return true;
        }
        self.reject(&value);
        let next = self.get().await.unwrap();
        self.accepts(&next).await
    }

    async fn accepts(&self, value: &u32) -> bool {
        yield_now().await;
        self.dingtalk.accepted.load(SeqCst) == *value
    }

    /// Runs `act` as a task of its own.
    pub fn beside<F>(&self, act: impl FnOnce(Self) -> F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        spawn(act(self.clone()))
    }

    pub fn caller(&self) -> JoinHandle<Outcome> {
        self.beside(|world| async move { world.get().await })
    }

    /// Lets the others go on until `value` is what callers get.
    pub fn wait_for(&self, value: u32) {
        block_on(async {
            while *self.get().await.unwrap() != value {
                yield_now().await;
            }
        });
    }
}

pub fn end<T>(task: JoinHandle<T>) -> T {
    block_on(task).unwrap()
}
