//! What the app may know of people.

use std::time::Duration;

use tokio::time::Instant;

use super::Asked;
use super::check::Findings;
use super::credentials::judge;
use crate::dingtalk::{Network, Organisation, Standing, Told, told};

/// Those who were asked for.
pub async fn examine(home: &Organisation, asked: &Asked) -> Findings {
    let mut findings = Findings::default();
    let (user, code) = tokio::join!(async { Some(home.user_details(asked.user.as_ref()?).await) }, async {
        let now = Instant::now();
        let standing = Standing { network: Network::OURS, since: 0, until: now + Duration::from_secs(3) };
        Some(home.user_by_code(asked.code.as_ref()?, standing, || {}).await)
    },);
    if let Some(user) = user {
        judge("user", "oapi", user, &mut findings, |details| {
            let told_or = |what: &Option<String>| if what.is_some() { ["told", "有"] } else { ["not told", "无"] };
            let ([mobile, mobile_zh], [email, email_zh]) = (told_or(&details.mobile), told_or(&details.email));
            told!(
                "errcode 0; mobile {mobile}, email {email}: each is a permission of its own, and empty for people who have none",
                "errcode 0；手机号{mobile_zh}，邮箱{email_zh}：两者各需单独的权限，用户未填写时也为空"
            )
        });
    }
    if let Some(person) = code {
        judge("code", "oapi", person, &mut findings, |person| {
            let id = person.user_id;
            told!("of {id}", "属于 {id}")
        });
    }
    findings
}
