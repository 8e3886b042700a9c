//! The seeded people.

use serde_json::{Value, json};

/// Somebody who works at the simulated organisation.
#[derive(Debug)]
pub struct Person {
    pub user_id: &'static str,
    pub union_id: &'static str,
    pub name: &'static str,
    pub has_avatar: bool,
    pub title: Option<&'static str>,
    /// 1 main administrator, 2 sub-administrator, 100 boss, 0 anybody else.
    pub sys_level: u8,
    details: fn() -> Value,
}

/// The first one is signed in to the client until told otherwise.
pub static SEEDED: [Person; 3] = [
    Person {
        user_id: "zhangsan",
        union_id: "simulatedUnionZhangSan",
        name: "张三",
        has_avatar: true,
        title: Some("产品经理"),
        sys_level: 1,
        details: zhangsan,
    },
    Person {
        user_id: "alice",
        union_id: "simulatedUnionAliceChen",
        name: "Alice Chen",
        has_avatar: true,
        title: Some("Head of Design"),
        sys_level: 0,
        details: alice,
    },
    Person {
        user_id: "bob",
        union_id: "simulatedUnionBob",
        name: "Bob",
        has_avatar: false,
        title: None,
        sys_level: 0,
        details: || json!({}),
    },
];

impl Person {
    pub fn find(user_id: &str) -> Option<&'static Self> {
        SEEDED.iter().find(|person| person.user_id == user_id)
    }

    pub fn avatar_path(&self) -> Option<String> {
        self.has_avatar.then(|| format!("/avatar/{}.svg", self.user_id))
    }

    /// What the exchange of an authCode tells.
    pub fn login(&self) -> Value {
        json!({
            "userid": self.user_id,
            "unionid": self.union_id,
            "associated_unionid": format!("{}Associated", self.union_id),
            "device_id": format!("simulated-device-{}", self.user_id),
            "name": self.name,
            "sys": self.sys_level != 0,
            "sys_level": self.sys_level,
        })
    }

    /// What `user/get` tells; keys without a value are absent, as at DingTalk.
    pub fn details(&self, origin: &str) -> Value {
        let mut known = json!({"userid": self.user_id, "unionid": self.union_id, "name": self.name});
        if let Some(path) = self.avatar_path() {
            known["avatar"] = json!(format!("{origin}{path}"));
        }
        if let Some(title) = self.title {
            known["title"] = json!(title);
        }
        if let Value::Object(more) = (self.details)() {
            for (key, value) in more {
                known[key] = value;
            }
        }
        known
    }
}

fn zhangsan() -> Value {
    json!({
        "mobile": "13800000001",
        "state_code": "86",
        "hide_mobile": false,
        "email": "zhangsan@example.com",
        "org_email": "zhangsan@corp.example.com",
        "telephone": "010-00000001",
        "job_number": "0001",
        "work_place": "杭州",
        "remark": "模拟用户",
        "extension": "{\"爱好\":\"围棋\"}",
        "hired_date": 1_577_808_000_000_u64,
        "exclusive_account": false,
        "dept_id_list": [1001],
        "dept_order_list": [{"dept_id": 1001, "order": 1}],
        "dept_position_list": [{"dept_id": 1001, "is_main": true, "title": "产品经理", "work_place": "杭州"}],
        "leader_in_dept": [{"dept_id": 1001, "leader": true}],
        "role_list": [{"id": 1, "name": "主管理员", "group_name": "默认"}],
        "active": true, "real_authed": true, "senior": false, "admin": true, "boss": false,
    })
}

fn alice() -> Value {
    json!({
        "email": "alice@example.com",
        "job_number": "0002",
        "manager_userid": "zhangsan",
        "dept_id_list": [1001, 1002],
        "dept_order_list": [{"dept_id": 1001, "order": 2}, {"dept_id": 1002, "order": 1}],
        "dept_position_list": [
            {"dept_id": 1001, "is_main": false, "title": "Adviser"},
            {"dept_id": 1002, "is_main": true, "title": "Head of Design"},
        ],
        "leader_in_dept": [{"dept_id": 1001, "leader": false}, {"dept_id": 1002, "leader": true}],
        "role_list": [{"id": 2, "name": "Department head", "group_name": "Default"}],
        "active": true, "real_authed": true, "senior": false, "admin": false, "boss": false,
    })
}
