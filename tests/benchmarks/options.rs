//! What can be asked for on the command line.

use std::fmt;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

/// Measures the release program beside a bare handler. RUST_LOG goes to the program: `warn` shows what the access log costs.
#[derive(Parser)]
pub struct Options {
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What to measure; all of it by default.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// How often each measurement is repeated; the median counts.
    #[arg(long, default_value_t = 7)]
    pub rounds: usize,
    /// How long one round of one server is.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// How many requests are under way at a time.
    #[arg(long, default_value_t = 32)]
    pub connections: usize,
    /// Signed pages a second while their latency is watched; must be well below what the server can do.
    #[arg(long, default_value_t = 1000)]
    pub rate: u32,
    /// After how many requests the memory is looked at; before that, after a tenth of them.
    #[arg(long, default_value_t = 1_000_000)]
    pub requests: u64,
    /// Lets server and load share the cores.
    #[arg(long)]
    pub unpinned: bool,
    /// `cargo bench` says so to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Subcommand)]
pub enum Command {
    /// What the program is compared with: a server whose one handler answers so many bytes.
    #[command(hide = true)]
    Bare { bytes: usize },
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub enum Part {
    /// Pages, an API, a file: answers a second and CPU time, beside a bare handler.
    Pages,
    /// Logins with a DingTalk that answers at once.
    Login,
    /// Calls to DingTalk when many want the same credential at once.
    Counts,
    /// Latency of the signed page while credentials are renewed.
    Renewal,
    /// A whole company logs in before a DingTalk that takes twenty calls a second.
    Rush,
    /// Resident memory at the start and after many requests.
    Memory,
}

impl Options {
    pub fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    pub fn round(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rounds, seconds, connections, .. } = self;
        write!(f, "{rounds} rounds of {seconds} s, alternating, medians; {connections} connections")
    }
}
