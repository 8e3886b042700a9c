//! `tests/openapi.yaml` describes the plumbing, besides the pages of an app.

use std::collections::BTreeSet;

use yaml_rust2::{Yaml, YamlLoader};

use super::methods::METHODS;
use super::{Route, Scene, plumbing};

fn description() -> Yaml {
    YamlLoader::load_from_str(include_str!("../../openapi.yaml")).unwrap().remove(0)
}

fn keys(yaml: &Yaml) -> BTreeSet<String> {
    let keys = yaml.as_hash().into_iter().flat_map(|hash| hash.keys());
    keys.map(|key| key.as_str().unwrap().to_owned()).collect()
}

/// As OpenAPI spells what the router spells `{path:.*}`.
fn described(route: &Route) -> String {
    route.pattern.replace(":.*}", "}")
}

/// What `yaml` refers to, if it does.
fn resolved<'a>(whole: &'a Yaml, yaml: &'a Yaml) -> &'a Yaml {
    match yaml["$ref"].as_str() {
        Some(reference) => reference.split('/').skip(1).fold(whole, |part, name| &part[name]),
        None => yaml,
    }
}

/// The routes that are described.
pub fn routes_described() -> BTreeSet<(String, String)> {
    let whole = description();
    let mut found = BTreeSet::new();
    for path in keys(&whole["paths"]) {
        for method in keys(&whole["paths"][path.as_str()]) {
            found.insert((method.to_uppercase(), path.clone()));
        }
    }
    found
}

/// Routes as they have to be described, and the one that is there with DINGTALK_EVENTS=http alone.
pub fn to_describe(routes: &[Route]) -> BTreeSet<(String, String)> {
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

pub async fn answers_are_described(scene: &Scene, routes: &[Route]) {
    let whole = description();
    for route in routes {
        let operation = &whole["paths"][described(route).as_str()][route.method.to_lowercase().as_str()];
        for method in METHODS {
            for somebody in [false, true] {
                let reply = scene.ask(route, method, somebody, &[]).await;
                let asked = format!("{method} {}: {}", route.pattern, reply.status);
                let response = resolved(&whole, &operation["responses"][reply.status.to_string().as_str()]);
                assert!(!response.is_badvalue(), "{asked} is not described");
                let kind = reply.header("content-type").split(';').next().unwrap();
                let kinds = keys(&response["content"]);
                assert!(
                    kinds.contains(kind) || kinds.contains("*/*") || (kind.is_empty() && kinds.is_empty()),
                    "{asked}: {kind}"
                );
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
    // An app has its own.
    let app: String = crate::structure::sources("src/app").into_iter().map(|(_, text)| text).collect();
    let others: Vec<_> = described.difference(&product).filter(|code| !app.contains(&format!("\"{code}\""))).collect();
    assert!(others.is_empty(), "{others:?}");
}
