//! Routes that answer every method: their own methods with the handler, all others with 405 and the `Allow` header.

use actix_web::{FromRequest, Handler, HttpResponse, Resource, Responder, guard, web};

use super::Problem;

/// Answers GET, and HEAD without a body.
pub fn get<Args: FromRequest + 'static>(path: &str, handler: impl Handler<Args, Output: Responder + 'static>) -> Resource {
    let reads = guard::Any(guard::Get()).or(guard::Head());
    web::resource(path).route(web::route().guard(reads).to(handler)).default_service(only("GET, HEAD"))
}

/// Answers GET and HEAD by `read`, and POST by `write`. A path is registered once: a second service for it would never be reached.
pub fn get_and_post<ReadArgs: FromRequest + 'static, WriteArgs: FromRequest + 'static>(
    path: &str,
    read: impl Handler<ReadArgs, Output: Responder + 'static>,
    write: impl Handler<WriteArgs, Output: Responder + 'static>,
) -> Resource {
    get(path, read).route(web::post().to(write)).default_service(only("GET, HEAD, POST"))
}

/// Answers POST.
pub fn post<Args: FromRequest + 'static>(path: &str, handler: impl Handler<Args, Output: Responder + 'static>) -> Resource {
    web::resource(path).route(web::post().to(handler)).default_service(only("POST"))
}

fn only(allow: &'static str) -> actix_web::Route {
    web::to(move || async move { Err::<HttpResponse, _>(Problem::MethodNotAllowed { allow }) })
}

/// The handler for addresses without a route: 404.
pub async fn nothing() -> Result<HttpResponse, Problem> {
    Err(Problem::NotFound)
}
