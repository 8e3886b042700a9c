//! The scripts' JSDoc, checked against the types that DingTalk's library declares. The product has no build step.

use std::fs;
use std::process::Output;

use super::{root, scratch};
use crate::npm;

/// Wrong scripts, each with what the type checker says. Without the checker they would run, or fail only in somebody's browser.
const WRONG: [(&str, &str); 5] = [
    ("h5.client.call('biz.contact.chose');", "'\"biz.contact.chose\"' is not assignable"),
    ("h5.client.configure({ agentId: 1 });", "not assignable to type 'string'"),
    ("window.dd.redy(() => {});", "Property 'redy' does not exist"),
    ("window.dd.ready();", "possibly 'undefined'"),
    ("h5.messages.explain(null).happend;", "Property 'happend' does not exist"),
];

/// What a fork may write.
const RIGHT: &str = "h5.client.call('biz.util.scan', {}); h5.client.call('scan', {}); h5.client.call('chooseImage');";

fn type_check(project: &str) -> Output {
    npm::node("node_modules/typescript/bin/tsc", &["--pretty", "false", "--project", project], root())
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn every_script_is_typed() {
    let checked = type_check("tests/node/tsconfig.json");
    assert!(checked.status.success(), "{}", said(&checked));
}

#[test]
fn the_check_notices_what_is_wrong_and_nothing_else() {
    let directory = scratch("typed");
    for (number, (script, _)) in WRONG.iter().enumerate() {
        fs::write(directory.join(format!("wrong-{number}.js")), script).unwrap();
    }
    fs::write(directory.join("right.js"), RIGHT).unwrap();
    let tools = npm::tools().display();
    let statics = root().join("static");
    let project = format!(
        r#"{{ "extends": "{tools}/tsconfig.json", "include": ["{tools}/dingtalk.d.ts", "{}/**/*.js", "*.js"] }}"#,
        statics.display()
    );
    fs::write(directory.join("tsconfig.json"), project).unwrap();
    let checked = type_check(directory.join("tsconfig.json").to_str().unwrap());
    let said = said(&checked);
    for (number, (script, complaint)) in WRONG.iter().enumerate() {
        let file = format!("wrong-{number}.js");
        let noticed = said.lines().any(|line| line.contains(&file) && line.contains(complaint));
        assert!(noticed, "{script} passes as typed: {said}");
    }
    assert!(!said.contains("right.js"), "{said}");
}
