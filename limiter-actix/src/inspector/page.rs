//! The files of the page.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode};

use super::respond::begin;
use crate::response::escape::html;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");
const ICON: &str = include_str!("page/icon.svg");
pub(super) const OPENAPI: &str = include_str!("openapi.json");

/// Returns a file of the page; none if there is no such file.
pub(super) fn file(name: &str, req: &HttpRequest) -> Option<HttpResponse> {
    let (kind, text) = match name {
        "" => return Some(page(req)),
        "page.css" => ("text/css; charset=utf-8", STYLE),
        "page.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "icon.svg" => ("image/svg+xml", ICON),
        "api/v1/openapi.json" => ("application/json", OPENAPI),
        _ => return None,
    };
    Some(begin(StatusCode::OK).content_type(kind).body(text))
}

/// Returns the page. Its addresses are relative, since only the browser knows where proxies have it.
fn page(req: &HttpRequest) -> HttpResponse {
    let path = req.path();
    let last = path.rsplit('/').next().unwrap_or_default();
    let base = if last.is_empty() { String::new() } else { format!("{}/", html(last)) };
    begin(StatusCode::OK).content_type("text/html; charset=utf-8").body(PAGE.replace("{base}", &base))
}
