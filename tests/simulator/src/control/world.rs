//! `/control/world`: the definition of the world, to read and to replace.

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::state;
use crate::server::malformed;
use crate::world::{Definition, Shared};

/// The world as it is now, in the form that `load` accepts, without the people of a crowd.
pub async fn show(shared: Data<Shared>) -> HttpResponse {
    let world = shared.world();
    let mut organisations = world.organisations.clone();
    organisations.iter_mut().for_each(|organisation| organisation.people.retain(|person| !person.made_up));
    HttpResponse::Ok().json(Definition { organisations, apps: world.apps.clone() })
}

/// Replaces the definition of the world with the one in the body, and resets the world.
pub async fn load(request: HttpRequest, body: Bytes, shared: Data<Shared>) -> HttpResponse {
    let definition = match Definition::read(&body) {
        Ok(definition) => definition,
        Err(reason) => return malformed(&reason),
    };
    {
        let mut world = shared.world();
        world.setup.definition = definition;
        world.reset();
    }
    state::show(request, shared).await
}
