//! Reads the tree of scopes and resources that actix built, with their patterns.
//!
//! actix gives no access to it but by the `Debug` text of its `ResourceMap`. The text is trusted only if patterns made
//! of it print the same again, one of each kind. Another version of actix that prints something else leads to no tree,
//! and never to a wrong one.

use std::fmt::{self, Write};

use actix_web::dev::{ResourceDef, ResourceMap};

use super::segment_tree::SegmentTree;

/// A scope, or a resource.
pub(super) struct Node {
    pub(super) patterns: Patterns,
    /// None for a resource.
    pub(super) inside: Option<Vec<Self>>,
}

/// A thousand routes take about a mebibyte.
const MAX_TEXT: usize = 1 << 26;

/// Returns the tree of a map; none if its text is of an unknown form, or too long.
pub(super) fn read(map: &ResourceMap) -> Option<Node> {
    let mut text = BoundedText(String::new());
    write!(text, "{map:?}").ok()?;
    let mut reader = MapReader::of(&text.0);
    let root = reader.node()?;
    reader.rest.is_empty().then_some(root)
}

/// A text that is never too long: writing fails instead.
struct BoundedText(String);

impl Write for BoundedText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > MAX_TEXT {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

/// Reads a text from its beginning on. Each method takes what it returns from the rest.
struct MapReader<'a> {
    rest: &'a str,
    /// The kinds of patterns that have been compared with what actix prints.
    is_verified: [bool; 8],
}

impl<'a> MapReader<'a> {
    fn of(text: &'a str) -> Self {
        Self { rest: text, is_verified: [false; 8] }
    }

    /// `ResourceMap { pattern: .., named: .., parent: .., nodes: None }`, or `Some([..])` at the end.
    fn node(&mut self) -> Option<Node> {
        self.take("ResourceMap { pattern: ")?;
        let printed = self.value()?;
        let patterns = self.patterns(printed)?;
        self.take(", named: ")?;
        self.value()?;
        self.take(", parent: ")?;
        self.value()?;
        self.take(", nodes: ")?;
        let inside = match self.take("None") {
            Some(()) => None,
            None => Some(self.nodes()?),
        };
        self.take(" }")?;
        Some(Node { patterns, inside })
    }

    fn nodes(&mut self) -> Option<Vec<Node>> {
        self.take("Some([")?;
        let mut nodes = Vec::new();
        while self.take("])").is_none() {
            if !nodes.is_empty() {
                self.take(", ")?;
            }
            nodes.push(self.node()?);
        }
        Some(nodes)
    }

    /// `ResourceDef { id: 0, name: None, patterns: Single("/a/{b}"), is_prefix: false, .. }`
    fn patterns(&mut self, printed: &str) -> Option<Patterns> {
        let mut reader = MapReader::of(printed);
        reader.take("ResourceDef { id: ")?;
        let id = reader.value()?.parse().ok()?;
        reader.take(", name: ")?;
        let mut name = MapReader::of(reader.value()?);
        reader.take(", patterns: ")?;
        let texts = texts(reader.value()?)?;
        reader.take(", is_prefix: ")?;
        let patterns = Patterns { texts, is_prefix: reader.value()? == "true" };
        if !std::mem::replace(&mut self.is_verified[patterns.kind()], true) {
            let mut compiled = patterns.compile();
            compiled.set_id(id);
            if name.take("Some(").is_some() {
                compiled.set_name(name.text()?);
            }
            (format!("{compiled:?}") == printed).then_some(())?;
        }
        Some(patterns)
    }

    fn take(&mut self, text: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    /// Takes any value, up to the comma or bracket that ends it.
    fn value(&mut self) -> Option<&'a str> {
        let mut depth = 0_usize;
        let mut at = 0;
        while let Some(byte) = self.rest.as_bytes().get(at) {
            match byte {
                b'"' => at += text_length(&self.rest[at..])? - 1,
                b'{' | b'[' | b'(' => depth += 1,
                b',' if depth == 0 => break,
                b'}' | b']' | b')' => match depth.checked_sub(1) {
                    Some(outer) => depth = outer,
                    None => break,
                },
                _ => {}
            }
            at += 1;
        }
        let (value, rest) = self.rest.split_at_checked(at)?;
        self.rest = rest;
        Some(value)
    }

    /// Takes a text between quotes, and returns it as it was before it was escaped.
    fn text(&mut self) -> Option<String> {
        let (quoted, rest) = self.rest.split_at_checked(text_length(self.rest)?)?;
        self.rest = rest;
        unescaped(&quoted[1..quoted.len() - 1])
    }
}

/// The patterns of a place, as they were given to actix.
pub(super) struct Patterns {
    pub(super) texts: Vec<String>,
    pub(super) is_prefix: bool,
}

impl Patterns {
    /// Returns what actix made of them.
    pub(super) fn compile(&self) -> ResourceDef {
        match (self.texts.as_slice(), self.is_prefix) {
            ([pattern], false) => ResourceDef::new(pattern.as_str()),
            ([pattern], true) => ResourceDef::prefix(pattern.as_str()),
            (_, false) => ResourceDef::new(self.texts.clone()),
            (_, true) => ResourceDef::prefix(self.texts.clone()),
        }
    }

    /// Returns the one that names the place.
    pub(super) fn first(&self) -> &str {
        self.texts.first().map_or("", String::as_str)
    }

    /// Adds the patterns to those of a scope.
    pub(super) fn add_to(&self, tree: &mut SegmentTree, number: usize) {
        if let [pattern] = self.texts.as_slice() {
            tree.add(number, pattern, self.is_prefix);
        } else {
            tree.add_other(number);
        }
    }

    /// Returns which of the kinds it is that actix prints differently.
    fn kind(&self) -> usize {
        let is_list = self.texts.len() != 1;
        let is_static = !is_list && !self.texts[0].contains('{');
        usize::from(self.is_prefix) + 2 * usize::from(is_static) + 4 * usize::from(is_list)
    }
}

/// `Single("..")` or `List(["..", ".."])`
fn texts(printed: &str) -> Option<Vec<String>> {
    let mut rest = MapReader::of(printed);
    if rest.take("Single(").is_some() {
        return Some(vec![rest.text()?]);
    }
    rest.take("List([")?;
    let mut texts = vec![rest.text()?];
    while rest.take(", ").is_some() {
        texts.push(rest.text()?);
    }
    Some(texts)
}

/// Returns the length of the quoted text at the beginning, quotes included.
fn text_length(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    let after = text.strip_prefix('"')?;
    let end = after.bytes().position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    })?;
    Some(end + 2)
}

/// Undoes the escapes of `Debug`.
fn unescaped(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        plain.push(match char {
            '\\' => match chars.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '0' => '\0',
                'u' => {
                    let digits: String = chars.by_ref().skip(1).take_while(|char| *char != '}').collect();
                    char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
                }
                other => other,
            },
            other => other,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[test]
    fn texts_are_as_they_were() {
        for text in ["", "/a", "\"\\\"", "\n\r\t\0\u{1}\u{301}x", "\\d+{2}", "é"] {
            let printed = format!("{text:?}, rest");
            let mut reader = MapReader::of(&printed);
            assert_eq!(reader.text().as_deref(), Some(text));
            assert_eq!(reader.rest, ", rest");
        }
    }

    #[test]
    fn what_is_not_known_is_no_answer() {
        let map = ResourceMap::new(ResourceDef::root_prefix(""));
        let printed = format!("{map:?}");
        assert!(MapReader::of(&printed).node().is_some());
        for (old, new) in [("Static", "Fixed"), ("nodes", "inner"), ("Some([])", "Some([1])"), (" }", "")] {
            assert!(MapReader::of(&printed.replace(old, new)).node().is_none(), "{old}");
        }
        for end in 0..printed.len() {
            assert!(MapReader::of(&printed[..end]).node().is_none(), "{end}");
        }
    }

    /// Each kind is printed in a way of its own, which another version of actix may change.
    #[test]
    fn every_kind_of_pattern_is_compared() {
        let mut map = ResourceMap::new(ResourceDef::root_prefix(""));
        for mut pattern in
            [ResourceDef::new("/a"), ResourceDef::new("/b/{x}"), ResourceDef::new(vec!["/c", "/c/{x}"])]
        {
            map.add(&mut pattern, None);
        }
        for mut prefix in [ResourceDef::prefix("/d/{x}"), ResourceDef::prefix(vec!["/e", "/e/{x}"])] {
            let inside = Rc::new(ResourceMap::new(prefix.clone()));
            map.add(&mut prefix, Some(inside));
        }
        let printed = format!("{map:?}");
        assert!(MapReader::of(&printed).node().is_some());
        for begin in ["", "/a", "/b/", "/c", "/d/", "/e"] {
            let changed = printed.replacen(&format!("Const({begin:?})"), "Const(\"/z\")", 1);
            assert!(changed != printed && MapReader::of(&changed).node().is_none(), "{begin}");
        }
    }

    /// The text is longer than a mebibyte, and far from the bound.
    #[test]
    fn thousands_of_long_patterns_are_read() {
        let mut map = ResourceMap::new(ResourceDef::root_prefix(""));
        for number in 0..3000 {
            map.add(&mut ResourceDef::new(format!("/{}/{number}", "long".repeat(50))), None);
        }
        let root = read(&map).expect("a tree");
        assert_eq!(root.inside.map(|inside| inside.len()), Some(3000));
    }

    /// They do not end the values that they stand in.
    #[test]
    fn brackets_and_quotes_in_patterns_are_text() {
        let texts = ["/a)", "/(b", "/]c", "/[d", "/\"e\"", "/f, g", "/{h:[)]}/\"(", "/i\\"];
        let mut map = ResourceMap::new(ResourceDef::root_prefix(""));
        for text in texts {
            let mut pattern = ResourceDef::new(text);
            pattern.set_name(format!("({text}, "));
            map.add(&mut pattern, None);
        }
        let inside = read(&map).and_then(|root| root.inside).expect("a tree");
        assert_eq!(inside.iter().map(|node| node.patterns.first()).collect::<Vec<_>>(), texts);
    }

    #[test]
    fn a_text_beyond_the_bound_is_given_up() {
        let mut text = BoundedText("x".repeat(MAX_TEXT - 1));
        assert!(text.write_str("y").is_ok());
        assert!(text.write_str("z").is_err());
    }
}
