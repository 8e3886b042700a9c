//! Everything that people read is in the files of the languages: no template and no script says anything by itself.
//!
//! That no language lacks a word, or has one too many, needs no test: it would not compile.

use dingtalk_h5::app::NAME;
use serde_json::Value;

use super::{files, root};
use crate::npm;

/// What templates may say, since it is the same in every language.
const NAMES: [&str; 6] = [
    "userId", // DingTalk's own names for things
    "corpId",
    "unionId",
    "dd.config",
    "qyapi_get_member", // a permission, as the console spells it
    "·",                // between the page's title and the app's name
];

/// Attributes that people read or hear.
const READ: [&str; 6] = ["aria-label", "alt", "title", "placeholder", "aria-description", "value"];

/// Cuts everything from `open` to `close`, however often.
fn without(text: &str, open: &str, close: &str) -> String {
    let mut rest = text;
    let mut kept = String::new();
    while let Some((before, inside)) = rest.split_once(open) {
        kept.push_str(before);
        kept.push(' ');
        rest = inside.split_once(close).unwrap_or_else(|| panic!("{open} without {close}")).1;
    }
    kept + rest
}

/// What a template says by itself: text between tags, and attributes that are read.
fn said_by(template: &str) -> Vec<String> {
    let mut bare = template.to_owned();
    for (open, close) in [("{#", "#}"), ("{%", "%}"), ("{{", "}}"), ("<!--", "-->")] {
        bare = without(&bare, open, close);
    }
    let attributes = READ.iter().flat_map(|name| {
        let start = format!(" {name}=\"");
        let values: Vec<_> = bare
            .split(&start)
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().to_owned())
            .collect();
        values
    });
    let attributes: Vec<String> = attributes.collect();
    let text = without(&bare, "<", ">");
    attributes
        .iter()
        .flat_map(|value| value.split_whitespace())
        .chain(text.split_whitespace())
        .filter(|word| word.chars().any(char::is_alphabetic) || !word.is_ascii())
        .map(str::to_owned)
        .collect()
}

#[test]
fn no_template_says_anything_by_itself() {
    for (path, template) in files("templates", "html") {
        let said: Vec<_> = said_by(&template)
            .into_iter()
            .filter(|word| !NAMES.contains(&word.as_str()))
            .collect();
        assert!(said.is_empty(), "{} says {said:?}", path.display());
    }
}

#[test]
fn words_in_a_template_are_noticed() {
    for template in [
        "<p>Hello</p>",
        "<p>{{ x }} 你好</p>",
        r#"<img alt="A cat">"#,
        r#"<a aria-label="{{ x }} now">"#,
    ] {
        assert!(!said_by(template).is_empty(), "{template}");
    }
    assert!(said_by(r#"<p class="big" data-x="y">{{ words.hello }} {% if a %}{{ b }}{% endif %}</p>"#).is_empty());
}

/// What looks like a sentence in a script and is not.
const DIRECTIVES: [&str; 1] = ["use strict"];

/// The string literals of all scripts, as the parser sees them.
const LITERALS: &str = r#"
    const fs = require('fs');
    const { parse } = require(process.argv[1] + '/node_modules/espree');
    const strings = [];
    function look(node) {
      if (!node || typeof node !== 'object') return;
      if (node.type === 'Literal' && typeof node.value === 'string') strings.push(node.value);
      if (node.type === 'TemplateElement') strings.push(node.value.cooked);
      Object.values(node).forEach(look);
    }
    look(parse(fs.readFileSync(0, 'utf8'), { ecmaVersion: 2017, sourceType: 'script' }));
    console.log(JSON.stringify(strings));
"#;

fn literals(script: &str) -> Vec<String> {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut node = Command::new("node")
        .args(["-e", LITERALS])
        .arg(npm::tools())
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    node.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    let strings: Value = serde_json::from_slice(&output.stdout).unwrap();
    strings
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap().to_owned())
        .collect()
}

/// Words that people would read: several of them, or in another script than a program's, or capitalised like a label.
fn is_read(text: &str) -> bool {
    let words = text
        .split_whitespace()
        .filter(|word| word.chars().all(|c| c.is_alphabetic() || ",.!?:…'’".contains(c)));
    let label = text.len() > 1
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.chars().skip(1).all(|c| c.is_ascii_lowercase());
    words.count() > 1 || !text.replace(['·', '–'], "").is_ascii() || label
}

#[test]
fn no_script_says_anything_by_itself() {
    for (path, script) in files("static", "js") {
        let said: Vec<_> = literals(&script)
            .into_iter()
            .filter(|text| is_read(text) && !DIRECTIVES.contains(&text.as_str()))
            .collect();
        assert!(said.is_empty(), "{} says {said:?}", path.display());
    }
}

#[test]
fn words_in_a_script_are_noticed() {
    for script in [
        "say('It was cancelled.')",
        "say(`Try again`)",
        "say('重试')",
        "say('Retry')",
        "x = { y: 'Not yet, ' + z }",
    ] {
        assert!(literals(script).iter().any(|text| is_read(text)), "{script}");
    }
    for script in [
        "f('#entry')",
        "f('biz.contact.choose')",
        "f('data-user-id')",
        "f('aria-label', 'POST')",
    ] {
        assert!(!literals(script).iter().any(|text| is_read(text)), "{script}");
    }
}

/// What a script of the pages may be called, nobody reads; but what the app is called stands in one place.
#[test]
fn the_name_of_the_app_is_in_one_place() {
    let places: Vec<_> = [files("src", "rs"), files("templates", "html"), files("static", "js")]
        .concat()
        .into_iter()
        .flat_map(|(path, text)| text.matches(NAME).map(|_| path.clone()).collect::<Vec<_>>())
        .collect();
    assert_eq!(places, [root().join("src/app/mod.rs")]);
}
