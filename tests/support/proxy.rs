//! An HTTP proxy as companies have them, which opens tunnels to wherever a test has put DingTalk.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// A proxy that runs as long as the test.
pub struct TunnelProxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl TunnelProxy {
    /// Every tunnel leads to the address `to`. If there is a `login` ("user:password"), the proxy requires it.
    pub async fn start(to: SocketAddr, login: Option<&str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<String>>>::default());
        let login = login.map(|login| format!(": Basic {}\r\n", STANDARD.encode(login)));
        let heard = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(tunnel(connection, to, login.clone(), Arc::clone(&heard)));
            }
        });
        Self { address, asked }
    }

    pub fn url(&self, login: &str) -> String {
        format!("http://{login}@{}", self.address)
    }

    /// The request line of each tunnel that was asked for, such as `CONNECT host:443 HTTP/1.1`.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn tunnel(mut connection: TcpStream, to: SocketAddr, login: Option<String>, asked: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match connection.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    asked.lock().unwrap().push(head.lines().next().unwrap_or_default().to_owned());
    let answer = match login.is_none_or(|login| head.contains(&login)) {
        true => "HTTP/1.1 200 Connection established\r\n\r\n",
        false => {
            "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n"
        }
    };
    let Ok(mut other) = TcpStream::connect(to).await else { return };
    if connection.write_all(answer.as_bytes()).await.is_ok() && answer.contains(" 200 ") {
        let _ = copy_bidirectional(&mut connection, &mut other).await;
    }
}
