//! Routes that answer every method: their own methods with a handler each, all others with 405 and the `Allow` header.

use std::collections::BTreeSet;

use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::{FromRequest, Handler, HttpResponse, Resource, Responder, Route, guard, web};

use super::Problem;

/// A path, and the handlers of the methods that are answered there: `at(path).get(show).put(change)`. A path is registered once: a
/// second service for it would never be reached.
pub fn at(path: &str) -> At {
    At { resource: web::resource(path), allow: BTreeSet::new() }
}

/// Answers GET, and HEAD without a body.
pub fn get<Args: FromRequest + 'static>(path: &str, handler: impl Handler<Args, Output: Responder + 'static>) -> Resource {
    at(path).get(handler).resource()
}

/// Answers POST.
pub fn post<Args: FromRequest + 'static>(path: &str, handler: impl Handler<Args, Output: Responder + 'static>) -> Resource {
    at(path).post(handler).resource()
}

/// Answers GET and HEAD by `read`, and POST by `write`.
pub fn get_and_post<ReadArgs: FromRequest + 'static, WriteArgs: FromRequest + 'static>(
    path: &str,
    read: impl Handler<ReadArgs, Output: Responder + 'static>,
    write: impl Handler<WriteArgs, Output: Responder + 'static>,
) -> Resource {
    at(path).get(read).post(write).resource()
}

/// What [`at`] begins: a service, once it has its methods.
pub struct At {
    resource: Resource,
    allow: BTreeSet<&'static str>,
}

impl At {
    /// Answers GET, and HEAD without a body.
    pub fn get<Args: FromRequest + 'static>(self, handler: impl Handler<Args, Output: Responder + 'static>) -> Self {
        let reads = guard::Any(guard::Get()).or(guard::Head());
        self.answering(&["GET", "HEAD"], web::route().guard(reads).to(handler))
    }

    /// Answers POST.
    pub fn post<Args: FromRequest + 'static>(self, handler: impl Handler<Args, Output: Responder + 'static>) -> Self {
        self.answering(&["POST"], web::post().to(handler))
    }

    /// Answers PUT.
    pub fn put<Args: FromRequest + 'static>(self, handler: impl Handler<Args, Output: Responder + 'static>) -> Self {
        self.answering(&["PUT"], web::put().to(handler))
    }

    /// Answers PATCH.
    pub fn patch<Args: FromRequest + 'static>(self, handler: impl Handler<Args, Output: Responder + 'static>) -> Self {
        self.answering(&["PATCH"], web::patch().to(handler))
    }

    /// Answers DELETE.
    pub fn delete<Args: FromRequest + 'static>(self, handler: impl Handler<Args, Output: Responder + 'static>) -> Self {
        self.answering(&["DELETE"], web::delete().to(handler))
    }

    /// As actix-web has it, with all other methods answered: to `wrap` it.
    pub fn resource(self) -> Resource {
        let allow = self.allow.into_iter().collect::<Vec<_>>().join(", ");
        let refuse = move || {
            let allow = allow.clone();
            async move { Err::<HttpResponse, _>(Problem::MethodNotAllowed { allow }) }
        };
        self.resource.default_service(web::to(refuse))
    }

    fn answering(mut self, methods: &[&'static str], route: Route) -> Self {
        self.allow.extend(methods);
        Self { resource: self.resource.route(route), ..self }
    }
}

impl HttpServiceFactory for At {
    fn register(self, config: &mut AppService) {
        self.resource().register(config);
    }
}

/// The handler for addresses without a route: 404.
pub async fn nothing() -> Result<HttpResponse, Problem> {
    Err(Problem::NotFound)
}
