//! The schema as a page to read: every address with what goes in and what comes out.

use std::fmt::Write;

use serde_json::Value;

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
    h3{font:1rem/1.5 ui-monospace,monospace;margin:1.5rem 0 0}b{display:inline-block;min-width:4.5rem}\
    p{margin:.2rem 0}ul{margin:.2rem 0}code{font-family:ui-monospace,monospace}\
    @media(prefers-color-scheme:dark){body{background:#111;color:#eee}a{color:#9cf}}";

/// The page.
pub(super) fn page(schema: &Value) -> String {
    let info = &schema["info"];
    let (title, about) = (text(&info["title"]), text(&info["description"]));
    let base = text(&schema["servers"][0]["url"]);
    let base = base.trim_end_matches('/');
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style>\
         <h1>{title}</h1><p>{about}</p><p><a href=\"{base}/api/schema/\">OpenAPI 3.1</a></p>"
    );
    for tag in items(&schema["tags"]) {
        let _ = write!(html, "<h2>{}</h2>", text(&tag["name"]));
        for (path, methods) in schema["paths"].as_object().into_iter().flatten() {
            for (method, operation) in methods.as_object().into_iter().flatten() {
                if operation["tags"][0] == tag["name"] {
                    operation_html(&mut html, schema, path, method, operation);
                }
            }
        }
    }
    html
}

fn operation_html(html: &mut String, schema: &Value, path: &str, method: &str, operation: &Value) {
    let method = method.to_uppercase();
    let _ = write!(html, "<h3><b>{method}</b> {}</h3><p>{}</p>", escaped(path), text(&operation["summary"]));
    if let Some(description) = operation["description"].as_str() {
        let _ = write!(html, "<p>{}</p>", escaped(description));
    }
    html.push_str("<ul>");
    for parameter in items(&operation["parameters"]) {
        let parameter = resolved(schema, parameter);
        let (name, place) = (text(&parameter["name"]), text(&parameter["in"]));
        let _ = write!(html, "<li><code>{name}</code> ({place}) {}", text(&parameter["description"]));
    }
    let body = &operation["requestBody"]["content"];
    for (kind, content) in body.as_object().into_iter().flatten() {
        let _ =
            write!(html, "<li>body <code>{}</code> {}", escaped(kind), fields(schema, &content["schema"]));
    }
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let response = resolved(schema, response);
        let described = fields(schema, &response["content"]["application/json"]["schema"]);
        let _ = write!(html, "<li><code>{status}</code> {} {described}", text(&response["description"]));
        for (name, header) in response["headers"].as_object().into_iter().flatten() {
            let _ = write!(html, "<br><code>{}</code> {}", escaped(name), text(&header["description"]));
        }
    }
    html.push_str("</ul>");
}

/// The names in an object, or what its elements are.
fn fields(schema: &Value, of: &Value) -> String {
    let of = resolved(schema, of);
    let names: Vec<_> =
        of["properties"].as_object().into_iter().flatten().map(|(name, _)| escaped(name)).collect();
    if names.is_empty() { String::new() } else { format!("<code>{{{}}}</code>", names.join(", ")) }
}

/// What a `$ref` of the document points to (RFC 6901).
fn resolved<'a>(schema: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| schema.pointer(pointer)).unwrap_or(value)
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    escaped(value.as_str().unwrap_or_default())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
