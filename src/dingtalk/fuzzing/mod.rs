//! What must hold whatever DingTalk answers and whatever address a page claims (see `crate::fuzzing`).

mod envelope;
mod page_url;

pub use self::envelope::envelope;
pub use self::page_url::page_url;
