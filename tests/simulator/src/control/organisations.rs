//! `POST /control/organisation` and `/control/person`: what an organisation does with an app, and who comes and goes.

use serde::Deserialize;

use super::Lever;
use crate::world::{Decision, World};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Decide {
    corp_id: String,
    /// The app under test, if left out.
    client_id: Option<String>,
    #[serde(rename = "do")]
    act: Act,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "do is authorise, change, relieve, stop, restore, remove or dissolve")]
enum Act {
    Decision(Decision),
    Dissolve(Dissolve),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Dissolve {
    Dissolve,
}

impl Lever for Decide {
    fn pull(self, world: &mut World) -> Result<(), String> {
        match self.act {
            Act::Decision(decision) => {
                let client_id = super::client_id(self.client_id, world)?;
                world.decide(&client_id, &self.corp_id, decision)
            }
            Act::Dissolve(Dissolve::Dissolve) => world.dissolve(&self.corp_id),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Move {
    corp_id: Option<String>,
    user_id: String,
    #[serde(rename = "do")]
    direction: Direction,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Direction {
    Leave,
    ComeBack,
}

impl Lever for Move {
    fn pull(self, world: &mut World) -> Result<(), String> {
        let corp_id = self.corp_id.unwrap_or_else(|| world.first_corp_id().to_owned());
        match self.direction {
            Direction::Leave => world.leave(&corp_id, &self.user_id),
            Direction::ComeBack => world.come_back(&corp_id, &self.user_id),
        }
    }
}
