//! The events that are sent to an app, with their data as each transport writes it.

use serde_json::{Map, Value, json};

use crate::secret;
use crate::world::Millis;

/// An event for one app.
#[derive(Debug, Clone)]
pub struct Event {
    /// The same whenever it is pushed again.
    pub id: String,
    /// The same whenever it is pushed again, too; a later event has a greater number.
    pub number: u64,
    pub client_id: String,
    pub corp_id: String,
    pub born_at: Millis,
    pub happening: Happening,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Happening {
    SuiteTicket {
        ticket: String,
    },
    /// An organisation authorised the app; `authorisation` has the form of `get_auth_info`.
    Authorised {
        authorisation: Value,
        temporary_code: String,
    },
    /// The organisation gave the app another scope.
    ScopeChanged {
        authorisation: Value,
    },
    /// The organisation took the authorisation back.
    Relieved,
    Stopped {
        agent_id: String,
    },
    Restored {
        agent_id: String,
    },
    Removed {
        agent_id: String,
    },
    /// Somebody left the organisation.
    Left {
        user_id: String,
        union_id: String,
    },
    Joined {
        user_id: String,
        union_id: String,
    },
    /// The organisation was dissolved.
    Dissolved,
    /// DingTalk verifies the URL that it pushes events to.
    UrlChecked,
    /// What a test made up, sent as it was written.
    MadeUp {
        event_type: String,
        data: Map<String, Value>,
    },
}

impl Event {
    pub fn new(client_id: &str, corp_id: &str, born_at: Millis, happening: Happening) -> Self {
        let (client_id, corp_id) = (client_id.to_owned(), corp_id.to_owned());
        Self { id: secret::hex32(), number: born_at, client_id, corp_id, born_at, happening }
    }
}

impl Happening {
    /// `eventType` and `syncAction`.
    pub fn name(&self) -> &str {
        match self {
            Self::SuiteTicket { .. } => "suite_ticket",
            Self::Authorised { .. } => "org_suite_auth",
            Self::ScopeChanged { .. } => "org_suite_change",
            Self::Relieved => "org_suite_relieve",
            Self::Stopped { .. } => "org_micro_app_stop",
            Self::Restored { .. } => "org_micro_app_restore",
            Self::Removed { .. } => "org_micro_app_remove",
            Self::Left { .. } => "user_leave_org",
            Self::Joined { .. } => "user_add_org",
            Self::Dissolved => "org_remove",
            Self::UrlChecked => "check_url",
            Self::MadeUp { event_type, .. } => event_type,
        }
    }

    /// Its `biz_type` in the pushes for third-party apps.
    pub fn biz_type(&self) -> u8 {
        match self {
            Self::SuiteTicket { .. } => 2,
            Self::Authorised { .. } | Self::ScopeChanged { .. } | Self::Relieved => 4,
            Self::Stopped { .. } | Self::Restored { .. } | Self::Removed { .. } => 7,
            Self::Left { .. } | Self::Joined { .. } => 13,
            Self::Dissolved | Self::UrlChecked => 16,
            Self::MadeUp { .. } => 0,
        }
    }

    /// Whether it is about a suite ticket, an authorisation or the state of the app. Those come in pushes of high priority.
    pub fn is_urgent(&self) -> bool {
        matches!(self.biz_type(), 2 | 4 | 7)
    }

    /// Its `biz_id` in the pushes for third-party apps: the id of what it is about.
    pub fn subject<'a>(&'a self, event: &'a Event) -> &'a str {
        match self {
            Self::SuiteTicket { .. } => &event.client_id,
            Self::Stopped { agent_id } | Self::Restored { agent_id } | Self::Removed { agent_id } => agent_id,
            Self::Left { user_id, .. } | Self::Joined { user_id, .. } => user_id,
            Self::Authorised { .. } | Self::ScopeChanged { .. } | Self::Relieved | Self::Dissolved => &event.corp_id,
            Self::UrlChecked | Self::MadeUp { .. } => &event.corp_id,
        }
    }

    /// Its data with the names of the old API.
    pub fn old_names(&self) -> Map<String, Value> {
        let told = match self {
            Self::SuiteTicket { ticket } => json!({"suiteTicket": ticket}),
            Self::Authorised { authorisation, .. } => {
                let mut told = authorisation.clone();
                told["permanent_code"] = json!("deprecated");
                told
            }
            Self::ScopeChanged { authorisation } => authorisation.clone(),
            Self::Stopped { agent_id } | Self::Restored { agent_id } | Self::Removed { agent_id } => {
                json!({"agentId": number(agent_id)})
            }
            // The subject of the push says who left. One page of DingTalk's has these two members, another none; no page has `userid`.
            Self::Left { user_id, union_id } => json!({"userId": user_id, "unionid": union_id}),
            Self::Joined { user_id, union_id } => json!({"userid": user_id, "unionid": union_id}),
            Self::Relieved | Self::Dissolved | Self::UrlChecked => json!({}),
            Self::MadeUp { data, .. } => Value::Object(data.clone()),
        };
        match told {
            Value::Object(told) => told,
            _ => Map::new(),
        }
    }

    /// Its data with the names that it has over Stream.
    pub fn new_names(&self) -> Value {
        match self {
            Self::Left { user_id, .. } | Self::Joined { user_id, .. } => json!({"userId": [user_id]}),
            Self::MadeUp { data, .. } => Value::Object(data.clone()),
            _ => camel_case(Value::Object(self.old_names())),
        }
    }
}

/// agentIds are numbers in events and text everywhere else.
pub fn number(agent_id: &str) -> Value {
    agent_id.parse::<u64>().map_or_else(|_| json!(agent_id), Value::from)
}

fn camel_case(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let renamed = members.into_iter().map(|(name, value)| (camel_cased(&name), camel_case(value)));
            Value::Object(renamed.collect())
        }
        Value::Array(items) => items.into_iter().map(camel_case).collect(),
        other => other,
    }
}

fn camel_cased(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_has_the_names_of_the_old_api_in_camel_case() {
        let authorisation =
            json!({"auth_corp_info": {"corp_name": "x"}, "auth_info": {"agent": [{"agent_name": "y", "agentid": 1}]}});
        assert_eq!(
            Happening::ScopeChanged { authorisation }.new_names(),
            json!({"authCorpInfo": {"corpName": "x"}, "authInfo": {"agent": [{"agentName": "y", "agentid": 1}]}})
        );
        let left = Happening::Left { user_id: "bob".to_owned(), union_id: "union".to_owned() };
        assert_eq!(left.new_names(), json!({"userId": ["bob"]}));
        assert_eq!(Happening::Relieved.new_names(), json!({}));
        let data = json!({"process_code": 1}).as_object().cloned().unwrap_or_default();
        let made_up = Happening::MadeUp { event_type: "x".to_owned(), data };
        assert_eq!(made_up.new_names(), json!({"process_code": 1}), "it was written for Stream");
    }
}
