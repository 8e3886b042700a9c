//! The files of `static/`, inside the binary. Their names carry a hash of their content, so browsers may keep them for ever.

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
        // Shared by all answers.
        Self { address, kind: kind(path), body: Bytes::from(file.data.into_owned()) }
    }
}

/// In a name, in bytes.
const HASH_LENGTH: usize = 8;

/// The path of the file at `/static/<address>`, in this version of the app or in another.
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
///
/// While a version of the app replaces another, a page of the one may ask a process of the other. What that has under this name is better
/// than nothing, and nobody keeps it.
async fn serve(path: Path<String>) -> Result<HttpResponse, Problem> {
    let asset = unhashed(&path).and_then(|path| ASSETS.get(&path)).ok_or(Problem::NotFound)?;
    let is_same = asset.address.strip_prefix("/static/") == Some(path.as_str());
    let kept = if is_same { "public, max-age=31536000, immutable" } else { "no-store" };
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, asset.kind)).insert_header((CACHE_CONTROL, kept)).body(asset.body.clone()))
}
