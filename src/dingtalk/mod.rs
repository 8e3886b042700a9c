//! The client for DingTalk of one app and the organisations that use it: credentials that renew themselves; calls that are authorised,
//! bounded in time and size, retried where that is harmless, and whose errors are classified; and the signatures that pages need. It
//! imports nothing else of this crate, so it could become a crate of its own.

mod app; // Start here: `DingTalk`, which is the app,
mod organisation; // and an `Organisation` that uses it, with the one path that all its calls take.
mod settings; // The app's settings, above all its kind.
mod grant; // How access_tokens are granted: in this the kinds of app differ.
mod peers; // Traits for what the processes of the same app share, and what is stored about its organisations.
mod call; // `Call`: which API is called, and how. `Target`: a call with the parameters of one request.
mod api; // Sends requests, through the circuit breaker.
mod answer_cache; // A cache of answers, so that reloading a page does not multiply the calls to DingTalk.
mod refreshing; // The access_token and the jsapi_ticket: held, renewed in time, replaced when rejected.
mod transport; // One HTTP request and its answer.
mod turns; // Calls leave in order, and no faster than DingTalk allows:
mod line; // who is next,
mod pace; // and when.
mod breaker; // Stops all calls while DingTalk bans this server's address, and records whether DingTalk answers at all.
mod answer; // Whether an answer is a success, and what the codes of refusals mean.
mod said; // Quotes of answers for the log, without credentials.
mod error; // What can go wrong, and what to do about it,
mod words; // in both languages; and about a refused signature.
pub mod events; // The events that DingTalk sends.
mod identifiers; // CorpId, userid, authCode and the like, each checked once.
mod user; // Who somebody is.
mod signature; // Which addresses are signed for `dd.config`, and how.
mod client_refusal; // Why a client refused a signature.
mod clock; // The clock.

pub use self::answer::JsonObject;
pub use self::api::Observer;
pub use self::app::{DingTalk, DingTalkState};
pub use self::breaker::BreakerState;
pub use self::call::{Call, Target};
pub use self::client_refusal::ClientRefusal;
pub use self::clock::{Clock, Moment};
pub use self::error::{Error, Kind, NoConnection};
pub use self::identifiers::{
    AccessToken, AgentId, AuthCode, ClientId, ClientSecret, CorpId, JsapiTicket, Malformed, StreamTicket, SuiteTicket, UserId,
};
pub use self::line::Network;
pub use self::organisation::{Organisation, OrganisationState};
pub use self::pace::Sharing;
pub use self::peers::{Authorisation, Authorisations, Grant, Needed, Peers, Permit, PermitAnswer, PermitRequest, PermitUse};
pub use self::refreshing::CredentialState;
pub use self::said::Said;
pub use self::settings::{AppKind, Credentials, Events, Home, Settings, is_loopback, site_of};
pub use self::signature::{Digest, InvalidPageUrl, NonceStr, Origin, PageUrl, Recipe, SignedPage, UrlForm};
pub use self::transport::Proxy;
pub(crate) use self::transport::{causes, root};
pub use self::turns::{Standing, Waiting};
pub use self::user::{DisplayName, User, UserDetails};
pub(crate) use self::words::told;
pub use self::words::{Part, Told};
