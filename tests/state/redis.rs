//! What a Redis promises besides: what was published there survives its outages, the loss of its data and a change of keys.

use std::time::{Duration, Instant};

use dingtalk_h5::dingtalk::events::{Event, Happening, Listener};
use dingtalk_h5::dingtalk::{Authorisation, Authorisations, Clock, CorpId};
use dingtalk_h5::state::{Location, SealingKeys, State};

use super::{LIFETIME, Place, corp, user};
use crate::support::ClockHands;
use crate::support::redis::{Network, RedisServer, connect};

/// It checks nothing: it only ends a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// Opens the state, and waits until it knows what others have published.
pub async fn followed(place: &Place) -> State {
    let state = place.open();
    assert!(state.is_followed(PATIENCE).await);
    state
}

/// Waits until it is so. Returns how long that took.
async fn comes(what: &str, is_so: impl Fn() -> bool) -> Duration {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what}: never");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    began.elapsed()
}

/// Waits until everything is published.
async fn told(state: &State) {
    assert!(state.kept_within(PATIENCE).await.is_ok(), "it is never told");
}

async fn hears(state: &State, place: &Place, seconds_ago: u64, what: Happening) {
    let at = place.clock().unix_millis() - seconds_ago * 1000;
    assert!(state.hear(Event::new(&[&format!("{at} {what:?}")], Some(at), what)).await);
}

fn authorised(corp_id: &CorpId) -> Happening {
    Happening::Authorised(corp_id.clone(), None)
}

#[tokio::test]
async fn thousands_of_logouts_that_it_missed_are_told_when_it_is_back() {
    const MANY: u128 = 5_000;
    let mut place = Place::in_redis().await;
    let state = followed(&place).await;
    let (redis, _) = place.shared.as_mut().unwrap();
    redis.kill().await;
    (0..MANY).for_each(|id| state.end_session(id));
    redis.start_again().await;
    assert!(state.is_followed(PATIENCE).await);
    told(&state).await;
    let (other, began) = (followed(&place).await, place.clock().moment());
    let missed = (0..MANY).filter(|id| !other.has_ended(*id, &corp("ding1"), &user("anna"), began)).count();
    assert_eq!(missed, 0);
}

/// Runs this for each log, which is `key`. Returns the sum of what it answers.
async fn for_each_log(redis: &RedisServer, answer: &str) -> u64 {
    let script = format!(
        "local sum = 0
        for _, key in ipairs(redis.call('KEYS', '*')) do
          if redis.call('TYPE', key).ok == 'stream' then sum = sum + {answer} end
        end
        return sum"
    );
    let mut connection = connect(&redis.url()).await.unwrap();
    ::redis::cmd("EVAL").arg(script).arg(0).query_async(&mut connection).await.unwrap()
}

/// How many entries all logs have.
async fn entries(redis: &RedisServer) -> u64 {
    for_each_log(redis, "redis.call('XLEN', key)").await
}

/// Leaves only what is stored for good.
async fn logs_are_forgotten(redis: &RedisServer) {
    for_each_log(redis, "redis.call('DEL', key)").await;
}

/// All three processes together publish each once. Meanwhile a new logout goes first, and no lookup has to wait.
#[tokio::test]
async fn many_that_have_logged_out_are_told_again_once_while_what_happens_meanwhile_goes_first() {
    const MANY: u128 = 20_000;
    let place = Place::in_redis().await;
    let three = [followed(&place).await, followed(&place).await, followed(&place).await];
    let (redis, _) = place.shared.as_ref().unwrap();
    let began = place.clock().moment();
    let has_ended = |state: &State, id: u128| state.has_ended(id, &corp("ding1"), &user("anna"), began);
    let knows = async |state: &State, id: u128| comes("it is heard of", || has_ended(state, id)).await;
    let in_logs = async || u128::from(entries(redis).await);
    (0..MANY).for_each(|id| three[0].end_session(id));
    told(&three[0]).await;
    knows(&three[1], MANY - 1).await;
    knows(&three[2], MANY - 1).await;
    redis.ask::<()>("FLUSHALL").await.unwrap();
    let since = Instant::now();
    while in_logs().await == 0 {
        assert!(since.elapsed() < PATIENCE, "nothing is told again");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    three[0].end_session(MANY);
    let heard_after = knows(&three[2], MANY).await;
    assert!(heard_after < Duration::from_secs(2), "{heard_after:?}");
    while in_logs().await < MANY {
        let asked = Instant::now();
        assert!(has_ended(&three[1], 7));
        assert!(asked.elapsed() < Duration::from_millis(200), "{:?}", asked.elapsed());
        assert!(since.elapsed() < PATIENCE, "it is never told again");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Dropping them discards what they had yet to publish, and completes what they had begun to.
    drop(three);
    let entries = in_logs().await;
    assert!(entries < MANY * 3 / 2, "{entries}");
}

/// The browser has gone, too.
#[tokio::test]
async fn what_a_login_gives_back_while_the_connection_breaks_is_free_for_the_next() {
    let place = Place::in_redis().await;
    let (redis, _) = place.shared.as_ref().unwrap();
    let (far, other) = (Network::to(redis.address()).await, followed(&place).await);
    let location = Location::parse(&far.url().into()).unwrap();
    let state = State::open(&location, "an app", SealingKeys::new(place.keys.clone()), LIFETIME, place.clock()).unwrap();
    assert!(state.is_followed(PATIENCE).await);
    let claim = state.claim([1; 32], [1; 8]).await.unwrap();
    far.cuts();
    drop(tokio::time::timeout(Duration::from_millis(100), claim.conclude()).await);
    crate::support::in_time("it is free", async { while other.claim([1; 32], [1; 8]).await.is_err() {} }).await;
}

/// As when the machine of Redis is set back to an older state, or a key is evicted.
#[tokio::test]
async fn a_log_that_is_gone_is_written_again() {
    let place = Place::in_redis().await;
    let (state, before) = (followed(&place).await, place.clock().moment());
    let (redis, _) = place.shared.as_ref().unwrap();
    for id in 1..=2 {
        state.end_session(id);
        told(&state).await;
        for_each_log(redis, "redis.call('DEL', key)").await;
        crate::support::in_time("the log is written again", async { while entries(redis).await < id as u64 {} }).await;
    }
    let other = followed(&place).await;
    assert!((1..=2).all(|id| other.has_ended(id, &corp("ding1"), &user("anna"), before)));
}

/// An administrator's command may run without the settings of the server.
#[tokio::test]
async fn what_a_process_with_shorter_sessions_ends_stays_ended_for_as_long_as_those_of_others_live() {
    let place = Place::in_redis().await;
    let (state, before) = (followed(&place).await, place.clock().moment());
    state.end_sessions_of_person(corp("ding1"), user("bob"), before);
    told(&state).await;
    let short = place.try_open_for(Duration::from_secs(60)).unwrap();
    assert!(short.is_followed(PATIENCE).await);
    place.hands.advance(Duration::from_secs(1));
    short.end_sessions_of_person(corp("ding1"), user("anna"), place.clock().moment());
    told(&short).await;
    comes("the end is heard", || state.is_over(&corp("ding1"), &user("anna"), before)).await;
    place.passes(LIFETIME - Duration::from_secs(60)).await;
    for state in [state, followed(&place).await] {
        assert!(state.is_over(&corp("ding1"), &user("anna"), before));
    }
}

#[tokio::test]
async fn junk_under_any_key_keeps_nobody_away() {
    let place = Place::in_redis().await;
    let state = followed(&place).await;
    let (redis, _) = place.shared.as_ref().unwrap();
    for junk in ["nan", "inf", "-5", "2000000000", "1e99", "words"] {
        let spoil = format!(
            "for _, key in ipairs(redis.call('KEYS', '*')) do
              if redis.call('TYPE', key).ok == 'string' and not key:find('names') then redis.call('SET', key, '{junk}') end
            end"
        );
        ::redis::cmd("EVAL").arg(spoil).arg(0).exec_async(&mut connect(&redis.url()).await.unwrap()).await.unwrap();
        let other = followed(&place).await;
        other.end_session(1);
        told(&other).await;
    }
    assert!(state.condition().reachable);
}

#[tokio::test]
async fn an_organisation_that_was_told_under_an_older_key_is_known_when_that_key_is_gone() {
    let (mut place, one) = (Place::in_redis().await, corp("ding1"));
    hears(&followed(&place).await, &place, 1, authorised(&one)).await;
    let (old, new) = (place.keys[0], rand::random());
    for keys in [vec![old, new], vec![new, old]] {
        place.keys = keys;
        told(&followed(&place).await).await;
    }
    place.keys = vec![new];
    assert!(matches!(followed(&place).await.of(&one), Authorisation::Granted { .. }));
}

/// Two processes end the sessions of the same people at once, each as of another moment, so that some are told in the wrong order.
#[tokio::test]
async fn what_was_told_in_the_wrong_order_is_not_told_again_at_each_start() {
    const PEOPLE: u64 = 40;
    let place = Place::in_redis().await;
    let (redis, clock) = place.shared.as_ref().unwrap();
    let (one, other) = (followed(&place).await, followed(&place).await);
    let (earlier, began) = (clock.moment_at(0), clock.moment());
    place.hands.advance(Duration::from_secs(1));
    for nth in 0..PEOPLE {
        one.end_sessions_of_person(corp("ding1"), user(&format!("user{nth}")), clock.moment());
        other.end_sessions_of_person(corp("ding1"), user(&format!("user{nth}")), earlier);
    }
    told(&one).await;
    told(&other).await;
    comes("both know", || (0..PEOPLE).all(|nth| other.is_over(&corp("ding1"), &user(&format!("user{nth}")), began))).await;
    let told_before = entries(redis).await;
    for start in 0..5 {
        let next = followed(&place).await;
        next.end_session(start);
        assert!(next.kept().await.is_ok(), "start {start}");
        assert!((0..PEOPLE).all(|nth| next.is_over(&corp("ding1"), &user(&format!("user{nth}")), began)));
    }
    assert_eq!(entries(redis).await, told_before + 5);
}

#[tokio::test]
async fn whoever_knew_less_of_an_organisation_overwrites_nothing_for_good() {
    const MANY: u64 = 20;
    let place = Place::in_redis().await;
    let (redis, _) = place.shared.as_ref().unwrap();
    let (one, other) = (followed(&place).await, followed(&place).await);
    let names: Vec<_> = (0..MANY).map(|nth| corp(&format!("ding{nth}"))).collect();
    for name in &names {
        tokio::join!(
            hears(&one, &place, 5, Happening::Relieved(name.clone())),
            hears(&other, &place, 10, Happening::Authorised(name.clone(), None)),
        );
    }
    told(&one).await;
    told(&other).await;
    let are_gone = |state: &State| names.iter().all(|name| matches!(state.of(name), Authorisation::Relieved));
    comes("both know", || are_gone(&one) && are_gone(&other)).await;
    let began = Instant::now();
    loop {
        // What is stored for good says it alone.
        logs_are_forgotten(redis).await;
        if are_gone(&followed(&place).await) {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "it is never written again");
    }
}

#[tokio::test]
async fn ends_that_were_told_while_the_clock_of_redis_was_ahead_lock_nobody_out() {
    for ahead in [600, 3600, 400 * 24 * 3600] {
        let place = Place::in_redis().await;
        let was_ahead = ClockHands::still();
        was_ahead.set_time_of_day(ahead);
        let end = || was_ahead.clock().moment();
        let (one, other) = (followed(&place).await, followed(&place).await);
        let before = place.clock().moment();
        place.hands.advance(Duration::from_secs(1));
        one.end_sessions_of_person(corp("ding1"), user("anna"), end());
        one.end_sessions_of_organisation(corp("ding2"), end());
        let are_over = |state: &State, began| {
            [(corp("ding1"), user("anna")), (corp("ding2"), user("berta"))].map(|(corp, user)| state.is_over(&corp, &user, began))
        };
        told(&one).await;
        comes("the other hears", || are_over(&other, before) == [true; 2]).await;
        place.hands.advance(Duration::from_secs(1));
        let (began, elsewhere) = (place.clock().moment(), right_clock_elsewhere(&place));
        let began_elsewhere = elsewhere.moment();
        place.hands.advance(Duration::from_secs(1));
        elsewhere.go_by(place.clock().unix_millis());
        for state in [&one, &other] {
            assert_eq!(are_over(state, before), [true; 2], "{ahead} s ahead");
            assert_eq!(are_over(state, began), [false; 2], "{ahead} s ahead");
            assert_eq!(are_over(state, began_elsewhere), [false; 2], "{ahead} s ahead, in another process");
        }
        let later = followed(&place).await;
        place.hands.advance(Duration::from_secs(1));
        assert_eq!(are_over(&later, before), [true; 2], "{ahead} s ahead, a process that starts later");
        let after = place.clock().moment();
        place.hands.advance(Duration::from_secs(1));
        for state in [&one, &other, &later] {
            assert_eq!(are_over(state, after), [false; 2], "{ahead} s ahead, a login after that");
        }
        later.end_sessions_of_person(corp("ding1"), user("anna"), place.clock().moment());
        later.end_sessions_of_organisation(corp("ding2"), place.clock().moment());
        for state in [&one, &other, &later] {
            comes("ended again", || are_over(state, after) == [true; 2]).await;
        }
    }
}

#[tokio::test]
async fn an_end_that_is_yet_to_come_locks_nobody_out_just_before_it_comes() {
    for ahead in [50, 600] {
        let (place, was_ahead) = (Place::in_memory(), ClockHands::still());
        was_ahead.set_time_of_day(ahead);
        let clock = place.clock();
        let state =
            State::open(&place.location, "an app", SealingKeys::new(place.keys.clone()), LIFETIME, clock.clone()).unwrap();
        state.end_sessions_of_person(corp("ding1"), user("anna"), was_ahead.clock().moment());
        for _ in 0..ahead / 10 - 1 {
            place.hands.advance(Duration::from_secs(9));
            let began = clock.moment();
            place.hands.advance(Duration::from_secs(1));
            assert!(!state.is_over(&corp("ding1"), &user("anna"), began), "{ahead} s ahead");
        }
    }
}

/// A process that heard an event before it reached Redis writes all that is known of the organisation, and nothing less before that. Only a
/// commit that has begun at that very moment may.
#[tokio::test]
async fn what_is_stored_for_good_is_not_replaced_by_less() {
    let mut replaced = 0;
    for _ in 0..10 {
        let place = Place::in_redis().await;
        let (redis, _) = place.shared.as_ref().unwrap();
        let one = followed(&place).await;
        hears(&one, &place, 5, Happening::Relieved(corp("ding1"))).await;
        told(&one).await;
        drop(one);
        logs_are_forgotten(redis).await;
        let two = place.open();
        let at = place.clock().unix_millis() - 10_000;
        // Whether it is acknowledged depends on who is first.
        let _ = two.hear(Event::new(&["e"], Some(at), Happening::Authorised(corp("ding1"), None))).await;
        assert!(two.is_followed(PATIENCE).await);
        told(&two).await;
        // The event, and all that is known of the organisation.
        replaced += entries(redis).await - 2;
        logs_are_forgotten(redis).await;
        assert!(matches!(followed(&place).await.of(&corp("ding1")), Authorisation::Relieved));
    }
    assert!(replaced <= 2, "{replaced} of 10 times");
}

/// The clock of another process, which goes by the same time of day.
fn right_clock_elsewhere(place: &Place) -> Clock {
    let clock = ClockHands::still().clock();
    clock.go_by(place.clock().unix_millis());
    clock
}

#[tokio::test]
async fn a_quiet_night_after_redis_s_clock_was_ahead_hides_no_logout() {
    const AHEAD: Duration = Duration::from_secs(24 * 3600);
    let place = Place::in_redis().await;
    let (redis, clock) = place.shared.as_ref().unwrap();
    let (one, other) = (followed(&place).await, followed(&place).await);
    let began = clock.moment();
    let other_hears = async |id: u128| {
        comes("the other hears", || other.has_ended(id, &corp("ding1"), &user("anna"), began)).await;
    };
    one.end_session(1);
    other_hears(1).await;
    let ahead = clock.unix_millis() + AHEAD.as_millis() as u64;
    let told_then = format!("(redis.call('XADD', key, '{ahead}-0', 'what', 'was told then') and 1)");
    assert_eq!(for_each_log(redis, &told_then).await, 1);
    one.end_session(2);
    other_hears(2).await;
    place.passes(LIFETIME + Clock::SKEW).await;
    one.end_session(3);
    other_hears(3).await;
}
