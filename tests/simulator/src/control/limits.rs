//! `/control/limits`: how many calls of one API DingTalk takes from an app in a second.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::{Deserialize, Deserializer};

use super::Lever;
use crate::world::{Shared, World};

pub async fn show(shared: Data<Shared>) -> HttpResponse {
    let world = shared.world();
    HttpResponse::Ok().json(world.paces.state(world.setup.calls_per_second))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetLimits {
    /// null removes the limit. It must not be left out.
    #[serde(deserialize_with = "number_or_null")]
    calls_per_second: Option<u32>,
}

fn number_or_null<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    Option::deserialize(from)
}

impl Lever for SetLimits {
    fn pull(self, world: &mut World) -> Result<(), String> {
        if self.calls_per_second == Some(0) {
            return Err("callsPerSecond is at least 1, or null for no limit".to_owned());
        }
        world.setup.calls_per_second = self.calls_per_second;
        Ok(())
    }
}
