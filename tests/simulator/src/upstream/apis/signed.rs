//! Calls that a third-party or custom app signs instead of bringing a token: the old way to an organisation's access_token.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::upstream::answer::Answer;
use crate::upstream::call::Call;
use crate::world::{Kind, Millis, Registered, World, real_now};

const MINUTE: Millis = 60 * 1000;
/// A smaller timestamp is in seconds: in milliseconds it would be before September 2001.
const IN_SECONDS: Millis = 1_000_000_000_000;

/// The app that signed a call, if everything about the signature is right.
pub fn signer<'a>(call: &Call, world: &'a World) -> Result<&'a Registered, Answer> {
    let parameter = |name| call.query_parameter(name).unwrap_or_default();
    let refused = |errcode, errmsg| Answer::legacy_error(errcode, errmsg);
    let timestamp = parameter("timestamp");
    let at: Millis = timestamp.parse().ok().filter(|at| *at >= IN_SECONDS).ok_or_else(|| refused(853_001, "时间戳不是毫秒"))?;
    // The real time is accepted as well, because a test can move the simulated clock, but not the app's.
    let is_now = |now: Millis| now.abs_diff(at) <= MINUTE;
    if !is_now(world.now()) && !is_now(real_now()) {
        return Err(refused(853_002, "时间戳与服务器时间相差超过一分钟"));
    }
    let developed_elsewhere = |app: &&Registered| app.kind != Kind::Internal;
    let app =
        world.app(&parameter("accessKey")).filter(developed_elsewhere).ok_or_else(|| refused(853_003, "accessKey不存在"))?;
    let ticket = parameter("suiteTicket");
    if signature(&app.client_secret, &timestamp, &ticket) != parameter("signature") {
        return Err(refused(853_004, "签名不匹配"));
    }
    if accepts_ticket(app, &ticket, world) { Ok(app) } else { Err(refused(40085, "不合法的suite_ticket")) }
}

/// Whether a suite ticket is valid: any ticket of a custom app is, of a third-party app only the newest.
pub fn accepts_ticket(app: &Registered, ticket: &str, world: &World) -> bool {
    match app.kind {
        Kind::Internal => false,
        Kind::Custom => !ticket.is_empty(),
        Kind::ThirdParty => world.suite_tickets.current(&app.client_id) == Some(ticket),
    }
}

fn signature(secret: &str, timestamp: &str, ticket: &str) -> String {
    // A key of any length will do for an HMAC.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("{timestamp}\n{ticket}").as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_an_hmac_over_time_and_ticket() {
        let signature = signature("customSecretSAMPLE", "1700000000000", "TestSuiteTicket");
        assert_eq!(signature, "BhlDV+pIiqSg95LVZVDZoGG1ILbIqowst5aMDdhcZAw=");
    }
}
