//! The certificate at PUBLIC_URL, as phones judge it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;
use rustls::{CertificateError, ClientConfig};
use rustls_platform_verifier::ConfigVerifierExt;

use super::asking;
use super::report::Finding;
use crate::dingtalk::{Told, causes, told};

/// A finding, if the request failed because of the certificate.
#[rustfmt::skip] // A finding a paragraph, here and below.
pub fn failure(error: &reqwest::Error) -> Option<Finding> {
    use CertificateError::{Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext};
    let (seen, fix) = match refused(error)? {
        Expired | ExpiredContext { .. } => (told!("it has expired", "已过期"), renew()),
        NotValidYet | NotValidYetContext { .. } => (told!("it is not valid yet", "尚未生效"),
            told!("check the clocks of this machine and of whoever made it", "请检查本机与签发方的时钟")),
        NotValidForName | NotValidForNameContext { .. } => (told!("it is for another name", "不适用于此域名"),
            told!("get one that covers the host of PUBLIC_URL", "请申请覆盖 PUBLIC_URL 主机名的证书")),
        _ => (told!("nobody who is trusted here has signed it, or its chain is not complete", "签发者不受信任，或证书链不完整"),
            told!("get one from an authority that phones trust, and have the whole chain sent", "请使用手机信任的机构签发的证书，并发送完整证书链")),
    };
    Some(Finding::fail("certificate", seen, fix))
}

/// Whether the certificate is valid for two more weeks: makes a TLS handshake with a clock that is two weeks ahead.
#[rustfmt::skip]
pub async fn check_expiry(public_url: &str) -> Finding {
    const AHEAD: Duration = Duration::from_secs(14 * 24 * 60 * 60);
    #[derive(Debug)]
    struct Later;
    impl TimeProvider for Later {
        fn current_time(&self) -> Option<UnixTime> {
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok().map(|now| UnixTime::since_unix_epoch(now + AHEAD))
        }
    }
    if !public_url.starts_with("https:") {
        return Finding::unknown("certificate", told!("PUBLIC_URL is plain http", "PUBLIC_URL 是明文 http"));
    }
    let client = || {
        let mut config = ClientConfig::with_platform_verifier().ok()?;
        config.time_provider = Arc::new(Later);
        asking::client().tls_backend_preconfigured(config).build().ok()
    };
    let answer = async { Some(client()?.get(format!("{public_url}/healthz")).send().await) };
    match answer.await {
        Some(Ok(_)) => Finding::pass("certificate",
            told!("it is for PUBLIC_URL, and good for 14 days at least", "适用于 PUBLIC_URL，且至少 14 天内有效")),
        Some(Err(error)) if refused(&error).is_some() =>
            Finding::warn("certificate", told!("it expires within 14 days", "将在 14 天内过期"), renew()),
        _ => Finding::unknown("certificate",
            told!("it is for PUBLIC_URL; for how long was not seen", "适用于 PUBLIC_URL；未能得知有效期")),
    }
}

fn refused(error: &reqwest::Error) -> Option<CertificateError> {
    causes(error).find_map(|cause| match cause.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(why) => Some(why.clone()),
        _ => None,
    })
}

fn renew() -> Told {
    told!("renew it, and see why that does not happen by itself", "请更新证书，并检查为何没有自动更新")
}
