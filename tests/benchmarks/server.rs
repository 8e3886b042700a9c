//! Servers as processes, so that their time and memory are theirs alone.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dingtalk_simulator::Simulator;

use super::cores::Cores;
use super::own_settings::OWN_SETTINGS;
use super::upstream::Upstream;

/// Where the program believes to be. It is https, so that cookies and headers are those of production.
pub const PUBLIC_URL: &str = "https://app.example.com";

/// One for all, so that a session outlives the program that made it.
static SESSION_KEY: LazyLock<String> = LazyLock::new(|| hex::encode([0; 64].map(|_: u8| rand::random::<u8>())));

/// A server that listens. It ends, and its log goes, when this is dropped.
pub struct Server {
    pub address: SocketAddr,
    child: Child,
    log: PathBuf,
}

impl Server {
    /// The program, as in production, but with a limit on calls that is never reached.
    pub fn program(cores: &Cores, dingtalk: &Upstream) -> Self {
        Self::program_with(cores, dingtalk, "memory:")
    }

    /// The same with its state at `state`.
    pub fn program_with(cores: &Cores, dingtalk: &Upstream, state: &str) -> Self {
        let id = ("dingbenchmark0001", "cJ8xq2-benchmark-0001", "ding0000000000000001", "1000000001");
        Self::program_at(cores, &format!("http://{}", dingtalk.address), id, "100000", state)
    }

    /// The program, as in production, as the app that is registered with this DingTalk.
    pub fn program_of(cores: &Cores, dingtalk: &Simulator, state: &str) -> Self {
        let app = dingtalk.app();
        Self::program_at(cores, &dingtalk.url(), (app.client_id, app.client_secret, app.corp_id, app.agent_id), "20", state)
    }

    fn program_at(cores: &Cores, dingtalk: &str, app: (&str, &str, &str, &str), calls_per_second: &str, state: &str) -> Self {
        let (client_id, client_secret, corp_id, agent_id) = app;
        let mut command = cores.command(env!("CARGO_BIN_EXE_dingtalk-h5"));
        command.env_clear().envs(OWN_SETTINGS.iter().copied()).envs([
            ("DINGTALK_CLIENT_ID", client_id),
            ("DINGTALK_CLIENT_SECRET", client_secret),
            ("DINGTALK_CORP_ID", corp_id),
            ("DINGTALK_AGENT_ID", agent_id),
            ("DINGTALK_API_URL", dingtalk),
            ("DINGTALK_OAPI_URL", dingtalk),
            ("DINGTALK_CALLS_PER_SECOND", calls_per_second),
            ("PUBLIC_URL", PUBLIC_URL),
            ("APP_ADDR", "127.0.0.1:0"),
            ("SESSION_KEY", &SESSION_KEY),
            ("STATE_URL", state),
        ]);
        if let Ok(level) = std::env::var("RUST_LOG") {
            command.env("RUST_LOG", level);
        }
        if let Ok(path) = std::env::var("PATH") {
            command.env("PATH", path);
        }
        Self::start(command)
    }

    /// The same server with a handler that answers so many bytes.
    pub fn bare(cores: &Cores, bytes: usize) -> Self {
        let mut command = cores.command(std::env::current_exe().unwrap());
        command.args(["bare", &bytes.to_string()]);
        Self::start(command)
    }

    fn start(mut command: Command) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let name = format!("bench-{}-{}.log", std::process::id(), STARTED.fetch_add(1, Ordering::Relaxed));
        let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        command.current_dir(env!("CARGO_TARGET_TMPDIR"));
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.split_whitespace().find_map(|word| word.strip_prefix("http://"));
        let address = address.unwrap_or_else(|| panic!("it does not start: {}", std::fs::read_to_string(&log).unwrap()));
        Self { address: address.parse().unwrap(), child, log }
    }

    /// Its CPU time, in itself and in the kernel.
    pub fn cpu_time(&self) -> Duration {
        cpu_time(&self.child.id().to_string())
    }

    /// How much memory it has (VmRSS), in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("memory is read from /proc");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// How much it has written to its log.
    pub fn log_bytes(&self) -> u64 {
        std::fs::metadata(&self.log).unwrap().len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.log);
    }
}

/// The CPU time of this process: the load, and DingTalk's part.
pub fn cpu_time_of_load() -> Duration {
    cpu_time("self")
}

/// The CPU time of everything on this machine.
pub fn cpu_time_of_all() -> Duration {
    let stat = std::fs::read_to_string("/proc/stat").unwrap();
    let fields = stat.lines().next().unwrap().split_whitespace().skip(1);
    let ticks: Vec<u64> = fields.map(|ticks| ticks.parse().unwrap()).collect();
    // user, nice and system, then irq and softirq; idle and iowait, between them, are left out.
    Duration::from_millis(10 * [0, 1, 2, 5, 6].iter().map(|field| ticks[*field]).sum::<u64>())
}

/// `utime` and `stime` of proc(5), in ticks of which there are a hundred in a second on every Linux.
fn cpu_time(pid: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("CPU time is read from /proc");
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let ticks: u64 = fields.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}
