//! The names of a person's details in each API. The world stores them under the names of `/topapi/v2/user/get`.

use serde_json::{Value, json};

/// The details in `/topapi/v2/user/list`, which has the same names.
const LISTED: [&str; 21] = [
    "userid",
    "unionid",
    "name",
    "avatar",
    "state_code",
    "mobile",
    "hide_mobile",
    "telephone",
    "job_number",
    "title",
    "email",
    "org_email",
    "work_place",
    "remark",
    "dept_id_list",
    "extension",
    "hired_date",
    "active",
    "admin",
    "boss",
    "exclusive_account",
];

/// The details in `/user/get`: the name in `/topapi/v2/user/get`, and the name there.
const OLD: [(&str, &str); 24] = [
    ("userid", "userid"),
    ("unionid", "unionid"),
    ("name", "name"),
    ("avatar", "avatar"),
    ("mobile", "mobile"),
    ("email", "email"),
    ("remark", "remark"),
    ("active", "active"),
    ("dept_id_list", "department"),
    ("title", "position"),
    ("job_number", "jobnumber"),
    ("work_place", "workPlace"),
    ("admin", "isAdmin"),
    ("boss", "isBoss"),
    ("senior", "isSenior"),
    ("hide_mobile", "isHide"),
    ("state_code", "stateCode"),
    ("manager_userid", "managerUserid"),
    ("hired_date", "hiredDate"),
    ("telephone", "tel"),
    ("org_email", "orgEmail"),
    ("extension", "extattr"),
    ("real_authed", "realAuthed"),
    ("exclusive_account", "exclusiveAccount"),
];

/// A person as `/topapi/v2/user/list` shows them in a department.
pub fn in_department(details: &Value, id: u64) -> Value {
    let there = |list: &str, member: &str| {
        let mut departments = details[list].as_array()?.iter();
        departments.find(|department| department["dept_id"] == id)?.get(member).cloned()
    };
    let own = [("dept_order", there("dept_order_list", "order")), ("leader", there("leader_in_dept", "leader"))];
    let named = LISTED.iter().map(|name| (*name, details.get(name).cloned()));
    present(named.chain(own))
}

/// A person as `/user/get` shows them: what there is per department comes as text, such as `{1:true}`.
pub fn old(details: &Value) -> Value {
    let by_department = |list: &str, member: &str| {
        let each = details[list].as_array()?.iter().map(|department| format!("{}:{}", department["dept_id"], department[member]));
        Some(json!(format!("{{{}}}", each.collect::<Vec<_>>().join(","))))
    };
    let role = |role: &Value| json!({"id": role["id"], "name": role["name"], "groupName": role["group_name"]});
    let own = [
        ("orderInDepts", by_department("dept_order_list", "order")),
        ("isLeaderInDepts", by_department("leader_in_dept", "leader")),
        ("roles", details["role_list"].as_array().map(|roles| roles.iter().map(role).collect())),
    ];
    present(OLD.iter().map(|(new, old)| (*old, details.get(new).cloned())).chain(own))
}

/// Keys without a value are absent.
fn present<'a>(members: impl Iterator<Item = (&'a str, Option<Value>)>) -> Value {
    Value::Object(members.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}
