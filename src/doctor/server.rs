//! The server on this machine.

use std::time::Duration;

use reqwest::Client;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::asking::{self, who_is};
use super::check::Finding;
use crate::dingtalk::{AppKind, Clock, Told, root, told};
use crate::settings::Settings;
use crate::state::Location;

/// Whoever listens at APP_ADDR.
pub enum Server {
    /// The app with our keys, and what it says of its readiness if that is needed.
    Ours(Value),
    /// Who does not prove to be that: what was seen.
    Stranger(Told),
    Nobody,
}

/// Asks who listens at APP_ADDR.
pub async fn at_app_addr(settings: &Settings, clock: &Clock) -> Result<Server, reqwest::Error> {
    const PATIENCE: Duration = Duration::from_millis(1500);
    let (scheme, address) = (settings.server.scheme(), settings.server.near_address());
    if !timeout(PATIENCE, TcpStream::connect(address)).await.is_ok_and(|connected| connected.is_ok()) {
        return Ok(Server::Nobody);
    }
    let url = format!("{scheme}://{address}");
    // The certificate is for another name, and whether it is good is seen at PUBLIC_URL.
    let client = asking::client().timeout(PATIENCE).danger_accept_invalid_certs(true).build()?;
    Ok(match who_is(&client, &url, &settings.web.session_keys, clock).await {
        Ok(answer) if answer.introduction.is_none() => Server::Stranger(told!(
            "somebody answers at APP_ADDR who does not have this SESSION_KEY",
            "APP_ADDR 上的应答者没有此 SESSION_KEY"
        )),
        Ok(_) if is_asked_more(settings) => Server::Ours(readiness(&client, &url).await),
        Ok(_) => Server::Ours(Value::Null),
        Err(error) => {
            let why = root(&error);
            Server::Stranger(told!(
                "somebody listens at APP_ADDR and does not answer {scheme}: {why}",
                "APP_ADDR 有程序监听，但未应答 {scheme}：{why}"
            ))
        }
    })
}

/// Whether it has what nobody else can look at: credentials that a call for others would end, or its connection to Redis.
fn is_asked_more(settings: &Settings) -> bool {
    !matches!(settings.dingtalk.kind, AppKind::Internal(_)) || matches!(settings.state, Location::Redis(_))
}

async fn readiness(client: &Client, url: &str) -> Value {
    // It looks for three seconds at most.
    const PATIENCE: Duration = Duration::from_secs(4);
    let Ok(response) = client.get(format!("{url}/readyz")).timeout(PATIENCE).send().await else { return Value::Null };
    let body = asking::body(response).await.unwrap_or_default();
    serde_json::from_slice(&body).unwrap_or_default()
}

/// `is_public`: whether a server with our keys answers at PUBLIC_URL.
#[rustfmt::skip] // A finding a paragraph.
pub fn is_seen(server: Server, is_public: bool) -> Finding {
    match server {
        Server::Ours(_) => Finding::pass("server", told!("it runs", "正在运行")),
        Server::Stranger(seen) => Finding::fail("server", seen, told!(
            "if it is another program, stop it; if it is the server and not just busy, start it again with these settings: the same SESSION_KEY, and TLS_CERT or not",
            "如为其他程序，请停止；如为服务器且并非繁忙，请以当前设置重启：SESSION_KEY 相同，TLS_CERT 设置与否也相同")),
        Server::Nobody if is_public => Finding::warn("server",
            told!("nobody listens at APP_ADDR here, and PUBLIC_URL is served elsewhere with this SESSION_KEY: this machine has the keys of production",
                "本机 APP_ADDR 无人监听，而 PUBLIC_URL 由别处以此 SESSION_KEY 提供服务：本机持有生产环境的密钥"),
            told!("run doctor where the server runs, and keep its secrets there only", "请在服务器所在的机器上运行 doctor，并只在那里保存密钥")),
        Server::Nobody => Finding::warn("server", told!("nobody listens at APP_ADDR", "APP_ADDR 无人监听"),
            told!("start `dingtalk-h5 serve` and run doctor again", "请启动 `dingtalk-h5 serve` 后再次运行 doctor")),
    }
}
