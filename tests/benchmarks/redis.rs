//! A Redis for the programs that share one.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

/// A server on a free port. It ends when this is dropped.
pub struct Redis {
    child: Child,
    pub url: String,
}

impl Redis {
    pub fn start() -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut server = Command::new("redis-server");
        server.args(["--port", &address.port().to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        let child = server.stdout(Stdio::null()).spawn().expect("redis-server is installed by tests/run");
        while TcpStream::connect(address).is_err() {}
        Self { child, url: format!("redis://{address}") }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
