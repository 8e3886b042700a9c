//! What the values of settings may be. What is wrong with one is said without repeating it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

use crate::dingtalk::{Digest, InvalidOrigin, Origin};

pub fn site(text: String) -> Result<&'static str, &'static str> {
    match text.as_str() {
        "io" => Ok("io"),
        "com" => Ok("com"),
        _ => Err("it is neither io nor com"),
    }
}

pub fn digest(text: String) -> Result<Digest, &'static str> {
    match text.as_str() {
        "sha1" => Ok(Digest::Sha1),
        "sha256" => Ok(Digest::Sha256),
        _ => Err("it is neither sha1 nor sha256"),
    }
}

pub fn truth(text: String) -> Result<bool, &'static str> {
    match text.as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("it is neither true nor false"),
    }
}

pub fn duration(text: String) -> Result<Duration, &'static str> {
    match humantime::parse_duration(&text) {
        Ok(length) if length < Duration::from_secs(1) => Err("it is shorter than a second"),
        Ok(length) if length > Duration::from_secs(30 * 24 * 60 * 60) => Err("it is longer than 30 days"),
        Ok(length) => Ok(length),
        Err(_) => Err("it is not a length of time such as 30m or 8h"),
    }
}

pub fn metrics_addr(text: String) -> Result<Option<SocketAddr>, &'static str> {
    match text.parse::<SocketAddr>() {
        _ if text.is_empty() => Ok(None),
        Ok(address) if address.ip().is_loopback() => Ok(Some(address)),
        Ok(_) => Err("it is not on loopback, and anybody could read it"),
        Err(_) => Err("it is not an address and port such as 127.0.0.1:9464"),
    }
}

pub fn proxies(text: String) -> Result<Vec<IpNet>, &'static str> {
    let networks = text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(|part| {
        let network = part.parse::<IpNet>().or_else(|_| part.parse::<IpAddr>().map(IpNet::from));
        match network.map_err(|_| "it is not a list of networks such as 10.0.0.0/8")? {
            IpNet::V4(v4) if v4.prefix_len() < 8 => Err("it trusts more than any network of one's own has"),
            IpNet::V6(v6) if v6.prefix_len() < 16 && !v6.network().is_unique_local() => {
                Err("it trusts more than any network of one's own has")
            }
            network => Ok(network),
        }
    });
    networks.collect()
}

/// Whether `url` can only be reached from this machine, where nobody else listens in.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

pub fn secure_url(text: String) -> Result<Url, &'static str> {
    let url = Url::parse(&text).map_err(|_| "it is not a URL")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it carries a user name or password");
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err("it is not https"),
    }
}

pub fn base_url(text: String) -> Result<Url, &'static str> {
    let url = secure_url(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it has more than scheme, host, port and path");
    }
    Ok(url)
}

pub fn public_url(text: String) -> Result<Origin, &'static str> {
    if text.contains(['*', ',', ';', '\'']) {
        return Err("its host is no name of a host");
    }
    secure_url(text.clone())?;
    Origin::parse(&text).map_err(|invalid| match invalid {
        InvalidOrigin::TooLong => "its host is longer than any name of a host",
        InvalidOrigin::NotHttp => "it is not an https address",
        InvalidOrigin::TooMuch => "it has more than scheme, host and port",
        InvalidOrigin::NotSerialised => "it is not written as browsers write it: lower case, without the default port",
    })
}
