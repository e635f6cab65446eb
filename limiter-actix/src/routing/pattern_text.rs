//! Reads the text of a pattern.
//!
//! The full pattern of a resource is the concatenation of its own and those of the scopes around it. It is never
//! compiled as one, because a parameter name may occur in it twice.

use actix_web::dev::ResourceDef;

/// A part of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    /// A parameter with its regular expression, if it has one of its own.
    Parameter(Option<&'a str>),
}

/// Returns the number of segments in a pattern or a path.
pub(crate) fn depth(pattern: &str) -> usize {
    let slashes = |piece| match piece {
        Piece::Text(text) => text.bytes().filter(|byte| *byte == b'/').count(),
        Piece::Parameter(_) => 0,
    };
    pieces(pattern).map(slashes).sum()
}

/// Returns a path that matches a pattern, or `None` if no candidate value matches its regular expressions.
pub(super) fn sample(pattern: &str) -> Option<String> {
    pieces(pattern)
        .map(|piece| match piece {
            Piece::Text(text) => Some(text),
            Piece::Parameter(None) => Some("1"),
            Piece::Parameter(Some(expression)) => value_for(expression),
        })
        .collect()
}

fn value_for(expression: &str) -> Option<&'static str> {
    const VALUES: [&str; 6] =
        ["1", "a", "abc", "2000-01-01", "00000000-0000-0000-0000-000000000000", "abc.txt"];
    let definition = ResourceDef::new(&*format!("{{limiter_value:{expression}}}"));
    VALUES.into_iter().find(|value| definition.is_match(value))
}

fn pieces(pattern: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = pattern;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, left) = match rest.find('{') {
            Some(0) => parameter(rest),
            Some(at) => (Piece::Text(&rest[..at]), &rest[at..]),
            None => (Piece::Text(rest), ""),
        };
        rest = left;
        Some(piece)
    })
}

/// Splits the leading parameter off a text.
///
/// Regular expressions may contain braces too. A final star matches the rest of the path.
fn parameter(text: &str) -> (Piece<'_>, &str) {
    let mut open = 0_usize;
    let end = text.find(|c| {
        open += usize::from(c == '{');
        open -= usize::from(c == '}');
        open == 0
    });
    let Some(end) = end else { return (Piece::Text(text), "") };
    let (inside, rest) = (&text[1..end], &text[end + 1..]);
    if rest == "*" {
        return (Piece::Parameter(Some(".*")), "");
    }
    let expression = inside.split_once(':').map(|(_, expression)| expression);
    (Piece::Parameter(expression), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_in_expressions_are_no_segments() {
        assert_eq!(depth("/a/{b}/c"), 3);
        assert_eq!(depth("/a/{b:[^/]+/[^/]{2}}"), 2);
        assert_eq!(depth(""), 0);
    }

    #[test]
    fn samples_match() {
        assert_eq!(sample("/a/{id}/{id}").as_deref(), Some("/a/1/1"));
        assert_eq!(sample("/a/{id:[a-z]{3}}/b").as_deref(), Some("/a/abc/b"));
        assert_eq!(sample("/a/{tail}*").as_deref(), Some("/a/1"));
        assert_eq!(sample("/a/{tail:.*}").as_deref(), Some("/a/1"));
        assert_eq!(sample("/{id:only-this}"), None);
    }
}
