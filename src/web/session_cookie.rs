//! A session's cookie that has become worthless.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;

use super::request_cookies::ours;
use super::session::TypedSession;
use super::state::Web;

/// Takes a cookie that means nobody from the browser, which would otherwise send it for ever: one that was tampered with or has
/// expired. Must run inside the session's middleware.
pub async fn clear_worthless<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let web = Web::of(request.request())?.clone();
    let brought = ours(request.headers(), web.sessions.cookie_name()).next().is_some();
    let mut response = next.call(request).await?;
    if brought && !TypedSession::of(response.request())?.is_somebodys() {
        web.sessions.remove_cookie(response.headers_mut());
    }
    Ok(response)
}
