//! What the program is compared with: the same server, and a handler that does nothing.

use std::net::TcpListener;
use std::time::Duration;

use actix_web::web::{self, Bytes};
use actix_web::{App, HttpResponse, HttpServer};

/// Answers every request with so many bytes.
pub async fn serve(bytes: usize) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("listening on http://{}", listener.local_addr().unwrap());
    let body = Bytes::from(vec![b'x'; bytes]);
    let server = HttpServer::new(move || {
        let body = body.clone();
        App::new().default_service(web::to(move || {
            let body = body.clone();
            async move { HttpResponse::Ok().content_type("text/html; charset=utf-8").body(body) }
        }))
    });
    // As in the program.
    let server = server.tcp_nodelay(true).client_request_timeout(Duration::from_secs(5));
    server.listen(listener).unwrap().run().await.unwrap();
}
