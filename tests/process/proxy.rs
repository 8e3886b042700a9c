//! A network in which nothing but a proxy leads to DingTalk.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use dingtalk_simulator::{Places, Simulator};

use super::{Served, Variables, complete, with};
use crate::support::{TunnelProxy, USER_BY_CODE, eventually};

const LOGIN: &str = "gate:canary-Pass%2Fword-31";

/// DingTalk over HTTPS under its own names, which nobody here resolves; and the settings of an app that is to call it there.
pub struct Afar {
    pub dingtalk: Simulator,
    pub address: SocketAddr,
    pub variables: Variables,
    authority: PathBuf,
}

impl Afar {
    pub async fn start() -> Self {
        let https = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = https.local_addr().unwrap();
        let dingtalk = Simulator::start_at(Places { https: Some(https), ..Places::default() }).await.unwrap();
        let authority = std::env::temp_dir().join(format!("authority-{:x}.pem", rand::random::<u64>()));
        std::fs::write(&authority, dingtalk.authority().unwrap()).unwrap();
        let mut variables = with(complete(&dingtalk), "DINGTALK_SITE", "com");
        variables.retain(|(name, _)| !["DINGTALK_API_URL", "DINGTALK_OAPI_URL"].contains(name));
        variables.push(("SSL_CERT_FILE", authority.display().to_string()));
        Self { dingtalk, address, variables, authority }
    }
}

impl Drop for Afar {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.authority);
    }
}

#[tokio::test]
async fn calls_and_stream_go_through_the_proxy_that_is_set_and_no_other() {
    let afar = Afar::start().await;
    let proxy = TunnelProxy::start(afar.address, Some("gate:canary-Pass/word-31")).await;
    let file = std::env::temp_dir().join(format!("proxy-{:x}", rand::random::<u64>()));
    std::fs::write(&file, proxy.url(LOGIN)).unwrap();
    let mut variables = with(afar.variables.clone(), "DINGTALK_PROXY_FILE", file.to_str().unwrap());
    variables.push(("DINGTALK_EVENTS", "stream".into()));
    // The proxy that other programs of the machine use, which this one must not.
    variables.extend(["http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"].map(|name| (name, "http://127.0.0.1:9".into())));
    let served = Served::start(&variables).await;
    let answer = served.browser().enter_and_log_in(&afar.dingtalk.issue_code("alice")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    eventually("stream is open", || afar.dingtalk.stream_connections() == 1).await;
    let asked = proxy.asked();
    for host in ["api.dingtalk.com", "oapi.dingtalk.com"] {
        assert!(asked.contains(&format!("CONNECT {host}:443 HTTP/1.1")), "{asked:?}");
    }
    let (exit, log) = served.stop().await;
    assert!(exit == Some(0) && !log.contains("canary"), "{log}");
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn a_proxy_that_refuses_the_password_or_is_gone_is_named_with_what_to_do_and_without_the_password() {
    let afar = Afar::start().await;
    let proxy = TunnelProxy::start(afar.address, Some("gate:another")).await;
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (url, said) in [
        (proxy.url(LOGIN), "the proxy refuses the user name and password of DINGTALK_PROXY"),
        (format!("http://{LOGIN}@{gone}"), "check DINGTALK_PROXY"),
    ] {
        let served = Served::start(&with(afar.variables.clone(), "DINGTALK_PROXY", &url)).await;
        let answer = served.browser().enter_and_log_in(&afar.dingtalk.issue_code("alice")).await;
        assert!(answer.status >= 500, "{}", answer.body);
        assert_eq!(afar.dingtalk.calls(USER_BY_CODE), 0);
        let (_, log) = served.stop().await;
        let address = url.rsplit('@').next().unwrap();
        assert!(log.contains(said) && log.contains(&format!("the proxy {address}: ")) && !log.contains("canary"), "{log}");
    }
}
