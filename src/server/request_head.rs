//! What the head of a request may look like. The HTTP library reads heads of up to 128 KiB; ours never have reason to be a tenth of that.

use actix_web::Error;
use actix_web::dev::ServiceRequest;
use actix_web::error::{ErrorBadRequest, ErrorRequestHeaderFieldsTooLarge, ErrorUriTooLong};
use actix_web::http::Version;
use actix_web::http::header::{HOST, HeaderValue};
use actix_web::http::uri::{Authority, Uri};

/// An address of ours carries a page's own parameters at most.
const LONGEST_URI: usize = 8 * 1024;
/// The whole head as it was sent. Two cookies of ours are less than a third of it.
const LARGEST_HEAD: usize = 16 * 1024;

/// Turns away heads that are too large, and those that leave open what or which host is meant (RFC 9112, section 3.2).
pub fn check(request: &ServiceRequest) -> Result<(), Error> {
    let uri = uri_bytes(request.uri());
    if uri > LONGEST_URI {
        return Err(ErrorUriTooLong("the address is too long"));
    }
    if request_line_bytes(request, uri) + header_bytes(request) > LARGEST_HEAD {
        return Err(ErrorRequestHeaderFieldsTooLarge("the headers are too large"));
    }
    if !names_a_path(request.uri()) {
        return Err(ErrorBadRequest("its target is not a path"));
    }
    let mut hosts = request.headers().get_all(HOST);
    match (hosts.next(), hosts.next()) {
        (None, None) if request.version() != Version::HTTP_11 => Ok(()),
        (Some(host), None) if is_host(host) => Ok(()),
        _ => Err(ErrorBadRequest("it names no host, or several")),
    }
}

/// `/path`, or the same behind a scheme and a host, which proxies send and which then count for nothing.
fn names_a_path(target: &Uri) -> bool {
    target.path().starts_with('/') && matches!(target.scheme_str(), None | Some("http" | "https"))
}

/// Empty is allowed: an address may have no host.
fn is_host(value: &HeaderValue) -> bool {
    let parses = |text: &str| text.is_empty() || text.parse::<Authority>().is_ok();
    value.to_str().is_ok_and(|text| parses(text) && !text.contains('@'))
}

fn uri_bytes(uri: &Uri) -> usize {
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    authority + uri.path_and_query().map_or(0, |rest| rest.as_str().len())
}

fn request_line_bytes(request: &ServiceRequest, uri: usize) -> usize {
    request.method().as_str().len() + uri + "  HTTP/1.1\r\n".len()
}

fn header_bytes(request: &ServiceRequest) -> usize {
    let lines = request.headers().iter();
    lines.map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum()
}
