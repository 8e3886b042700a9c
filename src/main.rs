//! The command line.

use std::ffi::OsString;
use std::fmt::Display;
use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, Id, value_parser};
use dingtalk_h5::administration;
use dingtalk_h5::application::Application;
use dingtalk_h5::dingtalk::{AuthCode, Clock, CorpId, UserId};
use dingtalk_h5::doctor::{self, Asked, Report, Verdict};
use dingtalk_h5::environment::{Environment, Setting};
use dingtalk_h5::settings::Settings;
use dingtalk_h5::telemetry;
use dingtalk_h5::web::Language;
use tokio::signal::unix::{SignalKind, signal};

mod health;

/// Exit code for settings that cannot be used; clap uses the same for a command line that cannot.
const UNUSABLE: u8 = 2;

/// With musl's own an answer costs almost twice the time.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if let Err(error) = read_dot_env() {
        return unusable(&error);
    }
    let arguments = command_line().get_matches();
    match arguments.subcommand().unwrap_or(("serve", &arguments)) {
        ("health", options) => health(options),
        ("unit", options) => unit(options),
        ("doctor", options) => doctor(options),
        ("end-sessions", options) => with_settings(options, async |settings| end_sessions(&settings, options).await),
        ("take-over", options) => with_settings(options, async |settings| take_over(&settings, options).await),
        (_, options) => {
            let checks = !options.try_get_one(NO_CHECKS).is_ok_and(|given| given == Some(&true));
            with_settings(options, async |settings| serve(settings, checks).await)
        }
    }
}

/// Does what takes all settings and tells of itself in the log.
fn with_settings(options: &ArgMatches, work: impl AsyncFnOnce(Settings) -> anyhow::Result<()>) -> ExitCode {
    let settings = match Settings::read(environment(options)) {
        Ok(settings) => settings,
        Err(faults) => return unusable(&faults),
    };
    let _log = telemetry::start();
    match actix_web::rt::System::new().block_on(work(settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn health(options: &ArgMatches) -> ExitCode {
    let asked = Settings::read_server(environment(options)).map_err(anyhow::Error::from);
    let answered = asked.and_then(|server| actix_web::rt::System::new().block_on(health::ask(&server)));
    answered.map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS)
}

/// What to change, and where.
fn doctor(options: &ArgMatches) -> ExitCode {
    let language = match options.get_one::<String>("lang").map(String::as_str) {
        Some("zh") => Language::Chinese,
        Some(_) => Language::English,
        None => language_of_the_terminal(),
    };
    let (json, environment) = (options.get_flag("json"), environment(options));
    let settings = match Settings::read(environment) {
        Ok(settings) => settings,
        Err(faults) if json => {
            say(&Report::of_faults(&faults).to_json(language));
            return ExitCode::from(UNUSABLE);
        }
        Err(faults) => return unusable(&faults),
    };
    let asked = match asked(options) {
        Ok(asked) => asked,
        Err(error) => return unusable(&error),
    };
    match actix_web::rt::System::new().block_on(doctor::examine(&settings, Clock::system(), asked)) {
        Ok(report) => {
            match json {
                true => say(&report.to_json(language)),
                false => say(&report.to_text(language).trim_end()),
            }
            if report.verdict() == Verdict::Fail { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Err(error) => failed(&error),
    }
}

/// A code comes by standard input: command lines can be read by others.
fn asked(options: &ArgMatches) -> anyhow::Result<Asked> {
    let user = options.get_one::<String>("user").map(UserId::parse).transpose().context("--user")?;
    let code = match options.get_flag("code") {
        true => {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).context("standard input")?;
            Some(AuthCode::parse(line.trim()).context("the code on standard input")?)
        }
        false => None,
    };
    Ok(Asked { user, code, no_dingtalk: options.get_flag("no-dingtalk"), no_public: options.get_flag("no-public") })
}

fn language_of_the_terminal() -> Language {
    let set =
        ["LC_ALL", "LC_MESSAGES", "LANG"].iter().filter_map(|name| std::env::var(name).ok()).find(|value| !value.is_empty());
    if set.is_some_and(|value| value.starts_with("zh")) { Language::Chinese } else { Language::English }
}

fn say(report: &impl Display) {
    // Whoever asked may have gone.
    let _ = writeln!(std::io::stdout(), "{report}");
}

/// Prints a unit for systemd that runs this very program, or what stands in front of it.
fn unit(options: &ArgMatches) -> ExitCode {
    let program = std::env::current_exe().unwrap_or_else(|_| "/usr/local/bin/dingtalk-h5".into());
    let unit = match options.get_one::<String>("proxy").map(String::as_str) {
        Some("nginx") => include_str!("unit/nginx.conf").to_owned(),
        Some(_) => include_str!("unit/Caddyfile").to_owned(),
        None => include_str!("unit/dingtalk-h5.service").replace("{program}", &program.to_string_lossy()),
    };
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

fn failed(error: &anyhow::Error) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{error:#}");
    ExitCode::FAILURE
}

fn command_line() -> Command {
    let command = |name, about| Command::new(name).about(about);
    let user =
        Arg::new("user").long("user").value_name("USERID").help("Of this person").value_parser(|text: &str| UserId::parse(text));
    let all = Arg::new("all").long("all").action(ArgAction::SetTrue).help("Of everybody");
    let corp = Arg::new("corp").long("corp").value_name("CORPID").help("In this organisation; needed for a third-party app");
    let end_sessions =
        command(
            "end-sessions",
            "End sessions in all processes, of a person or of everybody. Settings come from the environment and .env, as for serve. With \
             STATE_URL=file: the server must have stopped; with memory: only a new SESSION_KEY ends sessions",
        )
            .arg(corp.value_parser(|text: &str| CorpId::parse(text)))
            .group(ArgGroup::new("whose").args(["user", "all"]).required(true))
            .args([user, all]);
    let from = Arg::new("from").long("from").value_name("PATH").required(true).help("What STATE_URL=file:PATH named");
    let take_over =
        command("take-over", "Bring what a file kept to the redis of STATE_URL, after the server of that file has stopped")
            .arg(from.value_parser(value_parser!(PathBuf)));
    Command::new("dingtalk-h5").version(env!("CARGO_PKG_VERSION")).about("The backend of a DingTalk H5 micro-app").subcommands([
        command("serve", "Serve the app. This is also what happens without a command")
            .after_help("Each option may as well be an environment variable or a line of .env, by the name in brackets.")
            .args(Settings::known().iter().map(option))
            .arg(flag(NO_CHECKS, "Do not look at start whether DingTalk grants what the app needs")),
        command(
            "doctor",
            "Say what to change, and where, when something does not work: exit code 0, 1 (something fails) or 2 (settings)",
        )
        .after_help(DOCTOR_HELP)
        .args([
            Arg::new("user").long("user").value_name("USERID").help("Read this person's details, as the quickstart does"),
            flag("code", "Exchange an authCode, read from standard input, which uses it up"),
            flag("json", "For programs: see below"),
            Arg::new("lang")
                .long("lang")
                .value_parser(["zh", "en"])
                .help("Language of the words; that of the terminal if not given"),
            flag("no-dingtalk", "Make no call to DingTalk"),
            flag("no-public", "Make no request to PUBLIC_URL"),
        ])
        .args(Settings::known().iter().map(|setting| option(setting).hide(true))),
        end_sessions,
        take_over,
        command("health", "Ask the server at APP_ADDR whether it is alive: exit code 0 or 1"),
        command("unit", "Print a unit for systemd that runs the server and lets it do nothing else").arg(
            Arg::new("proxy")
                .long("proxy")
                .value_parser(["caddy", "nginx"])
                .help("Print what a proxy in front of it needs instead"),
        ),
    ])
}

const NO_CHECKS: &str = "no-checks";

const DOCTOR_HELP: &str = "\
At most 12 calls to DingTalk, and none that takes anything away from a running server. Nothing secret is printed.
The settings are those of `serve`, and so are their options.

--json prints one object, to which fields may be added:
  {\"version\": 1, \"verdict\": \"pass|warn|fail\", \"checks\": [{\"id\", \"verdict\": \"pass|warn|fail|not_done\",
    \"expected\", \"seen\", \"fix\", \"console\", \"because\"}]}
Ids stay. `fix` comes with warn and fail, `console` (its address) when it is to be mended there, and `because` with not_done: the id
of the check that has to pass first.";

fn flag(name: &'static str, about: &'static str) -> Arg {
    Arg::new(name).long(name).help(about).action(ArgAction::SetTrue)
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
    // Other options are in lower case.
    let is_setting = |name: &&Id| name.as_str().starts_with(char::is_uppercase);
    let option = |name: &Id| Some((name.to_string(), options.get_one::<String>(name.as_str())?.clone()));
    variables.chain(options.ids().filter(is_setting).filter_map(option)).collect()
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

async fn end_sessions(settings: &Settings, asked: &ArgMatches) -> anyhow::Result<()> {
    let (corp_id, user_id) = (asked.get_one::<CorpId>("corp").cloned(), asked.get_one::<UserId>("user").cloned());
    administration::end_sessions(settings, corp_id, user_id).await
}

async fn take_over(settings: &Settings, asked: &ArgMatches) -> anyhow::Result<()> {
    let from = asked.get_one::<PathBuf>("from").context("--from is required")?;
    let count = administration::take_over(settings, from).await?;
    tracing::info!(count, "taken over");
    Ok(())
}

async fn serve(settings: Settings, checks: bool) -> anyhow::Result<()> {
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
    if checks {
        tokio::spawn(doctor::at_start(application.dingtalk()));
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
