//! The command line.

use std::net::TcpListener;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use dingtalk_h5::application::Application;
use dingtalk_h5::dingtalk::Clock;
use dingtalk_h5::settings::{Environment, Settings};
use dingtalk_h5::telemetry;
use tokio::signal::unix::{SignalKind, signal};

/// The backend of a DingTalk H5 micro-app.
#[derive(Parser)]
#[command(version)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the app. This is also what happens without a command.
    ///
    /// The two secrets have no option: set DINGTALK_CLIENT_SECRET and SESSION_KEY in the environment or in .env, or let
    /// DINGTALK_CLIENT_SECRET_FILE and SESSION_KEY_FILE point to files.
    Serve(Box<Environment>),
}

/// Exit code for settings that cannot be used; clap uses the same for a command line that cannot.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    if let Err(error) = read_dot_env() {
        eprintln!("{error}");
        return ExitCode::from(UNUSABLE);
    }
    let mut arguments: Vec<_> = std::env::args_os().collect();
    if arguments.len() < 2 {
        arguments.push("serve".into());
    }
    let Command::Serve(environment) = CommandLine::parse_from(arguments).command;
    let settings = match environment.with_secrets().check() {
        Ok(settings) => settings,
        Err(faults) => {
            eprintln!("{faults}");
            return ExitCode::from(UNUSABLE);
        }
    };
    let _log = telemetry::start();
    match actix_web::rt::System::new().block_on(serve(settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Reads `.env` of this directory if there is one. The parser's own message quotes the line it stumbled on, which may hold a secret.
fn read_dot_env() -> Result<(), String> {
    match dotenvy::from_path(".env") {
        Ok(()) => Ok(()),
        Err(dotenvy::Error::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(dotenvy::Error::Io(error)) => Err(format!(".env cannot be read: {}", error.kind())),
        Err(_) => Err(".env is malformed: each line is NAME=value, with quotes around values that have spaces".to_owned()),
    }
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    let listener = TcpListener::bind(settings.app_addr).with_context(|| format!("cannot listen on {}", settings.app_addr))?;
    let (address, public_url) = (listener.local_addr()?, settings.public_url.clone());
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let application = Application::build(listener, settings, Clock::system())?;
    println!("listening on {scheme}://{address} for {public_url}");
    if let Some(address) = application.metrics_address() {
        println!("metrics on http://{address}/metrics");
    }
    application
        .run_until_stopped(told_to_stop())
        .await
        .context("the server failed")
}

/// SIGTERM from whoever runs the server, or Ctrl-C from whoever sits in front of it.
async fn told_to_stop() {
    let interrupted = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminated) => tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted => {}
        },
        Err(error) => {
            tracing::error!(%error, "SIGTERM cannot be heard");
            let _ = interrupted.await;
        }
    }
    tracing::info!("stopping");
}
