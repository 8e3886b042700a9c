//! Chrome 69, the WebView of DingTalk 7.0 for Android, can parse every script and style and has all that they use. They also use nothing
//! that Safari of iOS 12 lacks, as far as the linters know.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::Value;

use super::{root, scratch};
use crate::npm;

const TOO_NEW_SCRIPTS: &[&str] = &[
    // Syntax after ES2017.
    "a.b?.c;",
    "var x = a ?? b;",
    "var o = { ...a };",
    "class A { b = 1 }",
    "async function f() { for await (const x of y); }",
    "try { f(); } catch { g(); }",
    "var n = 1_000;",
    "/(?<year>[0-9])/;",
    "import('x');",
    // What came later than Chrome 69, or than ES2017.
    "[1].at(-1);",
    "[1].flat();",
    "'a'.replaceAll('a', 'b');",
    "Promise.allSettled([]);",
    "Promise.any([]);",
    "Object.fromEntries([]);",
    "globalThis.x;",
    "structuredClone({});",
    "queueMicrotask(f);",
    "new WeakRef({});",
    "document.body.replaceChildren();",
    "crypto.randomUUID();",
    // What iPhones did not have at that time, or do not have at all.
    "new BroadcastChannel('x');",
    "navigator.vibrate(1);",
    // What breaks a page inside DingTalk's client.
    "history.pushState({}, '', '/');",
    "history.replaceState({}, '', '/');",
    "window.name = 'x';",
    "window['name'] = 'x';",
    "name = 'x';",
    "var name = 'x';",
    "window.open('/x', 'y');",
];

const TOO_NEW_STYLES: &[&str] = &[
    ".a { display: flex; gap: 8px; }",
    ".a { aspect-ratio: 1; }",
    ".a { inset: 0; }",
    ".a { height: 100dvh; }",
    ".a { color: color-mix(in srgb, red, blue); }",
    ".a { width: min(10px, 5vw); }",
    ".a { padding: max(1px, env(safe-area-inset-bottom)); }",
    ".a { overflow: clip; }",
    ".a { accent-color: red; }",
    ".a:has(b) { color: red; }",
    ":is(.a, .b) { color: red; }",
    ".a:focus-visible { color: red; }",
    ".a { .b { color: red; } }",
    ".a { overscroll-behavior: contain; }",
    ".a { contain: strict; }",
    "@layer a { .a { color: red; } }",
    "@container (width > 1px) { .a { color: red; } }",
    "@media (width >= 600px) { .a { color: red; } }",
];

/// Old enough, though something that is too new has the same name.
const OLD_SCRIPTS: &[&str] =
    &["URL.createObjectURL(b);", "new Intl.DateTimeFormat('zh').format(d);", "console.info(a.calendar);"];

/// Members of the app's own data, once `members.mjs` names them: `address`, `at`, `description`, `transfer`.
const OWN_MEMBERS: &str = "f(order.description, place.address, event.at, payment.transfer, { description: 1 }.description);";

struct Linter {
    program: &'static str,
    config: &'static str,
    extension: &'static str,
    /// The names in its JSON report for the file and for the list of its faults.
    keys: (&'static str, &'static str),
    too_new: &'static [&'static str],
}

const SCRIPTS: Linter = Linter {
    program: "node_modules/eslint/bin/eslint.js",
    config: "eslint.config.mjs",
    extension: "js",
    keys: ("filePath", "messages"),
    too_new: TOO_NEW_SCRIPTS,
};

const STYLES: Linter = Linter {
    program: "node_modules/stylelint/bin/stylelint.mjs",
    config: "stylelint.config.mjs",
    extension: "css",
    keys: ("source", "warnings"),
    too_new: TOO_NEW_STYLES,
};

impl Linter {
    /// Each file with all that is wrong with it.
    fn look_at(&self, folder: &Path) -> Vec<(String, Vec<Value>)> {
        self.look_with(&npm::tools().join(self.config), folder)
    }

    fn look_with(&self, config: &Path, folder: &Path) -> Vec<(String, Vec<Value>)> {
        let config = config.display().to_string();
        let files = format!("**/*.{}", self.extension);
        let arguments = ["--config", &config, "-f", "json", "--ignore-pattern", "app/vendor/**", &files];
        let output = npm::node(self.program, &arguments, folder);
        // Stylelint reports on its error stream.
        let report =
            [&output.stdout, &output.stderr].into_iter().find_map(|report| serde_json::from_slice::<Vec<Value>>(report).ok());
        let report = report.unwrap_or_else(|| panic!("{}: {}", self.program, String::from_utf8_lossy(&output.stderr)));
        let (file, faults) = self.keys;
        report
            .iter()
            .map(|looked| (looked[file].as_str().unwrap().to_owned(), looked[faults].as_array().unwrap().clone()))
            .collect()
    }

    fn finds_nothing_in_ours(&self) {
        let looked = self.look_at(&root().join("static"));
        assert_eq!(looked.len(), super::files("static", self.extension).len());
        for (file, faults) in looked {
            assert!(faults.is_empty(), "{file}: {faults:#?}");
        }
    }

    fn notices_all_that_is_too_new(&self) {
        let directory = scratch(&format!("too-new-{}", self.extension));
        for (number, source) in self.too_new.iter().enumerate() {
            fs::write(directory.join(format!("{number}.{}", self.extension)), format!("{source}\n")).unwrap();
        }
        let others = directory.join("app/vendor");
        fs::create_dir_all(&others).unwrap();
        fs::write(others.join(format!("library.{}", self.extension)), self.too_new[0]).unwrap();
        let looked = self.look_at(&directory);
        assert_eq!(looked.len(), self.too_new.len(), "and not the library of others");
        for (file, faults) in looked {
            assert!(!faults.is_empty(), "passes: {}", fs::read_to_string(file).unwrap());
        }
    }
}

#[test]
fn every_script_is_old_enough() {
    SCRIPTS.finds_nothing_in_ours();
}

#[test]
fn every_style_is_old_enough() {
    STYLES.finds_nothing_in_ours();
}

#[test]
fn scripts_that_are_too_new_are_noticed() {
    SCRIPTS.notices_all_that_is_too_new();
}

#[test]
fn what_is_old_passes_and_so_does_what_a_fork_says_is_its_own() {
    let directory = scratch("own-members");
    for file in ["eslint.config.mjs", "engine.mjs"] {
        fs::copy(npm::tools().join(file), directory.join(file)).unwrap();
    }
    symlink(npm::tools().join("node_modules"), directory.join("node_modules")).unwrap();
    let own = "export const members = ['address', 'at', 'description', 'transfer'];\n";
    fs::write(directory.join("members.mjs"), own).unwrap();
    fs::write(directory.join("old.js"), OLD_SCRIPTS.join("\n")).unwrap();
    fs::write(directory.join("own.js"), OWN_MEMBERS).unwrap();
    let looked = SCRIPTS.look_with(&directory.join("eslint.config.mjs"), &directory);
    assert_eq!(looked.len(), 2);
    for (file, faults) in looked {
        assert!(faults.is_empty(), "{file}: {faults:#?}");
    }
}

#[test]
fn styles_that_are_too_new_are_noticed() {
    STYLES.notices_all_that_is_too_new();
}

/// A link's target becomes the `window.name` of the window that it opens, where the PC client stores its container.
#[test]
fn no_link_opens_a_window_with_a_name() {
    for (path, text) in super::files("templates", "html") {
        for word in [" target=", "formtarget="] {
            assert!(!text.contains(word), "{}: {word}", path.display());
        }
    }
}
