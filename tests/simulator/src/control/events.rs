//! `POST /control/events`: where an app listens, its suite ticket, and what becomes of its Stream connections.

use serde::Deserialize;
use serde_json::Value;

use super::Lever;
use crate::events::{PushUrl, Shape, StreamFault};
use crate::world::World;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Events {
    /// The app under test, if left out.
    client_id: Option<String>,
    /// The URL to which events are posted; an empty one removes it.
    url: Option<String>,
    /// The format in which events are posted to `url`.
    shape: Option<Shape>,
    suite_ticket: Option<SuiteTicket>,
    #[serde(default)]
    check_url: bool,
    stream: Option<StreamFault>,
    tell: Option<MadeUp>,
    /// Whether a new access_token of a third-party or custom app revokes the one before.
    newer_token_kills_older: Option<bool>,
}

/// An event that whoever tests made up.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MadeUp {
    /// The first organisation, if left out.
    corp_id: Option<String>,
    event_type: String,
    data: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum SuiteTicket {
    Rotate,
    Again,
}

impl Lever for Events {
    fn pull(self, world: &mut World) -> Result<(), String> {
        let client_id = super::client_id(self.client_id, world)?;
        if self.shape.is_some() && self.url.is_none() {
            return Err("shape is told together with url".to_owned());
        }
        if self.suite_ticket.is_some() {
            world.has_suite_tickets(&client_id)?;
        }
        if let Some(url) = self.url {
            let is_address = url::Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
            if !url.is_empty() && !is_address {
                return Err("url is the http or https address that events are posted to".to_owned());
            }
            let push_url = PushUrl { url, shape: self.shape.unwrap_or_default() };
            world.listen_at(&client_id, Some(push_url).filter(|push_url| !push_url.url.is_empty()));
        }
        match self.suite_ticket {
            Some(SuiteTicket::Rotate) => world.rotate_suite_ticket(&client_id),
            Some(SuiteTicket::Again) => world.push_suite_ticket_again(&client_id),
            None => {}
        }
        if self.check_url {
            world.check_url(&client_id);
        }
        if let Some(MadeUp { corp_id, event_type, data }) = self.tell {
            let corp_id = corp_id.unwrap_or_else(|| world.first_corp_id().to_owned());
            world.make_up(&client_id, &corp_id, &event_type, data)?;
        }
        if let Some(fault) = self.stream {
            world.disturb_stream(&client_id, fault);
        }
        world.tokens.newer_kills_older = self.newer_token_kills_older.unwrap_or(world.tokens.newer_kills_older);
        Ok(())
    }
}
