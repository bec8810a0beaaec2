//! The schema: whole, and the same as the snapshot from which clients are made.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use crate::server::Server;

/// The snapshot in the repository.
fn snapshot() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json")
}

#[tokio::test]
async fn the_snapshot_is_the_schema_that_is_served() {
    let served = Server::start().await.get("/api/schema/").await.body;
    if std::env::var_os("WRITE_SCHEMA").is_some() {
        std::fs::write(snapshot(), &served).unwrap();
    }
    let kept = std::fs::read_to_string(snapshot()).unwrap_or_default();
    assert!(kept == served, "docs/openapi.json is stale: run scripts/schema.sh and commit what it writes");
}

#[tokio::test]
async fn every_reference_of_the_schema_leads_somewhere() {
    let schema = Server::start().await.get("/api/schema/").await.json();
    let text = schema.to_string();
    let references: BTreeSet<_> =
        text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(references.len() > 40, "{references:?}");
    for reference in references {
        assert!(schema.pointer(reference).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn every_operation_has_a_name_of_its_own_and_says_what_it_does() {
    let schema = Server::start().await.get("/api/schema/").await.json();
    let mut names = BTreeSet::new();
    for (path, methods) in schema["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap_or_default().to_owned();
            assert!(!name.is_empty() && names.insert(name.clone()), "{method} {path}: {name:?}");
            assert!(operation["summary"].is_string(), "{method} {path} says not what it does");
            assert!(operation["tags"][0].is_string(), "{method} {path} belongs nowhere");
            for place in path.split(['{', '}']).skip(1).step_by(2) {
                assert!(has_parameter(operation, place), "{method} {path} does not describe {place}");
            }
            assert_eq!(
                operation["responses"]["405"]["$ref"], "#/components/responses/Problem405",
                "{method} {path}"
            );
        }
    }
    assert!(names.len() > 50, "{names:?}");
}

fn has_parameter(operation: &Value, name: &str) -> bool {
    operation["parameters"].as_array().into_iter().flatten().any(|parameter| parameter["name"] == name)
}

#[tokio::test]
async fn the_readable_page_names_every_address() {
    let server = Server::start().await;
    let (schema, page) = (server.get("/api/schema/").await.json(), server.get("/api/docs/").await.body);
    for path in schema["paths"].as_object().unwrap().keys() {
        assert!(page.contains(path.as_str()), "{path}");
    }
}
