//! The seam for whoever counts what the client does.

use std::time::Duration;

use super::endpoint::Endpoint;
use super::error::Error;

/// Told of every call and every renewal, in the middle of requests: it must be quick.
pub trait Observer: Send + Sync + 'static {
    /// A call to `endpoint` ended after `took`, or was not made because of a ban.
    fn called(&self, endpoint: Endpoint, outcome: Result<(), &Error>, took: Duration);

    /// A renewal of the credential that `endpoint` grants ended, with all its retries.
    fn renewed(&self, endpoint: Endpoint, outcome: Result<(), &Error>);
}
