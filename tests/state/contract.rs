//! What holds wherever state is kept.

use std::time::Duration;

use dingtalk_h5::state::{Table, Unavailable};

use super::{Place, corp, user};

/// Every place keeps every promise.
macro_rules! promises {
    ($($promise:ident)+) => {
        mod in_memory {
            $(#[tokio::test] async fn $promise() { super::$promise(super::Place::in_memory()).await; })+
        }
        mod in_a_file {
            $(#[tokio::test] async fn $promise() { super::$promise(super::Place::in_a_file()).await; })+
        }
        mod in_redis {
            $(#[tokio::test] async fn $promise() { super::$promise(super::Place::in_redis().await).await; })+
        }
    };
}

promises! {
    what_is_taken_is_under_way_until_it_is_let_go
    what_was_not_used_after_all_is_free_and_when_used_later_is_remembered_from_then
    what_was_used_stays_used_for_its_time_and_is_then_forgotten
    of_all_who_want_the_same_one_gets_it
    things_of_different_kinds_are_different_things
    a_session_that_was_ended_stays_ended_for_as_long_as_its_cookie_would_hold
    a_person_s_sessions_end_in_their_organisation_and_only_those_that_began_before
    an_organisation_s_sessions_end_and_no_other_s
    the_latest_end_counts_in_whatever_order_it_is_heard
}

const KEPT_FOR: Duration = Duration::from_secs(300);

async fn what_is_taken_is_under_way_until_it_is_let_go(place: Place) {
    let codes = place.open().once(Table::Codes, KEPT_FOR);
    let taken = codes.take(1).ok();
    assert_eq!(codes.take(1).err(), Some(Unavailable::UnderWay));
    drop(taken);
    assert!(codes.take(1).is_ok());
}

async fn what_was_not_used_after_all_is_free_and_when_used_later_is_remembered_from_then(place: Place) {
    let codes = place.open().once(Table::Codes, KEPT_FOR);
    let taken = codes.take(1).unwrap();
    taken.mark_used();
    taken.mark_unused();
    drop(taken);
    place.hands.advance(Duration::from_secs(200));
    codes.take(1).unwrap().mark_used();
    place.hands.advance(Duration::from_secs(299));
    assert_eq!(codes.take(1).err(), Some(Unavailable::Used));
    place.hands.advance(Duration::from_secs(1));
    assert!(codes.take(1).is_ok());
}

async fn what_was_used_stays_used_for_its_time_and_is_then_forgotten(place: Place) {
    let codes = place.open().once(Table::Codes, KEPT_FOR);
    let taken = codes.take(1).unwrap();
    taken.mark_used();
    assert_eq!(codes.take(1).err(), Some(Unavailable::UnderWay));
    drop(taken);
    place.hands.advance(Duration::from_secs(299));
    assert_eq!(codes.take(1).err(), Some(Unavailable::Used));
    place.hands.advance(Duration::from_secs(1));
    assert!(codes.take(1).is_ok() && !codes.was_used(&1));
}

async fn of_all_who_want_the_same_one_gets_it(place: Place) {
    let codes = place.open().once(Table::Codes, KEPT_FOR);
    let won = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for code in 0..100 {
                    if let Ok(taken) = codes.take(code) {
                        taken.mark_used();
                        won.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(won.into_inner(), 100);
}

async fn things_of_different_kinds_are_different_things(place: Place) {
    let state = place.open();
    let (codes, states) = (state.once(Table::Codes, KEPT_FOR), state.once(Table::LoginStates, KEPT_FOR));
    codes.take(1).unwrap().mark_used();
    assert!(states.take(1).is_ok() && codes.take(2).is_ok());
}

async fn a_session_that_was_ended_stays_ended_for_as_long_as_its_cookie_would_hold(place: Place) {
    let (state, began, anna, ding) = (place.open(), place.clock().moment(), user("anna"), corp("ding1"));
    state.end_session(7);
    // Somewhere else a copy of its cookie may be in use until it is known there, too.
    place.hands.advance(super::LIFETIME);
    // What is old is forgotten when something new comes.
    state.end_session(9);
    assert!(state.has_ended(7, &ding, &anna, began));
    assert!(!state.has_ended(8, &ding, &anna, began));
}

async fn a_person_s_sessions_end_in_their_organisation_and_only_those_that_began_before(place: Place) {
    let (state, clock) = (place.open(), place.clock());
    let before = clock.moment();
    place.hands.advance(Duration::from_secs(1));
    state.end_sessions_of_person(corp("ding1"), user("anna"), clock.moment());
    let after = clock.moment();
    let ended = |corp_id: &str, user_id: &str, began| state.has_ended(1, &corp(corp_id), &user(user_id), began);
    assert!(ended("ding1", "anna", before));
    assert!(!ended("ding1", "anna", after), "somebody who came back");
    assert!(!ended("ding2", "anna", before), "the same userId in another organisation");
    assert!(!ended("ding1", "berta", before));
}

async fn an_organisation_s_sessions_end_and_no_other_s(place: Place) {
    let (state, clock) = (place.open(), place.clock());
    let before = clock.moment();
    place.hands.advance(Duration::from_secs(1));
    state.end_sessions_of_organisation(corp("ding1"), clock.moment());
    let ended = |corp_id: &str, began| state.has_ended(1, &corp(corp_id), &user("anna"), began);
    assert!(ended("ding1", before) && !ended("ding1", clock.moment()) && !ended("ding2", before));
}

async fn the_latest_end_counts_in_whatever_order_it_is_heard(place: Place) {
    let (state, clock) = (place.open(), place.clock());
    let first = clock.moment();
    place.hands.advance(Duration::from_secs(10));
    let between = clock.moment();
    place.hands.advance(Duration::from_secs(10));
    let second = clock.moment();
    for order in [[first, second], [second, first]] {
        for before in order {
            state.end_sessions_of_person(corp("ding1"), user("anna"), before);
        }
        assert!(state.has_ended(1, &corp("ding1"), &user("anna"), between));
    }
}
