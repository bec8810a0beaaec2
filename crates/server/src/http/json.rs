use std::convert::Infallible;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::problem::Problem;

/// Bytes of a JSON body at most.
const LARGEST: usize = 1 << 20;

/// Up to here every whole number has a double of its own (RFC 8259, section 6).
const WHOLE: f64 = 9_007_199_254_740_991.0;

/// How long a JSON body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// A body read as JSON, whatever its Content-Type says: `curl -d` announces a form. An empty body reads as `{}`.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let body = read(request, LARGEST, json_too_large).await?;
        let body: &[u8] = if body.trim_ascii().is_empty() { b"{}" } else { &body };
        let text = std::str::from_utf8(body).map_err(|_| not_utf8())?;
        if !text.trim_start().starts_with('{') {
            // An array would be read as the fields in their order.
            let json: Result<IgnoredAny, _> = serde_json::from_str(text);
            return Err(json.map_or_else(|error| explain(&error), |_| not_an_object()));
        }
        serde_json::from_str(text)
            .or_else(|error| whole_numbers(text).map_or(Err(error), serde_json::from_value))
            .map(Self)
            .map_err(|error| explain(&error))
    }
}

/// The same with `1.0` written as `1`, if there is any such number in it: JSON has one kind of number, and some clients write
/// whole ones so (JSON Schema, "integer").
fn whole_numbers(text: &str) -> Option<Value> {
    let mut value = serde_json::from_str(text).ok()?;
    made_whole(&mut value).then_some(value)
}

fn made_whole(value: &mut Value) -> bool {
    match value {
        Value::Array(list) => list.iter_mut().fold(false, |any, value| made_whole(value) | any),
        Value::Object(fields) => fields.values_mut().fold(false, |any, value| made_whole(value) | any),
        Value::Number(number) if number.is_f64() => {
            let whole = number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() <= WHOLE);
            // Within these bounds nothing is lost.
            whole.map(|whole| *value = Value::from(whole as i64)).is_some()
        }
        _ => false,
    }
}

/// A body that is read when it is known that its sender may send it: whoever may not holds nobody up with half of one.
pub(crate) struct Sent(Request);

impl Sent {
    /// Reads it as [`Json`] does.
    ///
    /// # Errors
    /// 400, 408 or 413, as the body is.
    pub(crate) async fn json<T: DeserializeOwned>(self) -> Result<T, Problem> {
        Json::from_request(self.0, &()).await.map(|Json(body)| body)
    }

    /// Reads its bytes, so many at most.
    ///
    /// # Errors
    /// 408 where they do not come, 413 where they are more, 400 where they are cut.
    pub(crate) async fn bytes(self, most: usize) -> Result<Bytes, Problem> {
        read(self.0, most, || Problem::of(StatusCode::PAYLOAD_TOO_LARGE)).await
    }
}

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Infallible;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Infallible> {
        Ok(Self(request))
    }
}

/// The bytes of a body, so many at most.
async fn read(request: Request, most: usize, too_large: fn() -> Problem) -> Result<Bytes, Problem> {
    let body = Limited::new(request.into_body(), most).collect();
    let Ok(body) = tokio::time::timeout(PATIENCE, body).await else {
        return Err(Problem::of(StatusCode::REQUEST_TIMEOUT));
    };
    body.map(|body| body.to_bytes()).map_err(|error| match error.downcast_ref::<LengthLimitError>() {
        Some(_) => too_large(),
        None => cut(),
    })
}

fn json_too_large() -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "Un corps JSON a 1 Mio au plus.",
        "A JSON body has at most 1 MiB.",
    )
}

fn cut() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "Le corps de la requête n'est pas arrivé en entier.",
        "The body of the request did not arrive whole.",
    )
}

fn not_utf8() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "Le corps de la requête n'est pas en UTF-8.",
        "The body of the request is not UTF-8.",
    )
}

fn not_an_object() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "Le corps de la requête doit être un objet JSON.",
        "The body of the request must be a JSON object.",
    )
}

fn explain(error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line(), error.column());
    if !error.is_data() {
        return Problem::new(
            StatusCode::BAD_REQUEST,
            format!("Le corps de la requête n'est pas du JSON valide (ligne {line}, colonne {column})."),
            format!("The body of the request is not valid JSON (line {line}, column {column})."),
        );
    }
    let said = error.to_string();
    if let Some(field) = said.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        return Problem::new(
            StatusCode::BAD_REQUEST,
            format!("Il manque le champ « {field} »."),
            format!("The field \"{field}\" is missing."),
        );
    }
    if let Some(field) = said.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next()) {
        return Problem::new(
            StatusCode::BAD_REQUEST,
            format!("Le champ « {field} » est inconnu."),
            format!("The field \"{field}\" is not known."),
        );
    }
    Problem::new(
        StatusCode::BAD_REQUEST,
        format!("Un champ n'est pas du type attendu (ligne {line}, colonne {column})."),
        format!("A field is not of the type expected (line {line}, column {column})."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_may_be_written_with_a_point() {
        let read = |text: &str| whole_numbers(text).map(|value| value.to_string());
        assert_eq!(
            read(r#"{"ids":[7.0,8],"at":{"ms":-1e3}}"#).as_deref(),
            Some(r#"{"at":{"ms":-1000},"ids":[7,8]}"#)
        );
        assert_eq!(read(r#"{"ids":[7,8]}"#), None);
        assert_eq!(read(r#"{"ids":[7.5,1e300]}"#), None);
    }
}
