//! TLS without a proxy in front.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dingtalk_h5::dingtalk::Origin;
use dingtalk_h5::server::{TlsFiles, UnusableTls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

use crate::support::TestApp;

const NAME: &str = "app.example.com";

/// A folder with a certificate and its key, deleted at the end of the test.
pub struct Pair {
    pub folder: PathBuf,
    certificate: CertificateDer<'static>,
}

impl Pair {
    pub fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("tls-{:x}", rand::random::<u64>()));
        std::fs::create_dir(&folder).unwrap();
        let certificate = write(&folder, &["cert.pem", "key.pem"]);
        Self { folder, certificate }
    }

    fn files(&self) -> Result<TlsFiles, UnusableTls> {
        let files = TlsFiles { certificate: self.folder.join("cert.pem"), key: self.folder.join("key.pem") };
        files.read().map(|_| files)
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Makes a new pair and writes the ones of its two files that `files` names, as certificate tools do: to a new file, which then replaces
/// the old one.
fn write(folder: &std::path::Path, files: &[&str]) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
    for (file, text) in [("cert.pem", made.cert.pem()), ("key.pem", made.signing_key.serialize_pem())] {
        if files.contains(&file) {
            std::fs::write(folder.join("new"), text).unwrap();
            std::fs::rename(folder.join("new"), folder.join(file)).unwrap();
        }
    }
    made.cert.der().clone()
}

async fn start(pair: &Pair) -> TestApp {
    let files = pair.files().unwrap();
    TestApp::start_with(|settings| {
        settings.server.tls = Some(files);
        settings.web.public_url = Origin::parse("https://app.example.com").unwrap();
    })
    .await
}

async fn connect(
    app: &TestApp,
    trusted: &CertificateDer<'static>,
    version: &'static SupportedProtocolVersion,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let mut config = ClientConfig::builder_with_protocol_versions(&[version]).with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let connection = TcpStream::connect(address(app)).await?;
    let name = ServerName::try_from(NAME).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, connection).await
}

fn address(app: &TestApp) -> &str {
    app.url.strip_prefix("http://").unwrap()
}

/// One request on a connection that stays open; the head of the answer.
async fn alive(connection: &mut TlsStream<TcpStream>) -> String {
    connection.write_all(b"GET /healthz HTTP/1.1\r\nHost: app.example.com\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    while !answer.ends_with("alive\n") {
        let mut bytes = [0; 2048];
        let read = connection.read(&mut bytes).await.unwrap();
        assert!(read > 0, "{answer}");
        answer.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
    }
    answer
}

/// Sends `sent`. Returns everything that comes back, and how long it took until the connection was closed.
async fn raw(app: &TestApp, sent: &[u8]) -> (Vec<u8>, Duration) {
    let began = Instant::now();
    let mut connection = TcpStream::connect(address(app)).await.unwrap();
    connection.write_all(sent).await.unwrap();
    let mut answer = Vec::new();
    // The server may also close with a reset, which is an error here.
    let _ = connection.read_to_end(&mut answer).await;
    (answer, began.elapsed())
}

#[tokio::test]
async fn both_versions_of_tls_that_are_sound_are_spoken_and_http_1_inside() {
    let pair = Pair::new();
    let app = start(&pair).await;
    for version in [&TLS12, &TLS13] {
        let mut connection = connect(&app, &pair.certificate, version).await.unwrap();
        assert_eq!(connection.get_ref().1.protocol_version(), Some(version.version));
        assert_eq!(connection.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        let answer = alive(&mut connection).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("strict-transport-security"), "{answer}");
    }
}

#[tokio::test]
async fn older_versions_plain_text_and_stalled_handshakes_are_turned_away() {
    let pair = Pair::new();
    let app = start(&pair).await;
    // A ClientHello of TLS 1.1 that offers TLS_RSA_WITH_AES_128_CBC_SHA.
    let mut old = vec![0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 2];
    old.extend([7; 32]);
    old.extend([0, 0, 2, 0, 0x2f, 1, 0]);
    let (answer, _) = raw(&app, &old).await;
    assert_eq!(answer.first(), Some(&0x15), "an alert and nothing else: {answer:?}");

    let (answer, took) = raw(&app, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP/"), "{answer:?}");
    assert!(took < Duration::from_secs(2), "{took:?}");

    let (answer, took) = raw(&app, &[0x16, 3, 1]).await;
    assert!(answer.is_empty() && (4..8).contains(&took.as_secs()), "{answer:?} {took:?}");
}

#[tokio::test]
async fn six_hundred_who_connect_and_say_nothing_keep_nobody_waiting() {
    let pair = Pair::new();
    let app = start(&pair).await;
    let mut silent = Vec::new();
    for _ in 0..600 {
        silent.push(TcpStream::connect(address(&app)).await.unwrap());
    }
    let began = Instant::now();
    alive(&mut connect(&app, &pair.certificate, &TLS13).await.unwrap()).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

/// Waits until the server shows this certificate.
async fn shown(app: &TestApp, certificate: &CertificateDer<'static>) {
    let gives_up = Instant::now() + Duration::from_secs(10);
    while connect(app, certificate, &TLS13).await.is_err() {
        assert!(Instant::now() < gives_up, "it is not shown");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Twice as long as it takes until a change is noticed.
async fn after_a_look() {
    tokio::time::sleep(Duration::from_secs(2)).await;
}

#[tokio::test]
async fn a_new_certificate_is_shown_without_dropping_anybody() {
    let pair = Pair::new();
    let app = start(&pair).await;
    let mut before = connect(&app, &pair.certificate, &TLS13).await.unwrap();
    alive(&mut before).await;

    let renewed = write(&pair.folder, &["cert.pem", "key.pem"]);
    shown(&app, &renewed).await;
    alive(&mut connect(&app, &renewed, &TLS13).await.unwrap()).await;
    assert!(connect(&app, &pair.certificate, &TLS13).await.is_err(), "the old one is gone");
    alive(&mut before).await;
}

#[tokio::test]
async fn half_a_pair_or_nonsense_leaves_the_certificate_before_in_use() {
    let pair = Pair::new();
    let app = start(&pair).await;
    write(&pair.folder, &["cert.pem"]);
    after_a_look().await;
    alive(&mut connect(&app, &pair.certificate, &TLS13).await.unwrap()).await;

    std::fs::write(pair.folder.join("key.pem"), "nonsense").unwrap();
    after_a_look().await;
    alive(&mut connect(&app, &pair.certificate, &TLS12).await.unwrap()).await;

    let renewed = write(&pair.folder, &["cert.pem", "key.pem"]);
    shown(&app, &renewed).await;
    alive(&mut connect(&app, &renewed, &TLS12).await.unwrap()).await;
}

#[test]
fn files_that_cannot_be_shown_are_refused_at_start() {
    let pair = Pair::new();
    assert!(pair.files().is_ok());
    write(&pair.folder, &["key.pem"]);
    assert!(matches!(pair.files(), Err(UnusableTls::Pair)));
    std::fs::write(pair.folder.join("key.pem"), "").unwrap();
    assert!(matches!(pair.files(), Err(UnusableTls::Key)));
    for nonsense in ["", "nonsense", "-----BEGIN CERTIFICATE-----\n"] {
        std::fs::write(pair.folder.join("cert.pem"), nonsense).unwrap();
        assert!(matches!(pair.files(), Err(UnusableTls::Certificate)), "{nonsense}");
    }
}

/// A folder takes the file's place: the tests may run as root, who may read any file, but nobody can read a folder as a file.
#[test]
fn a_file_that_cannot_be_read_is_not_called_a_bad_one() {
    for (name, setting) in [("key.pem", "TLS_KEY"), ("cert.pem", "TLS_CERT")] {
        let pair = Pair::new();
        std::fs::remove_file(pair.folder.join(name)).unwrap();
        std::fs::create_dir(pair.folder.join(name)).unwrap();
        let unreadable = pair.files().unwrap_err();
        assert_eq!(unreadable.setting(), setting);
        assert_eq!(unreadable.to_string(), "it is not a readable PEM file: is a directory");
    }
}

/// The PEM is well-formed, but what it holds cannot be used: as with a certificate of version 1, or a key on a rare curve.
#[test]
fn a_file_that_cannot_be_used_is_blamed_itself_and_not_the_pair() {
    let pair = Pair::new();
    let nonsense = |kind: &str| format!("-----BEGIN {kind}-----\nAAAA\n-----END {kind}-----\n");
    std::fs::write(pair.folder.join("cert.pem"), nonsense("CERTIFICATE")).unwrap();
    assert!(matches!(pair.files(), Err(UnusableTls::Certificate)));
    std::fs::write(pair.folder.join("key.pem"), nonsense("PRIVATE KEY")).unwrap();
    let wrong = pair.files().unwrap_err();
    assert_eq!(wrong.setting(), "TLS_KEY");
    assert!(wrong.to_string().starts_with("its key is none of"), "{wrong}");
}
