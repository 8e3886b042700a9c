//! DingTalk, as one app in one organisation uses it: credentials that renew themselves, calls that are authorised, bounded, repeated
//! where that does no harm and sorted when they fail, and the signatures that pages need. Imports nothing of this crate, so it could be
//! lifted out as one.

/// Start here: an [`Organisation`] and its calls.
mod organisation;
/// A call is a value: what is called, and how.
mod call;
/// What can go wrong, and what to do about it.
mod error;
/// The access_token and the jsapi_ticket: held, renewed in time, replaced when rejected.
mod refreshing;
/// The one path of all calls.
mod api;
/// One HTTP request and its answer.
mod transport;
/// Stops all calls while DingTalk shuts this server out.
mod breaker;
/// Whether an answer is a success.
mod envelope;
/// What the codes of refusals mean.
mod codes;
/// CorpId, userid, authCode and the like, each checked once.
mod identifiers;
/// Who somebody is.
mod user;
/// Which addresses are signed.
mod page_url;
/// How they are signed for `dd.config`.
mod signature;
/// Why a client refused a signature.
mod client_refusal;
/// Which DingTalk is called, and as which app.
mod settings;
/// Where time comes from.
mod clock;

pub use self::api::Observer;
pub use self::breaker::BreakerState;
pub use self::call::Call;
pub use self::client_refusal::{ClientRefusal, Part};
pub use self::clock::{Clock, TimeSource};
pub use self::codes::Said;
pub use self::envelope::JsonObject;
pub use self::error::{Error, Kind, NoConnection};
pub use self::identifiers::{AccessToken, AgentId, AuthCode, ClientId, ClientSecret, CorpId, JsapiTicket, Malformed, UserId};
pub use self::organisation::{Organisation, OrganisationState};
pub use self::page_url::{InvalidOrigin, InvalidPageUrl, Origin, PageUrl};
pub use self::refreshing::CredentialState;
pub use self::settings::{Credentials, Settings, is_loopback};
pub use self::signature::{Digest, NonceStr, Recipe, SignedPage, UrlForm};
pub use self::user::{DisplayName, User, UserDetails};
