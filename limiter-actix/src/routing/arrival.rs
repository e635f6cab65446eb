//! The place where a request has arrived, as actix shows it after routing.

use actix_web::HttpRequest;

use super::pattern_text::depth;

/// Returns whether a request was routed to a handler. Then its whole path is consumed, or as much of it as the
/// pattern of a service has, such as that of static files.
pub(crate) fn is_at_handler(req: &HttpRequest) -> bool {
    let (path, rest) = (req.match_info().as_str(), req.match_info().unprocessed());
    let consumed = path.strip_suffix(rest).unwrap_or_default();
    // A scope may consume the whole path, and have no resource for it.
    let is_whole = |pattern: String| rest.is_empty() || depth(&pattern) == depth(consumed);
    (rest.is_empty() || !consumed.is_empty()) && req.match_pattern().is_some_and(is_whole)
}
