//! "Did you mean": the known name that a misspelt one is closest to.

/// The name of `known` that `word` was most likely meant to be, if any is close.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    let close = |name: &&str| distance(&word, name) <= 1 + name.len() / 3 || also_said(&word) == Some(*name);
    known.into_iter().filter(close).min_by_key(|name| distance(&word, name))
}

/// What other rate limiters call the same thing.
fn also_said(word: &str) -> Option<&'static str> {
    Some(match word {
        "key_func" | "key_function" | "by" => "key",
        "message" | "error" => "error_message",
        "override" | "override_default" => "override_defaults",
        "skip" | "skip_if" | "unless" => "exempt_when",
        "shared" | "shared_with" => "scope",
        "weight" => "cost",
        _ => return None,
    })
}

/// The edit distance of Levenshtein: how many letters to insert, remove or replace.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_letters() {
        assert_eq!(distance("", "cost"), 4);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("cost", "cost"), 0);
    }

    #[test]
    fn nearest_is_close_or_nothing() {
        let known = ["key", "cost", "methods", "per_method", "scope", "override_defaults"];
        assert_eq!(nearest("method", known), Some("methods"));
        assert_eq!(nearest("Key", known), Some("key"));
        assert_eq!(nearest("override_default", known), Some("override_defaults"));
        assert_eq!(nearest("shared", known), Some("scope"));
        assert_eq!(nearest("colour", known), None);
    }
}
