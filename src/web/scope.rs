//! What belongs to one request and its answer.

use std::cell::OnceCell;
use std::rc::Rc;

use actix_web::web::Data;
use actix_web::{HttpMessage, HttpRequest};

use super::Problem;

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

/// What identifies one request. Its copies share it.
#[derive(Debug, Clone)]
pub struct RequestScope(Rc<Scope>);

#[derive(Debug)]
struct Scope {
    id: String,
    script_nonce: OnceCell<String>,
}

impl RequestScope {
    /// Another one for each request.
    pub fn begin() -> Self {
        Self(Rc::new(Scope { id: hex::encode(rand::random::<[u8; 8]>()), script_nonce: OnceCell::new() }))
    }

    /// The one that the boundary has begun for `request`.
    pub fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let scope = request.extensions().get::<Self>().cloned();
        scope.ok_or_else(|| Problem::Internal("the request did not pass the boundary".into()))
    }

    /// In the log line, the `X-Request-Id` header and every problem. Ours, never the client's: a log line cannot be forged by it.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The one-time word that lets the answer's page run its scripts.
    pub fn script_nonce(&self) -> &str {
        self.0.script_nonce.get_or_init(|| hex::encode(rand::random::<[u8; 16]>()))
    }
}
