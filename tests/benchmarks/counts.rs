//! How often DingTalk is called when many need the same credential at the same moment. The answers are numbers, not times.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::connection::{Answer, Connection};
use super::cores::Cores;
use super::person::{self, Entry, is_signed_page, logged_in};
use super::server::Server;
use super::upstream::Upstream;

/// Long enough for everybody to arrive before the credential does.
const LATENCY: Duration = Duration::from_millis(500);

pub async fn measure(cores: &Cores) {
    println!("\nCalls to DingTalk, which takes {} ms for each", LATENCY.as_millis());
    let dingtalk = Upstream::start_with(LATENCY, Duration::from_secs(7200));
    let program = Server::program(cores, &dingtalk);
    let logins = login_requests(program.address, "cold", 1000).await;
    let (good, sessions) = at_once(program.address, logins, logged_in).await;
    let calls = dingtalk.calls();
    println!(
        "1,000 logins on a cold server      {good} good: {} access_token (aim 1), {} exchanges (aim 1,000)",
        calls.tokens, calls.exchanges
    );

    // The program is started again: the sessions are still valid, its cache is empty.
    drop(program);
    let dingtalk = Upstream::start_with(LATENCY, Duration::from_secs(7200));
    let program = Server::program(cores, &dingtalk);
    let pages = sessions.iter().map(|session| person::get("/jsapi", session)).collect();
    let (good, _) = at_once(program.address, pages, is_signed_page).await;
    let calls = dingtalk.calls();
    println!(
        "1,000 signed pages after a restart {good} good: {} access_token (aim 1), {} jsapi_ticket (aim 1)",
        calls.tokens, calls.tickets
    );

    let logins = login_requests(program.address, "revoked", 200).await;
    let before = dingtalk.calls();
    dingtalk.revoke_token();
    let (good, _) = at_once(program.address, logins, logged_in).await;
    let after = dingtalk.calls();
    println!(
        "200 logins with a revoked token    {good} good: {} access_token (aim 1), {} exchanges refused, {} failures (aim 0)",
        after.tokens - before.tokens,
        after.refusals - before.refusals,
        200 - good
    );
}

async fn login_requests(server: SocketAddr, code: &str, count: usize) -> Vec<Vec<u8>> {
    let mut connection = Connection::open(server).await;
    let mut requests = Vec::new();
    for number in 0..count {
        let entry = Entry::load(&mut connection).await;
        requests.push(entry.login_request(&format!("{code}-{number}")));
    }
    requests
}

/// Sends all of them at the same moment, each over a connection of its own: how many answers are good, and the sessions they bring.
async fn at_once(server: SocketAddr, requests: Vec<Vec<u8>>, good: fn(&Answer<'_>) -> bool) -> (usize, Vec<String>) {
    let ready = Rc::new(Barrier::new(requests.len()));
    let mut asking = JoinSet::new();
    for request in requests {
        let ready = Rc::clone(&ready);
        asking.spawn_local(async move {
            let mut connection = Connection::open(server).await;
            ready.wait().await;
            let answer = connection.ask(&request).await;
            good(&answer).then(|| answer.cookie("__Host-session=").map(str::to_owned))
        });
    }
    let mut answers = Vec::new();
    while let Some(answer) = asking.join_next().await {
        answers.extend(answer.unwrap());
    }
    (answers.len(), answers.into_iter().flatten().collect())
}
