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

  --readme              prints the README: all that may be called, all levers, faults and recipes

The console is at http://ADDRESS/. A test asks for a code, lets the app log in with it, moves the clock, and counts the calls:

  POST /client/authcode    {\"corpId\":\"dingsimulator0001\",\"userId\":\"alice\"}
  POST /control/clock      {\"advanceSeconds\":301}
  POST /control/answers    {\"endpoint\":\"GET /v1.0/todo/users/{unionId}/tasks\",\"answer\":{\"todoCards\":[]}}
  POST /control/faults     {\"endpoint\":\"/topapi/v2/user/getuserinfo\",\"times\":2,\"fault\":{\"kind\":\"busy\"}}
  POST /control/person     {\"userId\":\"bob\",\"do\":\"leave\"}
  GET  /control/requests   every call, and how often each was made
  POST /control/reset      back to the beginning";

const README: &str = include_str!("../README.md");

struct Options {
    addr: String,
    app_url: Option<String>,
    kind: Kind,
    oapi_addr: Option<String>,
    https_addr: Option<String>,
}

fn main() -> ExitCode {
    let options = match options(std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned())) {
        Ok(Asked::ToServe(options)) => options,
        Ok(Asked::For(text)) => {
            println!("{text}");
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
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

enum Asked {
    ToServe(Options),
    For(&'static str),
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut options =
        Options { addr: "127.0.0.1:8081".to_owned(), app_url: None, kind: Kind::Internal, oapi_addr: None, https_addr: None };
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{name} needs a value"));
        match name.as_str() {
            "--help" | "-h" => return Ok(Asked::For(USAGE)),
            "--readme" => return Ok(Asked::For(README)),
            "--addr" => options.addr = value()?,
            "--kind" => options.kind = value()?.parse()?,
            "--oapi-addr" => options.oapi_addr = Some(value()?),
            "--https-addr" => options.https_addr = Some(value()?),
            "--app-url" => options.app_url = Some(value().and_then(page)?),
            _ => return Err(format!("unknown argument {name}")),
        }
    }
    Ok(Asked::ToServe(options))
}

fn page(address: String) -> Result<String, String> {
    let is_page = url::Url::parse(&address).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if is_page { Ok(address) } else { Err(format!("{address} is no http or https address")) }
}

fn listen(address: &String) -> io::Result<TcpListener> {
    TcpListener::bind(address).map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}")))
}

async fn serve(options: &Options) -> io::Result<()> {
    let at = |address: &Option<String>| address.as_ref().map(listen).transpose();
    let main = Some(listen(&options.addr)?);
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
    let home = format!("DINGTALK_CORP_ID={}\nDINGTALK_AGENT_ID={}\n", app.corp_id, app.agent_id);
    match kind {
        Kind::Internal => println!("{home}"),
        Kind::Custom => println!("DINGTALK_APP_KIND=custom\n{home}"),
        Kind::ThirdParty => println!(
            "DINGTALK_APP_KIND=third-party\nDINGTALK_EVENTS=stream\n\nThe organisations that can authorise it: {}\n",
            simulator.organisations().join(", ")
        ),
    }
    if let Some(authority) = simulator.authority() {
        println!("To trust over HTTPS, also at {url}/ca.pem:\n{authority}");
    }
}
