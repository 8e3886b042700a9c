//! What a Redis promises besides: what was published there survives its outages, the loss of its data and a change of keys.

use std::time::{Duration, Instant};

use dingtalk_h5::dingtalk::events::{Event, Happening, Listener};
use dingtalk_h5::dingtalk::{Authorisation, Authorisations, CorpId};
use dingtalk_h5::state::State;

use super::{Place, corp, user};
use crate::support::redis::connect;

/// It checks nothing: it only ends a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// Opens the state, and waits until it knows what others have published.
pub async fn followed(place: &Place) -> State {
    let state = place.open();
    assert!(state.is_followed(PATIENCE).await);
    state
}

/// Waits until everything is published.
async fn told(state: &State) {
    let began = Instant::now();
    while state.kept().await.is_err() {
        assert!(began.elapsed() < PATIENCE, "it is never told");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
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

/// Answers how many entries all logs have.
const ENTRIES: &str = "
    local entries = 0
    for _, key in ipairs(redis.call('KEYS', '*')) do
      if redis.call('TYPE', key).ok == 'stream' then entries = entries + redis.call('XLEN', key) end
    end
    return entries";

/// All three processes together publish each once. Meanwhile a new logout goes first, and no lookup has to wait.
#[tokio::test]
async fn many_that_have_logged_out_are_told_again_once_while_what_happens_meanwhile_goes_first() {
    const MANY: u128 = 20_000;
    let place = Place::in_redis().await;
    let three = [followed(&place).await, followed(&place).await, followed(&place).await];
    let (redis, _) = place.shared.as_ref().unwrap();
    let began = place.clock().moment();
    let has_ended = |state: &State, id: u128| state.has_ended(id, &corp("ding1"), &user("anna"), began);
    let knows = async |state: &State, id: u128| {
        let asked = Instant::now();
        while !has_ended(state, id) {
            assert!(asked.elapsed() < PATIENCE, "{id} is never heard of");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        asked.elapsed()
    };
    let mut asking = connect(&redis.url()).await.unwrap();
    let mut in_logs = async || {
        let asked = ::redis::cmd("EVAL").arg(ENTRIES).arg(0).query_async::<u64>(&mut asking).await;
        u128::from(asked.unwrap())
    };
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
