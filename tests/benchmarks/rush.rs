//! A company comes in at nine o'clock, before a DingTalk that takes twenty calls a second and a tenth of a second for each.

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use dingtalk_simulator::{Fault, Simulator};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use super::connection::Connection;
use super::cores::Cores;
use super::person::{Entry, logged_in};
use super::redis::Redis;
use super::server::Server;

const LIMIT: u32 = 20;
const ANSWER: Duration = Duration::from_millis(100);
const EXCHANGE: &str = "/topapi/v2/user/getuserinfo";
const OFFICE: Ipv4Addr = Ipv4Addr::new(127, 1, 0, 1);

/// Who else is there.
#[derive(Clone, Copy, PartialEq)]
enum Others {
    Nobody,
    /// Another program that calls in the app's name, so often a second.
    Program(u32),
    /// So many addresses that post made-up codes as fast as they can, eight at a time each.
    Attackers(u8),
}

/// Somebody who was let in: when they came, when they were in, and after how many posts.
struct Entered {
    came: Duration,
    in_after: Duration,
    posts: u32,
}

pub async fn measure(cores: &Cores) {
    println!("\nA rush, before a DingTalk that takes {LIMIT} calls a second and {} ms for each", ANSWER.as_millis());
    println!("people  within  others              processes     in  errors  posts  refused        whole time  bound  overtaken");
    for (people, window, others, processes) in [
        (20, 0.1, Others::Nobody, 1),
        (300, 5.0, Others::Nobody, 1),
        (1000, 10.0, Others::Nobody, 1),
        (3000, 60.0, Others::Nobody, 1),
        (300, 5.0, Others::Program(5), 1),
        (1000, 10.0, Others::Program(5), 1),
        (300, 5.0, Others::Attackers(5), 1),
        (300, 5.0, Others::Nobody, 3),
        (1000, 10.0, Others::Nobody, 3),
        (300, 5.0, Others::Program(5), 3),
    ] {
        rush(cores, people, Duration::from_secs_f64(window), others, processes).await;
    }
}

async fn rush(cores: &Cores, people: u32, window: Duration, others: Others, processes: usize) {
    let dingtalk = Arc::new(start_dingtalk());
    let redis = (processes > 1).then(Redis::start);
    let state = redis.as_ref().map_or("memory:", |redis| &redis.url);
    let programs: Vec<_> = (0..processes).map(|_| Server::program_of(cores, &dingtalk, state)).collect();
    let servers: Rc<[_]> = programs.iter().map(|program| program.address).collect();
    for server in &*servers {
        warm_up(&dingtalk, *server).await;
    }
    dingtalk.calls_per_second(Some(LIMIT));
    dingtalk.fault(EXCHANGE, u32::MAX, Fault::Delay { milliseconds: ANSWER.as_millis() as u64 });
    let before = dingtalk.pace(EXCHANGE);

    let began = Instant::now();
    let mut company = JoinSet::new();
    for nth in 0..people {
        let (dingtalk, came, servers) = (Arc::clone(&dingtalk), window * nth / people, Rc::clone(&servers));
        company.spawn_local(async move {
            sleep_until((began + came).into()).await;
            enter(&dingtalk, &servers, nth as usize, came, began).await
        });
    }
    let (mut noise, by_others) = (JoinSet::new(), Rc::new(RefCell::new(Noise::default())));
    make_noise(&mut noise, others, &dingtalk, servers[0], &by_others);

    let resident = || programs.iter().map(Server::resident_kib).sum::<u64>();
    let memory_before = resident();
    sleep_until((began + window).into()).await;
    let waiting = u64::from(people) - (dingtalk.pace(EXCHANGE).accepted - before.accepted).min(u64::from(people));
    let memory = resident().saturating_sub(memory_before);

    let (mut inside, mut errors) = (Vec::new(), Vec::new());
    while let Some(person) = company.join_next().await {
        match person.unwrap() {
            Ok(entered) => inside.push(entered),
            Err(error) => errors.push(error),
        }
    }
    let whole = inside.iter().map(|entered| entered.in_after).max().unwrap_or_default();
    noise.abort_all();

    let after = dingtalk.pace(EXCHANGE);
    let noise = by_others.borrow();
    let (accepted, refused) = (after.accepted - before.accepted, after.refused - before.refused - noise.refused);
    let calls = accepted + refused - noise.accepted;
    println!(
        "{people:6}  {:5.1}s  {:22}  {processes:4}  {:5}  {:6}  {:5.2}  {refused:4} ({:4.1} %)  {:9.1}s  {:5.1}  {:9}",
        window.as_secs_f64(),
        others.name(),
        inside.len(),
        errors.len(),
        inside.iter().map(|entered| f64::from(entered.posts)).sum::<f64>() / inside.len() as f64,
        100.0 * refused as f64 / calls as f64,
        whole.as_secs_f64(),
        others.bound(people, window),
        overtaken(&inside),
    );
    if waiting > 500 {
        println!("        {waiting} waited when the last had come, with {} KiB for each", memory / waiting);
    }
    if let Some(error) = errors.first() {
        println!("        the first error: {error}");
    }
    for (status, times) in &noise.answers {
        println!("        the attackers were answered {status} {times} times");
    }
}

impl Others {
    fn name(self) -> String {
        match self {
            Self::Nobody => "nobody".to_owned(),
            Self::Program(calls) => format!("{calls} calls a second"),
            Self::Attackers(addresses) => format!("{addresses} hostile addresses"),
        }
    }

    /// Seconds in which all should be in.
    fn bound(self, people: u32, window: Duration) -> f64 {
        let people = f64::from(people);
        match self {
            Self::Nobody => 1.1 * window.as_secs_f64().max(people / f64::from(LIMIT)) + 2.0,
            Self::Program(calls) => 1.1 * window.as_secs_f64().max(people / f64::from(LIMIT - calls)) + 2.0,
            Self::Attackers(addresses) => f64::from(addresses + 1) * people / f64::from(LIMIT),
        }
    }
}

/// How many were let in before somebody who had come two seconds earlier.
fn overtaken(inside: &[Entered]) -> usize {
    let passed = |one: &Entered| {
        inside.iter().any(|other| other.came >= one.came + Duration::from_secs(2) && other.in_after < one.in_after)
    };
    inside.iter().filter(|one| passed(one)).count()
}

/// Opens the app and does what its page does, until there is a session; a balancer sends each request to the next process. An error is
/// one that the page would show.
async fn enter(
    dingtalk: &Simulator,
    servers: &[SocketAddr],
    nth: usize,
    came: Duration,
    began: Instant,
) -> Result<Entered, String> {
    let mut next = servers.iter().cycle().skip(nth % servers.len());
    let mut connection = Connection::open_from(OFFICE, servers[nth % servers.len()]).await;
    let entry = Entry::load(&mut connection).await;
    let code = dingtalk.issue_code("zhangsan");
    let (mut place, mut posts) = (None, 0);
    loop {
        if servers.len() > 1 {
            connection = Connection::open_from(OFFICE, *next.next().unwrap()).await;
        }
        let answer = connection.ask(&entry.login_request_at(&code, place.as_deref())).await;
        posts += 1;
        if logged_in(&answer) {
            return Ok(Entered { came, in_after: began.elapsed(), posts });
        }
        let problem: Value = serde_json::from_str(answer.body).unwrap_or_default();
        if problem["code"] != "login_queued" {
            return Err(format!("{} {}", answer.status, answer.body));
        }
        place = problem["place"].as_str().map(str::to_owned);
    }
}

/// How the others were answered.
#[derive(Default)]
struct Noise {
    accepted: u64,
    refused: u64,
    answers: std::collections::BTreeMap<u16, u64>,
}

fn make_noise(noise: &mut JoinSet<()>, others: Others, dingtalk: &Arc<Simulator>, server: SocketAddr, seen: &Rc<RefCell<Noise>>) {
    match others {
        Others::Nobody => {}
        Others::Program(calls) => {
            let (dingtalk, seen) = (Arc::clone(dingtalk), Rc::clone(seen));
            noise.spawn_local(async move { call_too(&dingtalk, calls, &seen).await });
        }
        Others::Attackers(addresses) => {
            let made_up = Rc::new(Cell::new(0_u32));
            for nth in 0..addresses * 8 {
                let (made_up, seen) = (Rc::clone(&made_up), Rc::clone(seen));
                let address = Ipv4Addr::new(127, 2, 0, 1 + nth % addresses);
                noise.spawn_local(async move { attack(address, server, &made_up, &seen).await });
            }
        }
    }
}

/// Another program: it takes an access_token of the same app and calls at regular times.
async fn call_too(dingtalk: &Simulator, calls: u32, seen: &RefCell<Noise>) {
    let address = dingtalk.url().strip_prefix("http://").unwrap().parse().unwrap();
    let app = dingtalk.app();
    let mut connection = Connection::open(address).await;
    let pair = json!({"appKey": app.client_id, "appSecret": app.client_secret}).to_string();
    let granted: Value = serde_json::from_str(connection.ask(&post("/v1.0/oauth2/accessToken", &pair)).await.body).unwrap();
    let path = format!("{EXCHANGE}?access_token={}", granted["accessToken"].as_str().unwrap());
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / calls);
    loop {
        ticks.tick().await;
        let code = dingtalk.issue_code("alice");
        let told: Value =
            serde_json::from_str(connection.ask(&post(&path, &json!({"code": code}).to_string())).await.body).unwrap();
        let mut seen = seen.borrow_mut();
        if told["errcode"] == 0 { seen.accepted += 1 } else { seen.refused += 1 }
    }
}

fn post(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: dingtalk\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

async fn attack(address: Ipv4Addr, server: SocketAddr, made_up: &Cell<u32>, seen: &RefCell<Noise>) {
    let mut connection = Connection::open_from(address, server).await;
    loop {
        let entry = Entry::load(&mut connection).await;
        made_up.set(made_up.get() + 1);
        let status = connection.ask(&entry.login_request(&format!("made-up-{}", made_up.get()))).await.status;
        *seen.borrow_mut().answers.entry(status).or_default() += 1;
    }
}

/// In a thread of its own, so that the load does not make it late.
fn start_dingtalk() -> Simulator {
    let (started, dingtalk) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            started.send(Simulator::start().await.unwrap()).unwrap();
            std::future::pending::<()>().await;
        });
    });
    dingtalk.recv().unwrap()
}

/// The access_token is there before the company comes.
async fn warm_up(dingtalk: &Simulator, server: SocketAddr) {
    enter(dingtalk, &[server], 0, Duration::ZERO, Instant::now()).await.unwrap();
}
