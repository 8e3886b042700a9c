//! The certificate that this server shows when it speaks TLS itself: read again when its files change, without dropping a connection.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};

use crate::dingtalk::Clock;

/// Inode, size and time of change of both files.
type Stamp = [Option<[i64; 4]>; 2];

/// Where TLS_CERT and TLS_KEY point to. Both are PEM; the first holds the chain, the server's own certificate first.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    certificate: PathBuf,
    key: PathBuf,
}

/// Why two files cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum UnusableTls {
    /// TLS_CERT is no chain of certificates.
    #[error("it is not a readable PEM file with certificates")]
    Certificate,
    /// TLS_KEY is no private key.
    #[error("it is not a readable PEM file with a private key")]
    Key,
    /// They do not belong together.
    #[error("it is not the key of the certificate in TLS_CERT")]
    Pair,
}

impl UnusableTls {
    /// The setting that is to blame.
    pub fn setting(&self) -> &'static str {
        match self {
            Self::Certificate => "TLS_CERT",
            Self::Key | Self::Pair => "TLS_KEY",
        }
    }
}

impl TlsFiles {
    /// Takes two files that can be shown.
    pub fn check(certificate: PathBuf, key: PathBuf) -> Result<Self, UnusableTls> {
        let files = Self { certificate, key };
        files.read()?;
        Ok(files)
    }

    /// TLS 1.2 and 1.3 with what the files hold now and later. `clock` says when to look at them again.
    pub fn server_config(self, clock: Clock) -> Result<ServerConfig, anyhow::Error> {
        // Looked at first: what changes while it is read will be seen then.
        let stamp = self.stamp();
        let shown = Shown {
            certified: ArcSwap::new(Arc::new(self.read()?)),
            looked: Mutex::new((clock.now(), stamp)),
            files: self,
            clock,
        };
        Ok(ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13, &TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(shown)))
    }

    fn read(&self) -> Result<CertifiedKey, UnusableTls> {
        let chain: Vec<_> = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect)
            .map_err(|_| UnusableTls::Certificate)?;
        if chain.is_empty() {
            return Err(UnusableTls::Certificate);
        }
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|_| UnusableTls::Key)?;
        CertifiedKey::from_der(chain, key, &provider()).map_err(|_| UnusableTls::Pair)
    }

    /// Changes when one of the files does, also when it is replaced by another, as certificate tools do.
    fn stamp(&self) -> Stamp {
        [&self.certificate, &self.key].map(|file| {
            let meta = std::fs::metadata(file).ok()?;
            Some([meta.ino() as i64, meta.size() as i64, meta.ctime(), meta.ctime_nsec()])
        })
    }
}

/// The provider that calls to DingTalk use too: two in one process would make rustls panic.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

struct Shown {
    files: TlsFiles,
    certified: ArcSwap<CertifiedKey>,
    looked: Mutex<(Instant, Stamp)>,
    clock: Clock,
}

impl Shown {
    /// However many handshakes there are, the files are looked at once in this time.
    const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

    fn look_again(&self) {
        let now = self.clock.now();
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if now < looked.0 + Self::BETWEEN_LOOKS {
            return;
        }
        let stamp = self.files.stamp();
        let changed = stamp != looked.1;
        *looked = (now, stamp);
        if changed {
            match self.files.read() {
                Ok(certified) => {
                    self.certified.store(Arc::new(certified));
                    tracing::info!("showing the new certificate");
                }
                // Half of a pair may have been replaced so far; the other half will be a change too.
                Err(error) => {
                    tracing::warn!(setting = error.setting(), %error, "the new certificate cannot be shown: going on with the one before")
                }
            }
        }
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.look_again();
        Some(self.certified.load_full())
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").field("files", &self.files).finish_non_exhaustive()
    }
}
