//! The state that processes share.

use dingtalk_h5::state::Location;

use super::{Examined, Scene, nobody};
use crate::support::redis::RedisServer;

async fn state_at(url: &str) -> Examined {
    let mut scene = Scene::set().await;
    scene.settings.state = Location::parse(&url.into()).unwrap();
    scene.examine().await
}

#[tokio::test]
async fn redis_is_told_by_version_and_what_it_would_forget_or_why_it_does_not_answer_is_named() {
    let redis = RedisServer::start().await;
    let state = state_at(&redis.url()).await.check("state").clone();
    assert!(state["verdict"] == "pass" && state["seen"].as_str().unwrap().starts_with("redis "), "{state}");
    redis.ask::<()>("CONFIG SET maxmemory 100mb").await.unwrap();
    redis.ask::<()>("CONFIG SET maxmemory-policy allkeys-lru").await.unwrap();
    let examined = state_at(&redis.url()).await;
    assert!(examined.names("state", "maxmemory-policy noeviction"), "{}", examined.check("state"));
    redis.ask::<()>("CONFIG SET requirepass another-word").await.unwrap();
    let examined = state_at(&redis.url().replace("//", "//:canary-redis-word@")).await;
    assert!(examined.names("state", "user name or password of STATE_URL") && !examined.everything.contains("canary"));
    let examined = state_at(&format!("redis://{}", nobody())).await;
    assert!(examined.names("state", "cannot be reached"), "{}", examined.check("state"));
}

#[tokio::test]
async fn a_clock_of_redis_s_that_differs_is_told() {
    let redis = RedisServer::start().await;
    let mut scene = Scene::set().await;
    scene.settings.state = Location::parse(&redis.url().into()).unwrap();
    scene.app.hands.set_time_of_day(-120);
    let examined = scene.examine().await;
    assert!(examined.names("state", "differ by 1") && examined.names("state", "NTP"), "{}", examined.check("state"));
}
