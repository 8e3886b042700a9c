//! `cargo dev`: the app, and a simulated DingTalk beside it. Needs no settings and no account.
//!
//! The app is the product as it is; only its settings say that DingTalk is on this machine.

use std::ffi::OsString;
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;

use anyhow::Context;
use dingtalk_h5::app;
use dingtalk_h5::application::Application;
use dingtalk_h5::dingtalk::Clock;
use dingtalk_h5::environment::Environment;
use dingtalk_h5::settings::Settings;
use dingtalk_h5::telemetry;
use dingtalk_simulator::{Decision, Kind, Simulator, within_reach};

/// How many calls of one API DingTalk lets an app of the standard edition make in a second.
const DINGTALKS_LIMIT: u32 = 20;

fn main() -> ExitCode {
    let _log = telemetry::start();
    match actix_web::rt::System::new().block_on(run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    let kind = kind(std::env::args_os().skip(1).map(text))?;
    let simulator = Simulator::start_on(listen("SIMULATOR_ADDR", "127.0.0.1:8081")?).await?;
    simulator.calls_per_second(Some(DINGTALKS_LIMIT));
    simulator.put_to_test(simulator.app_of(kind));
    if kind == Kind::ThirdParty {
        // One organisation can use the app at once. Whoever tries it out can authorise it for the other.
        simulator.decide(simulator.organisations()[0], Decision::Authorise);
    }
    let listener = listen("APP_ADDR", "127.0.0.1:8080")?;
    let settings = settings(&simulator, kind, within_reach(listener.local_addr()?))?;
    let app = settings.web.public_url.to_string();
    simulator.show_app(&app);
    // An app of several organisations has to be told in which one it is opened.
    let organisation =
        if kind == Kind::ThirdParty { format!("/?corpid={}", simulator.organisations()[0]) } else { String::new() };
    let application = Application::build(listener, settings, Clock::system()).await?;
    println!("\n  the app                 {app}{organisation}\n  the simulated DingTalk  {}\n", simulator.url());
    let told_to_stop = async { drop(actix_web::rt::signal::ctrl_c().await) };
    application.run_until_stopped(told_to_stop).await?;
    simulator.stop().await;
    Ok(())
}

/// Bytes that are not UTF-8 become U+FFFD, and the setting's own check decides about the result.
fn text(given: OsString) -> String {
    given.to_string_lossy().into_owned()
}

/// The kind of app that `--kind` names; without it, internal.
fn kind(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Kind> {
    match (arguments.next().as_deref(), arguments.next()) {
        (None, None) => Ok(Kind::Internal),
        (Some("--kind"), Some(name)) => name.parse().map_err(anyhow::Error::msg),
        _ => anyhow::bail!("usage: cargo dev [-- --kind internal|custom|third-party]"),
    }
}

fn listen(name: &str, default: &str) -> anyhow::Result<TcpListener> {
    let text = std::env::var_os(name).map_or_else(|| default.to_owned(), text);
    let address: SocketAddr = text.parse().with_context(|| format!("{name} is not an address and port such as {default}"))?;
    TcpListener::bind(address).with_context(|| format!("cannot listen on {address}; {name} sets another address"))
}

/// What a developer would put into `.env` for an app that is registered with this DingTalk.
fn settings(simulator: &Simulator, kind: Kind, address: SocketAddr) -> anyhow::Result<Settings> {
    const DECIDED_HERE: [&str; 6] = ["APP_ADDR", "DINGTALK_", "EMBEDDED", "PUBLIC_URL", "SESSION_KEY", "TLS_"];
    let own = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
    let of_the_app = Environment::settings_of(app::Settings::read);
    let is_of_the_app = |name: &str| {
        let names = [Some(name), name.strip_suffix("_FILE")];
        of_the_app.iter().any(|setting| names.contains(&Some(setting.name)))
    };
    let is_decided = |name: &str| DECIDED_HERE.iter().any(|beginning| name.starts_with(beginning));
    let own = own.filter(|(name, _)| is_of_the_app(name) || !is_decided(name));
    let simulated = [
        ("DINGTALK_API_URL", simulator.url()),
        ("DINGTALK_OAPI_URL", simulator.url()),
        ("JSAPI_SCRIPT_URL", format!("{}/dd.js", simulator.url())),
        ("PUBLIC_URL", format!("http://{address}")),
        ("SESSION_KEY", hex::encode([0; 64].map(|_: u8| rand::random::<u8>()))),
    ];
    let registered = registration(simulator, kind).into_iter().map(|(name, value)| (name, value.to_owned()));
    let simulated = simulated.into_iter().chain(registered).map(|(name, value)| (name.to_owned(), value));
    let settings = Settings::read(own.chain(simulated).collect());
    settings.map_err(|faults| anyhow::anyhow!("{faults}\nSet them in the environment: `cargo dev` reads no .env."))
}

/// What the developer console shows of the app, by its kind.
fn registration(simulator: &Simulator, kind: Kind) -> Vec<(&'static str, &'static str)> {
    let app = simulator.app_of(kind);
    let pair = [("DINGTALK_CLIENT_ID", app.client_id), ("DINGTALK_CLIENT_SECRET", app.client_secret)];
    let home = [("DINGTALK_CORP_ID", app.corp_id), ("DINGTALK_AGENT_ID", app.agent_id)];
    match kind {
        Kind::Internal => [pair, home].concat(),
        Kind::Custom => [&[("DINGTALK_APP_KIND", "custom")][..], &pair, &home].concat(),
        Kind::ThirdParty => [&[("DINGTALK_APP_KIND", "third-party"), ("DINGTALK_EVENTS", "stream")][..], &pair].concat(),
    }
}
