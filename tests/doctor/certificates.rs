//! Certificates of the server, as a person's phone would judge them.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use dingtalk_simulator::Simulator;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use super::free;
use crate::process::{Served, Variables, complete, program, run, with};

/// An authority, and certificates of it.
struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("doctor-ca-{:x}", rand::random::<u64>()));
        std::fs::create_dir(&folder).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        std::fs::write(folder.join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { folder, issuer: Issuer::new(params, key) }
    }

    fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// Writes a certificate for `name` that is valid from and until so many days from now.
    fn certify(&self, name: &str, days: [i64; 2]) {
        let day = |days: i64| {
            let time = Duration::from_secs(days.unsigned_abs() * 24 * 60 * 60 + 3600);
            if days < 0 { SystemTime::now() - time } else { SystemTime::now() + time }
        };
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        (params.not_before, params.not_after) = (day(days[0]).into(), day(days[1]).into());
        let key = KeyPair::generate().unwrap();
        std::fs::write(self.folder.join("cert.pem"), params.signed_by(&key, &self.issuer).unwrap().pem()).unwrap();
        std::fs::write(self.folder.join("key.pem"), key.serialize_pem()).unwrap();
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A server that speaks TLS at `address`, and that people open at this port.
fn over_tls(dingtalk: &Simulator, authority: &Authority, address: &str, port: &str) -> Variables {
    let variables = [
        ("APP_ADDR", address.to_owned()),
        ("PUBLIC_URL", format!("https://localhost:{port}")),
        ("TLS_CERT", authority.file("cert.pem")),
        ("TLS_KEY", authority.file("key.pem")),
        ("SSL_CERT_FILE", authority.file("ca.pem")),
    ];
    variables.into_iter().fold(complete(dingtalk), |all, (name, value)| with(all, name, &value))
}

async fn certificate(variables: &Variables) -> serde_json::Value {
    let served = Served::start(variables).await;
    let (_, said) = run(program(variables).args(["doctor", "--json", "--lang", "en"])).await;
    served.stop().await;
    let report: serde_json::Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"));
    report["checks"].as_array().unwrap().iter().find(|check| check["id"] == "certificate").unwrap().clone()
}

#[tokio::test]
async fn a_certificate_that_is_of_another_name_nobody_s_too_old_too_young_or_about_to_expire_is_named() {
    let dingtalk = Simulator::start().await.unwrap();
    let (authority, others) = (Authority::new(), Authority::new());
    let address = free();
    let variables = over_tls(&dingtalk, &authority, &address, address.rsplit(':').next().unwrap());
    for (name, days, verdict, word) in [
        ("localhost", [-1, 15], "pass", "it is for PUBLIC_URL"),
        ("localhost", [-1, 13], "warn", "within 14 days"),
        ("localhost", [-20, -1], "fail", "has expired"),
        ("localhost", [1, 90], "fail", "not valid yet"),
        ("app.example.com", [-1, 90], "fail", "another name"),
    ] {
        authority.certify(name, days);
        let told = certificate(&variables).await;
        assert!(told["verdict"] == verdict && told["seen"].as_str().unwrap().contains(word), "{word}: {told}");
    }
    authority.certify("localhost", [-1, 90]);
    let told = certificate(&with(variables, "SSL_CERT_FILE", &others.file("ca.pem"))).await;
    assert!(told["verdict"] == "fail" && told["seen"].as_str().unwrap().contains("nobody who is trusted"), "{told}");
}

#[tokio::test]
async fn of_a_certificate_that_was_shown_once_it_is_not_said_for_how_long_it_is_good() {
    let (dingtalk, authority, address) = (Simulator::start().await.unwrap(), Authority::new(), free());
    authority.certify("localhost", [-1, 90]);
    let once = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = once.local_addr().unwrap().port().to_string();
    let variables = over_tls(&dingtalk, &authority, &address, &port);
    tokio::spawn(async move {
        let (mut first, _) = once.accept().await.unwrap();
        drop(once);
        copy_bidirectional(&mut first, &mut TcpStream::connect(address).await.unwrap()).await
    });
    let told = certificate(&variables).await;
    assert!(told["verdict"] == "not_done" && told["seen"].as_str().unwrap().contains("was not seen"), "{told}");
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_where_the_settings_say_so_is_not_taken_for_nobody() {
    let (dingtalk, authority, address) = (Simulator::start().await.unwrap(), Authority::new(), free());
    let plain = with(complete(&dingtalk), "APP_ADDR", &address);
    let served = Served::start(&plain).await;
    authority.certify("localhost", [-1, 90]);
    let tls = over_tls(&dingtalk, &authority, &address, "9");
    let tls = with(tls, "SESSION_KEY", &plain.iter().find(|(name, _)| *name == "SESSION_KEY").unwrap().1);
    let (_, said) = run(program(&tls).args(["doctor", "--lang", "en", "--no-dingtalk", "--no-public"])).await;
    served.stop().await;
    assert!(said.contains("somebody listens at APP_ADDR") && said.contains("TLS_CERT or not"), "{said}");
}
