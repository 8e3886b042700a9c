//! Measurements that are repeated, because the machine does other things too.

use std::time::{Duration, Instant};

use super::cores::Cores;
use super::server::{Server, cpu_time_of_all, cpu_time_of_load};

/// What one server did in one round.
#[derive(Clone, Copy)]
pub struct Round {
    pub per_second: f64,
    /// CPU time of the server for each answer, in microseconds.
    pub micros: f64,
    /// The part of its cores that the server used.
    pub server_busy: f64,
    /// The part of all cores that other programs used.
    pub others_busy: f64,
}

struct CpuTimes {
    server: Duration,
    load: Duration,
    /// Of everything on this machine.
    all: Duration,
}

impl CpuTimes {
    fn now(server: &Server) -> Self {
        Self { server: server.cpu_time(), load: cpu_time_of_load(), all: cpu_time_of_all() }
    }
}

impl Round {
    /// Measures `server` while `busy` keeps it at work; `busy` returns how often the server answered.
    pub async fn measure(cores: &Cores, server: &Server, busy: impl Future<Output = u64>) -> Self {
        let (began, before) = (Instant::now(), CpuTimes::now(server));
        let times = busy.await as f64;
        let (seconds, after) = (began.elapsed().as_secs_f64(), CpuTimes::now(server));
        let used = |of: fn(&CpuTimes) -> Duration| (of(&after) - of(&before)).as_secs_f64();
        let server_used = used(|times| times.server);
        let others_used = used(|times| times.all) - server_used - used(|times| times.load);
        Self {
            per_second: times / seconds,
            micros: server_used * 1e6 / times,
            server_busy: server_used / seconds / cores.of_server(),
            others_busy: others_used.max(0.0) / seconds / cores.all(),
        }
    }
}

/// What kept a server from doing more.
pub fn limit(rounds: &[Round]) -> String {
    let percent = |of: fn(&Round) -> f64| 100.0 * median(rounds.iter().map(of));
    let (server, others) = (percent(|round| round.server_busy), percent(|round| round.others_busy));
    let who = match (server > 90.0, others > 10.0) {
        (true, _) => "the server",
        (false, true) => "other programs",
        (false, false) => "the load",
    };
    format!("{who} (server {server:.0} %, others {others:.0} %)")
}

pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

/// The least and the greatest.
pub fn range(values: impl IntoIterator<Item = f64> + Clone) -> (f64, f64) {
    let least = values.clone().into_iter().fold(f64::INFINITY, f64::min);
    (least, values.into_iter().fold(f64::NEG_INFINITY, f64::max))
}
