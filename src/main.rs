//! The command line: the commands, what each of them does, and how the program ends.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::{Arg, ArgGroup, ArgMatches, Command, Id, arg, value_parser};
use dingtalk_h5::application::{Application, sealing_keys, state_of};
use dingtalk_h5::dingtalk::{AuthCode, Clock, CorpId, UserId};
use dingtalk_h5::doctor::{self, Asked, Report, Verdict};
use dingtalk_h5::environment::{Environment, Setting};
use dingtalk_h5::settings::Settings;
use dingtalk_h5::state::{Location, State};
use dingtalk_h5::telemetry;
use dingtalk_h5::web::Language;
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

/// Exit code for settings that cannot be used; clap uses the same for a command line that cannot. What fails otherwise ends with 1.
const UNUSABLE: u8 = 2;
/// What to do about settings that are missing or wrong.
const WHERE_TO_SET: &str =
    "\nSet them in the environment or in .env (see .env.example). No DingTalk account yet? `cargo dev` needs none.";

/// With musl's own allocator an answer costs almost twice the time.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = commands().get_matches();
    let (command, options) = arguments.subcommand().unwrap_or(("serve", &arguments));
    if command == "unit" {
        return unit(options);
    }
    if let Err(error) = read_dot_env() {
        return end(UNUSABLE, error);
    }
    match command {
        "health" => health(options),
        "doctor" => doctor(options),
        "end-sessions" => with_settings(options, async |settings| end_sessions(&settings, options).await),
        "take-over" => with_settings(options, async |settings| take_over(&settings, options).await),
        _ => {
            // Without a command there are no options.
            let checks = arguments.subcommand().is_none() || !options.get_flag("no-checks");
            with_settings(options, async |settings| serve(settings, checks).await)
        }
    }
}

/// Sets the variables in this directory's `.env`, if there is one, that the environment does not set. Of several lines for one name the
/// last counts, as it does for systemd. Each line must parse by itself: a quote left open would swallow the lines that follow. The error
/// gives only the line's number, because the parser's own message quotes the line, which may hold a secret.
fn read_dot_env() -> Result<(), String> {
    let text = match std::fs::read_to_string(".env") {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!(".env cannot be read: {}", error.kind())),
    };
    const MALFORMED: &str =
        ".env is malformed: each line is NAME=value, with single quotes around a value that has blanks, quotes, \\ or $";
    let read = |text: &str| dotenvy::from_read_iter(format!("{text}\n").as_bytes()).collect::<Result<HashMap<_, _>, _>>();
    let text = text.trim_start_matches('\u{feff}');
    if let Some(nth) = text.lines().position(|line| line.contains('\0') || read(line).is_err()) {
        return Err(format!("{MALFORMED}; line {} is not", nth + 1));
    }
    let mut last = read(text).map_err(|_| MALFORMED)?;
    last.retain(|name, _| std::env::var_os(name).is_none_or(|set| set.to_string_lossy().trim().is_empty()));
    // To set a variable is unsafe, which this crate forbids, so dotenvy sets them: it parses those that are left once more.
    let escaped = |value: &str| value.replace('\\', r"\\").replace('"', r#"\""#).replace('$', r"\$");
    let text: String = last.iter().map(|(name, value)| format!("{name}=\"{}\"\n", escaped(value))).collect();
    dotenvy::from_read_override(text.as_bytes()).map_err(|_| MALFORMED.to_owned())
}

/// Runs a command that needs all settings and reports to the log.
fn with_settings(options: &ArgMatches, work: impl AsyncFnOnce(Settings) -> anyhow::Result<()>) -> ExitCode {
    let settings = match Settings::read(environment(options)) {
        Ok(settings) => settings,
        Err(faults) => return end(UNUSABLE, format!("{faults}{WHERE_TO_SET}")),
    };
    let _log = telemetry::start();
    match run(work(settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs `work` to its end. Does not wait for threads that still block: on a disk or a name server that does not answer they may block for
/// ever.
fn run<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    done
}

fn health(options: &ArgMatches) -> ExitCode {
    let answered = run(async { doctor::health(&Settings::read_server(environment(options))?).await });
    answered.map_or_else(|error| end(ExitCode::FAILURE, error), |()| ExitCode::SUCCESS)
}

/// Examines the app and prints what to change, and where.
fn doctor(options: &ArgMatches) -> ExitCode {
    let of_terminal =
        || ["LC_ALL", "LC_MESSAGES", "LANG"].iter().filter_map(|name| std::env::var(name).ok()).find(|set| !set.is_empty());
    let tag = options.get_one::<String>("lang").cloned().or_else(of_terminal);
    let language = if tag.is_some_and(|tag| tag.starts_with("zh")) { Language::Chinese } else { Language::English };
    let json = options.get_flag("json");
    let settings = match Settings::read(environment(options)) {
        Ok(settings) => settings,
        Err(faults) if json => {
            return say(&Report::of_faults(&faults).to_json(language), UNUSABLE.into());
        }
        Err(faults) => return end(UNUSABLE, format!("{faults}{WHERE_TO_SET}")),
    };
    let asked = match asked(options) {
        Ok(asked) => asked,
        Err(error) => return end(UNUSABLE, error),
    };
    match run(doctor::examine(&settings, Clock::system(), asked)) {
        Ok(report) => {
            let told = if json { report.to_json(language).to_string() } else { report.to_text(language) };
            say(&told.trim_end(), if report.verdict() == Verdict::Fail { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        }
        Err(error) => end(ExitCode::FAILURE, error),
    }
}

/// What to examine. An authCode is read from standard input, because other processes can read command lines.
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

/// Prints what a command was asked for, and ends with `code`.
fn say(answer: &impl Display, code: ExitCode) -> ExitCode {
    match writeln!(std::io::stdout(), "{answer}") {
        // Its reader has seen enough, such as `head`.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => code,
        Err(error) => end(ExitCode::FAILURE, format!("standard output cannot be written: {error}")),
        Ok(()) => code,
    }
}

/// How long an administrator's command waits for Redis.
const REDIS_TIMEOUT: Duration = Duration::from_secs(3);

/// Ends the sessions of a person, or of everybody, in an organisation, in all processes. When this returns without an error, that is
/// stored.
async fn end_sessions(settings: &Settings, options: &ArgMatches) -> anyhow::Result<()> {
    let home = settings.dingtalk.kind.home().map(|home| &home.corp_id);
    let corp_id = options.get_one::<CorpId>("corp").or(home);
    let corp_id = corp_id.context("a third-party app has many organisations: --corp says of which")?.clone();
    ensure!(
        home.is_none_or(|home| *home == corp_id),
        "--corp is not DINGTALK_CORP_ID: this app has sessions of that organisation only"
    );
    with_shared_state(settings, async |clock, state| {
        match options.get_one::<UserId>("user") {
            Some(user_id) => state.end_sessions_of_person(corp_id, user_id.clone(), clock.moment()),
            None => state.end_sessions_of_organisation(corp_id, clock.moment()),
        }
        state.kept_within(REDIS_TIMEOUT).await.context("nothing could be stored, so that no process has ended them")?;
        let condition = state.condition();
        match condition.processes.get() - 1 {
            0 if condition.shared => tracing::warn!(
                "stored, but no process of this app has heard it: if one runs, is this its redis and database, and its DINGTALK_CLIENT_ID?"
            ),
            processes if condition.shared => tracing::info!(processes, "ended"),
            _ => tracing::info!("ended"),
        }
        Ok(())
    })
    .await
}

/// Takes over what the file of one process stored, and logs how many entries that was.
async fn take_over(settings: &Settings, options: &ArgMatches) -> anyhow::Result<()> {
    let from = options.get_one::<PathBuf>("from").context("--from is required")?;
    ensure!(
        matches!(settings.state, Location::Redis(_)),
        "take-over copies to the redis of STATE_URL: set it to redis://… or rediss://…"
    );
    let count = with_shared_state(settings, async |_, state| state.take_over(from, sealing_keys(settings)).await).await?;
    tracing::info!(count, "taken over");
    Ok(())
}

/// Runs an administrator's command with the state that the running app uses.
async fn with_shared_state<T>(
    settings: &Settings,
    command: impl AsyncFnOnce(&Clock, &State) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    ensure!(
        !matches!(settings.state, Location::Memory),
        "STATE_URL is memory:, which only the server itself can reach, and sessions outlive it in their cookies: end them with a new \
         SESSION_KEY, or keep state in a file or in redis"
    );
    if let Location::File(path) = &settings.state {
        const ELSEWHERE: &str = "nothing was changed. A relative path is below where the server was started";
        std::fs::metadata(path).with_context(|| format!("{}: {ELSEWHERE}", path.display()))?;
    }
    let clock = Clock::system();
    let state = state_of(settings, clock.clone())?;
    let is_followed = state.is_followed(REDIS_TIMEOUT).await;
    ensure!(is_followed, "redis is away, so nothing was changed: {}", state.why_away().unwrap_or("it answers too late"));
    let done = command(&clock, &state).await;
    state.sign_off().await;
    done
}

/// Prints a unit for systemd that runs this very program, or the configuration of a proxy in front of it.
fn unit(options: &ArgMatches) -> ExitCode {
    let program = std::env::current_exe().unwrap_or_else(|_| "/usr/local/bin/dingtalk-h5".into());
    let unit = match options.get_one::<String>("proxy").map(String::as_str) {
        Some("nginx") => include_str!("unit/nginx.conf").to_owned(),
        Some(_) => include_str!("unit/Caddyfile").to_owned(),
        None => include_str!("unit/dingtalk-h5.service").replace("{program}", &program.to_string_lossy()),
    };
    say(&unit.trim_end(), ExitCode::SUCCESS)
}

/// Prints why the program ends. If that fails, such as on a full disk, the exit code is still this one.
fn end(code: impl Into<ExitCode>, why: impl Display) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{why:#}");
    code.into()
}

async fn serve(settings: Settings, checks: bool) -> anyhow::Result<()> {
    let address = settings.server.app_addr;
    let listener = TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    let scheme = settings.server.scheme();
    let public_url = settings.web.public_url.clone();
    let mut stop = Box::pin(told_to_stop().context("signals cannot be heard")?);
    let application = tokio::select! {
        built = Application::build(listener, settings, Clock::system()) => built?,
        () = &mut stop => return Ok(()),
    };
    let address = application.address();
    let metrics =
        application.metrics_address().map(|address| format!("metrics on http://{address}/metrics\n")).unwrap_or_default();
    let said = format!("listening on {scheme}://{address} for {public_url}\n{metrics}");
    // Standard output may be closed, or a pipe that nobody reads: the server works all the same.
    tokio::task::spawn_blocking(move || std::io::stdout().write_all(said.as_bytes()));
    if checks {
        tokio::spawn(doctor::at_start(application.dingtalk()));
    }
    application.run_until_stopped(stop).await.context("the server failed")
}

/// Completes at SIGTERM or Ctrl-C, which are caught from now on, not only once this is awaited. SIGHUP, SIGUSR1 and SIGUSR2 do nothing: no
/// signal is needed for a new certificate, which the server notices by itself.
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

/// All commands with their options.
#[rustfmt::skip] // An option a line.
fn commands() -> Command {
    let command = |name, about| Command::new(name).about(about);
    // Their settings are those of `serve`, whose help shows the options.
    let taking_settings = |name, about| command(name, about).args(Settings::known().iter().map(|setting| option(setting).hide(true)));
    Command::new("dingtalk-h5").version(env!("CARGO_PKG_VERSION")).about("The backend of a DingTalk H5 micro-app").subcommands([
        command("serve", "Serve the app. This is also what happens without a command")
            .after_help("Each option may as well be an environment variable or a line of .env, by the name in brackets.")
            .args(Settings::known().iter().map(option))
            .arg(arg!(--"no-checks" "Do not look at start whether DingTalk grants what the app needs")),
        taking_settings("doctor", "Say what to change, and where, when something does not work: exit code 0, 1 (something fails) or 2 (settings, or no code)")
            .after_help(DOCTOR_HELP)
            .args([
                arg!(--user <USERID> "Read this person's details, as the profile page does"),
                arg!(--code "Exchange an authCode, read from standard input, which uses it up"),
                arg!(--json "For programs: see below"),
                arg!(--lang <lang> "Language of the words; that of the terminal if not given").value_parser(["zh", "en"]),
                arg!(--"no-dingtalk" "Make no call to DingTalk"),
                arg!(--"no-public" "Make no request to PUBLIC_URL"),
            ]),
        taking_settings("end-sessions", "End sessions in all processes, of a person or of everybody. The settings are those of serve, and so are \
            their options. With STATE_URL=file: the server must have stopped; with memory: only a new SESSION_KEY ends sessions")
            .arg(arg!(--corp <CORPID> "In this organisation; needed for a third-party app").value_parser(|text: &str| CorpId::parse(text)))
            .group(ArgGroup::new("whose").args(["user", "all"]).required(true))
            .arg(arg!(--user <USERID> "Of this person").value_parser(|text: &str| UserId::parse(text)))
            .arg(arg!(--all "Of everybody")),
        taking_settings("take-over", "Bring what a file kept to the redis of STATE_URL, after the server of that file has stopped")
            .arg(arg!(--from <PATH> "What STATE_URL=file:PATH named").required(true).value_parser(value_parser!(PathBuf))),
        taking_settings("health", "Ask the server at APP_ADDR whether it is alive: exit code 0 if it is"),
        command("unit", "Print a unit for systemd that runs the server and lets it do nothing else")
            .arg(arg!(--proxy <proxy> "Print what a proxy in front of it needs instead").value_parser(["caddy", "nginx"])),
    ])
}

const DOCTOR_HELP: &str = "\
At most 12 calls to DingTalk, and none that takes anything away from a server that runs at APP_ADDR. Nothing secret is printed.
The settings are those of `serve`, and so are their options.

--json prints one object, to which fields may be added:
  {\"version\": 1, \"verdict\": \"pass|warn|fail\", \"checks\": [{\"id\", \"verdict\": \"pass|warn|fail|not_done\",
    \"expected\", \"seen\", \"fix\", \"console\", \"because\"}]}
Ids stay. `fix` comes with warn and fail, `console` (its address) when it is to be mended there, and `because` with not_done where
another check has to pass first: its id. What is wrong before any check, such as a malformed .env, goes to standard error.";

/// The option of a setting. Every process of the machine can read command lines, so a secret has no option, only the file that holds it.
fn option(setting: &Setting) -> Arg {
    let Setting { name, about, is_secret } = setting;
    let (name, about) = match is_secret {
        true => (format!("{name}_FILE"), format!("File with {name}: {about}")),
        false => (name.to_string(), about.clone()),
    };
    let long = name.to_lowercase().replace('_', "-");
    Arg::new(name.clone()).long(long).value_name(name).help(about)
}

/// The environment variables of this process, overridden by the options. Bytes that are not UTF-8 become U+FFFD, and the setting's own
/// check decides about the result.
fn environment(options: &ArgMatches) -> Environment {
    let text = |text: OsString| text.to_string_lossy().into_owned();
    let variables = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
    // The ids of settings are in upper case, those of other options in lower case.
    let is_setting = |name: &&Id| name.as_str().starts_with(char::is_uppercase);
    let option = |name: &Id| Some((name.to_string(), options.get_one::<String>(name.as_str())?.clone()));
    variables.chain(options.ids().filter(is_setting).filter_map(option)).collect()
}
