//! Logging: one line an event, JSON when nobody is looking at a terminal.
//!
//! What may be logged: route patterns, statuses, durations, request ids, DingTalk's codes. What may not: secrets, tokens, tickets,
//! codes, cookies, and query strings, which may hold any of them.

use std::io::IsTerminal;

use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging to standard error. `RUST_LOG` takes levels such as `debug` or `dingtalk_h5=trace,info`.
pub fn start() {
    let asked = std::env::var("RUST_LOG").unwrap_or_default();
    if std::io::stderr().is_terminal() {
        let lines = tracing_subscriber::fmt::layer()
            .with_target(false)
            .with_writer(std::io::stderr);
        tracing_subscriber::registry().with(filter(&asked)).with(lines).init();
    } else {
        json(&asked, std::io::stderr).init();
    }
}

/// One JSON object a line, to `writer`.
pub fn json<W>(asked: &str, writer: W) -> impl SubscriberInitExt
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(writer);
    tracing_subscriber::registry().with(filter(asked)).with(lines)
}

/// What is `asked` for, or `info` when that is empty or makes no sense. The HTTP libraries say warnings at most, whatever is asked for,
/// because their finer lines print URLs and headers.
fn filter(asked: &str) -> Targets {
    let targets: Option<Targets> = Some(asked).filter(|text| !text.is_empty()).and_then(|text| text.parse().ok());
    let targets = targets.unwrap_or_default();
    let level = targets.default_level().unwrap_or(Level::INFO.into());
    Targets::new()
        .with_default(level.min(Level::WARN.into()))
        .with_target("dingtalk_h5", level)
        // An error for each malformed request, which anybody can send.
        .with_target("actix_http::h1::dispatcher", LevelFilter::OFF)
        .with_targets(targets.into_iter().filter(|(target, _)| target.starts_with("dingtalk_h5")))
}
