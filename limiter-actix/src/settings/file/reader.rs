//! Reads values, and collects their errors.

use std::{fmt::Display, ops::RangeInclusive, sync::Arc};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{
    ConfigIssue,
    settings::{config_error::Origin, partial::ParsedLimit, suggest::did_you_mean},
};

/// Reads the values of a text, and collects the issues in it.
pub(super) struct Reader<'t> {
    origin: Arc<str>,
    text: &'t str,
    /// The offset of each line.
    lines: Vec<usize>,
    pub(super) issues: Vec<ConfigIssue>,
    /// The limits parsed so far.
    pub(super) parsed_limits: Vec<ParsedLimit>,
}

/// A value with its name.
#[derive(Clone, Copy)]
pub(super) struct Value<'v> {
    pub(super) name: &'v str,
    pub(super) node: &'v Spanned<DeValue<'v>>,
}

/// The values of a table that have not been taken.
pub(super) struct Fields<'v> {
    /// Each value, with the offset of its name.
    rest: Vec<(usize, Value<'v>)>,
    /// The names of all known fields.
    known: Vec<&'static str>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(origin: Arc<str>, text: &'t str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(end, _)| end + 1);
        let lines = [0].into_iter().chain(ends).collect();
        Self { origin, text, lines, issues: Vec::new(), parsed_limits: Vec::new() }
    }

    /// Returns the position of a byte.
    pub(super) fn at(&self, offset: usize) -> Origin {
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = self.lines[line.saturating_sub(1)];
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count());
        Origin { origin: Arc::clone(&self.origin), position: Some((line, column + 1)) }
    }

    /// Reports an error at a byte.
    pub(super) fn error(&mut self, offset: usize, error: impl Into<String>) {
        self.issues.push(ConfigIssue::new(self.at(offset), error));
    }

    /// Reports an error in a value.
    pub(super) fn error_in(&mut self, value: Value<'_>, error: impl Display) {
        self.error(value.start(), format!("`{}`: {error}", value.name));
    }

    /// Reports that a value is something else.
    pub(super) fn expected(&mut self, value: Value<'_>, expected: &str) {
        self.error_in(value, format_args!("expected {expected}, found {}", value.found()));
    }

    /// Returns whether a text occurs in the file without escapes.
    pub(super) fn is_plain(&self, value: Value<'_>) -> bool {
        let text = value.node.get_ref().as_str().unwrap_or_default();
        let raw = self.text.get(value.node.span()).unwrap_or_default();
        raw.len() == text.len() + 2 && raw.get(1..=text.len()) == Some(text)
    }

    pub(super) fn boolean(&mut self, value: Value<'_>) -> Option<bool> {
        let parsed = value.node.get_ref().as_bool();
        if parsed.is_none() {
            self.expected(value, "`true` or `false`");
        }
        parsed
    }

    /// Reads a text that is not empty.
    pub(super) fn text<'v>(&mut self, value: Value<'v>) -> Option<&'v str> {
        let text = value.node.get_ref().as_str().filter(|text| !text.is_empty());
        if text.is_none() {
            self.expected(value, "a text in quotes");
        }
        text
    }

    pub(super) fn number(&mut self, value: Value<'_>, range: RangeInclusive<u64>) -> Option<u64> {
        let integer = value.node.get_ref().as_integer();
        let number = integer.and_then(|it| u64::from_str_radix(it.as_str(), it.radix()).ok());
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            self.expected(value, &format!("a whole number from {} to {}", range.start(), range.end()));
        }
        number
    }

    /// Reads one of several names, and returns its value.
    pub(super) fn choice<T: Copy>(&mut self, value: Value<'_>, choices: &[(&'static str, T)]) -> Option<T> {
        let text = value.node.get_ref().as_str();
        let choice = text.and_then(|text| choices.iter().find(|(name, _)| *name == text));
        if choice.is_none() {
            let names = choices.iter().map(|(name, _)| *name);
            let suggestion = text.map(|text| did_you_mean(text, names.clone())).unwrap_or_default();
            let (names, found) = (one_of(names), value.found());
            self.error_in(value, format_args!("expected {names}, found {found}{suggestion}"));
        }
        choice.map(|(_, choice)| *choice)
    }

    /// Reads the fields of a table.
    pub(super) fn table<'v>(&mut self, value: Value<'v>) -> Option<Fields<'v>> {
        let table = value.node.get_ref().as_table();
        if table.is_none() {
            self.expected(value, "a table");
        }
        table.map(Fields::new)
    }

    /// Reports the fields that were not taken.
    pub(super) fn reject_unknown(&mut self, fields: Fields<'_>) {
        for (at, value) in fields.rest {
            let is_old_name = value.name == "scope" && fields.known.contains(&"shared");
            let suggestion = if is_old_name {
                "; a shared count is `shared`".to_owned()
            } else {
                did_you_mean(value.name, fields.known.iter().copied())
            };
            self.error(at, format!("unknown name `{}`{suggestion}", value.name));
        }
    }
}

impl<'v> Fields<'v> {
    pub(super) fn new(table: &'v DeTable<'v>) -> Self {
        let fields = table.iter();
        let rest = fields.map(|(name, node)| (name.span().start, Value { name: name.get_ref(), node }));
        Self { rest: rest.collect(), known: Vec::new() }
    }

    /// Takes the field of this name, and makes the name known.
    pub(super) fn take(&mut self, name: &'static str) -> Option<Value<'v>> {
        self.known.push(name);
        let index = self.rest.iter().position(|(_, value)| value.name == name)?;
        Some(self.rest.swap_remove(index).1)
    }

    /// Returns all fields, with the offsets of their names.
    pub(super) fn all(self) -> Vec<(usize, Value<'v>)> {
        self.rest
    }
}

impl Value<'_> {
    pub(super) fn start(self) -> usize {
        self.node.span().start
    }

    /// Returns the values of a list, or the value itself.
    pub(super) fn each(self) -> Vec<Self> {
        match self.node.get_ref() {
            DeValue::Array(list) => list.iter().map(|node| Self { node, ..self }).collect(),
            _ => vec![self],
        }
    }

    /// Returns the value as messages show it.
    pub(super) fn found(self) -> String {
        /// Longer texts are not repeated.
        const MAX_SHOWN: usize = 60;
        match self.node.get_ref() {
            DeValue::String(text) if text.chars().count() <= MAX_SHOWN => format!("`{text}`"),
            DeValue::String(_) => "a long text".to_owned(),
            DeValue::Integer(number) => format!("`{number}`"),
            DeValue::Float(number) => format!("`{number}`"),
            DeValue::Boolean(value) => format!("`{value}`"),
            DeValue::Datetime(_) => "a date".to_owned(),
            DeValue::Array(_) => "a list".to_owned(),
            DeValue::Table(_) => "a table".to_owned(),
        }
    }
}

/// Joins names: `a`, `b` or `c`.
fn one_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    joined(names, "or")
}

/// Joins names: `a`, `b` and `c`.
pub(super) fn all_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    joined(names, "and")
}

fn joined<'a>(names: impl Iterator<Item = &'a str>, word: &str) -> String {
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} {word} {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}
