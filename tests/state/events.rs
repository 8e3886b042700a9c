//! What events mean, wherever state is stored, if they are reported again, late or in any order.

use dingtalk_h5::dingtalk::events::{Event, Happening, Listener, Reaction};
use dingtalk_h5::dingtalk::{AgentId, Authorisation, Authorisations, Clock, SuiteTicket};
use dingtalk_h5::state::{Location, SealingKeys, State};
use proptest::prelude::*;

use super::{LIFETIME, Place, corp, user};

const HOUR: u64 = 3_600_000;

/// An event that happened so many milliseconds ago.
fn ago(place: &Place, milliseconds: u64, what: Happening) -> Event {
    let at = place.clock().unix_millis() - milliseconds;
    Event::new(&[&format!("{at} {what:?}")], Some(at), what)
}

fn ticket(text: &str) -> Happening {
    Happening::SuiteTicket(SuiteTicket::parse(text).unwrap())
}

fn agent(id: &str) -> Option<AgentId> {
    AgentId::parse(id).ok()
}

async fn tell(state: &State, events: &[Event]) {
    for event in events {
        assert!(state.hear(event.clone()).await);
    }
}

#[tokio::test]
async fn the_newest_suite_ticket_counts_and_outlives_the_process() {
    let place = Place::in_a_file();
    let state = place.open();
    tell(&state, &[ago(&place, HOUR, ticket("new")), ago(&place, 6 * HOUR, ticket("old"))]).await;
    assert_eq!(state.suite_ticket(), SuiteTicket::parse("new").ok());
    drop(state);
    assert_eq!(place.open().suite_ticket(), SuiteTicket::parse("new").ok());
}

#[tokio::test]
async fn an_event_without_a_time_that_comes_again_is_as_old_as_when_it_first_came() {
    let (place, one) = (Place::in_memory(), corp("ding1"));
    let state = place.open();
    let removed = Event::new(&["removed"], None, Happening::Relieved(one.clone()));
    // The app is not done with it, so that it comes again.
    state.react_with(Reaction::new(|event: Event| async move {
        if matches!(event.what, Happening::Relieved(_)) { Err("not done") } else { Ok(()) }
    }));
    assert!(!state.hear(removed.clone()).await);
    place.hands.advance(std::time::Duration::from_secs(60));
    tell(&state, &[ago(&place, 0, Happening::Authorised(one.clone(), None))]).await;
    place.hands.advance(std::time::Duration::from_secs(60));
    assert!(!state.hear(removed).await);
    assert!(matches!(state.of(&one), Authorisation::Granted { .. }));
}

#[tokio::test]
async fn an_authorised_organisation_its_agent_and_what_became_of_it_outlive_the_process() {
    let place = Place::in_a_file();
    let state = place.open();
    let (one, two, three) = (corp("ding1"), corp("ding2"), corp("ding3"));
    tell(
        &state,
        &[
            ago(&place, HOUR, Happening::Authorised(one.clone(), agent("1"))),
            ago(&place, HOUR, Happening::Authorised(two.clone(), agent("2"))),
            ago(&place, 1, Happening::Stopped(two.clone(), agent("2"))),
            ago(&place, HOUR, Happening::Authorised(three.clone(), None)),
            ago(&place, 1, Happening::Relieved(three.clone())),
        ],
    )
    .await;
    drop(state);
    let state = place.open();
    assert!(matches!(state.of(&one), Authorisation::Granted { agent_id, .. } if agent_id == agent("1")));
    assert_eq!(state.of(&two), Authorisation::Stopped);
    assert_eq!(state.of(&three), Authorisation::Relieved);
    assert_eq!(state.of(&corp("ding4")), Authorisation::Unknown);
}

#[tokio::test]
async fn which_micro_app_is_stopped_is_not_judged_before_it_may_be_known_which_is_ours() {
    let place = Place::at(Location::parse(&"redis://127.0.0.1:1".to_owned().into()).unwrap());
    let (state, one, began) = (place.open(), corp("ding1"), place.clock().moment_at(0));
    assert!(!state.hear(ago(&place, 1, Happening::Stopped(one.clone(), agent("2")))).await, "it is told again");
    assert_eq!(state.of(&one), Authorisation::Unknown);
    assert!(!state.has_ended(1, &one, &user("anna"), began));
}

#[tokio::test]
async fn another_micro_app_of_the_organisation_that_is_stopped_is_not_ours() {
    let place = Place::in_memory();
    let (state, one) = (place.open(), corp("ding1"));
    let began = place.clock().moment_at(0);
    tell(
        &state,
        &[
            ago(&place, 9, Happening::Authorised(one.clone(), agent("1"))),
            ago(&place, 1, Happening::Stopped(one.clone(), agent("2"))),
        ],
    )
    .await;
    assert!(matches!(state.of(&one), Authorisation::Granted { .. }));
    assert!(!state.has_ended(1, &one, &user("anna"), began));
}

/// Of events in short order DingTalk may tell only the last.
#[tokio::test]
async fn a_change_after_a_withdrawal_is_an_authorisation() {
    let place = Place::in_memory();
    let (state, one) = (place.open(), corp("ding1"));
    let told = [
        ago(&place, 9000, Happening::Authorised(one.clone(), agent("1"))),
        ago(&place, 8000, Happening::Stopped(one.clone(), None)),
        ago(&place, 7000, Happening::AuthorisationChanged(one.clone(), None)),
    ];
    tell(&state, &told).await;
    assert_eq!(state.of(&one), Authorisation::Stopped, "a change alone lets nothing run");
    let changed = ago(&place, 1000, Happening::AuthorisationChanged(one.clone(), agent("2")));
    let since = changed.at.unwrap();
    tell(&state, &[ago(&place, 5000, Happening::Relieved(one.clone())), changed]).await;
    assert_eq!(state.of(&one), Authorisation::Granted { agent_id: agent("2"), since });

    // DingTalk's times may be in whole seconds.
    let (two, changed) = (corp("ding2"), ago(&place, 1000, Happening::AuthorisationChanged(corp("ding2"), None)));
    let (authorised, since) = (ago(&place, 5000, Happening::Authorised(two.clone(), agent("1"))), changed.at.unwrap());
    let mut relieved = ago(&place, 5000, Happening::Relieved(two.clone()));
    relieved.at = authorised.at;
    tell(&state, &[authorised, relieved, changed]).await;
    assert_eq!(state.of(&two), Authorisation::Granted { agent_id: None, since });
}

#[tokio::test]
async fn which_micro_app_was_stopped_is_judged_by_all_that_is_known_whichever_is_told_first() {
    let place = Place::in_memory();
    let (state, one) = (place.open(), corp("ding1"));
    tell(&state, &[ago(&place, 1000, Happening::Stopped(one.clone(), agent("2")))]).await;
    assert_eq!(state.of(&one), Authorisation::Stopped, "it may be ours");
    tell(&state, &[ago(&place, 9000, Happening::Authorised(one.clone(), agent("1")))]).await;
    assert!(matches!(state.of(&one), Authorisation::Granted { .. }), "it was not");
    tell(&state, &[ago(&place, 500, Happening::Stopped(one.clone(), agent("1")))]).await;
    assert_eq!(state.of(&one), Authorisation::Stopped);
}

#[tokio::test]
async fn an_app_that_is_installed_anew_without_a_word_of_its_agent_is_asked_for_it_again() {
    let place = Place::in_memory();
    let (state, one) = (place.open(), corp("ding1"));
    let granted =
        |agent_id: Option<AgentId>| matches!(state.of(&one), Authorisation::Granted { agent_id: known, .. } if known == agent_id);
    tell(&state, &[ago(&place, 9, Happening::Authorised(one.clone(), agent("1")))]).await;
    assert!(granted(agent("1")));
    let relieved = ago(&place, 5, Happening::Relieved(one.clone()));
    tell(&state, &[relieved, ago(&place, 2, Happening::Authorised(one.clone(), None))]).await;
    assert!(granted(None), "that agent was another installation's");
    state.found(&one, agent("2"));
    assert!(granted(agent("2")));
    tell(&state, &[ago(&place, 1, Happening::Stopped(one.clone(), agent("1")))]).await;
    assert!(granted(agent("2")), "what is called as ours was is another app now");
}

#[tokio::test]
async fn what_was_found_by_asking_is_outdone_by_whatever_is_heard() {
    let place = Place::in_memory();
    let (state, one) = (place.open(), corp("ding1"));
    state.found(&one, agent("1"));
    assert_eq!(state.of(&one), Authorisation::Granted { agent_id: agent("1"), since: 0 });
    tell(&state, &[ago(&place, 1, Happening::Relieved(one.clone()))]).await;
    state.found(&one, agent("1"));
    assert_eq!(state.of(&one), Authorisation::Relieved);
}

#[tokio::test]
async fn a_leave_that_is_told_again_late_does_not_end_the_session_of_somebody_who_came_back() {
    let place = Place::in_memory();
    let (state, one) = (place.open(), corp("ding1"));
    let began = place.clock().moment();
    place.hands.advance(std::time::Duration::from_secs(1));
    let left = ago(&place, 0, Happening::Left(one.clone(), vec![user("anna")]));
    tell(&state, std::slice::from_ref(&left)).await;
    assert!(state.has_ended(1, &one, &user("anna"), began));
    let back = place.clock().moment();
    assert!(!state.has_ended(2, &one, &user("anna"), back), "not even a moment later");
    place.hands.advance(std::time::Duration::from_secs(3600));
    let later = place.clock().moment();
    // Once as the same event, and once with another id.
    let again = Event { id: [9; 16], ..left.clone() };
    tell(&state, &[left, again]).await;
    assert!(!state.has_ended(3, &one, &user("anna"), later));
}

/// Somebody's session is over although DingTalk's clock is a little behind ours.
#[tokio::test]
async fn a_leave_that_seems_to_be_older_than_the_session_by_seconds_ends_it() {
    let place = Place::in_memory();
    let (state, one) = (place.open(), corp("ding1"));
    let began = place.clock().moment();
    place.hands.advance(std::time::Duration::from_millis(100));
    tell(&state, &[ago(&place, 30_000, Happening::Left(one.clone(), vec![user("anna")]))]).await;
    assert!(state.has_ended(1, &one, &user("anna"), began));
}

#[tokio::test]
async fn an_event_of_tomorrow_does_not_outdo_all_that_is_told_until_then() {
    let place = Place::in_memory();
    let state = place.open();
    let at = place.clock().unix_millis() + 24 * HOUR;
    tell(&state, &[Event::new(&["x"], Some(at), ticket("tomorrow"))]).await;
    place.hands.advance(std::time::Duration::from_secs(120));
    tell(&state, &[ago(&place, 0, ticket("today"))]).await;
    assert_eq!(state.suite_ticket(), SuiteTicket::parse("today").ok());
}

fn anything() -> impl Strategy<Value = Happening> {
    let one = || corp("ding1");
    prop_oneof![
        Just(Happening::Authorised(one(), agent("1"))),
        Just(Happening::AuthorisationChanged(one(), None)),
        Just(Happening::Relieved(one())),
        Just(Happening::Stopped(one(), None)),
        Just(Happening::Restored(one(), None)),
        Just(Happening::Stopped(one(), agent("1"))),
        Just(Happening::Restored(one(), agent("1"))),
        Just(Happening::Stopped(one(), agent("2"))),
        Just(Happening::Restored(one(), agent("2"))),
        Just(Happening::Dissolved(one())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn in_whatever_order_and_however_often_they_are_told_events_mean_the_same(
        told in prop::collection::vec((anything(), 0_u64..20), 1..8).prop_shuffle(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let place = Place::in_memory();
        let mut events: Vec<_> = told.into_iter().map(|(what, seconds)| ago(&place, seconds * 1000, what)).collect();
        let (state, sorted) = (place.open(), Place::in_memory().open());
        runtime.block_on(tell(&state, &events));
        runtime.block_on(tell(&state, &events));
        events.sort_by_key(|event| event.at);
        runtime.block_on(tell(&sorted, &events));
        prop_assert_eq!(state.of(&corp("ding1")), sorted.of(&corp("ding1")));
    }
}

/// The state of a process whose clock is right, with a Redis whose clock is ahead by so many minutes.
fn beside_a_redis_ahead(minutes: i64) -> (State, Clock, Place) {
    let place = Place::in_memory();
    let clock = place.clock();
    clock.go_by(clock.machine_millis().saturating_add_signed(minutes * 60_000));
    let state = State::open(&place.location, "an app", SealingKeys::new(place.keys.clone()), LIFETIME, clock.clone()).unwrap();
    (state, clock, place)
}

#[tokio::test]
async fn whoever_leaves_is_logged_out_though_the_clock_of_redis_is_not_dingtalk_s() {
    for minutes in [-10, 0, 10] {
        let (state, clock, place) = beside_a_redis_ahead(minutes);
        let (one, began) = (corp("ding1"), clock.moment());
        place.hands.advance(std::time::Duration::from_secs(1));
        let at = clock.machine_millis();
        let left = Happening::Left(one.clone(), vec![user("anna")]);
        assert!(state.hear(Event::new(&["x"], Some(at), left)).await);
        assert!(state.has_ended(1, &one, &user("anna"), began), "{minutes}");
    }
}

#[tokio::test]
async fn what_happened_last_counts_though_the_clock_of_redis_is_behind() {
    let (state, clock, _) = beside_a_redis_ahead(-10);
    let (one, now) = (corp("ding1"), clock.machine_millis());
    for (id, minutes_ago, what) in [
        ("authorised", 9, Happening::Authorised(one.clone(), None)),
        ("restored", 2, Happening::Restored(one.clone(), None)),
        ("stopped", 5, Happening::Stopped(one.clone(), None)),
    ] {
        assert!(state.hear(Event::new(&[id], Some(now - minutes_ago * 60_000), what)).await);
    }
    assert!(matches!(state.of(&one), Authorisation::Granted { .. }), "it was told late that it was stopped");
}
