//! `POST /control/grants`: what an app may do at an organisation.

use serde::Deserialize;

use super::Lever;
use crate::world::{Grants, World};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetGrants {
    corp_id: Option<String>,
    /// The app under test, if left out.
    client_id: Option<String>,
    /// Replaces all grants: whatever is left out here is granted.
    grants: Grants,
}

impl Lever for SetGrants {
    fn pull(self, world: &mut World) -> Result<(), String> {
        self.grants.objection().map_or(Ok(()), Err)?;
        let client_id = super::client_id(self.client_id, world)?;
        let corp_id = self.corp_id.unwrap_or_else(|| world.first_corp_id().to_owned());
        let app = world.apps.iter_mut().find(|app| app.client_id == client_id).ok_or("no app has this clientId")?;
        let installation = app.installations.get_mut(&corp_id).ok_or("the organisation cannot have this app")?;
        installation.grants = self.grants;
        Ok(())
    }
}
