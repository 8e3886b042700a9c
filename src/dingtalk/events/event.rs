//! Events, in each form that DingTalk sends: over Stream, over HTTP in batches ("SyncHTTP push"), and over HTTP one by one, as before
//! that.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::super::answer::{list, text};
use super::super::identifiers::is_plain;
use super::super::{AgentId, CorpId, SuiteTicket, UserId};

/// An event. It may be sent again, and later than events that happened after it.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The same each time that the event is sent.
    pub id: [u8; 16],
    /// When it happened, in Unix milliseconds, if DingTalk says so.
    pub at: Option<u64>,
    /// What happened.
    pub what: Happening,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Happening {
    /// A new suite ticket, which invalidates the one before.
    SuiteTicket(SuiteTicket),
    /// An organisation has authorised the app.
    Authorised(CorpId, Option<AgentId>),
    /// An organisation has changed what the app may see.
    AuthorisationChanged(CorpId, Option<AgentId>),
    /// An organisation no longer has the app.
    Relieved(CorpId),
    /// An organisation's administrator has stopped the app, or removed it.
    Stopped(CorpId, Option<AgentId>),
    /// An organisation's administrator has started the app again.
    Restored(CorpId, Option<AgentId>),
    /// People have left an organisation.
    Left(CorpId, Vec<UserId>),
    /// An organisation was dissolved.
    Dissolved(CorpId),
    /// DingTalk checks whether this server answers.
    UrlChecked,
    /// Anything else, such as `bpms_instance_change`, as DingTalk sent it: its content was not checked.
    Other {
        /// `eventType`, `EventType` or `syncAction`; empty if there is none.
        event_type: String,
        /// Where it happened.
        corp_id: Option<CorpId>,
        /// Whom or what it is about, if that stands beside the data: SyncHTTP's `biz_id`. Else empty.
        subject: String,
        /// The event's data. For an event that comes alone over HTTP, the whole message.
        data: Value,
    },
}

impl Event {
    /// `told` identifies the event: the same texts give the same id.
    pub fn new(told: &[&str], at: Option<u64>, what: Happening) -> Self {
        let mut id = [0; 16];
        id.copy_from_slice(&Sha256::digest(told.join("\n"))[..16]);
        Self { id, at, what }
    }

    /// All events of one message over HTTP. None if it is no message.
    pub(super) fn all_in(message: &str) -> Option<Vec<Self>> {
        let message: Value = serde_json::from_str(message).ok()?;
        let name = message["EventType"].as_str()?;
        match message.get("bizData") {
            Some(Value::Array(batch)) => Some(batch.iter().map(Self::of_batch).collect()),
            Some(_) => None,
            None => Some(vec![Self::single(name, &message)]),
        }
    }

    fn of_batch(item: &Value) -> Self {
        let data = unfolded(&item["biz_data"]);
        let [corp_id, kind, subject, modified] =
            ["corp_id", "biz_type", "biz_id", "gmt_modified"].map(|name| member(item, &[name]).unwrap_or_default());
        let action = member(&data, &["syncAction"]).unwrap_or_default();
        let what = Happening::read(&action, &corp_id, &subject, &data);
        // Times may be missing, and are in whole seconds: then only its data distinguishes the event from the one before.
        Self::new(&[&corp_id, &kind, &subject, &modified, &data.to_string(), &action], millis(&modified), what)
    }

    fn single(name: &str, message: &Value) -> Self {
        let corp_id = member(message, &["AuthCorpId", "CorpId", "corpId"]).unwrap_or_default();
        // The first says when it happened; the others may say when it is sent, anew each time ("Employee resignation").
        let at = ["EventTime", "TimeStamp", "timeStamp"].iter().find_map(|name| millis(&member(message, &[name])?));
        let what = Happening::read(name, &corp_id, "", message);
        match member(message, &["eventId"]) {
            Some(id) => Self::new(&[name, &corp_id, &id], at, what),
            None => Self::new(&[name, &message.to_string()], at, what),
        }
    }
}

impl Happening {
    /// The event's name in metrics.
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
            Self::UrlChecked => "url_checked",
            Self::Other { .. } => "other",
        }
    }

    /// The organisation that it is about, if it is about one.
    pub fn corp_id(&self) -> Option<&CorpId> {
        match self {
            Self::Authorised(corp_id, _)
            | Self::AuthorisationChanged(corp_id, _)
            | Self::Stopped(corp_id, _)
            | Self::Restored(corp_id, _)
            | Self::Left(corp_id, _)
            | Self::Relieved(corp_id)
            | Self::Dissolved(corp_id) => Some(corp_id),
            Self::Other { corp_id, .. } => corp_id.as_ref(),
            Self::SuiteTicket(_) | Self::UrlChecked => None,
        }
    }

    /// The event's name in the log.
    pub fn logged(&self) -> String {
        match self {
            Self::Other { event_type, .. } => event_type.chars().filter(|c| is_plain(*c)).take(40).collect(),
            known => known.name().to_owned(),
        }
    }

    /// Reads the event called `name` of an organisation from `data`, whose members are spelt in one of three ways. `subject` is whom it
    /// is about, where that stands beside the data.
    pub(super) fn read(name: &str, corp_id: &str, subject: &str, data: &Value) -> Self {
        Self::known(name, corp_id, subject, data).unwrap_or_else(|| Self::Other {
            event_type: name.to_owned(),
            corp_id: CorpId::parse(corp_id).ok(),
            subject: subject.to_owned(),
            data: data.clone(),
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
            "check_url" | "check_create_suite_url" | "check_update_suite_url" => Self::UrlChecked,
            _ => return None,
        })
    }
}

/// A time in milliseconds: DingTalk writes some times in seconds and some in milliseconds.
pub(super) fn millis(time: &str) -> Option<u64> {
    const SECONDS_UNTIL: u64 = 100_000_000_000;
    let time: u64 = time.parse().ok()?;
    Some(if time < SECONDS_UNTIL { time * 1000 } else { time })
}

/// The first member with one of these names that is a number or a text that is not empty.
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

/// The app's AgentId in an organisation that has authorised it. If the app has several micro-apps, the first is ours.
pub(in super::super) fn authorised_agent(data: &Value) -> Option<AgentId> {
    let info = ["auth_info", "authInfo"].iter().find_map(|name| data.get(name))?;
    agent(info["agent"].get(0)?)
}

/// The people in `data`, which names a list of them, or one, or nobody: then it is the subject.
fn people(subject: &str, data: &Value) -> Option<Vec<UserId>> {
    let told = ["userId", "UserId", "userid", "userIds"].iter().find_map(|name| data.get(name)).filter(|told| !told.is_null());
    let named = told.map_or_else(|| vec![subject.to_owned()], |told| list(told).iter().filter_map(text).collect());
    let people: Vec<_> = named.into_iter().filter_map(|person| UserId::parse(person).ok()).collect();
    (!people.is_empty()).then_some(people)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::{AgentId, CorpId, SuiteTicket, UserId};
    use super::*;

    fn what(message: Value) -> Vec<Happening> {
        Event::all_in(&message.to_string()).unwrap().into_iter().map(|event| event.what).collect()
    }

    #[test]
    fn the_name_of_an_unknown_event_is_logged_as_one_visible_line() {
        let what = what(json!({"EventType": "new\u{202E}\u{2028}\u{9B}[31m_thing\n", "CorpId": "ding1"}));
        assert_eq!(what[0].logged(), "new[31m_thing");
    }

    #[test]
    fn every_shape_of_an_event_is_the_same_event() {
        let (corp, agent) = (CorpId::parse("ding1").unwrap(), AgentId::parse("42").ok());
        let batch = |action: &str, subject: &str, mut data: Value| {
            data["syncAction"] = json!(action);
            let item = |data| json!({"corp_id": "ding1", "biz_id": subject, "biz_type": 4, "gmt_modified": 1, "biz_data": data});
            let whole = |data| json!({"EventType": "SYNC_HTTP_PUSH_HIGH", "bizData": [item(data)]});
            [whole(data.clone()), whole(json!(data.to_string()))]
        };
        let info = json!({"auth_info": {"agent": [{"agentid": 42}, {"agentid": 43}]}});
        let left = Happening::Left(corp.clone(), vec![UserId::parse("anna").unwrap()]);
        for (messages, expected) in [
            (batch("org_suite_auth", "ding1", info.clone()), Happening::Authorised(corp.clone(), agent.clone())),
            (batch("org_suite_relieve", "ding1", json!({})), Happening::Relieved(corp.clone())),
            (batch("org_micro_app_stop", "42", json!({"agentId": 42})), Happening::Stopped(corp.clone(), agent.clone())),
            (batch("org_micro_app_remove", "42", json!({"agentId": "42"})), Happening::Stopped(corp.clone(), agent.clone())),
            (batch("org_micro_app_restore", "42", json!({"agentId": 42})), Happening::Restored(corp.clone(), agent)),
            (batch("user_leave_org", "anna", json!({"userid": "anna"})), left.clone()),
            (batch("user_leave_org", "anna", json!({})), left.clone()),
            (batch("user_leave_org", "anna", json!({"userid": null})), left.clone()),
            (batch("org_remove", "ding1", json!({})), Happening::Dissolved(corp.clone())),
            (
                batch("org_dept_create", "1", json!({"name": "Kitchen"})),
                Happening::Other {
                    event_type: "org_dept_create".to_owned(),
                    corp_id: Some(corp.clone()),
                    subject: "1".to_owned(),
                    data: json!({"name": "Kitchen", "syncAction": "org_dept_create"}),
                },
            ),
        ] {
            for message in messages {
                assert_eq!(what(message), std::slice::from_ref(&expected));
            }
        }
        let ticket = Happening::SuiteTicket(SuiteTicket::parse("t1").unwrap());
        assert_eq!(what(json!({"EventType": "suite_ticket", "SuiteTicket": "t1", "TimeStamp": 1})), [ticket]);
        let leaves = json!({"EventType": "user_leave_org", "CorpId": "ding1", "UserId": ["anna"], "TimeStamp": 1});
        assert_eq!(what(leaves), [left]);
        let relieves = json!({"EventType": "suite_relieve", "AuthCorpId": "ding1"});
        assert_eq!(what(relieves), [Happening::Relieved(corp.clone())]);
        let approved =
            json!({"EventType": "bpms_instance_change", "corpId": "ding1", "processInstanceId": "p", "type": "finish"});
        let expected = Happening::Other {
            event_type: "bpms_instance_change".to_owned(),
            corp_id: Some(corp),
            subject: String::new(),
            data: approved.clone(),
        };
        assert_eq!(what(approved), [expected]);
        assert_eq!(what(json!({"EventType": "check_url"})), [Happening::UrlChecked]);
    }

    #[test]
    fn what_is_no_message_or_lacks_what_it_needs_means_nothing() {
        for no_message in ["", "[]", "{}", "success", r#"{"EventType":1}"#, r#"{"EventType":"x","bizData":1}"#] {
            assert_eq!(Event::all_in(no_message), None, "{no_message}");
        }
        for broken in [
            json!({"EventType": "suite_ticket"}),
            json!({"EventType": "suite_ticket", "SuiteTicket": ["t"]}),
            json!({"EventType": "user_leave_org", "CorpId": "ding1"}),
            json!({"EventType": "user_leave_org", "CorpId": "$CORPID$", "UserId": ["anna"]}),
            json!({"EventType": "x", "bizData": [7]}),
        ] {
            assert!(matches!(what(broken)[..], [Happening::Other { .. }]));
        }
    }

    #[test]
    fn events_of_a_batch_that_have_no_time_or_the_same_are_told_apart_by_what_they_say() {
        let id = |modified: Value, userid: &str| {
            let data = json!({"syncAction": "x", "userid": userid});
            let item = json!({"corp_id": "ding1", "biz_id": "1", "biz_type": 13, "gmt_modified": modified, "biz_data": data});
            Event::all_in(&json!({"EventType": "SYNC_HTTP_PUSH_MEDIUM", "bizData": [item]}).to_string()).unwrap()[0].id
        };
        for modified in [json!(null), json!(1_608_639_648_000_u64)] {
            assert_ne!(id(modified.clone(), "anna"), id(modified.clone(), "bob"));
            assert_eq!(id(modified.clone(), "anna"), id(modified, "anna"));
        }
    }

    #[test]
    fn an_event_that_is_sent_again_happened_when_it_happened_and_is_the_same_event() {
        let event = |id: &str, sent: &str| {
            let left = json!({"EventType": "user_leave_org", "CorpId": "ding1", "userId": ["anna"], "eventId": id,
                "EventTime": 1_661_941_203_000_u64, "timeStamp": sent});
            Event::all_in(&left.to_string()).unwrap().remove(0)
        };
        let (first, again) = (event("e1", "1684466284"), event("e1", "1684466999"));
        assert_eq!((first.at, first.id), (Some(1_661_941_203_000), again.id));
        assert_ne!(first.id, event("e2", "1684466284").id);
    }

    #[test]
    fn people_are_named_by_texts_or_numbers_alone_or_in_a_list() {
        for people in [json!("7"), json!(7), json!(["7"]), json!([7])] {
            let left = json!({"EventType": "user_leave_org", "CorpId": "ding1", "UserId": people});
            let expected = Happening::Left(CorpId::parse("ding1").unwrap(), vec![UserId::parse("7").unwrap()]);
            assert_eq!(what(left), [expected]);
        }
    }

    #[test]
    fn times_are_in_seconds_or_in_milliseconds() {
        assert_eq!(millis("1614767836"), Some(1_614_767_836_000));
        assert_eq!(millis("1445827045067"), Some(1_445_827_045_067));
        assert_eq!(millis("soon"), None);
    }
}
