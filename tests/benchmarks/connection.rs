//! HTTP as a load generator needs it: prepared bytes go out, an answer of known length comes back, and the connection stays.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// An answer with a body of known length.
pub struct Answer<'a> {
    pub status: u16,
    pub head: &'a str,
    pub body: &'a str,
}

impl Connection {
    pub async fn open(server: SocketAddr) -> Self {
        Self::open_from(Ipv4Addr::LOCALHOST, server).await
    }

    /// On Linux the whole of 127.0.0.0/8 is this machine, so that one process can be many clients.
    pub async fn open_from(client: Ipv4Addr, server: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((client, 0).into()).unwrap();
        let stream = socket.connect(server).await.expect("the server does not take a connection");
        stream.set_nodelay(true).unwrap();
        Self { stream, received: Vec::with_capacity(64 * 1024) }
    }

    pub async fn ask(&mut self, request: &[u8]) -> Answer<'_> {
        self.stream.write_all(request).await.unwrap();
        self.received.clear();
        let head_ends = loop {
            self.receive().await;
            if let Some(at) = self.received.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let head = std::str::from_utf8(&self.received[..head_ends]).unwrap();
        let whole = head_ends + header(head, "content-length").map_or(0, |length| length.parse().unwrap());
        while self.received.len() < whole {
            self.receive().await;
        }
        assert_eq!(self.received.len(), whole, "more came than was asked for");
        let (head, body) = self.received.split_at(head_ends);
        let head = std::str::from_utf8(head).unwrap();
        Answer { status: head.split(' ').nth(1).unwrap().parse().unwrap(), head, body: std::str::from_utf8(body).unwrap() }
    }

    async fn receive(&mut self) {
        let count = self.stream.read_buf(&mut self.received).await.unwrap();
        assert_ne!(count, 0, "the server closed the connection");
    }
}

impl Answer<'_> {
    /// A cookie that this answer sets, as it is to be sent back: `name=value`.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let set = self.head.lines().filter_map(|line| line.strip_prefix("set-cookie: "));
        set.filter_map(|cookie| cookie.split(';').next()).find(|pair| pair.starts_with(name))
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .find_map(|(known, value)| known.eq_ignore_ascii_case(name).then_some(value))
}
