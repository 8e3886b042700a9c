//! Whether a page waits for a credential that is being renewed: p99 with renewals all the time, beside p99 without any.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::connection::Connection;
use super::cores::Cores;
use super::load::{Asking, Work};
use super::options::Options;
use super::person::{self, is_signed_page};
use super::rounds::{median, range};
use super::server::Server;
use super::upstream::Upstream;

const LATENCY: Duration = Duration::from_secs(1);
/// Lifetimes as short as the program has to cope with.
const SHORT: Duration = Duration::from_secs(5);
const LONG: Duration = Duration::from_secs(7200);

/// A server whose DingTalk is slow, and somebody who is logged in there.
struct Scene {
    dingtalk: Upstream,
    program: Server,
    request: Vec<u8>,
}

impl Scene {
    async fn with_lifetimes_of(lifetime: Duration, cores: &Cores) -> Self {
        let dingtalk = Upstream::start_with(LATENCY, lifetime);
        let program = Server::program(cores, &dingtalk);
        let mut connection = Connection::open(program.address).await;
        let session = person::log_in(&mut connection, "code").await;
        let request = person::get("/jsapi", &session);
        assert!(is_signed_page(&connection.ask(&request).await));
        Self { dingtalk, program, request }
    }
}

pub async fn measure(options: &Options, cores: &Cores) {
    println!(
        "\nLatency of the signed page at {} a second, with a DingTalk that takes {} s for each call",
        options.rate,
        LATENCY.as_secs()
    );
    let short = Scene::with_lifetimes_of(SHORT, cores).await;
    let long = Scene::with_lifetimes_of(LONG, cores).await;
    // Two lifetimes at least, so that every round has renewals in it.
    let round = options.round().max(2 * SHORT);
    let (mut during, mut without, mut worst) = (Vec::new(), Vec::new(), (0.0_f64, 0.0_f64));
    let before = short.dingtalk.calls();
    for _ in 0..options.rounds {
        let (p99, most) = latencies(&long, options, round).await;
        without.push(p99);
        worst.0 = worst.0.max(most);
        let (p99, most) = latencies(&short, options, round).await;
        during.push(p99);
        worst.1 = worst.1.max(most);
    }
    let after = short.dingtalk.calls();
    let ratios = during.iter().zip(&without).map(|(during, without)| during / without);
    let (least, greatest) = range(ratios.clone());
    println!("p99 without renewals   {:.2} ms (longest of all {:.1} ms)", median(without.clone()), worst.0);
    println!("p99 during renewals    {:.2} ms (longest of all {:.1} ms)", median(during.clone()), worst.1);
    println!("ratio                  {:.2} ({least:.2}–{greatest:.2})   aim ≤ 1.2", median(ratios));
    println!(
        "credentials lived {} s: {} + {} renewals (access_token + jsapi_ticket) in {} rounds of {} s, {} pages each",
        SHORT.as_secs(),
        after.tokens - before.tokens,
        after.tickets - before.tickets,
        options.rounds,
        round.as_secs(),
        options.rate * round.as_secs() as u32,
    );
}

/// The 99th percentile and the maximum in one round, in milliseconds.
async fn latencies(scene: &Scene, options: &Options, time: Duration) -> (f64, f64) {
    let mut visitors = Asking::many(options.connections, scene.program.address, &scene.request, is_signed_page).await;
    // Nobody sent a request during the other server's round, so the credentials have expired. The first request has to wait for new
    // ones, which is not what is measured.
    visitors[0].once().await;
    let between = Duration::from_secs(1) / options.rate;
    let began = Instant::now() + between;
    let mut asking = JoinSet::new();
    for (number, visitor) in (0..).zip(visitors) {
        let first = began + between * number;
        asking.spawn_local(at_intervals(visitor, first, between * options.connections as u32, began + time));
    }
    let mut all = Vec::new();
    while let Some(latencies) = asking.join_next().await {
        all.extend(latencies.unwrap());
    }
    all.sort_by(f64::total_cmp);
    (all[all.len() * 99 / 100], all[all.len() - 1])
}

/// Asks from `first` to `end`, however long the answers take: a page that is asked for late, because the one before came late, has
/// waited for that time too.
async fn at_intervals(mut visitor: Asking, first: Instant, between: Duration, end: Instant) -> Vec<f64> {
    let mut latencies = Vec::new();
    let mut due = first;
    while due < end {
        let held_up = Instant::now() >= due;
        tokio::time::sleep_until(due.into()).await;
        // The timer counts in milliseconds, and its delay is not the server's.
        let asked = if held_up { due } else { Instant::now() };
        visitor.once().await;
        latencies.push(asked.elapsed().as_secs_f64() * 1e3);
        due += between;
    }
    latencies
}
