//! Somebody at an organisation, and what DingTalk tells about them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Somebody who works at a simulated organisation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Person {
    pub user_id: String,
    pub union_id: String,
    pub name: String,
    /// Whether they have a picture of their own.
    #[serde(default)]
    pub avatar: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// 1 main administrator, 2 sub-administrator, 100 boss, 0 anybody else.
    #[serde(default)]
    pub sys_level: u8,
    #[serde(default)]
    pub departments: Vec<u64>,
    /// Further details in `user/get`, under its names.
    #[serde(default)]
    pub details: Map<String, Value>,
    /// Whether the person was made up for a crowd, and is not in the world's definition.
    #[serde(skip)]
    pub made_up: bool,
}

impl Person {
    /// Makes up a person for a crowd.
    pub fn made_up(number: usize) -> Self {
        Self {
            user_id: format!("visitor{number:04}"),
            union_id: format!("simulatedUnionVisitor{number:04}"),
            name: format!("访客 {number}"),
            avatar: false,
            title: None,
            sys_level: 0,
            departments: Vec::new(),
            details: Map::new(),
            made_up: true,
        }
    }

    pub fn avatar_path(&self, corp_id: &str) -> Option<String> {
        self.avatar.then(|| format!("/avatar/{corp_id}/{}.svg", self.user_id))
    }

    /// What the exchange of an authCode returns.
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

    /// What `user/get` returns; keys without a value are absent, as at DingTalk.
    pub fn details(&self, avatar: Option<String>) -> Value {
        let mut known = json!({"userid": self.user_id, "unionid": self.union_id, "name": self.name});
        if let Some(address) = avatar {
            known["avatar"] = json!(address);
        }
        if let Some(title) = &self.title {
            known["title"] = json!(title);
        }
        if !self.departments.is_empty() {
            known["dept_id_list"] = json!(self.departments);
        }
        for (key, value) in &self.details {
            known[key] = value.clone();
        }
        known
    }
}
