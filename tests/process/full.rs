//! The program works although its output cannot be written: the disk is full, or the reader of the pipe has exited.

use std::fs::OpenOptions;
use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use dingtalk_simulator::Simulator;
use tokio::process::{Child, Command};

use super::{complete, program, with};
use crate::wire::ask;

fn full() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

fn nobody() -> Stdio {
    let (_, writer) = std::io::pipe().unwrap();
    writer.into()
}

/// A pipe that is full, and that nobody reads: 64 KiB are what Linux holds for it.
fn stuffed() -> Stdio {
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&[b'x'; 64 * 1024]).unwrap();
    std::mem::forget(reader);
    writer.into()
}

/// An address of this machine that nobody else uses. Its port is fixed, since the program cannot print which one it was given.
fn somewhere() -> String {
    let [a, b, c] = rand::random::<[u8; 3]>();
    format!("127.{}.{b}.{}:8080", a | 1, c | 1)
}

async fn answers(address: &str, child: &mut Child) {
    let gives_up = Instant::now() + Duration::from_secs(20);
    while std::net::TcpStream::connect(address).is_err() {
        assert!(child.try_wait().unwrap().is_none() && Instant::now() < gives_up, "it does not start");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_full_disk_or_a_closed_or_full_pipe_stops_neither_the_start_nor_the_server() {
    let dingtalk = Simulator::start().await.unwrap();
    for (said, log) in [
        (full as fn() -> Stdio, full as fn() -> Stdio),
        (full, Stdio::null),
        (Stdio::null, full),
        (nobody, nobody),
        (nobody, full),
        (stuffed, stuffed),
    ] {
        let address = somewhere();
        let mut program = program(&with(complete(&dingtalk), "APP_ADDR", &address));
        let mut child = program.stdout(said()).stderr(log()).spawn().unwrap();
        answers(&address, &mut child).await;
        for _ in 0..200 {
            let reply = ask(&format!("http://{address}"), "GET", "/api/nothing", &[], "").await;
            assert_eq!(reply.status, 404);
        }
        let pid = child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
        let ended = tokio::time::timeout(Duration::from_secs(15), child.wait()).await.expect("it does not stop");
        assert_eq!(ended.unwrap().code(), Some(0));
    }
}

#[tokio::test]
async fn unusable_settings_are_unusable_where_nobody_can_be_told() {
    for log in [full(), nobody()] {
        let ended = program(&Vec::new()).stderr(log).status().await.unwrap();
        assert_eq!(ended.code(), Some(2));
    }
}

#[tokio::test]
async fn a_report_that_a_full_disk_swallowed_is_no_success_and_one_whose_reader_has_gone_is() {
    let dingtalk = Simulator::start().await.unwrap();
    for (report, code) in [(full as fn() -> Stdio, 1), (nobody, 0), (Stdio::null, 0)] {
        let mut doctor = program(&complete(&dingtalk));
        let child = doctor.args(["doctor", "--no-dingtalk", "--no-public"]).stdout(report()).spawn().unwrap();
        let ended = child.wait_with_output().await.unwrap();
        assert_eq!(ended.status.code(), Some(code));
        assert_eq!(String::from_utf8(ended.stderr).unwrap().contains("standard output cannot be written"), code == 1);
    }
}
