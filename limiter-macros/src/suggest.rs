//! "Did you mean": the known name that resembles a misspelt one most.

use strsim::levenshtein;

/// Returns the name of `known` that was most likely meant by `word`: a synonym, or else a name that is close.
pub(crate) fn suggest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    let is_close = |name: &&str| levenshtein(&word, name) <= 1 + name.len() / 3;
    let close = || known.iter().copied().filter(is_close).min_by_key(|name| levenshtein(&word, name));
    known.iter().copied().find(|name| synonym(&word) == Some(*name)).or_else(close)
}

/// Returns our name for an option that other rate limiters call `word`.
fn synonym(word: &str) -> Option<&'static str> {
    Some(match word {
        "key_func" | "key_function" | "by" => "key",
        "message" | "error" => "error_message",
        "override" | "override_default" => "override_defaults",
        "skip" | "skip_if" | "unless" => "exempt_when",
        "scope" | "scopes" | "shared_with" | "shared_limit" => "shared",
        "weight" => "cost",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suggestion_is_close_or_missing() {
        let known = &["key", "cost", "methods", "per_method", "shared", "shadow", "override_defaults"];
        assert_eq!(suggest("method", known), Some("methods"));
        assert_eq!(suggest("Key", known), Some("key"));
        assert_eq!(suggest("override_default", known), Some("override_defaults"));
        assert_eq!(suggest("scope", known), Some("shared"));
        assert_eq!(suggest("colour", known), None);
    }
}
