//! Who is logged in. The session is in the browser's cookie, encrypted and authenticated, so that a page needs no store; the server
//! judges its limits and remembers which sessions were ended.

mod cookie;
mod keys;
mod sessions;
/// Whom a page shows that makes a request.
pub mod shown;
mod user;

/// How our cookies look, and which of those that a browser brings are read.
pub use self::cookie::{CookiePolicy, OurCookie};
/// What they are sealed with.
pub use self::keys::{InvalidSessionKeys, SessionKeys};
/// When a session ends.
pub use self::sessions::Sessions;
/// Who it is, for handlers; and what an answer does to the session's cookie.
pub use self::user::{RequestSession, SessionUser, session};

pub(super) use self::keys::mac;
