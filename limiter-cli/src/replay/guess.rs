//! Routes guessed from the paths in logs.

use crate::{args::Logs, frequent::Frequent, outcome::Failure, reading::Reader};

/// The most routes that are guessed. actix tries one after the other.
const MAX_ROUTES: usize = 300;
const MAX_PARAMETERS: usize = 16;
const MAX_LEN: usize = 200;

/// Returns the patterns of the most frequent paths. This reads the logs to their end.
pub(super) fn routes(logs: &Logs) -> Result<Vec<String>, Failure> {
    if logs.files.iter().any(|file| file.as_os_str() == "-") {
        return Err(Failure::Usage(
            "--guess-routes reads logs twice, and the standard input only once".to_owned(),
        ));
    }
    let mut patterns = Frequent::default();
    Reader::new(logs, false).read(|entry| {
        if let Some(pattern) = pattern(entry.uri.path()) {
            patterns.count(&pattern, || ());
        }
    })?;
    Ok(patterns.top(MAX_ROUTES).into_iter().map(|(pattern, ..)| pattern.clone()).collect())
}

/// Returns the pattern of a path, whose segments that look like identifiers become parameters. Returns `None` if it is
/// not the path of a route, such as one with a slash at its end.
fn pattern(path: &str) -> Option<String> {
    if path == "/" {
        return Some(path.to_owned());
    }
    let is_plain = path.starts_with('/') && !path.contains(['%', '{', '}', '*']);
    if !is_plain || path.ends_with('/') || path.len() > MAX_LEN {
        return None;
    }
    let (mut pattern, mut parameters) = (String::new(), 0);
    for segment in path.split('/').skip(1) {
        pattern.push('/');
        if is_identifier(segment) {
            parameters += 1;
            pattern.extend(["{p", &parameters.to_string(), "}"]);
        } else {
            pattern.push_str(segment);
        }
    }
    (parameters <= MAX_PARAMETERS).then_some(pattern)
}

/// Returns whether a segment looks like a number, a hash, a UUID or a token.
fn is_identifier(segment: &str) -> bool {
    let has_digit = segment.bytes().any(|byte| byte.is_ascii_digit());
    let all = |is_part: fn(u8) -> bool| segment.bytes().all(is_part);
    let is_number = all(|byte| byte.is_ascii_digit());
    let is_hash = segment.len() >= 8 && all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    has_digit && (is_number || is_hash || segment.len() >= 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_become_parameters() {
        for (path, expected) in [
            ("/", Some("/")),
            ("/users/7/posts/1234", Some("/users/{p1}/posts/{p2}")),
            ("/users/me", Some("/users/me")),
            ("/v1/0b91f1d2-7c1c-4a54-9b0a-1d6b0c9c7c11", Some("/v1/{p1}")),
            ("/files/deadbeef01", Some("/files/{p1}")),
            ("/decade/facade", Some("/decade/facade")),
            ("/reset/aZ3kk2LmQ9xx01YYwQ-7", Some("/reset/{p1}")),
            ("/users/", None),
            ("/a%20b", None),
            ("/{a}", None),
            ("*", None),
        ] {
            assert_eq!(pattern(path).as_deref(), expected, "{path}");
        }
        assert_eq!(pattern(&"/1".repeat(17)), None);
        assert_eq!(pattern(&format!("/{}", "x".repeat(200))), None);
    }
}
