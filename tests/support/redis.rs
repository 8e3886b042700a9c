//! A Redis server for a test, and a network to it that can be bad.

use std::net::TcpListener as Port;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::{broadcast, watch};

use super::in_time;

/// A connection on which a test asks by itself. The library would wait half a second for an answer, which is too short on a busy machine.
pub async fn connect(url: &str) -> redis::RedisResult<MultiplexedConnection> {
    const PATIENCE: Option<Duration> = Some(Duration::from_secs(30));
    let config = AsyncConnectionConfig::new().set_connection_timeout(PATIENCE).set_response_timeout(PATIENCE);
    redis::Client::open(url)?.get_multiplexed_async_connection_with_config(&config).await
}

/// A real server on a free port. When this is dropped, it is killed and its files are deleted.
pub struct RedisServer {
    child: Child,
    port: u16,
    options: Vec<String>,
    folder: PathBuf,
}

impl RedisServer {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With more options, as they stand on the command line.
    pub async fn start_with(options: &[&str]) -> Self {
        let port = Port::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = std::env::temp_dir().join(format!("redis-{}-{:x}", std::process::id(), rand::random::<u64>()));
        std::fs::create_dir(&folder).unwrap();
        let options: Vec<_> = options.iter().map(|option| (*option).to_owned()).collect();
        let child = run(port, &folder, &options);
        let this = Self { child, port, options, folder };
        this.is_there().await;
        this
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// Runs a command as `redis-cli` would.
    pub async fn ask<T: redis::FromRedisValue>(&self, command: &str) -> redis::RedisResult<T> {
        self.ask_as(&self.url(), command).await
    }

    pub async fn ask_as<T: redis::FromRedisValue>(&self, url: &str, command: &str) -> redis::RedisResult<T> {
        let mut connection = connect(url).await?;
        let mut words = command.split_whitespace();
        let mut command = redis::cmd(words.next().unwrap());
        words.for_each(|word| {
            command.arg(word);
        });
        command.query_async(&mut connection).await
    }

    /// The names of all keys of this type.
    pub async fn keys_of(&self, kind: &str) -> Vec<String> {
        let mut found = Vec::new();
        for key in self.ask::<Vec<String>>("KEYS *").await.unwrap() {
            if self.ask::<String>(&format!("TYPE {key}")).await.unwrap() == kind {
                found.push(key);
            }
        }
        found
    }

    /// All keys and values, as a thief would read them.
    pub async fn dump(&self) -> String {
        let keys: Vec<Vec<u8>> = self.ask("KEYS *").await.unwrap();
        let mut connection = connect(&self.url()).await.unwrap();
        let mut all = String::new();
        for key in keys {
            all += &String::from_utf8_lossy(&key);
            let kind: String = redis::cmd("TYPE").arg(&key).query_async(&mut connection).await.unwrap();
            let read = match kind.as_str() {
                "string" => redis::cmd("GET").arg(&key).to_owned(),
                "hash" => redis::cmd("HGETALL").arg(&key).to_owned(),
                "stream" => redis::cmd("XRANGE").arg(&key).arg("-").arg("+").to_owned(),
                _ => redis::cmd("ZRANGE").arg(&key).arg(0).arg(-1).to_owned(),
            };
            let value: redis::Value = read.query_async(&mut connection).await.unwrap();
            all += &text_of(&value);
        }
        all
    }

    /// Brings every key that expires nearer to its end, because the server's clock cannot be moved.
    pub async fn ages(&self, by: Duration) {
        const AGE: &str = "for _, key in ipairs(redis.call('KEYS', '*')) do
            local left = redis.call('PTTL', key)
            if left >= 0 then redis.call('PEXPIRE', key, left - ARGV[1]) end
        end";
        let mut connection = connect(&self.url()).await.unwrap();
        let by = by.as_millis() as u64;
        redis::cmd("EVAL").arg(AGE).arg(0).arg(by).exec_async(&mut connection).await.unwrap();
    }

    pub async fn signal(&self, signal: &str) {
        let pid = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().await.unwrap().success());
    }

    /// Kills the server, as when its machine loses power.
    pub async fn kill(&mut self) {
        self.child.start_kill().unwrap();
        self.child.wait().await.unwrap();
    }

    /// The same server again, with what it had on its disk.
    pub async fn start_again(&mut self) {
        self.child = run(self.port, &self.folder, &self.options);
        self.is_there().await;
    }

    async fn is_there(&self) {
        in_time("redis-server starts", async { while TcpStream::connect(self.address()).await.is_err() {} }).await;
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

fn run(port: u16, folder: &std::path::Path, options: &[String]) -> Child {
    let mut server = Command::new("redis-server");
    server.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"]).arg(folder);
    server.args(options).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    server.spawn().expect("redis-server is installed by tests/run")
}

fn text_of(value: &redis::Value) -> String {
    match value {
        redis::Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        redis::Value::Array(all) => all.iter().map(text_of).collect(),
        other => format!("{other:?}"),
    }
}

/// Stands between a program and a server, and can delay, break or lose what passes.
pub struct Network {
    pub address: String,
    bad: Arc<Bad>,
    _listening: tokio::task::JoinHandle<()>,
}

/// In which ways the network is bad.
struct Bad {
    delay: watch::Sender<Duration>,
    /// In milliseconds: how far the times in the server's answers are ahead.
    times_ahead: watch::Sender<i64>,
    cut: broadcast::Sender<()>,
    /// The next command that contains these words gets no answer.
    loses: Mutex<Option<(&'static str, Lost)>>,
}

/// What becomes of a connection whose answer is lost.
#[derive(Clone, Copy)]
enum Lost {
    /// It breaks, and all others with it.
    Broken,
    /// Nothing comes on it any more.
    Silent,
    /// Nothing comes on it until its answers are no longer waited for.
    Late,
}

impl Network {
    pub async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (delay, times_ahead) = (watch::Sender::new(Duration::ZERO), watch::Sender::new(0));
        let bad = Arc::new(Bad { delay, times_ahead, cut: broadcast::Sender::new(16), loses: Mutex::default() });
        let (is_bad, server) = (Arc::clone(&bad), Arc::new(server));
        let _listening = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let Ok(server) = TcpStream::connect(&*server).await else { continue };
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
                let asked = Arc::new(OnceLock::new());
                tokio::spawn(carry(from_client, to_server, Arc::clone(&is_bad), Way::There(Arc::clone(&asked))));
                tokio::spawn(carry(from_server, to_client, Arc::clone(&is_bad), Way::Back(asked)));
            }
        });
        Self { address, bad, _listening }
    }

    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// What is sent from now on arrives so much later.
    pub fn delays(&self, by: Duration) {
        self.bad.delay.send_replace(by);
    }

    /// From now on the times in the server's answers are ahead by so many milliseconds.
    pub fn sets_clock_ahead(&self, by: i64) {
        self.bad.times_ahead.send_replace(by);
    }

    /// All connections break.
    pub fn cuts(&self) {
        drop(self.bad.cut.send(()));
    }

    /// All connections break as soon as the server has run the next command that contains these words, before its answer arrives.
    pub fn loses_the_answer_to(&self, words: &'static str) {
        *self.bad.loses.lock().unwrap() = Some((words, Lost::Broken));
    }

    /// The answer to the next command that contains these words comes too late.
    pub fn holds_the_answer_to(&self, words: &'static str) {
        *self.bad.loses.lock().unwrap() = Some((words, Lost::Late));
    }

    /// The answer to the next command that contains these words never comes, nor anything else on that connection.
    pub fn withholds_the_answer_to(&self, words: &'static str) {
        *self.bad.loses.lock().unwrap() = Some((words, Lost::Silent));
    }
}

/// The direction of what passes. Both directions of a connection know whether its answers are to be lost.
enum Way {
    There(Arc<OnceLock<Lost>>),
    Back(Arc<OnceLock<Lost>>),
}

/// The same answer with later times, which are known by their thirteen digits: no other number has as many.
fn later(said: &[u8], by: i64) -> Vec<u8> {
    let lines = said.split_inclusive(|byte| *byte == b'\n');
    let time = |line: &[u8]| {
        let digits = line.strip_prefix(b":")?.strip_suffix(b"\r\n")?;
        let time = std::str::from_utf8(digits).ok()?.parse::<i64>().ok()?;
        (digits.len() == 13).then(|| format!(":{}\r\n", time + by).into_bytes())
    };
    lines.flat_map(|line| time(line).unwrap_or_else(|| line.to_vec())).collect()
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, bad: Arc<Bad>, way: Way) {
    /// Longer than the app waits for one answer.
    const TOO_LONG: Duration = Duration::from_millis(350);
    let (mut cut, mut was_late) = (bad.cut.subscribe(), false);
    let carrying = async {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from.read(&mut bytes).await {
            let by = *bad.delay.borrow();
            // This sleep is the delay of a slow network; the test itself does not wait.
            tokio::time::sleep(by).await;
            match &way {
                Way::There(asked) => {
                    let says =
                        |loss: &mut (&str, Lost)| bytes[..read].windows(loss.0.len()).any(|said| said == loss.0.as_bytes());
                    if let Some((_, lost)) = bad.loses.lock().unwrap().take_if(says) {
                        asked.get_or_init(|| lost);
                    }
                }
                Way::Back(asked) => match asked.get() {
                    None => {}
                    Some(Lost::Silent) => continue,
                    Some(Lost::Late) if was_late => {}
                    Some(Lost::Late) => {
                        tokio::time::sleep(TOO_LONG).await;
                        was_late = true;
                    }
                    Some(Lost::Broken) => {
                        drop(bad.cut.send(()));
                        return;
                    }
                },
            }
            let said = later(&bytes[..read], *bad.times_ahead.borrow());
            if to.write_all(&said).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = carrying => {}
        _ = cut.recv() => {}
    }
}
