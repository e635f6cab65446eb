use std::collections::HashMap;

/// Finds which of many patterns match a path, in one walk along its segments.
///
/// Trying patterns one after another, as actix does, costs as much as there are patterns. This tree costs as much as
/// the path has segments, whatever the number of patterns. Only a pattern with a regular expression of its own has to
/// be tried by itself, and only for paths that begin with the segments before that expression.
#[derive(Default)]
pub(super) struct SegmentTree {
    /// Patterns that end here.
    ends: Vec<usize>,
    /// Prefixes that end here.
    prefixes: Vec<usize>,
    /// Patterns whose next segment is no plain text and no plain parameter.
    others: Vec<usize>,
    /// The next segment, where it is fixed.
    fixed: HashMap<Box<str>, Self, foldhash::fast::RandomState>,
    /// The next segment, where it is a parameter, which matches anything but nothing.
    parameter: Option<Box<Self>>,
}

/// A pattern that matches a path, or may do so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Match {
    /// The number the pattern was added with.
    pub(super) pattern: usize,
    /// The number of bytes of the path that it takes. `None` if its regular expression has to be tried.
    pub(super) taken: Option<usize>,
}

enum Segment<'a> {
    Fixed(&'a str),
    Parameter,
    /// A parameter with an expression, only a part of a segment, or the rest of the path.
    Other,
}

impl SegmentTree {
    /// Adds a pattern under a number. A path that matches several patterns lists them by their numbers.
    pub(super) fn add(&mut self, number: usize, pattern: &str, is_prefix: bool) {
        let Some(path) = pattern.strip_prefix('/') else { return self.others.push(number) };
        let mut node = self;
        for segment in path.split('/') {
            node = match Segment::of(segment) {
                Segment::Fixed(text) => node.fixed.entry(text.into()).or_default(),
                Segment::Parameter => node.parameter.get_or_insert_default(),
                Segment::Other => return node.others.push(number),
            };
        }
        if is_prefix { node.prefixes.push(number) } else { node.ends.push(number) }
    }

    /// Returns the patterns that match, or may match, in the order of their numbers.
    pub(super) fn find(&self, path: &str) -> Vec<Match> {
        let mut found = Vec::with_capacity(8);
        add(&mut found, &self.others, None);
        let mut reached = vec![self];
        let mut taken = 0;
        for segment in path.strip_prefix('/').into_iter().flat_map(|path| path.split('/')) {
            taken += 1 + segment.len();
            let mut next = Vec::new();
            for node in reached {
                node.add_next(segment, &mut next);
            }
            if next.is_empty() {
                break;
            }
            for node in &next {
                add(&mut found, &node.others, None);
                add(&mut found, &node.prefixes, Some(taken));
                if taken == path.len() {
                    add(&mut found, &node.ends, Some(taken));
                }
            }
            reached = next;
        }
        found
    }

    /// Adds a pattern that is to be tried for every path.
    pub(super) fn add_other(&mut self, number: usize) {
        self.others.push(number);
    }

    fn add_next<'t>(&'t self, segment: &str, next: &mut Vec<&'t Self>) {
        next.extend(self.fixed.get(segment));
        if !segment.is_empty() {
            next.extend(self.parameter.as_deref());
        }
    }
}

/// Adds patterns in the order of their numbers.
fn add(found: &mut Vec<Match>, patterns: &[usize], taken: Option<usize>) {
    for &pattern in patterns {
        let at = found.partition_point(|other| other.pattern <= pattern);
        found.insert(at, Match { pattern, taken });
    }
}

impl<'a> Segment<'a> {
    fn of(text: &'a str) -> Self {
        if !text.contains(['{', '}', '*']) {
            return Self::Fixed(text);
        }
        let name = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        if name.is_some_and(|name| !name.contains(['{', '}', ':', '*'])) {
            return Self::Parameter;
        }
        Self::Other
    }
}

#[cfg(test)]
mod tests;
