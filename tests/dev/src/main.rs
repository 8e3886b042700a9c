//! `cargo dev`: the app, and a simulated DingTalk beside it. Needs no settings and no account.
//!
//! The app is the product as it is; only its settings say that DingTalk is on this machine.

use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;

use anyhow::Context;
use dingtalk_h5::application::Application;
use dingtalk_h5::dingtalk::Clock;
use dingtalk_h5::settings::{Environment, Settings};
use dingtalk_h5::telemetry;
use dingtalk_simulator::Simulator;

fn main() -> ExitCode {
    telemetry::start();
    match actix_web::rt::System::new().block_on(run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    let simulator = Simulator::start_on(listen("SIMULATOR_ADDR", "127.0.0.1:8081")?).await?;
    let listener = listen("APP_ADDR", "127.0.0.1:8080")?;
    let settings = settings(&simulator, listener.local_addr()?)?;
    let app = settings.public_url.to_string();
    simulator.show_app(&app);
    let application = Application::build(listener, settings, Clock::system())?;
    println!(
        "\n  the app                 {app}\n  the simulated DingTalk  {}\n",
        simulator.url()
    );
    let told_to_stop = async { drop(actix_web::rt::signal::ctrl_c().await) };
    application.run_until_stopped(told_to_stop).await?;
    simulator.stop().await;
    Ok(())
}

fn listen(name: &str, default: &str) -> anyhow::Result<TcpListener> {
    let text = std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let address: SocketAddr = text
        .parse()
        .with_context(|| format!("{name} is not an address and port such as {default}"))?;
    TcpListener::bind(address).with_context(|| format!("cannot listen on {address}; {name} sets another address"))
}

/// What a developer would put into `.env` for an app that is registered with this DingTalk.
fn settings(simulator: &Simulator, address: SocketAddr) -> anyhow::Result<Settings> {
    let registered = simulator.app();
    let environment = Environment {
        dingtalk_client_id: Some(registered.client_id.to_string()),
        dingtalk_client_secret: Some(registered.client_secret.to_string().into()),
        dingtalk_corp_id: Some(registered.corp_id.to_string()),
        dingtalk_agent_id: Some(registered.agent_id.to_string()),
        dingtalk_api_url: Some(simulator.url()),
        dingtalk_oapi_url: Some(simulator.url()),
        jsapi_script_url: Some(format!("{}/dd.js", simulator.url())),
        public_url: Some(format!("http://{address}")),
        session_key: Some(hex::encode([0; 64].map(|_: u8| rand::random::<u8>())).into()),
        ..Environment::default()
    };
    Ok(environment.check()?)
}
