//! As many requests as a server can answer.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::connection::{Answer, Connection};

/// Does one thing again and again.
pub trait Work: 'static {
    /// Does it once, and checks the result.
    async fn once(&mut self);
}

/// Lets all of `workers` work until the time is over; how often they did it together.
pub async fn busy_for(time: Duration, workers: &mut Vec<impl Work>) -> u64 {
    let ends = Instant::now() + time;
    work_while(workers, move |_| Instant::now() < ends).await
}

/// Lets each of `workers` work so many times; how often that is together.
pub async fn so_often(times: u64, workers: &mut Vec<impl Work>) -> u64 {
    work_while(workers, move |done| done < times).await
}

async fn work_while(workers: &mut Vec<impl Work>, goes_on: impl Fn(u64) -> bool + Copy + 'static) -> u64 {
    let awake = tokio::task::spawn_local(stay_awake());
    let mut working = JoinSet::new();
    for mut worker in workers.drain(..) {
        working.spawn_local(async move {
            let mut times = 0;
            while goes_on(times) {
                worker.once().await;
                times += 1;
            }
            (worker, times)
        });
    }
    let mut together = 0;
    while let Some(done) = working.join_next().await {
        let (worker, times) = done.unwrap();
        workers.push(worker);
        together += times;
    }
    awake.abort();
    together
}

/// Keeps this thread from sleeping while it waits for answers. A server that has to wake its client pays for that, in a virtual
/// machine dearly, and the faster one less often because its client has no time to sleep.
async fn stay_awake() {
    loop {
        tokio::task::yield_now().await;
    }
}

/// Asks for one thing over one connection.
pub struct Asking {
    connection: Connection,
    request: Rc<[u8]>,
    good: fn(&Answer<'_>) -> bool,
}

impl Asking {
    /// So many of them, each with a connection of its own.
    pub async fn many(count: usize, server: SocketAddr, request: &[u8], good: fn(&Answer<'_>) -> bool) -> Vec<Self> {
        let request: Rc<[u8]> = request.into();
        let mut workers = Vec::new();
        for _ in 0..count {
            workers.push(Self { connection: Connection::open(server).await, request: Rc::clone(&request), good });
        }
        workers
    }
}

impl Work for Asking {
    async fn once(&mut self) {
        let answer = self.connection.ask(&self.request).await;
        assert!((self.good)(&answer), "a wrong answer: {}\n{}", answer.head, answer.body);
    }
}
