//! Pictures of every face for people to look at: `tests/run --ignored album`, then look into `target/tmp/album`.

use std::any::type_name;
use std::fs;
use std::path::Path;

use super::chromium::Chromium;
use super::faces::{self, Face, Plumbing, Reader};
use crate::support::TestApp;

/// A small phone, a phone, the panel beside a chat on a PC, and a desktop.
const WIDTHS: [u32; 4] = [320, 375, 400, 1280];

#[tokio::test]
#[ignore = "it asserts nothing"]
async fn album() {
    take_pictures(&faces::app().await, &Plumbing::ALL).await;
}

pub async fn take_pictures<F: Face>(app: &TestApp, faces: &[F]) {
    let album = Path::new(env!("CARGO_TARGET_TMPDIR")).join("album");
    fs::create_dir_all(&album).unwrap();
    let chromium = Chromium::start().await;
    for reader in Reader::ALL {
        chromium.is_read_by(reader).await;
        for face in faces {
            face.show(app, &chromium).await;
            for width in WIDTHS {
                chromium.is_wide(width).await;
                let height = chromium.run("scrollTo(0, 0); return document.scrollingElement.scrollHeight", &[]).await;
                chromium.is_sized(width, height.as_u64().unwrap().max(800)).await;
                let whose = type_name::<F>().rsplit("::").next().unwrap();
                let name = format!("{whose}-{face:?}-{width}-{}-{}.png", reader.scheme, reader.language);
                chromium.driver.screenshot(&album.join(name)).await.unwrap();
            }
        }
    }
    chromium.finish().await;
}
