//! `POST /dingtalk/events`: DingTalk posts its events here. They are acknowledged once they are handled and stored.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{Data, Payload, Query, ServiceConfig};
use futures_util::future::join_all;
use tokio::time::timeout;

use super::{Metrics, route};
use crate::dingtalk::events::{Callback, CallbackCall, Heard};
use crate::state::State;

/// The longest body: enough for a batch of events, each of which is a few hundred bytes.
const MAX_BYTES: usize = 256 * 1024;
/// How long a body may take to arrive. DingTalk itself gives up earlier than that, so none of its bodies is cut off.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// The route that DingTalk posts to, with `DINGTALK_EVENTS=http`.
pub fn routes(routes: &mut ServiceConfig) {
    routes.service(route::post("/dingtalk/events", hear));
}

/// Whoever is not DingTalk gets an empty 400. An event that cannot be stored is not acknowledged (503), so that DingTalk sends it again.
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
    // The events of a batch are handled at the same time, so that one write stores them all.
    let kept = join_all(heard.events.into_iter().map(|event| event.tell(state.get_ref(), metrics.get_ref())));
    if kept.await.into_iter().all(|kept| kept) {
        HttpResponse::Ok().json(heard.answer)
    } else {
        HttpResponse::ServiceUnavailable().finish()
    }
}

/// Checks the query first: if it shows that the caller is not DingTalk, the body is not read.
async fn understood(call: Option<Query<CallbackCall>>, body: Payload, callback: &Callback) -> Result<Heard, &'static str> {
    let call = call.ok_or("its query is not that of a call of DingTalk's")?;
    callback.admit(&call)?;
    match timeout(BODY_TIMEOUT, body.to_bytes_limited(MAX_BYTES)).await {
        Ok(Ok(Ok(body))) => callback.hear(&call, &body),
        _ => Err("its body did not come, or is longer than any of DingTalk's"),
    }
}
