//! The processes that answer at PUBLIC_URL.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use reqwest::Client;

use super::asking::who_is;
use super::check::Finding;
use crate::dingtalk::{Clock, Told, told};
use crate::settings::Settings;
use crate::web::introduction::Introduction;

/// Whether each of them is ours, and whether several that are know of each other; the first has answered already. Eight connections may
/// all meet the same: that there is but one is not proven.
#[rustfmt::skip] // A finding a paragraph.
pub async fn examine(client: &Client, first: Introduction, settings: &Settings, clock: &Clock) -> Finding {
    const MORE: usize = 7;
    let (url, keys) = (settings.web.public_url.as_str(), &settings.web.session_keys);
    let again = async || who_is(client, url, keys, clock).await.ok()?.introduction;
    let answers = join_all((0..MORE).map(|_| again())).await;
    let (asked, ours) = (1 + MORE, answers.into_iter().flatten().chain([first]));
    let (processes, shared): (Vec<_>, BTreeSet<_>) = ours.map(|one| (one.process, one.shared)).unzip();
    let others = asked - processes.len();
    let found = processes.into_iter().collect::<BTreeSet<_>>().len();
    if others > 0 {
        return Finding::fail("processes",
            told!("{others} of {asked} connections were not answered by a process with this SESSION_KEY", "{asked} 个连接中有 {others} 个不是由持有此 SESSION_KEY 的进程应答"),
            told!("give all processes behind PUBLIC_URL the same SESSION_KEY, and see that each can be reached and has the right time",
                "请为 PUBLIC_URL 之后的所有进程设置相同的 SESSION_KEY，并确认每个进程均可到达且时钟准确"));
    }
    if found > 1 && (shared.len() > 1 || shared.contains(&None)) {
        return Finding::fail("processes",
            told!("{found} processes answer, and not all know of the others' used codes and ended sessions", "有 {found} 个进程应答，并非都知道彼此已使用的授权码与已结束的会话"),
            told!("run one process, or give all the same STATE_URL=redis://…, which all must reach", "请只运行一个进程，或为所有进程设置相同且可到达的 STATE_URL=redis://…"));
    }
    Finding::pass("processes",
        told!("{found} seen on {asked} connections; that there are no others is not proven", "{asked} 个连接中发现 {found} 个；不能证明没有其他进程"))
}
