//! Who is logged in. The session is in the browser's cookie, encrypted and authenticated, so that a page needs no store; the server
//! judges its limits and remembers which sessions were ended.

mod cookie;
mod keys;
mod middleware;
mod sessions;
/// Whom a page shows that makes a request.
pub mod shown;
mod user;

/// How our cookies look, and which of those that a browser brings are read.
pub use self::cookie::CookiePolicy;
/// What they are sealed with.
pub use self::keys::{InvalidSessionKeys, SessionKeys};
/// What an answer does to the session's cookie.
pub use self::middleware::session;
/// When a session ends.
pub use self::sessions::Sessions;
/// Who it is, for handlers.
pub use self::user::{Freshness, RequestSession, SessionUser};

pub(super) use self::cookie::only_cookie;
pub(super) use self::keys::mac;
