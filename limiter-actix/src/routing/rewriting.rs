/// The changes of paths that middleware inside of a limiter was seen to make, as `NormalizePath` does.
///
/// The limiter sees the path as it came, and actix routes on what it became. One request shows the change. From then
/// on, paths are looked up as the change would make them.
#[derive(Debug, Default)]
pub(super) struct Rewriting {
    known: Vec<Rewrite>,
    /// Changes that other paths have shown to be wrong. They are not learned again.
    refuted: Vec<Rewrite>,
}

/// A path that another may become.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RewrittenPath {
    pub(super) path: String,
    /// `true` if every path is changed so.
    pub(super) is_certain: bool,
}

/// A kind of change.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rewrite {
    /// Empty segments go, the slash at the end stays.
    Merge,
    /// Empty segments go, and the slash at the end.
    Trim,
    /// Empty segments go, and there is a slash at the end.
    AddSlash,
    Lowercase,
    /// The beginning of a path is replaced.
    Prefix {
        from: Box<str>,
        to: Box<str>,
    },
}

/// Of more changes, the oldest is forgotten.
const MAX_REWRITES: usize = 16;

impl Rewriting {
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Learns from a path that became another; returns whether that was new.
    pub(super) fn learn(&mut self, from: &str, to: &str) -> bool {
        if from == to || self.results(from).any(|result| result.path == to) {
            return false;
        }
        if self.known.len() == MAX_REWRITES {
            self.known.remove(0);
        }
        self.known.push(Rewrite::between(from, to, &self.refuted));
        true
    }

    /// Forgets the changes by which a path would have become another than it did. Returns whether there were any.
    /// Changes of prefixes stay, since they may depend on more than the path.
    pub(super) fn refute(&mut self, from: &str, to: &str) -> bool {
        let is_wrong = |rewrite: &mut Rewrite| {
            let result = rewrite.apply(from).filter(|result| result != from);
            !rewrite.is_conditional() && result.is_some_and(|result| result != to)
        };
        let wrong: Vec<_> = self.known.extract_if(.., is_wrong).collect();
        let is_any = !wrong.is_empty();
        self.refuted.extend(wrong);
        is_any
    }

    /// Returns the paths that a path may become, beginning with what was learned last.
    pub(super) fn results(&self, path: &str) -> impl Iterator<Item = RewrittenPath> {
        let changed = self.known.iter().rev().filter_map(move |rewrite| {
            Some(RewrittenPath { path: rewrite.apply(path)?, is_certain: !rewrite.is_conditional() })
        });
        changed.filter(move |result| result.path != path)
    }
}

impl Rewrite {
    /// Returns the most general change that makes the one path of the other, and was not refuted.
    fn between(from: &str, to: &str, refuted: &[Self]) -> Self {
        let simple = [Self::Trim, Self::Merge, Self::AddSlash, Self::Lowercase];
        let fits = |rewrite: &Self| rewrite.apply(from).is_some_and(|result| result == to);
        let fitting = simple.into_iter().find(|rewrite| !refuted.contains(rewrite) && fits(rewrite));
        fitting.unwrap_or_else(|| {
            let common = common_segments(from, to);
            let (from, to) = (&from[..from.len() - common], &to[..to.len() - common]);
            Self::Prefix { from: from.into(), to: to.into() }
        })
    }

    /// Returns whether it may depend on more than the path.
    fn is_conditional(&self) -> bool {
        matches!(self, Self::Prefix { .. })
    }

    fn apply(&self, path: &str) -> Option<String> {
        match self {
            Self::Merge => Some(merged(path, path.ends_with('/'))),
            Self::Trim => Some(merged(path, false)),
            Self::AddSlash => Some(merged(path, true)),
            Self::Lowercase => Some(path.to_lowercase()),
            Self::Prefix { from, to } => {
                let rest = path.strip_prefix(&**from)?;
                let is_whole = rest.is_empty() || rest.starts_with('/');
                let result =
                    if rest.is_empty() && to.is_empty() { "/".to_owned() } else { format!("{to}{rest}") };
                is_whole.then_some(result)
            }
        }
    }
}

/// Returns a path without empty segments.
fn merged(path: &str, slash_at_end: bool) -> String {
    let mut merged = String::with_capacity(path.len() + 1);
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        merged.push('/');
        merged.push_str(segment);
    }
    if slash_at_end || merged.is_empty() {
        merged.push('/');
    }
    merged
}

/// Returns the length of the whole segments that both paths end with.
fn common_segments(one: &str, other: &str) -> usize {
    let segments = one.rsplit('/').zip(other.rsplit('/')).take_while(|(one, other)| one == other);
    let length: usize = segments.map(|(segment, _)| segment.len() + 1).sum();
    length.min(one.len()).min(other.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(from: &str, to: &str) -> Rewriting {
        let mut rewriting = Rewriting::default();
        assert!(rewriting.learn(from, to));
        rewriting
    }

    fn first(rewriting: &Rewriting, path: &str) -> Option<String> {
        rewriting.results(path).next().map(|result| result.path)
    }

    #[test]
    fn one_path_shows_what_becomes_of_others() {
        let rows = [
            ("/login/", "/login", "/a//b/", Some("/a/b")),
            ("//login/", "/login/", "//health", Some("/health")),
            ("/login", "/login/", "/a//b", Some("/a/b/")),
            ("/Login", "/login", "/A/b", Some("/a/b")),
            ("/v1/x", "/x", "/v1/login", Some("/login")),
            ("/v1/x", "/x", "/v10/login", None),
            ("/v1/x", "/x", "/v1", Some("/")),
            ("/x", "/api/x", "/y/z", Some("/api/y/z")),
            ("/old", "/new", "/old/y", Some("/new/y")),
            ("/login/", "/login", "//", Some("/")),
        ];
        for (from, to, path, expected) in rows {
            assert_eq!(first(&learned(from, to), path).as_deref(), expected, "{from} became {to}");
        }
    }

    #[test]
    fn a_slash_at_the_end_is_kept_where_only_empty_segments_go() {
        let rewriting = learned("//health/", "/health/");
        assert_eq!(first(&rewriting, "/health/"), None);
    }

    #[test]
    fn a_path_that_stays_refutes_a_change_for_good() {
        let mut rewriting = learned("//health", "/health");
        assert_eq!(first(&rewriting, "/health/").as_deref(), Some("/health"));
        assert!(rewriting.refute("/health/", "/health/"));
        assert_eq!(first(&rewriting, "/health/"), None);
        assert!(rewriting.learn("//health", "/health"));
        assert_eq!(first(&rewriting, "/health/"), None, "only empty segments go");
        assert!(!rewriting.refute("//health", "/health"));
    }

    #[test]
    fn a_changed_prefix_may_depend_on_more_than_the_path() {
        let mut rewriting = learned("/v1/x", "/x");
        assert!(!rewriting.refute("/v1/y", "/v1/y"));
        let result = RewrittenPath { path: "/y".to_owned(), is_certain: false };
        assert_eq!(rewriting.results("/v1/y").next(), Some(result));
        let mut rewriting = learned("/login/", "/login");
        assert!(rewriting.results("/x/").all(|result| result.is_certain));
        assert!(rewriting.refute("/x/", "/x/"));
    }

    #[test]
    fn a_known_change_is_not_learned_again_and_few_are_kept() {
        let mut rewriting = learned("/a/", "/a");
        assert!(!rewriting.learn("/b//", "/b"));
        assert!(!rewriting.learn("/b", "/b"));
        for number in 0..100 {
            rewriting.learn(&format!("/{number}/x"), &format!("/y{number}/z"));
        }
        assert_eq!(rewriting.known.len(), MAX_REWRITES);
    }
}
