//! The certificate that this server shows when it speaks TLS itself: read again when its files change, without dropping a connection.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};

/// How often the files are looked at.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// Inode, size and time of change of both files.
type Stamp = [Option<[i64; 4]>; 2];

/// Where TLS_CERT and TLS_KEY point to. Both are PEM; the first holds the chain, the server's own certificate first.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// TLS_CERT
    pub certificate: PathBuf,
    /// TLS_KEY
    pub key: PathBuf,
}

/// Why the certificate and the key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UnusableTls {
    /// The file of this setting cannot be read.
    #[error("it is not a readable PEM file: {1}")]
    Unreadable(&'static str, io::ErrorKind),
    /// TLS_CERT is no chain of certificates.
    #[error("it is not a readable PEM file with certificates")]
    Certificate,
    /// TLS_KEY is no private key.
    #[error("it is not a readable PEM file with a private key that has no passphrase")]
    Key,
    /// TLS_KEY is a private key of a kind that cannot sign here.
    #[error("its key is none of RSA with 2048 to 4096 bits, ECDSA on P-256 or P-384, and Ed25519")]
    KindOfKey,
    /// They do not belong together.
    #[error("it is not the key of the certificate in TLS_CERT")]
    Pair,
}

impl UnusableTls {
    /// The setting that is to blame.
    pub fn setting(&self) -> &'static str {
        match self {
            Self::Unreadable(setting, _) => setting,
            Self::Certificate => "TLS_CERT",
            Self::Key | Self::KindOfKey | Self::Pair => "TLS_KEY",
        }
    }
}

impl TlsFiles {
    /// How handshakes are made now. The files are read again when they change, as long as somebody holds what this returns.
    pub fn serve(self) -> Result<Arc<ArcSwap<ServerConfig>>, UnusableTls> {
        // The stamp is taken before the files are read: a change meanwhile is noticed later.
        let seen = self.stamp();
        let config = Arc::new(ArcSwap::from_pointee(self.read()?));
        tokio::spawn(follow(self, seen, Arc::downgrade(&config)));
        Ok(config)
    }

    /// TLS 1.2 and 1.3 with what the files hold now.
    pub fn read(&self) -> Result<ServerConfig, UnusableTls> {
        let file = |setting, path: &Path| std::fs::read(path).map_err(|error| UnusableTls::Unreadable(setting, error.kind()));
        let (chain, key) = (file("TLS_CERT", &self.certificate)?, file("TLS_KEY", &self.key)?);
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&chain).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or(UnusableTls::Certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| UnusableTls::Key)?;
        // The provider that calls to DingTalk use too: two in one process would make rustls panic.
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider())).with_protocol_versions(&[&TLS13, &TLS12]);
        let config = config.and_then(|config| config.with_no_client_auth().with_single_cert(chain, key));
        let mut config = config.map_err(|error| match error {
            rustls::Error::InvalidCertificate(_) => UnusableTls::Certificate,
            rustls::Error::InconsistentKeys(_) => UnusableTls::Pair,
            _ => UnusableTls::KindOfKey,
        })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Changes when one of the files does, also when it is replaced by another, as certificate tools do.
    fn stamp(&self) -> Stamp {
        [&self.certificate, &self.key].map(|file| {
            let meta = std::fs::metadata(file).ok()?;
            Some([meta.ino() as i64, meta.size() as i64, meta.ctime(), meta.ctime_nsec()])
        })
    }
}

/// Reads `files` again when they are not as last `seen`, and has handshakes use them. Ends when nobody uses `config` any more.
async fn follow(files: TlsFiles, mut seen: Stamp, config: Weak<ArcSwap<ServerConfig>>) {
    loop {
        tokio::time::sleep(BETWEEN_LOOKS).await;
        let (looked_at, before) = (files.clone(), seen);
        let look = move || {
            let now = looked_at.stamp();
            (now, (now != before).then(|| looked_at.read()))
        };
        let (Some(config), Ok((now, read))) = (config.upgrade(), tokio::task::spawn_blocking(look).await) else {
            return;
        };
        seen = now;
        match read {
            None => {}
            Some(Ok(renewed)) => {
                config.store(Arc::new(renewed));
                tracing::info!("using the new certificate");
            }
            // Perhaps only one of the two files was replaced so far. When the other one is, it is tried again.
            Some(Err(error)) => {
                tracing::warn!(setting = error.setting(), %error, "the new certificate cannot be used: going on with the one before");
            }
        }
    }
}
