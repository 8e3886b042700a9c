//! What an app may do at an organisation. Everything, until the console takes something away.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::upstream::is_scope;

/// The restrictions of an app at an organisation; none by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Grants {
    /// Permission points that the app lacks.
    pub without: BTreeSet<String>,
    /// The userIds in its visible range; everybody, if there is no list.
    pub visible: Option<BTreeSet<String>>,
    /// The IP addresses that its calls may come from; any, if there is no list. One star stands for any text.
    pub ips: Option<Vec<String>>,
    /// The hosts of pages that are given an authCode; any, if there is no list.
    pub domains: Option<Vec<String>>,
}

impl Grants {
    /// What is wrong with these grants, if anything is.
    pub fn objection(&self) -> Option<String> {
        let unknown = self.without.iter().find(|scope| !is_scope(scope))?;
        Some(format!("no API and no field here has the permission {unknown}"))
    }

    pub fn has(&self, scope: &str) -> bool {
        !self.without.contains(scope)
    }

    pub fn sees(&self, user_id: &str) -> bool {
        self.visible.as_ref().is_none_or(|visible| visible.contains(user_id))
    }

    pub fn lets_in(&self, ip: &str) -> bool {
        let fits = |pattern: &String| match pattern.split_once('*') {
            Some((before, after)) => ip.len() >= before.len() + after.len() && ip.starts_with(before) && ip.ends_with(after),
            None => pattern == ip,
        };
        self.ips.as_ref().is_none_or(|ips| ips.iter().any(fits))
    }

    pub fn trusts(&self, host: &str) -> bool {
        self.domains.as_ref().is_none_or(|domains| domains.iter().any(|domain| domain == host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_star_stands_for_any_text_in_an_address() {
        let grants = |pattern: &str| Grants { ips: Some(vec![pattern.to_owned()]), ..Grants::default() };
        assert!(Grants::default().lets_in("10.0.0.1"));
        assert!(grants("10.0.*").lets_in("10.0.0.1") && grants("*.1").lets_in("10.0.0.1"));
        assert!(!grants("10.0.0.1").lets_in("10.0.0.10") && !grants("10.0.*.10").lets_in("10.0.10"));
    }
}
