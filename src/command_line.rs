//! The command line: the commands, their options, and the settings that are given as options.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgGroup, ArgMatches, Command, Id, arg, value_parser};
use dingtalk_h5::dingtalk::{CorpId, UserId};
use dingtalk_h5::environment::{Environment, Setting};
use dingtalk_h5::settings::Settings;

/// All commands with their options.
#[rustfmt::skip] // An option a line.
pub fn commands() -> Command {
    let command = |name, about| Command::new(name).about(about);
    Command::new("dingtalk-h5").version(env!("CARGO_PKG_VERSION")).about("The backend of a DingTalk H5 micro-app").subcommands([
        command("serve", "Serve the app. This is also what happens without a command")
            .after_help("Each option may as well be an environment variable or a line of .env, by the name in brackets.")
            .args(Settings::known().iter().map(option))
            .arg(arg!(--"no-checks" "Do not look at start whether DingTalk grants what the app needs")),
        command("doctor", "Say what to change, and where, when something does not work: exit code 0, 1 (something fails) or 2 (settings, or no code)")
            .after_help(DOCTOR_HELP)
            .args([
                arg!(--user <USERID> "Read this person's details, as the profile page does"),
                arg!(--code "Exchange an authCode, read from standard input, which uses it up"),
                arg!(--json "For programs: see below"),
                arg!(--lang <lang> "Language of the words; that of the terminal if not given").value_parser(["zh", "en"]),
                arg!(--"no-dingtalk" "Make no call to DingTalk"),
                arg!(--"no-public" "Make no request to PUBLIC_URL"),
            ])
            .args(Settings::known().iter().map(|setting| option(setting).hide(true))),
        command("end-sessions", "End sessions in all processes, of a person or of everybody. Settings come from the environment and .env, as for \
            serve. With STATE_URL=file: the server must have stopped; with memory: only a new SESSION_KEY ends sessions")
            .arg(arg!(--corp <CORPID> "In this organisation; needed for a third-party app").value_parser(|text: &str| CorpId::parse(text)))
            .group(ArgGroup::new("whose").args(["user", "all"]).required(true))
            .arg(arg!(--user <USERID> "Of this person").value_parser(|text: &str| UserId::parse(text)))
            .arg(arg!(--all "Of everybody")),
        command("take-over", "Bring what a file kept to the redis of STATE_URL, after the server of that file has stopped")
            .arg(arg!(--from <PATH> "What STATE_URL=file:PATH named").required(true).value_parser(value_parser!(PathBuf))),
        command("health", "Ask the server at APP_ADDR whether it is alive: exit code 0 if it is"),
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
pub fn environment(options: &ArgMatches) -> Environment {
    let text = |text: OsString| text.to_string_lossy().into_owned();
    let variables = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
    // The ids of settings are in upper case, those of other options in lower case.
    let is_setting = |name: &&Id| name.as_str().starts_with(char::is_uppercase);
    let option = |name: &Id| Some((name.to_string(), options.get_one::<String>(name.as_str())?.clone()));
    variables.chain(options.ids().filter(is_setting).filter_map(option)).collect()
}
