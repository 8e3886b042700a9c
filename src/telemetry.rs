//! Logging: one line an event, JSON when nobody is looking at a terminal.
//!
//! What may be logged: route patterns, statuses, durations, request ids, DingTalk's codes. What may not: secrets, tokens, tickets,
//! codes, cookies, and query strings, which may hold any of them.

use std::io::IsTerminal;

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging to standard error. `RUST_LOG` takes levels such as `debug` or `dingtalk_h5=trace,info`; the HTTP libraries stay at
/// warnings whatever it says, because their finer lines print URLs and headers.
pub fn start() {
    let asked = std::env::var("RUST_LOG").ok().and_then(|text| text.parse::<Targets>().ok());
    let ours = asked.unwrap_or_else(|| Targets::new().with_default(Level::INFO));
    let level = ours.default_level();
    let filter = Targets::new()
        .with_default(level.unwrap_or(Level::INFO.into()).min(Level::WARN.into()))
        .with_target("dingtalk_h5", level.unwrap_or(Level::INFO.into()))
        .with_targets(ours.into_iter().filter(|(target, _)| target.starts_with("dingtalk_h5")));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    if std::io::stderr().is_terminal() {
        registry.with(lines.with_target(false)).init();
    } else {
        registry
            .with(
                lines
                    .json()
                    .flatten_event(true)
                    .with_current_span(false)
                    .with_span_list(false),
            )
            .init();
    }
}
