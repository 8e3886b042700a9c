//! Work notifications that apps have sent.

use std::collections::VecDeque;

use super::Holder;

const REMEMBERED: usize = 200;
const FIRST_TASK: u64 = 1_000_000_001;

/// The latest work notifications.
#[derive(Debug, Default)]
pub struct Notifications {
    sent: VecDeque<(u64, Notification)>,
    tasks: u64,
}

/// A work notification that an app sent to some people.
#[derive(Debug, Clone)]
pub struct Notification {
    pub holder: Holder,
    pub user_ids: Vec<String>,
    pub text: String,
}

impl Notifications {
    /// Stores a notification, and returns its task_id.
    pub fn send(&mut self, notification: Notification) -> u64 {
        let task_id = FIRST_TASK + self.tasks;
        self.tasks += 1;
        self.sent.push_back((task_id, notification));
        if self.sent.len() > REMEMBERED {
            self.sent.pop_front();
        }
        task_id
    }

    pub fn sent(&self, task_id: u64) -> Option<&Notification> {
        self.sent.iter().find(|(id, _)| *id == task_id).map(|(_, notification)| notification)
    }

    /// The notifications to a person, the newest first.
    pub fn latest<'a>(&'a self, corp_id: &'a str, user_id: &'a str) -> impl Iterator<Item = &'a Notification> {
        let for_them = move |told: &&Notification| told.holder.corp_id == corp_id && told.user_ids.iter().any(|to| to == user_id);
        self.sent.iter().rev().map(|(_, notification)| notification).filter(for_them)
    }
}
