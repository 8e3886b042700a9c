//! The command line.

use std::ffi::OsString;
use std::fmt::Display;
use std::io::Write;
use std::net::TcpListener;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Arg, ArgMatches, Command, Id};
use dingtalk_h5::application::Application;
use dingtalk_h5::dingtalk::Clock;
use dingtalk_h5::environment::{Environment, Setting};
use dingtalk_h5::settings::Settings;
use dingtalk_h5::telemetry;
use tokio::signal::unix::{SignalKind, signal};

mod health;

/// Exit code for settings that cannot be used; clap uses the same for a command line that cannot.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    if let Err(error) = read_dot_env() {
        return unusable(&error);
    }
    let arguments = command_line().get_matches();
    match arguments.subcommand().unwrap_or(("serve", &arguments)) {
        ("health", options) => health(options),
        ("unit", _) => unit(),
        (_, options) => serve(options),
    }
}

fn serve(options: &ArgMatches) -> ExitCode {
    let settings = match Settings::read(environment(options)) {
        Ok(settings) => settings,
        Err(faults) => return unusable(&faults),
    };
    let _log = telemetry::start();
    match actix_web::rt::System::new().block_on(run(settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn health(options: &ArgMatches) -> ExitCode {
    let asked = Settings::read_server(environment(options)).map_err(anyhow::Error::from);
    match asked.and_then(|server| actix_web::rt::System::new().block_on(health::ask(&server))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Prints a unit for systemd that runs this very program.
fn unit() -> ExitCode {
    let program = std::env::current_exe().unwrap_or_else(|_| "/usr/local/bin/dingtalk-h5".into());
    let unit = include_str!("unit.service").replace("{program}", &program.to_string_lossy());
    match std::io::stdout().write_all(unit.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Says so, to whoever can hear it: a disk that is full must not make another fault of this one.
fn unusable(fault: &impl Display) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{fault}");
    ExitCode::from(UNUSABLE)
}

fn command_line() -> Command {
    let command = |name, about| Command::new(name).about(about);
    Command::new("dingtalk-h5").version(env!("CARGO_PKG_VERSION")).about("The backend of a DingTalk H5 micro-app").subcommands([
        command("serve", "Serve the app. This is also what happens without a command")
            .after_help("Each option may as well be an environment variable or a line of .env, by the name in brackets.")
            .args(Settings::known().iter().map(option)),
        command("health", "Ask the server at APP_ADDR whether it is alive: exit code 0 or 1"),
        command("unit", "Print a unit for systemd that runs the server and lets it do nothing else"),
    ])
}

/// The option of a setting. Command lines can be read by every process of the machine, so a secret has none; its file does.
fn option(setting: &Setting) -> Arg {
    let Setting { name, about, is_secret } = setting;
    let (name, about) = match is_secret {
        true => (format!("{name}_FILE"), format!("File with {name}: {about}")),
        false => (name.to_string(), about.clone()),
    };
    let long = name.to_lowercase().replace('_', "-");
    Arg::new(name.clone()).long(long).value_name(name).help(about)
}

/// The variables of this process and the options, which outdo them. What is not UTF-8 is replaced, and left to the value's own check.
fn environment(options: &ArgMatches) -> Environment {
    let text = |text: OsString| text.to_string_lossy().into_owned();
    let variables = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
    let option = |name: &Id| Some((name.to_string(), options.get_one::<String>(name.as_str())?.clone()));
    variables.chain(options.ids().filter_map(option)).collect()
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

async fn run(settings: Settings) -> anyhow::Result<()> {
    let address = settings.server.app_addr;
    let listener = TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    let (address, public_url) = (listener.local_addr()?, settings.web.public_url.clone());
    let scheme = if settings.server.tls.is_some() { "https" } else { "http" };
    let application = Application::build(listener, settings, Clock::system()).await?;
    let stop = told_to_stop().context("signals cannot be heard")?;
    let mut said = std::io::stdout();
    // Nobody need be listening: the server works all the same.
    let _ = writeln!(said, "listening on {scheme}://{address} for {public_url}");
    if let Some(address) = application.metrics_address() {
        let _ = writeln!(said, "metrics on http://{address}/metrics");
    }
    application.run_until_stopped(stop).await.context("the server failed")
}

/// SIGTERM from whoever runs the server, or Ctrl-C from whoever sits in front of it: heard from now on, not from when it is awaited. Other
/// signals that services are sent change nothing: a new certificate is noticed without.
fn told_to_stop() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    let (mut terminated, mut interrupted) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let _ignored = [SignalKind::hangup(), SignalKind::user_defined1(), SignalKind::user_defined2()].map(signal);
    Ok(async move {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
        tracing::info!("stopping");
    })
}
