//! Holds every answer against the schema: its path, method and status must be described, and its JSON as it is described.
//!
//! The schema is `docs/openapi.json`, the snapshot that a test of the server keeps equal to what is served. It is taken at its word:
//! a field that it does not name is as wrong as one that is missing.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jsonschema::Validator;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::repository;

static CONTRACT: LazyLock<Contract> = LazyLock::new(Contract::read);

/// What was asked of the server.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The method that is meant, `X-HTTP-Method-Override` included.
    pub method: &'a str,
    /// The path without its query.
    pub path: &'a str,
}

/// Checks an answer to a request.
///
/// # Errors
/// What of it the schema does not describe.
pub fn check(asked: Asked<'_>, status: u16, headers: &HeaderMap, body: &[u8]) -> Result<(), String> {
    CONTRACT.check(asked, status, headers, body)
}

/// Checks a frame of the conversation's WebSocket.
///
/// # Errors
/// What of it the schema does not describe.
pub fn check_frame(frame: &Value) -> Result<(), String> {
    CONTRACT.valid("ServerFrame", &json!({"$ref": "#/components/schemas/ServerFrame"}), frame)
}

struct Contract {
    document: Value,
    /// Made once for each place of the document.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Contract {
    fn read() -> Self {
        let path = repository().join("docs/openapi.json");
        let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut document: Value = serde_json::from_slice(&text).expect("the schema is JSON");
        at_its_word(&mut document["components"]["schemas"]);
        Self { document, validators: Mutex::default() }
    }

    fn check(&self, asked: Asked<'_>, status: u16, headers: &HeaderMap, body: &[u8]) -> Result<(), String> {
        let Some((template, item)) = self.path(asked.path) else {
            // What is at no address of the contract is a page, or nothing.
            let is_api = asked.path.starts_with("/api/");
            return if is_api && status < 400 {
                Err("the path is not in the schema".to_owned())
            } else {
                Ok(())
            };
        };
        let method = asked.method.to_lowercase();
        let operation = item.get(&method).or_else(|| item.get("get").filter(|_| method == "head"));
        let Some(operation) = operation else {
            // A preflight (Fetch, "CORS protocol") is no operation of the contract.
            return if status == 405 || method == "options" {
                Ok(())
            } else {
                Err("the method is not in the schema".into())
            };
        };
        let Some(response) = operation["responses"].get(status.to_string()) else {
            return Err("the status is not in the schema".to_owned());
        };
        if status == 429 && !headers.contains_key("retry-after") {
            return Err("429 without Retry-After".to_owned());
        }
        self.check_body(&format!("{method} {template} {status}"), self.resolved(response), headers, body)
    }

    fn check_body(
        &self,
        place: &str,
        response: &Value,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(), String> {
        let kind = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default();
        if body.is_empty() || !kind.ends_with("json") {
            return Ok(());
        }
        let Some(schema) = response["content"].get(kind).map(|content| &content["schema"]) else {
            return Err(format!("{kind} is not in the schema"));
        };
        let body = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        self.valid(&format!("{place} {kind}"), schema, &body)
    }

    fn valid(&self, place: &str, schema: &Value, instance: &Value) -> Result<(), String> {
        let validator = self.validator(place, schema);
        let wrong: Vec<_> = validator
            .iter_errors(instance)
            .take(5)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
    }

    fn validator(&self, place: &str, schema: &Value) -> Arc<Validator> {
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || {
            let mut whole = schema.clone();
            whole["components"] = self.document["components"].clone();
            Arc::new(jsonschema::draft202012::new(&whole).unwrap_or_else(|error| panic!("{place}: {error}")))
        };
        Arc::clone(validators.entry(place.to_owned()).or_insert_with(made))
    }

    /// The address of the contract that a path is; one that is written out before one with a place for anything.
    fn path(&self, path: &str) -> Option<(&String, &Value)> {
        let parts: Vec<_> = path.trim_matches('/').split('/').collect();
        let paths = self.document["paths"].as_object()?;
        let fits = |template: &str| {
            let wanted: Vec<_> = template.trim_matches('/').split('/').collect();
            wanted.len() == parts.len()
                && wanted.iter().zip(&parts).all(|(wanted, part)| wanted.starts_with('{') || wanted == part)
        };
        paths
            .iter()
            .filter(|(template, _)| fits(template))
            .min_by_key(|(template, _)| template.matches('{').count())
    }

    /// What a `$ref` of the document points to (RFC 6901).
    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
        pointer.and_then(|pointer| self.document.pointer(pointer)).unwrap_or(value)
    }
}

/// Objects hold the fields that are named and no other. What is put together of several schemas is left as it is.
fn at_its_word(schema: &mut Value) {
    match schema {
        Value::Array(list) => list.iter_mut().for_each(at_its_word),
        Value::Object(fields) if fields.contains_key("allOf") => {}
        Value::Object(fields) => {
            let is_closed = fields.get("properties").is_some_and(Value::is_object)
                && fields.get("type").is_some_and(|kind| kind == "object")
                && !fields.contains_key("additionalProperties");
            fields.values_mut().for_each(at_its_word);
            if is_closed {
                fields.insert("additionalProperties".to_owned(), false.into());
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(kind: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(
            reqwest::header::CONTENT_TYPE,
            reqwest::header::HeaderValue::from_static(kind),
        )])
    }

    fn tokens(body: Value) -> Result<(), String> {
        let asked = Asked { method: "POST", path: "/api/users/token/refresh/" };
        check(asked, 200, &headers("application/json"), body.to_string().as_bytes())
    }

    #[test]
    fn what_is_described_is_taken_and_nothing_else() {
        assert_eq!(tokens(json!({"access": "a", "refresh": "b"})), Ok(()));
        assert!(tokens(json!({"access": "a"})).is_err(), "a field that is missing");
        assert!(tokens(json!({"access": "a", "refresh": 1})).is_err(), "a field of another type");
        assert!(
            tokens(json!({"access": "a", "refresh": "b", "more": 1})).is_err(),
            "a field that is not named"
        );
    }

    #[test]
    fn statuses_and_methods_that_are_not_described_are_noticed() {
        let asked = |method, path, status| check(Asked { method, path }, status, &HeaderMap::new(), b"");
        assert_eq!(asked("GET", "/api/posts/live/7", 404), Ok(()));
        assert_eq!(asked("HEAD", "/api/posts/live/7/replay.mp4", 200), Ok(()));
        assert_eq!(asked("PUT", "/api/posts/live/7/", 405), Ok(()));
        assert_eq!(asked("GET", "/live/7", 200), Ok(()));
        assert!(asked("GET", "/api/posts/live/7/", 418).is_err());
        assert!(asked("PUT", "/api/posts/live/7/", 200).is_err());
        assert!(asked("GET", "/api/nothing/", 200).is_err());
        assert!(asked("POST", "/api/users/login/", 429).is_err(), "429 says when to try again");
    }

    #[test]
    fn frames_are_held_against_the_schema_too() {
        assert_eq!(check_frame(&json!({"type": "deleted", "seqs": [1, 2], "change": 3})), Ok(()));
        assert!(check_frame(&json!({"type": "deleted", "seqs": [1, 2]})).is_err());
        assert!(check_frame(&json!({"type": "something"})).is_err());
    }
}
