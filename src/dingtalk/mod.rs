//! DingTalk, as one app in the organisations that have it uses it: credentials that renew themselves, calls that are authorised, bounded, repeated
//! where that does no harm and sorted when they fail, and the signatures that pages need. Imports nothing of this crate, so it could be
//! lifted out as one.

mod app; // Start here: `DingTalk`, which is the app,
mod organisation; // and an `Organisation` that has it, with the one path of all its calls.
mod settings; // What is to be known of the app: its kind above all.
mod grant; // How its access_tokens are granted, which is what the kinds differ in.
mod peers; // What processes that run the same app share, and know of its organisations.
mod call; // A call is a value: what is called, and how; with its parameters, where one request goes.
mod api; // How calls go out, through the breaker.
mod kept; // Answers that are good for a while, so that a page is no lever on DingTalk.
mod refreshing; // The access_token and the jsapi_ticket: held, renewed in time, replaced when rejected.
mod transport; // One HTTP request and its answer.
mod turns; // Calls leave in order and at DingTalk's pace:
mod line; // who is next,
mod pace; // and when.
mod breaker; // Stops all calls while DingTalk shuts this server out, and knows whether it answers at all.
mod answer; // Whether an answer is a success, and what the codes of refusals mean.
mod said; // What is quoted of it, without credentials.
mod error; // What can go wrong, and what to do about it,
mod words; // in both languages; and about a refused signature.
pub mod events; // What DingTalk tells without being asked.
mod identifiers; // CorpId, userid, authCode and the like, each checked once.
mod user; // Who somebody is.
mod signature; // Which addresses are signed for `dd.config`, and how.
mod client_refusal; // Why a client refused a signature.
mod clock; // Where time comes from, and what happens seldom.

pub use self::answer::JsonObject;
pub use self::api::Observer;
pub use self::app::{DingTalk, DingTalkState};
pub use self::breaker::BreakerState;
pub use self::call::{Call, Target};
pub use self::client_refusal::ClientRefusal;
pub use self::clock::{Clock, Moment, Seldom};
pub use self::error::{Error, Kind, NoConnection};
pub use self::identifiers::{
    AccessToken, AgentId, AuthCode, ClientId, ClientSecret, CorpId, JsapiTicket, Malformed, StreamTicket, SuiteTicket, UserId,
};
pub use self::line::Network;
pub use self::organisation::{Organisation, OrganisationState};
pub use self::pace::Sharing;
pub use self::peers::{Answering, Authorisation, Authorisations, Departing, Departures, Grant, Leave, Needed, Outcome, Peers};
pub use self::refreshing::CredentialState;
pub use self::said::Said;
pub use self::settings::{AppKind, Credentials, Events, Home, Settings, is_loopback};
pub use self::signature::{Digest, InvalidPageUrl, NonceStr, Origin, PageUrl, Recipe, SignedPage, UrlForm};
pub use self::transport::Proxy;
pub(crate) use self::transport::{causes, root};
pub use self::turns::{Standing, Waiting};
pub use self::user::{DisplayName, User, UserDetails};
pub(crate) use self::words::told;
pub use self::words::{Part, Told};
