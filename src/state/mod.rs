//! What outlives a request, and what requests must agree on: which authCodes and login states were used, which sessions were ended.

mod once;

pub use self::once::{Once, Taken, Unavailable};
