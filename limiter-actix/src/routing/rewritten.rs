//! Paths that a middleware further in changes before they are routed, as `NormalizePath` does.

use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use smallvec::SmallVec;

use super::table::Table;
use crate::Exempt;

impl Table {
    /// Whether it is known that a middleware further in changes paths.
    pub(crate) fn is_rewritten(&self) -> bool {
        self.is_rewritten.get()
    }

    /// Notes that a request was routed by another path than it came with. From now on paths that match nothing
    /// are taken for what `NormalizePath` would make of them; before that, this would exempt paths that nobody
    /// answers.
    pub(crate) fn note_rewriting(&self, req: &ServiceRequest) {
        if self.is_rewritten.replace(true) {
            return;
        }
        self.recent.take();
        tracing::warn!(
            code = "L015",
            path = %req.match_info().as_str().chars().take(100).collect::<String>(),
            "a middleware inside of the limiter changes paths before they are routed: what applies to them is \
             known only after routing, so other limits are tried first; add it to the app after the limiter, \
             so that it stands outside"
        );
    }

    /// The pattern of a path, or else of what it may become, and the rules given by pattern that cover it; of
    /// those that cover only what it may become just the ones that exempt from nothing.
    pub(super) fn look_up_rewritten(
        &self,
        req: &ServiceRequest,
        path: &str,
    ) -> (Option<Arc<str>>, SmallVec<[usize; 4]>) {
        let variants = variants(path);
        let all = || std::iter::once(path).chain(variants.iter().map(String::as_str));
        let matching = all().find_map(|path| Some((path, self.pattern(req, path)?)));
        let mut covering = self.rules.covering(matching.as_ref().map_or(path, |(path, _)| path));
        for index in all().flat_map(|path| self.rules.covering(path)) {
            if !covering.contains(&index) && self.rules.patterns[index].rule.exempt == Exempt::NONE {
                covering.push(index);
            }
        }
        covering.sort_unstable();
        (matching.map(|(_, pattern)| pattern), covering)
    }
}

/// What `NormalizePath` may make of a path: without empty segments, with and without a slash at the end.
fn variants(path: &str) -> [String; 2] {
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
