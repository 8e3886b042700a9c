//! `/control/world`: a world of one's own.

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};

use super::state;
use crate::server::malformed;
use crate::world::{Definition, Shared};

/// The world as it is now, in the form in which it can be told.
pub async fn show(shared: Data<Shared>) -> HttpResponse {
    let world = shared.world();
    HttpResponse::Ok().json(Definition { organisations: world.organisations.clone(), apps: world.apps.clone() })
}

/// Begins anew with the world that is told.
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
