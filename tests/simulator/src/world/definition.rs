//! The definition of a world in JSON: the organisations with their people, and the apps. The seeded one is a file of the same form.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Department, Organisation, ROOT, Registered};

/// Organisations and apps.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    pub organisations: Vec<Organisation>,
    pub apps: Vec<Registered>,
}

impl Definition {
    /// The world that everybody starts with.
    pub fn seeded() -> Self {
        // Proved by a test below: the file is part of this program.
        serde_json::from_str(include_str!("../../assets/world.json")).expect("the seeded world is a world")
    }

    /// Reads and checks a definition; the error says what is wrong. An organisation without a root department is given one.
    pub fn read(json: &[u8]) -> Result<Self, String> {
        let mut definition: Self = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        for Organisation { name, departments, .. } in &mut definition.organisations {
            if departments.iter().all(|department| department.id != ROOT) {
                departments.insert(0, Department { id: ROOT, name: name.clone(), parent_id: None });
            }
        }
        definition.objection().map_or(Ok(definition), Err)
    }

    fn objection(&self) -> Option<String> {
        if self.organisations.is_empty() || self.apps.is_empty() {
            return Some("a world has at least one organisation and one app".to_owned());
        }
        let twice = repeated(self.organisations.iter().map(|organisation| organisation.corp_id.as_str()))
            .map(|corp_id| format!("two organisations have the corpId {corp_id}"));
        let same_app = || {
            repeated(self.apps.iter().map(|app| app.client_id.as_str()))
                .map(|client_id| format!("two apps have the clientId {client_id}"))
        };
        twice
            .or_else(same_app)
            .or_else(|| self.organisations.iter().find_map(within_organisation))
            .or_else(|| self.apps.iter().find_map(|app| self.within_app(app)))
    }

    fn within_app(&self, app: &Registered) -> Option<String> {
        let known = |corp_id: &&String| self.organisations.iter().any(|organisation| organisation.corp_id == **corp_id);
        if let Some(unknown) = app.installations.keys().find(|corp_id| !known(corp_id)) {
            return Some(format!("the app {} is installed at {unknown}, which is no organisation of this world", app.client_id));
        }
        if let Some(objection) = app.installations.values().find_map(|installation| installation.grants.objection()) {
            return Some(format!("the app {}: {objection}", app.client_id));
        }
        let is_key = app.callback_aes_key.len() == 43 && app.callback_aes_key.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (!app.callback_aes_key.is_empty() && !is_key)
            .then(|| format!("the callbackAesKey of the app {} is not 43 letters and digits", app.client_id))
    }
}

fn within_organisation(organisation: &Organisation) -> Option<String> {
    let corp_id = &organisation.corp_id;
    let departments: BTreeSet<_> = organisation.departments.iter().map(|department| department.id).collect();
    let parentless = organisation.departments.iter().filter_map(|department| department.parent_id);
    let lost = organisation.people.iter().flat_map(|person| person.departments.iter().copied()).chain(parentless);
    if organisation.people.is_empty() {
        return Some(format!("the organisation {corp_id} has no people"));
    }
    if let Some(user_id) = repeated(organisation.people.iter().map(|person| person.user_id.as_str())) {
        return Some(format!("two people of {corp_id} have the userId {user_id}"));
    }
    if departments.len() < organisation.departments.len() {
        return Some(format!("two departments of {corp_id} have the same id"));
    }
    lost.into_iter().find(|id| !departments.contains(id)).map(|id| format!("the organisation {corp_id} has no department {id}"))
}

fn repeated<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = BTreeSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, SEEDED};
    use super::*;

    #[test]
    fn the_seeded_world_is_a_world_and_has_the_apps_that_are_told_of() {
        let world = Definition::read(include_bytes!("../../assets/world.json")).expect("a world");
        for told in SEEDED {
            let app = world.apps.iter().find(|app| app.client_id == told.client_id).expect("the app");
            let installation = &app.installations[told.corp_id];
            assert_eq!(
                (&*app.client_secret, &*app.name, &*installation.agent_id),
                (told.client_secret, told.name, told.agent_id)
            );
            assert_eq!((&*app.callback_token, &*app.callback_aes_key), (told.callback_token, told.callback_aes_key));
        }
    }

    #[test]
    fn the_seeded_organisations_have_people_of_the_same_user_id_who_are_not_the_same() {
        let world = Definition::seeded();
        let [one, other] = &world.organisations[..] else { panic!("two organisations") };
        for user_id in ["zhangsan", "alice"] {
            let [here, there] = [one, other].map(|organisation| organisation.person(user_id).expect("somebody"));
            assert!(here.name != there.name && here.union_id != there.union_id);
        }
        assert!(one.people.len() >= 12 && other.people.len() >= 12);
        assert!(world.apps.iter().any(|app| app.kind == Kind::ThirdParty && app.installations.len() == 2));
    }

    #[test]
    fn what_cannot_be_is_said() {
        let seeded = || serde_json::to_value(Definition::seeded()).expect("JSON");
        let spoilt = |spoil: &dyn Fn(&mut serde_json::Value)| {
            let mut world = seeded();
            spoil(&mut world);
            Definition::read(world.to_string().as_bytes()).expect_err("no world")
        };
        for (error, named) in [
            (spoilt(&|world| world["organisations"] = serde_json::json!([])), "at least one organisation"),
            (spoilt(&|world| world["organisations"][1]["corpId"] = "dingsimulator0001".into()), "corpId dingsimulator0001"),
            (spoilt(&|world| world["organisations"][0]["people"][1]["userId"] = "zhangsan".into()), "userId zhangsan"),
            (
                spoilt(&|world| world["organisations"][0]["people"][1]["departments"] = serde_json::json!([77])),
                "no department 77",
            ),
            (spoilt(&|world| world["organisations"][0]["people"] = serde_json::json!([])), "no people"),
            (spoilt(&|world| world["apps"][1]["clientId"] = "dingsimulatedapp1".into()), "clientId dingsimulatedapp1"),
            (spoilt(&|world| world["apps"][0]["callbackAesKey"] = "short".into()), "43 letters"),
            (
                spoilt(&|world| {
                    world["apps"][0]["installations"]["dingsimulator0001"]["grants"] =
                        serde_json::json!({"without": ["qyapi_x"]});
                }),
                "permission qyapi_x",
            ),
            (spoilt(&|world| world["apps"][0]["colour"] = "blue".into()), "colour"),
            (
                spoilt(&|world| world["apps"][0]["installations"]["dingnowhere"] = serde_json::json!({"agentId": "1"})),
                "dingnowhere, which is no organisation",
            ),
        ] {
            assert!(error.contains(named), "{error}");
        }
    }
}
