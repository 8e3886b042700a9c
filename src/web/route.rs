//! Routes that answer every method: theirs with the page, the others with 405 and what is allowed.

use actix_web::http::Method;
use actix_web::{FromRequest, Handler, HttpResponse, Resource, Responder, guard, web};

use super::Problem;

/// Answers GET, and HEAD without a body.
pub fn get<H, Args>(path: &str, handler: H) -> Resource
where
    H: Handler<Args>,
    Args: FromRequest + 'static,
    H::Output: Responder + 'static,
{
    let reads = guard::Any(guard::Get()).or(guard::Head());
    web::resource(path).route(web::route().guard(reads).to(handler)).default_service(only("GET, HEAD"))
}

/// Answers GET and HEAD by `read`, and POST by `write`. A path is registered once: a second service for it would never be reached.
pub fn get_and_post<R, ReadArgs, W, WriteArgs>(path: &str, read: R, write: W) -> Resource
where
    R: Handler<ReadArgs>,
    ReadArgs: FromRequest + 'static,
    R::Output: Responder + 'static,
    W: Handler<WriteArgs>,
    WriteArgs: FromRequest + 'static,
    W::Output: Responder + 'static,
{
    get(path, read).route(web::method(Method::POST).to(write)).default_service(only("GET, HEAD, POST"))
}

/// Answers POST.
pub fn post<H, Args>(path: &str, handler: H) -> Resource
where
    H: Handler<Args>,
    Args: FromRequest + 'static,
    H::Output: Responder + 'static,
{
    web::resource(path).route(web::method(Method::POST).to(handler)).default_service(only("POST"))
}

fn only(allow: &'static str) -> actix_web::Route {
    web::to(move || async move { Err::<HttpResponse, _>(Problem::MethodNotAllowed { allow }) })
}

/// What answers where nothing is.
pub async fn nothing() -> Result<HttpResponse, Problem> {
    Err(Problem::NotFound)
}
