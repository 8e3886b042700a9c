//! Logins with a DingTalk that answers at once.

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use super::connection::Connection;
use super::cores::Cores;
use super::load::{Asking, Work, busy_for};
use super::options::Options;
use super::person;
use super::rounds::{Round, limit, median, range};
use super::server::Server;
use super::upstream::Upstream;

/// Less than what one address may do in a rush (`src/web/rate.rs`).
const PER_ADDRESS: u32 = 1000;

/// What all newcomers share: numbers that were never used.
#[derive(Clone, Default)]
struct Numbers(Rc<Cell<u32>>);

impl Numbers {
    fn next(&self) -> u32 {
        self.0.set(self.0.get() + 1);
        self.0.get()
    }
}

/// Logs people in over one connection after another, each from another address, because an address may not log in for ever.
struct Newcomers {
    server: SocketAddr,
    connection: Connection,
    left: u32,
    addresses: Numbers,
    codes: Numbers,
}

impl Newcomers {
    async fn new(server: SocketAddr, addresses: &Numbers, codes: &Numbers) -> Self {
        Self {
            server,
            connection: connection_of_next(addresses, server).await,
            left: PER_ADDRESS,
            addresses: addresses.clone(),
            codes: codes.clone(),
        }
    }
}

async fn connection_of_next(addresses: &Numbers, server: SocketAddr) -> Connection {
    // 127.1.0.0 and what follows.
    let client = Ipv4Addr::from_bits(0x7f01_0000 + addresses.next());
    Connection::open_from(client, server).await
}

impl Work for Newcomers {
    async fn once(&mut self) {
        if self.left == 0 {
            self.connection = connection_of_next(&self.addresses, self.server).await;
            self.left = PER_ADDRESS;
        }
        self.left -= 1;
        person::log_in(&mut self.connection, &format!("code-{}", self.codes.next())).await;
    }
}

pub async fn measure(options: &Options, cores: &Cores) {
    println!("\nLogins (the entry page, then its POST with a fresh code), with a DingTalk that answers at once");
    let dingtalk = Upstream::start();
    let program = Server::program(cores, &dingtalk);
    let (addresses, codes) = (Numbers::default(), Numbers::default());
    let mut newcomers = Vec::new();
    for _ in 0..options.connections {
        newcomers.push(Newcomers::new(program.address, &addresses, &codes).await);
    }
    busy_for(options.round() / 2, &mut newcomers).await;
    let mut rounds = Vec::new();
    for _ in 0..options.rounds {
        rounds.push(Round::measure(options.round(), cores, &program, &mut newcomers).await);
    }
    let rates = rounds.iter().map(|round| round.per_second);
    let (least, greatest) = range(rates.clone());
    let micros = median(rounds.iter().map(|round| round.micros));
    println!("logins a second    {:.0} ({least:.0}–{greatest:.0})", median(rates));
    println!("CPU time           {micros:.0} µs of the server for one login");
    println!("limit              {}; DingTalk itself allows 20 a second", limit(&rounds));
    let calls = dingtalk.calls();
    println!(
        "calls to DingTalk  {} logins: {} exchanges, {} access_token",
        codes.0.get(),
        calls.exchanges,
        calls.tokens
    );
    println!(
        "addresses          {}, since one may log in {PER_ADDRESS} times and more at once, but not for ever",
        addresses.0.get()
    );
    println!(
        "that DingTalk      {:.0} answers a second when asked by the load alone",
        alone(options).await
    );
}

/// How many exchanges the upstream answers in a second without the program between.
async fn alone(options: &Options) -> f64 {
    let upstream = Upstream::start();
    let mut asking = Asking::many(
        options.connections,
        upstream.address,
        &Upstream::exchange_request(),
        |answer| answer.status == 200 && answer.body.contains("zhangsan"),
    )
    .await;
    busy_for(options.round(), &mut asking).await as f64 / options.round().as_secs_f64()
}
