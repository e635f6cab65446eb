//! Paths that a middleware further in changes before they are routed, as `NormalizePath` does.

/// What `NormalizePath` may make of a path: without empty segments, with and without a slash at the end.
pub(super) fn variants(path: &str) -> [String; 2] {
    let mut merged = String::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        merged.push('/');
        merged.push_str(segment);
    }
    let with_slash = format!("{merged}/");
    [if merged.is_empty() { with_slash.clone() } else { merged }, with_slash]
}

#[cfg(test)]
mod tests {
    use super::variants;

    #[test]
    fn empty_segments_go() {
        assert_eq!(variants("//a///b//"), ["/a/b", "/a/b/"]);
        assert_eq!(variants("///"), ["/", "/"]);
    }
}
