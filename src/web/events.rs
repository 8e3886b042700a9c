//! `POST /dingtalk/events`: DingTalk calls, and is told that what it said is kept.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{Data, Payload, Query, ServiceConfig};
use futures_util::future::join_all;
use tokio::time::timeout;

use super::{Metrics, route};
use crate::dingtalk::Observer;
use crate::dingtalk::events::{Callback, CallbackCall, Heard, Listener};
use crate::state::State;

/// A batch of events, of which each is a few hundred bytes.
const MAX_BYTES: usize = 256 * 1024;
/// Longer than DingTalk waits for the answer, so nothing of its is cut off.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where DingTalk calls, if it does.
pub fn routes(routes: &mut ServiceConfig) {
    routes.service(route::post("/dingtalk/events", hear));
}

/// Nothing is told to whoever is not DingTalk. What cannot be kept is not acknowledged, so that it comes again.
async fn hear(
    call: Option<Query<CallbackCall>>,
    body: Payload,
    callback: Data<Callback>,
    state: Data<State>,
    metrics: Data<Metrics>,
) -> HttpResponse {
    let heard = match understood(call, body, &callback).await {
        Ok(heard) => heard,
        Err(refused) => {
            tracing::info!(reason = %refused, "an event was refused");
            return HttpResponse::BadRequest().finish();
        }
    };
    // Of a batch all together, so that they are kept in one go.
    let kept = join_all(heard.events.into_iter().map(async |event| {
        let name = event.what.name();
        let kept = state.hear(event).await;
        metrics.heard(name, kept);
        kept
    }));
    if kept.await.into_iter().all(|kept| kept) {
        HttpResponse::Ok().json(heard.answer)
    } else {
        HttpResponse::ServiceUnavailable().finish()
    }
}

/// Of whoever cannot be DingTalk by the head, nothing more is read.
async fn understood(call: Option<Query<CallbackCall>>, body: Payload, callback: &Callback) -> Result<Heard, &'static str> {
    let call = call.ok_or("its query is not that of a call of DingTalk's")?;
    callback.admit(&call)?;
    match timeout(PATIENCE, body.to_bytes_limited(MAX_BYTES)).await {
        Ok(Ok(Ok(body))) => callback.hear(&call, &body),
        _ => Err("its body did not come, or is longer than any of DingTalk's"),
    }
}
