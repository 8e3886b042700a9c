//! `tests/openapi.yaml` describes the plumbing and the app.

use std::collections::BTreeSet;

use serde_json::Value;
use yaml_rust2::{Yaml, YamlLoader};

use super::methods::{METHODS, methods_are_answered, routes_in};
use super::misled::strangers_are_kept_out;
use super::{Route, Scene, paths, plumbing};
use crate::support::TestApp;

fn description() -> Yaml {
    YamlLoader::load_from_str(include_str!("../../openapi.yaml")).unwrap().remove(0)
}

fn keys(yaml: &Yaml) -> BTreeSet<String> {
    let keys = yaml.as_hash().into_iter().flat_map(|hash| hash.keys());
    keys.map(|key| key.as_str().unwrap().to_owned()).collect()
}

/// The route's pattern as OpenAPI spells it: the router's `{path:.*}` is `{path}` there.
fn described(route: &Route) -> String {
    route.pattern.replace(":.*}", "}")
}

/// What `yaml` refers to with `$ref`, or else `yaml` itself.
fn resolved<'a>(whole: &'a Yaml, yaml: &'a Yaml) -> &'a Yaml {
    match yaml["$ref"].as_str() {
        Some(reference) => reference.split('/').skip(1).fold(whole, |part, name| &part[name]),
        None => yaml,
    }
}

/// What contradicts `schema` in `value`: members that are missing or that it does not know. Whether texts and numbers are as described is
/// for `tests/scan` to say.
fn undescribed(whole: &Yaml, schema: &Yaml, value: &Value) -> Vec<String> {
    let schema = resolved(whole, schema);
    let mut found: Vec<_> =
        schema["allOf"].as_vec().into_iter().flatten().flat_map(|part| undescribed(whole, part, value)).collect();
    if let (Some(members), true) = (value.as_object(), schema["properties"].as_hash().is_some()) {
        let is_open = schema["additionalProperties"].as_bool() != Some(false);
        for (name, value) in members {
            match &schema["properties"][name.as_str()] {
                Yaml::BadValue if is_open => {}
                Yaml::BadValue => found.push(format!("{name} is not described")),
                member => found.extend(undescribed(whole, member, value)),
            }
        }
        let required = schema["required"].as_vec().into_iter().flatten().filter_map(Yaml::as_str);
        found.extend(required.filter(|name| !members.contains_key(*name)).map(|name| format!("{name} is missing")));
    }
    for item in value.as_array().into_iter().flatten() {
        found.extend(undescribed(whole, &schema["items"], item));
    }
    found
}

/// The routes that are described.
fn routes_described() -> BTreeSet<(String, String)> {
    let whole = description();
    let mut found = BTreeSet::new();
    for path in keys(&whole["paths"]) {
        for method in keys(&whole["paths"][path.as_str()]) {
            found.insert((method.to_uppercase(), path.clone()));
        }
    }
    found
}

/// Routes as they have to be described, and the one that exists only with DINGTALK_EVENTS=http.
fn to_describe(routes: &[Route]) -> BTreeSet<(String, String)> {
    let events = ("POST".to_owned(), "/dingtalk/events".to_owned());
    routes.iter().map(|route| (route.method.to_owned(), described(route))).chain([events]).collect()
}

#[test]
fn it_has_every_route() {
    let missing: Vec<_> = to_describe(plumbing()).difference(&routes_described()).cloned().collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[tokio::test]
async fn it_has_every_status_that_is_seen_with_its_type_and_its_headers() {
    answers_are_described(&Scene::start().await, plumbing()).await;
}

/// The app of `src/app` has these routes and no others, each answers every method and keeps strangers out, and the description has all of
/// that.
#[allow(dead_code, reason = "a fork may have deleted the demo's tests and have none yet")]
pub async fn app_is_described(own: &[Route]) {
    app_is_described_as(TestApp::demo, own).await;
}

/// The same for an app that `start` prepares, with settings or with data that was posted to it.
#[allow(dead_code, reason = "most apps can be described as they are")]
pub async fn app_is_described_as(start: impl AsyncFn() -> TestApp, own: &[Route]) {
    let sources = crate::structure::sources("src/app");
    let in_sources: BTreeSet<_> = sources.iter().flat_map(|(_, text)| routes_in(text)).collect();
    let in_table: Vec<_> = own.iter().map(|route| (route.method.to_lowercase(), route.pattern)).collect();
    assert_eq!(in_sources, in_table.iter().map(|(method, pattern)| (method.as_str(), *pattern)).collect());
    let routes = [own, plumbing()].concat();
    assert_eq!(routes_described(), to_describe(&routes));
    strangers_are_kept_out(&Scene::of(start().await, None).await, own).await;
    methods_are_answered(&Scene::of(start().await, None).await, &routes).await;
    answers_are_described(&Scene::of(start().await, None).await, &routes).await;
}

async fn answers_are_described(scene: &Scene, routes: &[Route]) {
    let whole = description();
    for route in paths(routes) {
        for method in METHODS {
            let answering = route.answering(method, routes).unwrap_or(*route);
            let operation = &whole["paths"][described(route).as_str()][answering.method.to_lowercase().as_str()];
            for somebody in [false, true] {
                let reply = scene.ask(&answering, method, somebody, &[]).await;
                let asked = format!("{method} {}: {}", route.pattern, reply.status);
                let response = resolved(&whole, &operation["responses"][reply.status.to_string().as_str()]);
                assert!(!response.is_badvalue(), "{asked} is not described");
                let kind = reply.header("content-type").split(';').next().unwrap();
                let kinds = keys(&response["content"]);
                assert!(
                    kinds.contains(kind) || kinds.contains("*/*") || (kind.is_empty() && kinds.is_empty()),
                    "{asked}: {kind}"
                );
                if let Ok(value) = serde_json::from_str(&reply.body) {
                    let found = undescribed(&whole, &response["content"][kind]["schema"], &value);
                    assert!(found.is_empty(), "{asked}: {found:?}");
                }
                for header in keys(&response["headers"]) {
                    assert!(!reply.header(&header.to_lowercase()).is_empty(), "{asked} has no {header}");
                }
            }
        }
    }
}

#[test]
fn it_has_every_code_of_a_problem_and_no_other() {
    let table = include_str!("../../../src/web/problem/words.rs");
    // The code is the text that follows the status.
    let product: BTreeSet<_> =
        table.split("    StatusCode::").skip(1).map(|row| crate::support::between(row, "\"", "\"").unwrap()).collect();
    let whole = description();
    let codes = whole["components"]["schemas"]["Problem"]["properties"]["code"]["enum"].as_vec().unwrap();
    let described: BTreeSet<_> = codes.iter().map(|code| code.as_str().unwrap()).collect();
    assert!(product.is_subset(&described), "{:?}", product.difference(&described));
    // An app has codes of its own.
    let app: String = crate::structure::sources("src/app").into_iter().map(|(_, text)| text).collect();
    let others: Vec<_> = described.difference(&product).filter(|code| !app.contains(&format!("\"{code}\""))).collect();
    assert!(others.is_empty(), "{others:?}");
}
