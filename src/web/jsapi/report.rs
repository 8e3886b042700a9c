//! When a client refuses a signature or an authCode, its page tells us, and the log says what to change.

use std::num::NonZeroU32;
use std::time::Duration;

use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::dingtalk::{ClientRefusal, CorpId, DingTalk, Network, NonceStr, Organisation, PageUrl, Part, SignedPage, UserId};
use crate::web::login::{Attempt, presession_of};
use crate::web::{ClientAddress, Problem, RequestScope, SameOrigin, SessionUser, Site, StrictJson, extracted};

/// A page's report: which call the client refused, what it said, and the values of `dd.config` that it refused.
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
    /// The state of the login, when an authCode was refused: there need not be a session yet.
    state: Option<String>,
}

/// The values that this server signed for the page, as the page says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Signed {
    /// The address that was signed; without it, the page's `location.href` is taken.
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

/// Who sends the report: this is checked before the body is read.
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
            Err(Problem::LoginRequired) if presession_of(request)?.is_some() => {
                Ok(Self::Entering(Network::of(ClientAddress::of(request)?.0)))
            }
            user => user.map(|user| Self::Somebody(user.corp_id, user.user_id)),
        }
    }
}

extracted!(Reporter, Reporter::of);

/// The result, for a developer.
#[derive(Serialize)]
struct Finding {
    differs: Vec<&'static str>,
    explanation: String,
}

/// `POST /api/jsapi/report`: writes one line to the log that says what to change. If DingTalk runs on this machine, as in development, the
/// result is sent to the page as well.
pub async fn report(
    _: SameOrigin,
    reporter: Reporter,
    StrictJson(report): StrictJson<Report>,
    request: HttpRequest,
    site: Data<Site>,
    reports: Data<Reports>,
    dingtalk: Data<DingTalk>,
) -> Result<HttpResponse, Problem> {
    let corp_id = match (&report.call, &reporter) {
        (RefusedCall::Config, Reporter::Somebody(corp_id, _)) => corp_id.clone(),
        (RefusedCall::Config, Reporter::Entering(_)) => return Err(Problem::LoginRequired),
        (RefusedCall::RequestAuthCode, _) => Attempt::of(&request, report.state.as_deref().unwrap_or_default(), None)?.corp_id,
    };
    let organisation = dingtalk.organisation(&corp_id)?;
    reports.admit(&reporter)?;
    let request_id = &RequestScope::of(&request)?.id;
    let said = organisation.quote(before_query(&report.code, &report.url), before_query(&report.text, &report.url));
    let (code, said) = (said.code, said.text);
    let finding = match report.call {
        RefusedCall::Config => {
            let finding = signature_refused(&report, &site, &organisation).await?;
            let differs = finding.differs.join(", ");
            tracing::warn!(request_id, %corp_id, code, said, differs, "the client refused dd.config: {}", finding.explanation);
            finding
        }
        RefusedCall::RequestAuthCode => {
            let finding = auth_code_refused(&site, &organisation);
            tracing::warn!(request_id, code, said, fix = finding.explanation, "the client refused an authCode");
            finding
        }
    };
    Ok(if reports.explains { HttpResponse::Ok().json(finding) } else { HttpResponse::NoContent().finish() })
}

/// The client's text `said`, cut where it quotes the query of `page`: a query may hold anything, so none is logged. After the query,
/// clients only repeat what was signed.
fn before_query<'a>(said: &'a str, page: &str) -> &'a str {
    let path = Url::parse(page).map(|page| format!("{}?", page.path()));
    let end = path.ok().and_then(|path| Some(said.find(&path)? + path.len()));
    end.map_or(said, |end| &said[..end])
}

async fn signature_refused(report: &Report, site: &Site, organisation: &Organisation) -> Result<Finding, Problem> {
    let said = report.signed.as_ref();
    let nonce_str = said.and_then(|said| NonceStr::parse(&said.nonce_str));
    let timestamp = said.and_then(|said| said.time_stamp.parse().ok());
    let (Some(said), Some(nonce_str), Some(timestamp)) = (said, nonce_str, timestamp) else {
        let explanation = "the page did not say what this server had signed for it".to_owned();
        return Ok(Finding { differs: vec![], explanation });
    };
    // The server stores none of these values. The page sends them back, and the signature shows if the present ticket signed them.
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
        const REPLACED: &str = "this is not what the server signs with its present jsapi_ticket: that was replaced since, or the page \
                                changed a value. Load the page again";
        return Ok(Finding { differs: vec![Part::TICKET_AGE.name], explanation: REPLACED.to_owned() });
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
    let explanation = format!(
        "check that {} is the organisation that the app was opened in (DINGTALK_CORP_ID, see Developer Console > Home; of a third-party \
         app, the $CORPID$ in its homepage's address), that the app's homepage begins with {} (Developer Console > the app > Web App), \
         and that the app is published, or authorised, with this person in its visible range",
        organisation.corp_id(),
        site.settings.public_url
    );
    Finding { differs: vec![], explanation }
}

/// Limits how often each reporter may report, and says whether pages get the result.
pub struct Reports {
    /// The result is sent to the page, too.
    explains: bool,
    rate: DefaultKeyedRateLimiter<Reporter>,
}

impl Reports {
    /// How many reports of one reporter are accepted in a second.
    const RATE: NonZeroU32 = NonZeroU32::new(1).unwrap();
    /// How many are accepted at once: enough for somebody who tries things out, too few to flood a log.
    const BURST: NonZeroU32 = NonZeroU32::new(20).unwrap();

    /// No report has come yet. If `explains`, which is for development, the result is sent to the page, too.
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
