//! What must hold whatever browsers and pages send (see `crate::fuzzing`).

mod bodies;
mod headers;
mod session_cookie;
mod session_payload;

pub use self::bodies::{login_body, report};
pub use self::headers::{accept_language, forwarded_for};
pub use self::session_cookie::session_cookie;
pub use self::session_payload::session_payload;
