//! What of the description neither handlers nor types can say: it is put right when all of it is gathered.

use std::collections::BTreeMap;

use utoipa::openapi::path::Operation;
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{Content, Object, RefOr, Required, Schema};

/// The schemas that operations point to, by their names.
pub(super) type Schemas = BTreeMap<String, RefOr<Schema>>;

/// Says of an operation what its bodies and parameters are to the letter.
pub(super) fn put_right(operation: &mut Operation, schemas: &Schemas) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && let Some(schema) = &mut parameter.schema
        {
            never_null(schema);
        }
    }
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        if may_be_empty(body, schemas) {
            body.required = Some(Required::False);
        }
        body.content.iter_mut().for_each(|(kind, content)| bytes_as_such(kind, content));
    }
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            response.content.iter_mut().for_each(|(kind, content)| bytes_as_such(kind, content));
        }
    }
}

/// Writes objects that are put together of a named one and what its place adds (the `type` of a frame) as one: nothing else may be
/// in it, and generators of clients read it.
pub(super) fn put_together(schemas: &mut Schemas) {
    let known = schemas.clone();
    for schema in schemas.values_mut() {
        if let RefOr::T(Schema::OneOf(choice)) = schema {
            for item in &mut choice.items {
                if let Some(whole) = whole_of(item, &known) {
                    *item = Schema::Object(whole).into();
                }
            }
        }
    }
}

fn whole_of(schema: &RefOr<Schema>, known: &Schemas) -> Option<Object> {
    let RefOr::T(Schema::AllOf(all)) = schema else { return None };
    let mut whole = Object::new();
    whole.description = all.description.clone();
    for part in &all.items {
        let Some(RefOr::T(Schema::Object(part))) = resolved(part, known) else { return None };
        whole.properties.extend(part.properties.clone());
        whole.required.extend(part.required.iter().cloned());
    }
    Some(whole)
}

/// What a reference points to, or what is there itself.
fn resolved<'a>(schema: &'a RefOr<Schema>, known: &'a Schemas) -> Option<&'a RefOr<Schema>> {
    match schema {
        RefOr::Ref(reference) => known.get(reference.ref_location.rsplit('/').next()?),
        here => Some(here),
    }
}

/// Headers and queries are text: one that is not there is not sent, and none of them is `null`.
fn never_null(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => {
            if let SchemaType::Array(kinds) = &object.schema_type
                && let Some(kind) = kinds.iter().find(|kind| **kind != Type::Null)
            {
                object.schema_type = SchemaType::new(kind.clone());
            }
        }
        RefOr::T(Schema::OneOf(choice)) => {
            choice.items.retain(|item| !is_null(item));
            if let [only] = choice.items.as_slice() {
                *schema = only.clone();
            }
        }
        _ => {}
    }
}

fn is_null(schema: &RefOr<Schema>) -> bool {
    matches!(schema, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::new(Type::Null))
}

/// An empty body is read as `{}`, which is enough where no field must be there.
fn may_be_empty(body: &RequestBody, schemas: &Schemas) -> bool {
    let Some(RefOr::T(content)) = body.content.get("application/json") else { return false };
    let schema = content.schema.as_ref().and_then(|schema| resolved(schema, schemas));
    matches!(schema, Some(RefOr::T(Schema::Object(object))) if object.required.is_empty())
}

/// Media are bytes, not lists of numbers.
fn bytes_as_such(kind: &str, content: &mut RefOr<Content>) {
    let is_text = kind.starts_with("text/") || kind.ends_with("json") || kind.ends_with("mpegurl");
    if is_text || kind.starts_with("multipart/") {
        return;
    }
    if let RefOr::T(content) = content {
        let bytes = ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
            .build();
        content.schema = Some(bytes.into());
    }
}
