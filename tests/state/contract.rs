//! What holds wherever state is stored; where it outlives a process, for the next process too.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dingtalk_h5::dingtalk::Clock;
use dingtalk_h5::state::{Claim, Location, State, Unavailable};

use super::redis::followed;
use super::{Place, corp, user};

/// Which promise is tested at which places. A file is never open in two processes at once.
macro_rules! promises {
    ($($promise:ident: $($place:ident)+;)+) => {$(
        mod $promise {
            $(#[tokio::test] async fn $place() { super::$promise(super::$place().await).await; })+
        }
    )+};
}

promises! {
    what_is_taken_is_under_way_until_it_is_let_go: in_memory in_redis;
    what_was_not_used_after_all_is_free_and_when_used_later_is_remembered_from_then: in_memory in_a_file in_redis;
    what_was_used_stays_used_for_its_time_and_is_then_forgotten: in_memory in_a_file in_redis;
    of_all_who_want_the_same_one_gets_it: in_memory in_redis;
    things_of_different_kinds_are_different_things: in_memory in_a_file in_redis;
    a_state_that_logged_somebody_in_stays_used_for_as_long_as_it_would_be_good: in_memory in_a_file in_redis;
    a_state_is_in_use_by_one_login_and_free_again_when_that_has_failed: in_memory in_redis;
    a_login_keeps_its_place_for_two_exchanges_and_one_that_was_not_sent_is_none: in_memory in_a_file in_redis;
    a_session_that_was_ended_stays_ended_for_as_long_as_its_cookie_would_hold: in_memory in_a_file in_redis;
    a_person_s_sessions_end_in_their_organisation_and_only_those_that_began_before: in_memory in_a_file in_redis;
    an_organisation_s_sessions_end_and_no_other_s: in_memory in_a_file in_redis;
    the_latest_end_counts_in_whatever_order_it_is_heard: in_memory in_a_file in_redis;
}

async fn in_memory() -> Place {
    Place::in_memory()
}

async fn in_a_file() -> Place {
    Place::in_a_file()
}

async fn in_redis() -> Place {
    Place::in_redis().await
}

/// A process, and what its logins claim.
struct Process {
    state: State,
}

impl Process {
    async fn at(place: &Place) -> Self {
        Self { state: followed(place).await }
    }

    /// The next process, which knows only what was stored; this one itself where state is in memory.
    async fn next(self, place: &Place) -> Self {
        self.state.kept().await.unwrap();
        if matches!(place.location, Location::Memory) {
            return self;
        }
        drop(self);
        Self::at(place).await
    }

    /// Takes a code as a login does that has a state of its own.
    async fn take(&self, code: u8) -> Result<Claim<'_>, Unavailable> {
        self.state.claim([code; 32], rand::random()).await
    }

    /// Takes a state as a login does that has a code of its own.
    async fn take_state(&self, state: u8) -> Result<Claim<'_>, Unavailable> {
        self.state.claim(rand::random(), [state; 8]).await
    }

    async fn uses(&self, code: u8) {
        let taken = self.take(code).await.unwrap();
        taken.code_sent();
        taken.conclude().await;
    }
}

/// As many processes as may be there at once, two at most.
async fn side_by_side(place: &Place) -> Vec<Process> {
    let mut processes = vec![Process::at(place).await];
    if matches!(place.location, Location::Redis(_)) {
        processes.push(Process::at(place).await);
    }
    processes
}

async fn what_is_taken_is_under_way_until_it_is_let_go(place: Place) {
    let processes = side_by_side(&place).await;
    let (one, other) = (&processes[0], processes.last().unwrap());
    let taken = one.take(1).await.unwrap();
    assert_eq!(other.take(1).await.err(), Some(Unavailable::UnderWay));
    taken.conclude().await;
    assert!(other.take(1).await.is_ok());
}

async fn what_was_not_used_after_all_is_free_and_when_used_later_is_remembered_from_then(place: Place) {
    let process = Process::at(&place).await;
    let taken = process.take(1).await.unwrap();
    taken.code_sent();
    taken.code_unused();
    taken.conclude().await;
    let process = process.next(&place).await;
    place.passes(Duration::from_secs(200)).await;
    process.uses(1).await;
    is_used_for_its_time(process, &place).await;
}

async fn what_was_used_stays_used_for_its_time_and_is_then_forgotten(place: Place) {
    let process = Process::at(&place).await;
    let taken = process.take(1).await.unwrap();
    taken.code_sent();
    assert_eq!(process.take(1).await.err(), Some(Unavailable::UnderWay));
    taken.conclude().await;
    assert_eq!(process.take(1).await.err(), Some(Unavailable::CodeUsed));
    is_used_for_its_time(process, &place).await;
}

/// The code 1 was used just now. In Redis it ages by the real time of the test as well, so it is not looked at in its last seconds.
async fn is_used_for_its_time(process: Process, place: &Place) {
    let process = process.next(place).await;
    place.passes(Duration::from_secs(270)).await;
    assert_eq!(process.take(1).await.err(), Some(Unavailable::CodeUsed));
    place.passes(Duration::from_secs(30)).await;
    assert!(process.take(1).await.is_ok());
}

async fn of_all_who_want_the_same_one_gets_it(place: Place) {
    let (processes, won) = (side_by_side(&place).await, AtomicUsize::new(0));
    let wants = |process: &Process| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for code in 0..100 {
            if let Ok(taken) = runtime.block_on(process.take(code)) {
                taken.code_sent();
                runtime.block_on(taken.conclude());
                won.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for process in processes.iter().cycle().take(8) {
            scope.spawn(|| wants(process));
        }
    });
    assert_eq!(won.into_inner(), 100);
}

async fn things_of_different_kinds_are_different_things(place: Place) {
    let process = Process::at(&place).await;
    process.uses(1).await;
    let process = process.next(&place).await;
    assert_eq!(process.take(1).await.err(), Some(Unavailable::CodeUsed));
    assert!(process.take_state(1).await.is_ok() && process.take(2).await.is_ok());
}

async fn a_state_that_logged_somebody_in_stays_used_for_as_long_as_it_would_be_good(place: Place) {
    let process = Process::at(&place).await;
    let taken = process.take_state(1).await.unwrap();
    taken.code_sent();
    taken.succeeded();
    taken.conclude().await;
    let process = process.next(&place).await;
    place.passes(Duration::from_secs(1170)).await;
    assert_eq!(process.take_state(1).await.err(), Some(Unavailable::StateUsed));
    place.passes(Duration::from_secs(30) + Clock::SKEW).await;
    assert!(process.take_state(1).await.is_ok() && !process.state.was_used(&[1; 8]));
}

async fn a_state_is_in_use_by_one_login_and_free_again_when_that_has_failed(place: Place) {
    let processes = side_by_side(&place).await;
    let (one, other) = (&processes[0], processes.last().unwrap());
    let taken = one.take_state(1).await.unwrap();
    taken.code_sent();
    assert_eq!(other.take_state(1).await.err(), Some(Unavailable::UnderWay));
    taken.conclude().await;
    assert!(other.take_state(1).await.is_ok());
}

async fn a_login_keeps_its_place_for_two_exchanges_and_one_that_was_not_sent_is_none(place: Place) {
    let mut process = Process::at(&place).await;
    for is_sent in [true, false, false, true] {
        let taken = process.take_state(1).await.unwrap();
        assert!(taken.keeps_place());
        taken.code_sent();
        if !is_sent {
            taken.code_unused();
        }
        taken.conclude().await;
        process = process.next(&place).await;
    }
    assert!(!process.take_state(1).await.unwrap().keeps_place());
    assert!(process.take_state(2).await.unwrap().keeps_place());
}

async fn a_session_that_was_ended_stays_ended_for_as_long_as_its_cookie_would_hold(place: Place) {
    let (process, began, anna, ding) = (Process::at(&place).await, place.clock().moment(), user("anna"), corp("ding1"));
    process.state.end_session(7);
    let Process { state, .. } = process.next(&place).await;
    // Another process may renew a copy of its cookie until it knows of the end, too.
    place.passes(super::LIFETIME).await;
    // Expired entries are removed when a new one is added.
    state.end_session(9);
    assert!(state.has_ended(7, &ding, &anna, began));
    assert!(!state.has_ended(8, &ding, &anna, began));
}

async fn a_person_s_sessions_end_in_their_organisation_and_only_those_that_began_before(place: Place) {
    let (process, clock) = (Process::at(&place).await, place.clock());
    let before = clock.moment();
    place.passes(Duration::from_secs(1)).await;
    process.state.end_sessions_of_person(corp("ding1"), user("anna"), clock.moment());
    let after = clock.moment();
    let Process { state, .. } = process.next(&place).await;
    let ended = |corp_id: &str, user_id: &str, began| state.has_ended(1, &corp(corp_id), &user(user_id), began);
    assert!(ended("ding1", "anna", before));
    assert!(!ended("ding1", "anna", after), "somebody who came back");
    assert!(!ended("ding2", "anna", before), "the same userId in another organisation");
    assert!(!ended("ding1", "berta", before));
}

async fn an_organisation_s_sessions_end_and_no_other_s(place: Place) {
    let (process, clock) = (Process::at(&place).await, place.clock());
    let before = clock.moment();
    place.passes(Duration::from_secs(1)).await;
    process.state.end_sessions_of_organisation(corp("ding1"), clock.moment());
    let after = clock.moment();
    let Process { state, .. } = process.next(&place).await;
    let ended = |corp_id: &str, began| state.has_ended(1, &corp(corp_id), &user("anna"), began);
    assert!(ended("ding1", before) && !ended("ding1", after) && !ended("ding2", before));
}

async fn the_latest_end_counts_in_whatever_order_it_is_heard(place: Place) {
    let (process, clock) = (Process::at(&place).await, place.clock());
    let first = clock.moment();
    place.passes(Duration::from_secs(10)).await;
    let between = clock.moment();
    place.passes(Duration::from_secs(10)).await;
    let second = clock.moment();
    for (person, order) in [("anna", [first, second]), ("berta", [second, first])] {
        for before in order {
            process.state.end_sessions_of_person(corp("ding1"), user(person), before);
            process.state.kept().await.unwrap();
        }
    }
    let Process { state, .. } = process.next(&place).await;
    for person in ["anna", "berta"] {
        assert!(state.has_ended(1, &corp("ding1"), &user(person), between), "{person}");
    }
}
