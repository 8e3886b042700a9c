//! What answers at STATE_URL may be no Redis, or one that is reached by TLS, whose clock differs, or that comes and goes.

use dingtalk_simulator::Simulator;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::away::Outage;
use super::standing_is;
use crate::process::{Served, complete, with};
use crate::support::JSAPI_TICKET;
use crate::support::redis::{Network, RedisServer};

#[tokio::test]
async fn it_is_still_loading_or_no_redis_at_all_and_everybody_works() {
    for (answers, said) in [
        ("-LOADING Redis is loading the dataset in memory\r\n", "it is still loading its data"),
        ("HTTP/1.1 400 Bad Request\r\n\r\n", "it answers what is not understood"),
        ("-ERR unknown command\r\n", "it is older than 6.2"),
    ] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        let says = answers.to_owned();
        tokio::spawn(async move {
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                let says = says.clone();
                tokio::spawn(async move {
                    let mut asked = [0; 4096];
                    while let Ok(read @ 1..) = connection.read(&mut asked).await {
                        // Each command is a list, and gets a reply of its own.
                        let commands = 1 + asked[..read].windows(3).filter(|three| three == b"\r\n*").count();
                        if connection.write_all(says.repeat(commands).as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        let dingtalk = Simulator::start().await.unwrap();
        let served = Served::start(&with(complete(&dingtalk), "STATE_URL", &url)).await;
        let mut browser = served.browser();
        assert_eq!(browser.enter_and_log_in(&dingtalk.issue_code("alice")).await.status, 200);
        assert_eq!(browser.sign().await.status, 200);
        assert_eq!(browser.log_out().await.status, 204);
        let (code, log) = served.stop().await;
        assert_eq!(code, Some(0));
        assert!(log.contains(said), "{said}: {log}");
    }
}

#[tokio::test]
async fn it_is_reached_by_tls_with_a_password() {
    let folder = std::env::temp_dir().join(format!("redis-tls-{}-{:x}", std::process::id(), rand::random::<u64>()));
    std::fs::create_dir(&folder).unwrap();
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, own.cert.pem()).unwrap();
    std::fs::write(&key, own.signing_key.serialize_pem()).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let options = [
        "--tls-port",
        &port.to_string(),
        "--tls-auth-clients",
        "no",
        "--tls-cert-file",
        &path(&certificate),
        "--tls-key-file",
        &path(&key),
        "--requirepass",
        "a-secret-password",
    ];
    let _redis = RedisServer::start_with(&options).await;
    let dingtalk = Simulator::start().await.unwrap();
    let secret = folder.join("url");
    std::fs::write(&secret, format!("rediss://:a-secret-password@localhost:{port}/0\n")).unwrap();
    let variables = with(complete(&dingtalk), "STATE_URL_FILE", &path(&secret));
    // A certificate authority inside a company is trusted if the machine trusts it.
    let served = Served::start(&with(variables.clone(), "SSL_CERT_FILE", &path(&certificate))).await;
    standing_is(&served, |state| state["reachable"] == true).await;
    let mut browser = served.browser();
    assert_eq!(browser.enter_and_log_in(&dingtalk.issue_code("alice")).await.status, 200);
    let untrusting = Served::start(&variables).await;
    let (mut browser, code) = (untrusting.browser(), dingtalk.issue_code("alice"));
    assert_eq!(browser.enter_and_log_in(&code).await.status, 200);
    assert_eq!(super::standing(&untrusting).await["reachable"], false, "a certificate that nobody has signed");
    for (served, said) in [(served, ""), (untrusting, "is not trusted on this machine")] {
        let (_, log) = served.stop().await;
        assert!(log.contains(said) && !log.contains("a-secret-password"), "{log}");
    }
    drop(std::fs::remove_dir_all(folder));
}

#[tokio::test]
async fn a_clock_of_redis_that_is_not_the_machine_s_is_told_in_the_log() {
    for (milliseconds, seconds) in [(300_500, 300), (-300_500, -300)] {
        let outage = Outage::before(&[]).await;
        outage.network.sets_clock_ahead(milliseconds);
        for mut process in outage.processes {
            process.logs("the clock of redis is ahead").await;
            let (_, log) = process.stop().await;
            let lines = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
            let told = lines.filter(|line| line["message"].to_string().contains("the clock of redis is ahead"));
            assert_eq!(told.map(|line| line["seconds"].clone()).collect::<Vec<_>>(), [seconds], "{log}");
        }
    }
}

#[tokio::test]
async fn a_clock_of_redis_that_is_right_and_then_wrong_again_is_told_again() {
    let mut outage = Outage::before(&[]).await;
    for (milliseconds, said) in [(300_500, "\"seconds\":300"), (0, "the clock of redis is right"), (-300_500, "\"seconds\":-300")]
    {
        outage.network.sets_clock_ahead(milliseconds);
        outage.processes[0].logs(said).await;
    }
}

#[tokio::test]
async fn a_ticket_that_was_granted_while_the_clock_of_redis_was_ahead_is_not_taken_for_fresh() {
    let (dingtalk, redis) = (Simulator::start().await.unwrap(), RedisServer::start().await);
    let network = Network::to(redis.address()).await;
    let variables = with(complete(&dingtalk), "STATE_URL", &network.url());
    for (tickets, ahead) in [(1, 24 * 3600 * 1000), (2, 0)] {
        network.sets_clock_ahead(ahead);
        let process = Served::start(&variables).await;
        standing_is(&process, |state| state["reachable"] == true).await;
        let mut browser = process.browser();
        assert_eq!(browser.enter_and_log_in(&dingtalk.issue_code("alice")).await.status, 200);
        assert_eq!(browser.sign().await.status, 200);
        assert_eq!(dingtalk.calls(JSAPI_TICKET), tickets, "nothing says how old the first one is");
    }
}

#[tokio::test]
async fn a_redis_that_comes_and_goes_is_not_logged_each_time() {
    const CUTS: usize = 5;
    let mut outage = Outage::before(&[]).await;
    let process = &mut outage.processes[0];
    process.logs("redis is connected").await;
    for _ in 0..CUTS {
        outage.network.cuts();
        for reachable in [false, true] {
            standing_is(process, |state| state["reachable"] == reachable).await;
        }
    }
    let (_, log) = outage.processes.remove(0).stop().await;
    let (_, after) = log.split_once("redis is connected").unwrap();
    // Once, unless the machine is so slow that the reasons differ.
    assert!((1..CUTS).contains(&after.matches("redis is away").count()), "{log}");
}
