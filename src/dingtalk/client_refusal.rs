//! Why a client refused a signature. DingTalk's refusal (code 52013) echoes the address and the tickets that the client used, so the
//! part that differs from what was signed can be named.

use url::Url;

use super::signature::{SignedPage, behind_origin, decoded};
use super::words::{self, Part};
use super::{AgentId, CorpId};

/// What `dd.error` said on a page. None of it is to be trusted: the page passes it on.
#[derive(Debug, Clone)]
pub struct ClientRefusal {
    /// The client's code; 3 stands for every failed verification.
    pub code: String,
    /// The client's text, as it came. It may hold tickets.
    pub text: String,
    /// The page's `location.href`.
    pub href: String,
}

impl ClientRefusal {
    /// The parts that explain the refusal of `signed`. When the address is the same and the client did not show its tickets, both the
    /// digest and the ticket may be to blame. Empty when the client did not say enough: see [`ClientRefusal::possible`].
    pub fn explain(&self, signed: &SignedPage) -> Vec<Part> {
        let code = self.platform_code();
        match code.as_deref() {
            Some("52010") => return vec![Part::CORP],
            Some("52019" | "52021") => return vec![Part::AGENT],
            Some("52011") => return vec![Part::TICKET_AGE],
            _ => {}
        }
        let timestamp = signed.timestamp.to_string();
        let passed_on = [(Part::NONCE, "nonce", signed.nonce_str.0.as_str()), (Part::TIME_STAMP, "timestamp", &timestamp)];
        let is_another = |name, ours| self.quoted(name).is_some_and(|used| shown(ours, used) == Shown::Another);
        let changed = passed_on.into_iter().filter(|(_, name, ours)| is_another(name, ours));
        let changed: Vec<_> = changed.map(|(part, ..)| part).collect();
        if !changed.is_empty() {
            return changed;
        }
        let page = self.href.split('#').next().unwrap_or_default();
        let parts = differences(signed.url.as_str(), self.quoted("url").unwrap_or(page));
        // Where the client's address is cut off, what is not seen of it may be to blame as well.
        let is_whole = self.quoted("url").map_or(!self.is_cut(), |used| shown(signed.url.as_str(), used) == Shown::Whole);
        if !parts.is_empty() || !is_whole {
            return parts;
        }
        match self.quoted("ticketList").and_then(|tickets| Some((tickets, lists_ticket(tickets, signed)?))) {
            Some((_, true)) => vec![Part::DIGEST],
            Some((tickets, false)) if !(self.is_cut() && self.text.ends_with(tickets)) => vec![Part::TICKET_AGE],
            _ if code.as_deref() == Some("52013") => vec![Part::DIGEST, Part::TICKET_AGE],
            _ => Vec::new(),
        }
    }

    /// Whether the page has sent the beginning of the client's text only.
    fn is_cut(&self) -> bool {
        self.text.ends_with('…')
    }

    /// For a refusal that [`ClientRefusal::explain`] finds no part for: what the client said, and the causes that are still possible for
    /// `signed`, the likeliest first.
    pub fn possible(&self, signed: &SignedPage, agent_id: &AgentId, corp_id: &CorpId) -> String {
        let code = self.platform_code();
        let is_known = self.quoted("url").is_some_and(|used| shown(signed.url.as_str(), used) == Shown::Whole);
        let origin = (!is_known).then(|| signed.url.origin());
        words::possible(code.as_deref(), self.code.trim(), origin, agent_id, corp_id)
    }

    /// The platform's code: `Code:52013` in the text, or the code itself, or any such number in the client's own words.
    fn platform_code(&self) -> Option<String> {
        // Quoted fields and addresses are left out: they may contain any number.
        let mut fields = self.text.split(":[");
        let before = fields.next().unwrap_or_default();
        let own = std::iter::once(before).chain(fields.map(|field| field.rsplit_once(']').map_or("", |(_, after)| after)));
        let own: Vec<_> = own.flat_map(str::split_whitespace).filter_map(|word| word.split("http").next()).collect();
        let own = own.join(" ").to_ascii_lowercase();
        let is_code = |number: &&str| number.len() == 5 && number.starts_with("52");
        let numbers = |text: &'_ str| text.split(|c: char| !c.is_ascii_digit()).find(is_code).map(str::to_owned);
        let named = own.split("code").skip(1).find_map(|rest| {
            let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || ":：=\"'".contains(c));
            rest.split(|c: char| !c.is_ascii_digit()).next().filter(is_code)
        });
        named.map(str::to_owned).or_else(|| numbers(&self.code)).or_else(|| numbers(&own))
    }

    /// The value in `name:[…]`. It may contain brackets itself, as addresses do, so it ends before the next field, or at the last
    /// bracket. In a text that was cut, the end may be missing, or look like a bracket of the value: then the rest of the text is
    /// returned.
    fn quoted(&self, name: &str) -> Option<&str> {
        const FIELDS: [&str; 10] =
            ["nonce", "nonceStr", "timestamp", "timeStamp", "url", "ticketList", "ticket", "signature", "agentId", "corpId"];
        let begins = format!("{name}:[");
        // Not as the end of another name.
        let is_whole = |at: usize| !self.text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let (at, _) = self.text.match_indices(&begins).find(|(at, _)| is_whole(*at))?;
        let rest = &self.text[at + begins.len()..];
        let next = FIELDS
            .iter()
            .flat_map(|field| [",", ", ", "，", ";", "; ", " "].map(|comma| rest.find(&format!("]{comma}{field}:["))));
        let end = next.flatten().min().or_else(|| rest.rfind(']').filter(|_| !self.is_cut()));
        Some(end.map_or(rest, |end| &rest[..end]).trim())
    }
}

/// How much of a value of ours the client has shown.
#[derive(Debug, PartialEq, Eq)]
enum Shown {
    Whole,
    Beginning,
    /// It is another value than ours.
    Another,
}

/// How much of `ours` is shown by `used`. The client may shorten it, and in a text that was cut it may run on into what follows it.
fn shown(ours: &str, used: &str) -> Shown {
    match used.strip_suffix('…').or(used.strip_suffix("...")) {
        None if used == ours => Shown::Whole,
        Some(head) if head.strip_prefix(ours).is_some_and(|behind| behind.starts_with(']')) => Shown::Whole,
        Some(head) if ours.starts_with(head) => Shown::Beginning,
        _ => Shown::Another,
    }
}

/// Whether the client's list contains the ticket that was signed with; None if that cannot be seen: long tickets are shown shortened, or
/// mostly as asterisks.
fn lists_ticket(tickets: &str, signed: &SignedPage) -> Option<bool> {
    const RECOGNISABLE: usize = 4;
    let heads = tickets.split([',', ']']).map(|ticket| ticket.trim().split(['…', '*']).next().unwrap_or_default());
    let heads = heads.map(|head| head.trim_end_matches('.')).filter(|head| head.len() >= RECOGNISABLE);
    heads.map(|head| signed.ticket.expose().starts_with(head)).max()
}

fn differences(signed: &str, used: &str) -> Vec<Part> {
    if shown(signed, used) != Shown::Another {
        return Vec::new();
    }
    // What is cut off is taken for ours.
    let used = match (behind_origin(signed), behind_origin(used)) {
        (Some(ours), Some(theirs)) if shown(&signed[ours..], &used[theirs..]) != Shown::Another => {
            [&used[..theirs], &signed[ours..]].concat()
        }
        // It was cut within the host: nothing can be compared.
        (_, None) if used.ends_with('…') => return Vec::new(),
        _ => used.to_owned(),
    };
    // What the client shows may be no address, such as `undefined`.
    let (Ok(ours), Ok(theirs)) = (Url::parse(signed), Url::parse(&used)) else { return Vec::new() };
    let query = |url: &str| match url.split_once('?') {
        None => url.ends_with('…').then(|| "…".to_owned()),
        Some((_, query)) => Some(query.to_owned()),
    };
    let plain = |query: &str| decoded(query).replace('+', " ");
    let (query, query_differs) = match (query(signed), query(&used)) {
        // The texts differ although every part is equal: one of them is written in another way.
        (one, other) if one == other => {
            let begins_alike = behind_origin(signed).is_some_and(|at| used.starts_with(&signed[..=at]));
            (if begins_alike { Part::DECODING } else { Part::SPELLING }, ours == theirs)
        }
        (Some(one), Some(other)) if shown(&one, &other) != Shown::Another => (Part::QUERY, false),
        (Some(one), Some(other)) if shown(&plain(&one), &plain(&other)) != Shown::Another => (Part::DECODING, true),
        _ => (Part::QUERY, true),
    };
    let parts = [
        (Part::SCHEME, ours.scheme() != theirs.scheme()),
        (Part::HOST, ours.host_str() != theirs.host_str()),
        (Part::PORT, ours.port() != theirs.port()),
        (Part::PATH, ours.path() != theirs.path()),
        (query, query_differs),
    ];
    parts.into_iter().filter_map(|(part, differs)| differs.then_some(part)).collect()
}

#[cfg(test)]
mod tests;
