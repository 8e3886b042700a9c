//! The shapes that events come in over HTTP: batches ("SyncHTTP push"), and one by one as it was before.

use serde_json::Value;

use super::event::{member, unfolded};
use super::{Event, Happening};

/// All events of one message. None if it is no message.
pub(super) fn read(message: &str) -> Option<Vec<Event>> {
    let message: Value = serde_json::from_str(message).ok()?;
    let name = message["EventType"].as_str()?;
    match message.get("bizData") {
        Some(Value::Array(batch)) => Some(batch.iter().map(of_batch).collect()),
        Some(_) => None,
        None => Some(vec![single(name, &message)]),
    }
}

fn of_batch(item: &Value) -> Event {
    let data = unfolded(&item["biz_data"]);
    let word = |name: &str| member(item, &[name]).unwrap_or_default();
    let (action, corp_id, subject) = (member(&data, &["syncAction"]).unwrap_or_default(), word("corp_id"), word("biz_id"));
    let (modified, kind) = (word("gmt_modified"), word("biz_type"));
    let what = Happening::read(&action, &corp_id, &subject, &data);
    Event::new(&[&corp_id, &kind, &subject, &modified, &action], millis(&modified), what)
}

fn single(name: &str, message: &Value) -> Event {
    let word = |names: &[&str]| member(message, names).unwrap_or_default();
    let (corp_id, time) = (word(&["AuthCorpId", "CorpId", "corpId"]), word(&["TimeStamp", "timeStamp", "EventTime"]));
    let what = Happening::read(name, &corp_id, "", message);
    Event::new(&[name, &message.to_string()], millis(&time), what)
}

/// DingTalk writes times in seconds here and in milliseconds there.
pub(super) fn millis(time: &str) -> Option<u64> {
    const SECONDS_UNTIL: u64 = 100_000_000_000;
    let time: u64 = time.parse().ok()?;
    Some(if time < SECONDS_UNTIL { time * 1000 } else { time })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::{AgentId, CorpId, SuiteTicket, UserId};
    use super::*;

    fn what(message: Value) -> Vec<Happening> {
        read(&message.to_string()).unwrap().into_iter().map(|event| event.what).collect()
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
            (batch("org_remove", "ding1", json!({})), Happening::Dissolved(corp.clone())),
            (batch("org_dept_create", "1", json!({})), Happening::Other),
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
        assert_eq!(what(relieves), [Happening::Relieved(corp)]);
        assert_eq!(what(json!({"EventType": "check_url"})), [Happening::UrlChecked(None)]);
    }

    #[test]
    fn what_is_no_message_or_lacks_what_it_needs_means_nothing() {
        for no_message in ["", "[]", "{}", "success", r#"{"EventType":1}"#, r#"{"EventType":"x","bizData":1}"#] {
            assert_eq!(read(no_message), None, "{no_message}");
        }
        for broken in [
            json!({"EventType": "suite_ticket"}),
            json!({"EventType": "suite_ticket", "SuiteTicket": ["t"]}),
            json!({"EventType": "user_leave_org", "CorpId": "ding1"}),
            json!({"EventType": "user_leave_org", "CorpId": "$CORPID$", "UserId": ["anna"]}),
            json!({"EventType": "x", "bizData": [7]}),
        ] {
            assert_eq!(what(broken), [Happening::Other]);
        }
    }

    #[test]
    fn times_are_in_seconds_or_in_milliseconds() {
        assert_eq!(millis("1614767836"), Some(1_614_767_836_000));
        assert_eq!(millis("1445827045067"), Some(1_445_827_045_067));
        assert_eq!(millis("soon"), None);
    }
}
