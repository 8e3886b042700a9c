//! Where state is kept.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use dingtalk_h5::application::state_of;
use dingtalk_h5::dingtalk::Clock;
use dingtalk_h5::state::Location;
use dingtalk_h5::web::SessionKeys;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::{Examined, Scene, nobody};
use crate::state::new_path;
use crate::support::redis::RedisServer;
use crate::support::{TestApp, session_key};

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

/// Many operators give programs no more rights than these.
#[tokio::test]
async fn a_redis_that_lets_nobody_ask_about_itself_is_good_enough() {
    let redis = RedisServer::start().await;
    redis.ask::<()>("ACL SETUSER app on >canary-word ~* &* +@all -@dangerous").await.unwrap();
    let examined = state_at(&redis.url().replace("//", "//app:canary-word@")).await;
    let state = examined.check("state");
    assert!(state["verdict"] == "pass" && state["seen"].as_str().unwrap().contains("INFO is not allowed"), "{state}");
    assert!(!examined.everything.contains("canary"));
}

#[tokio::test]
async fn a_file_that_the_running_server_does_not_have_open_is_not_where_it_keeps_its_state() {
    let path = new_path();
    let url = format!("file:{}", path.display());
    for is_there in [false, true] {
        if is_there {
            std::fs::File::create(&path).unwrap().set_permissions(Permissions::from_mode(0o600)).unwrap();
        }
        let examined = state_at(&url).await;
        assert!(examined.names("state", "start it again with this STATE_URL"), "{}", examined.check("state"));
    }
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

/// Answers the first commands, before the doctor needs more, as a Redis of that version does.
async fn redis_of_version(version: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let info = format!("redis_version:{version}\r\nmaxmemory:0\r\n");
    let info = format!("${}\r\n{info}\r\n", info.len());
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let mut lines = BufReader::new(connection).lines();
            while let Ok(Some(count)) = lines.next_line().await {
                let mut words = Vec::new();
                for _ in 0..count.trim_start_matches('*').parse().unwrap_or(0) {
                    let _length = lines.next_line().await;
                    words.extend(lines.next_line().await.unwrap());
                }
                let answer = match words.first().map(String::as_str) {
                    Some("INFO") => info.as_str(),
                    Some("TIME") => "*2\r\n$1\r\n1\r\n$1\r\n1\r\n",
                    _ => "+OK\r\n",
                };
                lines.get_mut().write_all(answer.as_bytes()).await.unwrap();
            }
        }
    });
    url
}

#[tokio::test]
async fn a_redis_that_is_too_old_for_the_server_is_named() {
    for (version, is_too_old) in [("6.0.16", true), ("5.0.14", true), ("6.2.0", false), ("10.0.1", false)] {
        let examined = state_at(&redis_of_version(version).await).await;
        assert_eq!(examined.names("state", "6.2 or later"), is_too_old, "{version}: {}", examined.check("state"));
    }
}

#[tokio::test]
async fn a_redis_that_takes_no_changes_is_named_before_a_server_runs() {
    let (redis, replica) = (RedisServer::start().await, RedisServer::start().await);
    replica.ask::<()>(&format!("REPLICAOF {}", redis.address().replace(':', " "))).await.unwrap();
    let examined = state_at(&replica.url()).await;
    assert!(examined.names("state", "replica") && examined.names("state", "primary"), "{}", examined.check("state"));
    // Less than an empty one takes.
    redis.ask::<()>("CONFIG SET maxmemory 100kb").await.unwrap();
    let examined = state_at(&redis.url()).await;
    assert!(examined.names("state", "full") && examined.names("state", "maxmemory"), "{}", examined.check("state"));
    redis.ask::<()>("CONFIG SET maxmemory 0").await.unwrap();
    for rights in ["+@read", "+@all -xadd", "+@all -@scripting"] {
        redis.ask::<()>(&format!("ACL SETUSER app reset on >canary-word ~* &* +@connection {rights} +time +info")).await.unwrap();
        let examined = state_at(&redis.url().replace("//", "//app:canary-word@")).await;
        assert!(examined.names("state", "access list"), "{rights}: {}", examined.check("state"));
    }
}

#[tokio::test]
async fn a_redis_whose_entries_another_key_has_sealed_is_named_before_a_server_runs() {
    let redis = RedisServer::start().await;
    let url = Location::parse(&redis.url().into()).unwrap();
    let mut others = Scene::set().await;
    others.settings.state = url.clone();
    others.settings.web.session_keys = SessionKeys::parse(&session_key().into()).unwrap();
    let state = state_of(&others.settings, Clock::system()).unwrap();
    assert!(state.is_followed(Duration::from_secs(60)).await);
    let examined = state_at(&redis.url()).await;
    assert!(examined.names("state", "another SESSION_KEY"), "{}", examined.check("state"));
}

#[tokio::test]
async fn a_redis_that_answers_and_that_the_running_server_cannot_work_with_is_named() {
    let (primary, replica) = (RedisServer::start().await, RedisServer::start().await);
    replica.ask::<()>(&format!("REPLICAOF {}", primary.address().replace(':', " "))).await.unwrap();
    let app = TestApp::start_with(|settings| settings.state = Location::parse(&replica.url().into()).unwrap()).await;
    let examined = Scene::of(app).examine().await;
    assert!(examined.names("state", "replica"), "{}", examined.check("state"));
}
