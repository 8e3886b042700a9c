//! When a client refuses a signature, its page tells us, and the log says which part was wrong.

use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::error::Problem;
use super::guard::{SameOrigin, StrictJson};
use super::request_scope::RequestScope;
use super::session::SessionUser;
use super::state::Web;
use crate::dingtalk::{ClientRefusal, Part, Said, SignedPage};

/// What `dd.error` said, on which page, about which signature.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Report {
    pub(super) code: String,
    #[serde(default)]
    pub(super) text: String,
    pub(super) url: String,
    #[serde(default)]
    nonce_str: String,
}

/// What is told to a developer.
#[derive(Serialize)]
struct Explanation {
    differs: Vec<String>,
    explanation: String,
}

/// `POST /api/jsapi/report`: one line in the log that says what to change. With a DingTalk on this machine, which is to say in
/// development, the page is told as well.
pub async fn report(
    _: SameOrigin,
    _user: SessionUser,
    StrictJson(report): StrictJson<Report>,
    request: HttpRequest,
    web: web::Data<Web>,
) -> Result<HttpResponse, Problem> {
    if !web.signed_pages.may_report() {
        return Err(Problem::RateLimited {
            retry_after: std::time::Duration::from_secs(1),
        });
    }
    let signed = web.signed_pages.with_nonce(&report.nonce_str);
    let refusal = ClientRefusal {
        code: report.code,
        text: report.text,
        href: report.url,
    };
    let parts = signed.as_ref().map(|signed| refusal.explain(signed)).unwrap_or_default();
    if let Some(signed) = signed.as_ref().filter(|_| parts.contains(&Part::TicketAge))
        && web.signed_pages.may_renew_ticket()
    {
        web.dingtalk.doubt_jsapi_ticket(&signed.ticket);
    }
    let explanation = explain(&web, signed.as_ref(), &parts);
    let told = Said::new(&refusal.code, &refusal.text);
    let request_id = request.extensions().get::<RequestScope>().map(|scope| scope.id.clone());
    tracing::warn!(
        request_id,
        code = told.code,
        said = told.text,
        differs = explanation.differs.join(", "),
        "the client refused dd.config: {}",
        explanation.explanation
    );
    Ok(if web.explains_refusals {
        HttpResponse::Ok().json(explanation)
    } else {
        HttpResponse::NoContent().finish()
    })
}

fn explain(web: &Web, signed: Option<&SignedPage>, parts: &[Part]) -> Explanation {
    let explanation = match signed {
        None => "this server signed nothing of the kind lately: it was restarted, or the values are another server's".to_owned(),
        Some(_) if parts.is_empty() => format!(
            "address, ticket and digest look right: check agent {} and corp {}, and whether the app is published and the call permitted",
            web.agent_id, web.corp_id
        ),
        Some(_) => parts.iter().map(|part| part.advice()).collect::<Vec<_>>().join("; or "),
    };
    Explanation {
        differs: parts.iter().map(Part::to_string).collect(),
        explanation,
    }
}
