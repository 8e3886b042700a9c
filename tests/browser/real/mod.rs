//! The page behind DingTalk's own library: unmodified, from npm, on simulated native bridges of all its containers.
//!
//! `situation.rs` is the table of what happens where. The tests wait for the page's own time-outs: those scenes wait at the same time.

mod act;
mod behaviours;
mod container;
mod front;
mod laboratory;
mod library;
mod plan;
mod scene;
mod situation;
mod stage;

use std::time::Instant;

use container::{ANDROID, Container, HARMONY, IOS, MINI_PROGRAM, PC_FRAME, PC_WINDOW};
use library::VERSIONS;
use situation::{SITUATIONS, Sight, Situation};
use stage::Stage;

#[tokio::test]
async fn android() {
    every_situation_in(&ANDROID).await;
}

#[tokio::test]
async fn ios() {
    every_situation_in(&IOS).await;
}

#[tokio::test]
async fn harmony() {
    every_situation_in(&HARMONY).await;
}

#[tokio::test]
async fn a_web_view_in_a_mini_program() {
    every_situation_in(&MINI_PROGRAM).await;
}

#[tokio::test]
async fn a_window_of_the_pc_client() {
    every_situation_in(&PC_WINDOW).await;
}

#[tokio::test]
async fn a_frame_in_the_pc_client() {
    every_situation_in(&PC_FRAME).await;
}

async fn every_situation_in(container: &'static Container) {
    let began = Instant::now();
    let stage = Stage::new(container).await;
    let all = SITUATIONS.into_iter().flat_map(|situation| VERSIONS.map(|version| (situation, version)));
    let known = all.filter(|&(situation, version)| situation.is_known_in(container, version));
    let (slow, quick): (Vec<_>, Vec<_>) = known.partition(|&(situation, version)| is_slow(situation, container, version));

    let mut waiting = Vec::new();
    for (situation, version) in slow {
        waiting.push((stage.open(situation.plan(version)).await, situation));
    }
    for (situation, version) in quick {
        stage.open(situation.plan(version)).await.play(situation).await;
    }
    for (scene, situation) in waiting {
        scene.play(situation).await;
    }
    stage.finish().await;
    println!("{}: {:.1?}", container.name, began.elapsed());
}

/// Whether the page waits for a time-out of its own.
fn is_slow(situation: Situation, container: &Container, version: &str) -> bool {
    match situation.sight(container, version) {
        Sight::TimedOut => true,
        Sight::Page => situation == Situation::ConfigNoAnswer,
        _ => false,
    }
}
