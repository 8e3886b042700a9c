//! What is kept of one thing, and the tables that such things are in.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

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

/// All of them, as they were found.
#[derive(Default)]
pub(super) struct Found(HashMap<Table, Vec<Record>>);

impl Found {
    pub fn add(&mut self, record: Record) {
        self.0.entry(record.table).or_default().push(record);
    }

    /// Those of `table`, for whoever remembers them from now on.
    pub fn take(&mut self, table: Table) -> Vec<Record> {
        self.0.remove(&table).unwrap_or_default()
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

impl Key {
    pub fn of(table: Table, text: &str) -> Self {
        Self { table, text: text.to_owned() }
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        format!("{:?} {}", self.table, self.text).into_bytes()
    }
}
