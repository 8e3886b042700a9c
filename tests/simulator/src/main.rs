//! The simulator as a program of its own, for an app in any language.

use std::io;
use std::net::TcpListener;
use std::process::ExitCode;

use dingtalk_simulator::{Kind, Places, Simulator};
use tokio::signal::ctrl_c;

const USAGE: &str = "\
A simulated DingTalk, for developing and testing H5 apps in any language. This is not DingTalk.

usage: dingtalk-simulator [OPTION VALUE]...

  --addr ADDRESS        where it listens, for both API families, the client library and the console (127.0.0.1:8081)
  --app-url URL         where the app under test is, for the console's phone and PC
  --kind KIND           the kind of the app under test: internal (the default), custom or third-party
  --oapi-addr ADDRESS   another place for the old API family, so that swapped base URLs fail as they would
  --https-addr ADDRESS  the same over HTTPS, for SDKs that have DingTalk's hosts in their source: let /etc/hosts say that
                        api.dingtalk.com and oapi.dingtalk.com are this machine, listen on port 443, and have the SDK trust
                        the certificate at /ca.pem (NODE_EXTRA_CA_CERTS, SSL_CERT_FILE, REQUESTS_CA_BUNDLE)

The console is at http://ADDRESS/. What may be called, and every lever for tests, is in the README.";

struct Options {
    addr: String,
    app_url: Option<String>,
    kind: Kind,
    oapi_addr: Option<String>,
    https_addr: Option<String>,
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(reason) => {
            eprintln!("{reason}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match actix_web::rt::System::new().block_on(serve(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot listen on the addresses given: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The options, or nothing when only the usage is wanted.
fn options(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options =
        Options { addr: "127.0.0.1:8081".to_owned(), app_url: None, kind: Kind::Internal, oapi_addr: None, https_addr: None };
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{name} needs a value"));
        match name.as_str() {
            "--help" | "-h" => return Ok(None),
            "--addr" => options.addr = value()?,
            "--kind" => options.kind = value()?.parse()?,
            "--oapi-addr" => options.oapi_addr = Some(value()?),
            "--https-addr" => options.https_addr = Some(value()?),
            "--app-url" => options.app_url = Some(value()?),
            _ => return Err(format!("unknown argument {name}")),
        }
    }
    Ok(Some(options))
}

async fn serve(options: &Options) -> io::Result<()> {
    let at = |address: &Option<String>| address.as_ref().map(TcpListener::bind).transpose();
    let main = Some(TcpListener::bind(&options.addr)?);
    let places = Places { main, old: at(&options.oapi_addr)?, https: at(&options.https_addr)? };
    let simulator = Simulator::start_at(places).await?;
    if let Some(url) = &options.app_url {
        simulator.show_app(url);
    }
    simulator.put_to_test(simulator.app_of(options.kind));
    introduce(&simulator, options.kind);
    ctrl_c().await?;
    simulator.stop().await;
    Ok(())
}

fn introduce(simulator: &Simulator, kind: Kind) {
    let url = simulator.url();
    let app = simulator.app_of(kind);
    println!(
        "*** A SIMULATED DINGTALK. THIS IS NOT DINGTALK: for development and tests only. ***

Console: {url}/

For the app under test:
DINGTALK_API_URL={url}
DINGTALK_OAPI_URL={}
JSAPI_SCRIPT_URL={url}/dd.js
DINGTALK_CLIENT_ID={}
DINGTALK_CLIENT_SECRET={}",
        simulator.old_url(),
        app.client_id,
        app.client_secret
    );
    if let Some(authority) = simulator.authority() {
        println!("\nTo trust over HTTPS, also at {url}/ca.pem:\n{authority}");
    }
    match kind {
        Kind::Internal | Kind::Custom => println!("DINGTALK_CORP_ID={}\nDINGTALK_AGENT_ID={}\n", app.corp_id, app.agent_id),
        Kind::ThirdParty => println!("\nThe organisations that can authorise it: {}\n", simulator.organisations().join(", ")),
    }
}
