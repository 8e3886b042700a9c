//! A page's URL, cut into parts without changing a byte of them: a signature is over bytes, and any URL library would normalise.

use std::fmt;

/// `scheme://host[:port][/path][?query][#fragment]`, verbatim.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageUrl {
    pub scheme: String,
    pub host: String,
    pub port: Option<String>,
    pub path: String,
    pub query: Option<String>,
    pub fragment: Option<String>,
}

impl PageUrl {
    /// Cuts the address of a page; `None` unless it is one of http or https.
    pub fn parse(url: &str) -> Option<Self> {
        let (rest, fragment) = cut(url, '#');
        let (rest, query) = cut(rest, '?');
        let (scheme, rest) = rest.split_once("://")?;
        let path_start = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(path_start);
        let (host, port) = host_and_port(authority);
        let is_page = matches!(scheme, "http" | "https") && !host.is_empty();
        is_page.then(|| Self {
            scheme: scheme.to_owned(),
            host: host.to_owned(),
            port: port.map(str::to_owned),
            path: path.to_owned(),
            query: query.map(str::to_owned),
            fragment: fragment.map(str::to_owned),
        })
    }

    pub fn without_fragment(&self) -> Self {
        Self { fragment: None, ..self.clone() }
    }

    pub fn with_query(&self, query: Option<&str>) -> Self {
        Self { query: query.map(str::to_owned), ..self.clone() }
    }
}

impl fmt::Display for PageUrl {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}://{}", self.scheme, self.host)?;
        if let Some(port) = &self.port {
            write!(to, ":{port}")?;
        }
        to.write_str(&self.path)?;
        if let Some(query) = &self.query {
            write!(to, "?{query}")?;
        }
        if let Some(fragment) = &self.fragment {
            write!(to, "#{fragment}")?;
        }
        Ok(())
    }
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

fn host_and_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        // The colons inside the brackets of an IPv6 address do not start a port.
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_byte_is_changed() {
        for url in [
            "https://app.example.com",
            "https://app.example.com/",
            "http://127.0.0.1:8080/a/../b?q=%e4+%20中&&#/route?x=1",
            "https://App.Example.com:443/?",
            "http://[::1]:8080/x#",
            "http://[::1]/",
        ] {
            let parsed = PageUrl::parse(url).expect("a page URL");
            assert_eq!(parsed.to_string(), url);
        }
    }

    #[test]
    fn what_is_no_page_has_no_parts() {
        for url in ["", "about:blank", "ftp://a/", "https:///x", "/path"] {
            assert_eq!(PageUrl::parse(url), None);
        }
    }
}
