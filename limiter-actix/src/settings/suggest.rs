//! Texts of the user in messages. "Did you mean": the known name that a misspelt one is closest to.

/// Returns the end of a message about an unknown name: the one that was most likely meant.
pub(crate) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// Returns the known name that a misspelt one was most likely meant to be.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Nobody misspells a name into something as long, and the distance costs the product of the lengths.
    const MAX_LEN: usize = 64;
    if word.len() > MAX_LEN {
        return None;
    }
    let word = word.to_ascii_lowercase();
    let distance = |name: &str| strsim::levenshtein(&word, &name.to_ascii_lowercase());
    let close = |name: &&str| distance(name) <= 1 + name.len() / 4;
    known.into_iter().filter(close).min_by_key(|name| distance(name))
}

/// Returns a text as messages show it.
pub(crate) fn shown(text: &str) -> String {
    /// Longer texts are not repeated.
    const MAX_SHOWN: usize = 60;
    if text.chars().count() <= MAX_SHOWN { format!("`{text}`") } else { "a long text".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_close_is_shown_and_nothing_else() {
        let known = ["strategy", "key", "key_prefix", "headers", "header_names"];
        for (word, expected) in [
            ("strategi", "; did you mean `strategy`?"),
            ("Strategy", "; did you mean `strategy`?"),
            ("header", "; did you mean `headers`?"),
            ("keyprefix", "; did you mean `key_prefix`?"),
            ("colour", ""),
            ("", ""),
            (&"s".repeat(1000), ""),
        ] {
            assert_eq!(did_you_mean(word, known), expected, "{word}");
        }
    }
}
