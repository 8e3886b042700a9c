//! The proxy through which calls leave a network that lets nothing else out.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// An HTTP proxy that opens tunnels (CONNECT). What is called on this very machine, which alone is called without TLS, goes past it.
#[derive(Clone)]
pub struct Proxy {
    url: SecretString,
    host: String,
}

impl Proxy {
    /// Takes `http://host:port`, with a user name and a password before the host if the proxy asks for them.
    pub fn parse(text: &SecretString) -> Result<Self, &'static str> {
        let url = Url::parse(text.expose_secret()).ok().filter(|url| url.scheme() == "http");
        let url =
            url.ok_or("it is not http://host:port, or http://user:password@host:port with what is special in them encoded")?;
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err("it has more than user name, password, host and port");
        }
        let port = url.port_or_known_default().unwrap_or_default();
        let host = format!("{}:{port}", url.host_str().unwrap_or_default());
        Ok(Self { url: String::from(url).into(), host })
    }

    pub(super) fn tunnel(&self) -> Result<reqwest::Proxy, reqwest::Error> {
        reqwest::Proxy::https(self.url.expose_secret())
    }
}

/// Host and port.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_shown_without_its_password() {
        let parse = |text: &str| Proxy::parse(&text.into());
        let proxy = parse("http://user:canary@proxy.example:3128").unwrap();
        assert_eq!((proxy.to_string(), format!("{proxy:?}")), ("proxy.example:3128".into(), "Proxy(proxy.example:3128)".into()));
        assert_eq!(parse("http://10.0.0.1").unwrap().to_string(), "10.0.0.1:80");
        for wrong in
            ["proxy.example:3128", "socks5://proxy.example", "https://proxy.example", "http://", "http://a/b", "http://a?b"]
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
