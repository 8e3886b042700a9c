//! Logins with a DingTalk that answers at once.

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use super::connection::Connection;
use super::cores::Cores;
use super::load::{Asking, Work, busy_for, so_often};
use super::options::Options;
use super::person;
use super::rounds::{Round, limit, median, range};
use super::server::Server;
use super::upstream::Upstream;

const LOGINS: u64 = 2000;

/// Codes that were never used.
#[derive(Clone, Default)]
struct Codes(Rc<Cell<u32>>);

impl Codes {
    fn next(&self) -> String {
        self.0.set(self.0.get() + 1);
        format!("code-{}", self.0.get())
    }
}

/// Logs people in over one connection.
struct Newcomers {
    connection: Connection,
    codes: Codes,
}

impl Newcomers {
    /// Every second one from another address.
    async fn many(count: usize, server: SocketAddr, codes: &Codes) -> Vec<Self> {
        let mut many = Vec::new();
        for nth in 0..count {
            many.push(Self {
                connection: Connection::open_from(Ipv4Addr::new(127, 1, 0, 1 + (nth % 2) as u8), server).await,
                codes: codes.clone(),
            });
        }
        many
    }
}

impl Work for Newcomers {
    async fn once(&mut self) {
        person::log_in(&mut self.connection, &self.codes.next()).await;
    }
}

pub async fn measure(options: &Options, cores: &Cores) {
    println!("\nLogins (the entry page, then its POST with a fresh code), with a DingTalk that answers at once");
    let dingtalk = Upstream::start();
    let codes = Codes::default();
    let mut rounds = Vec::new();
    for _ in 0..options.rounds {
        rounds.push(round(options, cores, &dingtalk, &codes).await);
    }
    let rates = rounds.iter().map(|round| round.per_second);
    let (least, greatest) = range(rates.clone());
    let micros = median(rounds.iter().map(|round| round.micros));
    println!("logins a second    {:.0} ({least:.0}–{greatest:.0})", median(rates));
    println!("CPU time           {micros:.0} µs of the server for one login");
    println!("limit              {}; DingTalk itself allows 20 a second", limit(&rounds));
    let calls = dingtalk.calls();
    println!(
        "calls to DingTalk  {} logins in {} programs: {} exchanges, {} access_token",
        codes.0.get(),
        options.rounds,
        calls.exchanges,
        calls.tokens
    );
    println!("that DingTalk      {:.0} answers a second when asked by the load alone", alone(options).await);
}

async fn round(options: &Options, cores: &Cores, dingtalk: &Upstream, codes: &Codes) -> Round {
    let program = Server::program(cores, dingtalk);
    let mut newcomers = Newcomers::many(options.connections, program.address, codes).await;
    so_often(2, &mut newcomers).await;
    let each = LOGINS / options.connections as u64;
    Round::measure(cores, &program, so_often(each, &mut newcomers)).await
}

/// How many exchanges the upstream answers in a second without the program between.
async fn alone(options: &Options) -> f64 {
    let upstream = Upstream::start();
    let mut asking = Asking::many(options.connections, upstream.address, &Upstream::exchange_request(), |answer| {
        answer.status == 200 && answer.body.contains("zhangsan")
    })
    .await;
    busy_for(options.round(), &mut asking).await as f64 / options.round().as_secs_f64()
}
