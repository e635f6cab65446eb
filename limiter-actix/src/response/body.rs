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

use super::{
    accept::Form,
    escape::{push_html, push_json},
    problem::Problem,
};

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

/// Returns the object of RFC 9457, with the member that draft-ietf-httpapi-ratelimit-headers-11 adds in section 5.
///
/// It is written by hand, since `serde_json` leaves some control characters unescaped. There is no `instance`: the
/// path does not identify the occurrence, and one that begins with `//` names another host.
fn problem_json(problem: &Problem, detail: &str, violated: &[&str]) -> String {
    let mut text = String::with_capacity(256 + detail.len());
    text.push_str(r#"{"type":""#);
    text.push_str(problem.uri);
    text.push_str(r#"","title":""#);
    text.push_str(problem.title);
    text.push_str(r#"","status":"#);
    text.push_str(problem.status.as_str());
    text.push_str(r#","detail":""#);
    push_json(&mut text, detail);
    text.push('"');
    for (number, name) in violated.iter().enumerate() {
        text.push_str(if number == 0 { r#","violated-policies":[""# } else { r#",""# });
        push_json(&mut text, name);
        text.push('"');
    }
    text.push_str(if violated.is_empty() { "}" } else { "]}" });
    text
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
