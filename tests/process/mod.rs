//! The program as an administrator meets it: settings, exit codes, log lines, signals.

use std::process::Stdio;
use std::time::Duration;

use dingtalk_simulator::{App as Registered, Simulator};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use crate::http::tls::Pair;
use crate::own_settings::OWN_SETTINGS;
use crate::support::{Browser, http_client, in_time, session_key};

mod canaries;
mod dot_env;
#[cfg(target_os = "linux")]
mod descriptors;
mod endurance;
#[cfg(target_os = "linux")]
mod full;
#[cfg(target_os = "linux")]
mod flood;
mod log;
mod proxy;
#[cfg(target_os = "linux")]
mod memory;
mod service;
mod settings;
#[cfg(target_os = "linux")]
mod stalled;
mod state;
mod stop;

pub type Variables = Vec<(&'static str, String)>;

/// Settings with which the program runs.
pub fn complete(dingtalk: &Simulator) -> Variables {
    let app = dingtalk.app();
    let own = OWN_SETTINGS.iter().map(|(name, value)| (*name, (*value).to_owned()));
    let plumbing = [
        ("DINGTALK_CLIENT_ID", app.client_id.to_string()),
        ("DINGTALK_CLIENT_SECRET", app.client_secret.to_string()),
        ("DINGTALK_CORP_ID", app.corp_id.to_string()),
        ("DINGTALK_AGENT_ID", app.agent_id.to_string()),
        ("DINGTALK_API_URL", dingtalk.url()),
        ("DINGTALK_OAPI_URL", dingtalk.url()),
        ("DINGTALK_CALLS_PER_SECOND", "10000".to_owned()),
        ("PUBLIC_URL", "http://127.0.0.1:9".to_owned()),
        ("APP_ADDR", "127.0.0.1:0".to_owned()),
        ("SESSION_KEY", session_key()),
    ];
    plumbing.into_iter().chain(own).collect()
}

pub fn with(mut variables: Variables, name: &'static str, value: &str) -> Variables {
    variables.retain(|(known, _)| *known != name);
    variables.push((name, value.to_owned()));
    variables
}

/// The same settings for an app that receives its events by HTTP.
pub fn with_callbacks(variables: Variables, app: &Registered) -> Variables {
    let variables = with(variables, "DINGTALK_EVENTS", "http");
    let variables = with(variables, "DINGTALK_EVENT_TOKEN", app.callback_token);
    with(variables, "DINGTALK_EVENT_AES_KEY", app.callback_aes_key)
}

/// The same settings with a certificate of its own, so that the program speaks TLS.
fn with_tls(variables: Variables, pair: &Pair) -> Variables {
    let path = |file: &str| pair.folder.join(file).to_str().unwrap().to_owned();
    let variables = with(variables, "PUBLIC_URL", "https://app.example.com");
    with(with(variables, "TLS_CERT", &path("cert.pem")), "TLS_KEY", &path("key.pem"))
}

pub fn program(variables: &Variables) -> Command {
    prepared(Command::new(env!("CARGO_BIN_EXE_dingtalk-h5")), variables)
}

/// Sets these environment variables and no others, captures the output, and kills the process when the test ends.
pub fn prepared(mut command: Command, variables: &Variables) -> Command {
    command.env_clear().envs(variables.iter().cloned()).current_dir(std::env::temp_dir());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Runs the program to its end: its exit code and its output.
pub async fn run(command: &mut Command) -> (Option<i32>, String) {
    let output = tokio::time::timeout(Duration::from_secs(20), command.output()).await.expect("it does not end").unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

/// The program, serving.
pub struct Served {
    pub child: Child,
    pub url: String,
    said: Lines<BufReader<ChildStdout>>,
    log: Lines<BufReader<ChildStderr>>,
    /// The part of the log that has been read so far.
    logged: String,
}

impl Served {
    pub async fn start(variables: &Variables) -> Self {
        Self::start_as(program(variables)).await
    }

    /// Under a limit on open files, as an argument of `ulimit`: "-n 64" is final, "-S -n 64" may be raised by the program.
    #[cfg(target_os = "linux")]
    async fn start_with_limit(limit: &str, variables: &Variables) -> Self {
        let mut shell = Command::new("sh");
        let script = format!("ulimit {limit} && exec \"$0\"");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_dingtalk-h5")]);
        Self::start_as(prepared(shell, variables)).await
    }

    pub async fn start_as(mut program: Command) -> Self {
        let mut child = program.spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let Some(line) = in_time("it says where it listens", said.next_line()).await.unwrap() else {
            let mut logged = String::new();
            log.get_mut().read_to_string(&mut logged).await.unwrap();
            panic!("it has ended: {logged}");
        };
        let address = line.split_whitespace().find(|word| word.starts_with("http")).unwrap();
        Self { url: address.to_owned(), child, said, log, logged: String::new() }
    }

    /// The address of the metrics, from the line that the program prints once.
    async fn metrics_url(&mut self) -> String {
        let line = in_time("it says where the metrics are", self.said.next_line()).await.unwrap().unwrap();
        line.strip_prefix("metrics on ").unwrap().to_owned()
    }

    pub fn browser(&self) -> Browser {
        Browser::new(http_client(), &self.url, "http://127.0.0.1:9")
    }

    /// Waits until its log has this.
    pub async fn logs(&mut self, text: &str) {
        let reading = async {
            while !self.logged.contains(text) {
                let line = self.log.next_line().await.unwrap().expect("it goes on");
                self.logged.extend([line.as_str(), "\n"]);
            }
        };
        let read = tokio::time::timeout(Duration::from_secs(20), reading).await;
        assert!(read.is_ok(), "{text} is not in {}", self.logged);
    }

    /// Ends it as a service manager does; returns the log.
    pub async fn stop(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
        let ended = tokio::time::timeout(Duration::from_secs(15), self.child.wait()).await.expect("it does not stop");
        self.log.get_mut().read_to_string(&mut self.logged).await.unwrap();
        (ended.unwrap().code(), self.logged)
    }
}
