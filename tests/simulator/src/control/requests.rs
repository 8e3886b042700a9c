//! `GET /control/requests`: the ledger.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use serde::Deserialize;
use serde_json::json;

use crate::world::Shared;

#[derive(Deserialize)]
pub struct Parameters {
    #[serde(default)]
    after: u64,
}

pub async fn show(parameters: Query<Parameters>, shared: Data<Shared>) -> HttpResponse {
    let world = shared.world();
    let ledger = &world.ledger;
    HttpResponse::Ok().json(json!({
        "world": world.number,
        "counts": ledger.counts(),
        "latest": ledger.latest(),
        "entries": ledger.after(parameters.after).collect::<Vec<_>>(),
    }))
}
