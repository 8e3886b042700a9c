//! The registered apps, and the organisations that have them.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Grants;

/// Who develops an app, and who uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An organisation's own app.
    Internal,
    /// An organisation's own app that a provider develops.
    Custom,
    /// An app that any organisation may authorise.
    ThirdParty,
}

/// An app as the developer console shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Registered {
    pub kind: Kind,
    /// AppKey, CustomKey or SuiteKey.
    pub client_id: String,
    /// AppSecret, CustomSecret or SuiteSecret.
    pub client_secret: String,
    pub name: String,
    /// Signs the events that are pushed over HTTP.
    #[serde(default)]
    pub callback_token: String,
    /// Encrypts them: 43 letters and digits.
    #[serde(default)]
    pub callback_aes_key: String,
    /// The organisations that can have the app, by corpId.
    pub installations: BTreeMap<String, Installation>,
}

/// An app at one organisation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Installation {
    /// Identifies the app there for `dd.config`.
    pub agent_id: String,
    #[serde(default)]
    pub standing: Standing,
    #[serde(default, skip_serializing_if = "is_everything")]
    pub grants: Grants,
}

/// The status of an app at an organisation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Its people use it.
    #[default]
    Active,
    /// The organisation has it, and its administrator has stopped it.
    Stopped,
    /// The organisation never authorised it, or does not any more.
    Absent,
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "internal" => Ok(Self::Internal),
            "custom" => Ok(Self::Custom),
            "third-party" => Ok(Self::ThirdParty),
            _ => Err(format!("{name} is no kind of app: internal, custom or third-party")),
        }
    }
}

fn is_everything(grants: &Grants) -> bool {
    *grants == Grants::default()
}

impl Registered {
    /// The app at an organisation that has it, stopped or not.
    pub fn at(&self, corp_id: &str) -> Option<&Installation> {
        self.installations.get(corp_id).filter(|installation| installation.standing != Standing::Absent)
    }

    /// Whether people of an organisation can open it.
    pub fn is_open_at(&self, corp_id: &str) -> bool {
        self.at(corp_id).is_some_and(|installation| installation.standing == Standing::Active)
    }

    /// The corpId of the organisation that an internal or custom app belongs to.
    pub fn home(&self) -> Option<&str> {
        match self.kind {
            Kind::Internal | Kind::Custom => self.installations.keys().next().map(String::as_str),
            Kind::ThirdParty => None,
        }
    }

    pub fn has_secret(&self, secret: &str) -> bool {
        self.client_secret == secret
    }
}
