//! What the values of settings may be. The errors do not repeat the value, which may be secret.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::dingtalk::{AgentId, Origin, is_loopback};

/// Parses an identifier or a secret that was copied from DingTalk's console. An error names what was copied along with it, such as quotes
/// or blanks, which would count as part of the value.
pub fn copied<T, E: Display>(parse: impl FnOnce(String) -> Result<T, E>) -> impl FnOnce(String) -> Result<T, String> {
    |text| match copied_extra(&text) {
        Some(wrong) => Err(wrong.to_owned()),
        None => parse(text).map_err(|wrong| wrong.to_string()),
    }
}

fn copied_extra(text: &str) -> Option<&'static str> {
    let ends = |with: &[char]| text.starts_with(with) || text.ends_with(with);
    if ends(&['"', '\'', '`', '“', '”', '‘', '’', '「', '」']) {
        Some("this has the quotes of your env file around it")
    } else if ends(&['<', '>', '{', '}', '[', ']', '$', '%', '…', '*']) || is_placeholder(text) {
        Some("this is a placeholder, not the value")
    } else if names_itself(text) {
        Some("this has the name of the value in front of it")
    } else if text.contains(char::is_whitespace) {
        Some("this has blanks in it")
    } else if ends(&[',', ';', ':', '.', '，', '；', '：', '。', '、', '(', ')', '（', '）', '|', '\\', '#']) {
        Some("this has punctuation around it")
    } else {
        None
    }
}

fn is_placeholder(text: &str) -> bool {
    const NOTHING: [&str; 9] = ["todo", "tbd", "none", "null", "nil", "undefined", "placeholder", "secret", "..."];
    let text = text.to_ascii_lowercase();
    text.bytes().all(|byte| b"x-_".contains(&byte))
        || NOTHING.contains(&text.as_str())
        || ["your", "change", "replace", "example", "insert"].iter().any(|word| text.starts_with(word))
}

/// Whether a value was copied together with its name: `Client ID: ding…`, `DINGTALK_CLIENT_ID=ding…`.
fn names_itself(text: &str) -> bool {
    let Some((name, _)) = text.split_once(['=', ':', '：']) else { return false };
    let name = name.trim().to_ascii_lowercase();
    name.starts_with("dingtalk_") || ["id", "key", "secret"].iter().any(|last| name.ends_with(last))
}

/// Whether a text begins as Client IDs do: those of internal, third-party and custom apps.
pub fn begins_as_client_id(text: &str) -> bool {
    ["ding", "suite", "custom"].iter().any(|beginning| text.starts_with(beginning))
}

/// Whether a text is as long as Client Secrets are, and does not begin as Client IDs do, which are half as long.
pub fn looks_like_secret(text: &str) -> bool {
    text.len() >= 40 && !begins_as_client_id(text)
}

pub fn agent_id(text: String) -> Result<AgentId, &'static str> {
    AgentId::parse(text).map_err(|_| "this is not an AgentId, which is a number")
}

pub fn event_token(text: &SecretString) -> Result<SecretString, &'static str> {
    let is_token = |text: &str| (3..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_token(text.expose_secret()) { Ok(text.clone()) } else { Err("it is not 3 to 32 letters and digits") }
}

pub fn per_second(text: String) -> Result<NonZeroU32, &'static str> {
    let number = text.parse().ok().filter(|number: &NonZeroU32| number.get() <= 100_000);
    number.ok_or("it is not a number from 1 to 100000")
}

/// One of a few words, each of which stands for a value.
pub fn one_of<T, const N: usize>(words: [(&'static str, T); N]) -> impl FnOnce(String) -> Result<T, String> {
    move |text| {
        let none = match words.each_ref().map(|(word, _)| *word).as_slice() {
            [one, other] => format!("it is neither {one} nor {other}"),
            all => format!("it is none of {}", all.join(", ")),
        };
        let meant = words.into_iter().find(|(word, _)| *word == text);
        meant.map(|(_, value)| value).ok_or(none)
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

pub fn address(text: String) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "it is not an address and port such as 127.0.0.1:8080")
}

pub fn loopback(text: String) -> Result<SocketAddr, &'static str> {
    let address = address(text)?;
    if !address.ip().is_loopback() {
        return Err("it is not on loopback, and anybody could read it");
    }
    Ok(address)
}

pub fn proxies(text: String) -> Result<Vec<IpNet>, &'static str> {
    let networks = text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(|part| {
        let network = part.parse::<IpNet>().or_else(|_| part.parse::<IpAddr>().map(IpNet::from));
        let network = unwrapped(network.map_err(|_| "it is not a list of networks such as 10.0.0.0/8")?);
        let is_of_others = match network {
            IpNet::V4(v4) => v4.prefix_len() < 8,
            IpNet::V6(v6) => v6.prefix_len() < 16 && !v6.network().is_unique_local(),
        };
        if is_of_others { Err("it has a network larger than any of your own can be") } else { Ok(network) }
    });
    networks.collect()
}

/// The IPv4 network in an IPv4-mapped IPv6 network, which is how a server that listens on both sees it; any other network unchanged.
fn unwrapped(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else { return network };
    let inner = v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96));
    inner.and_then(|(address, length)| Ipv4Net::new(address, length).ok()).map_or(network, IpNet::V4)
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
        return Err("its host has a character that no host name has");
    }
    secure_url(text.clone())?;
    Origin::parse(&text)
}
