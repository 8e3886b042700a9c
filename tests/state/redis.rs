//! What a Redis promises besides: what it was told outlives whatever becomes of it and of the keys.

use std::time::{Duration, Instant};

use dingtalk_h5::state::State;

use super::{Place, corp, user};

const PATIENCE: Duration = Duration::from_secs(20);

async fn followed(place: &Place) -> State {
    let state = place.open();
    assert!(state.is_followed(PATIENCE).await);
    state
}

/// Waits until all is told.
async fn told(state: &State) {
    let began = Instant::now();
    while state.kept().await.is_err() {
        assert!(began.elapsed() < PATIENCE, "it is never told");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
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
