//! Which host a call is sent to, and under which name.

use std::net::TcpListener;

use dingtalk_simulator::{Places, Simulator};
use reqwest::Client;
use reqwest::tls::TlsInfo;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use crate::caller::Caller;

const UNKNOWN: &str = "请求的URI地址不存在";

async fn get(url: String) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().build().unwrap();
    client.get(url).send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn a_call_that_is_sent_to_the_other_familys_host_fails_as_it_would() {
    let caller = Caller::start().await;
    let to = async |host: &str, path: &str| {
        let answer = caller.get_as(host, path).await;
        (answer.status, answer.json())
    };
    assert_eq!(to("oapi.dingtalk.com", "/gettoken").await.1["errcode"], 40035);
    assert_eq!(to("api.dingtalk.com", "/gettoken").await, (200, json!({"errcode": 404, "errmsg": UNKNOWN})));
    assert_eq!(to("oapi.dingtalk.com", "/v1.0/contact/users/me").await.1["errcode"], 404);
    let (status, refusal) = to("api.dingtalk.com", "/v1.0/contact/users/me").await;
    assert_eq!((status, refusal["code"].as_str()), (400, Some("AuthenticationFailed.MissingParameter")));
    assert_eq!(to("api.dingtalk.com", "/topapi/v2/user/get").await.1["errcode"], 404);
}

#[tokio::test]
async fn the_families_may_have_a_port_each() {
    let [new, old] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let dingtalk = Simulator::start_at(Places { main: Some(new), old: Some(old), ..Places::default() }).await.unwrap();
    assert!(get(format!("{}/gettoken", dingtalk.old_url())).await.contains("40035"));
    assert!(get(format!("{}/gettoken", dingtalk.url())).await.contains("404"));
    assert!(get(format!("{}/v1.0/contact/users/me", dingtalk.old_url())).await.contains("404"));
    assert!(get(format!("{}/v1.0/contact/users/me", dingtalk.url())).await.contains("MissingParameter"));
}

#[tokio::test]
async fn a_simulator_that_listens_everywhere_says_where_this_machine_reaches_it() {
    let everywhere = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = everywhere.local_addr().unwrap().port();
    let dingtalk = Simulator::start_on(everywhere).await.unwrap();
    assert_eq!([dingtalk.url(), dingtalk.old_url()], [(); 2].map(|()| format!("http://127.0.0.1:{port}")));
}

/// On Linux all of 127.0.0.0/8 is this machine.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_families_may_have_an_address_each_with_one_port_for_both() {
    let new = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = new.local_addr().unwrap().port();
    let old = TcpListener::bind(("127.0.0.2", port)).unwrap();
    let dingtalk = Simulator::start_at(Places { main: Some(new), old: Some(old), ..Places::default() }).await.unwrap();
    assert_eq!(dingtalk.old_url(), format!("http://127.0.0.2:{port}"));
    assert!(get(dingtalk.old_url() + "/gettoken").await.contains("40035"));
    assert!(get(dingtalk.url() + "/gettoken").await.contains("404"));
}

#[tokio::test]
async fn what_the_new_api_does_not_have_is_refused_and_never_empty() {
    let caller = Caller::start().await;
    for path in ["/v1.0/calendar/users/me", "/v1.0/oauth2/accessToken", "/v2.0/storage/spaces"] {
        let refusal = caller.get(path).await;
        assert_eq!((refusal.status, refusal.json()["code"].as_str()), (404, Some("InvalidAction.NotFound")), "{path}");
    }
    for path in ["/v1/users", "/v.0/users", "/v1.0"] {
        let refusal = caller.get(path).await;
        assert_eq!((refusal.status, refusal.json()["errcode"].as_i64()), (200, Some(404)), "{path} has no version");
    }
}

#[tokio::test]
async fn a_name_that_somebody_made_point_here_pulls_no_lever() {
    let caller = Caller::start().await;
    let foreign =
        ["rebound.example.com", "oapi.dingtalk.com", "127.0.0.1.example.com", "localhost.example.com", "192.168.0.1", ""];
    for host in foreign {
        assert_eq!(caller.get_as(host, "/control/state").await.status, 403, "{host}");
    }
    for host in ["localhost:1", "127.0.0.1", "127.0.0.2:8081", "[::1]:8081", "LOCALHOST"] {
        assert_eq!(caller.get_as(host, "/control/state").await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn https_shows_dingtalks_names_to_whom_trusts_the_simulator_and_nobody_elses() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let https = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = https.local_addr().unwrap();
    let dingtalk = Simulator::start_at(Places { https: Some(https), ..Places::default() }).await.unwrap();
    let authority = reqwest::Certificate::from_pem(dingtalk.authority().unwrap().as_bytes()).unwrap();
    let browser = Client::builder().no_proxy().tls_certs_only([authority]);
    let browser = browser.resolve("oapi.dingtalk.com", address).resolve("example.com", address).build().unwrap();
    let url = |host| format!("https://{host}:{}/gettoken", address.port());
    assert!(browser.get(url("oapi.dingtalk.com")).send().await.unwrap().text().await.unwrap().contains("40035"));
    assert!(browser.get(url("127.0.0.1")).send().await.is_ok());
    assert!(browser.get(url("example.com")).send().await.is_err());
    assert_eq!(Some(get(dingtalk.url() + "/ca.pem").await), dingtalk.authority());
}

#[tokio::test]
async fn over_https_stream_is_where_a_library_looks_that_takes_the_host_and_the_port_only() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let https = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = https.local_addr().unwrap();
    let dingtalk = Simulator::start_at(Places { https: Some(https), ..Places::default() }).await.unwrap();
    let authority = reqwest::Certificate::from_pem(dingtalk.authority().unwrap().as_bytes()).unwrap();
    let app = Client::builder().no_proxy().tls_certs_only([authority]).resolve("api.dingtalk.com", address).build().unwrap();
    let url = |path| format!("https://api.dingtalk.com:{}{path}", address.port());
    let credentials = json!({"clientId": dingtalk.app().client_id, "clientSecret": dingtalk.app().client_secret});
    // A `Host` without a port, as callers of port 443 send it.
    let open = app.post(url("/v1.0/gateway/connections/open")).header("host", "api.dingtalk.com").json(&credentials);
    let opened: Value = open.send().await.unwrap().json().await.unwrap();
    assert_eq!(opened["endpoint"], "wss://api.dingtalk.com:443/connect");
    let connect = app.get(url("/connect")).query(&[("ticket", opened["ticket"].as_str().unwrap())]);
    let connect = connect.header("connection", "Upgrade").header("upgrade", "websocket");
    let connect = connect.header("sec-websocket-version", "13").header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(connect.send().await.unwrap().status(), 101);
}

#[tokio::test]
async fn the_certificates_say_what_strict_callers_want_to_read_in_them() {
    const AUTHORITY_KEY: &[u8] = &[0x06, 0x03, 0x55, 0x1d, 0x23];
    const FOR_CERTIFICATES: &[u8] = &[0x06, 0x03, 0x55, 0x1d, 0x0f, 0x01, 0x01, 0xff, 0x04, 0x04, 0x03, 0x02, 0x01, 0x06];
    const FOR_SIGNATURES: &[u8] = &[0x06, 0x03, 0x55, 0x1d, 0x0f, 0x01, 0x01, 0xff, 0x04, 0x04, 0x03, 0x02, 0x07, 0x80];
    const FOR_SERVERS: &[u8] = &[0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
    let _ = rustls::crypto::ring::default_provider().install_default();
    let https = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/gettoken", https.local_addr().unwrap());
    let dingtalk = Simulator::start_at(Places { https: Some(https), ..Places::default() }).await.unwrap();
    let authority = dingtalk.authority().unwrap();
    let trusted = reqwest::Certificate::from_pem(authority.as_bytes()).unwrap();
    let caller = Client::builder().no_proxy().tls_certs_only([trusted]).tls_info(true).build().unwrap();
    let shown = caller.get(url).send().await.unwrap();
    let shown = shown.extensions().get::<TlsInfo>().and_then(TlsInfo::peer_certificate).unwrap();
    let says = |certificate: &[u8], part: &[u8]| certificate.windows(part.len()).any(|window| window == part);
    for part in [AUTHORITY_KEY, FOR_SIGNATURES, FOR_SERVERS] {
        assert!(says(shown, part), "{part:x?}");
    }
    assert!(says(&CertificateDer::from_pem_slice(authority.as_bytes()).unwrap(), FOR_CERTIFICATES));
}
