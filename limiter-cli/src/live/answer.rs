//! Answers of the interface.

use serde_json::Value;

use crate::output::harmless;

/// Returns the reason in an answer that has an error.
pub(super) fn error_of(body: Option<&Value>) -> Option<String> {
    body.and_then(|body| body["error"].as_str()).map(harmless)
}
