//! The promises of the page about security, and the facts about actix-web: each names tests that exist.

use std::collections::HashSet;

/// The pages.
pub(super) const PAGES: [&str; 2] = ["docs/security.md", "docs/internals/actix.md"];
const HEADERS: [&str; 2] = ["| promise | tests |", "| fact | code | test |"];

/// Returns the tests that the page names: paths of modules and functions.
pub(super) fn tests(page: &str) -> Vec<&str> {
    let mut is_promise = false;
    let mut tests = Vec::new();
    for line in page.lines() {
        is_promise = HEADERS.contains(&line) || (is_promise && line.starts_with('|'));
        let Some(cell) = line.trim_end_matches(" |").rsplit('|').next().filter(|_| is_promise) else {
            continue;
        };
        let spans = cell.split('`').skip(1).step_by(2);
        tests.extend(spans.filter(|span| !span.starts_with("limiter-")));
    }
    tests
}

/// The names of the modules and functions of tests.
#[derive(Default)]
pub(super) struct Names(HashSet<String>);

impl Names {
    /// Adds a file of tests, given by its path and text.
    pub(super) fn add(&mut self, path: &str, text: &str) {
        let parts = path.split(['/', '.', '\\', '-']).filter(|part| !part.is_empty());
        self.0.extend(parts.map(str::to_owned));
        let functions = text.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
        self.0.extend(functions.map(str::to_owned));
    }

    /// Returns whether all parts of a path are there.
    pub(super) fn have(&self, test: &str) -> bool {
        test.split("::").all(|part| self.0.contains(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_promise_names_a_test_that_exists() {
        let page = "| a | `b` |\n\n| promise | tests |\n|---|---|\n| It `holds`. | `limiter-core`: `one::two`, `three` |\n";
        assert_eq!(tests(page), ["one::two", "three"]);
        let mut names = Names::default();
        names.add("limiter-core/tests/one.rs", "async fn two<T>() {}");
        assert!(names.have("one::two") && !names.have("one::three"));
    }
}
