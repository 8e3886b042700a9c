//! The architecture, held by tests: the rings, and the product without the simulator.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Third-party libraries, to which the rules do not apply.
pub const VENDOR: &str = "static/app/vendor";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    assert!(!found.is_empty(), "nothing in {folder}");
    found
}

/// The code of a file without its comments, in which anything may be named.
fn code(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// What follows the parenthesis that closes the arguments of a call.
pub fn after_arguments(code: &str) -> &str {
    let mut open = 1;
    let end = code.find(|c| {
        open += i32::from(c == '(') - i32::from(c == ')');
        open == 0
    });
    end.map_or("", |end| &code[end + 1..])
}

/// The modules of this crate that `code` uses, however their path is spelt.
fn reached(code: &str) -> Vec<&'static str> {
    let squeezed: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let modules = ["app", "application", "dingtalk", "doctor", "environment", "server", "settings", "state", "telemetry", "web"];
    let named = |module: &&str| {
        let direct = ["crate::", "dingtalk_h5::"].iter().any(|root| squeezed.contains(&format!("{root}{module}::")));
        let ends = ["crate::", "dingtalk_h5::"].iter().any(|root| squeezed.contains(&format!("{root}{module};")));
        let grouped = squeezed.split("crate::{").skip(1).any(|group| {
            let group = group.split(';').next().unwrap();
            group.split([',', '{', '}']).any(|item| item == *module || item.starts_with(&format!("{module}::")))
        });
        direct || ends || grouped
    };
    modules.into_iter().filter(named).collect()
}

/// How many times `super::` leads from the module in `path` to the module of its ring.
fn depth(path: &Path, ring: &str) -> usize {
    let within = path.strip_prefix(root().join(ring)).unwrap();
    let folders = within.components().count() - 1;
    folders + usize::from(!path.ends_with("mod.rs"))
}

/// Whether `super::` leads out of the ring. The tests within a file are a module further in.
fn climbs_out(code: &str, depth: usize) -> bool {
    let (itself, tests) = code.split_once("#[cfg(test)]\nmod tests {").unwrap_or((code, ""));
    let too_far = |more: usize| "super::".repeat(depth + more);
    itself.contains(&too_far(1)) || tests.contains(&too_far(2))
}

#[test]
fn the_list_of_modules_is_complete() {
    let text = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    for module in text.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")) {
        let module = module.trim_end_matches(';');
        assert!(reached(&format!("use crate::{module};")).contains(&module), "{module}");
    }
}

#[test]
fn the_rings_point_inwards_only() {
    let allowed: [(&str, &[&str]); 5] = [
        ("src/dingtalk", &[]),
        ("src/state", &["dingtalk", "state"]),
        ("src/web", &["dingtalk", "state", "web"]),
        ("src/app", &["dingtalk", "state", "web", "app", "environment"]),
        // Beside the rings: it uses none of them, and none of them uses it.
        ("src/server", &["server"]),
    ];
    for (ring, inner) in allowed {
        for (path, text) in sources(ring) {
            let outward: Vec<_> = reached(&code(&text)).into_iter().filter(|module| !inner.contains(module)).collect();
            assert!(outward.is_empty(), "{} reaches out to {outward:?}", path.display());
            assert!(!climbs_out(&code(&text), depth(&path, ring)), "{} climbs out of its ring", path.display());
        }
    }
}

#[test]
fn what_reads_settings_knows_none_and_no_ring() {
    let text = std::fs::read_to_string(root().join("src/environment.rs")).unwrap();
    assert!(reached(&code(&text)).is_empty());
}

#[test]
fn the_ring_test_notices_an_arrow_back() {
    for spelling in [
        "use crate::web::Problem;",
        "use crate::{dingtalk::Organisation, web::Problem};",
        "fn f() { crate :: web :: x() }",
        "use dingtalk_h5::web::Problem;",
        "use crate::{\n    web,\n};",
        "use crate::web;",
    ] {
        assert!(reached(spelling).contains(&"web"), "{spelling}");
    }
    assert!(climbs_out("use super::super::settings::X;", 1) && climbs_out("use super::settings;", 0));
    assert!(!climbs_out("use super::super::error::X;", 2));
    assert!(reached("// crate::web::Problem\nuse super::error;".split('\n').nth(1).unwrap()).is_empty());
}

#[test]
fn only_one_script_names_the_library() {
    for entry in walk_files(&root().join("static")) {
        let text = std::fs::read_to_string(&entry).unwrap_or_default();
        if entry.extension().is_some_and(|extension| extension == "js") && !entry.ends_with("static/dingtalk.js") {
            assert!(!text.contains("window.dd") && !text.contains(" dd."), "{}", entry.display());
        }
    }
}

/// Whether a page's template says whose page it is, or that it shows nobody. A template that is only a part of pages need not.
fn says_whose_it_is(template: &str) -> bool {
    let says = ["data-user-id=\"{{ user.user_id }}\"", "{# Shows nobody. #}"].map(|mark| template.contains(mark));
    !template.contains("extends \"layout.html\"") || says[0] != says[1]
}

#[test]
fn every_page_says_whose_it_is() {
    let pages = walk_files(&root().join("templates"));
    assert!(pages.len() >= 5);
    for page in pages {
        assert!(says_whose_it_is(&std::fs::read_to_string(&page).unwrap()), "{}", page.display());
    }
}

#[test]
fn a_page_that_does_not_say_whose_it_is_is_noticed() {
    let page = |more: &str| format!("{{% extends \"layout.html\" %}}\n{more}");
    let main = r#"<main data-user-id="{{ user.user_id }}">"#;
    assert!(!says_whose_it_is(&page("<main>{{ slip.amount }}</main>")));
    assert!(!says_whose_it_is(&page(&format!("{{# Shows nobody. #}}{main}"))));
    assert!(says_whose_it_is(&page(main)) && says_whose_it_is(&page("{# Shows nobody. #}")));
    assert!(says_whose_it_is("<p>{{ user.name }}</p>"), "a part of pages");
}

/// All files under `folder`, but for third-party libraries.
fn walk_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let ours = entries.filter(|path| !path.ends_with(VENDOR));
    ours.flat_map(|path| if path.is_dir() { walk_files(&path) } else { vec![path] }).collect()
}

/// Whether a file belongs to the app, to which these rules do not apply.
fn is_the_apps(path: &Path) -> bool {
    ["src/app", "static/app"].iter().any(|folder| path.starts_with(root().join(folder)))
}

#[test]
fn no_file_is_longer_than_four_hundred_lines() {
    let rust = sources("src").into_iter().chain(sources("tests")).map(|(path, _)| path);
    for path in rust.chain(walk_files(&root().join("static"))).filter(|path| !is_the_apps(path)) {
        let lines = std::fs::read_to_string(&path).unwrap_or_default().lines().count();
        assert!(lines <= 400, "{} has {lines} lines", path.display());
    }
}

#[test]
fn the_product_does_not_depend_on_the_simulator() {
    let tree = Command::new(env!("CARGO")).args(["tree", "--edges", "normal", "--offline"]).current_dir(root()).output().unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.contains("actix-web"), "{tree}");
    assert!(!tree.contains("dingtalk-simulator"));
    for (path, text) in sources("src").into_iter().filter(|(path, _)| !is_the_apps(path)) {
        for word in ["simulator", "mock", "cfg(feature"] {
            assert!(!code(&text).to_lowercase().contains(word), "{} says {word}", path.display());
        }
    }
}

/// The release binary is looked at by `.ci/run`; this looks at the one the tests run, which is made of the same sources.
#[test]
fn the_binary_has_nothing_of_the_simulator_in_it() {
    let binary = std::fs::read(env!("CARGO_BIN_EXE_dingtalk-h5")).unwrap();
    let holds = |needle: &str| binary.windows(needle.len()).any(|window| window == needle.as_bytes());
    assert!(holds("requestAuthCode"), "the pages' own scripts are in it");
    for needle in ["This is not DingTalk", "/control/faults", "dingsimulator0001", "dingtalk_simulator"] {
        assert!(!holds(needle), "{needle}");
    }
}
