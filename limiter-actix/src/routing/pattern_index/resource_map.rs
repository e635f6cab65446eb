//! Reads the patterns of a resource map.
//!
//! actix gives no access to them but by `Debug`. What is read there counts only if each pattern that is made of
//! it prints the same again, text for text, so that another version of actix that prints something else leads to
//! no answer and never to a wrong one.

use std::fmt::{self, Write};

use actix_web::dev::{ResourceDef, ResourceMap};

/// A scope, or a resource.
pub(super) struct MapNode {
    pub(super) pattern: ResourceDef,
    /// None for a resource.
    pub(super) inside: Option<Vec<Self>>,
}

/// No app that is known comes near; a thousand routes take about a mebibyte.
const MAX_TEXT_LEN: usize = 1 << 26;

/// The tree of a map; none when it is not as it is known, or is too large.
pub(super) fn read(map: &ResourceMap) -> Option<MapNode> {
    let mut text = Bounded(String::new());
    write!(text, "{map:?}").ok()?;
    let mut rest = Rest(&text.0);
    let root = rest.node()?;
    rest.0.is_empty().then_some(root)
}

/// Ends with an error rather than become too long.
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > MAX_TEXT_LEN {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

/// What is still to be read. Each method takes what it reads, or answers none.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    /// `ResourceMap { pattern: .., named: .., parent: .., nodes: None }`, or `Some([..])` at the end.
    fn node(&mut self) -> Option<MapNode> {
        self.take("ResourceMap { pattern: ")?;
        let pattern = pattern(self.value()?)?;
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
        Some(MapNode { pattern, inside })
    }

    fn nodes(&mut self) -> Option<Vec<MapNode>> {
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

    fn take(&mut self, text: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    /// Any value, up to the comma or bracket that ends it.
    fn value(&mut self) -> Option<&'a str> {
        let mut depth = 0_usize;
        let mut at = 0;
        while let Some(byte) = self.0.as_bytes().get(at) {
            match byte {
                b'"' => at += text_length(&self.0[at..])? - 1,
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
        let (value, rest) = self.0.split_at_checked(at)?;
        self.0 = rest;
        Some(value)
    }

    /// A text between quotes, as it was before it was escaped.
    fn text(&mut self) -> Option<String> {
        let (quoted, rest) = self.0.split_at_checked(text_length(self.0)?)?;
        self.0 = rest;
        unescaped(&quoted[1..quoted.len() - 1])
    }
}

/// `ResourceDef { id: 0, name: None, patterns: Single("/a/{b}"), is_prefix: false, .. }`
fn pattern(printed: &str) -> Option<ResourceDef> {
    let mut rest = Rest(printed);
    rest.take("ResourceDef { id: ")?;
    let id = rest.value()?.parse().ok()?;
    rest.take(", name: ")?;
    let mut name = Rest(rest.value()?);
    rest.take(", patterns: ")?;
    let patterns = patterns(rest.value()?)?;
    rest.take(", is_prefix: ")?;
    let is_prefix = rest.value()? == "true";

    let mut made = match (patterns, is_prefix) {
        (PrintedPatterns::One(pattern), false) => ResourceDef::new(pattern),
        (PrintedPatterns::One(pattern), true) => ResourceDef::prefix(pattern),
        (PrintedPatterns::Many(patterns), false) => ResourceDef::new(patterns),
        (PrintedPatterns::Many(patterns), true) => ResourceDef::prefix(patterns),
    };
    made.set_id(id);
    if name.take("Some(").is_some() {
        made.set_name(name.text()?);
    }
    (format!("{made:?}") == printed).then_some(made)
}

enum PrintedPatterns {
    One(String),
    Many(Vec<String>),
}

/// `Single("..")` or `List(["..", ".."])`
fn patterns(printed: &str) -> Option<PrintedPatterns> {
    let mut rest = Rest(printed);
    if rest.take("Single(").is_some() {
        return Some(PrintedPatterns::One(rest.text()?));
    }
    rest.take("List([")?;
    let mut patterns = vec![rest.text()?];
    while rest.take(", ").is_some() {
        patterns.push(rest.text()?);
    }
    Some(PrintedPatterns::Many(patterns))
}

/// How long the quoted text is that this begins with.
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

/// Undoes what `Debug` does to a text.
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
    use super::*;

    #[test]
    fn texts_are_as_they_were() {
        for text in ["", "/a", "\"\\\"", "\n\r\t\0\u{1}\u{301}x", "\\d+{2}", "é"] {
            let printed = format!("{text:?}, rest");
            let mut rest = Rest(&printed);
            assert_eq!(rest.text().as_deref(), Some(text));
            assert_eq!(rest.0, ", rest");
        }
    }

    #[test]
    fn what_is_not_known_is_no_answer() {
        let map = ResourceMap::new(ResourceDef::root_prefix(""));
        let printed = format!("{map:?}");
        assert!(Rest(&printed).node().is_some());
        for (old, new) in [("Static", "Fixed"), ("nodes", "inner"), ("Some([])", "Some([1])"), (" }", "")] {
            assert!(Rest(&printed.replace(old, new)).node().is_none(), "{old}");
        }
        for end in 0..printed.len() {
            assert!(Rest(&printed[..end]).node().is_none(), "{end}");
        }
    }
}
