//! The files of `static/`, inside the binary. Their names carry a hash of their content, so browsers may cache them for ever.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{Bytes, Path, ServiceConfig};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::web::{Problem, route};

/// The route of these files.
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
static ASSETS: LazyLock<BTreeMap<String, Asset>> = LazyLock::new(|| {
    let files = Static::iter().filter_map(|path| Some((path.to_string(), Asset::of(&path, Static::get(&path)?))));
    files.collect()
});

impl Asset {
    fn of(path: &str, file: EmbeddedFile) -> Self {
        let hash = hex::encode(&file.metadata.sha256_hash()[..HASH_LENGTH]);
        let address = match path.rsplit_once('.') {
            Some((stem, extension)) => format!("/static/{stem}.{hash}.{extension}"),
            None => format!("/static/{path}.{hash}"),
        };
        // All answers share these bytes, without a copy.
        Self { address, kind: kind(path), body: Bytes::from(file.data.into_owned()) }
    }
}

/// How many bytes of the hash are in a file's name, as two hex digits each.
const HASH_LENGTH: usize = 8;

/// The path in `static/` of the file at `/static/<address>`, whose hash may be that of another version of the app.
fn unhashed(address: &str) -> Option<String> {
    let is_hash = |part: &str| part.len() == 2 * HASH_LENGTH && hex::decode(part).is_ok();
    let (rest, last) = address.rsplit_once('.')?;
    match rest.rsplit_once('.') {
        Some((stem, hash)) if is_hash(hash) => Some(format!("{stem}.{last}")),
        _ => is_hash(last).then(|| rest.to_owned()),
    }
}

fn kind(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("css") => "text/css; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
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

/// Where the file at `path` in `static/` is served. For a file that does not exist it is an address that is 404, and each call logs an
/// error, so that a misspelt name is noticed.
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
///
/// During a deploy, a page of one version of the app may request a file from a process of another version. That process answers with its
/// own version of the file, which is better than a 404, and forbids to cache it.
async fn serve(path: Path<String>) -> Result<HttpResponse, Problem> {
    let asset = unhashed(&path).and_then(|path| ASSETS.get(&path)).ok_or(Problem::NotFound)?;
    let is_same = asset.address.strip_prefix("/static/") == Some(path.as_str());
    let kept = if is_same { "public, max-age=31536000, immutable" } else { "no-store" };
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, asset.kind)).insert_header((CACHE_CONTROL, kept)).body(asset.body.clone()))
}
