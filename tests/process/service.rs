//! What runs the program and looks after it: containers and systemd.

use std::net::{TcpListener, UdpSocket};

use dingtalk_h5::server::Settings;
use dingtalk_simulator::Simulator;

use super::{Served, complete, program, run, with, with_tls};
use crate::doctor::free;
use crate::http::tls::Pair;

/// All addresses of this machine, with a port that is free at each of them.
fn free_everywhere() -> String {
    TcpListener::bind("0.0.0.0:0").unwrap().local_addr().unwrap().to_string()
}

#[tokio::test]
async fn health_is_0_while_the_server_answers_with_or_without_tls_and_1_when_it_does_not() {
    let dingtalk = Simulator::start().await.unwrap();
    let pair = Pair::new();
    let plain = with(complete(&dingtalk), "APP_ADDR", &free_everywhere());
    for variables in [plain.clone(), with_tls(plain, &pair)] {
        let served = Served::start(&variables).await;
        let (code, said) = run(program(&variables).arg("health")).await;
        assert_eq!((code, said.as_str()), (Some(0), ""));
        served.stop().await;
        let (code, said) = run(program(&variables).arg("health")).await;
        assert_eq!(code, Some(1));
        assert!(said.contains("no answer from http"), "{said}");
    }
}

/// Certificate tools write one file after the other. Meanwhile the server goes on with the previous certificate and key.
#[tokio::test]
async fn health_is_0_while_the_server_lives_whatever_lies_where_its_certificate_was() {
    let (dingtalk, pair) = (Simulator::start().await.unwrap(), Pair::new());
    let variables = with_tls(with(complete(&dingtalk), "APP_ADDR", &free()), &pair);
    let served = Served::start(&variables).await;
    std::fs::write(pair.folder.join("cert.pem"), "half of a").unwrap();
    std::fs::remove_file(pair.folder.join("key.pem")).unwrap();
    let (code, said) = run(program(&variables).arg("health")).await;
    served.stop().await;
    assert_eq!((code, said.as_str()), (Some(0), ""));
}

#[test]
fn who_listens_everywhere_is_asked_at_an_address_that_this_machine_has() {
    for everywhere in ["0.0.0.0:0", "[::]:0"] {
        let server = Settings { app_addr: everywhere.parse().unwrap(), tls: None, metrics_addr: None };
        let near = server.near_address();
        assert!(UdpSocket::bind(near).is_ok() && near.ip().is_loopback(), "{near}");
    }
}

#[tokio::test]
async fn a_proxy_is_told_to_pass_on_what_is_signed_and_who_asks_and_to_close_before_the_server_does() {
    for (proxy, words) in [
        ("nginx", ["proxy_pass http://dingtalk-h5;", "X-Forwarded-For", "keepalive_timeout 4s;"]),
        ("caddy", ["reverse_proxy 127.0.0.1:8080", "max_size", "keepalive 4s"]),
    ] {
        let (code, said) = run(program(&Vec::new()).args(["unit", "--proxy", proxy])).await;
        assert_eq!(code, Some(0));
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    }
}

#[tokio::test]
async fn a_proxy_leaves_it_to_the_server_how_long_a_body_may_be_and_may_take_to_come() {
    for (proxy, words, bounds) in [
        ("nginx", &["client_max_body_size 0;", "proxy_request_buffering off;"][..], &["client_max_body_size 8k"][..]),
        ("caddy", &[], &["max_size 8KB", "read_body", "request_buffers"]),
    ] {
        let (code, said) = run(program(&Vec::new()).args(["unit", "--proxy", proxy])).await;
        assert_eq!(code, Some(0));
        assert!(words.iter().all(|word| said.contains(word)) && !bounds.iter().any(|bound| said.contains(bound)), "{said}");
    }
}

/// Lines of the unit: what the service may do, and when it is restarted.
const UNIT: &str = "
CapabilityBoundingSet=
AmbientCapabilities=
PrivateUsers=yes
DynamicUser=yes
NoNewPrivileges=yes
UMask=0077
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
StateDirectoryMode=0700
Restart=always
RestartPreventExitStatus=2
StartLimitIntervalSec=0
";

#[tokio::test]
async fn the_unit_runs_this_program_and_lets_it_do_little_else() {
    let (code, unit) = run(program(&Vec::new()).arg("unit")).await;
    assert_eq!(code, Some(0));
    let program = std::fs::canonicalize(env!("CARGO_BIN_EXE_dingtalk-h5")).unwrap();
    assert!(unit.contains(&format!("\nExecStart={} serve\n", program.display())), "{unit}");
    for line in UNIT.trim().lines() {
        assert!(unit.contains(&format!("\n{line}\n")), "{line} is not in {unit}");
    }
    let folder = std::env::temp_dir().join(format!("unit-{:x}", rand::random::<u64>()));
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("dingtalk-h5.service");
    std::fs::write(&file, unit).unwrap();
    // On a machine without manual pages `systemd-analyze` cannot tell whether the unit has one.
    for arguments in [&["verify", "--man=no"][..], &["security", "--offline=true", "--threshold=20"][..]] {
        let mut analyze = tokio::process::Command::new("systemd-analyze");
        analyze.args(arguments).arg(&file).env("PATH", std::env::var_os("PATH").unwrap());
        // It checks more than the lines above. Not every machine that runs the tests has systemd.
        let Ok(done) = analyze.output().await else { break };
        assert!(
            done.status.success() && done.stderr.is_empty(),
            "{}",
            String::from_utf8_lossy(&[done.stdout, done.stderr].concat())
        );
    }
    std::fs::remove_dir_all(folder).unwrap();
}
