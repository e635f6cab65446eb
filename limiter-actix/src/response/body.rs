//! The bodies of refusals.

use std::cell::OnceCell;

use actix_web::{
    HttpResponse,
    body::{self, MessageBody},
    dev::ServiceRequest,
    http::{
        Method,
        header::{CONTENT_TYPE, HeaderValue},
    },
    web::Bytes,
};
use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::{accept::Form, escape::push_html, problem::Problem};

/// Returns a response in the form that its client accepts. `violated` are the names of the limits that refused.
/// `cached` keeps the JSON, if that is always the same.
pub(crate) fn response(
    problem: &Problem,
    detail: &str,
    violated: &[&str],
    cached: Option<&OnceCell<Bytes>>,
    req: &ServiceRequest,
) -> HttpResponse {
    let form = Form::wanted(req.headers());
    let body = if req.method() == Method::HEAD {
        // No Content-Length either: that of the response to a GET is not 0 (RFC 9110, section 8.6).
        body::None::new().boxed()
    } else {
        body(form, problem, detail, violated, cached).boxed()
    };
    let mut response = HttpResponse::with_body(problem.status, body);
    // Room for the other headers of every refusal.
    response.headers_mut().reserve(3);
    response.headers_mut().insert(CONTENT_TYPE, form.content_type());
    response
}

fn body(
    form: Form,
    problem: &Problem,
    detail: &str,
    violated: &[&str],
    cached: Option<&OnceCell<Bytes>>,
) -> Bytes {
    let json = || Bytes::from(problem_json(problem, detail, violated));
    match (form, cached) {
        (Form::Problem, Some(cached)) => cached.get_or_init(json).clone(),
        (Form::Problem, None) => json(),
        (Form::Html, _) => html(problem, detail).into(),
        (Form::Plain, _) => detail.to_owned().into(),
    }
}

impl Form {
    /// Returns the value of the header. Values are made while this is compiled, since each byte of theirs is checked.
    fn content_type(self) -> HeaderValue {
        match self {
            Self::Problem => const { HeaderValue::from_static("application/problem+json") },
            Self::Html => const { HeaderValue::from_static("text/html; charset=utf-8") },
            Self::Plain => const { HeaderValue::from_static("text/plain; charset=utf-8") },
        }
    }
}

/// The object of RFC 9457, with the member that draft-ietf-httpapi-ratelimit-headers-11 adds in section 5.
///
/// There is no `instance`: the path does not identify the occurrence, and one that begins with `//` names another host.
struct ProblemDetails<'a> {
    problem: &'a Problem,
    detail: &'a str,
    violated: &'a [&'a str],
}

// Not derived: servers without the inspector do not compile serde's macro.
impl Serialize for ProblemDetails<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let has_violated = !self.violated.is_empty();
        let mut object = serializer.serialize_struct("ProblemDetails", 4 + usize::from(has_violated))?;
        object.serialize_field("type", self.problem.uri)?;
        object.serialize_field("title", self.problem.title)?;
        object.serialize_field("status", &self.problem.status.as_u16())?;
        object.serialize_field("detail", self.detail)?;
        if has_violated {
            object.serialize_field("violated-policies", self.violated)?;
        }
        object.end()
    }
}

fn problem_json(problem: &Problem, detail: &str, violated: &[&str]) -> Vec<u8> {
    let mut json = Vec::with_capacity(256 + detail.len());
    // Writing texts to a vector never fails.
    let _ = serde_json::to_writer(&mut json, &ProblemDetails { problem, detail, violated });
    json
}

/// Returns a page for people, with the status and the reason.
fn html(problem: &Problem, detail: &str) -> String {
    let status = problem.status.canonical_reason().unwrap_or(problem.title);
    let mut text = String::with_capacity(192 + detail.len());
    text.push_str("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>");
    text.push_str(problem.status.as_str());
    text.push(' ');
    text.push_str(status);
    text.push_str("</title>\n<h1>");
    text.push_str(status);
    text.push_str("</h1>\n<p>");
    push_html(&mut text, detail);
    text.push_str("</p>\n</html>\n");
    text
}
