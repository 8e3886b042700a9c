//! The files of `static/`, inside the binary. Their names carry a hash of their content, so browsers may keep them for ever.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{Bytes, Path, ServiceConfig};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::web::{Problem, route};

/// Where they are.
pub fn routes(routes: &mut ServiceConfig) {
    routes.service(route::get("/static/{path:.*}", serve));
}

#[derive(RustEmbed)]
#[folder = "static/"]
struct Static;

struct Asset {
    address: String,
    kind: &'static str,
    body: Bytes,
}

/// By their path in `static/`.
static ASSETS: LazyLock<HashMap<String, Asset>> = LazyLock::new(|| {
    let files = Static::iter().filter_map(|path| Some((path.to_string(), Static::get(&path)?)));
    files
        .map(|(path, file)| (path.clone(), Asset { address: hashed(&path, &file), kind: kind(&path), body: body(file.data) }))
        .collect()
});

/// By the part of their address behind `/static/`.
static BY_ADDRESS: LazyLock<HashMap<&str, &Asset>> =
    LazyLock::new(|| ASSETS.values().filter_map(|asset| Some((asset.address.strip_prefix("/static/")?, asset))).collect());

fn hashed(path: &str, file: &EmbeddedFile) -> String {
    let hash = hex::encode(&file.metadata.sha256_hash()[..8]);
    match path.rsplit_once('.') {
        Some((stem, extension)) => format!("/static/{stem}.{hash}.{extension}"),
        None => format!("/static/{path}.{hash}"),
    }
}

/// Shared by all answers: what is embedded in the binary is not copied.
fn body(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(embedded) => Bytes::from_static(embedded),
        Cow::Owned(read) => Bytes::from(read),
    }
}

fn kind(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg") => "image/jpeg",
        Some("webp") => "image/webp",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// Where the file at `path` in `static/` is served. For a file that is not there: an address where nothing is, and an error in the
/// log at each use, so that a misspelt name is noticed.
pub fn address(path: &str) -> &'static str {
    match ASSETS.get(path) {
        Some(asset) => &asset.address,
        None => {
            tracing::error!(path, "a page names a file that is not in static/");
            "/static/missing"
        }
    }
}

/// `GET /static/...`
async fn serve(path: Path<String>) -> Result<HttpResponse, Problem> {
    let asset = BY_ADDRESS.get(path.as_str()).ok_or(Problem::NotFound)?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, asset.kind))
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(asset.body.clone()))
}
