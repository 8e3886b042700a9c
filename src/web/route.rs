//! How a request comes to its handler: routes that answer every method, and what handlers may take.

use actix_web::web::Data;
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, guard, web};

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

/// Answers every other method with 405 and what is allowed.
fn only(allow: &'static str) -> actix_web::Route {
    web::to(move || async move { Err::<HttpResponse, _>(Problem::MethodNotAllowed { allow }) })
}

/// What answers where nothing is.
pub async fn nothing() -> Result<HttpResponse, Problem> {
    Err(Problem::NotFound)
}

/// What all requests share of one kind: `application.rs` hands it out. A handler takes `Data<T>` instead.
pub fn shared<T: 'static>(request: &HttpRequest) -> Result<&Data<T>, Problem> {
    let missing = || Problem::Internal(format!("the server was built without {}", std::any::type_name::<T>()).into());
    request.app_data::<Data<T>>().ok_or_else(missing)
}

/// A handler that takes one gets what is made of its request. What is made `late` is made when those in front of it in the handler's
/// signature have let the request pass that are ready at once: a body in front of it is not waited for.
macro_rules! extracted {
    ($kind:ty, late $of:expr) => {
        impl actix_web::FromRequest for $kind {
            type Error = $crate::web::Problem;
            type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

            fn from_request(request: &actix_web::HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
                let request = request.clone();
                Box::pin(async move { ($of)(&request).await })
            }
        }
    };
    ($kind:ty, $of:expr) => {
        impl actix_web::FromRequest for $kind {
            type Error = $crate::web::Problem;
            type Future = std::future::Ready<Result<Self, Self::Error>>;

            fn from_request(request: &actix_web::HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
                std::future::ready(($of)(request))
            }
        }
    };
}
pub(super) use extracted;
