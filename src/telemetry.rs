//! Logging: one line per event, as JSON when standard error is not a terminal.
//!
//! What may be logged: route patterns, statuses, durations, request ids, CorpIds, DingTalk's codes. What may not: secrets, tokens,
//! tickets, codes, cookies, and query strings, which may hold any of them.
//!
//! Lines are written on a thread of their own, so that a stalled reader of standard error does not hold up requests. A panic is logged,
//! too.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{BufWriter, IsTerminal, Stderr, Write};
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use tracing::Level;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How many lines may wait to be written: some two megabytes, which a busy server logs in seconds. While the queue is full, further lines
/// are lost.
const QUEUE: usize = 8192;

/// How long lines are gathered before they are written together: waking the writing thread costs more than writing.
const GATHERING: Duration = Duration::from_millis(10);

/// The lines for which the queue had no room.
static LOST: OnceLock<ErrorCounter> = OnceLock::new();
/// The lines that could not be written, such as to a full disk.
static UNWRITTEN: AtomicU64 = AtomicU64::new(0);

/// Keeps the log open. When it is dropped, the lines that still wait are written, if that takes no more than a second.
#[must_use = "nothing is logged after it is dropped"]
pub struct Log(Option<WorkerGuard>);

impl Drop for Log {
    /// The library's guard is dropped on a thread of its own, because that may block: if the queue stays full, the guard prints an error to
    /// standard output, whose reader may stall as well.
    fn drop(&mut self) {
        const TIMEOUT: Duration = Duration::from_millis(1500);
        let guard = self.0.take();
        let (done, ended) = mpsc::channel::<()>();
        let write_the_rest = move || {
            let _until_then = done;
            drop(guard);
        };
        if thread::Builder::new().spawn(write_the_rest).is_ok() {
            let _ = ended.recv_timeout(TIMEOUT);
        }
    }
}

/// Starts logging to standard error. `RUST_LOG` takes levels such as `debug` or `dingtalk_h5=trace,info`.
pub fn start() -> Log {
    let asked = std::env::var("RUST_LOG").unwrap_or_default();
    let (writer, guard) =
        NonBlockingBuilder::default().buffered_lines_limit(QUEUE).finish(Gathering(BufWriter::new(std::io::stderr())));
    LOST.get_or_init(|| writer.error_counter());
    if std::io::stderr().is_terminal() {
        let lines = tracing_subscriber::fmt::layer().with_target(false).with_writer(writer);
        tracing_subscriber::registry().with(filter(&asked)).with(lines).init();
    } else {
        json(&asked, writer).init();
    }
    if !asked.trim().is_empty() && parsed(&asked).is_none() {
        tracing::warn!("RUST_LOG is malformed and counts as info; it may be debug, or dingtalk_h5=trace,warn");
    }
    std::panic::set_hook(Box::new(log_panic));
    Log(Some(guard))
}

/// Logs a panic: its place, its message and, with RUST_BACKTRACE, its backtrace.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let said = panic.payload();
    let said = said.downcast_ref::<&str>().copied().or_else(|| said.downcast_ref::<String>().map(String::as_str));
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    tracing::error!(
        at = panic.location().map(tracing::field::display),
        backtrace,
        "a panic: {}",
        said.unwrap_or("it says nothing")
    );
}

/// How many lines were lost, because the reader did not keep up or could not take them.
pub fn lines_lost() -> u64 {
    LOST.get().map_or(0, |lost| lost.dropped_lines() as u64) + UNWRITTEN.load(Ordering::Relaxed)
}

/// What the writing thread writes to. That thread flushes it whenever no line waits.
struct Gathering(BufWriter<Stderr>);

impl Write for Gathering {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let written = self.0.write(line);
        if written.is_err() {
            UNWRITTEN.fetch_add(1, Ordering::Relaxed);
        }
        written
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()?;
        thread::sleep(GATHERING);
        Ok(())
    }
}

/// One JSON object a line, to `writer`.
pub fn json(asked: &str, writer: impl for<'a> MakeWriter<'a> + Send + Sync + 'static) -> impl SubscriberInitExt {
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(writer);
    tracing_subscriber::registry().with(filter(asked)).with(lines)
}

/// The levels that `asked` (RUST_LOG) sets, or `None` if it says nothing about this program. The library takes a word that is no level for
/// the name of a program, and an empty word for the level `error`.
fn parsed(asked: &str) -> Option<Targets> {
    if asked.split(',').any(str::is_empty) {
        return None;
    }
    let targets: Targets = asked.parse().ok()?;
    let is_of_us = targets.default_level().is_some() || targets.iter().any(|(target, _)| target.starts_with("dingtalk_h5"));
    is_of_us.then_some(targets)
}

/// The levels that `asked` sets, or `info` when that makes no sense. Libraries log warnings at most, whatever is asked for, because the
/// finer lines of the HTTP libraries print URLs and headers.
fn filter(asked: &str) -> Targets {
    let targets = parsed(asked).unwrap_or_default();
    let level = targets.default_level().unwrap_or(Level::INFO.into());
    Targets::new()
        .with_default(level.min(Level::WARN.into()))
        .with_target("dingtalk_h5", level)
        .with_targets(targets.into_iter().filter(|(target, _)| target.starts_with("dingtalk_h5")))
}
