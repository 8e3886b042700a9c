//! What stands before the app in these tests: the CDN of the library, the way from the client to DingTalk, and the host page that
//! frames the app on a PC.

use std::net::TcpListener;
use std::sync::OnceLock;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::rt::System;
use actix_web::web::{Bytes, Data, Path, get, post, to};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use tokio::sync::oneshot;

use super::{laboratory, library};
use crate::support::http_client;

/// The host page on a PC. The container's script puts the frame with the app into it.
const EMPTY_PAGE: &str = "<!doctype html><meta charset=utf-8><title>Library</title><body>";

/// The server that is all of that. It stops when it is dropped.
pub struct Front {
    pub port: u16,
    behind: Data<Behind>,
    server: ServerHandle,
}

/// Where the front passes requests on to. The addresses are known only when the app runs.
#[derive(Default)]
struct Behind {
    urls: OnceLock<Urls>,
    http: OnceLock<reqwest::Client>,
}

struct Urls {
    app: String,
    dingtalk: String,
}

impl Front {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let behind = Data::new(Behind::default());
        let (started, start) = oneshot::channel();
        let seen_by_server = behind.clone();
        std::thread::spawn(move || System::new().block_on(serve(listener, seen_by_server, started)));
        Self { port, behind, server: start.await.unwrap() }
    }

    /// From now on requests are passed on to this app and this DingTalk.
    pub fn stand_before(&self, app: &str, dingtalk: &str) {
        let urls = Urls { app: app.to_owned(), dingtalk: dingtalk.to_owned() };
        assert!(self.behind.urls.set(urls).is_ok(), "it stands before something else");
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The address of this version of the library.
    pub fn library(&self, version: &str) -> String {
        format!("{}/library/{version}", self.url())
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

async fn serve(listener: TcpListener, behind: Data<Behind>, started: oneshot::Sender<ServerHandle>) {
    let app = move || {
        App::new()
            .app_data(behind.clone())
            .route("/library/{version}", get().to(library))
            .route("/host", get().to(empty_page))
            .configure(laboratory::mount)
            .route("/client/{question}", post().to(ask_dingtalk))
            .default_service(to(ask_app))
    };
    let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
    if started.send(server.handle()).is_ok() {
        server.await.unwrap();
    }
}

async fn library(version: Path<String>) -> HttpResponse {
    match library::script(&version) {
        Ok(script) => HttpResponse::Ok().content_type("text/javascript; charset=utf-8").body(script),
        Err(_) => HttpResponse::NotFound().finish(),
    }
}

async fn empty_page() -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(EMPTY_PAGE)
}

async fn ask_dingtalk(request: HttpRequest, body: Bytes, behind: Data<Behind>) -> HttpResponse {
    let dingtalk = &behind.urls.get().unwrap().dingtalk;
    pass_on(request, body, &behind, dingtalk).await
}

async fn ask_app(request: HttpRequest, body: Bytes, behind: Data<Behind>) -> HttpResponse {
    let app = &behind.urls.get().unwrap().app;
    pass_on(request, body, &behind, app).await
}

async fn pass_on(request: HttpRequest, body: Bytes, behind: &Behind, to: &str) -> HttpResponse {
    let http = behind.http.get_or_init(http_client);
    let path = request.uri().path_and_query().unwrap().as_str();
    let method = request.method().as_str().parse().unwrap();
    let mut question = http.request(method, format!("{to}{path}")).body(body);
    for (name, value) in request.headers().iter().filter(|(name, _)| name.as_str() != "host") {
        question = question.header(name.as_str(), value.as_bytes());
    }
    let answer = question.send().await.unwrap();
    let mut response = HttpResponse::build(StatusCode::from_u16(answer.status().as_u16()).unwrap());
    for (name, value) in answer.headers() {
        if !["transfer-encoding", "connection", "content-length"].contains(&name.as_str()) {
            response.append_header((name.as_str(), value.as_bytes()));
        }
    }
    response.body(answer.bytes().await.unwrap())
}
