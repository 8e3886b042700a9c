//! Requests of which two servers in a row could disagree where they end: refused, and what is hidden in them is not answered.

use super::{GOOD, LAST, exchange, post, statuses};
use crate::support::TestApp;

/// Header lines that leave the length of the body in doubt. They are sent among valid ones.
const DOUBTFUL_LENGTHS: [&[u8]; 45] = [
    b"Content-Length: 5\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nContent-Length: 5",
    b"Content-Length: 0\r\nTransfer-Encoding: chunked",
    b"Content-Length: 5\r\nContent-Length: 5",
    b"Content-Length: 5\r\nContent-Length: 0",
    b"Content-Length: 0\r\nContent-Length: 5",
    b"Content-Length: +5",
    b"Content-Length: -5",
    b"Content-Length: 5 5",
    b"Content-Length: 0x5",
    b"Content-Length: 5,5",
    b"Content-Length: 5, 5",
    b"Content-Length: 5;",
    b"Content-Length: 5.0",
    b"Content-Length: 5e0",
    b"Content-Length: \x0b5",
    b"Content-Length: 5\x0c",
    b"Content-Length:",
    b"Content-Length: \xd9\xa5",
    b"Content-Length: 18446744073709551616",
    b"Content-Length : 5",
    b"Content-Length\t: 5",
    b"Content-Length",
    b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding: chunked,identity",
    b"Transfer-Encoding: identity,chunked",
    b"Transfer-Encoding: identity",
    b"Transfer-Encoding: chunked, chunked",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: chunked;q=1",
    b"Transfer-Encoding: \"chunked\"",
    b"Transfer-Encoding: chunked\x0b",
    b"Transfer-Encoding: \x0bchunked",
    b"Transfer-Encoding: \xa0chunked",
    b"Transfer-Encoding: chunked\x00",
    b"Transfer-Encoding:",
    b"Transfer-Encoding : chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    b"Transfer-Encoding:\r\n chunked",
    b"X: a\r\n Content-Length: 5",
    b"X: a\r\n\tContent-Length: 5",
    b"X: a\rContent-Length: 5",
    b"X: a\x00b",
    b"X\x00: a",
];

/// Chunked bodies that are malformed.
const MALFORMED_CHUNKS: [&str; 11] = [
    "fffffffffffffffff\r\n",
    "-1\r\n",
    "+5\r\n12345\r\n0\r\n\r\n",
    "0x5\r\n12345\r\n0\r\n\r\n",
    "5_0\r\n",
    " 5\r\n12345\r\n0\r\n\r\n",
    "\r\n12345\r\n0\r\n\r\n",
    "5\r\n123450\r\n\r\n",
    "5\n12345\n0\n\n",
    "5;\n\r\n12345\r\n0\r\n\r\n",
    "5;a\rb\r\n12345\r\n0\r\n\r\n",
];

#[tokio::test]
async fn a_head_that_leaves_the_length_of_the_body_in_doubt_is_refused_and_nothing_behind_it_is_answered() {
    let app = TestApp::start().await;
    for line in DOUBTFUL_LENGTHS {
        for path in ["/api/login", "/api/logout"] {
            let hidden = [post(&app, path).as_bytes(), line, b"\r\n\r\n0\r\n\r\n", GOOD.as_bytes()].concat();
            assert_eq!(statuses(&exchange(&app, hidden).await), [400], "{}", String::from_utf8_lossy(line));
        }
        let on_get = [b"GET /healthz HTTP/1.1\r\nHost: x\r\n", line, b"\r\n\r\n0\r\n\r\n", GOOD.as_bytes()].concat();
        assert_eq!(statuses(&exchange(&app, on_get).await), [400], "{}", String::from_utf8_lossy(line));
    }
}

#[tokio::test]
async fn chunks_came_with_http_1_1_and_are_refused_before() {
    let app = TestApp::start().await;
    for connection in ["keep-alive", "close"] {
        let head = format!("POST /api/logout HTTP/1.0\r\nConnection: {connection}\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert_eq!(statuses(&exchange(&app, format!("{head}0\r\n\r\n{GOOD}")).await), [400]);
    }
}

#[tokio::test]
async fn malformed_chunks_are_refused_and_nothing_behind_them_is_answered() {
    let app = TestApp::start().await;
    for chunks in MALFORMED_CHUNKS {
        for (path, status) in [("/api/login", 400), ("/api/logout", 204)] {
            // A route that takes no body answers before the body comes. The connection is closed all the same.
            let head = post(&app, path);
            let closed = exchange(&app, format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}{GOOD}")).await;
            assert_eq!(statuses(&closed), [status], "{path} {chunks:?}");
        }
    }
}

#[tokio::test]
async fn what_an_upgrade_or_a_tunnel_would_carry_is_no_request() {
    let app = TestApp::start().await;
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 5\r\n\r\n12345";
    let closed = exchange(&app, format!("{}{upgrade}{GOOD}", post(&app, "/api/logout"))).await;
    assert_eq!(statuses(&closed), [204]);
    let closed = exchange(&app, format!("CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n{GOOD}")).await;
    assert_eq!(statuses(&closed), [400]);
}

/// Some servers end a line at a single line feed, and others do not (RFC 9112, 2.2).
#[tokio::test]
async fn a_line_feed_alone_ends_neither_a_line_nor_a_head() {
    let app = TestApp::start().await;
    for head in [
        "GET /healthz HTTP/1.1\nHost: x\n\n",
        "GET /healthz HTTP/1.1\nHost: x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\n\n",
        "GET /healthz HTTP/1.1\r\nHost: x\nX: y\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\n\nGET /nothing HTTP/1.1\r\nHost: x\r\n\r\n",
        "\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /api/logout HTTP/1.1\r\nHost: x\r\nContent-Length: 5\n\r\n12345",
    ] {
        let closed = exchange(&app, format!("{head}{GOOD}")).await;
        assert_eq!(statuses(&closed), [400], "{head:?}");
    }
}

/// The same holds after the last chunk: the HTTP library would take the next request for more of the trailer.
#[tokio::test]
async fn a_line_feed_alone_ends_no_trailer() {
    let app = TestApp::start().await;
    for trailer in ["\n", "X: y\n\n", "X: y\n\r\n", "X: y\r\n\n"] {
        let head = format!("{}Transfer-Encoding: chunked\r\n\r\n", post(&app, "/api/login"));
        let closed = exchange(&app, format!("{head}0\r\n{trailer}{GOOD}{LAST}")).await;
        assert_eq!(statuses(&closed), [400], "{trailer:?}");
    }
}

/// What the HTTP library lets pass although stricter servers do not. None of it makes two requests of what any server in front of
/// us would take for one: the answers are as many as the requests, whichever way they are counted.
#[tokio::test]
async fn where_the_library_is_lenient_nothing_is_hidden() {
    let app = TestApp::start().await;
    let chunked = |chunks: &str| format!("{}Transfer-Encoding: chunked\r\n\r\n{chunks}{LAST}", post(&app, "/api/login"));
    let lenient = [
        // Allowed by RFC 9112, 2.2: empty lines before a request.
        ("\r\n\r\n".to_owned() + GOOD + "\r\n" + LAST, [200, 200]),
        // White space around a value is no part of it.
        (format!("{}Content-Length: \t5 \r\n\r\n12345{LAST}", post(&app, "/api/login")), [400, 200]),
        (format!("{}Transfer-Encoding:  CHUNKED \r\n\r\n0\r\n\r\n{LAST}", post(&app, "/api/login")), [400, 200]),
        // Zeros in front of a length mean nothing.
        (format!("{}Content-Length: 0005\r\n\r\n12345{LAST}", post(&app, "/api/login")), [400, 200]),
        (chunked("0000000000000000000000005\r\n12345\r\n0\r\n\r\n"), [400, 200]),
        // Extensions of chunks and trailers are skipped, however long. Both count against the patience with bodies.
        (chunked(&format!("5;{}\r\n12345\r\n0\r\n\r\n", "x".repeat(20_000))), [400, 200]),
        (chunked("5 \r\n12345\r\n0\r\n\r\n"), [400, 200]),
        (chunked("5\r\n12345\r\n0\r\nContent-Length: 99\r\nHost: evil.example\r\n\r\n"), [400, 200]),
    ];
    for (request, expected) in lenient {
        let shown = request.chars().take(200).collect::<String>();
        assert_eq!(statuses(&exchange(&app, request).await), expected, "{shown}");
    }
}
