use std::collections::HashMap;

use actix_web::dev::ResourceDef;
use smallvec::SmallVec;

/// Chooses among the patterns of a scope those that a path can match at all, by the whole segments they begin
/// with.
#[derive(Default)]
pub(super) struct PrefixTree {
    /// The patterns of which no further segment is fixed, by their places in the scope.
    here: Vec<usize>,
    /// The others, by their next segment.
    further: HashMap<Box<str>, Self, foldhash::fast::RandomState>,
}

/// As many as come into question for most paths fit without an allocation.
type Places = SmallVec<[usize; 8]>;

impl PrefixTree {
    pub(super) fn of<'a>(patterns: impl Iterator<Item = &'a ResourceDef>) -> Self {
        let mut choice = Self::default();
        for (place, pattern) in patterns.enumerate() {
            for text in pattern.pattern_iter() {
                choice.add(place, text);
            }
        }
        choice
    }

    fn add(&mut self, place: usize, pattern: &str) {
        let mut choice = self;
        for segment in fixed(pattern) {
            choice = choice.further.entry(segment.into()).or_default();
        }
        choice.here.push(place);
    }

    /// Those that may match, in their order.
    pub(super) fn candidates(&self, path: &str) -> Places {
        let mut places = Places::from_slice(&self.here);
        let mut choice = self;
        for segment in segments(path) {
            let Some(next) = choice.further.get(segment) else { break };
            places.extend_from_slice(&next.here);
            choice = next;
        }
        places.sort_unstable();
        // One resource may have several patterns.
        places.dedup();
        places
    }
}

/// The segments that every path of a pattern begins with: those before its first parameter that end before it.
/// Empty ones at the end are left out, for where they stand is for the pattern to say.
fn fixed(pattern: &str) -> impl Iterator<Item = &str> {
    let whole = match pattern.find(['{', '*']) {
        Some(at) => &pattern[..pattern[..at].rfind('/').unwrap_or(0)],
        None => pattern,
    };
    segments(whole.trim_end_matches('/'))
}

/// What stands after each slash. Nothing where the first character is not one.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').into_iter().flat_map(|path| path.split('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_segments_before_the_first_parameter_are_fixed() {
        let rows: [(&str, &[&str]); 9] = [
            ("", &[]),
            ("/", &[]),
            ("/a", &["a"]),
            ("/a/b/", &["a", "b"]),
            ("/a/{b}/c", &["a"]),
            ("/a/b{c}", &["a"]),
            ("/{a}", &[]),
            ("/a//b", &["a", "", "b"]),
            ("{tail}*", &[]),
        ];
        for (pattern, expected) in rows {
            assert_eq!(fixed(pattern).collect::<Vec<_>>(), expected, "{pattern}");
        }
    }

    #[test]
    fn candidates_keep_their_order() {
        let patterns = ["/a/{x}", "/{x}/b", "/a/b", "/b", "/{tail}*"].map(ResourceDef::new);
        let choice = PrefixTree::of(patterns.iter());
        assert_eq!(choice.candidates("/a/b").as_slice(), [0, 1, 2, 4]);
        assert_eq!(choice.candidates("/c").as_slice(), [1, 4]);
        assert_eq!(choice.candidates("").as_slice(), [1, 4]);
    }
}
