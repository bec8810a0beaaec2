//! Refusals: problem details (RFC 9457).

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::openapi::schema::{ObjectBuilder, Ref, SchemaType, Type};
use utoipa::openapi::{ContentBuilder, HeaderBuilder, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// What went wrong (RFC 9457), for a person to read: French, or English by `Accept-Language`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem<'a> {
    /// Always `about:blank`: the status says what kind it is.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The kind, in a few words.
    pub title: &'a str,
    /// The status of the answer.
    pub status: u16,
    /// What went wrong, in a sentence.
    pub detail: &'a str,
    /// The same sentence.
    pub error: &'a str,
}

/// In the description of an operation: it may refuse with this status.
#[derive(Debug, Clone, Copy)]
pub struct Refusal<const STATUS: u16>;

impl<const STATUS: u16> IntoResponses for Refusal<STATUS> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([(STATUS.to_string(), reference(STATUS))])
    }
}

/// How an operation points to the description of a refusal.
#[must_use]
pub fn reference(status: u16) -> RefOr<Response> {
    Ref::from_response_name(name(status)).into()
}

/// Every refusal that there is, by the name under which operations point to it.
pub fn responses() -> impl Iterator<Item = (String, Response)> {
    REFUSALS.iter().map(|refusal| (name(refusal.status), refusal.response()))
}

fn name(status: u16) -> String {
    format!("Problem{status}")
}

struct Described {
    status: u16,
    what: &'static str,
    /// Headers that come with it: name, what it says, whether it is a number.
    headers: &'static [(&'static str, &'static str, Type)],
}

const RETRY_AFTER: (&str, &str, Type) =
    ("Retry-After", "After how many seconds to try again.", Type::Integer);

const REFUSALS: &[Described] = &[
    Described { status: 400, what: "Malformed.", headers: &[] },
    Described {
        status: 401,
        what: "Sign in first, or the token is not valid.",
        headers: &[("WWW-Authenticate", "Bearer, with what is wrong with the token.", Type::String)],
    },
    Described { status: 403, what: "Not yours.", headers: &[] },
    Described { status: 404, what: "Not there, or not for you to see.", headers: &[] },
    Described {
        status: 405,
        what: "The path has no such method, nor one that X-HTTP-Method-Override names.",
        headers: &[("Allow", "The methods that it has.", Type::String)],
    },
    Described { status: 406, what: "Not in that container; `detail` names what to ask for.", headers: &[] },
    Described { status: 408, what: "The body took too long to arrive.", headers: &[] },
    Described {
        status: 409,
        what: "Conflict.",
        headers: &[("Upload-Offset", "Of an upload: where it stands, and where to go on.", Type::Integer)],
    },
    Described { status: 410, what: "This upload has ended.", headers: &[] },
    Described { status: 412, what: "Not the version of tus that this server speaks.", headers: &[] },
    Described { status: 413, what: "Too large.", headers: &[] },
    Described { status: 415, what: "Unknown media.", headers: &[] },
    Described {
        status: 416,
        what: "The range is outside the file.",
        headers: &[("Content-Range", "How long the file is: `bytes */LENGTH`.", Type::String)],
    },
    Described { status: 422, what: "Understood, but refused.", headers: &[] },
    Described { status: 426, what: "Only a WebSocket can be opened here.", headers: &[] },
    Described { status: 429, what: "Too many; Retry-After says when to try again.", headers: &[RETRY_AFTER] },
    Described {
        status: 460,
        what: "The checksum does not match; nothing of the request was kept.",
        headers: &[],
    },
    Described { status: 500, what: "The server failed; it is written in its log.", headers: &[] },
    Described { status: 503, what: "Overloaded.", headers: &[RETRY_AFTER] },
    Described { status: 507, what: "Disk full or quota reached.", headers: &[] },
];

impl Described {
    fn response(&self) -> Response {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let mut response =
            ResponseBuilder::new().description(self.what).content("application/problem+json", content);
        for (name, says, kind) in self.headers {
            let schema = ObjectBuilder::new().schema_type(SchemaType::new(kind.clone())).build();
            let header = HeaderBuilder::new().schema(Some(schema)).description(Some(*says)).build();
            response = response.header(*name, header);
        }
        response.build()
    }
}
