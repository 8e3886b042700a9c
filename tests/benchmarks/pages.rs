//! What is answered from the session and the cache, each beside a bare handler that answers as many bytes.

use super::connection::{Answer, Connection};
use super::cores::Cores;
use super::load::{Asking, busy_for};
use super::options::Options;
use super::person::{self, is_signed_page};
use super::redis::Redis;
use super::rounds::{Round, limit, median, range};
use super::server::Server;
use super::upstream::Upstream;

/// A request to measure.
struct Subject {
    name: &'static str,
    request: Vec<u8>,
    good: fn(&Answer<'_>) -> bool,
    aim: &'static str,
}

pub async fn measure(options: &Options, cores: &Cores) {
    println!("\nBeside a bare actix handler that gets the same requests and answers as many bytes");
    println!(
        "{:<20}{:>6} {:>9}{:>9}  {:<18}{:<8}{:>8}{:>9}{:>7}  limit of bare; of ours",
        "", "bytes", "bare/s", "ours/s", "ratio (range)", "aim", "bare µs", "ours µs", "ratio"
    );
    let dingtalk = Upstream::start();
    let program = Server::program(cores, &dingtalk);
    let mut connection = Connection::open(program.address).await;
    let session = person::log_in(&mut connection, "code").await;
    let signed = connection.ask(&person::get("/jsapi", &session)).await;
    assert!(is_signed_page(&signed));
    let script = address_of(&signed, "/static/login.");
    let subjects = [
        Subject { name: "GET /jsapi (signed)", request: person::get("/jsapi", &session), good: is_signed_page, aim: "≥ 0.55" },
        Subject {
            name: "GET /",
            request: person::get("/", &session),
            good: |answer| answer.status == 200 && answer.body.contains("<h1 id=\"user-name\">张三</h1>"),
            aim: "",
        },
        Subject { name: "GET /api/me", request: person::get("/api/me", &session), good: person::logged_in, aim: "" },
        Subject {
            name: "GET /static/login.js",
            request: person::get(&script, &session),
            good: |answer| answer.status == 200 && answer.body.contains("/api/login"),
            aim: "",
        },
    ];
    for subject in &subjects {
        compare(options, cores, &program, subject).await;
    }
    share(options, cores, &dingtalk, &program, &subjects[0]).await;
    println!(
        "µs: CPU time of the server for one answer, in itself and in the kernel; other programs blur it less than the rates."
    );
    println!("Pages are asked for with a session that was last used in another second, so each answer seals a new cookie.");
    println!("The log of the program has {} MB.", program.log_bytes() / 1_000_000);
}

/// The same page of a program whose state is in Redis: a request for it makes no call to Redis.
async fn share(options: &Options, cores: &Cores, dingtalk: &Upstream, alone: &Server, subject: &Subject) {
    let redis = Redis::start();
    let sharing = Server::program_with(cores, dingtalk, &redis.url);
    let (mut in_memory, mut shared) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        for (server, rounds) in [(alone, &mut in_memory), (&sharing, &mut shared)] {
            let mut workers = Asking::many(options.connections, server.address, &subject.request, subject.good).await;
            busy_for(options.round() / 4, &mut workers).await;
            rounds.push(Round::measure(cores, server, busy_for(options.round(), &mut workers)).await);
        }
    }
    let rate = |rounds: &[Round]| median(rounds.iter().map(|round| round.per_second));
    let ratios = shared.iter().zip(&in_memory).map(|(shared, in_memory)| shared.per_second / in_memory.per_second);
    let (least, greatest) = range(ratios.clone());
    println!(
        "{} with redis: {:.0}/s, with memory: {:.0}/s, ratio {:.2} ({least:.2}–{greatest:.2}), aim ≥ 0.95",
        subject.name,
        rate(&shared),
        rate(&in_memory),
        median(ratios)
    );
}

/// The first address in a page that begins with `beginning`.
fn address_of(page: &Answer<'_>, beginning: &str) -> String {
    let (_, rest) = page.body.split_once(&format!("\"{beginning}")).unwrap();
    format!("{beginning}{}", rest.split('"').next().unwrap())
}

async fn compare(options: &Options, cores: &Cores, program: &Server, subject: &Subject) {
    let bytes = {
        let mut connection = Connection::open(program.address).await;
        connection.ask(&subject.request).await.body.len()
    };
    let bare = Server::bare(cores, bytes);
    let is_bare = |answer: &Answer<'_>| answer.status == 200 && answer.body.starts_with('x');
    let (mut bares, mut ours) = (Vec::new(), Vec::new());
    // Each with connections of its own, since servers close those that were silent for another server's round.
    for _ in 0..options.rounds {
        let mut workers = Asking::many(options.connections, bare.address, &subject.request, is_bare).await;
        busy_for(options.round() / 4, &mut workers).await;
        bares.push(Round::measure(cores, &bare, busy_for(options.round(), &mut workers)).await);
        let mut workers = Asking::many(options.connections, program.address, &subject.request, subject.good).await;
        busy_for(options.round() / 4, &mut workers).await;
        ours.push(Round::measure(cores, program, busy_for(options.round(), &mut workers)).await);
    }
    print(subject, bytes, &bares, &ours);
}

fn print(subject: &Subject, bytes: usize, bares: &[Round], ours: &[Round]) {
    let rate = |rounds: &[Round]| median(rounds.iter().map(|round| round.per_second));
    let micros = |rounds: &[Round]| median(rounds.iter().map(|round| round.micros));
    let ratios = ours.iter().zip(bares).map(|(ours, bare)| ours.per_second / bare.per_second);
    let (least, greatest) = range(ratios.clone());
    let ratio = format!("{:.2} ({least:.2}–{greatest:.2})", median(ratios));
    println!(
        "{:<20}{bytes:>6} {:>9.0}{:>9.0}  {ratio:<18}{:<8}{:>8.1}{:>9.1}{:>7.2}  {}; {}",
        subject.name,
        rate(bares),
        rate(ours),
        subject.aim,
        micros(bares),
        micros(ours),
        micros(bares) / micros(ours),
        limit(bares),
        limit(ours),
    );
}
