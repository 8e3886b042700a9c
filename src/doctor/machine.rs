//! This machine: its settings, the server that runs here, and where that stores its state.

use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::Client;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::asking::{self, Answer, who_is};
use super::report::{Finding, Findings};
use crate::application::sealing_keys;
use crate::dingtalk::{AppKind, Clock, Told, root, told};
use crate::server;
use crate::settings::Settings;
use crate::state::{Location, State, StorageStatus, Unread, Vitals};
use crate::web::introduction::Introduction;

/// Whether settings deserve a second look although the server starts with them.
pub fn settings(settings: &Settings, findings: &mut Findings) {
    let mut seen = settings.doubts();
    let has_doubts = !seen.is_empty();
    if !settings.dingtalk.is_real() {
        seen.push(told!("calls go to another DingTalk than the real one", "调用的并非真实的钉钉"));
    }
    if let Some(app_id) = &settings.app_id {
        seen.push(told!("the app's Unified App ID is {app_id}", "应用的 Unified App ID 为 {app_id}"));
    }
    let list = |words: fn(&Told) -> &str, comma| seen.iter().map(words).collect::<Vec<_>>().join(comma);
    let seen = match seen.is_empty() {
        true => told!("complete", "完整"),
        false => Told { english: list(|told| &told.english, "; "), chinese: list(|told| &told.chinese, "；") },
    };
    findings.put(match has_doubts {
        false => Finding::pass("settings", seen),
        true => Finding::warn("settings", seen, told!("change what was not meant so", "如非有意，请修改")),
    });
    let keys = settings.web.session_keys.count();
    findings.put(Finding::pass(
        "session_keys",
        told!("{keys}: the first encrypts, each decrypts", "{keys} 个：第一个用于加密，每个均可解密"),
    ));
}

/// What listens at APP_ADDR.
pub enum Server {
    /// The app with our SESSION_KEY: its introduction, and what its `/readyz` says, or null where that is not needed.
    Ours(Introduction, Value),
    /// Something that does not prove to have our SESSION_KEY: what was seen of it.
    Stranger(Told),
    Nobody,
}

/// Asks who listens at APP_ADDR.
#[rustfmt::skip] // A finding a paragraph, here and below.
pub async fn at_app_addr(settings: &Settings, clock: &Clock) -> Result<Server, reqwest::Error> {
    const TIMEOUT: Duration = Duration::from_millis(1500);
    if !timeout(TIMEOUT, TcpStream::connect(settings.server.near_address())).await.is_ok_and(|connected| connected.is_ok()) {
        return Ok(Server::Nobody);
    }
    let (client, url) = local_client(&settings.server, TIMEOUT)?;
    Ok(match who_is(&client, &url, &settings.web.session_keys, clock).await {
        Ok(Answer { introduction: Some(introduction), .. }) => {
            // Only the server can tell about credentials that fetching others would end, and whether it can store its state.
            let needs_readiness = !matches!((&settings.dingtalk.kind, &settings.state), (AppKind::Internal(_), Location::Memory));
            let said = if needs_readiness { readiness(&client, &url).await } else { Value::Null };
            Server::Ours(introduction, said)
        }
        Ok(_) => Server::Stranger(told!(
            "somebody answers at APP_ADDR who does not have this SESSION_KEY", "APP_ADDR 上的应答者没有此 SESSION_KEY")),
        Err(error) => {
            let (scheme, why) = (settings.server.scheme(), root(&error));
            Server::Stranger(told!("somebody listens at APP_ADDR and does not answer {scheme}: {why}", "APP_ADDR 有程序监听，但未应答 {scheme}：{why}"))
        }
    })
}

/// `dingtalk-h5 health`: whether `GET /healthz` is answered, for images that have no other program to ask.
pub async fn health(server: &server::Settings) -> anyhow::Result<()> {
    // Shorter than the thirty seconds that container platforms give it.
    const TIMEOUT: Duration = Duration::from_secs(3);
    let (client, url) = local_client(server, TIMEOUT)?;
    let url = format!("{url}/healthz");
    let answer = client.get(&url).send().await.with_context(|| format!("no answer from {url}"))?;
    ensure!(answer.status() == 200, "{url} answers {}", answer.status());
    Ok(())
}

/// A client for the server on this machine, and the server's URL. The certificate is not verified: it is for the name in PUBLIC_URL, where
/// it is examined, and nothing secret is sent here.
fn local_client(server: &server::Settings, timeout: Duration) -> Result<(Client, String), reqwest::Error> {
    let client = asking::client().timeout(timeout).danger_accept_invalid_certs(true).build()?;
    Ok((client, format!("{}://{}", server.scheme(), server.near_address())))
}

async fn readiness(client: &Client, url: &str) -> Value {
    // The server's own checks take three seconds at most.
    const TIMEOUT: Duration = Duration::from_secs(4);
    let Ok(response) = client.get(format!("{url}/readyz")).timeout(TIMEOUT).send().await else { return Value::Null };
    let body = asking::body(response).await.unwrap_or_default();
    serde_json::from_slice(&body).unwrap_or_default()
}

/// The finding about the server. `is_public`: whether a server with our SESSION_KEY answers at PUBLIC_URL.
#[rustfmt::skip]
pub fn server(server: Server, is_public: bool) -> Finding {
    match server {
        Server::Ours(..) => Finding::pass("server", told!("it runs", "正在运行")),
        Server::Stranger(seen) => Finding::fail("server", seen, told!(
            "if it is another program, stop it; if it is the server and not just busy, start it again with these settings: the same SESSION_KEY, and TLS_CERT or not",
            "如为其他程序，请停止；如为服务器且并非繁忙，请以当前设置重启：SESSION_KEY 相同，TLS_CERT 设置与否也相同")),
        Server::Nobody if is_public => Finding::warn("server",
            told!("nobody listens at APP_ADDR here, and PUBLIC_URL is served with this SESSION_KEY: by another machine, so that this one has the keys of production, or here at another address",
                "本机 APP_ADDR 无人监听，而 PUBLIC_URL 以此 SESSION_KEY 提供服务：或由其他机器提供（本机持有生产环境的密钥），或在本机的其他地址监听"),
            told!("if the server runs here, give doctor its --app-addr; if not, run doctor where it runs, and keep its secrets there only",
                "如服务器在本机运行，请为 doctor 指定 --app-addr；否则请在服务器所在的机器上运行 doctor，并只在那里保存密钥")),
        Server::Nobody => Finding::warn("server", told!("nobody listens at APP_ADDR", "APP_ADDR 无人监听"),
            told!("start `dingtalk-h5 serve` and run doctor again", "请启动 `dingtalk-h5 serve` 后再次运行 doctor")),
    }
}

/// Looks at where state is stored, and changes nothing; only in Redis it tries to write.
#[rustfmt::skip]
pub async fn state(settings: &Settings, server: &Server, clock: &Clock) -> Finding {
    const OTHERS: u32 = 0o077;
    let location = settings.state.to_string();
    match State::look(&settings.state, &sealing_keys(settings), clock.unix_millis()).await {
        // Whatever is seen from here, the server knows better.
        _ if matches!((&settings.state, server), (Location::File(_), Server::Ours(_, said)) if said["state"]["kept"] == false) => Finding::fail("state",
            told!("the running server cannot store its state: {location}", "运行中的服务器无法保存状态：{location}"),
            told!("see its log for why (the disk may be full), mend that, and do not restart it before its /readyz says kept: true",
                "请查看其日志中的原因（磁盘可能已满）并处理；在 /readyz 显示 kept: true 之前请勿重启")),
        Ok(StorageStatus::Memory) if settings.web.public_url.is_https() => Finding::warn("state",
            told!("in memory: a restart forgets who logged out and which codes were used", "保存在内存中：重启后不再知道谁已退出、哪些授权码已使用"),
            told!("set STATE_URL to a file or to redis", "请将 STATE_URL 设为文件或 redis")),
        Ok(StorageStatus::Memory) => Finding::pass("state", told!("in memory: a restart forgets it", "保存在内存中：重启后丢失")),
        Ok(StorageStatus::InUse) => match server {
            Server::Ours(..) => Finding::pass("state", told!("{location} is open in the server", "{location} 由服务器使用中")),
            // The stranger may be the server that has the file open, but is busy or has other settings.
            Server::Stranger(_) => Finding::not_done("state", "server"),
            Server::Nobody => Finding::warn("state",
                told!("{location} is open in a process that does not listen at APP_ADDR", "{location} 被未监听 APP_ADDR 的进程占用"),
                told!("if that is the server, give doctor its --app-addr; if not, stop that process: a file is one process's",
                    "如该进程就是服务器，请为 doctor 指定 --app-addr；否则请停止该进程：一个文件只能由一个进程使用")),
        },
        Ok(StorageStatus::File(mode)) if mode & OTHERS != 0 => Finding::warn("state",
            told!("others may read {location}: its mode is {mode:o}", "其他用户可读 {location}：权限为 {mode:o}"),
            told!("chmod 600, or start the server, which does it", "请执行 chmod 600，或启动服务器（会自动修改）")),
        // The running server would have this file open if it used it.
        Ok(StorageStatus::NoFile | StorageStatus::File(_)) if matches!(server, Server::Ours(..)) => Finding::warn("state",
            told!("the running server does not have {location} open, as this machine sees it", "在本机看来，运行中的服务器并未打开 {location}"),
            told!("if it runs in a container, or the path is relative, run doctor where it was started; if not, start it again with this STATE_URL",
                "如服务器在容器中运行或路径为相对路径，请在其启动之处运行 doctor；否则请以此 STATE_URL 重启服务器")),
        Ok(StorageStatus::NoFile) => Finding::pass("state", told!("{location} will be made", "{location} 将会创建")),
        Ok(StorageStatus::File(_)) => Finding::pass("state", told!("{location} can be opened", "{location} 可以打开")),
        Ok(StorageStatus::Redis(vitals)) => {
            let app = settings.dingtalk.credentials.client_id.as_str();
            let refused = State::try_out(&settings.state, app, sealing_keys(settings)).await.err();
            redis(vitals, refused, server, clock)
        }
        Err(error) => Finding::fail("state", told!("STATE_URL cannot be used: {location}: {error}", "STATE_URL 无法使用：{location}：{error}"), match settings.state {
            Location::Redis(_) => told!("mend that, or set STATE_URL to a redis that this machine reaches, with its user name and password",
                "请处理上述问题，或将 STATE_URL 设为本机可访问的 redis（含用户名与密码）"),
            _ => told!("mend that, or set STATE_URL to a file that this user may write, under the SESSION_KEY that it was written with",
                "请处理上述问题，或将 STATE_URL 设为当前用户可写的文件（并使用写入时的 SESSION_KEY）"),
        }),
    }
}

/// The worst finding about a Redis that answers.
#[rustfmt::skip]
fn redis(Vitals { version, latency, unix_ms, evicts }: Vitals, refused: Option<Unread>, server: &Server, clock: &Clock) -> Finding {
    const OLDEST: (u32, u32) = (6, 2);
    const SLOW: Duration = Duration::from_millis(50);
    const SKEW_SECONDS: u64 = 60;
    let number = |at| version.split('.').nth(at)?.parse::<u32>().ok();
    let millis = latency.as_millis();
    let seconds = (unix_ms / 1000).abs_diff(clock.unix_seconds());
    if number(0).zip(number(1)).is_some_and(|version| version < OLDEST) {
        Finding::fail("state", told!("redis {version} is too old", "redis {version} 版本过旧"),
            told!("run Redis 6.2 or later, or Valkey", "请使用 Redis 6.2 或更高版本，或 Valkey"))
    } else if let Some(why) = refused {
        Finding::fail("state", told!("redis {version} answers, and a server cannot work with it: {why}", "redis {version} 有应答，但服务器无法使用：{why}"),
            told!("mend that, or set STATE_URL to another redis", "请处理上述问题，或将 STATE_URL 设为其他 redis"))
    // Redis may answer the commands that doctor sends, and yet refuse those that the server needs.
    } else if matches!(server, Server::Ours(_, said) if said["state"]["reachable"] == false) {
        Finding::fail("state",
            told!("redis {version} answers, and the running server cannot work with it", "redis {version} 有应答，但运行中的服务器无法使用"),
            told!("see the server's log, which says why: it may be unable to save, its access list may not let this user run what is needed, or another SESSION_KEY has sealed what is there",
                "请查看服务器日志中的原因：它可能无法保存数据、其访问控制不允许此用户执行所需命令，或其中数据由另一个 SESSION_KEY 加密"))
    } else if let Some(policy) = evicts {
        Finding::warn("state",
            told!("when it is full, redis throws things away ({policy}), and would forget logouts", "内存占满时 redis 会淘汰数据（{policy}），届时会忘记哪些会话已退出"),
            told!("redis-cli config set maxmemory-policy noeviction, and the same in redis.conf", "请执行 redis-cli config set maxmemory-policy noeviction，并写入 redis.conf"))
    } else if seconds > SKEW_SECONDS {
        Finding::warn("state",
            told!("the clocks of redis and of this machine differ by {seconds} s: sessions go by the one, signatures by the other",
                "redis 与本机的时钟相差 {seconds} 秒：会话以前者为准，签名以后者为准"),
            told!("set both by NTP", "请用 NTP 校准两者"))
    } else if latency > SLOW {
        Finding::warn("state", told!("redis {version} takes {millis} ms to answer", "redis {version} 应答需要 {millis} 毫秒"),
            told!("run it near the server: each login waits for it several times", "请将其部署在服务器附近：每次登录都要多次等待其应答"))
    } else if version.is_empty() {
        Finding::pass("state", told!("redis answers within {millis} ms; its version and what it throws away were not looked at, since INFO is not allowed",
            "redis 在 {millis} 毫秒内应答；因不允许执行 INFO，未检查其版本与淘汰策略"))
    } else {
        Finding::pass("state", told!("redis {version} answers within {millis} ms", "redis {version} 在 {millis} 毫秒内应答"))
    }
}
