//! Redis may die at any moment, in any way, and nobody notices more than a delay.

use std::time::{Duration, Instant};

use dingtalk_simulator::Simulator;

use super::{Company, standing_is};
use crate::process::{Served, complete, with};
use crate::support::redis::{Network, RedisServer, connect};
use crate::support::{Browser, http_client, in_time};

/// How much longer than usual on this machine a response may take while Redis is away.
const PATIENCE: Duration = Duration::from_millis(500);

/// Two processes, and the network between them and Redis, which can be slow or break.
pub struct Outage {
    pub dingtalk: Simulator,
    pub redis: RedisServer,
    pub network: Network,
    pub processes: Vec<Served>,
}

impl Outage {
    pub async fn before(options: &[&str]) -> Self {
        Self::at_a_distance(options, Duration::ZERO).await
    }

    /// The same with a network that takes so long.
    pub async fn at_a_distance(options: &[&str], delay: Duration) -> Self {
        let (dingtalk, redis) = (Simulator::start().await.unwrap(), RedisServer::start_with(options).await);
        let network = Network::to(redis.address()).await;
        network.delays(delay);
        let variables = with(complete(&dingtalk), "STATE_URL", &network.url());
        let processes = vec![Served::start(&variables).await, Served::start(&variables).await];
        for process in &processes {
            standing_is(process, |state| state["reachable"] == true && state["processes"] == 2).await;
        }
        Self { dingtalk, redis, network, processes }
    }

    /// Waits until each connection to Redis is a second old: a younger one that is lost is not opened again at once.
    pub async fn is_a_second_old(&self) {
        // Redis counts how many seconds have begun, so an age of 1 may be less than a second.
        let is_young = |client: &&str| client.contains(" age=0 ") || client.contains(" age=1 ");
        let grow = async {
            // One connection is that which asks for this list.
            while self.redis.ask::<String>("CLIENT LIST").await.unwrap().lines().filter(is_young).count() > 1 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        in_time("no connection is young", grow).await;
    }

    pub async fn logs_in(&self, nth: usize) -> Browser {
        let mut browser = self.processes[nth].browser();
        let answer = browser.enter_and_log_in(&self.dingtalk.issue_code("alice")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        browser
    }

    pub fn at(&self, nth: usize, browser: &Browser) -> Browser {
        let mut sent = browser.clone();
        sent.url.clone_from(&self.processes[nth].url);
        sent
    }

    pub async fn holds_at(&self, nth: usize, browser: &Browser) -> bool {
        self.at(nth, browser).me().await.status == 200
    }
}

/// The longest that any of some responses took, and which one it was.
#[derive(Default)]
struct Longest(Duration, &'static str);

impl Longest {
    async fn of<T>(&mut self, what: &'static str, answer: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let answer = answer.await;
        if began.elapsed() > self.0 {
            *self = Self(began.elapsed(), what);
        }
        answer
    }
}

/// Does what people do, at both processes: how long the slowest response took.
async fn work(outage: &Outage, inside: &Browser) -> Longest {
    let mut longest = Longest::default();
    for nth in [0, 1, 0, 1] {
        let mut here = outage.at(nth, inside);
        assert_eq!(longest.of("a signature", here.sign()).await.status, 200);
        assert_eq!(longest.of("a request", here.me()).await.status, 200);
        let mut browser = outage.processes[nth].browser();
        let (state, code) = (browser.enter().await, outage.dingtalk.issue_code("bob"));
        let answer = longest.of("a login", browser.log_in(&code, &state)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let copy = browser.clone();
        assert_eq!(longest.of("a logout", browser.log_out()).await.status, 204);
        assert!(browser.cookie("session").is_none(), "the cookie is gone");
        assert!(!outage.holds_at(nth, &copy).await, "it has ended here at once");
        let ready = longest.of("readiness", http_client().get(format!("{}/readyz", outage.processes[nth].url)).send()).await;
        assert_eq!(ready.unwrap().status(), 200, "people can work");
    }
    longest
}

/// Redis goes away by `break_it` and comes back by `mend`: checks what is promised meanwhile and afterwards.
async fn goes_away(
    (name, said): (&str, &str),
    mut outage: Outage,
    break_it: impl AsyncFnOnce(&mut Outage),
    mend: impl AsyncFnOnce(&mut Outage),
) {
    let inside = outage.logs_in(0).await;
    let leaves = outage.logs_in(0).await;
    assert!(outage.holds_at(1, &leaves).await);
    let usual = work(&outage, &inside).await;
    break_it(&mut outage).await;
    let during = work(&outage, &inside).await;
    assert!(during.0 < usual.0.max(Duration::from_millis(200)) + PATIENCE, "{name}: {:?} for {}", during.0, during.1);
    assert_eq!(outage.at(0, &leaves).log_out().await.status, 204);
    assert!(!outage.holds_at(0, &leaves).await);
    let weaker = http_client().get(format!("{}/readyz", outage.processes[1].url)).send().await.unwrap().text().await.unwrap();
    assert!(weaker.contains("\"weaker\"") && outage.holds_at(1, &leaves).await, "{name}: {weaker}");

    // Redis must not be back before both processes have noticed this kind of outage.
    for process in &mut outage.processes {
        process.logs(said).await;
    }

    mend(&mut outage).await;
    let began = Instant::now();
    for process in &outage.processes {
        standing_is(process, |state| state["reachable"] == true && state["kept"] == true).await;
    }
    while outage.holds_at(1, &leaves).await {
        assert!(began.elapsed() < Duration::from_secs(20), "{name}: the logout is never delivered");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    println!("{name}: usual {:?}, during {:?} ({}), back after {:?}", usual.0, during.0, during.1, began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(2), "{name}: {:?}", began.elapsed());
    let after = work(&outage, &inside).await;
    assert!(after.0 < usual.0.max(Duration::from_millis(200)) + PATIENCE, "{name}: {:?}", after.0);
    for process in outage.processes {
        let (code, log) = process.stop().await;
        assert!(code == Some(0) && log.contains(said), "{name}: {log}");
    }
}

/// Waits until both processes have noticed the outage: the first requests, which notice it, take longer.
async fn is_noticed(outage: &Outage) {
    for process in &outage.processes {
        standing_is(process, |state| state["reachable"] == false).await;
    }
}

#[tokio::test]
async fn it_is_killed_and_comes_back_empty() {
    let outage = Outage::before(&[]).await;
    goes_away(("kill -9", "it cannot be reached"), outage, async |o| o.redis.kill().await, async |o| o.redis.start_again().await)
        .await;
}

#[tokio::test]
async fn it_stops_and_goes_on() {
    let outage = Outage::before(&[]).await;
    goes_away(
        ("SIGSTOP", "it answers too late"),
        outage,
        async |o| o.redis.signal("-STOP").await,
        async |o| o.redis.signal("-CONT").await,
    )
    .await;
}

#[tokio::test]
async fn it_is_five_seconds_away() {
    let outage = Outage::before(&[]).await;
    let far = async |o: &mut Outage| o.network.delays(Duration::from_secs(5));
    let near = async |o: &mut Outage| o.network.delays(Duration::ZERO);
    goes_away(("5 s latency", "it answers too late"), outage, far, near).await;
}

#[tokio::test]
async fn it_takes_no_more_because_it_is_full() {
    let outage = Outage::before(&["--maxmemory-policy", "noeviction"]).await;
    let full = async |o: &mut Outage| {
        o.redis.ask::<()>("CONFIG SET maxmemory 1").await.unwrap();
        is_noticed(o).await;
    };
    let room = async |o: &mut Outage| o.redis.ask::<()>("CONFIG SET maxmemory 0").await.unwrap();
    goes_away(("OOM", "raise its maxmemory"), outage, full, room).await;
}

#[tokio::test]
async fn it_has_become_a_replica() {
    let outage = Outage::before(&[]).await;
    let replica = async |o: &mut Outage| {
        o.redis.ask::<()>("REPLICAOF 127.0.0.1 1").await.unwrap();
        is_noticed(o).await;
    };
    let primary = async |o: &mut Outage| o.redis.ask::<()>("REPLICAOF NO ONE").await.unwrap();
    goes_away(("READONLY", "must lead to the primary"), outage, replica, primary).await;
}

#[tokio::test]
async fn its_password_is_another() {
    let outage = Outage::before(&[]).await;
    let other = async |o: &mut Outage| {
        o.redis.ask::<()>("CONFIG SET requirepass other").await.unwrap();
        o.network.cuts();
        is_noticed(o).await;
    };
    let same = async |o: &mut Outage| {
        let url = o.redis.url().replace("redis://", "redis://:other@");
        let mut connection = connect(&url).await.unwrap();
        redis::cmd("CONFIG").arg("SET").arg("requirepass").arg("").exec_async(&mut connection).await.unwrap();
    };
    goes_away(("wrong password", "STATE_URL has none"), outage, other, same).await;
}

#[tokio::test]
async fn a_connection_that_breaks_while_nobody_asks_costs_nobody_anything() {
    let outage = Outage::before(&[]).await;
    let inside = outage.logs_in(0).await;
    let mut slowest = Longest::default();
    for _ in 0..5 {
        outage.network.cuts();
        let after = work(&outage, &inside).await;
        slowest = if after.0 > slowest.0 { after } else { slowest };
    }
    println!("cut while idle: {:?} ({})", slowest.0, slowest.1);
    assert!(slowest.0 < Duration::from_millis(200) + PATIENCE, "{:?} for {}", slowest.0, slowest.1);
}

#[tokio::test]
async fn it_is_not_there_at_the_start_and_comes_later() {
    let (dingtalk, mut redis) = (Simulator::start().await.unwrap(), RedisServer::start().await);
    redis.kill().await;
    let variables = with(complete(&dingtalk), "STATE_URL", &redis.url());
    let began = Instant::now();
    let processes = vec![Served::start(&variables).await, Served::start(&variables).await];
    let ready =
        async |process: &Served| http_client().get(format!("{}/readyz", process.url)).send().await.unwrap().status() == 200;
    while !ready(&processes[0]).await || !ready(&processes[1]).await {
        assert!(began.elapsed() < Duration::from_secs(8));
    }
    println!("ready without redis after {:?}", began.elapsed());
    assert!(began.elapsed() >= Duration::from_secs(2));
    let network = Network::to(redis.address()).await;
    let mut outage = Outage { dingtalk, redis, network, processes };
    let inside = outage.logs_in(0).await;
    let leaves = outage.logs_in(0).await;
    work(&outage, &inside).await;
    assert_eq!(outage.at(0, &leaves).log_out().await.status, 204);
    outage.redis.start_again().await;
    let began = Instant::now();
    while outage.holds_at(1, &leaves).await {
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
    println!("back for the first time: {:?}", began.elapsed());
}

#[tokio::test]
async fn everything_in_it_is_deleted_and_what_the_processes_know_is_told_again() {
    let mut company = Company::of_three().await;
    let (inside, leaves) = (company.logged_in_at(0, "alice").await, company.logged_in_at(1, "bob").await);
    assert_eq!(leaves.clone().log_out().await.status, 204);
    company.redis.ask::<()>("FLUSHALL").await.unwrap();
    let (inside_later, leaves_later) = (company.logged_in_at(2, "alice").await, company.logged_in_at(2, "bob").await);
    assert_eq!(leaves_later.clone().log_out().await.status, 204);
    company.ends_at(0, &leaves_later).await;
    company.all_agree().await;
    company.one_more().await;
    standing_is(&company.processes[3], |state| state["reachable"] == true).await;
    for at in 0..4 {
        assert!(company.holds_at(at, &inside).await && company.holds_at(at, &inside_later).await, "at {at}");
        company.ends_at(at, &leaves).await;
        company.ends_at(at, &leaves_later).await;
    }
}

#[tokio::test]
async fn it_is_set_back_to_before_a_logout_and_hears_of_it_again() {
    let mut company = Company::of_three().await;
    let (inside, leaves) = (company.logged_in_at(0, "alice").await, company.logged_in_at(1, "bob").await);
    company.redis.ask::<()>("SAVE").await.unwrap();
    assert_eq!(leaves.clone().log_out().await.status, 204);
    company.ends_at(2, &leaves).await;
    company.redis.kill().await;
    company.redis.start_again().await;
    company.one_more().await;
    company.all_agree().await;
    company.ends_at(3, &leaves).await;
    assert!(company.holds_at(3, &inside).await);
}

#[tokio::test]
async fn junk_under_our_keys_is_replaced_and_what_a_later_version_wrote_is_left_alone() {
    let company = Company::of_three().await;
    let inside = company.logged_in_at(0, "alice").await;
    assert_eq!(inside.clone().sign().await.status, 200);
    let keys: Vec<String> = company.redis.ask("KEYS *").await.unwrap();
    for junk in ["SET {} junk", "HSET {} a b", "RPUSH {} a", "XADD {} * a b", "SADD {} a", "ZADD {} 99999999999999 a"] {
        for key in &keys {
            company.redis.ask::<()>(&format!("DEL {key}")).await.unwrap();
            drop(company.redis.ask::<redis::Value>(&junk.replace("{}", key)).await.unwrap());
        }
        let leaves = company.logged_in_at(1, "bob").await;
        assert_eq!(leaves.clone().sign().await.status, 200, "{junk}");
        assert_eq!(leaves.clone().log_out().await.status, 204, "{junk}");
        company.ends_at(2, &leaves).await;
        company.all_agree().await;
        assert!(company.holds_at(2, &inside).await, "{junk}");
    }

    company.redis.ask::<()>("FLUSHALL").await.unwrap();
    company.all_agree().await;
    let fresh = Served::start(&company.variables).await;
    let mut browser = fresh.browser();
    assert_eq!(browser.enter_and_log_in(&company.dingtalk.issue_code("bob")).await.status, 200);
    assert_eq!(browser.sign().await.status, 200);

    // Values of a later version are stored in place of the credentials: they stay, and a process uses credentials of its own.
    let mut connection = connect(&company.redis.url()).await.unwrap();
    let keys: Vec<String> = company.redis.ask("KEYS *").await.unwrap();
    let mut of_later = Vec::new();
    for key in keys.iter().filter(|key| !key.ends_with("names")) {
        let kind: String = redis::cmd("TYPE").arg(key).query_async(&mut connection).await.unwrap();
        let value: Vec<u8> = match kind.as_str() {
            "string" => redis::cmd("GET").arg(key).query_async(&mut connection).await.unwrap(),
            _ => continue,
        };
        if value.starts_with(b"dh5") {
            let later = [&b"dh5\x02"[..], &value[4..]].concat();
            redis::cmd("SET").arg(key).arg(&later).exec_async(&mut connection).await.unwrap();
            of_later.push((key.clone(), later));
        }
    }
    assert!(!of_later.is_empty());
    let fresh = Served::start(&company.variables).await;
    let mut browser = fresh.browser();
    assert_eq!(browser.enter_and_log_in(&company.dingtalk.issue_code("bob")).await.status, 200);
    assert_eq!(browser.sign().await.status, 200);
    for (key, later) in of_later {
        let there: Vec<u8> = redis::cmd("GET").arg(&key).query_async(&mut connection).await.unwrap();
        assert_eq!(there, later, "it is left alone");
    }
}

#[tokio::test]
async fn junk_where_it_was_told_what_ends_is_cleared_away_and_all_of_it_is_told_again() {
    let company = Company::of_three().await;
    let leaves = company.logged_in_at(0, "alice").await;
    assert_eq!(leaves.clone().log_out().await.status, 204);
    for nth in [1, 2] {
        company.ends_at(nth, &leaves).await;
    }
    let logs = company.redis.keys_of("stream").await;
    assert!(!logs.is_empty());
    for log in logs {
        company.redis.ask::<()>(&format!("SET {log} junk")).await.unwrap();
    }
    let next = company.logged_in_at(1, "bob").await;
    assert_eq!(next.clone().log_out().await.status, 204);
    company.ends_at(2, &next).await;
    company.all_agree().await;
    let fresh = Served::start(&company.variables).await;
    standing_is(&fresh, |state| state["reachable"] == true).await;
    for mut browser in [leaves, next] {
        browser.url.clone_from(&fresh.url);
        assert_eq!(browser.me().await.status, 401, "whoever comes later hears of it, too");
    }
}

#[tokio::test]
async fn processes_without_the_same_key_share_nothing_and_say_so() {
    let company = Company::of_three().await;
    company.logged_in_at(0, "alice").await;
    let variables = with(company.variables.clone(), "SESSION_KEY", &crate::support::session_key());
    let stranger = Served::start(&variables).await;
    let mut browser = stranger.browser();
    assert_eq!(browser.enter_and_log_in(&company.dingtalk.issue_code("bob")).await.status, 200);
    company.all_agree().await;
    let (_, log) = stranger.stop().await;
    assert!(log.contains("give all processes the same keys"), "{log}");
    assert!(company.logged_in_at(1, "alice").await.cookie("session").is_some());
}
