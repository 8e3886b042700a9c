//! What is kept of one thing, and the tables that such things are in.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Lives;
use crate::dingtalk::Clock;
use crate::dingtalk::events::REMEMBERED;

/// What kind of thing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// AuthCodes that went out.
    Codes,
    /// States of logins that succeeded.
    LoginStates,
    /// Exchanges in which a login kept its order.
    Exchanges,
    /// Sessions that were ended, by their ids.
    EndedSessions,
    /// When all sessions of a person were ended.
    EndedPeople,
    /// When all sessions of an organisation were ended.
    EndedOrganisations,
    /// The one that counts.
    SuiteTicket,
    /// How the app stands with organisations.
    Organisations,
    /// Events that were heard.
    Events,
}

impl Table {
    /// What every process must know of. The others are taken, and known to whoever asks.
    pub(super) const FOLLOWED: [Self; 6] =
        [Self::EndedSessions, Self::EndedPeople, Self::EndedOrganisations, Self::SuiteTicket, Self::Organisations, Self::Events];

    /// Kept for good, since it is one thing or a few that change.
    pub(super) fn lasts(self) -> bool {
        matches!(self, Self::SuiteTicket | Self::Organisations)
    }

    /// For how long what is followed is remembered. No cookie that holds now holds longer than that, whatever clock wrote it: a copy of it
    /// may be used, and its idle time begin anew, where it is not known yet that its session was ended.
    pub(super) fn kept_for(self, lives: Lives) -> Duration {
        const ALWAYS: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
        match self {
            Self::EndedSessions | Self::EndedPeople | Self::EndedOrganisations => lives.lifetime + Clock::SKEW,
            Self::Events => REMEMBERED + Clock::SKEW,
            Self::SuiteTicket | Self::Organisations | Self::Codes | Self::LoginStates | Self::Exchanges => ALWAYS,
        }
    }
}

/// Which thing it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub table: Table,
    /// JSON, which is the same for the same thing.
    pub text: String,
}

/// What is kept of it, key and value as JSON. The names are short because there are many.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    #[serde(rename = "t")]
    pub table: Table,
    #[serde(rename = "k")]
    pub key: String,
    #[serde(rename = "v")]
    pub value: String,
    /// Unix milliseconds.
    #[serde(rename = "u")]
    pub until: u64,
}

/// As it is kept. What we keep are numbers, texts and lists of them, which all have a form in JSON.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl Record {
    /// Which thing it is of.
    pub fn name(&self) -> Key {
        Key { table: self.table, text: self.key.clone() }
    }
}

impl Key {
    pub fn of(table: Table, thing: &impl Serialize) -> Self {
        Self { table, text: json(thing) }
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        format!("{:?} {}", self.table, self.text).into_bytes()
    }
}
