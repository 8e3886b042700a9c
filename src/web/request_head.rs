//! What the head of a request may look like. The HTTP library reads heads of up to 128 KiB; ours never have reason to be a tenth of that.

use actix_web::dev::ServiceRequest;
use actix_web::http::Version;
use actix_web::http::header::HOST;

use super::error::Problem;

/// An address of ours carries a page's own parameters at most.
const LONGEST_URI: usize = 8 * 1024;
/// Names and values of all headers. Two cookies of ours are less than a third of it.
const LARGEST_HEAD: usize = 16 * 1024;

/// Turns away heads that are too large, and those that leave open which host is meant (RFC 9112, section 3.2).
pub fn check(request: &ServiceRequest) -> Result<(), Problem> {
    if uri_bytes(request) > LONGEST_URI {
        return Err(Problem::UriTooLong);
    }
    let headers = request.headers();
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > LARGEST_HEAD {
        return Err(Problem::HeadTooLarge);
    }
    let hosts = headers.get_all(HOST).count();
    if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
        return Err(Problem::BadRequest("it names no host, or several"));
    }
    Ok(())
}

fn uri_bytes(request: &ServiceRequest) -> usize {
    let uri = request.uri();
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    authority + uri.path_and_query().map_or(0, |rest| rest.as_str().len())
}
