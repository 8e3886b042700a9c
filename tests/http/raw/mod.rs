//! HTTP/1.1 itself, on raw sockets: what no browser sends.

mod bodies;
mod heads;
mod slow;
mod smuggling;

use crate::support::TestApp;
use crate::wire::{Closed, Wire};

/// A valid request that keeps the connection open. Hidden in the head or the body of another request, it must not be answered.
const GOOD: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
/// The same request, after which the connection is closed.
const LAST: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// Sends `bytes` and reads all answers until the server closes.
async fn exchange(app: &TestApp, bytes: impl AsRef<[u8]>) -> Closed {
    let mut wire = Wire::to(&app.url).await;
    wire.send(bytes).await;
    wire.closed().await
}

/// The head of a POST by a page of ours, open for more lines.
fn post(app: &TestApp, path: &str) -> String {
    let origin = &app.url;
    format!("POST {path} HTTP/1.1\r\nHost: x\r\nOrigin: {origin}\r\nContent-Type: application/json\r\n")
}

fn statuses(closed: &Closed) -> Vec<u16> {
    closed.replies.iter().map(|reply| reply.status).collect()
}
