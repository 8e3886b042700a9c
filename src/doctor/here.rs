//! This machine: the settings, the state, the server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use serde_json::Value;

use super::asking::{self, who_is};
use super::check::{Finding, Findings};
use crate::application::sealing_keys;
use crate::dingtalk::{AppKind, Clock, Told, told};
use crate::settings::Settings;
use crate::state::{Looked, State, Vitals};

/// Whoever listens at APP_ADDR.
pub enum Server {
    /// The app with our keys, and what it says of its readiness if that is needed.
    Ours(Value),
    /// Somebody else, or the app with other keys.
    Stranger,
    Nobody,
}

/// What starts and yet deserves a second look.
pub fn settings(settings: &Settings, findings: &mut Findings) {
    let doubts = settings.doubts();
    findings.put(match doubts.first().cloned() {
        None => Finding::pass("settings", told!("complete", "完整")),
        Some(mut seen) => {
            for doubt in &doubts[1..] {
                seen.english = format!("{}; {}", seen.english, doubt.english);
                seen.chinese = format!("{}；{}", seen.chinese, doubt.chinese);
            }
            Finding::warn("settings", seen, told!("change what was not meant so", "如非有意，请修改"))
        }
    });
    let keys = settings.web.session_keys.count();
    findings.put(Finding::pass("session_keys", told!("{keys}, the first of which seals", "{keys} 个，第一个用于加密")));
}

/// Asks who listens at APP_ADDR.
pub async fn server(settings: &Settings, clock: &Clock) -> Server {
    const PATIENCE: Duration = Duration::from_millis(1500);
    let mut address = settings.server.app_addr;
    // Who listens everywhere listens on loopback.
    match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    let scheme = if settings.server.tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{address}");
    // The certificate is for another name, and whether it is good is seen at PUBLIC_URL.
    let Ok(client) = asking::client().timeout(PATIENCE).danger_accept_invalid_certs(true).build() else { return Server::Nobody };
    match who_is(&client, &url, &settings.web.session_keys, clock).await {
        Ok(answer) if answer.introduction.is_some() => Server::Ours(match settings.dingtalk.kind {
            // Its credentials can be asked for again.
            AppKind::Internal(_) => Value::Null,
            AppKind::Custom(_) | AppKind::ThirdParty => readiness(&client, &url).await,
        }),
        Ok(_) => Server::Stranger,
        Err(error) if error.is_connect() => Server::Nobody,
        Err(_) => Server::Stranger,
    }
}

async fn readiness(client: &reqwest::Client, url: &str) -> Value {
    let Ok(response) = client.get(format!("{url}/readyz")).send().await else { return Value::Null };
    let body = asking::body(response).await.unwrap_or_default();
    serde_json::from_slice(&body).unwrap_or_default()
}

/// `is_public`: whether a server with our keys answers at PUBLIC_URL.
pub fn server_is_seen(server: &Server, is_public: Option<bool>) -> Finding {
    match server {
        Server::Ours(_) => Finding::pass("server", told!("it runs", "正在运行")),
        Server::Stranger => Finding::fail(
            "server",
            told!("somebody answers at APP_ADDR who does not have this SESSION_KEY", "APP_ADDR 上的应答者没有此 SESSION_KEY"),
            told!(
                "stop the other program, or give both the same SESSION_KEY",
                "请停止另一个程序，或让两者使用相同的 SESSION_KEY"
            ),
        ),
        Server::Nobody if is_public == Some(true) => Finding::warn(
            "server",
            told!(
                "nobody listens at APP_ADDR here, and PUBLIC_URL is served elsewhere with this SESSION_KEY: this machine has the keys of production",
                "本机 APP_ADDR 无人监听，而 PUBLIC_URL 由别处以此 SESSION_KEY 提供服务：本机持有生产环境的密钥"
            ),
            told!(
                "run doctor where the server runs, and keep its secrets there only",
                "请在服务器所在的机器上运行 doctor，并只在那里保存密钥"
            ),
        ),
        Server::Nobody => Finding::warn(
            "server",
            told!("nobody listens at APP_ADDR", "APP_ADDR 无人监听"),
            told!("start `dingtalk-h5 serve` and run doctor again", "请启动 `dingtalk-h5 serve` 后再次运行 doctor"),
        ),
    }
}

/// Where state is kept.
pub async fn state(settings: &Settings, server: &Server, clock: &Clock) -> Finding {
    const OTHERS: u32 = 0o077;
    const SLOW: Duration = Duration::from_millis(50);
    const SKEW_MS: u64 = 60_000;
    let keys = sealing_keys(settings);
    let location = settings.state.to_string();
    match State::look(&settings.state, &keys, clock.unix_millis()).await {
        Ok(Looked::Memory) if settings.web.public_url.is_https() => Finding::warn(
            "state",
            told!(
                "in memory: a restart forgets who logged out and which codes were used",
                "保存在内存中：重启后不再知道谁已退出、哪些授权码已使用"
            ),
            told!("set STATE_URL to a file or to redis", "请将 STATE_URL 设为文件或 redis"),
        ),
        Ok(Looked::Memory) => Finding::pass("state", told!("in memory: a restart forgets it", "保存在内存中：重启后丢失")),
        Ok(Looked::InUse) if !matches!(server, Server::Ours(_)) => Finding::warn(
            "state",
            told!("{location} is open in a process that is not the server at APP_ADDR", "{location} 被 APP_ADDR 之外的进程占用"),
            told!("stop that process: a file is one process's", "请停止该进程：一个文件只能由一个进程使用"),
        ),
        Ok(Looked::InUse) => Finding::pass("state", told!("{location} is open in the server", "{location} 由服务器使用中")),
        Ok(Looked::NoFile) => Finding::pass("state", told!("{location} will be made", "{location} 将会创建")),
        Ok(Looked::File(mode)) if mode & OTHERS != 0 => Finding::warn(
            "state",
            told!("others may read {location}: its mode is {mode:o}", "其他用户可读 {location}：权限为 {mode:o}"),
            told!("chmod 600, or start the server, which does it", "请执行 chmod 600，或启动服务器（会自动修改）"),
        ),
        Ok(Looked::File(_)) => Finding::pass("state", told!("{location} can be opened", "{location} 可以打开")),
        Ok(Looked::Redis(Vitals { evicts: Some(policy), .. })) => Finding::warn(
            "state",
            told!(
                "when it is full, redis throws things away ({policy}), and would forget logouts",
                "内存占满时 redis 会淘汰数据（{policy}），从而丢失已退出的会话"
            ),
            told!(
                "redis-cli config set maxmemory-policy noeviction, and the same in redis.conf",
                "请执行 redis-cli config set maxmemory-policy noeviction，并写入 redis.conf"
            ),
        ),
        Ok(Looked::Redis(Vitals { unix_ms, .. })) if unix_ms.abs_diff(clock.unix_seconds() * 1000) > SKEW_MS => {
            let seconds = (unix_ms / 1000).abs_diff(clock.unix_seconds());
            Finding::warn(
                "state",
                told!(
                    "the clocks of redis and of this machine differ by {seconds} s: sessions go by the one, signatures by the other",
                    "redis 与本机的时钟相差 {seconds} 秒：会话以前者为准，签名以后者为准"
                ),
                told!("set both by NTP", "请用 NTP 校准两者"),
            )
        }
        Ok(Looked::Redis(Vitals { version, latency, .. })) if latency > SLOW => {
            let millis = latency.as_millis();
            Finding::warn(
                "state",
                told!("redis {version} takes {millis} ms to answer", "redis {version} 应答需要 {millis} 毫秒"),
                told!(
                    "run it near the server: each login waits for it several times",
                    "请将其部署在服务器附近：每次登录都要多次等待其应答"
                ),
            )
        }
        Ok(Looked::Redis(Vitals { version, latency, .. })) => {
            let millis = latency.as_millis();
            Finding::pass("state", told!("redis {version} answers within {millis} ms", "redis {version} 在 {millis} 毫秒内应答"))
        }
        Err(error) => Finding::fail(
            "state",
            told!("STATE_URL cannot be used: {error}", "STATE_URL 无法使用：{error}"),
            told!(
                "mend that, or set STATE_URL to a file that this user may write, under the SESSION_KEY that it was written with, or to a redis that this machine reaches, with its password",
                "请处理上述问题，或将 STATE_URL 设为当前用户可写的文件（并使用写入时的 SESSION_KEY），或本机可访问的 redis（含密码）"
            ),
        ),
    }
}
