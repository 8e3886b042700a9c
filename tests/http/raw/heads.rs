//! Heads: their size, their target, the host they name, and what is not HTTP/1 at all.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{GOOD, LAST, exchange, statuses};
use crate::support::TestApp;
use crate::wire::Reply;

const URI: usize = 8 * 1024;
const HEAD: usize = 16 * 1024;

async fn first(app: &TestApp, bytes: impl AsRef<[u8]>) -> Reply {
    exchange(app, bytes).await.replies.remove(0)
}

/// A request whose head has exactly `size` bytes, the empty line not counted.
fn head_of(size: usize) -> String {
    let (start, end) = ("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: ", "\r\n");
    let filling = "x".repeat(size - start.len() - end.len());
    format!("{start}{filling}{end}\r\n")
}

#[tokio::test]
async fn addresses_and_heads_are_bounded_to_the_byte() {
    let app = TestApp::start().await;
    let uri_of = |size: usize| format!("GET /healthz?{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "x".repeat(size - 9));
    let method_of = |size: usize| format!("{} /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "X".repeat(size));
    for (request, status) in [
        (uri_of(URI), 200),
        (uri_of(URI + 1), 414),
        (uri_of(60_000), 414),
        (head_of(HEAD), 200),
        (head_of(HEAD + 1), 431),
        (head_of(100_000), 431),
        (method_of(HEAD), 431),
        (method_of(100), 405),
    ] {
        let reply = first(&app, &request).await;
        assert_eq!(reply.status, status, "{} bytes", request.len());
        assert!(!reply.body.contains("xxxx"), "nothing of it comes back");
    }
}

#[tokio::test]
async fn heads_that_the_library_does_not_even_keep_are_refused_and_the_connection_is_closed() {
    let app = TestApp::start().await;
    let many = format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{}\r\n{GOOD}", "X: y\r\n".repeat(96));
    assert_eq!(statuses(&exchange(&app, many).await), [431], "more than 96 headers");
    let unending = format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX: {}", "x".repeat(200_000));
    let closed = exchange(&app, unending).await;
    assert!(statuses(&closed) == [431] || closed.replies.is_empty(), "reset or told");
    assert!(closed.after.as_secs() < 3);
    let address = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n{GOOD}", "x".repeat(70_000));
    assert_eq!(statuses(&exchange(&app, address).await), [414], "an address of more than 64 KiB");
}

/// The HTTP library reuses the heads of former requests.
#[tokio::test]
async fn a_refused_head_is_answered_by_its_own_method_whatever_was_asked_before() {
    let app = TestApp::start().await;
    let ask = |method: &str| format!("{method} /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    // Which head is reused depends on how many there were.
    for more in 0..4 {
        let asked = ask("HEAD").repeat(2) + ask("GET").repeat(more).as_str() + "GET / HTTP/1.1\r\nHost x\r\n\r\n";
        let mut connection = TcpStream::connect(app.url.strip_prefix("http://").unwrap()).await.unwrap();
        connection.write_all(asked.as_bytes()).await.unwrap();
        let mut told = String::new();
        connection.read_to_string(&mut told).await.unwrap();
        let (_, refused) = told.rsplit_once("HTTP/1.1 400").unwrap();
        assert!(refused.trim_end().ends_with("</html>"), "after {more}: {told}");
    }
}

/// A fragment is for browsers only. The HTTP library cuts it off, so that it does not count as length; the library's own limit is 128 KiB.
#[tokio::test]
async fn a_fragment_is_no_part_of_the_address() {
    let app = TestApp::start().await;
    let request = format!("GET /healthz#{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "x".repeat(URI));
    assert_eq!(first(&app, request).await.status, 200);
}

#[tokio::test]
async fn only_a_path_is_a_target_and_the_host_before_it_counts_for_nothing() {
    let app = TestApp::start().await;
    for (target, status) in [
        ("/healthz", 200),
        ("http://evil.example/healthz", 200),
        ("https://user:word@evil.example:1/healthz?x", 200),
        ("http://evil.example/nothing", 404),
        ("ftp://evil.example/healthz", 400),
        ("file:///healthz", 400),
        ("evil.example:80", 400),
        ("evil.example", 400),
        ("healthz", 400),
        ("mailto:x@y", 400),
        ("*", 400),
        ("\\healthz", 400),
        ("/healthz\\", 404),
        ("?x", 400),
    ] {
        let reply = first(&app, format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
        assert_eq!(reply.status, status, "{target}");
        assert!(!reply.body.contains("evil"), "{target}");
    }
}

#[tokio::test]
async fn a_request_names_one_host_or_is_older_than_hosts() {
    let app = TestApp::start().await;
    for (version, hosts, status) in [
        ("1.1", "Host: x\r\n", 200),
        ("1.1", "Host: [::1]:8080\r\n", 200),
        ("1.1", "Host:\r\n", 200),
        ("1.0", "", 200),
        ("1.0", "Host: x\r\n", 200),
        ("1.1", "", 400),
        ("1.1", "Host: x\r\nHost: x\r\n", 400),
        ("1.1", "Host: x\r\nHost: y\r\n", 400),
        ("1.0", "Host: x\r\nHost: y\r\n", 400),
        ("1.1", "Host: x, y\r\n", 400),
        ("1.1", "Host: x y\r\n", 400),
        ("1.1", "Host: user@x\r\n", 400),
        ("1.1", "Host: x/y\r\n", 400),
        ("1.1", "Host: http://x\r\n", 400),
        ("1.1", "Host: \u{ff}\r\n", 400),
        ("1.1", "Host : x\r\n", 400),
        ("1.1", " Host: x\r\n", 400),
    ] {
        let reply = first(&app, format!("GET /healthz HTTP/{version}\r\n{hosts}Connection: close\r\n\r\n")).await;
        assert_eq!(reply.status, status, "{version} {hosts:?}");
    }
}

#[tokio::test]
async fn what_is_not_http_1_is_refused_and_closed() {
    let app = TestApp::start().await;
    for bytes in [
        "GET /healthz\r\n",
        "GET /healthz\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /healthz HTTP/1.2\r\nHost: x\r\n\r\n",
        "GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n",
        "GET /healthz http/1.1\r\nHost: x\r\n\r\n",
        "GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET\t/healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /healthz HTTP/1.1 \r\nHost: x\r\n\r\n",
        " GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        "G(T /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        "\u{16}\u{3}\u{1}\r\n\r\n",
    ] {
        assert_eq!(statuses(&exchange(&app, format!("{bytes}{GOOD}")).await), [400], "{bytes:?}");
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused_or_mean_nothing() {
    let app = TestApp::start().await;
    let get = |target: &[u8], lines: &[u8]| {
        [b"GET ", target, b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", lines, b"\r\n"].concat()
    };
    let everywhere =
        b"User-Agent: \xff\r\nCookie: session=\xff; presession=\xff; \xff\r\nReferer: \xff\r\nAccept-Language: \xff\r\n\
        Sec-Fetch-Site: \xff\r\nX-Forwarded-For: \xff\r\nOrigin: \xff\r\nAccept: \xff\r\nContent-Type: \xff\r\n";
    for (request, status) in [
        (get(b"/\xff", b""), 400),
        (get(b"/?\xff", b""), 400),
        (get("/中".as_bytes(), b""), 400),
        (get(b"/%ff", b""), 404),
        (get(b"/static/%ff%fe", b""), 404),
        (get(b"/static/%zz%", b""), 404),
        (get(b"/healthz?%ff%zz", b""), 200),
        (get(b"/?corpid=%ff", b""), 403),
        (get(b"/api/jsapi/config?url=%ff", b""), 401),
        (get(b"/", everywhere), 200),
        (get(b"/api/me", everywhere), 401),
        (get(b"/", b"X: \x7f\r\n"), 400),
        (get(b"/", b"\xff: x\r\n"), 400),
    ] {
        assert_eq!(first(&app, &request).await.status, status, "{}", String::from_utf8_lossy(&request));
    }
}

/// Some clients send an empty line after a request, which then stands before the next one.
#[tokio::test]
async fn what_is_refused_behind_an_empty_line_is_told_for_its_own_path() {
    let app = TestApp::start().await;
    for (path, kind) in [("/api/me", "application/problem+json"), ("/", "text/html; charset=utf-8")] {
        for lines in ["", "\r\n", "\r\n\r\n"] {
            let reply = first(&app, format!("{lines}GET {path} HTTP/1.1\r\n\r\n")).await;
            assert_eq!((reply.status, reply.header("content-type")), (400, kind), "{path} behind {lines:?}");
        }
    }
}

/// The answer has our own words, a request id that is in the log, and the headers of every answer.
#[tokio::test]
async fn whatever_is_refused_before_it_is_a_request_is_told_like_everything_else() {
    let app = TestApp::start().await;
    let long = "x".repeat(20_000);
    for (line, host, status) in [
        ("/\u{ff}", "Host: x\r\n", 400),
        ("/\u{4e2d}\u{6587}?\u{e9}", "Host: x\r\n", 400),
        ("/?a=\"b\"", "Host: x\r\n", 400),
        ("/<script>", "Host: x\r\n", 400),
        ("/a b", "Host: x\r\n", 400),
        ("/{}|^`", "Host: x\r\n\0", 400),
        ("/\t", "Host: x\r\n", 400),
        ("/../../etc/passwd\u{7f}", "Host: x\r\n", 400),
        ("/", "", 400),
        ("/", "Host: x\r\nHost: y\r\n", 400),
        ("/", "Host: x\nX: y\r\n", 400),
        ("/", "Host: x\r\nContent-Length: x\r\n", 400),
        (&format!("/{long}"), "Host: x\r\n", 414),
        ("/", &format!("Host: x\r\nX: {long}\r\n"), 431),
        ("/", &format!("Host: x\r\n{}", "Accept-Language: zh-CN\r\n".repeat(100)), 431),
        ("/", &format!("Host: x\r\n{}", "User-Agent: x\r\n".repeat(100)), 431),
    ] {
        for (start, kind) in [("", "text/html; charset=utf-8"), ("/api", "application/problem+json")] {
            let request = format!("GET {start}{line} HTTP/1.1\r\nAccept-Language: zh-CN\r\n{host}\r\n{GOOD}");
            let closed = exchange(&app, request).await;
            assert_eq!(statuses(&closed), [status], "{start}{line} {host}");
            let reply = &closed.replies[0];
            assert_eq!(reply.header("content-type"), kind, "{start}{line} {host}");
            assert_eq!(reply.header("connection"), "close");
            assert_eq!(reply.header("x-content-type-options"), "nosniff");
            let id = reply.header("x-request-id");
            assert!(id.len() == 16 && (reply.body.contains(id) || kind.starts_with("text/html")), "{reply:?}");
            let is_chinese = |letter: char| ('\u{4e00}'..'\u{9fff}').contains(&letter);
            assert!(reply.body.contains(is_chinese), "in the reader's language: {}", reply.body);
            assert!(!reply.body.contains("<script>") && !reply.body.contains("xxx"));
        }
    }
}

#[tokio::test]
async fn requests_that_come_at_once_are_answered_in_their_order() {
    let app = TestApp::start().await;
    let targets = ["/healthz", "/nothing", "/api/me", "/signed-out", "/api/nothing"];
    let many: String =
        targets.iter().cycle().take(50).map(|target| format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")).collect();
    let closed = exchange(&app, many + LAST).await;
    assert_eq!(closed.replies.len(), 51);
    let expected = [200, 404, 401, 200, 404].into_iter().cycle();
    assert!(statuses(&closed).into_iter().zip(expected).all(|(status, expected)| status == expected));
}
