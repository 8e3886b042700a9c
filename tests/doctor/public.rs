//! Proxies and balancers in front of the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dingtalk_h5::dingtalk::Origin;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use super::Scene;
use crate::support::TestApp;

/// Passes each connection on to one of `urls` in turn, its head as `change` leaves it.
async fn in_front(urls: Vec<String>, change: fn(String) -> String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let turn = Arc::new(AtomicUsize::new(0));
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let url = urls[turn.fetch_add(1, Ordering::Relaxed) % urls.len()].clone();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(connection.read_u8().await.ok()?);
                }
                let mut server = TcpStream::connect(url.strip_prefix("http://")?).await.ok()?;
                server.write_all(change(String::from_utf8(head).ok()?).as_bytes()).await.ok()?;
                copy_bidirectional(&mut connection, &mut server).await.ok()
            });
        }
    });
    url
}

/// Answers every connection with `answer`.
async fn answers(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let _ = connection.read(&mut head).await;
            let _ = connection.write_all(answer.as_bytes()).await;
        }
    });
    url
}

async fn examined_at(mut scene: Scene, url: String, check: &str, word: &str) {
    scene.settings.web.public_url = Origin::parse(&url).unwrap();
    let examined = scene.examine().await;
    assert!(examined.names(check, word), "{word} not in {:#}", examined.report);
}

#[tokio::test]
async fn a_proxy_that_changes_the_path_that_reaches_nobody_and_that_redirects_is_named() {
    for decode in [(|head: String| head.replacen("%2F", "/", 1)) as fn(String) -> String, |head| head.replacen("//", "/", 1)] {
        let scene = Scene::set().await;
        let url = in_front(vec![scene.app.url.clone()], decode).await;
        examined_at(scene, url, "passage", "proxy_pass").await;
    }
    let url = answers("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
    examined_at(Scene::set().await, url, "public", "APP_ADDR").await;
    let moved = "HTTP/1.1 301 Moved\r\nLocation: https://www.example.com/x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    examined_at(Scene::set().await, answers(moved).await, "identity", "https://www.example.com").await;
}

#[tokio::test]
async fn a_balancer_in_front_of_two_processes_that_share_nothing_is_named() {
    let scene = Scene::set().await;
    let keys = scene.settings.web.session_keys.clone();
    let other = TestApp::start_with(|settings| settings.web.session_keys = keys).await;
    let url = in_front(vec![scene.app.url.clone(), other.url.clone()], |head| head).await;
    examined_at(scene, url, "processes", "2 processes").await;
}

#[tokio::test]
async fn an_address_that_leads_to_another_process_than_the_one_here_is_named() {
    let mut scene = Scene::set().await;
    let keys = scene.settings.web.session_keys.clone();
    let other = TestApp::start_with(|settings| settings.web.session_keys = keys).await;
    scene.settings.server.app_addr = other.url.trim_start_matches("http://").parse().unwrap();
    let examined = scene.examine().await;
    assert!(examined.names("processes", "not the one at APP_ADDR"), "{}", examined.check("processes"));
    assert_eq!(examined.check("identity")["verdict"], "pass");
}

#[tokio::test]
async fn a_process_with_another_key_behind_a_balancer_is_named() {
    let scene = Scene::set().await;
    let stranger = TestApp::start().await;
    let url = in_front(vec![scene.app.url.clone(), stranger.url.clone()], |head| head).await;
    examined_at(scene, url, "processes", "4 of 8 connections").await;
}

#[tokio::test]
async fn a_sign_in_page_in_front_of_the_app_is_not_what_public_url_should_be() {
    let login = "HTTP/1.1 302 Found\r\nLocation: /sso/login\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    examined_at(Scene::set().await, answers(login).await, "identity", "sign-in page").await;
}

/// As Apache does with `%2F` unless it is told not to, and many a firewall.
#[tokio::test]
async fn a_proxy_that_refuses_odd_paths_is_named_as_such_and_not_as_somebody_without_the_key() {
    let scene = Scene::set().await;
    let refuse: fn(String) -> String = |head| if head.contains("%2F") { head.replace("x-introduce", "x-nothing") } else { head };
    let url = in_front(vec![scene.app.url.clone()], refuse).await;
    examined_at(scene, url, "passage", "status 404").await;
}
