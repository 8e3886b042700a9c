//! Everything that people read is in the files of words: no template and no script says anything by itself.
//!
//! No test is needed for a word that one language lacks: it would not compile.

use std::path::Path;

use dingtalk_h5::app::NAME;
use serde_json::Value;

use super::{files, root};
use crate::npm;
use crate::structure::after_arguments;

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
const READ: [&str; 5] = ["aria-label", "alt", "title", "placeholder", "aria-description"];

/// The inputs whose value nobody reads: it is only sent.
const UNREAD: [&str; 3] = ["type=\"hidden\"", "type=\"radio\"", "type=\"checkbox\""];

/// Cuts out every piece of `text` from `open` to `close`.
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

/// `text` without references to characters, such as `&nbsp;`.
fn without_entities(text: &str) -> String {
    let is_name = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '#');
    let parts = text.split('&').map(|part| part.split_once(';').filter(|(name, _)| is_name(name)).map_or(part, |(_, rest)| rest));
    parts.collect::<Vec<_>>().join(" ")
}

/// All values of the attribute `name`.
fn values(html: &str, name: &str) -> Vec<String> {
    let start = format!(" {name}=\"");
    html.split(&start).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

/// What a template says by itself: text between tags, and attributes that are read.
fn said_by(template: &str) -> Vec<String> {
    let mut bare = template.to_owned();
    for (open, close) in [("{#", "#}"), ("{%", "%}"), ("{{", "}}"), ("<!--", "-->")] {
        bare = without(&bare, open, close);
    }
    let bare = without_entities(&bare);
    let inputs = bare.split("<input").skip(1).map(|rest| rest.split('>').next().unwrap());
    let shown: String = inputs.filter(|input| !UNREAD.iter().any(|kind| input.contains(kind))).collect();
    let attributes: Vec<_> = READ.iter().flat_map(|name| values(&bare, name)).chain(values(&shown, "value")).collect();
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
        let said: Vec<_> = said_by(&template).into_iter().filter(|word| !NAMES.contains(&word.as_str())).collect();
        assert!(said.is_empty(), "{} says {said:?}", path.display());
    }
}

#[test]
fn words_in_a_template_are_noticed() {
    for template in [
        "<p>Hello</p>",
        "<p>{{ x }} 你好</p>",
        "<p>{{ x }}&nbsp;you &amp; me</p>",
        r#"<img alt="A cat">"#,
        r#"<a aria-label="{{ x }} now">"#,
        r#"<input class="button" type="submit" value="Send">"#,
    ] {
        assert!(!said_by(template).is_empty(), "{template}");
    }
    for template in [
        r#"<p class="big" data-x="y">{{ words.hello }} {% if a %}{{ b }}{% endif %}</p>"#,
        r#"<option value="rice">{{ words.rice }}</option> & <input type="radio" name="dish" value="rice">"#,
        "{{ price }}&nbsp;&euro; &#8594; {{ name }}&copy;",
    ] {
        assert!(said_by(template).is_empty(), "{template}");
    }
}

/// What looks like a sentence in a script and is not.
const DIRECTIVES: [&str; 1] = ["use strict"];

/// A node program that prints the string literals of a script, as the parser sees them. It leaves out those that are names: values that
/// something is compared with, selectors of elements, keys, classes and styles.
const LITERALS: &str = r#"
    const fs = require('fs');
    const { parse } = require(process.argv[1] + '/node_modules/espree');
    const strings = [];
    const finds = /^(querySelector|querySelectorAll|closest|matches|getElementsByClassName)$/;
    const named = (node) => node && node.property && node.property.name;
    function names(node) {
      const { type, left, right } = node;
      if (type === 'BinaryExpression' && /^[!=]==?$/.test(node.operator)) return [left, right].filter((side) => side.type === 'Literal');
      if (type === 'SwitchCase') return [node.test];
      if (type === 'CallExpression' && finds.test(named(node.callee))) return node.arguments;
      if (type === 'AssignmentExpression' && (named(left) === 'className' || named(left.object) === 'style')) return [right];
      return type === 'Property' ? [node.key] : [];
    }
    function look(node, isName) {
      if (!node || typeof node !== 'object' || isName) return;
      if (node.type === 'Literal' && typeof node.value === 'string') strings.push(node.value);
      if (node.type === 'TemplateElement') strings.push(node.value.cooked);
      const known = names(node);
      Object.values(node).forEach((part) => [].concat(part).forEach((inner) => look(inner, known.includes(inner))));
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
    strings.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// Whether `text` is for people to read: several words, or not ASCII, or capitalised like a label.
fn is_read(text: &str) -> bool {
    let words = text.split_whitespace().filter(|word| word.chars().all(|c| c.is_alphabetic() || ",.!?:…'’".contains(c)));
    let label = text.len() > 1
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.chars().skip(1).all(|c| c.is_ascii_lowercase());
    words.count() > 1 || !text.replace(['·', '–', '…'], "").is_ascii() || label
}

#[test]
fn no_script_says_anything_by_itself() {
    for (path, script) in files("static", "js") {
        let said: Vec<_> =
            literals(&script).into_iter().filter(|text| is_read(text) && !DIRECTIVES.contains(&text.as_str())).collect();
        assert!(said.is_empty(), "{} says {said:?}", path.display());
    }
}

#[test]
fn words_in_a_script_are_noticed() {
    for script in ["say('It was cancelled.')", "say(`Try again`)", "say('重试')", "say('Retry')", "x = { y: 'Not yet, ' + z }"]
    {
        assert!(literals(script).iter().any(|text| is_read(text)), "{script}");
    }
    for script in [
        "f('#entry')",
        "f('biz.contact.choose')",
        "f('data-user-id')",
        "f('aria-label', 'POST')",
        "if (event.key === 'Enter' || 'Escape' != event.key) f()",
        "switch (event.key) { case 'Enter': f() }",
        "page.querySelectorAll('button, input').forEach((found) => found.closest('.card button, ul li'))",
        "row.className = isOpen ? 'card tile' : 'card'; row.style.border = '1px solid red'",
        "fetch(path, { headers: { 'Accept': 'application/json' } })",
    ] {
        assert!(!literals(script).iter().any(|text| is_read(text)), "{script}");
    }
}

/// A file's code: without its comments, and without its tests.
fn code(text: &str) -> String {
    let product = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    product.lines().filter(is_code).map(|line| format!("{line}\n")).collect()
}

fn says_words(path: &Path) -> bool {
    path.iter().any(|part| part == "words.rs" || part == "words")
}

/// A page may have the app's name as its title. Otherwise the name is written in one place only.
#[test]
fn the_name_of_the_app_is_in_one_place() {
    let as_a_whole = [format!("\"{NAME}\""), format!("'{NAME}'"), format!(">{NAME}<")];
    let a_page = format!("Both(\"{NAME}\"");
    let places: Vec<_> = [files("src", "rs"), files("templates", "html"), files("static", "js")]
        .concat()
        .into_iter()
        .filter(|(path, _)| !says_words(path))
        .flat_map(|(path, text)| {
            let text = code(&text).replace(&a_page, "");
            let found: usize = as_a_whole.iter().map(|name| text.matches(name).count()).sum();
            vec![path; found]
        })
        .collect();
    assert_eq!(places, [root().join("src/app/mod.rs")]);
}

/// Whether `text` may be the same in both languages: an abbreviation or a unit, such as KPI, Wi-Fi, kg or °C.
fn may_be_the_same(text: &str) -> bool {
    let is_foreign = !text.is_ascii() && !is_chinese(text) && text.chars().filter(char::is_ascii_alphabetic).count() < 3;
    is_foreign || !is_read(text) && (text.len() < 3 || !text.chars().all(char::is_lowercase))
}

fn is_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

/// The sentences of a file of words, in pairs: English and Chinese, with nothing but a comma between them.
fn sentences(code: &str) -> Vec<(&str, &str)> {
    let pieces: Vec<_> = code.split('"').collect();
    let pairs = pieces.windows(4).skip(1).step_by(2);
    pairs.filter(|piece| piece[1].trim() == ",").map(|piece| (piece[0], piece[2])).collect()
}

/// The sentences of any other file: `Both("English", "Chinese")`, each of which may be made a `String`. What is no literal is left out.
fn said_alone(code: &str) -> Vec<(&str, &str)> {
    let said = code.split("Both(").skip(1).filter_map(|rest| {
        let (english, rest) = literal(rest)?;
        let (chinese, _) = literal(rest.trim_start().strip_prefix(',')?)?;
        Some((english, chinese))
    });
    said.collect()
}

/// The literal that `code` begins with, and what follows it: `"text"`, `"text".to_owned()`, `format!("text", more)`.
fn literal(code: &str) -> Option<(&str, &str)> {
    let code = code.trim_start();
    let format = code.strip_prefix("format!(");
    let (text, rest) = format.unwrap_or(code).trim_start().strip_prefix('"')?.split_once('"')?;
    if format.is_some() {
        return Some((text, after_arguments(rest)));
    }
    let owned = [".to_owned()", ".into()", ".to_string()"].iter().find_map(|made| rest.trim_start().strip_prefix(made));
    Some((text, owned.unwrap_or(rest)))
}

#[test]
fn sentences_that_are_made_when_they_are_said_have_both_languages_too() {
    let code = r#"INVALID.saying(Both(format!("At most {most} fit.", most = most()), format!("最多{most}人。")));
        Both("It opens at six.".to_owned(), "六点开门。".into()); Both(
            format!("No, {who}."),
            format!(
                "No, {who}.",
            ),
        )"#;
    let made = [("At most {most} fit.", "最多{most}人。"), ("It opens at six.", "六点开门。"), ("No, {who}.", "No, {who}.")];
    assert_eq!(said_alone(code), made);
}

#[test]
fn only_what_directly_follows_is_a_pair() {
    let code = r#"Both("Yes", yes(1)); check("a", "b"); Both(name.clone(), name); row("c", "d"); Both("One"); f("e", "f")"#;
    assert_eq!(said_alone(code), []);
}

#[test]
fn every_sentence_is_written_in_both_languages() {
    let mut written = 0;
    for (path, text) in files("src", "rs") {
        let code = code(&text);
        let said = if says_words(&path) { sentences(&code) } else { said_alone(&code) };
        for (english, chinese) in said {
            let differ = !is_chinese(english) && is_chinese(chinese);
            let same = english == chinese && may_be_the_same(english);
            assert!(differ || same, "{}: {english:?}, {chinese:?}", path.display());
            written += 1;
        }
    }
    assert!(written > 50, "{written} sentences were found");
}

#[test]
fn a_sentence_in_one_language_is_noticed() {
    let code = r#"a: "Yes", "是"; row("code", Both("No", "No"), Both("Why?",
        "为什么？")) b: "One", "一" => "Two", "二";"#;
    let pairs = [("Yes", "是"), ("No", "No"), ("Why?", "为什么？"), ("One", "一"), ("Two", "二")];
    assert_eq!(sentences(code), pairs);
    assert_eq!(said_alone(code), [("No", "No"), ("Why?", "为什么？")]);
    assert!(["No", "Home", "saved", "Not yet", "是"].iter().all(|text| !may_be_the_same(text)));
    assert!(["JSAPI", "KPI", "PDF", "Wi-Fi", "kg", "km/h"].iter().all(|text| may_be_the_same(text)));
}

/// The names of words, each with the file that shows it: the comment before their block names the file.
fn named(words: &str) -> Vec<(String, String)> {
    let mut said_in = "";
    let mut names = Vec::new();
    for line in words.lines().map(str::trim) {
        if let Some(file) = line.strip_prefix("/// `").and_then(|rest| rest.strip_suffix('`')) {
            said_in = file;
        }
        let name = line.split(':').next().unwrap();
        let is_name = name.len() < line.len() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        if is_name && !name.is_empty() && !said_in.is_empty() {
            names.push((said_in.to_owned(), name.to_owned()));
        }
    }
    names
}

/// Whether `text` contains `name`, and not only as a part of another name.
fn names(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + name.len()..]);
        !before.ends_with(is_part) && !after.starts_with(is_part)
    })
}

#[test]
fn every_word_is_said_somewhere() {
    // A script may look words up by the name of a failure, which stands in another script.
    let scripts: String = files("static", "js").into_iter().map(|(_, text)| code(&text)).collect();
    let mut said = 0;
    for (path, text) in files("src", "rs").into_iter().filter(|(path, _)| says_words(path)) {
        for (file, name) in named(text.split("#[cfg(test)]").next().unwrap()) {
            let text = || std::fs::read_to_string(root().join(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            let is_said = match file.rsplit_once('.') {
                Some((_, "html")) => names(&text(), &format!("words.{name}")),
                Some((_, "rs")) => names(&code(&text()), &name),
                _ => names(&scripts, &name) || names(&scripts, &name.replace('_', "-")),
            };
            assert!(is_said, "{}: {file} does not say {name}", path.display());
            said += 1;
        }
    }
    assert!(said > 50, "{said} words were found");
}

#[test]
fn a_word_that_nobody_says_is_noticed() {
    let block = "    /// `templates/x.html`\n    X {\n        title: \"A\", \"甲\";\n        long:\n            \"B: c\",\n            \"乙\";\n    }";
    let of_x = |name: &str| ("templates/x.html".to_owned(), name.to_owned());
    assert_eq!(named(block), [of_x("title"), of_x("long")]);
    assert!(names("{{ words.title }}", "words.title"));
    assert!(!names("{{ words.titles }} {{ other_words.title }}", "words.title"));
}
