//! `POST /control/sso`: issues the code with which an administrator comes from the admin console to the app's back end.

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data};
use serde::Deserialize;
use serde_json::json;

use crate::server::malformed;
use crate::world::{Holder, Shared, World};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Visit {
    corp_id: Option<String>,
    user_id: String,
}

pub async fn issue(body: Bytes, shared: Data<Shared>) -> HttpResponse {
    let visit: Result<Visit, _> = serde_json::from_slice(&body);
    let code = visit.map_err(|error| error.to_string()).and_then(|visit| visit.code(&mut shared.world()));
    code.map_or_else(|reason| malformed(&reason), |code| HttpResponse::Ok().json(json!({"code": code})))
}

impl Visit {
    fn code(self, world: &mut World) -> Result<String, String> {
        let corp_id = self.corp_id.unwrap_or_else(|| world.first_corp_id().to_owned());
        let person = world.person(&corp_id, &self.user_id).cloned().ok_or("nobody there has this userId")?;
        let now = world.now();
        Ok(world.sso_codes.issue(Holder::of_organisation(&corp_id), person, now))
    }
}
