//! What somebody sees and does in a scene.

use super::scene::Scene;
use super::situation::{Sight, Situation, errors_tell_nothing};
use crate::browser::AUTH_CODE;
use crate::browser::chromium::Chromium;

const CHOOSE: &str = "biz.contact.choose";
/// A call that needs no `dd.config`, and that every version has in every container.
const OPEN: &str = "biz.navigation.setTitle";

impl Scene<'_> {
    /// Sees what this situation leads to, and that the page can still be used.
    pub async fn play(self, situation: Situation) {
        let (container, version) = (self.stage.container, self.version);
        let sight = situation.sight(container, version);
        println!("{}: {sight:?} {}", self.name, situation.because(container, version));
        let page = self.look().await;
        match sight {
            Sight::Page => self.use_page(page, situation).await,
            Sight::TimedOut => {
                page.sees("#trouble-text", "DingTalk did not answer.").await;
                self.try_again(page, situation).await;
            }
            Sight::Refused(said) => {
                page.sees("#trouble-text", "DingTalk refused the request.").await;
                let shown = page.run("return document.querySelector('#trouble-said').textContent", &[]).await;
                assert!(shown.as_str().unwrap().contains(said), "{shown}");
                self.try_again(page, situation).await;
            }
            Sight::OpenInDingtalk => {
                page.shown("#entry[data-face='open-in-dingtalk'] #open-link").await;
                assert_eq!(self.app.dingtalk.calls(AUTH_CODE), 0);
            }
            Sight::NoLibrary => {
                page.sees("#trouble-text", "The part of this page that talks to DingTalk could not be loaded.").await;
                page.run("window.old = true", &[]).await;
                page.click("#retry").await;
                page.until("the page is loaded anew", "return !window.old", &[]).await;
                page.shown("#entry[data-face='trouble']").await;
                assert_eq!(self.app.dingtalk.calls(AUTH_CODE), 0);
            }
        }
        self.leave().await;
    }

    async fn use_page(&self, page: &Chromium, situation: Situation) {
        match situation {
            Situation::Config => self.call(page).await,
            Situation::ConfigRefused => {
                self.see_config_fail(page, if self.errors_tell_nothing() { "" } else { "52013" }).await;
                page.click(&format!("[data-api='{CHOOSE}'] button")).await;
                page.shown(&format!("[data-api='{CHOOSE}'] output[data-outcome='failed']")).await;
            }
            Situation::ConfigNoAnswer => self.see_config_fail(page, "408").await,
            _ => page.sees("#user-name", "张三").await,
        }
        assert_eq!(self.app.dingtalk.calls(AUTH_CODE), 1);
    }

    /// A gated call that somebody completes, and then one that they cancel.
    async fn call(&self, page: &Chromium) {
        page.shown("#config-state[data-state='accepted']").await;
        page.click(&format!("[data-api='{CHOOSE}'] button")).await;
        let chosen = page.shown(&format!("[data-api='{CHOOSE}'] output[data-outcome='ok']")).await;
        assert!(chosen.contains("alice"), "{chosen}");

        self.wish("choose", "cancel").await;
        page.click(&format!("[data-api='{CHOOSE}'] button")).await;
        let cancelled = if self.errors_tell_nothing() { "failed" } else { "cancelled" };
        page.shown(&format!("[data-api='{CHOOSE}'] output[data-outcome='{cancelled}']")).await;
    }

    /// The page says why `dd.config` failed, but shows no ticket. Calls that need no configuration still work.
    async fn see_config_fail(&self, page: &Chromium, why: &str) {
        page.shown("#config-state[data-state='refused']").await;
        let reason = page.run("return document.querySelector('#config-reason').textContent", &[]).await;
        let reason = reason.as_str().unwrap();
        assert!(reason.contains(why), "{reason}");
        assert!(!reason.replace("ticketList:[hidden]", "").contains("ticketList"), "{reason}");
        page.click(&format!("[data-api='{OPEN}'] button")).await;
        page.shown(&format!("[data-api='{OPEN}'] output[data-outcome='ok']")).await;
    }

    fn errors_tell_nothing(&self) -> bool {
        errors_tell_nothing(self.stage.container, self.version)
    }

    /// Another try logs in once the client works. Where it never will, the page makes another try all the same.
    async fn try_again(&self, page: &Chromium, situation: Situation) {
        let recovers = match situation {
            Situation::BridgeNever => {
                self.wake().await;
                true
            }
            Situation::NoAnswer => {
                self.wish("authCode", "normal").await;
                true
            }
            Situation::BridgeLate => {
                self.has_woken().await;
                true
            }
            _ => false,
        };
        page.tries_again().await;
        let can_log_in = Situation::Login.sight(self.stage.container, self.version) == Sight::Page;
        if recovers && can_log_in {
            page.sees("#user-name", "张三").await;
        } else {
            page.until("it tries again", AT_IT_AGAIN, &[]).await;
        }
    }
}

/// Whether the page is still trying, or has failed again.
const AT_IT_AGAIN: &str = "return document.querySelector('#entry').dataset.face === 'signing-in'
    || document.querySelector('#trouble-text').textContent !== ''";
