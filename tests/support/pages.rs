//! An app for the tests of the plumbing, so that they need none of the demo's pages. One page shows who you are, one asks DingTalk for
//! more, one is gated, and a file can be uploaded and downloaded.

use std::sync::{Arc, Mutex};

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Bytes, Data, ServiceConfig, get};
use askama::Template;
use askama_web::WebTemplate;
use dingtalk_h5::dingtalk::{Organisation, UserDetails};
use dingtalk_h5::web::{App, Both, Head, JsapiConfig, NavEntry, Problem, SameOrigin, SessionUser, Upload, Visitor, route};

pub const NAME: &str = "Test app";

pub const TITLES: [Both; 3] = [Both("Home", "首页"), Both("Profile", "我的资料"), Both("JSAPI page", "JSAPI 页面")];

const NAV: &[NavEntry] =
    &[NavEntry::new("/", TITLES[0]), NavEntry::new("/profile", TITLES[1]), NavEntry::new("/jsapi", TITLES[2])];

const JSAPI_LIST: &[&str] = &["biz.contact.choose", "device.geolocation.get"];

pub fn app() -> App {
    let file = Data::new(File::default());
    let routes = move |routes: &mut ServiceConfig| self::routes(&file, routes);
    App { name: NAME, nav: NAV, jsapi_list: JSAPI_LIST, routes: Arc::new(routes), ..App::default() }
}

fn routes(file: &Data<File>, routes: &mut ServiceConfig) {
    routes
        .app_data(file.clone())
        .service(route::get_and_post("/api/file", download, upload))
        .service(route::get("/", home))
        .service(route::get("/profile", profile))
        .service(route::get("/jsapi", jsapi))
        .route("/pages.js", get().to(script));
}

#[derive(Template, WebTemplate)]
#[template(
    ext = "html",
    source = r#"{% extends "layout.html" %}
{% block title %}{{ title }}{% endblock %}
{% block main %}
<main class="column" data-user-id="{{ user.user_id }}">
  <h1 class="page-title" id="user-name">{{ user.name }}</h1>
  <p class="card" id="user-id">{{ user.user_id }}</p>
  <button class="button button-quiet button-wide" type="button" data-action="log-out">{{ log_out }}</button>
  <p class="trouble" id="log-out-trouble" role="alert"></p>
</main>
{% endblock %}"#
)]
struct Home {
    head: Head,
    title: &'static str,
    log_out: &'static str,
    user: SessionUser,
}

/// `GET /`
async fn home(Visitor(user): Visitor, head: Head) -> Home {
    let say = |both: Both| both.in_language(head.language);
    Home { title: say(TITLES[0]), log_out: say(Both("Log out", "退出登录")), head, user }
}

#[derive(Template, WebTemplate)]
#[template(
    ext = "html",
    source = r#"{% extends "layout.html" %}
{% block title %}{{ title }}{% endblock %}
{% block main %}
<main class="column" data-user-id="{{ user.user_id }}">
  <h1 class="page-title" id="user-name">{{ user.name }}</h1>
  <p class="card" id="user-id">{{ user.user_id }}</p>
  {% for address in avatar %}<img src="{{ address }}" alt="" referrerpolicy="no-referrer">{% endfor %}
  {% for text in details %}<p class="card">{{ text }}</p>{% endfor %}
</main>
{% endblock %}"#
)]
struct Profile {
    head: Head,
    title: &'static str,
    user: SessionUser,
    avatar: Option<String>,
    details: Vec<String>,
}

/// `GET /profile`: waits for DingTalk.
async fn profile(Visitor(user): Visitor, head: Head, organisation: Organisation) -> Profile {
    let title = TITLES[1].in_language(head.language);
    let Ok(told) = organisation.user_details(&user.user_id).await else {
        return Profile { head, title, user, avatar: None, details: Vec::new() };
    };
    let UserDetails { avatar, union_id, title: position, job_number, mobile, email, work_place, departments, roles, .. } = told;
    let texts = [union_id, position, job_number, mobile, email, work_place];
    let details = texts.into_iter().flatten().chain(departments).chain(roles).collect();
    Profile { head, title, user, avatar, details }
}

#[derive(Template, WebTemplate)]
#[template(
    ext = "html",
    source = r#"{% extends "layout.html" %}
{% block title %}{{ title }}{% endblock %}
{% block scripts %}<script defer nonce="{{ head.nonce() }}" src="/pages.js"></script>{% endblock %}
{% block main %}
<main class="column" data-user-id="{{ user.user_id }}" data-jsapi="{{ jsapi }}">
  <h1 class="page-title" id="config-state" data-state="configuring">dd.config</h1>
  <p class="card" id="config-reason"></p>
  {% for api in ["biz.contact.choose", "biz.navigation.setTitle"] %}
  <div class="card" data-api="{{ api }}"><button class="button" type="button">{{ api }}</button><output></output></div>
  {% endfor %}
  <p class="note"><a href="https://open.dingtalk.com/document/orgapp/jsapi-overview">open.dingtalk.com</a></p>
</main>
{% endblock %}"#
)]
struct Jsapi {
    head: Head,
    title: &'static str,
    user: SessionUser,
    jsapi: String,
}

/// `GET /jsapi`: gated.
async fn jsapi(Visitor(user): Visitor, head: Head, jsapi: JsapiConfig) -> Result<Jsapi, Problem> {
    Ok(Jsapi { title: TITLES[2].in_language(head.language), head, user, jsapi: jsapi.to_json()? })
}

/// `GET /pages.js`: configures the gated page, then makes one call for each button.
async fn script() -> HttpResponse {
    HttpResponse::Ok().content_type("text/javascript").body(include_str!("pages.js"))
}

/// The file that was uploaded last: its content type and its bytes.
type File = Mutex<Option<(String, Bytes)>>;

/// The longest upload that is accepted.
pub const MAX_BYTES: usize = 2 * 1024 * 1024;

/// `POST /api/file`
async fn upload(
    _: SameOrigin,
    _user: SessionUser,
    Upload { content_type, bytes }: Upload<MAX_BYTES>,
    file: Data<File>,
) -> HttpResponse {
    *file.lock().unwrap() = Some((content_type, bytes));
    HttpResponse::NoContent().finish()
}

/// `GET /api/file`
async fn download(_user: SessionUser, file: Data<File>) -> Result<HttpResponse, Problem> {
    let (content_type, bytes) = file.lock().unwrap().clone().ok_or(Problem::NotFound)?;
    Ok(HttpResponse::Ok().content_type(content_type).insert_header((CACHE_CONTROL, "public, max-age=60")).body(bytes))
}
