use actix_web::dev::ResourceDef;

/// A pattern of which each segment is either fixed or one parameter without an expression of its own, as most
/// are. It is told by looking at the segments; the regular expression that actix makes of it takes ten times as
/// long.
pub(super) struct Simple {
    segments: Box<[Segment]>,
    is_prefix: bool,
}

enum Segment {
    Fixed(Box<str>),
    /// Anything but nothing.
    Parameter,
}

impl Simple {
    pub(super) fn of(pattern: &ResourceDef) -> Option<Self> {
        let mut patterns = pattern.pattern_iter();
        let (Some(text), None) = (patterns.next(), patterns.next()) else { return None };
        // A star at the end means the whole rest of a path.
        if text.ends_with('*') {
            return None;
        }
        let segments = text.strip_prefix('/')?.split('/').map(Segment::of).collect::<Option<_>>()?;
        Some(Self { segments, is_prefix: pattern.is_prefix() })
    }

    /// What [`ResourceDef::find_match`] answers: how many bytes of a path are taken.
    pub(super) fn find_match(&self, path: &str) -> Option<usize> {
        let mut there = path.strip_prefix('/')?.split('/');
        let mut taken = 0;
        for wanted in &self.segments {
            let segment = there.next()?;
            if !wanted.is_matched_by(segment) {
                return None;
            }
            taken += 1 + segment.len();
        }
        (self.is_prefix || taken == path.len()).then_some(taken)
    }
}

impl Segment {
    fn of(text: &str) -> Option<Self> {
        if !text.contains(['{', '}']) {
            return Some(Self::Fixed(text.into()));
        }
        let name = text.strip_prefix('{')?.strip_suffix('}')?;
        (!name.contains(['{', '}', ':'])).then_some(Self::Parameter)
    }

    fn is_matched_by(&self, segment: &str) -> bool {
        match self {
            Self::Fixed(text) => **text == *segment,
            Self::Parameter => !segment.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_segments_without_expressions_are_simple() {
        let is_simple = |pattern: &str| Simple::of(&ResourceDef::new(pattern)).is_some();
        for pattern in ["/", "/a", "/a/{b}", "/{a}/{b}/", "/a//{b}"] {
            assert!(is_simple(pattern), "{pattern}");
        }
        for pattern in ["", "/a{b}", "/{a}b", "/{a:\\d+}", "/{a}{b}", "/a/{tail}*", "/{a:x/y}"] {
            assert!(!is_simple(pattern), "{pattern}");
        }
        assert!(Simple::of(&ResourceDef::new(["/a", "/b"])).is_none());
    }

    #[test]
    fn a_prefix_takes_whole_segments() {
        let prefix = Simple::of(&ResourceDef::prefix("/a/{b}")).expect("it is simple");
        assert_eq!(prefix.find_match("/a/1/c"), Some(4));
        assert_eq!(prefix.find_match("/a/1"), Some(4));
        assert_eq!(prefix.find_match("/a/"), None);
        assert_eq!(prefix.find_match("/ab/1"), None);
    }
}
