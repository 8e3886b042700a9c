//! The simulated library held against the real one: both show the same, or the simulator's README says where they differ.

use std::collections::BTreeSet;

use dingtalk_simulator::{Answers, Simulator};
use serde_json::json;

use super::container::{ANDROID, Container, IOS, OLD_ANDROID, OUTSIDE, PC_WINDOW, Ready};
use super::front::Front;
use super::laboratory::{Observations, observe};
use super::library::NEWEST;
use super::stage::Stage;
use crate::support::between;

/// An old version 3, and the version that dd.js copies. 2.10.3 differs too much from both: see `situation.rs`.
const VERSIONS: &[&str] = &["3.0.12", NEWEST];
const README: &str = include_str!("../../simulator/README.md");

#[tokio::test]
async fn dd_js_is_the_library_on_android() {
    hold_against_the_real_one(&ANDROID, VERSIONS).await;
}

#[tokio::test]
async fn dd_js_is_the_library_on_an_android_whose_version_has_four_parts() {
    hold_against_the_real_one(&OLD_ANDROID, &[NEWEST]).await;
}

#[tokio::test]
async fn dd_js_is_the_library_on_ios() {
    hold_against_the_real_one(&IOS, VERSIONS).await;
}

#[tokio::test]
async fn dd_js_is_the_library_on_a_pc() {
    // On a PC 3.0.12 looks for its host above all frames, and so above this laboratory's.
    hold_against_the_real_one(&PC_WINDOW, &[NEWEST]).await;
}

#[tokio::test]
async fn dd_js_is_the_library_outside_dingtalk() {
    hold_against_the_real_one(&OUTSIDE, VERSIONS).await;
}

async fn hold_against_the_real_one(container: &'static Container, versions: &[&str]) {
    let stage = Stage::new(container).await;
    let front = Front::start().await;
    let dingtalk = Simulator::start().await.unwrap();
    dingtalk.client(Answers::Normal, container.name == OUTSIDE.name);
    front.stand_before(&dingtalk.url(), &dingtalk.url());
    // dd.js needs no bridge, but reads the window.name that a PC client sets.
    let bridge = container.script(&front.url(), Ready::AtOnce, &json!({}));
    stage.chromium.on_every_document(&bridge).await;

    let simulated = observe(&stage, &front, &dingtalk, &format!("{}/dd.js", dingtalk.url())).await;
    for version in versions {
        let real = observe(&stage, &front, &dingtalk, &front.library(version)).await;
        let told = told_in_the_readme(container.name, version);
        assert_eq!(
            differing(&simulated, &real),
            told,
            "dd.js against {version} on {}; left is what differs, right is what the README tells\n{}",
            container.name,
            side_by_side(&simulated, &real, &told),
        );
    }
    stage.finish().await;
}

fn differing(one: &Observations, other: &Observations) -> BTreeSet<String> {
    assert!(one.keys().eq(other.keys()));
    one.keys().filter(|name| one[*name] != other[*name]).cloned().collect()
}

/// The rows "| behaviour | versions | containers | … |" for this version and container.
fn told_in_the_readme(container: &str, version: &str) -> BTreeSet<String> {
    let section =
        between(README, "## Where dd.js differs from the real library\n", "\n## ").expect("no such section in the README");
    let rows = section.lines().filter(|line| line.starts_with("| ")).skip(1);
    rows.filter_map(|row| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let is_among = |list: &str, wanted: &str| list == "all" || list.split(", ").any(|item| item == wanted);
        (is_among(cells[2], version) && is_among(cells[3], container)).then(|| cells[1].to_owned())
    })
    .collect()
}

/// What was observed of the behaviours that differ and are not in the README, or that are there and do not differ.
fn side_by_side(simulated: &Observations, real: &Observations, told: &BTreeSet<String>) -> String {
    let differing = differing(simulated, real);
    let surprises = differing.symmetric_difference(told);
    let lines = surprises.map(|name| match (simulated.get(name), real.get(name)) {
        (Some(simulated), Some(real)) => format!("{name}\n  dd.js {simulated}\n  real  {real}"),
        _ => format!("{name}: there is no such behaviour"),
    });
    lines.collect::<Vec<_>>().join("\n")
}
