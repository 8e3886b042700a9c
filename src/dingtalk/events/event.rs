//! What happened, whichever way it was told.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::super::answer::text;
use super::super::{AgentId, CorpId, SuiteTicket, UserId};

/// Something that happened. It may be told again, and later than what happened after it.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The same whenever it is told.
    pub id: [u8; 16],
    /// When it happened, in Unix milliseconds, if that is told.
    pub at: Option<u64>,
    /// What happened.
    pub what: Happening,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Happening {
    /// A new suite ticket, which is the end of the one before.
    SuiteTicket(SuiteTicket),
    /// An organisation has authorised the app.
    Authorised(CorpId, Option<AgentId>),
    /// It has changed what the app may see.
    AuthorisationChanged(CorpId, Option<AgentId>),
    /// It has the app no longer.
    Relieved(CorpId),
    /// Its administrator has stopped the app, or removed it.
    Stopped(CorpId, Option<AgentId>),
    /// Its administrator has the app run again.
    Restored(CorpId, Option<AgentId>),
    /// People have left it.
    Left(CorpId, Vec<UserId>),
    /// It is no more.
    Dissolved(CorpId),
    /// Whether anybody listens at this address; the answer is this word, if there is one, instead of "success".
    UrlChecked(Option<String>),
    /// Nothing that matters here, or nothing that can be read.
    Other,
}

impl Event {
    /// `told` is what makes it this event and no other.
    pub fn new(told: &[&str], at: Option<u64>, what: Happening) -> Self {
        let mut id = [0; 16];
        id.copy_from_slice(&Sha256::digest(told.join("\n"))[..16]);
        Self { id, at, what }
    }
}

impl Happening {
    /// What it is called in metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::SuiteTicket(_) => "suite_ticket",
            Self::Authorised(..) => "authorised",
            Self::AuthorisationChanged(..) => "authorisation_changed",
            Self::Relieved(_) => "relieved",
            Self::Stopped(..) => "stopped",
            Self::Restored(..) => "restored",
            Self::Left(..) => "left",
            Self::Dissolved(_) => "dissolved",
            Self::UrlChecked(_) => "url_checked",
            Self::Other => "other",
        }
    }

    /// What `name` tells of an organisation with `data`, whose members are spelt in one of three ways. `subject` is whom it is about, where
    /// that stands beside the data.
    pub(super) fn read(name: &str, corp_id: &str, subject: &str, data: &Value) -> Self {
        Self::known(name, corp_id, subject, data).unwrap_or_else(|| {
            tracing::debug!(name = name.chars().take(40).collect::<String>(), "an event that means nothing here");
            Self::Other
        })
    }

    fn known(name: &str, corp_id: &str, subject: &str, data: &Value) -> Option<Self> {
        let corp = || CorpId::parse(corp_id).ok();
        Some(match name {
            "suite_ticket" => {
                Self::SuiteTicket(member(data, &["suiteTicket", "SuiteTicket"]).and_then(|t| SuiteTicket::parse(t).ok())?)
            }
            "org_suite_auth" | "tmp_auth_code" => Self::Authorised(corp()?, authorised_agent(data)),
            "org_suite_change" | "change_auth" => Self::AuthorisationChanged(corp()?, authorised_agent(data)),
            "org_suite_relieve" | "suite_relieve" => Self::Relieved(corp()?),
            "org_micro_app_stop" | "org_micro_app_remove" => Self::Stopped(corp()?, agent(data)),
            "org_micro_app_restore" => Self::Restored(corp()?, agent(data)),
            "user_leave_org" => Self::Left(corp()?, people(subject, data)?),
            "org_remove" => Self::Dissolved(corp()?),
            "check_url" => Self::UrlChecked(None),
            "check_create_suite_url" | "check_update_suite_url" => Self::UrlChecked(member(data, &["Random"])),
            _ => return None,
        })
    }
}

/// The first member of these names that is a text or a number.
pub(super) fn member(data: &Value, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| text(&data[*name]).filter(|text| !text.is_empty()))
}

/// The data of an event, which may be JSON within JSON.
pub(super) fn unfolded(data: &Value) -> Value {
    match data {
        Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
        data => data.clone(),
    }
}

fn agent(data: &Value) -> Option<AgentId> {
    member(data, &["agentId", "AgentId", "agentid", "agent_id"]).and_then(|agent| AgentId::parse(agent).ok())
}

/// What an organisation that has authorised the app calls it. Of an app with several micro-apps, the first is ours.
pub(in super::super) fn authorised_agent(data: &Value) -> Option<AgentId> {
    let info = ["auth_info", "authInfo"].iter().find_map(|name| data.get(name))?;
    agent(info["agent"].get(0)?)
}

/// A list, or one, or nobody but the subject.
fn people(subject: &str, data: &Value) -> Option<Vec<UserId>> {
    let told = ["userId", "UserId", "userid", "userIds"].iter().find_map(|name| data.get(name));
    let people: Vec<_> = match told {
        Some(Value::Array(people)) => people.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(person)) => vec![person.as_str()],
        _ => vec![subject],
    };
    let people: Vec<_> = people.into_iter().filter_map(|person| UserId::parse(person).ok()).collect();
    (!people.is_empty()).then_some(people)
}
