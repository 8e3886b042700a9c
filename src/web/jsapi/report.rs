//! When a client refuses a signature or an authCode, its page tells us, and the log says what to change.

use std::num::NonZeroU32;
use std::time::Duration;

use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::dingtalk::{ClientRefusal, CorpId, DingTalk, Network, NonceStr, Organisation, PageUrl, Part, SignedPage, UserId};
use crate::web::{ClientAddress, Logins, Problem, RequestScope, SameOrigin, SessionUser, Site, StrictJson, extracted, shared};

/// What the client said to a page, about which values of `dd.config`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Report {
    #[serde(default)]
    call: RefusedCall,
    code: String,
    #[serde(default)]
    text: String,
    /// The page's `location.href`.
    url: String,
    signed: Option<Signed>,
    /// Instead of a session, when it is the authCode that was refused.
    state: Option<String>,
}

/// What the page says that this server had signed for it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Signed {
    /// The page's `location.href`, if it is not told.
    url: Option<String>,
    nonce_str: String,
    time_stamp: String,
    signature: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
enum RefusedCall {
    #[default]
    Config,
    RequestAuthCode,
}

/// Who may report, which is known before the body is read.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Reporter {
    /// Somebody logged in.
    Somebody(CorpId, UserId),
    /// A browser that was given an entry page, in this network.
    Entering(Network),
}

impl Reporter {
    async fn of(request: &HttpRequest) -> Result<Self, Problem> {
        match SessionUser::extract(request).await {
            Err(Problem::LoginRequired) if shared::<Logins>(request)?.presession_of(request).is_some() => {
                Ok(Self::Entering(Network::of(ClientAddress::of(request)?.0)))
            }
            user => user.map(|user| Self::Somebody(user.corp_id, user.user_id)),
        }
    }
}

extracted!(Reporter, late Reporter::of);

/// What is told to a developer.
#[derive(Serialize)]
struct Finding {
    differs: Vec<&'static str>,
    explanation: String,
}

impl Finding {
    fn without_parts(explanation: impl Into<String>) -> Self {
        Self { differs: Vec::new(), explanation: explanation.into() }
    }
}

/// `POST /api/jsapi/report`: one line in the log that says what to change. With a DingTalk on this machine, which is to say in
/// development, the page is told as well.
pub async fn report(
    _: SameOrigin,
    reporter: Reporter,
    StrictJson(report): StrictJson<Report>,
    request: HttpRequest,
    (site, reports): (Data<Site>, Data<Reports>),
    logins: Data<Logins>,
    dingtalk: Data<DingTalk>,
) -> Result<HttpResponse, Problem> {
    let corp_id = match (&report.call, &reporter) {
        (RefusedCall::Config, Reporter::Somebody(corp_id, _)) => corp_id.clone(),
        (RefusedCall::Config, Reporter::Entering(_)) => return Err(Problem::LoginRequired),
        (RefusedCall::RequestAuthCode, _) => logins.arrival(&request, report.state.as_deref().unwrap_or_default(), None)?.corp_id,
    };
    let organisation = dingtalk.organisation(&corp_id)?;
    reports.admit(&reporter)?;
    let finding = match report.call {
        RefusedCall::Config => signature_refused(&report, &site, &organisation).await?,
        RefusedCall::RequestAuthCode => auth_code_refused(&site, &organisation),
    };
    let [code, text] = [&report.code, &report.text].map(|said| before_query(said, &report.url));
    let (scope, said) = (RequestScope::of(&request)?, organisation.quote(code, text));
    let (request_id, code, said, differs) = (scope.id(), said.code, said.text, finding.differs.join(", "));
    match report.call {
        RefusedCall::Config => {
            tracing::warn!(request_id, code, said, differs, "the client refused dd.config: {}", finding.explanation);
        }
        RefusedCall::RequestAuthCode => {
            tracing::warn!(request_id, code, said, fix = finding.explanation, "the client refused an authCode");
        }
    }
    Ok(if reports.explains { HttpResponse::Ok().json(finding) } else { HttpResponse::NoContent().finish() })
}

/// What stands before the query of its page in what a client said: no log has a query, since it may hold anything. Behind it clients
/// say no more than what was signed.
fn before_query<'a>(said: &'a str, page: &str) -> &'a str {
    let path = Url::parse(page).map(|page| format!("{}?", page.path()));
    let end = path.ok().and_then(|path| Some(said.find(&path)? + path.len()));
    end.map_or(said, |end| &said[..end])
}

async fn signature_refused(report: &Report, site: &Site, organisation: &Organisation) -> Result<Finding, Problem> {
    let said = report.signed.as_ref().and_then(|said| {
        let (nonce_str, timestamp) = (NonceStr::parse(&said.nonce_str)?, said.time_stamp.parse().ok()?);
        Some((said, nonce_str, timestamp))
    });
    let Some((said, nonce_str, timestamp)) = said else {
        return Ok(Finding::without_parts("the page did not say what this server had signed for it"));
    };
    // Nothing of it is remembered: the page tells, and the signature shows whether it is true of the ticket of now.
    let signed = SignedPage {
        url: PageUrl::parse(&site.settings.public_url, said.url.as_ref().unwrap_or(&report.url))?,
        recipe: site.recipe(),
        ticket: organisation.jsapi_ticket().await?,
        nonce_str,
        timestamp,
    };
    let is_current = signed.signature() == said.signature;
    let refusal = ClientRefusal { code: report.code.clone(), text: report.text.clone(), href: report.url.clone() };
    let parts = refusal.explain(&signed);
    if !is_current && parts.contains(&Part::DIGEST) {
        return Ok(Finding {
            differs: vec![Part::TICKET_AGE.name],
            explanation:
                "this is not what the server signs with its present jsapi_ticket: that was replaced since, or the page changed a \
                          value. Load the page again"
                    .to_owned(),
        });
    }
    if is_current && parts.contains(&Part::TICKET_AGE) {
        organisation.doubt_jsapi_ticket(&signed.ticket);
    }
    let explanation = match parts[..] {
        [] => refusal.possible(&signed, &organisation.agent_id().await?, organisation.corp_id()),
        _ => parts.iter().map(|part| part.advice).collect::<Vec<_>>().join("; or "),
    };
    Ok(Finding { differs: parts.iter().map(|part| part.name).collect(), explanation })
}

fn auth_code_refused(site: &Site, organisation: &Organisation) -> Finding {
    Finding::without_parts(format!(
        "check that {} is the organisation that the app was opened in (DINGTALK_CORP_ID, see Developer Console > Home; of a third-party \
         app, the $CORPID$ in its homepage's address), that the app's homepage begins with {} (Developer Console > the app > Web App), \
         and that the app is published, or authorised, with this person in its visible range",
        organisation.corp_id(),
        site.settings.public_url
    ))
}

/// How often refusals are listened to, and what may come of them.
pub struct Reports {
    /// The page is told, too.
    explains: bool,
    rate: DefaultKeyedRateLimiter<Reporter>,
}

impl Reports {
    /// Of one person in a second.
    const RATE: NonZeroU32 = NonZeroU32::new(1).unwrap();
    /// And at once: enough for who tries, too few to flood a log.
    const BURST: NonZeroU32 = NonZeroU32::new(20).unwrap();

    /// None yet. With a DingTalk on this machine, which is to say in development, the page is told as well.
    pub fn new(explains: bool) -> Self {
        Self { explains, rate: RateLimiter::keyed(Quota::per_second(Self::RATE).allow_burst(Self::BURST)) }
    }

    fn admit(&self, reporter: &Reporter) -> Result<(), Problem> {
        const MANY: usize = 10_000;
        if self.rate.len() > MANY {
            self.rate.retain_recent();
        }
        self.rate.check_key(reporter).map_err(|_| Problem::RateLimited { retry_after: Duration::from_secs(1) })
    }
}
