use actix_web::dev::ResourceDef;
use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

fn tree(patterns: &[ResourceDef]) -> SegmentTree {
    let mut tree = SegmentTree::default();
    for (number, pattern) in patterns.iter().enumerate() {
        tree.add(number, pattern.pattern().unwrap_or_default(), pattern.is_prefix());
    }
    tree
}

#[test]
fn patterns_are_found_in_their_order() {
    let patterns = ["/a/{x}", "/{x}/b", "/a/b", "/b", "/{tail}*", "/a/{x:\\d+}"].map(ResourceDef::new);
    let tree = tree(&patterns);
    let numbers = |path| tree.find(path).iter().map(|found| found.pattern).collect::<Vec<_>>();
    assert_eq!(numbers("/a/b"), [0, 1, 2, 4, 5]);
    assert_eq!(numbers("/b"), [3, 4]);
    assert_eq!(numbers("/c"), [4]);
    assert_eq!(numbers(""), [4]);
}

#[test]
fn prefixes_take_whole_segments() {
    let tree = tree(&["/a", "/a/{b}", "/a/"].map(ResourceDef::prefix));
    let taken = |path| tree.find(path).iter().map(|found| found.taken).collect::<Vec<_>>();
    assert_eq!(taken("/a/b/c"), [Some(2), Some(4)]);
    assert_eq!(taken("/a//c"), [Some(2), Some(3)]);
    assert_eq!(taken("/a/"), [Some(2), Some(3)]);
    assert!(taken("/ab").is_empty());
}

/// The two answer alike wherever the tree has an answer of its own.
#[test]
fn what_is_taken_is_what_actix_takes() {
    let texts = ["/", "/a", "/a/{b}", "/{a}/{b}/", "/a//{b}", "/{a}", "/a/b{c}", "/{a}/{b:x|y}"];
    let paths = ["", "/", "/a", "/a/", "/a/b", "/a//b", "/a/b/", "/a/bc", "/q/x", "//", "a", "/é/é"];
    for make in [ResourceDef::new::<&str>, ResourceDef::prefix::<&str>] {
        let patterns = texts.map(make);
        let tree = tree(&patterns);
        for path in paths {
            let found = tree.find(path);
            for (number, pattern) in patterns.iter().enumerate() {
                let taken = found.iter().find(|found| found.pattern == number).map(|found| found.taken);
                match taken {
                    Some(Some(taken)) => assert_eq!(pattern.find_match(path), Some(taken), "{path}"),
                    Some(None) => {}
                    None => assert_eq!(pattern.find_match(path), None, "{pattern:?} {path}"),
                }
            }
        }
    }
}

/// A segment of a pattern; `#` stands for a number, so that no name occurs twice.
fn segment() -> impl Strategy<Value = &'static str> {
    select(
        &[
            "",
            "a",
            "b",
            "a.b",
            "é",
            "a b",
            "{p#}",
            "{p#}",
            "{p#:\\d+}",
            "{p#:a|b}",
            "x{p#}",
            "{p#}x",
            "{p#}-{q#}",
        ][..],
    )
}

fn pattern() -> impl Strategy<Value = String> {
    (vec(segment(), 0..6), any::<bool>()).prop_map(|(segments, has_tail)| {
        let number = |(number, segment): (usize, &&str)| segment.replace('#', &number.to_string());
        let mut pattern: String =
            segments.iter().enumerate().flat_map(|it| ["/".to_owned(), number(it)]).collect();
        if has_tail || pattern.is_empty() {
            pattern.push_str("/{tail}*");
        }
        pattern
    })
}

/// A path of the same segments, and of what a client may send instead.
fn any_path() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        8 => select(&["", "a", "b", "a.b", "é", "a b", "7", "12", "xa", "ax", "a-b", "-"][..]).prop_map(str::to_owned),
        1 => select(&["\n", "\0", "\u{1b}[31m", "%2F", "..", "{p0}", "*", "\u{202e}"][..]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
        1 => (1..2000_usize).prop_map(|length| "a".repeat(length)),
    ];
    (vec(segment, 0..8), any::<bool>()).prop_map(|(segments, is_rooted)| {
        let path = segments.join("/");
        if is_rooted { format!("/{path}") } else { path }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_path_finds_what_actix_finds(
        patterns in vec((pattern(), any::<bool>()), 1..12),
        paths in vec(any_path(), 1..12),
    ) {
        let make = |(pattern, is_prefix): &(String, bool)| {
            let text = pattern.as_str();
            if *is_prefix && !pattern.ends_with('*') { ResourceDef::prefix(text) } else { ResourceDef::new(text) }
        };
        let patterns: Vec<_> = patterns.iter().map(make).collect();
        let tree = tree(&patterns);
        for path in &paths {
            let found = tree.find(path);
            prop_assert!(found.windows(2).all(|two| two[0].pattern < two[1].pattern), "each once, in order");
            for (number, pattern) in patterns.iter().enumerate() {
                let taken = found.iter().find(|found| found.pattern == number).map(|found| found.taken);
                match taken {
                    Some(Some(taken)) => prop_assert_eq!(pattern.find_match(path), Some(taken), "{:?}", path),
                    Some(None) => {}
                    None => prop_assert_eq!(pattern.find_match(path), None, "{:?} {:?}", pattern, path),
                }
            }
        }
    }
}
