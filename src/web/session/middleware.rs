//! What happens to the session's cookie on the way out. On the way in nothing does: see [`RequestSession::of`].

use actix_web::HttpMessage;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;

use super::user::RequestSession;

/// Gives an answer the cookie that the request's session has earned. Wraps all that looks at it.
pub async fn session<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, actix_web::Error> {
    let mut response = next.call(request).await?;
    let session = response.request().extensions().get::<RequestSession>().cloned();
    if let Some(session) = session {
        session.put_on(response.headers_mut());
    }
    Ok(response)
}
