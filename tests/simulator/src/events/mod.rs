//! The events that DingTalk sends to an app.

mod cipher;
mod dispatch;
mod happening;
pub mod http;
mod outbox;
mod stream;
mod subscribers;

pub use dispatch::run;
pub use happening::{Event, Happening, number};
pub use http::{PushUrl, Shape};
pub use outbox::Outbox;
pub use stream::{StreamFault, mount};
pub use subscribers::{Subscribers, Subscription};
