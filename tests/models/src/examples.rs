use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::refreshing::{Lease, Refreshing};
use super::{Call, ClockHands, failure};

/// Where the values come from: numbered, so that each fetch is seen; failing, stuck or repeating itself when told to.
struct Source {
    fetches: AtomicUsize,
    failing: Mutex<bool>,
    repeating: Mutex<bool>,
    gate: tokio::sync::Semaphore,
}

struct World {
    hands: ClockHands,
    source: Arc<Source>,
    refreshing: Arc<Refreshing<usize>>,
}

const OPEN: usize = 1_000_000;

impl World {
    fn new(gate: usize, oldest: Option<Duration>) -> Self {
        let hands = ClockHands::still();
        let source = Arc::new(Source {
            fetches: AtomicUsize::new(0),
            failing: Mutex::new(false),
            repeating: Mutex::new(false),
            gate: tokio::sync::Semaphore::new(gate),
        });
        let fetching = Arc::clone(&source);
        let refreshing = Refreshing::new(Call::ACCESS_TOKEN, hands.clock(), oldest, move |_| {
            let source = Arc::clone(&fetching);
            async move {
                let number = source.fetches.fetch_add(1, Ordering::SeqCst) + 1;
                source.gate.acquire().await.unwrap().forget();
                if *source.failing.lock().unwrap() {
                    return Err(failure());
                }
                let value = if *source.repeating.lock().unwrap() { 1 } else { number };
                Ok(Lease::new(value, Duration::from_secs(7200)).unwrap())
            }
        });
        Self { hands, source, refreshing }
    }

    fn advance(&self, seconds: u64) {
        self.hands.advance(Duration::from_secs(seconds));
    }

    fn fetches(&self) -> usize {
        self.source.fetches.load(Ordering::SeqCst)
    }

    /// Lets all spawned tasks run as far as they can.
    async fn settle(&self) {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_thousand_cold_callers_make_one_fetch() {
    let world = World::new(0, None);
    let callers: Vec<_> = (0..1000)
        .map(|_| {
            let refreshing = world.refreshing.clone();
            tokio::spawn(async move { *refreshing.get().await.unwrap() })
        })
        .collect();
    world.settle().await;
    world.source.gate.add_permits(1);
    for caller in callers {
        assert_eq!(caller.await.unwrap(), 1);
    }
    assert_eq!(world.fetches(), 1);
}

#[tokio::test]
async fn the_caller_that_started_a_renewal_may_vanish() {
    let world = World::new(0, None);
    let first = tokio::spawn({
        let refreshing = world.refreshing.clone();
        async move { refreshing.get().await }
    });
    world.settle().await;
    let second = tokio::spawn({
        let refreshing = world.refreshing.clone();
        async move { refreshing.get().await }
    });
    world.settle().await;
    first.abort();
    world.source.gate.add_permits(1);
    assert_eq!(*second.await.unwrap().unwrap(), 1);
    assert_eq!(world.fetches(), 1);
}

#[tokio::test]
async fn a_due_value_is_answered_at_once_and_renewed_behind() {
    let world = World::new(1, None);
    assert_eq!(*world.refreshing.get().await.unwrap(), 1);
    world.advance(7000);
    // The gate is shut: whoever waited for the renewal would wait for ever.
    assert_eq!(*world.refreshing.get().await.unwrap(), 1);
    assert_eq!(*world.refreshing.get().await.unwrap(), 1);
    world.settle().await;
    assert_eq!(world.fetches(), 2);
    world.source.gate.add_permits(1);
    world.settle().await;
    assert_eq!(*world.refreshing.get().await.unwrap(), 2);
    assert_eq!(world.fetches(), 2);
}

#[tokio::test]
async fn a_fresh_value_is_not_renewed_before_it_is_due() {
    let world = World::new(OPEN, None);
    for _ in 0..100 {
        assert_eq!(*world.refreshing.get().await.unwrap(), 1);
        world.advance(60);
    }
    world.settle().await;
    assert_eq!(world.fetches(), 1);
}

#[tokio::test]
async fn an_expired_value_is_never_answered() {
    let world = World::new(OPEN, None);
    assert_eq!(*world.refreshing.get().await.unwrap(), 1);
    world.advance(7200);
    assert_eq!(*world.refreshing.get().await.unwrap(), 2);
}

#[tokio::test]
async fn only_the_value_that_was_rejected_is_dropped() {
    let world = World::new(OPEN, None);
    let old = world.refreshing.get().await.unwrap();
    world.refreshing.reject(&old);
    let new = world.refreshing.get().await.unwrap();
    assert_eq!((*old, *new), (1, 2));
    for _ in 0..200 {
        world.refreshing.reject(&old);
        assert_eq!(*world.refreshing.get().await.unwrap(), 2);
    }
    assert_eq!(world.fetches(), 2);
}

#[tokio::test]
async fn a_renewed_but_unchanged_value_can_still_be_rejected_by_its_old_users() {
    let world = World::new(OPEN, None);
    *world.source.repeating.lock().unwrap() = true;
    let old = world.refreshing.get().await.unwrap();
    world.advance(7000);
    world.refreshing.get().await.unwrap();
    world.settle().await;
    assert_eq!(world.fetches(), 2);
    world.refreshing.reject(&old);
    world.refreshing.get().await.unwrap();
    assert_eq!(world.fetches(), 3);
    // The same value, fetched after the rejection: the late complaints of others do not touch it.
    world.refreshing.reject(&old);
    world.refreshing.get().await.unwrap();
    assert_eq!(world.fetches(), 3);
}

#[tokio::test]
async fn a_renewal_that_began_before_a_rejection_cannot_bring_the_value_back() {
    let world = World::new(1, None);
    *world.source.repeating.lock().unwrap() = true;
    let old = world.refreshing.get().await.unwrap();
    world.advance(7000);
    world.refreshing.get().await.unwrap();
    world.settle().await;
    world.refreshing.reject(&old);
    world.source.gate.add_permits(1);
    world.settle().await;
    assert_eq!(world.fetches(), 3);
    *world.source.repeating.lock().unwrap() = false;
    world.source.gate.add_permits(1);
    assert_eq!(*world.refreshing.get().await.unwrap(), 3);
}

#[tokio::test]
async fn a_failed_renewal_keeps_the_value_to_its_end() {
    let world = World::new(OPEN, None);
    world.refreshing.get().await.unwrap();
    *world.source.failing.lock().unwrap() = true;
    world.advance(7199);
    assert_eq!(*world.refreshing.get().await.unwrap(), 1);
    world.settle().await;
    assert_eq!(*world.refreshing.get().await.unwrap(), 1);
    world.advance(1);
    assert!(world.refreshing.get().await.is_err());
}

#[tokio::test]
async fn a_failing_source_is_not_hammered_and_is_tried_again_later() {
    let world = World::new(OPEN, None);
    *world.source.failing.lock().unwrap() = true;
    for _ in 0..500 {
        assert!(world.refreshing.get().await.is_err());
    }
    assert_eq!(world.fetches(), 1);
    for failures in 2..10 {
        world.advance(30);
        assert!(world.refreshing.get().await.is_err());
        assert!(world.refreshing.get().await.is_err());
        assert_eq!(world.fetches(), failures);
    }
    *world.source.failing.lock().unwrap() = false;
    world.advance(30);
    assert!(world.refreshing.get().await.is_ok());
}

#[tokio::test]
async fn a_value_that_came_back_unchanged_still_dies_at_its_greatest_age() {
    let day = Duration::from_secs(24 * 60 * 60);
    let world = World::new(OPEN, Some(day));
    *world.source.repeating.lock().unwrap() = true;
    let born = world.refreshing.get().await.unwrap();
    for _ in 0..12 {
        world.advance(7000);
        world.refreshing.get().await.unwrap();
        world.settle().await;
    }
    assert!(Arc::ptr_eq(&born, &world.refreshing.get().await.unwrap()));
    let before = world.fetches();
    world.advance(24 * 60 * 60 - 12 * 7000);
    let reborn = world.refreshing.get().await.unwrap();
    assert!(!Arc::ptr_eq(&born, &reborn));
    assert!(world.fetches() > before);
}
