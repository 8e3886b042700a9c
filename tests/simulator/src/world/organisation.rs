//! An organisation: its departments, its people, and who of them is signed in to the client.

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Person;

/// A simulated organisation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Organisation {
    pub corp_id: String,
    pub name: String,
    /// The secret with which a back end gets the organisation's SSO access_token.
    #[serde(default = "sso_secret")]
    pub sso_secret: String,
    #[serde(default)]
    pub departments: Vec<Department>,
    pub people: Vec<Arc<Person>>,
    /// Who is signed in to the client; `None` stands for the first of the people.
    #[serde(skip)]
    signed_in: Option<Arc<Person>>,
    /// The people who have left.
    #[serde(skip)]
    left: Vec<Arc<Person>>,
}

/// The id of the root department, which is the whole organisation.
pub const ROOT: u64 = 1;

/// A department of an organisation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Department {
    pub id: u64,
    pub name: String,
    /// `None` for the root department.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<u64>,
}

fn sso_secret() -> String {
    "simulated-sso-secret-not-for-production".to_owned()
}

impl Organisation {
    pub fn person(&self, user_id: &str) -> Option<&Arc<Person>> {
        self.people.iter().find(|person| person.user_id == user_id)
    }

    /// Who is signed in to the client; nobody when everybody has left.
    pub fn signed_in(&self) -> Option<&Arc<Person>> {
        self.signed_in.as_ref().or(self.people.first())
    }

    pub fn sign_in(&mut self, person: Arc<Person>) {
        self.signed_in = Some(person);
    }

    /// Removes a person, and signs them out of the client.
    pub fn leave(&mut self, user_id: &str) -> Option<Arc<Person>> {
        let position = self.people.iter().position(|person| person.user_id == user_id)?;
        self.signed_in.take_if(|person| person.user_id == user_id);
        let person = self.people.remove(position);
        self.left.push(person.clone());
        Some(person)
    }

    /// Brings back a person who has left.
    pub fn come_back(&mut self, user_id: &str) -> Option<Arc<Person>> {
        let position = self.left.iter().position(|person| person.user_id == user_id)?;
        let person = self.left.remove(position);
        self.people.push(person.clone());
        Some(person)
    }

    /// The people of the world's definition, without those of a crowd.
    pub fn told(&self) -> impl Iterator<Item = &Arc<Person>> {
        self.people.iter().filter(|person| !person.made_up)
    }

    /// So many people for a crowd: first those who were made up for an earlier crowd, then new ones.
    pub fn crowd(&mut self, people: usize) -> Vec<Arc<Person>> {
        let known = self.people.len() - self.told().count();
        let taken: HashSet<_> = self.people.iter().chain(&self.left).map(|person| person.user_id.clone()).collect();
        let new = (1..).map(Person::made_up).filter(|person| !taken.contains(&person.user_id));
        self.people.extend(new.take(people.saturating_sub(known)).map(Arc::new));
        self.people.iter().filter(|person| person.made_up).take(people).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Definition;
    use super::*;

    #[test]
    fn a_crowd_is_made_up_once() {
        let mut organisation = Definition::seeded().organisations.remove(0);
        let told = organisation.people.len();
        assert_eq!((organisation.crowd(3).len(), organisation.people.len()), (3, told + 3));
        let more = organisation.crowd(5);
        assert_eq!((more.len(), organisation.people.len()), (5, told + 5));
        assert_eq!(more[0].user_id, "visitor0001");
        assert_eq!(organisation.crowd(2).len(), 2);
    }

    #[test]
    fn nobody_of_a_crowd_has_the_user_id_of_somebody_else() {
        let mut organisation = Definition::seeded().organisations.remove(0);
        organisation.people[0] = Arc::new(Person { made_up: false, ..Person::made_up(2) });
        let crowd = organisation.crowd(3);
        let user_ids: Vec<_> = crowd.iter().map(|person| person.user_id.as_str()).collect();
        assert_eq!(user_ids, ["visitor0001", "visitor0003", "visitor0004"]);
        organisation.leave("visitor0003");
        assert_eq!(organisation.crowd(3)[2].user_id, "visitor0005");
    }

    #[test]
    fn who_leaves_is_signed_out() {
        let mut organisation = Definition::seeded().organisations.remove(0);
        let alice = organisation.person("alice").cloned().expect("alice");
        organisation.sign_in(alice);
        assert!(organisation.leave("alice").is_some());
        assert!(organisation.leave("alice").is_none());
        assert!(organisation.come_back("bob").is_none());
        assert_eq!(organisation.signed_in().map(|person| person.user_id.as_str()), Some("zhangsan"));
        assert!(organisation.come_back("alice").is_some() && organisation.person("alice").is_some());
    }
}
