//! https in front of a plain server, and a site that shows another one in a frame.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;

/// Listens on a free port, hands every connection to `serve`, and returns the port. Ends with the test's runtime.
async fn listen<F, R>(name: &str, serve: F) -> u16
where
    F: Fn(TlsStream<TcpStream>) -> R + Clone + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let (acceptor, serve) = (acceptor.clone(), serve.clone());
            tokio::spawn(async move {
                // A browser opens connections that it never uses.
                if let Ok(stream) = acceptor.accept(connection).await {
                    serve(stream).await;
                }
            });
        }
    });
    port
}

/// Serves https for `name` and passes it on to the plain server at `url`. Returns the port.
pub async fn before(name: &str, url: &str) -> u16 {
    let inner = url.strip_prefix("http://").unwrap().to_owned();
    listen(name, move |mut stream| {
        let inner = inner.clone();
        async move {
            let mut plain = TcpStream::connect(inner).await.unwrap();
            let _ = copy_bidirectional(&mut stream, &mut plain).await;
        }
    })
    .await
}

/// Serves a page at `name` that shows `framed` in a frame. Returns the port.
pub async fn framing(name: &str, framed: &str) -> u16 {
    let html =
        format!("<!doctype html><title>Another site</title><iframe id=frame src=\"{framed}\" width=400 height=700></iframe>");
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{html}",
        html.len()
    );
    listen(name, move |mut stream| {
        let answer = answer.clone();
        async move {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    })
    .await
}
