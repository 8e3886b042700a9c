//! `Refreshing` in the hands of a model checker, which runs a test again and again, each time with the tasks taking turns in another
//! order. It finds deadlocks too: a caller who waits for ever fails the test.
//!
//! A failure prints the order it was found in; `shuttle::replay(test, "that text")` in the place of `in_many_orders` repeats it.

mod pieces;
mod world;

use super::error::Kind;
use super::{Call, Clock, Error};

/// The product's own file, built of the checker's pieces (see `build.rs`).
mod refreshing {
    include!(concat!(env!("OUT_DIR"), "/refreshing.rs"));
}

use self::refreshing::CredentialState;
use self::world::{Fate, World, end};

const DUE: u64 = 7000;
const EXPIRED: u64 = 7200;

/// Half of the orders are random; the others are chosen so that bugs which need few task switches are likely to show.
fn in_many_orders(test: impl Fn() + Copy + Send + Sync + 'static) {
    shuttle::check_random(test, 1000);
    shuttle::check_pct(test, 1000, 3);
}

#[test]
fn cold_callers_make_one_fetch_and_all_get_its_value() {
    in_many_orders(|| {
        let world = World::new(Fate::Answered);
        for caller in [world.caller(), world.caller(), world.caller()] {
            assert_eq!(*end(caller).unwrap(), 1);
        }
        assert_eq!(world.fetches(), 1);
    });
}

#[test]
fn those_who_reject_the_same_value_cause_one_more_fetch() {
    in_many_orders(|| {
        let (world, _) = World::warm();
        world.replace();
        let call = || world.beside(|world| async move { world.call().await });
        for call in [call(), call(), call()] {
            assert!(end(call));
        }
        assert_eq!(world.fetches(), 2);
    });
}

#[test]
fn a_value_that_dies_at_any_moment_of_its_renewal_fails_nobody() {
    in_many_orders(|| {
        let (world, _) = World::warm();
        world.advance(DUE);
        let call = || world.beside(|world| async move { world.call().await });
        let calls = [call(), call()];
        world.replace();
        for call in calls {
            assert!(end(call));
        }
        assert!(world.fetches() <= 3);
    });
}

#[test]
fn a_late_rejection_never_drops_a_newer_value() {
    in_many_orders(|| {
        let (world, one) = World::warm();
        world.replace();
        let late = world.beside({
            let one = one.clone();
            |world| async move { world.reject(&one) }
        });
        world.reject(&one);
        assert_eq!(*end(world.caller()).unwrap(), 2);
        end(late);
        assert_eq!(*end(world.caller()).unwrap(), 2);
        assert_eq!(world.fetches(), 2);
    });
}

#[test]
fn a_refused_fetch_is_told_to_all_who_wait() {
    in_many_orders(|| {
        let world = World::new(Fate::Refused);
        for caller in [world.caller(), world.caller(), world.caller()] {
            assert!(matches!(end(caller).unwrap_err().kind, Kind::Unintelligible(_)));
        }
        assert_eq!(world.fetches(), 1);
    });
}

fn panicking(fate: Fate) {
    in_many_orders(move || {
        let world = World::new(fate);
        for caller in [world.caller(), world.caller()] {
            assert!(matches!(end(caller).unwrap_err().kind, Kind::Interrupted));
        }
        assert_eq!(world.state(), CredentialState::Empty);
        assert_eq!(world.fetches(), 1);
        world.decide(Fate::Answered);
        world.advance(1);
        assert_eq!(*end(world.caller()).unwrap(), 1);
    });
}

#[test]
fn a_fetch_that_panics_before_it_began_leaves_nobody_waiting_and_is_made_again() {
    panicking(Fate::PanicAtOnce);
}

#[test]
fn a_fetch_that_panics_under_way_leaves_nobody_waiting_and_is_made_again() {
    panicking(Fate::PanicUnderWay);
}

#[test]
fn a_caller_who_goes_away_at_any_moment_hurts_nobody() {
    in_many_orders(|| {
        let world = World::new(Fate::Answered);
        let (leaving, staying) = (world.caller(), [world.caller(), world.caller()]);
        leaving.abort();
        for caller in staying {
            assert_eq!(*end(caller).unwrap(), 1);
        }
        assert_eq!(world.fetches(), 1);
    });
}

#[test]
fn a_due_value_is_renewed_once_however_many_ask() {
    in_many_orders(|| {
        let (world, _) = World::warm();
        world.advance(DUE);
        world.replace();
        for caller in [world.caller(), world.caller(), world.caller()] {
            assert!(matches!(*end(caller).unwrap(), 1 | 2));
        }
        world.wait_for(2);
        assert_eq!(world.fetches(), 2);
    });
}

#[test]
fn a_renewal_that_fails_takes_a_living_value_from_nobody() {
    in_many_orders(|| {
        let (world, _) = World::warm();
        world.advance(DUE);
        world.decide(Fate::Refused);
        for caller in [world.caller(), world.caller(), world.caller()] {
            assert_eq!(*end(caller).unwrap(), 1);
        }
        assert_eq!(world.state(), CredentialState::Due);
        assert!(world.fetches() <= 2);
    });
}

#[test]
fn a_value_that_expires_at_any_moment_is_not_answered_afterwards() {
    in_many_orders(|| {
        let (world, _) = World::warm();
        world.replace();
        let callers = [world.caller(), world.caller()];
        world.advance(EXPIRED);
        assert_eq!(*end(world.caller()).unwrap(), 2);
        for caller in callers {
            assert!(matches!(*end(caller).unwrap(), 1 | 2));
        }
        assert_eq!(world.fetches(), 2);
    });
}

#[test]
fn a_doubted_value_is_renewed_once_and_used_until_then() {
    in_many_orders(|| {
        let (world, one) = World::warm();
        world.replace();
        let doubt = || {
            let one = one.clone();
            world.beside(|world| async move { world.doubt(&one) })
        };
        let (doubts, callers) = ([doubt(), doubt()], [world.caller(), world.caller()]);
        for caller in callers {
            assert!(matches!(*end(caller).unwrap(), 1 | 2));
        }
        doubts.into_iter().for_each(end);
        world.wait_for(2);
        end(world.caller()).unwrap();
        assert_eq!(world.fetches(), 2);
    });
}
