//! `POST /control/faults`: spoils the next calls of an endpoint.

use serde::Deserialize;
use serde_json::Value;

use super::Lever;
use crate::upstream::{Fault, known};
use crate::world::World;

const MOST_CALLS: u32 = 1_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddFault {
    endpoint: String,
    #[serde(default = "once")]
    times: u32,
    fault: Value,
}

fn once() -> u32 {
    1
}

impl Lever for AddFault {
    fn pull(self, world: &mut World) -> Result<(), String> {
        let path = self.endpoint.split_once(' ').map_or(self.endpoint.as_str(), |(_, path)| path);
        if !path.starts_with('/') || path.contains(['?', '#']) {
            return Err(format!("an endpoint is a path; known are {}", known()));
        }
        if !(1..=MOST_CALLS).contains(&self.times) {
            return Err("times is between 1 and 1000000".to_owned());
        }
        world.faults.add(path, self.times, understood(&self.fault, path)?);
        Ok(())
    }
}

fn understood(asked: &Value, path: &str) -> Result<Fault, String> {
    let fault = Fault::deserialize(asked).map_err(|error| error.to_string())?;
    // For a kind without members serde accepts unknown members, in spite of `deny_unknown_fields`.
    let written = serde_json::to_value(&fault).map_err(|error| error.to_string())?;
    let unknown = asked.as_object().and_then(|asked| asked.keys().find(|key| written.get(key).is_none()));
    if let Some(unknown) = unknown {
        return Err(format!("a fault of this kind has no {unknown}"));
    }
    fault.objection(path).map_or(Ok(fault), |objection| Err(objection.to_owned()))
}
